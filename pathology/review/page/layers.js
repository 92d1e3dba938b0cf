// What lies over the slide: switches, opacity, and the legend in one panel.

import { make } from "./make.js";
import { LAYERS, MARKS, OPACITY_FIRST, RAMP, SHOWN_FIRST, TISSUES, lookOf } from "./styles_of.js";
import { count, figure, quantity, say, sayOr } from "./words.js";

/** @typedef {{shown: boolean, opacity: number, seen: boolean}} Layer */
/** @typedef {import("./ground.js").Region} Region */
/** @typedef {import("./ground.js").MapTold} MapTold */

export class Layers {
  /**
   * @param {{regions: Region[], maps: MapTold[]}} told @param {string} analysis
   * @param {(light?: boolean) => void} changed `light`: the panel stays as it is
   */
  constructor(told, analysis, changed) {
    this.told = told;
    this.analysis = analysis;
    this.changed = changed;
    this.marks = new Set(MARKS[analysis].map((m) => m.name));
    /** @type {Map<string, number>} */
    this.numbers = new Map();
    this.allHidden = false;
    const there = new Set([...told.maps.map((m) => m.name), "nuclei",
      ...told.regions.map((r) => lookOf(r)?.layer ?? "")]);
    this.names = LAYERS.filter((name) => there.has(name));
    /** @type {Map<string, Layer>} */
    this.states = new Map(this.names.map((name) => {
      const shown = SHOWN_FIRST.includes(name);
      return [name, { shown, opacity: OPACITY_FIRST[name] ?? 1, seen: shown }];
    }));
  }

  /** @param {string} name @returns {{shown: boolean, opacity: number}} */
  of(name) {
    const state = this.states.get(name);
    if (!state || this.allHidden) return { shown: false, opacity: 0 };
    return state;
  }

  /** @param {string} name @param {boolean} [shown] */
  toggle(name, shown) {
    const state = this.states.get(name);
    if (!state) return;
    state.shown = shown ?? !state.shown;
    state.seen ||= state.shown;
    this.changed();
  }

  /** @param {number} by */
  fade(by) {
    for (const state of this.states.values()) {
      state.opacity = Math.min(1, Math.max(0.1, Math.round((state.opacity + by) * 10) / 10));
    }
    this.changed();
  }

  hideAll() {
    this.allHidden = !this.allHidden;
    this.changed();
  }

  /** @param {string} name */
  markNamed(name) {
    return MARKS[this.analysis].find((m) => m.name === name) ?? MARKS[this.analysis][0];
  }

  /** @param {{id: string, kind: string}} region */
  nameOf(region) {
    const number = /^(?:field|hotspot)-(\d+)$/.exec(region.id);
    const known = sayOr(`region.${region.id}`, "");
    if (known) return known;
    return number ? `${say(`kind.${region.kind}`)} ${number[1]}` : say(`kind.${region.kind}`);
  }

  /** @param {HTMLElement} place */
  draw(place) {
    const hidden = this.allHidden ? make("p", { class: "note", text: say("layers.hidden") }) : null;
    place.replaceChildren(...[hidden, ...this.names.map((n) => this.row(n)).reverse()].filter((x) => x !== null));
  }

  /** @param {string} name */
  row(name) {
    const state = /** @type {Layer} */ (this.states.get(name));
    const box = make("input", {
      type: "checkbox", checked: state.shown, id: `layer-${name}`,
      on: { change: (/** @type {any} */ e) => this.toggle(name, e.target.checked) },
    });
    const slider = make("input", {
      type: "range", min: 10, max: 100, step: 5, value: Math.round(state.opacity * 100),
      "aria-label": say("layers.opacity", { layer: say(`layer.${name}`) }),
      on: {
        input: (/** @type {any} */ e) => {
          state.opacity = Number(e.target.value) / 100;
          this.changed(true);
        },
      },
    });
    return make("section", { class: "layer" },
      make("div", { class: "layer-head" }, box,
        make("label", { for: `layer-${name}`, text: say(`layer.${name}`) }), slider),
      ...(state.shown ? this.legend(name) : []));
  }

  /** @param {string} name @returns {HTMLElement[]} */
  legend(name) {
    if (name === "nuclei") return MARKS[this.analysis].map((m) => this.markRow(m));
    const map = this.told.maps.find((m) => m.name === name);
    if (name === "tissue_class") {
      return TISSUES.map(([tissue, colour]) => row(swatch(colour), say(`tissue.${tissue}`), ""));
    }
    if (map) return [ramp(say("layers.range", { most: figure(map.most ?? 0) }))];
    /** @type {Map<string, {look: import("./styles_of.js").RegionLook, area: number, length: number}>} */
    const rows = new Map();
    for (const region of this.told.regions) {
      const look = lookOf(region);
      if (look?.layer !== name) continue;
      const label = this.nameOf(region).replace(/ \d+$/, ""); // the fields are one row
      const sum = rows.get(label) ?? { look, area: 0, length: 0 };
      sum.area += region.area_mm2;
      sum.length += region.length_mm;
      rows.set(label, sum);
    }
    return [...rows].map(([label, { look, area, length }]) => row(
      swatch(look.colour, look.hatched ? "hatched" : look.dash ? "dashed" : "line"), label,
      length ? quantity(length, "mm") : quantity(area, "mm2"),
    ));
  }

  /** @param {import("./styles_of.js").Mark} mark */
  markRow(mark) {
    const box = make("input", {
      type: "checkbox", checked: this.marks.has(mark.name), id: `mark-${mark.name}`,
      on: {
        change: (/** @type {any} */ e) => {
          if (e.target.checked) this.marks.add(mark.name);
          else this.marks.delete(mark.name);
          this.changed(true);
        },
      },
    });
    const label = make("label", { for: `mark-${mark.name}`, text: say(`mark.${mark.name}`) });
    const shape = ["disc", "ring", "square", "speck"][mark.shape];
    const number = this.numbers.get(mark.name);
    return row(swatch(`rgb(${mark.colour.join(" ")})`, shape), label,
      number === undefined ? "" : count(number), box);
  }
}

/** @param {HTMLElement} sign @param {string|HTMLElement} label @param {string} value @param {HTMLElement} [first] */
function row(sign, label, value, first) {
  return make("div", { class: "legend" }, first, sign, label,
    make("span", { class: "value", text: value }));
}

/** @param {string} colour @param {string} [shape] */
function swatch(colour, shape = "area") {
  const sign = make("span", { class: `swatch ${shape}`, "aria-hidden": "true" });
  sign.style.setProperty("--colour", colour);
  return sign;
}

/** @param {string} label */
function ramp(label) {
  const bar = make("span", { class: "ramp", "aria-hidden": "true" });
  bar.style.setProperty("--ramp", `linear-gradient(to right, ${RAMP.join(", ")})`);
  return make("div", { class: "legend" }, bar, make("span", { text: label }));
}
