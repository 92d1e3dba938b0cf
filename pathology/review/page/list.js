// The results at hand.

import { account } from "./account.js";
import { Refused, askJson } from "./ask.js";
import { watch } from "./away.js";
import { applyLooks, switches } from "./looks.js";
import { byId, make } from "./make.js";
import { worklist } from "./worklist.js";
import { moment, quantity, say, sayOr, speak, spoken } from "./words.js";

/** What speaks against a result, in the reader's words. @param {string} flag */
function flagged(flag) {
  const [, kind] = flag.match(/^excluded-(.+)$/) ?? [];
  if (kind) return say("list.left-out", { what: sayOr(`kind.${kind}`, kind) });
  return sayOr(`flag.${flag}`, flag.replaceAll("-", " ").replace("{marker}", ""));
}

/** @param {any[]} results */
function draw(results) {
  document.title = say("page");
  byId("none").hidden = results.length > 0;
  byId("rows").replaceChildren(...results.map((r) => {
    const first = r.findings[0];
    const missing = first && "not_measurable" in first;
    const interval = first && first.low !== undefined && first.low !== null
      ? ` (${quantity(first.low, first.unit)} – ${quantity(first.high, first.unit)})` : "";
    const told = !first ? "–" : missing ? say("not-measurable") : `${quantity(first.value, first.unit)}${interval}`;
    const flags = [r.tumour_region_source === "automatic" ? say("list.provisional") : "",
      ...r.flags.map(flagged)];
    const path = `/slides/${encodeURIComponent(r.slide_id)}/${encodeURIComponent(r.name)}`;
    return make("tr", {},
      make("th", { scope: "row" }, make("a", { href: path, text: r.slide_id })),
      make("td", { text: r.case_id ?? "–" }),
      make("td", { text: say(`title.${r.analysis}`) }),
      make("td", {}, make("span", { class: missing ? "missing" : "", text: told }),
        make("div", { class: "quiet", text: first ? first.names[spoken()] ?? first.name : "" })),
      make("td", { text: flags.filter(Boolean).join("; ") || "–" }),
      make("td", { text: moment(r.started_utc) }));
  }));
}

async function begin() {
  applyLooks();
  await speak();
  watch(() => {
    if (!document.body.dataset.ready) location.reload(); // a reason may stand in a dialog
  });
  try {
    const you = await account();
    byId("to-glass").hidden = !you.acts.includes("verify-audit");
    const { results, question } = await askJson("/results");
    byId("to-question").hidden = !question;
    draw(results);
    const drawWork = await worklist(you);
    switches(() => {
      draw(results);
      drawWork();
    });
    document.body.dataset.ready = "true";
  } catch (problem) {
    byId("none").hidden = false;
    byId("none").textContent = say(problem instanceof Refused ? `refused.${problem.code}` : "refused.cannot");
  }
}

void begin();
