// Real-time assistance: draw a region, and read at once what it holds.

import { Refused, sendJson } from "./ask.js";
import { fit } from "./frame.js";
import { make } from "./make.js";
import { count, quantity, say, sayOr, sentence, spoken } from "./words.js";

/** @typedef {import("./frame.js").Frame} Frame */
/** A hand that moves less than this between two corners adds none, CSS px. */
const STEP_PX = 4;

/**
 * What an outline holds, counted by the server from stored nuclei; nothing is kept.
 * @param {string} address of the result @param {number[][]} outline level-0 px @returns {Promise<any>}
 */
export function countRegion(address, outline) {
  return sendJson(`${address}/count`, { outline });
}

export class Drawing {
  /** @param {import("./scan.js").Scan} scan @param {string} address @param {HTMLElement} place @param {() => void} changed */
  constructor(scan, address, place, changed) {
    this.scan = scan;
    this.address = address;
    this.place = place;
    this.changed = changed;
    this.active = false;
    this.closed = false;
    /** @type {number[][]} */
    this.outline = [];
    /** @type {any} */
    this.told = null;
    /** @type {Refused|null} */
    this.problem = null;
    this.counting = false;
    this.canvas = scan.canvas("drawing");
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    scan.painters.push((frame) => this.paint(frame));
    const { viewer } = scan;
    viewer.addHandler("canvas-click", (/** @type {any} */ e) => this.clicked(e));
    viewer.addHandler("canvas-double-click", (/** @type {any} */ e) => {
      if (!this.active) return;
      e.preventDefaultAction = true;
      this.finish();
    });
    viewer.addHandler("canvas-drag", (/** @type {any} */ e) => this.dragged(e));
    viewer.addHandler("canvas-drag-end", (/** @type {any} */ e) => {
      if (!this.active) return;
      e.preventDefaultAction = true;
      if (this.outline.length > 8) this.finish();
    });
  }

  begin() {
    this.active = true;
    this.closed = false;
    this.outline = [];
    this.told = this.problem = null;
    this.scan.stage.classList.add("drawing");
    this.changed();
    this.scan.again();
  }

  stop() {
    this.active = false;
    this.outline = this.closed ? this.outline : [];
    this.scan.stage.classList.remove("drawing");
    this.changed();
    this.scan.again();
  }

  clear() {
    this.closed = false;
    this.outline = [];
    this.told = this.problem = null;
    this.stop();
  }

  undo() {
    if (!this.active) return;
    this.outline.pop();
    this.scan.again();
  }

  /** @param {any} event */
  clicked(event) {
    if (!this.active || !this.scan.still(event.position)) return;
    event.preventDefaultAction = true;
    this.add(event.position);
  }

  /** @param {any} event */
  dragged(event) {
    if (!this.active) return;
    event.preventDefaultAction = true;
    this.add(event.position);
  }

  /** @param {import("./frame.js").Point} at CSS px */
  add(at) {
    const frame = this.scan.frame();
    if (!frame) return;
    const last = this.outline[this.outline.length - 1];
    if (last) {
      const before = frame.screen(last[0], last[1]);
      if (Math.hypot(before.x - at.x, before.y - at.y) < STEP_PX) return;
    }
    const place = frame.slide(at.x, at.y);
    this.outline.push([place.x, place.y]);
    this.scan.again();
  }

  /** The part of the slide in sight: for who cannot draw with a pointer. */
  async countView() {
    const frame = this.scan.frame(false); // where the view is going, if it moves
    if (!frame) return;
    this.begin();
    for (const [x, y] of [[0, 0], [frame.width, 0], [frame.width, frame.height], [0, frame.height]]) {
      const at = frame.slide(x, y);
      this.outline.push([at.x, at.y]);
    }
    await this.finish();
  }

  async finish() {
    if (!this.active || this.outline.length < 3) return;
    this.closed = true;
    this.stop();
    this.counting = true;
    this.changed();
    try {
      this.told = await countRegion(this.address, this.outline);
    } catch (problem) {
      this.problem = problem instanceof Refused ? problem : new Refused("cannot", "");
    }
    this.counting = false;
    this.changed();
  }

  /** @param {Frame} frame */
  paint(frame) {
    if (!fit(this.canvas, frame, this.outline.length > 0)) return;
    const context = this.context;
    context.setTransform(frame.dense, 0, 0, frame.dense, 0, 0);
    context.clearRect(0, 0, frame.width, frame.height);
    context.beginPath();
    for (const [n, [x, y]] of this.outline.entries()) {
      const at = frame.screen(x, y);
      if (n === 0) context.moveTo(at.x, at.y);
      else context.lineTo(at.x, at.y);
    }
    if (this.closed) context.closePath();
    for (const [width, colour] of /** @type {[number, string][]} */ ([[5, "#fff"], [2.5, "#b3007a"]])) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.stroke();
    }
    const [x, y] = this.outline[0];
    const at = frame.screen(x, y);
    context.fillStyle = "#b3007a";
    context.fillRect(at.x - 4, at.y - 4, 8, 8);
  }

  draw() {
    const button = (/** @type {string} */ key, /** @type {() => void} */ act, pressed = false) => make("button", {
      type: "button", text: say(key), "aria-pressed": pressed ? "true" : null, on: { click: act },
    });
    this.place.replaceChildren(
      make("p", { class: "note", text: say("assist.what") }),
      make("p", { class: "buttons" },
        this.active ? button("assist.cancel", () => this.clear(), true) : button("assist.draw", () => this.begin()),
        button("assist.view", () => void this.countView()),
        this.closed ? button("assist.clear", () => this.clear()) : null),
      this.active ? make("p", { text: say("assist.how") }) : "",
      this.counting ? make("p", { role: "status", text: say("assist.counting") }) : "",
      this.problem ? refused(this.problem) : "",
      this.told ? counted(this.told) : "");
  }
}

/** @param {Refused} problem */
function refused(problem) {
  return make("div", { class: "warn", role: "alert" },
    make("p", { text: sayOr(`refused.${problem.code}`, say("refused.cannot")) }),
    problem.detail ? make("p", { lang: "en", text: problem.detail }) : null);
}

/** @param {any} told */
function counted(told) {
  const areas = make("p", { text: say("assist.areas", {
    area: quantity(told.area_mm2, "mm2"), analysed: quantity(told.analysed_mm2, "mm2"), nuclei: count(told.nuclei),
  }) });
  if (!told.looked_at_mm2) {
    return make("div", { role: "status" },
      make("p", { class: "missing", text: say("assist.not-looked") }), make("p", { text: say("assist.not-looked-do") }));
  }
  const part = told.looked_at_mm2 < 0.98 * told.area_mm2
    ? make("p", { class: "warn", text: say("assist.partly", { looked: quantity(told.looked_at_mm2, "mm2"), area: quantity(told.area_mm2, "mm2") }) }) : null;
  return make("div", { role: "status" }, part, areas, ...told.findings.map((/** @type {any} */ f) => {
    const refusal = "not_measurable" in f;
    const interval = !refusal && f.low !== undefined && f.low !== null ? say("finding.interval", {
      percent: /(\d+)$/.exec(f.interval ?? "")?.[1] ?? "?", low: quantity(f.low, f.unit), high: quantity(f.high, f.unit),
    }) : "";
    return make("article", { class: "finding", "data-finding": f.name },
      make("h3", { text: sayOr(`assist.name.${f.name}`, f.names[spoken()] ?? f.name) }),
      make("p", { class: refusal ? "missing" : "value", text: refusal ? say("not-measurable") : quantity(f.value, f.unit) }),
      make("p", { class: "interval", text: refusal ? (spoken() === "zh" ? sayOr(`reason.${f.reason_code}`, f.not_measurable) : f.not_measurable) : interval }),
      "part" in f && f.counted !== "um2" ? make("p", { class: "quiet", text: say("finding.nuclei-of", { part: count(f.part), whole: count(f.whole) }) }) : null,
      make("details", {}, make("summary", { text: say("finding.caveats") }),
        make("ul", { class: "caveats" }, ...f.caveats.map((/** @type {string} */ c) => make("li", { text: sentence(c) })))));
  }), make("p", { class: "note", text: say("assist.not-kept") }));
}
