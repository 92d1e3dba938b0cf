// Words on a place of a slide, from one reader of a case to another.

import { Refused, sendJson } from "./ask.js";
import { byId, make, makeSvg } from "./make.js";
import { boxOf } from "./place.js";
import { moment, say, sayAll, sayOr, spoken } from "./words.js";

/** @typedef {import("./scan.js").Scan} Scan */

/** The case's notes, each a link to its place. @param {any} shown */
export function drawNotes(shown) {
  byId("no-notes").hidden = shown.notes.length > 0;
  byId("notes").replaceChildren(...shown.notes.map((/** @type {any} */ one) => {
    const { result_id, x_um, y_um, width_um, height_um, text } = one.note;
    const box = [x_um, y_um, width_um, height_um].map((side) => side.toFixed(1)).join(",");
    return make("li", {}, make("p", { class: "opinion", text }),
      make("p", { class: "quiet" }, make("span", { text: `${one.by} · ${moment(one.at_utc)} · ` }),
        make("a", { href: `/slides/${result_id}#box=${box}`, text: say("note.place") })));
  }));
}

/**
 * The button that notes what is in sight, where the slide is of a case on the desk.
 * @param {Scan} scan @param {any} result @param {(text: string) => void} announce
 */
export function notes(scan, result, announce) {
  if (!result.desk) return;
  const button = make("button", { type: "button", id: "note", "data-say-label": "note.write" });
  const shape = makeSvg("path", { d: "M3 4h14v9H9l-4 4v-4H3zM6 7h8M6 10h5" });
  button.append(makeSvg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, shape));
  button.addEventListener("click", () => ask(scan, result, announce));
  byId("link").after(button);
  sayAll(byId("link").parentElement ?? document);
}

/** @param {Scan} scan @param {any} result @param {(text: string) => void} announce */
function ask(scan, result, announce) {
  const box = boxOf(scan);
  if (!box || document.querySelector("dialog.note")) return;
  const words = /** @type {HTMLTextAreaElement} */ (make("textarea", { id: "note-text", rows: 5, maxlength: 2000, required: true }));
  const told = make("p", { class: "notice", role: "alert", hidden: true });
  const form = make("form", {}, make("h2", { text: say("note.write") }), make("p", { class: "quiet", text: say("note.told") }),
    words, told, make("p", {}, make("button", { type: "submit", text: say("note.keep") }), " ",
      make("button", { type: "button", text: say("close"), on: { click: () => dialog.close() } })));
  const dialog = /** @type {HTMLDialogElement} */ (make("dialog", { class: "note", "aria-label": say("note.write") }, form));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [x_um, y_um, width_um, height_um] = box;
    const note = { result_id: result.result_id, x_um, y_um, width_um, height_um, text: words.value };
    try {
      await sendJson(`/cases/${encodeURIComponent(result.desk.case)}/steps/note`,
        { request_id: crypto.randomUUID(), seen_version: 0, note });
      dialog.close();
      announce(say("note.kept"));
    } catch (problem) {
      told.hidden = false;
      told.textContent = problem instanceof Refused
        ? problem.reason?.[spoken()] ?? sayOr(`refused.${problem.code}`, say("refused.cannot")) : say("refused.cannot");
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
