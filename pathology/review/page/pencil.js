// One outline drawn by hand, corner by corner or with the button held: for counting, for a region,
// for a lasso around nuclei.

import { fit, pen, wipe } from "./frame.js";

/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {{done: (outline: number[][]) => void, stopped: () => void}} Use what an outline is drawn for */

/** A hand that moves less than this between two corners adds none, CSS px. */
const STEP_PX = 4;

export class Pencil {
  /** @param {import("./scan.js").Scan} scan */
  constructor(scan) {
    this.scan = scan;
    this.closed = false;
    /** @type {number[][]} level-0 px */
    this.outline = [];
    /** @type {Use|null} */
    this.use = null;
    this.canvas = scan.canvas("drawing");
    this.context = pen(this.canvas);
    scan.painters.push((frame) => this.paint(frame));
    const { viewer } = scan;
    viewer.addHandler("canvas-click", (/** @type {any} */ e) => this.clicked(e));
    viewer.addHandler("canvas-double-click", (/** @type {any} */ e) => {
      if (!this.active) return;
      e.preventDefaultAction = true;
      this.finish();
    });
    viewer.addHandler("canvas-drag", (/** @type {any} */ e) => {
      if (!this.active) return;
      e.preventDefaultAction = true;
      this.add(e.position);
    });
    viewer.addHandler("canvas-drag-end", (/** @type {any} */ e) => {
      if (!this.active) return;
      e.preventDefaultAction = true;
      if (this.outline.length > 8) this.finish();
    });
  }

  get active() {
    return this.use !== null && !this.closed;
  }

  /** Take the pencil up; whoever had it before puts it down. @param {Use} use */
  begin(use) {
    this.clear();
    this.use = use;
    this.scan.stage.classList.add("drawing");
    this.scan.again();
  }

  /** Put it down, and take what it drew away. */
  clear() {
    const { use } = this;
    this.use = null;
    this.closed = false;
    this.outline = [];
    this.scan.stage.classList.remove("drawing");
    this.scan.again();
    use?.stopped();
  }

  back() {
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
  view() {
    const frame = this.scan.frame(false); // where the view is going, if it moves
    if (!frame || !this.active) return;
    this.outline = [[0, 0], [frame.width, 0], [frame.width, frame.height], [0, frame.height]].map(([x, y]) => {
      const at = frame.slide(x, y);
      return [at.x, at.y];
    });
    this.finish();
  }

  finish() {
    if (!this.active || this.outline.length < 3) return;
    this.closed = true;
    this.scan.stage.classList.remove("drawing");
    this.scan.again();
    this.use?.done(this.outline);
  }

  /** @param {Frame} frame */
  paint(frame) {
    if (!fit(this.canvas, frame, this.outline.length > 0)) return;
    const context = this.context;
    wipe(context);
    context.setTransform(frame.dense, 0, 0, frame.dense, 0, 0);
    trace(context, frame, this.outline, this.closed);
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
}

/**
 * Begin a path along places of the slide, in CSS px.
 * @param {CanvasRenderingContext2D} context @param {Frame} frame @param {number[][]} outline @param {boolean} closed
 */
export function trace(context, frame, outline, closed) {
  context.beginPath();
  for (const [n, [x, y]] of outline.entries()) {
    const at = frame.screen(x, y);
    if (n === 0) context.moveTo(at.x, at.y);
    else context.lineTo(at.x, at.y);
  }
  if (closed) context.closePath();
}
