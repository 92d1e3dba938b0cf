// Nuclei as points, a million of them: positions stay in the graphics memory, as 16-bit steps within
// buckets of the slide, and only the buckets in sight are drawn.

import { fit } from "./frame.js";
import { markOf } from "./styles_of.js";

/** @typedef {import("./frame.js").Frame} Frame */

const CALLS = 32;
/** Somewhat less than a nucleus is wide, so that what is drawn does not hide what is meant. */
const WIDE_UM = 5;
const LEAST_PX = 2;
const MOST_PX = 14;
/** While the slide moves, by how quick the machine is; at rest every nucleus is drawn. */
const [MOVING_LEAST, MOVING_MOST] = [5000, 400000];
const QUICK_MS = 25;
export const SLOW_MS = 50;

const VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in float step_x;
layout(location = 1) in float step_y;
layout(location = 2) in uint call;
uniform vec2 origin;       // of the bucket, device px
uniform mat2 turned;       // steps to device px
uniform vec2 size;         // of the canvas, device px
uniform float wide;        // of a point, device px
uniform vec4 look[${CALLS}];    // colour and opacity by call
uniform vec2 form[${CALLS}];    // shape and rank by call
out vec4 colour;
flat out int shape;
flat out float width;
void main() {
  vec2 at = origin + turned * vec2(step_x, step_y);
  colour = look[call];
  shape = int(form[call].x);
  width = max(shape == 3 ? wide * 0.5 : wide, 1.5);
  gl_PointSize = width + 2.0;
  float depth = colour.a > 0.0 ? 0.5 - form[call].y / 16.0 : 9.0;
  gl_Position = vec4(at.x / size.x * 2.0 - 1.0, 1.0 - at.y / size.y * 2.0, depth, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec4 colour;
flat in int shape;
flat in float width;
out vec4 shown;
void main() {
  vec2 from = (gl_PointCoord - 0.5) * (width + 2.0);
  float reach = shape == 2 ? max(abs(from.x), abs(from.y)) * 1.1 : length(from);
  float radius = width / 2.0;
  float cover = clamp(radius + 0.5 - reach, 0.0, 1.0);
  if (shape == 1 && width > 5.0) cover *= clamp(reach - radius * 0.45 + 0.5, 0.0, 1.0);
  if (cover < 0.25) discard;
  float alpha = colour.a * cover;
  shown = vec4(colour.rgb * alpha, alpha);
}`;

export class Points {
  /**
   * @param {import("./scan.js").Scan} scan
   * @param {import("./ask.js").Packed} packed @param {string} analysis
   * @param {HTMLCanvasElement} canvas
   */
  constructor(scan, packed, analysis, canvas) {
    this.scan = scan;
    this.told = packed.told;
    this.analysis = analysis;
    this.canvas = canvas;
    this.number = packed.arrays.call.length;
    this.drawn = 0;
    this.moving = 100000;
    /** @type {WebGL2RenderingContext|null} */
    this.gl = null;
    this.packed = packed;
    /** @type {WebGLBuffer|null} */
    this.buffer = null;
    /** @type {Uint8Array|null} as the program called them */
    this.firstCalls = null;
    this.begin();
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.gl = null;
    });
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.begin();
      scan.again();
    });
  }

  /** Put program and positions into the graphics memory. */
  begin() {
    const options = { antialias: false, premultipliedAlpha: true, preserveDrawingBuffer: true };
    const gl = /** @type {WebGL2RenderingContext|null} */ (this.canvas.getContext("webgl2", options));
    if (!gl) throw new Error("this browser draws no WebGL 2");
    this.program = linked(gl);
    gl.useProgram(this.program);
    /** @type {Record<string, WebGLUniformLocation|null>} */
    this.uniform = {};
    for (const name of ["origin", "turned", "size", "wide", "look", "form"]) {
      this.uniform[name] = gl.getUniformLocation(this.program, name);
    }
    const { x, y, call } = this.packed.arrays;
    for (const [place, column] of [x, y, call].entries()) {
      this.buffer = gl.createBuffer(); // the last is that of the calls
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
      gl.bufferData(gl.ARRAY_BUFFER, column, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(place);
      if (column instanceof Uint8Array) gl.vertexAttribIPointer(place, 1, gl.UNSIGNED_BYTE, 0, 0);
      else gl.vertexAttribPointer(place, 1, gl.UNSIGNED_SHORT, false, 0, 0);
    }
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.gl = gl;
  }

  /** Show nuclei as a person calls them. @param {Map<number, number>} called call by place among the points */
  call(called) {
    const first = this.firstCalls ?? /** @type {Uint8Array} */ (this.packed.arrays.call);
    const calls = first.slice();
    this.firstCalls = first;
    for (const [place, call] of called) calls[place] = call;
    this.packed.arrays.call = calls;
    if (!this.gl || !this.buffer) return;
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, calls, this.gl.STATIC_DRAW);
  }

  /** @param {Frame} frame @param {{opacity: number, shows: (name: string) => boolean}} how @param {boolean} resting */
  paint(frame, how, resting) {
    const gl = this.gl;
    if (!gl) return;
    this.drawn = 0;
    if (!fit(this.canvas, frame, how.opacity > 0)) return;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    this.dress(gl, frame, how);
    const seen = frame.box();
    const { bucket_px0: side, step_px0: step, buckets, start } = this.told;
    const inSight = [];
    let total = 0;
    for (let b = 0; b < buckets.length; b++) {
      const [left, top] = [buckets[b][0] * side, buckets[b][1] * side];
      if (left > seen.right || top > seen.bottom || left + side < seen.left || top + side < seen.top) {
        continue;
      }
      inSight.push(b);
      total += start[b + 1] - start[b];
    }
    if (!resting && this.scan.pace > SLOW_MS) this.moving = Math.max(MOVING_LEAST, this.moving * 0.8);
    if (!resting && this.scan.pace < QUICK_MS) this.moving = Math.min(MOVING_MOST, this.moving * 1.1);
    const share = resting ? 1 : Math.min(1, this.moving / Math.max(1, total));
    const d = frame.dense;
    const { across, down } = frame;
    gl.uniformMatrix2fv(this.uniform?.turned ?? null, false, [
      across.x * step * d, across.y * step * d, down.x * step * d, down.y * step * d,
    ]);
    for (const b of inSight) {
      const at = frame.screen(buckets[b][0] * side, buckets[b][1] * side);
      gl.uniform2f(this.uniform?.origin ?? null, at.x * d, at.y * d);
      const number = Math.ceil((start[b + 1] - start[b]) * share);
      gl.drawArrays(gl.POINTS, start[b], number);
      this.drawn += number;
    }
  }

  /** @param {WebGL2RenderingContext} gl @param {Frame} frame @param {{opacity: number, shows: (name: string) => boolean}} how */
  dress(gl, frame, how) {
    const um = 1 / this.scan.slide.mpp;
    const wide = Math.min(MOST_PX, Math.max(LEAST_PX, WIDE_UM * um * frame.scale)) * frame.dense;
    const look = new Float32Array(4 * CALLS);
    const form = new Float32Array(2 * CALLS);
    for (let call = 0; call < CALLS; call++) {
      const mark = markOf(call, this.analysis);
      const alpha = how.shows(mark.name) ? how.opacity : 0;
      look.set([...mark.colour.map((c) => c / 255), alpha], 4 * call);
      form.set([mark.shape, mark.rank], 2 * call);
    }
    gl.uniform4fv(this.uniform?.look ?? null, look);
    gl.uniform2fv(this.uniform?.form ?? null, form);
    gl.uniform2f(this.uniform?.size ?? null, this.canvas.width, this.canvas.height);
    gl.uniform1f(this.uniform?.wide ?? null, wide);
  }
}

/** @param {WebGL2RenderingContext} gl */
function linked(gl) {
  const program = gl.createProgram();
  for (const [kind, text] of /** @type {[number, string][]} */ ([
    [gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT],
  ])) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  // A program that does not link draws nothing and says nothing: nuclei would silently be missing.
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`nuclei cannot be drawn: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
