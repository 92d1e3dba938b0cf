// The server or the archive is away: said plainly once, asked for until it is back, nothing thrown away.

import { askJson, onRefusal, unanswered } from "./ask.js";
import { make } from "./make.js";
import { say } from "./words.js";

const ASK_AGAIN_MS = 2000;

/** @type {Promise<void>|null} */
let waiting = null;

/** Whether there is an answer; a page that was signed out meanwhile has one too. */
async function answers() {
  try {
    await askJson("/me");
    return true;
  } catch (problem) {
    return !unanswered(problem);
  }
}

/** @param {() => void} back */
async function wait(back) {
  const told = make("p", { id: "away", class: "notice", role: "alert", text: say("away") });
  document.body.querySelector("main, #notices")?.before(told);
  do {
    await new Promise((done) => setTimeout(done, ASK_AGAIN_MS));
    told.textContent = say("away");
  } while (!await answers());
  told.remove();
  waiting = null;
  back();
}

/**
 * Watch over a page.
 * @param {() => void} back what was not there is there again
 * @returns {() => void} to be called where something failed without a word: it is looked into
 */
export function watch(back) {
  const away = () => { waiting ??= wait(back); };
  onRefusal((problem) => { if (unanswered(problem)) away(); });
  return () => {
    if (waiting === null) void answers().then((there) => { if (!there) away(); });
  };
}
