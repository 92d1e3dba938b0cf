// Where the slide lies on the screen: the one place that turns level-0 px into screen px and back.

/**
 * screen = origin + x * across + y * down, in CSS px of the stage; x and y in level-0 px.
 * @typedef {{x: number, y: number}} Point
 */

export class Frame {
  /**
   * @param {Point} origin @param {Point} across @param {Point} down
   * @param {number} width @param {number} height of the stage, CSS px
   * @param {number} dense device px per CSS px
   */
  constructor(origin, across, down, width, height, dense) {
    this.origin = origin;
    this.across = across;
    this.down = down;
    this.width = width;
    this.height = height;
    this.dense = dense;
    /** CSS px per level-0 px */
    this.scale = Math.hypot(across.x, across.y);
  }

  /** @param {number} x @param {number} y @returns {Point} */
  screen(x, y) {
    const { origin, across, down } = this;
    return { x: origin.x + x * across.x + y * down.x, y: origin.y + x * across.y + y * down.y };
  }

  /** @param {number} x @param {number} y CSS px @returns {Point} level-0 px */
  slide(x, y) {
    const { origin, across, down } = this;
    const area = across.x * down.y - across.y * down.x;
    const [dx, dy] = [x - origin.x, y - origin.y];
    return { x: (dx * down.y - dy * down.x) / area, y: (dy * across.x - dx * across.y) / area };
  }

  /** The smallest upright box of the slide that holds the whole stage, level-0 px. */
  box() {
    const corners = [[0, 0], [this.width, 0], [0, this.height], [this.width, this.height]].map(
      ([x, y]) => this.slide(x, y),
    );
    const xs = corners.map((c) => c.x);
    const ys = corners.map((c) => c.y);
    return {
      left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys),
    };
  }

  /**
   * Let a canvas draw in level-0 px measured from a place: short numbers keep their precision.
   * @param {CanvasRenderingContext2D} context @param {number} x @param {number} y
   */
  from(context, x, y) {
    const at = this.screen(x, y);
    const d = this.dense;
    const { across, down } = this;
    context.setTransform(
      across.x * d, across.y * d, down.x * d, down.y * d, at.x * d, at.y * d,
    );
  }
}

/**
 * Make a canvas as large as the stage. One with nothing on it is taken out of the page: without a
 * graphics card every layer costs as much as the slide itself.
 * @param {HTMLCanvasElement} canvas @param {Frame} frame @param {boolean} [used]
 * @returns {boolean} whether there is anything to draw
 */
export function fit(canvas, frame, used = true) {
  canvas.hidden = !used;
  if (!used) return false;
  const [width, height] = [frame.width * frame.dense, frame.height * frame.dense].map(Math.round);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return true;
}

/** @type {boolean|null} */
let byProcessor = null;

/** Whether this machine has no graphics card that the browser uses. */
export function drawnByProcessor() {
  if (byProcessor === null) {
    const careful = { failIfMajorPerformanceCaveat: true };
    const gl = /** @type {WebGL2RenderingContext|null} */ (document.createElement("canvas").getContext("webgl2", careful));
    const told = gl?.getExtension("WEBGL_debug_renderer_info");
    const card = gl ? String(gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER)) : "";
    byProcessor = !gl || /swiftshader|llvmpipe|softpipe|software|basic render/i.test(card);
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return byProcessor;
}

/**
 * What draws on a canvas. Without a graphics card the browser imitates one, which takes ten times as
 * long for lines as drawing them by the processor; what is read often, it draws so.
 * @param {HTMLCanvasElement} canvas @returns {CanvasRenderingContext2D}
 */
export function pen(canvas) {
  const how = { willReadFrequently: drawnByProcessor() };
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", how));
}

/**
 * Empty a canvas, whose transformation is then that of its own px. In two halves: where a frame does
 * nothing but clear the whole canvas, Chromium 156 leaves the old picture on the screen.
 * @param {CanvasRenderingContext2D} context
 */
export function wipe(context) {
  const { width, height } = context.canvas;
  const half = Math.floor(width / 2);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, half, height);
  context.clearRect(half, 0, width - half, height);
}

/** @typedef {{left: number, top: number, right: number, bottom: number}} Bounds */

/** @param {Bounds} outer @param {Bounds} inner */
export function holds(outer, inner) {
  return outer.left <= inner.left && outer.top <= inner.top
    && outer.right >= inner.right && outer.bottom >= inner.bottom;
}

/** A box grown on every side by a share of its size, on whole px. @param {Bounds} box @param {number} share */
export function grown(box, share) {
  const dx = (box.right - box.left) * share;
  const dy = (box.bottom - box.top) * share;
  return {
    left: Math.floor(box.left - dx), top: Math.floor(box.top - dy),
    right: Math.ceil(box.right + dx), bottom: Math.ceil(box.bottom + dy),
  };
}

/** @param {Bounds} a @param {Bounds} b @returns {Bounds|null} */
export function shared(a, b) {
  const box = {
    left: Math.max(a.left, b.left), top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right), bottom: Math.min(a.bottom, b.bottom),
  };
  return box.right > box.left && box.bottom > box.top ? box : null;
}

/** @param {Bounds} box @returns {string} */
export function query(box) {
  return `left=${box.left}&top=${box.top}&width=${box.right - box.left}&height=${box.bottom - box.top}`;
}
