// Changes of a case: each with a fresh id, so that one that is sent twice is done once, and with the
// version that the reader saw, so that nothing of another person's is written over.

import { Refused, sendJson } from "./ask.js";
import { say, sayOr, spoken } from "./words.js";

/** @returns {string} */
function fresh() {
  return crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))]
    .map((b) => b.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} name of the case @param {number} version that was seen @param {string} what
 * @param {Record<string, unknown>} [body] @returns {Promise<any>}
 */
export async function change(name, version, what, body = {}) {
  const sent = { request_id: fresh(), seen_version: version, ...body };
  const path = `/cases/${encodeURIComponent(name)}/${what}`;
  try {
    return await sendJson(path, sent);
  } catch (problem) {
    // The answer was lost: the same request again is done once.
    if (problem instanceof Refused && problem.code === "no-connection") return sendJson(path, sent);
    throw problem;
  }
}

/** A refusal in the reader's language. @param {unknown} problem @returns {string} */
export function refusal(problem) {
  if (!(problem instanceof Refused)) return say("refused.cannot");
  if (problem.code.startsWith("case.")) return spoken() === "zh" ? problem.zh : problem.detail;
  return sayOr(`refused.${problem.code}`, say("refused.cannot"));
}
