// The text of a case, its signature, and the versions that were signed.

import { make } from "./make.js";
import { moment, say, spoken } from "./words.js";

/** @typedef {import("./case_results.js").At} At */

/** @param {At} at @returns {HTMLElement[]} */
export function textPart(at) {
  const { text } = at.told;
  if (!text) return [];
  const flagged = text.flagged.length > 0
    ? make("p", { class: "missing", text: say("case.flagged", { count: text.flagged.length }) }) : null;
  return [make("h2", { text: text.title[spoken()] }), ...text.sections.map((/** @type {any} */ s) =>
    make("div", {}, make("h3", { text: text.headings[s.id]?.[spoken()] ?? s.id }),
      make("p", { text: s[spoken()].join(" ") }))), flagged ?? make("p", { class: "quiet", text: text.authorship })];
}

/** @param {At} at @returns {HTMLElement[]} */
export function signingPart(at) {
  if (!at.own) return [];
  const { unready } = at.told;
  if (unready.length > 0) {
    return [make("h2", { text: say("case.not-yet") }), make("ul", { id: "unready" },
      ...unready.map((/** @type {any} */ r) => make("li", { "data-code": r.code, text: r[spoken()] })))];
  }
  const field = (/** @type {string} */ id, /** @type {string} */ type) =>
    /** @type {HTMLInputElement} */ (make("input", { id, type, maxlength: 256, required: true,
      autocomplete: type === "password" ? "current-password" : "name" }));
  const [printed, password] = [field("printed", "text"), field("proof", "password")];
  const meaning = /** @type {HTMLSelectElement} */ (make("select", { id: "meaning" },
    ...["reviewed", "approved", "responsible"].map((m) =>
      make("option", { value: m, text: say(`meaning.${m}`) }))));
  const sign = (/** @type {Event} */ event) => {
    event.preventDefault();
    void at.act("sign", { password: password.value, printed_name: printed.value, meaning: meaning.value });
    password.value = "";
  };
  return [make("h2", { text: say("case.sign-title") }), make("form", { class: "signing", on: { submit: sign } },
    make("label", { text: say("case.printed") }, printed),
    make("label", { text: say("case.meaning") }, meaning),
    make("label", { text: say("case.prove") }, password),
    make("button", { type: "submit", "data-act": "sign", text: say("case.sign") }))];
}

/** @param {At} at @returns {HTMLElement[]} */
export function versionsPart(at) {
  if (at.told.signed.length === 0) return [];
  return [make("h2", { text: say("case.versions") }), make("ol", {}, ...at.told.signed.map(
    (/** @type {any} */ v) => make("li", { text: [say(`state.${v.state}`), v.signer,
      moment(v.signed_utc), v.reason, v.content_sha256.slice(0, 16)].filter(Boolean).join(" · ") })))];
}
