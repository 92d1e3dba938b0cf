// Tonight: how far it is, what failed and what to do, slides to be picked, and the plan.

import { Refused, askJson, sendJson } from "./ask.js";
import { applyLooks, switches } from "./looks.js";
import { byId, make } from "./make.js";
import { drawUploads, uploads } from "./uploads.js";
import { count, moment, say, sayOr, speak, spoken } from "./words.js";

const LOOK_AGAIN_MS = 5000;
const MOST_PLANNED = 200;

/** @type {any} */
let status = null;
/** @type {any} */
let plan = null;
/** @type {any} */
let waiting = null;

/** @param {unknown} problem */
function refuse(problem) {
  const place = byId("refusal");
  place.hidden = false;
  const code = problem instanceof Refused ? problem.code : "cannot";
  const detail = problem instanceof Refused && code === "cannot" ? ` ${problem.detail}` : "";
  place.textContent = `${sayOr(`refused.${code}`, say("refused.cannot"))}${detail}`;
}

/** @param {string} id @returns {HTMLInputElement} */
const field = (id) => /** @type {HTMLInputElement} */ (byId(id));

function drawStatus() {
  if (!status) return;
  const failed = status.failures.length;
  const all = status.done + failed + status.waiting + status.at_work.length;
  byId("state").textContent = say(`night.state.${status.state}`);
  byId("bar").hidden = all === 0;
  byId("bar").setAttribute("value", String(all ? (status.done + failed) / all : 0));
  const ends = status.expected_end_utc ? say("night.expected", { time: moment(status.expected_end_utc) }) : "";
  byId("told").textContent = [
    say("night.counts", { done: count(status.done), failed: count(failed), waiting: count(status.waiting) }), ends,
  ].filter(Boolean).join(" ");
  byId("at-work").replaceChildren(...status.at_work.map((/** @type {any} */ one) => make("li", {
    text: `${one.name} · ${say(`title.${one.analysis}`)} · ${say(`priority.${one.priority}`)} · ${one.by}`,
  })));
  drawFailures();
}

function drawFailures() {
  const chosen = new Set(chosenNames());
  byId("no-failures").hidden = status.failures.length > 0;
  byId("again").hidden = status.failures.length === 0;
  byId("failures").replaceChildren(...status.failures.map((/** @type {any} */ one) => make("tr", {},
    make("td", {}, make("label", {},
      make("input", { type: "checkbox", name: "again", value: one.name, checked: chosen.has(one.name) }),
      make("span", { text: one.name }))),
    make("td", { text: say(`title.${one.analysis}`) }),
    make("td", { text: say(`priority.${one.priority}`) }),
    make("td", { text: one.reason[spoken()] }))));
}

/** @returns {string[]} */
function chosenNames() {
  const boxes = document.querySelectorAll("input[name=again]:checked");
  return [...boxes].map((box) => /** @type {HTMLInputElement} */ (box).value);
}

function drawPlan() {
  byId("planned").hidden = plan === null;
  if (!plan) return;
  const running = plan.slides.filter((/** @type {any} */ one) => one.begins_utc);
  const ends = plan.ends_utc.expected;
  byId("plan-told").textContent = ends ? say("night.plan-told", {
    number: count(running.length), ends: moment(ends), low: moment(plan.ends_utc.low), high: moment(plan.ends_utc.high),
  }) : say("night.plan-none");
  byId("plan").replaceChildren(...plan.slides.slice(0, MOST_PLANNED).map((/** @type {any} */ one) => make("tr", {},
    make("th", { scope: "row", text: one.name }),
    make("td", { text: say(`title.${one.analysis}`) }),
    make("td", { text: say(`priority.${one.priority}`) }),
    make("td", { text: one.begins_utc ? moment(one.begins_utc) : "–" }),
    make("td", { text: one.ends_utc.expected ? moment(one.ends_utc.expected) : "–" }),
    make("td", { text: say(`verdict.${one.verdict}`) }))));
}

function drawWaiting() {
  byId("pick").hidden = !waiting || waiting.slides.length === 0;
  if (!waiting) return;
  byId("looked").textContent = say("night.looked", {
    number: count(waiting.slides.length + waiting.more), growing: count(waiting.growing), away: count(waiting.away),
  });
  byId("slide").replaceChildren(...waiting.slides.map((/** @type {any} */ one) => make("option", {
    value: one.slide, text: one.folder && one.folder !== "." ? `${one.folder}/${one.file}` : one.file,
  })));
}

function draw() {
  document.title = say("night.page");
  drawStatus();
  drawPlan();
  drawWaiting();
  drawUploads();
}

async function lookForSlides() {
  byId("refusal").hidden = true;
  try {
    waiting = await askJson("/night/slides");
    drawWaiting();
  } catch (problem) {
    refuse(problem);
  }
}

/** @param {Event} event */
async function pick(event) {
  event.preventDefault();
  byId("refusal").hidden = true;
  const names = ["slide", "analysis", "priority", "case_id", "specimen", "block"];
  /** @type {Record<string, string>} */
  const wish = Object.fromEntries(names.map((name) => [name, field(name).value.trim()]));
  if (wish.analysis === "ki67") wish.marker = field("marker").value.trim();
  try {
    const told = await sendJson("/night/pick", wish);
    byId("picked").textContent = told.held ? `${told.name}: ${told.held[spoken()]}` : say("night.picked", { name: told.name });
    await lookForSlides();
    await lookAtStatus();
  } catch (problem) {
    refuse(problem);
  }
}

/** @param {Event} event */
async function again(event) {
  event.preventDefault();
  byId("refusal").hidden = true;
  const names = chosenNames();
  if (names.length === 0) return;
  try {
    await sendJson("/night/again", { names, why: field("why").value });
    field("why").value = "";
    await lookAtStatus();
  } catch (problem) {
    refuse(problem);
  }
}

async function lookAtStatus() {
  status = await askJson("/night/status");
  drawStatus();
}

/** What this account may not see is not shown. @param {string} path */
async function ifAllowed(path) {
  try {
    return await askJson(path);
  } catch (problem) {
    if (problem instanceof Refused && problem.code === "not-allowed") return null;
    throw problem;
  }
}

async function keepLooking() {
  for (;;) {
    await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
    if (document.hidden) continue;
    try {
      await lookAtStatus();
      byId("refusal").hidden = true;
    } catch (problem) {
      refuse(problem);
    }
  }
}

async function begin() {
  applyLooks();
  await speak();
  byId("look").addEventListener("click", lookForSlides);
  byId("pick").addEventListener("submit", pick);
  byId("again").addEventListener("submit", again);
  field("analysis").addEventListener("change", () => { field("marker").disabled = field("analysis").value !== "ki67"; });
  switches(draw);
  try {
    status = await askJson("/night/status");
    plan = await ifAllowed("/night/plan");
    waiting = await ifAllowed("/night/slides");
    byId("picking").hidden = waiting === null;
    await uploads(lookAtStatus);
    draw();
    document.body.dataset.ready = "true";
    await keepLooking();
  } catch (problem) {
    for (const section of document.querySelectorAll("main section")) /** @type {HTMLElement} */ (section).hidden = true;
    refuse(problem);
  }
}

void begin();
