// Where corrections meet the slide view: for accounts that may correct, and for them alone.

import { Refused, askJson } from "./ask.js";
import { Correct } from "./correct.js";
import { Corrector } from "./corrector.js";
import { Edits, firstState } from "./edits.js";
import { byId } from "./make.js";

/** @typedef {import("./edits.js").Editable} Editable */

/**
 * @param {{address: string, result: any, scan: import("./scan.js").Scan, pencil: import("./pencil.js").Pencil,
 *   nuclei: import("./nuclei.js").NucleiLayer}} parts
 * @returns {Promise<Correct|null>} null: this account looks and does not correct
 */
export async function correcting({ address, result, scan, pencil, nuclei }) {
  let told;
  try {
    told = await askJson(`${address}/editing`);
  } catch (problem) {
    if (problem instanceof Refused) return null;
    throw problem;
  }
  /** @type {Correct|null} */
  let correct = null;
  const edits = new Edits(firstState(told.regions), told.account, address, () => correct?.changed());
  const places = told.regions.filter((/** @type {Editable} */ r) => r.form === "place").map((/** @type {Editable} */ r) => (
    { id: r.id, kind: r.kind, middle: r.middle, reach: r.reach_px0 }));
  const corrector = new Corrector(scan, edits, places, () => correct?.draw());
  correct = new Correct({ address, result, told, edits, corrector, pencil, nuclei, place: byId("correct") });
  byId("tab-correct").hidden = false;
  return correct;
}

/**
 * Keys of corrections; most do nothing until their tab is open.
 * @param {Correct|null} correct @param {() => void} open the tab
 * @param {() => Promise<void>} middle choose the nucleus in the middle of the view
 * @returns {import("./keys.js").Key[]}
 */
export function correctingKeys(correct, open, middle) {
  if (!correct) return [];
  const { corrector, edits } = correct.parts;
  const move = (/** @type {string} */ key, /** @type {number} */ across, /** @type {number} */ down) =>
    ({ keys: [`Shift+Arrow${key}`], say: "key.move", act: () => corrector.step(across, down) });
  return [
    { keys: ["e"], say: "key.correct", act: open },
    { keys: ["a"], say: "key.region", act: () => { open(); correct.region(); } },
    { keys: ["s"], say: "key.lasso", act: () => { open(); correct.lasso(); } },
    { keys: ["c"], say: "key.middle", act: () => { open(); void middle(); } },
    { keys: ["j"], say: "key.next", act: () => { open(); corrector.next(); } },
    { keys: ["."], say: "key.next-corner", act: () => corrector.nextCorner(1) },
    { keys: [","], say: "key.last-corner", act: () => corrector.nextCorner(-1) },
    { keys: ["i"], say: "key.insert", act: () => corrector.insert() },
    { keys: ["Delete"], say: "key.delete", act: () => corrector.remove() },
    move("Left", -1, 0), move("Right", 1, 0), move("Up", 0, -1), move("Down", 0, 1),
    { keys: ["p"], say: "key.positive", act: () => correct.call({ positive: true }) },
    { keys: ["g"], say: "key.negative", act: () => correct.call({ positive: false }) },
    { keys: ["6"], say: "key.call-tumour", act: () => correct.call({ class: "tumour" }) },
    { keys: ["7"], say: "key.call-lymphocyte", act: () => correct.call({ class: "lymphocyte" }) },
    { keys: ["8"], say: "key.call-stroma", act: () => correct.call({ class: "stroma" }) },
    { keys: ["9"], say: "key.call-other", act: () => correct.call({ class: "other" }) },
    { keys: ["z"], say: "key.take-back", act: () => edits.undo() },
    { keys: ["y"], say: "key.again", act: () => edits.redo() },
  ];
}
