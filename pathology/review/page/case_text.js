// The text of a report: both languages side by side, changes kept sentence by sentence.

import { byId, make } from "./make.js";
import { moment, spoken } from "./words.js";

/** @param {any} shown */
export function drawText(shown) {
  const { text } = shown;
  const own = shown.line.assignee === shown.you;
  const open = shown.line.state === "IN_REVIEW" || shown.line.state === "CORRECTED";
  byId("no-text").hidden = text !== null;
  byId("text").hidden = text === null;
  if (text === null) return;
  if (byId("text").dataset.changed !== "true") {
    byId("sections").replaceChildren(...text.sections.map((/** @type {any} */ section) => make("fieldset", { "data-section": section.id, disabled: !(own && open) },
      make("legend", { text: text.headings[section.id]?.[spoken()] ?? section.id }),
      area(section, "en"), area(section, "zh"))));
  }
  byId("flagged").hidden = text.flagged.length === 0;
  byId("flagged").replaceChildren(...text.flagged.map((/** @type {any} */ one) => make("li", {
    text: `${one.where}: ${one.span}: ${one.reason}` })));
  byId("versions").replaceChildren(...shown.versions.map((/** @type {any} */ one) => make("li", {},
    make("span", { text: `${one.by} · ${moment(one.at_utc)}` }),
    ...one.changes.map((/** @type {any} */ c) => make("div", { class: "change" },
      c.before ? make("del", { text: c.before }) : null, " ", c.after ? make("ins", { text: c.after }) : null)))));
}

/** @param {any} section @param {"en"|"zh"} language */
function area(section, language) {
  const words = make("textarea", { lang: language, "data-language": language, rows: Math.max(2, section[language].length),
    "aria-label": `${section.id} ${language}`, maxlength: 20000 });
  /** @type {HTMLTextAreaElement} */ (words).value = section[language].join("\n");
  words.addEventListener("input", () => { byId("text").dataset.changed = "true"; });
  return words;
}

/** What stands in the fields, a sentence a line. */
export function textOnPage() {
  return [...document.querySelectorAll("[data-section]")].map((section) => {
    /** @param {string} language */
    const lines = (language) => {
      const words = /** @type {HTMLTextAreaElement} */ (section.querySelector(`[data-language=${language}]`));
      return words.value.split("\n").map((line) => line.trim()).filter(Boolean);
    };
    return { id: section.getAttribute("data-section"), en: lines("en"), zh: lines("zh") };
  });
}
