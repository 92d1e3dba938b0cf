// Findings of a case: what the AI says, what the reader read, and what was decided.

import { byId, make } from "./make.js";
import { moment, quantity, say, sayOr, sentence, spoken } from "./words.js";

/** @typedef {(step: string, more?: Record<string, unknown>) => Promise<boolean>} Step */

/** @param {any} finding */
const unitOf = (finding) => (finding.unit === "fraction" ? "%" : finding.unit);

/** @param {any} shown @param {string} result @param {string} finding */
function decisionOn(shown, result, finding) {
  return shown.decided.find((/** @type {any} */ d) => d.decision.of.result_id === result && d.decision.of.finding_id === finding);
}

/** @param {HTMLFormElement} form @param {string} name @returns {string} */
function told(form, name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value.trim();
}

/** @param {any} finding @param {string} key */
function valueField(finding, key) {
  return make("label", {}, make("span", { text: `${say(key)} (${unitOf(finding) === "%" ? "%" : sayOr(`unit.${finding.unit}`, finding.unit)})` }), " ",
    make("input", { name: "own", type: "number", min: 0, max: unitOf(finding) === "%" ? 100 : null, step: "any" }));
}

/** Own reading, before the AI's is shown. @param {any} finding @param {any} of @param {Step} step */
function readingForm(finding, of, step) {
  const form = /** @type {HTMLFormElement} */ (make("form", { class: "reading" }, valueField(finding, "case.own"),
    make("button", { type: "submit", text: say("case.read") })));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (told(form, "own") === "") return;
    void step("read", { reading: { of, own: { value: Number(told(form, "own")), unit: unitOf(finding) } } });
  });
  return form;
}

/** @param {any} finding @param {any} of @param {Step} step */
function decisionForm(finding, of, step) {
  const kinds = finding.value === null && !finding.unit ? ["accept", "reject"] : ["accept", "reject", "override"];
  const choice = make("select", { name: "kind", "aria-label": say("case.decision") },
    ...kinds.map((kind) => make("option", { value: kind, text: say(`decision.${kind}`) })));
  const own = valueField(finding, "case.own");
  const reason = make("label", {}, make("span", { text: say("case.reason") }), " ", make("input", { name: "reason", maxlength: 1000 }));
  const form = /** @type {HTMLFormElement} */ (make("form", { class: "decision" }, choice, own, reason,
    make("button", { type: "submit", text: say("case.decide") })));
  const arrange = () => {
    own.hidden = told(form, "kind") !== "override";
    reason.hidden = told(form, "kind") === "accept";
  };
  choice.addEventListener("change", arrange);
  arrange();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const kind = told(form, "kind");
    const value = kind === "override" ? { value: Number(told(form, "own")), unit: unitOf(finding) } : null;
    void step("decide", { decision: { of, kind, reason: kind === "accept" ? "" : told(form, "reason"), own: value } });
  });
  return form;
}

/** @param {any} shown @param {any} result @param {any} finding @param {Step} step */
function row(shown, result, finding, step) {
  const of = { result_id: result.result_id, finding_id: finding.finding_id };
  const own = shown.line.assignee === shown.you;
  const second = shown.line.second_reader === shown.you;
  const open = shown.line.state === "IN_REVIEW" || shown.line.state === "CORRECTED";
  const made = decisionOn(shown, of.result_id, of.finding_id);
  const ai = finding.hidden ? say("case.hidden") : finding.value === null ? `${say("not-measurable")}: ${sentence(finding.not_measurable ?? "")}`
    : quantity(finding.value, finding.unit);
  const decided = made ? make("div", { class: "decided" },
    make("strong", { text: say(`decision.${made.decision.kind}`) }), " ",
    make("span", { text: [made.decision.own ? ` ${made.decision.own.value} ${made.decision.own.unit}` : "", made.decision.reason, made.by, moment(made.at_utc)].filter(Boolean).join(" · ") })) : null;
  const form = !open || !(own || second) ? null : finding.read_first ? readingForm(finding, of, step)
    : own && !finding.hidden ? decisionForm(finding, of, step) : null;
  return make("tr", { "data-finding": finding.finding_id },
    make("th", { scope: "row", text: finding.names[spoken()] ?? finding.name }),
    make("td", { class: finding.value === null ? "missing" : "", text: ai }),
    make("td", {}, decided, form));
}

/** @param {any} shown @param {Step} step */
export function drawFindings(shown, step) {
  byId("blind").hidden = shown.hidden.length === 0;
  const open = shown.line.state === "IN_REVIEW" || shown.line.state === "CORRECTED";
  const own = shown.line.assignee === shown.you;
  byId("results").replaceChildren(...shown.results.map((/** @type {any} */ result) => {
    const automatic = result.tumour_region_source === "automatic" && !shown.confirmed.includes(result.result_id);
    const seen = result.overlays.filter((/** @type {string} */ overlay) => shown.seen.some(
      (/** @type {string[]} */ s) => s[0] === shown.you && s[1] === result.result_id && s[2] === overlay));
    return make("article", { "data-result": result.result_id },
      make("h3", {}, make("a", { href: result.address, text: `${say(`title.${result.analysis}`)} · ${result.slide_id}` })),
      make("p", { class: "quiet", text: say("case.overlays", { seen: seen.length, all: result.overlays.length }) }),
      automatic ? make("p", { class: "notice" }, make("span", { text: `${say("case.automatic")} ` }),
        own && open ? make("button", { type: "button", class: "confirm", text: say("case.confirm"),
          on: { click: () => void step("confirm", { result_id: result.result_id }) } }) : null) : null,
      make("table", {}, make("tbody", {}, ...result.findings.map((/** @type {any} */ finding) => row(shown, result, finding, step)))));
  }));
  byId("differences").replaceChildren(...shown.differences.map((/** @type {any} */ one) => make("p", { class: "notice", text: say("case.difference", {
    who: one.by, own: `${one.own} ${one.unit}`, ai: one.ai === null ? "–" : `${Math.round(one.ai * 10) / 10} ${one.unit}` }) })));
  byId("second-reading").hidden = !(open && shown.line.second_reader === shown.you);
}
