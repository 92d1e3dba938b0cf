// What the page says, in the language of its reader; numbers and units included.

import { askJson } from "./ask.js";

/** @typedef {"en"|"zh"} Language */

/** @type {Record<string, string>} */
let table = {};
/** @type {{exact: Record<string, string>, pattern: [string, string][]}} */
let sentences = { exact: {}, pattern: [] };
/** @type {Language} */
let language = "en";
const KEPT = "pathology.language";

/** @returns {Language} */
export function spoken() {
  return language;
}

/** @returns {Language} */
function wanted() {
  const kept = localStorage.getItem(KEPT);
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** Load the words. @param {Language} [chosen] */
export async function speak(chosen) {
  if (chosen) localStorage.setItem(KEPT, chosen);
  language = chosen ?? wanted();
  table = await askJson(`/page/words.${language}.json`);
  if (language === "zh") sentences = await askJson("/page/sentences.zh.json");
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  sayAll(document);
}

/** @param {string} key @param {Record<string, string|number>} [facts] @returns {string} */
export function say(key, facts = {}) {
  const words = table[key];
  if (words === undefined) throw new Error(`no words for ${key}`);
  return words.replace(/\{(\w+)\}/g, (_, name) => String(facts[name]));
}

/** @param {string} key @param {string} other what to say where there are no words */
export function sayOr(key, other) {
  return key in table ? table[key] : other;
}

/** A sentence of a result or a card, which are English. @param {string} english */
export function sentence(english) {
  if (language !== "zh") return english;
  if (english in sentences.exact) return sentences.exact[english];
  for (const [pattern, chinese] of sentences.pattern) {
    const found = new RegExp(`^${pattern}$`).exec(english);
    if (found) return chinese.replace(/\{(\d)\}/g, (_, n) => found[Number(n)]);
  }
  return `${say("in-english")} ${english}`;
}

/** Fill what the markup leaves to the words. @param {ParentNode} root */
export function sayAll(root) {
  for (const element of root.querySelectorAll("[data-say]")) {
    element.textContent = say(String(element.getAttribute("data-say")));
  }
  for (const element of root.querySelectorAll("[data-say-label]")) {
    const words = say(String(element.getAttribute("data-say-label")));
    element.setAttribute("aria-label", words);
    if (element.tagName === "BUTTON" || element.tagName === "SELECT") {
      const key = element.getAttribute("data-key");
      element.setAttribute("title", key ? `${words} (${key})` : words);
    }
  }
}

/** @param {Intl.NumberFormatOptions} how */
function formatter(how) {
  return new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en-US", how);
}

/** @param {number} value whole */
export function count(value) {
  return formatter({ maximumFractionDigits: 0 }).format(value);
}

/** Three significant digits. @param {number} value */
export function figure(value) {
  if (Math.abs(value) >= 100) return count(value);
  return formatter({ maximumSignificantDigits: 3 }).format(value);
}

/** A share as per cent, one decimal. @param {number} share */
export function percent(share) {
  return `${formatter({ minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(100 * share)} %`;
}

/** @param {number} value @param {string} unit UCUM, or "fraction" */
export function quantity(value, unit) {
  if (unit === "fraction") return percent(value);
  return `${figure(value)} ${sayOr(`unit.${unit}`, unit)}`;
}

/** @param {string} iso @returns {string} */
export function moment(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const tag = language === "zh" ? "zh-CN" : "en-GB";
  return new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short" }).format(date);
}
