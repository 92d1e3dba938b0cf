// What lies flat on the slide: maps as pictures, regions as lines and hatching.

import { askPacked } from "./ask.js";
import { fit, grown, holds, pen, query, shared, wipe } from "./frame.js";
import { lookOf } from "./styles_of.js";

/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {import("./frame.js").Bounds} Bounds */
/** @typedef {{id: string, kind: string, source: string, area_mm2: number, length_mm: number, bounds: number[]}} Region */
/** @typedef {{name: string, width: number, height: number, px0: number, most: number|null}} MapTold */
/** @typedef {import("./layers.js").Layers} Layers */

/** A region is asked for again when a screen pixel has become this much finer. */
const FINER = 1.9;

export class Ground {
  /**
   * @param {import("./scan.js").Scan} scan @param {string} address of the result
   * @param {{regions: Region[], maps: MapTold[]}} told @param {Layers} layers
   */
  constructor(scan, address, told, layers) {
    this.scan = scan;
    this.address = address;
    this.regions = told.regions;
    this.maps = told.maps;
    this.layers = layers;
    this.canvas = scan.canvas("ground");
    this.context = pen(this.canvas);
    /** @type {CanvasRenderingContext2D|null} over the nuclei, see `names` */
    this.above = null;
    /** @type {Map<string, HTMLImageElement>} */
    this.pictures = new Map();
    /** @type {{box: Bounds, pixel: number, origin: number[], paths: {region: number, area: boolean, path: Path2D}[]}|null} */
    this.loaded = null;
    this.asking = new AbortController();
    this.failed = "";
    /** @type {string|null} a region that a link points at */
    this.pointed = null;
    const slide = scan.slide;
    // Discs around places near the edge reach beyond the slide.
    this.extent = grown({ left: 0, top: 0, right: slide.width_px0, bottom: slide.height_px0 }, 0.25);
    scan.painters.push((frame) => this.paint(frame));
    scan.resters.push((frame) => this.load(frame));
  }

  /** Names of regions lie over the nuclei: called when those have their canvas. */
  names() {
    this.above = pen(this.scan.canvas("names"));
  }

  /** @param {Frame} frame */
  async load(frame) {
    const seen = shared(frame.box(), this.extent);
    if (!seen || !this.regions.length) return;
    const pixel = 1 / frame.scale;
    const fine = this.loaded && pixel > this.loaded.pixel / FINER;
    if (this.loaded && fine && holds(this.loaded.box, seen) && pixel < this.loaded.pixel * 4) return;
    const box = shared(grown(seen, 0.5), this.extent) ?? seen;
    this.asking.abort();
    this.asking = new AbortController();
    try {
      const path = `${this.address}/regions?${query(box)}&pixel=${pixel}`;
      const { told, arrays } = await askPacked(path, this.asking.signal);
      this.loaded = { box, pixel, origin: told.origin, paths: paths(arrays) };
      this.scan.again();
    } catch (problem) {
      if (!(problem instanceof DOMException)) this.failed = String(problem);
    }
  }

  /** @param {Frame} frame */
  paint(frame) {
    fit(this.canvas, frame);
    const context = this.context;
    wipe(context);
    for (const map of this.maps) this.paintMap(frame, map);
    if (this.loaded) this.paintRegions(frame);
    this.paintNames(frame);
    context.globalAlpha = 1;
  }

  /** @param {Frame} frame @param {MapTold} map */
  paintMap(frame, map) {
    const { shown, opacity } = this.layers.of(map.name);
    if (!shown) return;
    let picture = this.pictures.get(map.name);
    if (!picture) {
      picture = new Image();
      picture.addEventListener("load", () => this.scan.again());
      picture.src = `${this.address}/maps/${map.name}`;
      this.pictures.set(map.name, picture);
    }
    if (!picture.complete || !picture.naturalWidth) return;
    frame.from(this.context, 0, 0);
    this.context.globalAlpha = opacity;
    // Classes have borders; a density between two pixels is a guess, so neither is smoothed near to.
    this.context.imageSmoothingEnabled = frame.scale * map.px0 < 1;
    this.context.drawImage(picture, 0, 0, map.width * map.px0, map.height * map.px0);
  }

  /** @param {Frame} frame */
  paintRegions(frame) {
    const { context, loaded } = this;
    if (!loaded) return;
    const line = 1 / frame.scale;
    context.lineJoin = "round";
    for (const { region, area, path } of loaded.paths) {
      const told = this.regions[region];
      const look = told && lookOf(told);
      if (!look) continue;
      const { shown, opacity } = this.layers.of(look.layer);
      if (!shown) continue;
      frame.from(context, loaded.origin[0], loaded.origin[1]);
      context.globalAlpha = opacity;
      if (area) {
        if (!look.hatched) continue;
        context.fillStyle = this.hatch(look.colour, frame);
        context.fill(path, "evenodd");
        continue;
      }
      const wide = (look.width ?? 1.5) * (told.id === this.pointed ? 1.8 : 1) * line;
      context.setLineDash([]);
      context.strokeStyle = "rgb(255 255 255 / 0.8)";
      context.lineWidth = wide + 2 * line;
      context.stroke(path);
      context.setLineDash((look.dash ?? []).map((d) => d * line));
      context.strokeStyle = look.colour;
      context.lineWidth = wide;
      context.stroke(path);
    }
    context.setLineDash([]);
  }

  /** Lines at 45 degrees of the screen, whatever the zoom. @param {string} colour @param {Frame} frame */
  hatch(colour, frame) {
    const size = 8 * Math.max(1, Math.round(frame.dense));
    const tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const ink = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
    ink.strokeStyle = colour;
    ink.lineWidth = size / 5;
    for (const shift of [-size, 0, size]) {
      ink.moveTo(shift, size);
      ink.lineTo(shift + size, 0);
    }
    ink.stroke();
    const pattern = /** @type {CanvasPattern} */ (this.context.createPattern(tile, "repeat"));
    pattern.setTransform(this.context.getTransform().inverse());
    return pattern;
  }

  /** Names of fields and hot spots, upright. @param {Frame} frame */
  paintNames(frame) {
    const context = this.above;
    const named = this.regions.filter((r) => ["field", "hotspot"].includes(lookOf(r)?.layer ?? "")
      && this.layers.of(lookOf(r)?.layer ?? "").shown);
    if (!context || !fit(context.canvas, frame, named.length > 0)) return;
    wipe(context);
    context.setTransform(frame.dense, 0, 0, frame.dense, 0, 0);
    const em = parseFloat(getComputedStyle(document.documentElement).fontSize);
    context.font = `600 ${em}px system-ui, sans-serif`;
    context.textBaseline = "bottom";
    for (const region of named) {
      const look = /** @type {import("./styles_of.js").RegionLook} */ (lookOf(region));
      const { opacity } = this.layers.of(look.layer);
      const [left, top, right] = region.bounds;
      if ((right - left) * frame.scale < 24) continue;
      const at = frame.screen((left + right) / 2, top);
      const name = this.layers.nameOf(region);
      const width = context.measureText(name).width;
      context.globalAlpha = opacity;
      context.fillStyle = "rgb(255 255 255 / 0.9)";
      context.fillRect(at.x - width / 2 - 4, at.y - 1.5 * em, width + 8, 1.4 * em);
      context.fillStyle = look.colour;
      context.fillText(name, at.x - width / 2, at.y - 0.15 * em);
    }
  }
}

/** Rings of a region's areas are one path, so that holes are holes. @param {Record<string, any>} arrays */
function paths(arrays) {
  const { points, start, region, form } = arrays;
  /** @type {{region: number, area: boolean, path: Path2D}[]} */
  const found = [];
  for (let n = 0; n < region.length; n++) {
    const area = form[n] === 0;
    const last = found[found.length - 1];
    const same = last && last.region === region[n] && last.area === area;
    const path = same ? last.path : new Path2D();
    for (let i = start[n]; i < start[n + 1]; i++) {
      if (i === start[n]) path.moveTo(points[2 * i], points[2 * i + 1]);
      else path.lineTo(points[2 * i], points[2 * i + 1]);
    }
    if (area) path.closePath();
    if (!same) found.push({ region: region[n], area, path });
  }
  return found;
}
