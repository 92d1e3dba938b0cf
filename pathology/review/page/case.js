// One case: every finding is decided, every overlay seen, and then it is signed.

import { account } from "./account.js";
import { askJson } from "./ask.js";
import { change, refusal } from "./case_asks.js";
import { resultParts } from "./case_results.js";
import { signingPart, textPart, versionsPart } from "./case_signing.js";
import { applyLooks, switches } from "./looks.js";
import { byId, make } from "./make.js";
import { say, speak } from "./words.js";

const name = decodeURIComponent(location.pathname.split("/").pop() ?? "");
/** @type {any} */
let told = null;
/** @type {import("./account.js").Account|null} */
let who = null;

/** @param {string} id @param {string} text */
function tell(id, text) {
  byId(id).hidden = text === "";
  byId(id).textContent = text;
}

/** Ask for a change, then look anew. @param {string} what @param {Record<string, unknown>} [body] */
async function act(what, body = {}) {
  tell("told", "");
  try {
    const done = await change(name, told.line.version, what, body);
    const differ = (done.warnings ?? []).length > 0;
    tell("warned", differ ? say("case.differs") : done.problem ? say("case.files") : "");
  } catch (problem) {
    tell("told", refusal(problem));
  }
  await look();
}

/** @returns {boolean} whether this reader may change the case now */
function own() {
  return Boolean(who?.acts.includes("review-case") && told.line.assignee === who.account
    && ["IN_REVIEW", "CORRECTED"].includes(told.line.state));
}

/** @param {string} key @param {() => void} click @returns {HTMLElement} */
function button(key, click) {
  return make("button", { type: "button", "data-act": key, text: say(key), on: { click } });
}

/**
 * A text and the button that sends it. @param {string} key @param {(text: string) => Promise<void>} send
 * @returns {HTMLElement[]}
 */
function asking(key, send) {
  const text = /** @type {HTMLInputElement} */ (make("input", {
    maxlength: 1000, "aria-label": say(`${key}-text`), placeholder: say(`${key}-text`),
  }));
  return [text, button(key, () => void send(text.value))];
}

/** @returns {HTMLElement[]} */
function actions() {
  if (!who?.acts.includes("review-case")) return [];
  const { line } = told;
  const found = [];
  if (["AI_DRAFT", "IN_REVIEW", "CORRECTED"].includes(line.state) && line.assignee === null) {
    found.push(button("cases.claim", () => void act("claim")));
  }
  if (own()) {
    found.push(button("cases.release", () => void act("release")));
    found.push(...asking("case.ask-second", (reader) => act("second", { reader })));
  }
  if (line.second_reader === who.account && ["IN_REVIEW", "CORRECTED"].includes(line.state)) {
    found.push(button("case.agree", () => void act("second-read", { reading: { agrees: true, note: "" } })));
    found.push(...asking("case.differ", (note) => act("second-read", { reading: { agrees: false, note } })));
  }
  if (["SIGNED", "AMENDED", "REJECTED"].includes(line.state)) {
    found.push(...asking("case.amend", (why) => act("reopen", { why })));
  }
  return found;
}

function draw() {
  if (!told) return;
  document.title = `${told.line.case} · ${say("cases.title")}`;
  byId("case").textContent = told.line.case;
  byId("state").textContent = [say(`state.${told.line.state}`), told.line.assignee ?? "",
    told.line.second_reader ? say("case.second", { who: told.line.second_reader }) : "",
  ].filter(Boolean).join(" · ");
  byId("actions").replaceChildren(...actions());
  const at = { told, act, own: own(), account: who?.account ?? "" };
  byId("results").replaceChildren(...resultParts(at));
  byId("text").replaceChildren(...textPart(at));
  byId("signing").replaceChildren(...signingPart(at));
  byId("versions").replaceChildren(...versionsPart(at));
}

async function look() {
  try {
    told = await askJson(`/cases/${encodeURIComponent(name)}`);
  } catch (problem) {
    tell("told", refusal(problem));
  }
  draw();
}

async function begin() {
  applyLooks();
  await speak();
  switches(draw);
  who = await account();
  await look();
  document.body.dataset.ready = "true";
}

void begin();
