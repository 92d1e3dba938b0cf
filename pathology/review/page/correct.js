// Corrections: drawn, foreseen at once, kept as a result of its own beside the one they correct.

import { Refused, askJson, askPackedOf, sendJson } from "./ask.js";
import { make } from "./make.js";
import { count, quantity, say, sayOr, spoken } from "./words.js";

/** @typedef {import("./edits.js").Edits} Edits */

/** After the last change, so that a hand that moves on is not kept waiting. */
const PAUSE_MS = 200;
export const KINDS = ["tumour", "necrosis", "in_situ", "normal", "artefact"];
const CLASSES = ["tumour", "lymphocyte", "stroma", "other"];
const REASONS = ["region", "left-out", "place", "nuclei", "other"];

export class Correct {
  /**
   * @param {{address: string, result: any, told: any, edits: Edits, corrector: import("./corrector.js").Corrector,
   *   pencil: import("./pencil.js").Pencil, nuclei: import("./nuclei.js").NucleiLayer, place: HTMLElement}} parts
   */
  constructor(parts) {
    this.parts = parts;
    this.kind = "tumour";
    this.why = "";
    this.note = "";
    /** @type {{cells: number[], places: number[]}} nuclei that are to be called otherwise */
    this.chosen = { cells: [], places: [] };
    /** @type {any} */
    this.foreseen = null;
    /** @type {Refused|null} */
    this.problem = null;
    this.waiting = false;
    this.asked = 0;
    this.timer = 0;
    this.keeping = false;
    window.addEventListener("beforeunload", (event) => {
      if (parts.edits.dirty) event.preventDefault();
    });
  }

  /** Something was changed: show it, and ask what it comes to. */
  changed() {
    const { edits, nuclei, corrector } = this.parts;
    const points = nuclei.points;
    if (points) nuclei.call(edits.called(points.firstCalls ?? points.packed.arrays.call, this.parts.result.analysis));
    if (corrector.chosen && !corrector.area(corrector.chosen) && !corrector.middleOf(corrector.chosen)) corrector.choose(null);
    this.foreseen = this.problem = null;
    this.waiting = edits.dirty;
    clearTimeout(this.timer);
    if (edits.dirty) this.timer = window.setTimeout(() => void this.foresee(), PAUSE_MS);
    corrector.scan.again();
    this.draw();
  }

  async foresee() {
    const asked = ++this.asked;
    let [foreseen, problem] = /** @type {[any, Refused|null]} */ ([null, null]);
    try {
      foreseen = await sendJson(`${this.parts.address}/foresee`, this.parts.edits.body());
    } catch (cause) {
      problem = cause instanceof Refused ? cause : new Refused("cannot", "");
    }
    if (asked !== this.asked) return; // something was changed since
    [this.foreseen, this.problem, this.waiting] = [foreseen, problem, false];
    this.draw();
  }

  region() {
    const { pencil, edits, corrector } = this.parts;
    pencil.begin({
      done: (outline) => {
        pencil.clear();
        corrector.choose(edits.add(this.kind, [[[...outline, outline[0]]]]));
      },
      stopped: () => this.draw(),
    });
    this.draw();
  }

  lasso() {
    const { pencil, address } = this.parts;
    pencil.begin({
      done: async (outline) => {
        pencil.clear();
        try {
          const { told, arrays } = await askPackedOf(`${address}/inside`, { outline });
          if (told.too_many) throw new Refused("too-long", say("correct.too-many", { number: count(told.number) }));
          this.choose([...arrays.cell], [...arrays.place]);
        } catch (cause) {
          this.problem = cause instanceof Refused ? cause : new Refused("cannot", "");
          this.draw();
        }
      },
      stopped: () => this.draw(),
    });
    this.draw();
  }

  /** @param {number[]} cells @param {number[]} places */
  choose(cells, places) {
    this.chosen = { cells, places };
    this.draw();
  }

  /** @param {{class?: string, positive?: boolean|null}} call */
  call(call) {
    const { cells, places } = this.chosen;
    if (!cells.length) return;
    this.parts.edits.make({ calls: [...this.parts.edits.now.calls, { cells, places, ...call }] });
  }

  /** @param {string} region */
  async adopt(region) {
    try {
      const { polygons } = await askJson(`${this.parts.address}/adopt?region=${encodeURIComponent(region)}`);
      this.parts.corrector.choose(this.parts.edits.add("tumour", polygons));
    } catch (cause) {
      this.problem = cause instanceof Refused ? cause : new Refused("cannot", "");
      this.draw();
    }
  }

  async keep() {
    const { address, edits } = this.parts;
    if (!this.why || this.keeping || !edits.dirty) return;
    this.keeping = true;
    this.draw();
    try {
      const body = { ...edits.body(), why: this.why, note: this.note };
      const made = await sendJson(`${address}/keep`, body);
      edits.done();
      location.assign(made.address);
    } catch (cause) {
      this.problem = cause instanceof Refused ? cause : new Refused("cannot", "");
      this.keeping = false;
      this.draw();
    }
  }

  draw() {
    const { place, result, edits } = this.parts;
    const focus = document.activeElement?.id;
    place.replaceChildren(...[
      ...result.later.map((/** @type {any} */ l) => make("p", { class: "warn" },
        say("correct.later", { author: l.author }), " ", make("a", { href: l.address, text: say("correct.open-later") }))),
      this.drawing(), this.list(), this.nuclei(), this.answer(), edits.dirty ? this.keepForm() : null,
    ].filter((x) => x !== null));
    if (focus) document.getElementById(focus)?.focus();
  }

  drawing() {
    const { pencil, told, edits } = this.parts;
    const select = make("select", { id: "correct-kind", "aria-label": say("correct.kind"), on: {
      change: (/** @type {any} */ e) => { this.kind = e.target.value; },
    } }, ...KINDS.map((k) => make("option", { value: k, selected: k === this.kind, text: say(`kind.${k}`) })));
    const adoptable = told.regions.filter((/** @type {any} */ r) => r.form === "adoptable");
    return make("section", { class: "finding" }, make("h3", { text: say("correct.regions") }),
      make("p", { class: "buttons" }, select,
        press("correct-draw", "correct.draw", () => (pencil.active ? pencil.clear() : this.region()), pencil.active),
        press("correct-undo", "correct.undo", () => edits.undo(), false, !edits.past.length),
        press("correct-redo", "correct.redo", () => edits.redo(), false, !edits.future.length)),
      pencil.active ? make("p", { text: say("assist.how") }) : null,
      adoptable.length ? make("p", { class: "buttons" }, ...adoptable.map((/** @type {any} */ r) => make("button", {
        type: "button", id: `adopt-${r.id}`, text: say("correct.adopt", { name: say(`kind.${r.kind}`) }),
        on: { click: () => void this.adopt(r.id) },
      }))) : null);
  }

  list() {
    const { edits, corrector } = this.parts;
    const row = (/** @type {string} */ id, /** @type {string} */ name, /** @type {boolean} */ moved) => make("li", {},
      make("button", { type: "button", id: `edit-${id}`, class: "link", text: name, "aria-pressed": String(corrector.chosen === id),
        on: { click: () => corrector.choose(id) } }),
      moved ? make("button", { type: "button", class: "link", text: say("correct.delete"), "aria-label": `${say("correct.delete")}: ${name}`,
        on: { click: () => { corrector.choose(null); edits.remove(id); } } }) : null);
    const numbered = (/** @type {string} */ id, /** @type {string} */ kind) =>
      sayOr(`region.${id}`, `${say(`kind.${kind}`)} ${/(\d+)$/.exec(id)?.[1] ?? ""}`);
    const rows = [...edits.now.areas.map((a) => row(a.id, numbered(a.id, a.kind), true)),
      ...corrector.places.map((p) => row(p.id, numbered(p.id, p.kind), p.id in edits.now.places))];
    return make("section", {}, make("ul", { class: "plain" }, ...rows), make("p", { class: "note", text: say("correct.how") }));
  }

  nuclei() {
    const { pencil } = this.parts;
    const number = this.chosen.cells.length;
    const ki67 = this.parts.result.analysis === "ki67";
    const call = (/** @type {string} */ key, /** @type {any} */ what) => press(`call-${key}`, key, () => this.call(what), false, !number);
    return make("section", { class: "finding" }, make("h3", { text: say("correct.nuclei") }),
      make("p", { class: "buttons" },
        press("correct-lasso", "correct.lasso", () => (pencil.active ? pencil.clear() : this.lasso()), false)),
      make("p", { role: "status", text: say("correct.chosen", { number: count(number) }) }),
      ki67 ? make("p", { class: "buttons" }, call("nucleus.positive", { positive: true }), call("nucleus.negative", { positive: false }),
        call("mark.ambiguous", { positive: null })) : null,
      make("p", { class: "buttons" }, ...CLASSES.map((c) => call(`class.${c}`, { class: c }))));
  }

  answer() {
    if (this.problem) {
      return make("div", { class: "warn", role: "alert" },
        make("p", { text: sayOr(`refused.${this.problem.code}`, say("refused.cannot")) }),
        this.problem.detail ? make("p", { lang: "en", text: this.problem.detail }) : null);
    }
    if (this.waiting) return make("p", { role: "status", text: say("assist.counting") });
    if (!this.foreseen) return null;
    const before = new Map(this.parts.result.findings.map((/** @type {any} */ f) => [f.name, f]));
    return make("section", { role: "status", id: "foreseen" },
      make("table", {}, make("caption", { text: say("correct.foreseen") }),
        make("tr", {}, ...[say("correct.finding"), say("correct.before"), say("correct.after")].map((text) => make("th", { scope: "col", text }))),
        ...this.foreseen.findings.map((/** @type {any} */ f) => make("tr", { "data-finding": f.name },
          make("th", { scope: "row", text: f.names[spoken()] ?? f.name }),
          make("td", { text: worth(before.get(f.name)) }), make("td", { text: worth(f) })))),
      make("p", { class: "note", text: say("correct.called", { number: count(this.foreseen.nuclei_called) }) }));
  }

  keepForm() {
    const noted = this.parts.told.noted ? make("textarea", {
      id: "correct-note", rows: 2, maxlength: 2000, "aria-label": say("correct.note"), placeholder: say("correct.note"), text: this.note,
      on: { input: (/** @type {any} */ e) => { this.note = e.target.value; } },
    }) : null;
    return make("section", { class: "finding" }, make("h3", { text: say("correct.keep-title") }),
      make("select", { id: "correct-why", "aria-label": say("correct.why"), on: {
        change: (/** @type {any} */ e) => { this.why = e.target.value; this.draw(); },
      } }, make("option", { value: "", text: say("correct.why") }),
      ...REASONS.map((r) => make("option", { value: r, selected: r === this.why, text: say(`correct.why.${r}`) }))),
      noted,
      make("p", { class: "buttons" }, press("correct-keep", this.keeping ? "correct.keeping" : "correct.keep", () => void this.keep(), false,
        !this.why || this.keeping || !this.foreseen)),
      make("p", { class: "note", text: say("correct.both-stay") }));
  }
}

/** @param {string} id @param {string} key @param {() => void} act @param {boolean} pressed @param {boolean} [disabled] */
function press(id, key, act, pressed, disabled = false) {
  return make("button", { type: "button", id, text: say(key), disabled, "aria-pressed": pressed ? "true" : null, on: { click: act } });
}

/** A finding in a few signs. @param {any} finding */
function worth(finding) {
  if (!finding) return "–";
  if ("not_measurable" in finding) return say("not-measurable");
  const { value, unit, low, high } = finding;
  const interval = low === undefined || low === null ? "" : ` (${quantity(low, unit)} – ${quantity(high, unit)})`;
  return `${quantity(value, unit)}${interval}`;
}
