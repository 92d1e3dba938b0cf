// Opinions of other hospitals on a case: asked, fetched, and taken. None of them signs the report.

import { Refused, askJson, sendJson } from "./ask.js";
import { byId, make } from "./make.js";
import { moment, say } from "./words.js";

const address = location.pathname;
/** @type {any} */
let places = null;

/** @param {string} id @returns {HTMLInputElement} */
const field = (id) => /** @type {HTMLInputElement} */ (byId(id));

/** What is on the case. @param {any} shown */
export function drawOpinions(shown) {
  byId("opinions").replaceChildren(...shown.opinions.map((/** @type {any} */ one) => make("li", {},
    make("p", {}, make("strong", { text: say("opinion.of", { by: one.opinion.by, site: one.site_name || one.opinion.site }) })),
    make("p", { class: "opinion", text: one.opinion.text }),
    make("p", { class: "notice", text: say("opinion.no-signature") }),
    make("p", { class: "quiet", text: say("opinion.kept", {
      given: moment(one.opinion.given_utc), by: one.by, at: moment(one.at_utc), site: one.opinion.site }) }))));
  byId("opinions-asked").replaceChildren(...shown.asked.map((/** @type {any} */ one) => make("li", {},
    make("span", { text: say("opinion.asked", { site: one.asked.site_name, by: one.by, at: moment(one.at_utc) }) }), " ",
    make("span", { text: `„${one.asked.question}“` }), " ",
    places === null ? null : make("a", { href: `${address}/opinions/${one.asked.bundle_id}`, text: say("opinion.fetch") }))));
  if (places !== null) drawPlaces();
}

function drawPlaces() {
  byId("opinion-new").hidden = false;
  byId("opinion-nobody").hidden = places.partners.length > 0;
  byId("opinion-ask").hidden = places.partners.length === 0;
  const chosen = field("opinion-partner").value;
  byId("opinion-partner").replaceChildren(...places.partners.map((/** @type {any} */ one) => make("option", {
    value: one.name, text: one.name, selected: one.name === chosen })));
  const kinds = new Set(kindsChosen());
  byId("opinion-kinds").replaceChildren(...places.kinds.map((/** @type {string} */ kind) => make("label", {},
    make("input", { type: "checkbox", name: "opinion-kind", value: kind, checked: kinds.has(kind) }),
    make("span", { text: ` ${say(`kind.${kind}`)} ` }))));
  arrange();
}

function arrange() {
  const chosen = places?.partners.find((/** @type {any} */ one) => one.name === field("opinion-partner").value);
  byId("opinion-fingerprint").textContent = chosen ? chosen.fingerprint : "";
  byId("opinion-regions").hidden = field("opinion-shown").value !== "regions";
}

/** @returns {string[]} */
function kindsChosen() {
  const boxes = document.querySelectorAll("input[name=opinion-kind]:checked");
  return [...boxes].map((box) => /** @type {HTMLInputElement} */ (box).value);
}

/** A rectangle in micrometres; null where none is written, Refused where it is none. */
function rectangle() {
  const text = field("opinion-rectangle").value.trim();
  if (text === "") return null;
  const sides = text.split(/[,，;\s]+/).map(Number);
  if (sides.length !== 4 || !sides.every((side) => Number.isFinite(side) && side >= 0)) throw new Refused("no-rectangle", "");
  const [x_um, y_um, width_um, height_um] = sides;
  return { slide_id: places.slides.length === 1 ? null : places.slides[0], x_um, y_um, width_um, height_um };
}

function wish() {
  const shown = field("opinion-shown").value;
  const one = shown === "regions" ? rectangle() : null;
  const around = shown === "regions" ? kindsChosen() : [];
  if (shown === "regions" && !one && around.length === 0) throw new Refused("no-rectangle", "");
  return {
    partner: field("opinion-partner").value, question: field("opinion-question").value.trim(), shown, around,
    rectangles: one ? [one] : [],
  };
}

/** @param {File} file @returns {Promise<string>} base64 */
async function read(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** @param {string} path @param {any} body */
const sent = (path, body) => sendJson(`${address}/opinions/${path}`, { request_id: crypto.randomUUID(), seen_version: 0, ...body });

/**
 * Forms for who may ask other hospitals; others see what is on the case and no more.
 * @param {() => Promise<void>} look at the case again @param {(problem: unknown) => void} refuse
 */
export async function opinionForms(look, refuse) {
  try {
    places = await askJson(`${address}/opinions`);
  } catch (problem) {
    if (problem instanceof Refused) return;
    throw problem;
  }
  for (const id of ["opinion-partner", "opinion-shown"]) byId(id).addEventListener("change", arrange);
  byId("opinion-ask").addEventListener("submit", (event) => {
    event.preventDefault();
    void tried(byId("opinion-ask"), async () => {
      byId("opinion-state").textContent = say("opinion.making");
      await sent("ask", wish());
      byId("opinion-state").textContent = say("opinion.made");
      field("opinion-question").value = "";
    });
  });
  byId("opinion-take").addEventListener("submit", (event) => {
    event.preventDefault();
    void tried(byId("opinion-take"), async () => {
      const file = field("opinion-file").files?.[0];
      if (file) await sent("take", { answer: await read(file) });
      /** @type {HTMLFormElement} */ (byId("opinion-take")).reset();
    });
  });

  /** @param {HTMLElement} form @param {() => Promise<void>} act */
  async function tried(form, act) {
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    byId("refusal").hidden = true;
    button.disabled = true;
    try {
      await act();
      await look();
    } catch (problem) {
      byId("opinion-state").textContent = "";
      refuse(problem);
    } finally {
      button.disabled = false;
    }
  }
}
