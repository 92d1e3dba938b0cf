// Questions to the server, and what it answers.

/** The server, or the way to it, refused. `code` is a key of the words, `detail` English. */
export class Refused extends Error {
  /** @param {string} code @param {string} detail @param {Record<string, string>|null} [reason] in both languages */
  constructor(code, detail, reason = null) {
    super(code);
    this.code = code;
    this.detail = detail;
    this.reason = reason;
  }
}

/** Questions that are not answered yet. */
export const open = { number: 0 };

/** What passes by itself: the server, or the archive behind it, is away. */
const AWAY = ["no-connection", "no-ledger"];

/** Whether nobody knows what came of a question. @param {unknown} problem */
export function unanswered(problem) {
  return problem instanceof Refused && AWAY.includes(problem.code);
}

/** @type {(problem: Refused) => void} told of every refusal, before who asked is */
let heard = () => undefined;

/** @param {(problem: Refused) => void} hear */
export function onRefusal(hear) {
  heard = hear;
}

/** @param {Refused} problem */
function toRefuse(problem) {
  heard(problem);
  return problem;
}

/** @param {string} path @param {RequestInit} how @returns {Promise<Response>} */
async function sent(path, how) {
  open.number++;
  try {
    return await fetch(path, { credentials: "same-origin", ...how });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw toRefuse(new Refused("no-connection", ""));
  } finally {
    open.number--;
  }
}

/** @param {string} path @param {RequestInit} [how] @returns {Promise<Response>} */
async function answer(path, how = {}) {
  const response = await sent(path, how);
  if (response.ok) return response;
  /** @type {any} */
  let told = { code: "cannot", detail: "" };
  try {
    told = await response.json();
  } catch {
    // a refusal without words stays a refusal
  }
  throw toRefuse(new Refused(String(told.code || "cannot"), String(told.detail || ""), told.reason ?? null));
}

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export async function askJson(path, signal) {
  return (await answer(path, { signal })).json();
}

/** @param {unknown} body @returns {RequestInit} */
function posted(body) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

/** @param {string} path @param {unknown} body @returns {Promise<any>} */
export async function sendJson(path, body) {
  return (await answer(path, posted(body))).json();
}

/** @typedef {{told: any, arrays: Record<string, any>}} Packed */

/** @type {Record<string, any>} */
const KINDS = {
  u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i4: Int32Array, f4: Float32Array,
};

/**
 * A packed message: four bytes of length, a header in JSON, columns of numbers (exchange/packed.py).
 * @param {ArrayBuffer} buffer @returns {Packed}
 */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const told = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  /** @type {Record<string, any>} */
  const arrays = {};
  for (const [name, [kind, offset, size]] of Object.entries(told.arrays)) {
    arrays[name] = new KINDS[kind](buffer, offset, size);
  }
  return { told, arrays };
}

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<Packed>} */
export async function askPacked(path, signal) {
  return unpack(await (await answer(path, { signal })).arrayBuffer());
}

/** @param {string} path @param {unknown} body @returns {Promise<Packed>} */
export async function askPackedOf(path, body) {
  return unpack(await (await answer(path, posted(body))).arrayBuffer());
}
