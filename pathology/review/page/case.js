// A case: who works on it, what was found and decided, the text, and the signature.

import { Refused, askJson, sendJson, unanswered } from "./ask.js";
import { watch } from "./away.js";
import { drawFindings } from "./case_findings.js";
import { drawText, textOnPage } from "./case_text.js";
import { applyLooks, switches } from "./looks.js";
import { byId, make } from "./make.js";
import { drawNotes } from "./notes.js";
import { drawOpinions, opinionForms } from "./opinions.js";
import { proofCode, signing } from "./signing.js";
import { moment, say, speak, spoken } from "./words.js";

/** @type {any} */
let shown = null;
const address = location.pathname;

/** @param {string} id @returns {HTMLInputElement} */
const field = (id) => /** @type {HTMLInputElement} */ (byId(id));

/** @type {unknown} what was refused last */
let refusal = null;

/** @param {unknown} problem */
function refuse(problem) {
  refusal = problem;
  sayRefusal();
  byId("refusal").hidden = false;
  byId("refusal").scrollIntoView({ block: "nearest" });
}

function sayRefusal() {
  const reason = refusal instanceof Refused ? refusal.reason : null;
  byId("refusal").textContent = reason ? reason[spoken()]
    : say(refusal instanceof Refused ? `refused.${proofCode(refusal.code)}` : "refused.cannot");
}

function requestId() {
  return crypto.randomUUID();
}

/** @type {{what: string, id: string, version: number}|null} a change whose answer was lost */
let lost = null;

/**
 * One change, asked for by one id: an answer that was lost on its way is asked for again with it,
 * at once and whenever the same is asked for next, so that nothing is done twice.
 * @param {string} path @param {Record<string, unknown>} more
 */
async function change(path, more = {}) {
  byId("refusal").hidden = true;
  byId("done").textContent = "";
  const what = JSON.stringify([path, { ...more, password: undefined }]);
  const { id, version } = lost?.what === what ? lost : { id: requestId(), version: shown.line.version };
  lost = null;
  const body = { request_id: id, seen_version: version, ...more };
  try {
    let told;
    try {
      told = await sendJson(`${address}${path}`, body);
    } catch (problem) {
      if (!(problem instanceof Refused) || problem.code !== "no-connection") throw problem;
      told = await sendJson(`${address}${path}`, body);
    }
    await look();
    byId("done").textContent = (told.warnings ?? []).length ? say("case.differs") : say("case.kept");
    return true;
  } catch (problem) {
    if (unanswered(problem)) lost = { what, id, version };
    // A signature may be there though the second try of it was refused: its proof was used.
    const stale = problem instanceof Refused && (problem.code === "case-changed" || path === "/sign");
    if (stale && !unanswered(problem)) await look();
    refuse(problem);
    return false;
  }
}

/** @param {string} step @param {Record<string, unknown>} [more] */
const step = (step, more) => change(`/steps/${step}`, more);

function drawHead() {
  const { line } = shown;
  document.title = shown.case_id;
  byId("title").textContent = say("facts.case", { id: shown.case_id });
  const whose = line.assignee ? say("case.with", { who: line.assignee }) : say("case.nobody");
  const second = line.second_reader ? say("case.second-is", { who: line.second_reader }) : "";
  byId("whose").textContent = [say(`report.${line.state}`), say(`priority.${line.priority}`), whose, second,
    line.deadline_utc ? say("case.due", { time: moment(line.deadline_utc) }) : ""].filter(Boolean).join(" · ");
  const force = line.state === "SIGNED" || line.state === "AMENDED";
  byId("banner").hidden = force;
  const own = line.assignee === shown.you;
  byId("claim").hidden = force || own;
  byId("release").hidden = !own || force;
  byId("second").hidden = byId("assign").hidden = force;
}

function drawSign() {
  const own = shown.line.assignee === shown.you;
  byId("unready").replaceChildren(...shown.unready.map((/** @type {any} */ one) => make("li", { text: one.reason[spoken()] })));
  byId("sign").hidden = !own || shown.unready.length > 0;
  byId("reject").hidden = !shown.events.includes("reject") || shown.amending !== null;
  byId("reopen").hidden = !shown.events.includes("reopen");
  byId("drop").hidden = shown.amending === null;
  byId("signed").replaceChildren(...shown.signed.map((/** @type {any} */ one) => make("li", {},
    make("a", { href: `${address}/reports/${one.number}.pdf`, text: say("case.version", { number: one.number }) }), " ",
    make("a", { href: `${address}/reports/${one.number}.html`, text: "HTML" }),
    make("span", { text: ` ${say(`report.${one.state}`)} · ${one.signer} · ${moment(one.signed_utc)}${one.reason ? ` · ${one.reason}` : ""}` }),
    make("div", { class: "quiet", text: one.content_sha256 }))));
}

function draw() {
  if (!byId("refusal").hidden) sayRefusal();
  drawHead();
  drawFindings(shown, step);
  drawText(shown);
  drawSign();
  drawOpinions(shown);
  drawNotes(shown);
}

async function look() {
  shown = await askJson(`${address}/told`);
  draw();
}

/** @param {SubmitEvent} event */
async function withReason(event) {
  event.preventDefault();
  const button = /** @type {HTMLButtonElement} */ (event.submitter);
  if (await step(button.value, { why: field("why").value })) field("why").value = "";
}

/** @param {SubmitEvent} event */
async function secondReading(event) {
  event.preventDefault();
  const agrees = /** @type {HTMLInputElement} */ (document.querySelector("input[name=agrees]:checked")).value === "yes";
  await step("second-read", { reading: { agrees, note: field("note").value } });
}

/** @param {SubmitEvent} event */
async function keepText(event) {
  event.preventDefault();
  const sections = textOnPage();
  byId("text").dataset.changed = "false";
  if (!await change("/text", { sections, why: field("text-why").value })) byId("text").dataset.changed = "true";
}

/** Whether words stand on the page that are nowhere else; a name and a password are soon typed again. */
function unsaved() {
  const inputs = [.../** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("main input:not([type=radio], #printed, #password)"))];
  return byId("text").dataset.changed === "true" || inputs.some((one) => one.value !== one.defaultValue);
}

function listen() {
  byId("claim").addEventListener("click", () => void step("claim"));
  byId("release").addEventListener("click", () => void step("release"));
  byId("second").addEventListener("submit", (event) => {
    event.preventDefault();
    void change("/team/second", { reader: field("second-reader").value.trim() });
  });
  byId("assign").addEventListener("submit", (event) => {
    event.preventDefault();
    void change("/team/assign", { to: field("assign-to").value.trim() });
  });
  byId("second-reading").addEventListener("submit", secondReading);
  byId("text").addEventListener("submit", keepText);
  byId("renew").addEventListener("click", () => void change("/renew"));
  byId("reason-steps").addEventListener("submit", withReason);
  window.addEventListener("beforeunload", (event) => {
    if (shown && unsaved()) event.preventDefault();
  });
}

async function begin() {
  applyLooks();
  await speak();
  listen();
  switches(draw);
  watch(() => {
    byId("refusal").hidden = true;
    if (!document.body.dataset.ready) location.reload();
  });
  try {
    await opinionForms(look, refuse);
    await look();
    await signing((wish) => change("/sign", wish), refuse);
    document.body.dataset.ready = "true";
  } catch (problem) {
    refuse(problem);
  }
}

void begin();
