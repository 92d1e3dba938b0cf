// Signing in. Neither name nor password is kept by this page, and none stands in an address.

import { Refused, sendJson } from "./ask.js";
import { applyLooks, switches } from "./looks.js";
import { byId } from "./make.js";
import { say, sayOr, speak } from "./words.js";

/** @param {string} id @returns {HTMLInputElement} */
function input(id) {
  return /** @type {HTMLInputElement} */ (byId(id));
}

let problem = "";

function draw() {
  document.title = say("page");
  const told = byId("told");
  told.hidden = problem === "";
  told.textContent = problem === "" ? "" : sayOr(`refused.${problem}`, say("refused.cannot"));
}

/** @param {string} code */
function tell(code) {
  problem = code;
  draw();
}

/** Where this person wanted to go, if it is a page of this server; its place behind the # is kept. */
function wanted() {
  const to = new URLSearchParams(location.search).get("to") ?? "/";
  const url = new URL(to, location.origin);
  const own = url.origin === location.origin && /^\/(slides|cases|night|question)(\/|$)/.test(url.pathname);
  return own ? `${url.pathname}${location.hash}` : "/";
}

function askForAnother() {
  byId("change").hidden = false;
  for (const id of ["new", "again"]) input(id).required = true;
  input("new").focus();
}

async function enter() {
  const changing = !byId("change").hidden;
  const [name, password] = [input("name").value, input("password").value];
  if (changing && input("new").value !== input("again").value) return tell("entry.not-alike");
  try {
    if (changing) await sendJson("/password", { name, password, new: input("new").value });
    else await sendJson("/sign-in", { name, password });
    location.replace(wanted());
  } catch (refusal) {
    const code = refusal instanceof Refused ? refusal.code : "cannot";
    if (code === "entry.must-change") askForAnother();
    else {
      tell(code);
      if (code === "entry.refused") {
        input("password").value = "";
        input("password").focus();
      }
    }
  }
}

async function begin() {
  applyLooks();
  await speak();
  switches(draw);
  draw();
  const form = /** @type {HTMLFormElement} */ (byId("entry"));
  const button = /** @type {HTMLButtonElement} */ (byId("enter"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    tell("");
    await enter();
    button.disabled = false;
  });
  document.body.dataset.ready = "true";
}

void begin();
