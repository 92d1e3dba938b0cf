// Regions and places under the pointer: chosen, moved, bent, corner by corner; all of it by keys too.

import { fit, pen, wipe } from "./frame.js";
import { trace } from "./pencil.js";
import { lookOf } from "./styles_of.js";

/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {import("./frame.js").Point} Point */
/** @typedef {import("./edits.js").Edits} Edits */
/** @typedef {{id: string, kind: string, middle: number[], reach: number}} Place */
/** @typedef {{polygon: number, ring: number, corner: number}} Corner */

const NEAR_PX = 8;
const STEP_PX = 6;

export class Corrector {
  /** @param {import("./scan.js").Scan} scan @param {Edits} edits @param {Place[]} places as the program puts them @param {() => void} chosen */
  constructor(scan, edits, places, chosen) {
    this.scan = scan;
    this.edits = edits;
    this.places = places;
    this.tellChosen = chosen;
    this.shown = false;
    /** @type {string|null} */
    this.chosen = null;
    /** @type {Corner|null} */
    this.corner = null;
    /** @type {{from: Point, corner: Corner|null}|null} what the pointer holds */
    this.held = null;
    /** how far it was moved, level-0 px @type {Point} */
    this.moved = { x: 0, y: 0 };
    this.canvas = scan.canvas("corrections");
    this.context = pen(this.canvas);
    scan.painters.push((frame) => this.paint(frame));
    scan.viewer.addHandler("canvas-press", (/** @type {any} */ e) => this.press(e));
    scan.viewer.addHandler("canvas-drag", (/** @type {any} */ e) => this.drag(e));
    scan.viewer.addHandler("canvas-release", () => this.release());
  }

  /** @param {boolean} shown */
  show(shown) {
    this.shown = shown;
    this.scan.again();
  }

  /** @param {string|null} id */
  choose(id) {
    this.chosen = id;
    this.corner = null;
    this.tellChosen();
    this.scan.again();
  }

  /** The next region or place. */
  next() {
    const ids = [...this.edits.now.areas.map((a) => a.id), ...this.places.map((p) => p.id)];
    if (ids.length) this.choose(ids[(ids.indexOf(this.chosen ?? "") + 1) % ids.length]);
  }

  /** @param {string} id @returns {import("./edits.js").Area|undefined} */
  area(id) {
    return this.edits.now.areas.find((a) => a.id === id);
  }

  /** @param {string} id */
  middleOf(id) {
    return this.edits.now.places[id] ?? this.places.find((p) => p.id === id)?.middle ?? null;
  }

  /** The chosen region's corners, one after the other. @returns {Corner[]} */
  corners() {
    const found = [];
    for (const [polygon, rings] of (this.area(this.chosen ?? "")?.polygons ?? []).entries()) {
      for (const [ring, points] of rings.entries()) {
        for (let corner = 0; corner < points.length - 1; corner++) found.push({ polygon, ring, corner });
      }
    }
    return found;
  }

  /** @param {number} by */
  nextCorner(by) {
    const all = this.corners();
    if (!all.length) return;
    const { corner: c } = this;
    const now = c ? all.findIndex((o) => o.polygon === c.polygon && o.ring === c.ring && o.corner === c.corner) : -1;
    this.corner = all[(now + by + all.length) % all.length];
    this.scan.again();
  }

  /** A corner in the middle between the chosen one and the next. */
  insert() {
    const { corner: c } = this;
    const area = this.area(this.chosen ?? "");
    if (!c || !area) return;
    const polygons = structuredClone(area.polygons);
    const ring = polygons[c.polygon][c.ring];
    const [a, b] = [ring[c.corner], ring[c.corner + 1]];
    ring.splice(c.corner + 1, 0, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
    this.corner = { ...c, corner: c.corner + 1 };
    this.edits.change(area.id, { polygons });
  }

  /** The chosen corner, or all that is chosen. */
  remove() {
    const { corner: c } = this;
    const area = this.area(this.chosen ?? "");
    if (c && area) {
      const polygons = structuredClone(area.polygons);
      const ring = polygons[c.polygon][c.ring];
      if (ring.length <= 4) return; // three corners are the least
      ring.splice(c.corner, 1);
      if (c.corner === 0) ring[ring.length - 1] = ring[0];
      this.corner = null;
      this.edits.change(area.id, { polygons });
    } else if (this.chosen) {
      const id = this.chosen;
      this.choose(null);
      this.edits.remove(id);
    }
  }

  /** Move what is chosen by steps of the screen. @param {number} across @param {number} down */
  step(across, down) {
    const frame = this.scan.frame(false);
    if (!frame || !this.chosen) return;
    const [from, to] = [frame.slide(0, 0), frame.slide(across * STEP_PX, down * STEP_PX)];
    this.place({ x: to.x - from.x, y: to.y - from.y }, this.corner);
  }

  /** @param {Point} by level-0 px @param {Corner|null} corner null: all of it */
  place(by, corner) {
    const id = this.chosen ?? "";
    const area = this.area(id);
    const middle = this.middleOf(id);
    if (area) this.edits.change(id, { polygons: shifted(area.polygons, by, corner) });
    else if (middle) this.edits.make({ places: { ...this.edits.now.places, [id]: [middle[0] + by.x, middle[1] + by.y] } });
  }

  /** @param {any} event */
  press(event) {
    const frame = this.scan.frame();
    this.held = null;
    this.moved = { x: 0, y: 0 };
    if (!this.shown || !frame || this.scan.stage.classList.contains("drawing")) return;
    const at = event.position;
    const corner = this.corners().find((c) => {
      const [x, y] = this.area(this.chosen ?? "")?.polygons[c.polygon][c.ring][c.corner] ?? [0, 0];
      const p = frame.screen(x, y);
      return Math.hypot(p.x - at.x, p.y - at.y) < NEAR_PX;
    });
    const id = corner ? this.chosen : this.under(frame, at);
    if (!id) return;
    if (id !== this.chosen) this.choose(id);
    this.corner = corner ?? null;
    this.held = { from: frame.slide(at.x, at.y), corner: this.corner };
    this.scan.again();
  }

  /** What has its edge at a place of the screen. @param {Frame} frame @param {Point} at @returns {string|null} */
  under(frame, at) {
    for (const { id, reach } of this.places) {
      const [x, y] = this.middleOf(id) ?? [0, 0];
      const middle = frame.screen(x, y);
      if (Math.abs(Math.hypot(middle.x - at.x, middle.y - at.y) - reach * frame.scale) < NEAR_PX) return id;
    }
    for (const area of this.edits.now.areas) {
      for (const ring of area.polygons.flat()) {
        for (let n = 1; n < ring.length; n++) {
          const [a, b] = [frame.screen(ring[n - 1][0], ring[n - 1][1]), frame.screen(ring[n][0], ring[n][1])];
          if (fromLine(at, a, b) < NEAR_PX) return area.id;
        }
      }
    }
    return null;
  }

  /** @param {any} event */
  drag(event) {
    const frame = this.scan.frame();
    if (!this.held || !frame) return;
    event.preventDefaultAction = true;
    const now = frame.slide(event.position.x, event.position.y);
    this.moved = { x: now.x - this.held.from.x, y: now.y - this.held.from.y };
    this.scan.again();
  }

  release() {
    const { held, moved } = this;
    this.held = null;
    this.moved = { x: 0, y: 0 };
    if (held && (moved.x || moved.y)) this.place(moved, held.corner);
  }

  /** @param {Frame} frame */
  paint(frame) {
    const { areas } = this.edits.now;
    if (!fit(this.canvas, frame, this.shown && (areas.length > 0 || this.places.length > 0))) return;
    const context = this.context;
    wipe(context);
    context.setTransform(frame.dense, 0, 0, frame.dense, 0, 0);
    context.lineJoin = "round";
    for (const area of areas) {
      const own = area.id === this.chosen;
      const polygons = own && this.held ? shifted(area.polygons, this.moved, this.held.corner) : area.polygons;
      for (const ring of polygons.flat()) {
        trace(context, frame, ring, true);
        this.stroke(lookOf(area)?.colour ?? "#b3007a", own);
        if (own) this.paintCorners(frame, ring);
      }
    }
    for (const { id, kind, reach } of this.places) {
      const own = id === this.chosen;
      if (!own && !(id in this.edits.now.places)) continue; // it lies where the program put it
      const [x, y] = this.middleOf(id) ?? [0, 0];
      const by = own && this.held ? this.moved : { x: 0, y: 0 };
      const middle = frame.screen(x + by.x, y + by.y);
      context.beginPath();
      context.arc(middle.x, middle.y, reach * frame.scale, 0, 2 * Math.PI);
      this.stroke(lookOf({ id, kind })?.colour ?? "#b3007a", own);
    }
  }

  /** @param {string} colour @param {boolean} own */
  stroke(colour, own) {
    for (const [width, ink] of /** @type {[number, string][]} */ ([[own ? 7 : 5, "#fff"], [own ? 4 : 2.5, colour]])) {
      this.context.lineWidth = width;
      this.context.strokeStyle = ink;
      this.context.stroke();
    }
  }

  /** @param {Frame} frame @param {number[][]} ring */
  paintCorners(frame, ring) {
    const point = this.corner && this.area(this.chosen ?? "")?.polygons[this.corner.polygon]?.[this.corner.ring]?.[this.corner.corner];
    for (const [x, y] of ring.slice(0, -1)) {
      const at = frame.screen(x, y);
      const own = point && point[0] === x && point[1] === y;
      this.context.fillStyle = "#fff";
      this.context.fillRect(at.x - 5, at.y - 5, 10, 10);
      this.context.fillStyle = own ? "#b3007a" : "#111";
      this.context.fillRect(at.x - 3.5, at.y - 3.5, 7, 7);
    }
  }
}

/** @param {number[][][][]} polygons @param {Point} by @param {Corner|null} corner null: all @returns {number[][][][]} */
function shifted(polygons, by, corner) {
  return polygons.map((rings, p) => rings.map((ring, r) => ring.map(([x, y], n) => {
    const last = ring.length - 1;
    const own = !corner || (corner.polygon === p && corner.ring === r && (corner.corner === n || (corner.corner === 0 && n === last)));
    return own ? [x + by.x, y + by.y] : [x, y];
  })));
}

/** Distance of a place from a line between two others. @param {Point} at @param {Point} a @param {Point} b */
function fromLine(at, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = Math.min(1, Math.max(0, ((at.x - a.x) * dx + (at.y - a.y) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(at.x - a.x - along * dx, at.y - a.y - along * dy);
}
