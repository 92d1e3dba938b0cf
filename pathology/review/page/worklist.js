// Cases: what is to be read, by whom, by when; what speaks against the AI first.

import { account } from "./account.js";
import { askJson } from "./ask.js";
import { change, refusal } from "./case_asks.js";
import { applyLooks, switches } from "./looks.js";
import { byId, make } from "./make.js";
import { moment, say, speak } from "./words.js";

const STATES = ["AI_DRAFT", "IN_REVIEW", "CORRECTED", "SIGNED", "AMENDED", "REJECTED"];
/** @type {import("./account.js").Account|null} */
let who = null;
/** @type {any[]} */
let cases = [];

/** @param {string} text */
function tell(text) {
  byId("told").hidden = text === "";
  byId("told").textContent = text;
}

/** @param {any} line @returns {string} */
function against(line) {
  const said = [
    line.discrepancy ? say("cases.discrepancy") : "",
    line.needs_second && !line.second_reader ? say("cases.needs-second") : "",
    line.legal_hold ? say("cases.hold") : "",
  ];
  return said.filter(Boolean).join("; ") || "–";
}

/** @param {any} line @param {string} what */
async function act(line, what) {
  tell("");
  try {
    await change(line.case, line.version, what);
  } catch (problem) {
    tell(refusal(problem));
  }
  await load();
}

/** @param {any} line @returns {HTMLElement[]} */
function buttons(line) {
  if (!who || !who.acts.includes("review-case")) return [];
  const found = [];
  const open = ["AI_DRAFT", "IN_REVIEW", "CORRECTED"].includes(line.state);
  if (open && line.assignee === null) found.push(["claim", "cases.claim"]);
  if (open && line.assignee === who.account) found.push(["release", "cases.release"]);
  return found.map(([what, key]) => make("button", {
    type: "button", "data-act": what, text: say(key), on: { click: () => act(line, what) },
  }));
}

function draw() {
  document.title = say("cases.title");
  byId("none").hidden = cases.length > 0;
  const state = /** @type {HTMLSelectElement} */ (byId("state"));
  const chosen = state.value;
  state.replaceChildren(
    make("option", { value: "", text: say("cases.all") }),
    ...STATES.map((s) => make("option", { value: s, text: say(`state.${s}`) })),
  );
  state.value = chosen;
  byId("rows").replaceChildren(...cases.map((line) => make("tr", { "data-case": line.case },
    make("th", { scope: "row" }, line.opens
      ? make("a", { href: `/desk/${encodeURIComponent(line.case)}`, text: line.case })
      : make("span", { text: line.case })),
    make("td", { text: say(`state.${line.state}`) }),
    make("td", { text: say(`priority.${line.priority}`) }),
    make("td", { text: line.deadline_utc ? moment(line.deadline_utc) : "–" }),
    make("td", { text: line.assignee ?? "–" }),
    make("td", { text: line.second_reader ?? "–" }),
    make("td", { text: line.analyses.map((/** @type {string} */ a) => say(`title.${a}`)).join("; ") }),
    make("td", { class: line.discrepancy ? "missing" : "", text: against(line) }),
    make("td", {}, ...buttons(line)))));
}

async function load() {
  const state = /** @type {HTMLSelectElement} */ (byId("state")).value;
  const mine = /** @type {HTMLInputElement} */ (byId("mine")).checked;
  const asked = new URLSearchParams();
  if (state) asked.set("state", state);
  if (mine && who) asked.set("assignee", who.account);
  try {
    cases = (await askJson(`/cases?${asked}`)).cases;
  } catch (problem) {
    tell(refusal(problem));
  }
  draw();
}

async function begin() {
  applyLooks();
  await speak();
  switches(draw);
  who = await account();
  for (const id of ["state", "mine"]) byId(id).addEventListener("change", () => void load());
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  await load();
  document.body.dataset.ready = "true";
}

void begin();
