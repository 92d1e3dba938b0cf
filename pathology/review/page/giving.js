// Giving out a case that one does not see: for operators, where readers see their own cases alone.

import { Refused, sendJson } from "./ask.js";
import { make } from "./make.js";
import { say, spoken } from "./words.js";

/** @param {any} one line of the worklist @returns {HTMLElement} */
export function giving(one) {
  const to = /** @type {HTMLInputElement} */ (make("input", { name: "to", maxlength: 64, required: true, autocomplete: "off", "aria-label": say("case.assign") }));
  const problem = make("p", { class: "notice", role: "alert", hidden: true });
  const form = make("form", { class: "give" }, to, " ", make("button", { type: "submit", text: say("case.give") }), problem);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wish = { request_id: crypto.randomUUID(), seen_version: one.version, to: to.value.trim() };
    try {
      await sendJson(`/cases/${encodeURIComponent(one.case)}/team/assign`, wish);
      location.reload();
    } catch (refusal) {
      problem.hidden = false;
      const reason = refusal instanceof Refused ? refusal.reason : null;
      problem.textContent = reason ? reason[spoken()] : say(refusal instanceof Refused ? `refused.${refusal.code}` : "refused.cannot");
    }
  });
  return form;
}
