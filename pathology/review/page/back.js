// Back from the single sign-on: what stands in the address is posted, and taken out of it at once.

import { home, wanted } from "./account.js";
import { Refused, sendJson } from "./ask.js";
import { applyLooks, switches } from "./looks.js";
import { byId } from "./make.js";
import { left, proved } from "./outside.js";
import { say, sayOr, speak } from "./words.js";

let problem = "";

function draw() {
  document.title = say("page");
  const told = byId("told");
  byId("wait").hidden = problem !== "";
  told.hidden = byId("on").hidden = problem === "";
  told.textContent = problem === "" ? "" : sayOr(`refused.${problem}`, say("refused.cannot"));
}

async function begin() {
  const given = new URLSearchParams(location.search);
  history.replaceState(null, "", location.pathname);
  applyLooks();
  await speak();
  byId("again").setAttribute("href", left());
  switches(draw);
  draw();
  const [code, state, iss] = ["code", "state", "iss"].map((name) => given.get(name) ?? "");
  try {
    if (given.has("error") || !code) throw new Refused("entry.outside", "");
    const told = await sendJson("/sign-in/back", { code, state, iss });
    if (told.proved) proved(told.back);
    location.replace(told.proved ? told.back : wanted(new URL(left(), location.origin)) ?? await home());
  } catch (refusal) {
    problem = refusal instanceof Refused ? refusal.code : "cannot";
    draw();
    document.body.dataset.ready = "true";
  }
}

void begin();
