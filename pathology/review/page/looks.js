// Light or dark: the system's choice until the reader makes one; language and looks are remembered.

import { speak, spoken } from "./words.js";
import { byId } from "./make.js";

const KEPT = "pathology.looks";

export function applyLooks() {
  const kept = localStorage.getItem(KEPT);
  if (kept === "light" || kept === "dark") document.documentElement.dataset.looks = kept;
}

export function otherLooks() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.looks ?? (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  localStorage.setItem(KEPT, next);
  document.documentElement.dataset.looks = next;
}

/** The two switches of every page. @param {() => void} again draw everything in the new language */
export function switches(again) {
  const other = async () => {
    await speak(spoken() === "zh" ? "en" : "zh");
    again();
  };
  byId("language").addEventListener("click", other);
  byId("looks").addEventListener("click", otherLooks);
  return { otherLanguage: other };
}

// OpenSeadragon empties elements by setting their markup to nothing; that, and nothing else, passes.
const trusted = /** @type {any} */ (window).trustedTypes;
if (trusted) {
  trusted.createPolicy("default", {
    createHTML: (/** @type {string} */ text) => {
      if (text === "") return "";
      throw new TypeError("text is never markup here");
    },
  });
}
