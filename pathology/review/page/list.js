// The results at hand.

import { account } from "./account.js";
import { Refused, askJson, sendJson } from "./ask.js";
import { refusal } from "./case_asks.js";
import { applyLooks, switches } from "./looks.js";
import { byId, make } from "./make.js";
import { moment, quantity, say, sayOr, speak, spoken } from "./words.js";

/** @type {import("./account.js").Account|null} */
let who = null;

/** Put a result's case on the worklist. @param {any} result @returns {HTMLElement|string} */
function caseOf(result) {
  if (result.case_id === null) return "–";
  if (!who?.acts.includes("open-case")) return result.case_id;
  const put = async () => {
    try {
      const sent = { case_id: result.case_id, request_id: `put-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`, seen_version: 0 };
      const { case: name } = await sendJson("/cases", sent);
      location.assign(who?.acts.includes("view-case") ? `/desk/${encodeURIComponent(name)}` : "/worklist");
    } catch (problem) {
      byId("none").hidden = false;
      byId("none").textContent = refusal(problem);
    }
  };
  return make("span", {}, `${result.case_id} `,
    make("button", { type: "button", "data-act": "put", text: say("cases.put"), on: { click: put } }));
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
      ...r.flags.map((/** @type {string} */ f) => sayOr(`flag.${f}`, f.replaceAll("-", " ").replace("{marker}", "")))];
    const path = `/slides/${encodeURIComponent(r.slide_id)}/${encodeURIComponent(r.name)}`;
    return make("tr", {},
      make("th", { scope: "row" }, make("a", { href: path, text: r.slide_id })),
      make("td", {}, caseOf(r)),
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
  try {
    who = await account();
    const { results } = await askJson("/results");
    draw(results);
    switches(() => draw(results));
    document.body.dataset.ready = "true";
  } catch (problem) {
    byId("none").hidden = false;
    byId("none").textContent = say(problem instanceof Refused ? `refused.${problem.code}` : "refused.cannot");
  }
}

void begin();
