// Results of a case: findings to decide, overlays to see, what is read before the AI is shown.

import { make } from "./make.js";
import { quantity, say, sayOr, sentence, spoken } from "./words.js";

/**
 * @typedef {{told: any, own: boolean, account: string,
 *   act: (what: string, body?: Record<string, unknown>) => Promise<void>}} At
 */

/** @param {At} at @returns {HTMLElement[]} */
export function resultParts(at) {
  return at.told.results.map((/** @type {any} */ result) => make("article", { class: "result" },
    make("h2", {}, make("a", { href: `/slides/${address(result.result_id)}`, text: result.result_id })),
    make("p", { class: "quiet", text: say(`title.${result.analysis}`) }),
    region(at, result),
    overlays(result),
    make("table", {}, make("caption", { text: say("case.findings") }),
      make("thead", {}, make("tr", {}, ...["case.finding", "case.ai", "case.decision", "case.own"]
        .map((key) => make("th", { scope: "col", text: say(key) })))),
      make("tbody", {}, ...result.findings.map((/** @type {any} */ f) => row(at, result, f))))));
}

/** @param {string} id "slide/name" @returns {string} */
function address(id) {
  return id.split("/").map(encodeURIComponent).join("/");
}

/** @param {At} at @param {any} result */
function region(at, result) {
  if (result.tumour_region_source !== "automatic") return null;
  if (result.confirmed) return make("p", { text: say("case.region-confirmed") });
  return make("p", {}, make("span", { text: say("case.region-automatic") }), " ", at.own
    ? make("button", {
      type: "button", "data-act": "confirm", text: say("case.confirm"),
      on: { click: () => at.act("confirm", { result_id: result.result_id }) },
    }) : null);
}

/** @param {any} result */
function overlays(result) {
  const left = result.overlays.filter((/** @type {string} */ o) => !result.seen.includes(o));
  const words = left.map((/** @type {string} */ o) => say(`overlay.${o.replace("map:", "")}`));
  return make("p", { class: left.length ? "missing" : "" },
    make("span", { text: left.length ? say("case.unseen", { which: words.join(", ") }) : say("case.all-seen") }));
}

/** @param {At} at @param {any} result @param {any} finding */
function row(at, result, finding) {
  const of = { result_id: result.result_id, finding_id: finding.finding_id };
  const decided = (at.told.decided ?? []).find((/** @type {any} */ d) =>
    d.decision.of.result_id === of.result_id && d.decision.of.finding_id === of.finding_id);
  const ai = finding.hidden ? say("case.read-first") : finding.value === null
    ? sentence(finding.not_measurable ?? "") : quantity(finding.value, finding.unit);
  const said = !decided ? "–" : [say(`decision.${decided.decision.kind}`), decided.decision.own
    ? `${decided.decision.own.value} ${decided.decision.own.unit}` : "", decided.decision.reason,
  decided.by].filter(Boolean).join(" · ");
  return make("tr", { "data-finding": finding.finding_id },
    make("th", { scope: "row", text: finding.names[spoken()] ?? finding.name }),
    make("td", { class: finding.value === null ? "missing" : "", text: ai }),
    make("td", { text: said }),
    make("td", {}, at.own ? decide(at, of, finding) : null));
}

/** @param {At} at @param {any} of @param {any} finding */
function decide(at, of, finding) {
  const unit = finding.unit === "fraction" || finding.unit === "" ? "%" : finding.unit;
  const value = /** @type {HTMLInputElement} */ (make("input", {
    type: "number", min: 0, step: "any", class: "value", "aria-label": say("case.own-value"),
  }));
  const reason = /** @type {HTMLInputElement} */ (make("input", {
    maxlength: 1000, "aria-label": say("case.reason"), placeholder: say("case.reason"),
  }));
  const own = () => ({ value: Number(value.value), unit });
  /** @param {string} what @param {() => Promise<void>} click */
  const press = (what, click) => make("button", {
    type: "button", "data-act": what, text: say(`case.${what}`), on: { click },
  });
  const number = make("label", {}, value, ` ${sayOr(`unit.${unit}`, unit)}`);
  if (finding.hidden && !finding.read) return null;
  if (finding.hidden) {
    return make("div", { class: "tools" }, number,
      press("read", () => at.act("read", { reading: { of, own: own() } })));
  }
  return make("div", { class: "tools" },
    press("accept", () => at.act("decide", { decision: { of, kind: "accept" } })),
    number, reason,
    press("override", () => at.act("decide", {
      decision: { of, kind: "override", reason: reason.value, own: own() },
    })),
    press("reject", () => at.act("decide", { decision: { of, kind: "reject", reason: reason.value } })));
}
