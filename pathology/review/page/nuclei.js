// Nuclei: points from afar, outlines near to.

import { askJson, askPacked } from "./ask.js";
import { fit, grown, holds, pen, query, shared, wipe } from "./frame.js";
import { Points, SLOW_MS } from "./points.js";
import { markOf } from "./styles_of.js";

/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {import("./frame.js").Bounds} Bounds */

/** A nucleus is some 8 µm wide: from this many px on, its outline says more than a point. */
const NUCLEUS_UM = 8;
const OUTLINED_PX = 14;
/** A click may miss by this much, CSS px. */
const REACH_PX = 6;

export class NucleiLayer {
  /**
   * @param {import("./scan.js").Scan} scan @param {string} address of the result
   * @param {string} analysis @param {import("./layers.js").Layers} layers
   */
  constructor(scan, address, analysis, layers) {
    this.scan = scan;
    this.address = address;
    this.analysis = analysis;
    this.layers = layers;
    /** @type {Points|null} */
    this.points = null;
    this.pointsCanvas = scan.canvas("points");
    this.canvas = scan.canvas("outlines");
    this.context = pen(this.canvas);
    /** @type {{box: Bounds, origin: number[], tooMany: boolean, paths: Map<string, Path2D>, dots: Map<string, number[]>}|null} */
    this.loaded = null;
    this.asking = new AbortController();
    /** @type {number[][]} outline of the nucleus that was clicked */
    this.chosen = [];
    this.resting = false;
    /** @type {Map<number, number>} what a person calls nuclei, by their number */
    this.called = new Map();
    scan.painters.push((frame) => {
      this.resting = false;
      this.paint(frame);
    });
    scan.resters.push((frame) => {
      this.resting = true;
      this.paint(frame);
      this.load(frame);
    });
  }

  /** All nuclei; until then none are shown. */
  async begin() {
    const packed = await askPacked(`${this.address}/points`);
    this.points = new Points(this.scan, packed, this.analysis, this.pointsCanvas);
    this.scan.again();
    return this.points;
  }

  /**
   * Show nuclei as a person calls them.
   * @param {{cells: Map<number, number>, places: Map<number, number>}} called calls by number, and by place among the points
   */
  call({ cells, places }) {
    this.called = cells;
    this.points?.call(places);
    this.loaded = null;
    this.scan.again();
  }

  /** How many there are, by name of the mark. @returns {Map<string, number>} */
  numbers() {
    const found = new Map();
    for (const [call, number] of Object.entries(this.points?.told.numbers ?? {})) {
      const { name } = markOf(Number(call), this.analysis);
      found.set(name, (found.get(name) ?? 0) + Number(number));
    }
    return found;
  }

  /** @param {Frame} frame */
  near(frame) {
    return (NUCLEUS_UM / this.scan.slide.mpp) * frame.scale >= OUTLINED_PX;
  }

  /** @param {Frame} frame */
  async load(frame) {
    const { shown } = this.layers.of("nuclei");
    const slide = this.scan.slide;
    const extent = { left: 0, top: 0, right: slide.width_px0, bottom: slide.height_px0 };
    const seen = shared(frame.box(), extent);
    if (!shown || !seen || !this.near(frame) || (this.loaded && holds(this.loaded.box, seen))) return;
    const box = grown(seen, 0.3);
    this.asking.abort();
    this.asking = new AbortController();
    try {
      const packed = await askPacked(`${this.address}/outlines?${query(box)}`, this.asking.signal);
      this.loaded = this.sorted(box, packed);
      this.scan.again();
    } catch (problem) {
      if (!(problem instanceof DOMException)) this.loaded = null; // points stay in sight
    }
  }

  /** @param {Bounds} box @param {import("./ask.js").Packed} packed */
  sorted(box, { told, arrays }) {
    const { points, start, cell } = arrays;
    const call = arrays.call.map((/** @type {number} */ c, /** @type {number} */ n) => this.called.get(cell[n]) ?? c);
    /** @type {Map<string, Path2D>} */
    const paths = new Map();
    /** @type {Map<string, number[]>} */
    const dots = new Map();
    for (let n = 0; n < call.length; n++) {
      const { name } = markOf(call[n], this.analysis);
      const path = paths.get(name) ?? new Path2D();
      paths.set(name, path);
      let [x, y] = [0, 0];
      for (let i = start[n]; i < start[n + 1]; i++) {
        if (i === start[n]) path.moveTo(points[2 * i], points[2 * i + 1]);
        else {
          path.lineTo(points[2 * i], points[2 * i + 1]);
          x += points[2 * i];
          y += points[2 * i + 1];
        }
      }
      path.closePath();
      const corners = start[n + 1] - start[n] - 1;
      if (corners > 0) {
        const list = dots.get(name) ?? [];
        list.push(x / corners, y / corners);
        dots.set(name, list);
      }
    }
    return { box, origin: told.origin, tooMany: told.too_many, paths, dots };
  }

  /** @param {Frame} frame */
  paint(frame) {
    const { shown, opacity } = this.layers.of("nuclei");
    const shows = (/** @type {string} */ name) => this.layers.marks.has(name);
    const slide = this.scan.slide;
    const seen = shared(frame.box(), { left: 0, top: 0, right: slide.width_px0, bottom: slide.height_px0 });
    const outlined = this.near(frame) && (this.resting || this.scan.pace < SLOW_MS) && this.loaded !== null && !this.loaded.tooMany
      && seen !== null && holds(this.loaded.box, seen);
    this.points?.paint(frame, { opacity: shown && !outlined ? opacity : 0, shows }, this.resting);
    const used = (shown && outlined) || this.chosen.length > 2;
    if (!fit(this.canvas, frame, used)) return;
    const context = this.context;
    wipe(context);
    if (shown && outlined && this.loaded) {
      frame.from(context, this.loaded.origin[0], this.loaded.origin[1]);
      context.globalAlpha = opacity;
      for (const [name, path] of this.loaded.paths) if (shows(name)) this.outline(name, path, frame);
      context.globalAlpha = 1;
    }
    this.paintChosen(frame);
  }

  /** @param {string} name @param {Path2D} path @param {Frame} frame */
  outline(name, path, frame) {
    const context = this.context;
    const mark = this.layers.markNamed(name);
    const line = 1 / frame.scale;
    const thin = name === "left-out" ? 1 : 2;
    if (thin > 1) {
      context.lineWidth = (thin + 1.5) * line;
      context.strokeStyle = name === "ambiguous" ? "rgb(40 40 40 / 0.9)" : "rgb(255 255 255 / 0.8)";
      context.stroke(path);
    }
    context.lineWidth = thin * line;
    context.strokeStyle = `rgb(${mark.colour.join(" ")})`;
    context.stroke(path);
    if (name !== "positive") return;
    context.fillStyle = context.strokeStyle; // for who does not see the colour
    const dots = this.loaded?.dots.get(name) ?? [];
    for (let i = 0; i < dots.length; i += 2) {
      context.fillRect(dots[i] - 1.5 * line, dots[i + 1] - 1.5 * line, 3 * line, 3 * line);
    }
  }

  /** @param {Frame} frame */
  paintChosen(frame) {
    if (this.chosen.length < 3) return;
    const context = this.context;
    context.setTransform(frame.dense, 0, 0, frame.dense, 0, 0);
    context.beginPath();
    for (const [n, [x, y]] of this.chosen.entries()) {
      const at = frame.screen(x, y);
      if (n === 0) context.moveTo(at.x, at.y);
      else context.lineTo(at.x, at.y);
    }
    context.closePath();
    context.lineWidth = 5;
    context.strokeStyle = "#111";
    context.stroke();
    context.lineWidth = 2.5;
    context.strokeStyle = "#fff";
    context.stroke();
  }

  /**
   * What is known of the nucleus at a place of the screen; null where there is none.
   * @param {import("./frame.js").Point} at CSS px @returns {Promise<any>}
   */
  async choose(at) {
    const frame = this.scan.frame();
    if (!frame) return null;
    const place = frame.slide(at.x, at.y);
    const reach = Math.min(200, REACH_PX / frame.scale);
    const path = `${this.address}/nucleus?x=${place.x}&y=${place.y}&reach=${reach}`;
    const { nucleus } = await askJson(path);
    this.chosen = nucleus ? nucleus.outline : [];
    this.scan.again();
    return nucleus;
  }
}
