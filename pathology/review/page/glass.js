// Broken glass, for the auditor: who looked into whose case, when, why, and until when.

import { account } from "./account.js";
import { Refused, askJson } from "./ask.js";
import { watch } from "./away.js";
import { applyLooks, switches } from "./looks.js";
import { byId, make } from "./make.js";
import { count, moment, say, speak } from "./words.js";

/** @param {any} told */
function draw(told) {
  document.title = say("glass.title");
  byId("since").textContent = say("glass.told", { hours: count(told.told_hours) });
  byId("none").hidden = told.broken.length > 0;
  byId("rows").replaceChildren(...told.broken.map((/** @type {any} */ one) => make("tr", {},
    make("th", { scope: "row", text: one.account }),
    make("td", { text: one.case_key }),
    make("td", { text: moment(one.since_utc) }),
    make("td", { text: `${moment(one.until_utc)} ${one.until_utc > told.now_utc ? say("glass.open") : say("glass.over")}` }),
    make("td", { text: one.reason }))));
}

async function begin() {
  applyLooks();
  await speak();
  watch(() => location.reload());
  try {
    const { acts } = await account();
    byId("to-list").hidden = !acts.includes("read-worklist");
    const told = await askJson("/glass");
    draw(told);
    switches(() => draw(told));
    document.body.dataset.ready = "true";
  } catch (problem) {
    byId("refusal").hidden = false;
    byId("refusal").textContent = say(problem instanceof Refused ? `refused.${problem.code}` : "refused.cannot");
  }
}

void begin();
