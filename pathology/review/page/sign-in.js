// Signing in. Neither name nor password is kept by this page, and none stands in an address.

import { home, wanted } from "./account.js";
import { Refused, askJson, sendJson } from "./ask.js";
import { applyLooks, switches } from "./looks.js";
import { byId } from "./make.js";
import { leave } from "./outside.js";
import { say, sayOr, speak } from "./words.js";

/** @param {string} id @returns {HTMLInputElement} */
function input(id) {
  return /** @type {HTMLInputElement} */ (byId(id));
}

let problem = "";
let detail = "";

function draw() {
  document.title = say("page");
  const told = byId("told");
  told.hidden = problem === "";
  told.textContent = problem === "" ? "" : `${sayOr(`refused.${problem}`, say("refused.cannot"))} ${detail}`;
}

/** @param {string} code @param {string} [more] an address of this page */
function tell(code, more = "") {
  problem = code;
  detail = more;
  draw();
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
    location.replace(wanted(new URL(location.href)) ?? await home());
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

async function goOutside() {
  tell("");
  try {
    await leave("/sign-in/outside");
  } catch (refusal) {
    if (!(refusal instanceof Refused)) tell("cannot");
    else tell(refusal.code, refusal.code === "entry.other-address" ? refusal.detail : "");
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
  button.disabled = false; // nobody may send it before: the browser would, into the address
  byId("leave").addEventListener("click", goOutside);
  byId("outside").hidden = !(await askJson("/sign-in/ways")).single_sign_on;
  document.body.dataset.ready = "true";
}

void begin();
