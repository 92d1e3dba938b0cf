// Everything can be done without a mouse.

import { make } from "./make.js";
import { say } from "./words.js";

/** @typedef {{keys: string[], say: string, act: () => void}} Key */

/** @param {Key[]} table */
export function listen(table) {
  const known = new Map(table.flatMap((k) => k.keys.map((key) => [key, k.act])));
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const types = target.closest("input, select, textarea, dialog");
    const range = target instanceof HTMLInputElement && target.type === "checkbox";
    if (event.ctrlKey || event.altKey || event.metaKey || (types && !range)) return;
    const inPanel = target.closest("aside") && event.key.startsWith("Arrow") && !event.shiftKey;
    const arrow = event.key.startsWith("Arrow");
    const act = known.get(event.shiftKey && arrow ? `Shift+${event.key}` : event.key);
    if (!act || inPanel || (target.tagName === "BUTTON" && event.key === "Enter")) return;
    event.preventDefault();
    act();
  });
}

const NAMES = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", Backspace: "⌫",
  "Shift+ArrowUp": "⇧↑", "Shift+ArrowDown": "⇧↓", "Shift+ArrowLeft": "⇧←", "Shift+ArrowRight": "⇧→",
};

/** @param {Key[]} table */
export function help(table) {
  if (document.querySelector("dialog.help")) return;
  const dialog = /** @type {HTMLDialogElement} */ (make("dialog", { class: "help", "aria-label": say("help") }));
  const shown = (/** @type {string} */ key) => make("kbd", { text: NAMES[/** @type {keyof NAMES} */ (key)] ?? key });
  dialog.append(make("h2", { text: say("help") }), make("table", {}, ...table.map((k) => make("tr", {},
    make("th", { scope: "row" }, ...k.keys.map(shown)), make("td", { text: say(k.say) })))),
  make("button", { type: "button", text: say("close"), on: { click: () => dialog.close() } }));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
