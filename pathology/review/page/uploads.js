// Slides that a technician drops on the page, sent one after another into the watched folder.

import { Refused, askJson, sendJson } from "./ask.js";
import { byId, make } from "./make.js";
import { count, percent, say, spoken } from "./words.js";

const HEAD_BYTES = 4096;

/** @typedef {{name: string, file: File|null, state: string, share: number, detail: string, reason: Record<string, string>|null}} Line */

/** @type {Line[]} */
const lines = [];
/** @type {any} */
let limits = null;
let busy = false;
/** @type {() => Promise<void>} */
let arrived = async () => undefined;

/** @param {string} id @returns {HTMLInputElement} */
const field = (id) => /** @type {HTMLInputElement} */ (byId(id));

/** Words of the section, in the language as it is now. */
export function drawUploads() {
  if (!limits) return;
  byId("upload-told").textContent = limits.here
    ? say("upload.told", { gib: count(limits.largest_gib), hour: count(limits.an_hour) }) : say("upload.no-folder");
  byId("uploads").replaceChildren(...lines.map((line) => make("li", { "data-state": line.state },
    make("span", { text: `${line.name} · ${words(line)} ` }),
    line.state === "sending" ? make("progress", { max: 1, value: line.share }) : null)));
}

/** @param {Line} line */
function words(line) {
  if (line.state === "sending") return say("upload.sending", { share: percent(line.share) });
  if (line.state === "refused") return `${say("upload.refused")} ${line.reason ? line.reason[spoken()] : line.detail}`;
  if (line.state === "held") return `${say("upload.held")} ${line.reason ? line.reason[spoken()] : ""}`;
  return say(`upload.${line.state}`);
}

/** @param {Blob} part @returns {Promise<string>} base64 */
async function base64(part) {
  return btoa(String.fromCharCode(...new Uint8Array(await part.arrayBuffer())));
}

/** What is asked of the slides that come next. */
function order() {
  const analysis = field("upload-analysis").value;
  if (analysis === "") return {};
  const marker = analysis === "ki67" ? { marker: field("upload-marker").value.trim() } : {};
  return { analysis, ...marker, priority: field("upload-priority").value, case_id: field("upload-case").value.trim() };
}

/**
 * The bytes, with their progress: fetch tells none of what is sent.
 * @param {string} path @param {Blob} body @param {(share: number) => void} told @returns {Promise<any>}
 */
function sent(path, body, told) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => told(event.total ? event.loaded / event.total : 0));
    request.addEventListener("error", () => failed(new Refused("no-connection", "")));
    request.addEventListener("load", () => {
      const answer = request.response ?? {};
      if (request.status === 200) done(answer);
      else failed(new Refused(String(answer.code || "cannot"), String(answer.detail || ""), answer.reason ?? null));
    });
    request.send(body);
  });
}

/** @param {Line} line @param {Record<string, string>} asked */
async function send(line, asked) {
  const file = /** @type {File} */ (line.file);
  line.state = "sending";
  drawUploads();
  try {
    const head = await base64(file.slice(0, HEAD_BYTES));
    const begun = await sendJson("/night/uploads", { name: file.name, size: file.size, head, ...asked });
    const told = await sent(`/night/uploads/${begun.upload}`, file, (share) => {
      line.share = share;
      drawUploads();
    });
    line.state = told.held ? "held" : told.name ? "ordered" : "there";
    line.reason = told.held;
    await arrived();
  } catch (problem) {
    line.state = "refused";
    line.reason = problem instanceof Refused ? problem.reason : null;
    line.detail = say(problem instanceof Refused && problem.code !== "upload" ? `refused.${problem.code}` : "refused.cannot");
  }
  line.file = null;
  drawUploads();
}

async function work() {
  if (busy) return;
  busy = true;
  for (let next = lines.find((l) => l.state === "waiting"); next; next = lines.find((l) => l.state === "waiting")) {
    await send(next, order());
  }
  busy = false;
}

/** @param {Iterable<File>} files */
function add(files) {
  for (const file of files) lines.push({ name: file.name, file, state: "waiting", share: 0, detail: "", reason: null });
  drawUploads();
  void work();
}

/** Files of a drop; a folder is many files of one slide, and is refused by name. @param {DataTransfer} data */
function dropped(data) {
  /** @type {File[]} */
  const files = [];
  for (const item of data.items) {
    const entry = item.webkitGetAsEntry();
    const file = item.getAsFile();
    if (entry?.isDirectory) lines.push({ name: entry.name, file: null, state: "folder", share: 0, detail: "", reason: null });
    else if (file) files.push(file);
  }
  add(files);
}

/** The section, for who may send slides. @param {() => Promise<void>} onArrival */
export async function uploads(onArrival) {
  try {
    limits = await askJson("/night/uploads");
  } catch (problem) {
    if (problem instanceof Refused) return;
    throw problem;
  }
  arrived = onArrival;
  byId("uploading").hidden = false;
  byId("upload").hidden = !limits.here;
  const place = byId("drop");
  field("upload-analysis").addEventListener("change", () => { field("upload-marker").disabled = field("upload-analysis").value !== "ki67"; });
  field("upload-files").addEventListener("change", () => {
    add([...(field("upload-files").files ?? [])]);
    field("upload-files").value = "";
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    place.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.toggle("over", kind === "dragover");
      const data = /** @type {DragEvent} */ (event).dataTransfer;
      if (kind === "drop" && data) dropped(data);
    });
  }
  window.addEventListener("beforeunload", (event) => {
    if (busy) event.preventDefault();
  });
  drawUploads();
}
