// Another hospital's question: what it asks, its draft, its slides; and an answer sealed for it.

import { Refused, askJson, sendJson } from "./ask.js";
import { applyLooks, switches } from "./looks.js";
import { byId, make } from "./make.js";
import { moment, say, sayOr, speak } from "./words.js";

/** @type {any} */
let shown = null;

/** @param {string} id @returns {HTMLInputElement} */
const field = (id) => /** @type {HTMLInputElement} */ (byId(id));

/** @param {unknown} problem */
function refuse(problem) {
  byId("refusal").hidden = false;
  byId("refusal").textContent = sayOr(`refused.${problem instanceof Refused ? problem.code : "cannot"}`, say("refused.cannot"));
}

function draw() {
  document.title = say("question.page");
  byId("sender").textContent = say("question.sender", { site: shown.sender });
  byId("asked").textContent = shown.question || "–";
  byId("slides").replaceChildren(...shown.results.map((/** @type {any} */ one) => make("li", {},
    make("a", { href: one.address, text: `${say(`title.${one.analysis}`)} · ${one.slide}` }))));
  byId("no-draft").hidden = shown.draft.length > 0;
  byId("draft").replaceChildren(...shown.draft.map((/** @type {any} */ one) => make("article", {},
    make("p", { lang: "zh-Hans", text: one.zh.join("") }),
    make("p", { lang: "en", text: one.en.join(" ") }))));
}

/** @param {string} base64 */
function unarmoured(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** @param {SubmitEvent} event */
async function answer(event) {
  event.preventDefault();
  byId("refusal").hidden = true;
  try {
    const told = await sendJson("/question/answer", { text: field("text").value, by: field("by").value });
    const file = new Blob([unarmoured(told.sealed)], { type: "application/octet-stream" });
    const link = make("a", { id: "answer-file", download: `answer-${told.bundle_id.slice(0, 9)}.bundle`,
      href: URL.createObjectURL(file), text: say("question.fetch") });
    byId("sealed").replaceChildren(make("span", { text: say("question.sealed", { time: moment(told.given_utc) }) }), " ", link);
  } catch (problem) {
    refuse(problem);
  }
}

async function begin() {
  applyLooks();
  await speak();
  byId("answer").addEventListener("submit", answer);
  switches(() => shown && draw());
  try {
    shown = await askJson("/question/told");
    draw();
    document.body.dataset.ready = "true";
  } catch (problem) {
    refuse(problem);
  }
}

void begin();
