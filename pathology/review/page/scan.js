// The scan itself: OpenSeadragon over the server's tiles, and the frame that all overlays share.

import { fit, Frame, pen, wipe } from "./frame.js";

/** @typedef {{downsample: number, width: number, height: number, tile_width: number, tile_height: number}} Level */
/** @typedef {{width_px0: number, height_px0: number, mpp: number}} Slide */

/** Objective powers and micrometres: 10x shows 1 µm in a pixel, 40x a quarter. */
const UM_AT_1X = 10;
const STILL_PX = 5;
const REST_MS = 120;
/** Frames further apart than this do not belong to one movement. */
const GAP_MS = 3000;

/** OpenSeadragon's canvas drawer, drawing with this page's pen. */
function byPen() {
  const { CanvasDrawer } = /** @type {any} */ (OpenSeadragon);
  return class extends CanvasDrawer {
    _createDrawingElement() {
      const canvas = super._createDrawingElement();
      pen(canvas); // the first to ask decides how it is drawn on
      return canvas;
    }
  };
}

export class Scan {
  /**
   * @param {HTMLElement} stage @param {Slide} slide @param {Level[]} levels finest first; none: no scan
   * @param {string} tiles address of the tiles
   */
  constructor(stage, slide, levels, tiles) {
    this.stage = stage;
    this.slide = slide;
    /** @type {((frame: Frame) => void)[]} */
    this.painters = [];
    /** @type {((frame: Frame) => void)[]} */
    this.resters = [];
    /** @type {HTMLCanvasElement[]} bottom to top */
    this.overlays = [];
    this.restTimer = 0;
    /** ms between the frames of a movement, smoothed */
    this.pace = 16;
    this.painted = 0;
    /** how often the view was painted, and whether it came to rest since */
    this.paints = 0;
    this.resting = false;
    this.asked = false;
    const source = /** @type {any} */ ({
      width: slide.width_px0, height: slide.height_px0, tileSize: 512, minLevel: 0,
      maxLevel: Math.max(0, levels.length - 1),
      getTileUrl: (/** @type {number} */ level, /** @type {number} */ x, /** @type {number} */ y) =>
        `${tiles}/${levels.length - 1 - level}/${x}/${y}`,
    });
    if (levels.length) {
      const of = (/** @type {number} */ level) => levels[levels.length - 1 - level];
      source.getTileWidth = (/** @type {number} */ level) => of(level).tile_width;
      source.getTileHeight = (/** @type {number} */ level) => of(level).tile_height;
    } else {
      source.tileExists = () => false;
    }
    // OpenSeadragon would add a style sheet inline, which the policy of this page forbids; it does
    // not where it finds its mark. page.css says the same.
    const mark = document.createElement("style");
    mark.setAttribute("data-openseadragon-mobile-css", "true");
    document.head.append(mark);
    this.viewer = OpenSeadragon({
      element: stage, tileSources: source, drawer: /** @type {any} */ (byPen()),
      showNavigationControl: false, showNavigator: true, navigatorPosition: "BOTTOM_RIGHT",
      navigatorSizeRatio: 0.18, navigatorBackground: "white", navigatorOpacity: 1,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsPen: { clickToZoom: false },
      maxZoomPixelRatio: 8, minZoomImageRatio: 0.5, visibilityRatio: 0.2,
      animationTime: 0.35, springStiffness: 8, zoomPerScroll: 1.25,
      imageLoaderLimit: 8, maxTilesPerFrame: 12, maxImageCacheCount: 400, timeout: 60000,
      smoothTileEdgesMinZoom: Infinity,
    });
    this.viewer.addHandler("update-viewport", () => this.paint());
    // OpenSeadragon's canvas stretches every tile by a pixel to hide the seams between them, which
    // moves cells by up to a pixel from where they are. Here tiles are drawn as they are, and what
    // shines through a seam is the slide itself, coarse, from below.
    /** @type {any} */ (this.viewer.drawer).minimumOverlapRequired = () => false;
    if (levels.length) this.lay(`${tiles}/${levels.length - 1}/0/0`, levels[levels.length - 1].downsample);
    for (const event of ["open", "resize", "rotate", "animation-finish"]) {
      this.viewer.addHandler(/** @type {any} */ (event), () => this.again());
    }
    /** where the pointer last went down, CSS px */
    this.pressed = { x: 0, y: 0 };
    this.viewer.addHandler("canvas-press", (/** @type {any} */ event) => {
      this.pressed = event.position;
    });
    this.viewer.addHandler("canvas-key", (/** @type {any} */ event) => {
      event.preventDefaultAction = true; // the page has keys of its own
    });
  }

  /** The coarsest tile, under all others. @param {string} address @param {number} downsample */
  lay(address, downsample) {
    const canvas = this.canvas("below");
    this.viewer.canvas.prepend(canvas);
    const context = pen(canvas);
    const picture = new Image();
    picture.addEventListener("load", () => this.again());
    picture.src = address;
    this.painters.push((frame) => {
      fit(canvas, frame);
      wipe(context);
      if (!picture.naturalWidth) return;
      frame.from(context, 0, 0);
      context.drawImage(picture, 0, 0, picture.naturalWidth * downsample, picture.naturalHeight * downsample);
    });
  }

  /** Whether nothing moves, and every tile in sight has come. */
  settled() {
    const item = this.viewer.world.getItemAt(0);
    return Boolean(item) && this.resting && !this.asked && !/** @type {any} */ (this.viewer).isAnimating() && item.getFullyLoaded();
  }

  /** Whether a click is one, however long it took: the pointer did not move. @param {import("./frame.js").Point} at */
  still(at) {
    return Math.hypot(at.x - this.pressed.x, at.y - this.pressed.y) < STILL_PX;
  }

  /** @returns {Promise<void>} */
  ready() {
    if (this.viewer.world.getItemCount()) return Promise.resolve();
    return new Promise((done) => this.viewer.addOnceHandler("open", () => done()));
  }

  /** @param {boolean} [now] false: where a moving view will come to rest @returns {Frame|null} */
  frame(now = true) {
    const item = this.viewer.world.getItemAt(0);
    const view = this.viewer.viewport;
    if (!item || !view) return null;
    const at = (/** @type {number} */ x, /** @type {number} */ y) =>
      view.pixelFromPoint(item.imageToViewportCoordinates(x, y, now), now);
    const { width_px0: width, height_px0: height } = this.slide;
    const origin = at(0, 0);
    const [right, bottom] = [at(width, 0), at(0, height)];
    const size = view.getContainerSize();
    return new Frame(
      origin,
      { x: (right.x - origin.x) / width, y: (right.y - origin.y) / width },
      { x: (bottom.x - origin.x) / height, y: (bottom.y - origin.y) / height },
      size.x, size.y, devicePixelRatio,
    );
  }

  /** Paint now, in the same frame as the tiles, so that nothing swims. */
  paint() {
    const frame = this.frame();
    if (!frame) return;
    const now = performance.now();
    if (now - this.painted < GAP_MS) this.pace += 0.3 * (now - this.painted - this.pace);
    this.painted = now;
    this.paints++;
    this.resting = false;
    for (const painter of this.painters) painter(frame);
    clearTimeout(this.restTimer);
    // On a slow machine the next frame of a moving view comes late: that is no rest yet.
    this.restTimer = window.setTimeout(() => this.rest(), Math.max(REST_MS, 3 * this.pace));
  }

  rest() {
    const frame = this.frame();
    this.resting = true;
    if (frame) for (const rester of this.resters) rester(frame);
  }

  /** Paint before the next frame. */
  again() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint();
    });
  }

  /** Magnification of a frame: what a microscope would show in a device pixel. @param {Frame} frame */
  power(frame) {
    return (UM_AT_1X / this.slide.mpp) * frame.scale * frame.dense;
  }

  /** @param {number} power */
  magnify(power) {
    const scale = (power * this.slide.mpp) / UM_AT_1X / devicePixelRatio;
    const view = this.viewer.viewport;
    view.zoomTo((scale * this.slide.width_px0) / view.getContainerSize().x);
    view.applyConstraints();
  }

  /** @param {import("./frame.js").Bounds} bounds level-0 px */
  show(bounds) {
    const item = this.viewer.world.getItemAt(0);
    const least = 120 / this.slide.mpp; // a field of view around the smallest region
    const [cx, cy] = [(bounds.left + bounds.right) / 2, (bounds.top + bounds.bottom) / 2];
    const width = Math.max(least, (bounds.right - bounds.left) * 1.25);
    const height = Math.max(least, (bounds.bottom - bounds.top) * 1.25);
    const box = item.imageToViewportRectangle(cx - width / 2, cy - height / 2, width, height);
    this.viewer.viewport.fitBounds(box);
  }

  /** @param {number} degrees clockwise */
  turn(degrees) {
    const view = this.viewer.viewport;
    view.setRotation((view.getRotation() + degrees + 360) % 360, true);
  }

  upright() {
    this.viewer.viewport.setRotation(0, true);
  }

  whole() {
    this.viewer.viewport.goHome();
  }

  /** @param {number} factor */
  zoom(factor) {
    this.viewer.viewport.zoomBy(factor);
    this.viewer.viewport.applyConstraints();
  }

  /** @param {number} across @param {number} down shares of the stage, as the eye sees it */
  pan(across, down) {
    const view = this.viewer.viewport;
    const size = view.getContainerSize();
    const by = view.deltaPointsFromPixels(new OpenSeadragon.Point(across * size.x, down * size.y));
    view.panBy(by.rotate(-view.getRotation()));
    view.applyConstraints();
  }

  /** Let an overlay lie over the tiles and under the pointer. @param {string} name */
  canvas(name) {
    const canvas = document.createElement("canvas");
    canvas.className = "overlay";
    canvas.dataset.overlay = name;
    canvas.setAttribute("aria-hidden", "true");
    this.viewer.canvas.append(canvas);
    this.overlays.push(canvas);
    return canvas;
  }
}
