// Breaking glass: a case of others, in need, for a while. The auditor is told who, when and why.

import { Refused, sendJson } from "./ask.js";
import { byId, make } from "./make.js";
import { isProved, leave, spent } from "./outside.js";
import { count, moment, say, sayOr } from "./words.js";

/** @typedef {import("./account.js").Account} Account */

/**
 * @param {string} name of the case, as the desk calls it @param {string} told as people call it
 * @param {Account} you
 */
export async function breakGlass(name, told, you) {
  const outside = you.method === "oidc";
  const problem = make("p", { class: "notice", role: "alert", hidden: true });
  /** @param {unknown} refusal */
  const refuse = (refusal) => {
    problem.hidden = false;
    const code = refusal instanceof Refused ? refusal.code : "cannot";
    const told = outside && code === "entry.refused" ? "not-proved-outside" : code;
    problem.textContent = sayOr(`refused.${told}`, say("refused.cannot"));
  };
  const dialog = /** @type {HTMLDialogElement} */ (make("dialog", { class: "glass", "aria-label": say("glass.break") }));
  const reason = /** @type {HTMLInputElement} */ (make("input", { id: "glass-reason", minlength: 10, maxlength: 1000, required: true, autocomplete: "off" }));
  const password = /** @type {HTMLInputElement} */ (make("input", { id: "glass-password", type: "password", maxlength: 256, required: true, autocomplete: "current-password" }));
  const close = make("button", { type: "button", text: say("close"), on: { click: () => dialog.close() } });
  const form = make("form", {},
    make("h2", { text: say("glass.break-case", { case: told }) }),
    make("p", { text: say("glass.warning", { hours: count(you.glass_hours) }) }),
    problem, ...outside && !isProved() ? proving(refuse) : asking(reason, outside ? null : password), close);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    const secret = password.value;
    password.value = "";
    try {
      const done = await sendJson("/glass", { case: name, password: secret, reason: reason.value });
      form.replaceChildren(make("p", { role: "status", text: say("glass.done", { time: moment(done.until_utc) }) }),
        make("a", { id: "glass-open", href: `/cases/${encodeURIComponent(name)}`, text: say("facts.case", { id: told }) }), " ", close);
    } catch (refusal) {
      refuse(refusal);
    } finally {
      if (outside) spent();
    }
  });
  dialog.append(form);
  dialog.addEventListener("close", () => dialog.remove());
  byId("work").append(dialog);
  dialog.showModal();
}

/** @param {(problem: unknown) => void} refuse */
function proving(refuse) {
  return [make("button", { type: "button", id: "glass-prove", text: say("case.prove"), on: { click: () => leave("/glass/prove").catch(refuse) } }), " "];
}

/** @param {HTMLInputElement} reason @param {HTMLInputElement|null} password */
function asking(reason, password) {
  return [make("label", {}, make("span", { text: say("glass.reason") }), reason),
    password ? make("label", {}, make("span", { text: say("case.password") }), password) : null,
    make("button", { type: "submit", id: "glass-break", text: say("glass.break") }), " "];
}
