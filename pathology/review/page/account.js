// Who is signed in, and the way out.

import { askJson, sendJson } from "./ask.js";
import { byId } from "./make.js";
import { say } from "./words.js";

/** @typedef {{account: string, roles: string[], acts: string[], idle_s: number, method: string, glass_hours: number}} Account */

/** Show the account in the bar; its button signs out. @returns {Promise<Account>} */
export async function account() {
  /** @type {Account} */
  const told = await askJson("/me");
  byId("account").textContent = told.account;
  byId("account").title = told.roles.map((role) => say(`role.${role}`)).join(", ");
  byId("sign-out").addEventListener("click", async () => {
    await sendJson("/sign-out", {});
    location.replace("/sign-in");
  });
  return told;
}

/** Where an account begins: not everybody has a worklist. @returns {Promise<string>} */
export async function home() {
  const { acts } = await askJson("/me");
  return !acts.includes("read-worklist") && acts.includes("verify-audit") ? "/glass/broken" : "/";
}
