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

/**
 * Where a person who was sent to sign in wanted to go, if it is a page of this server; its place
 * behind the # is kept.
 * @param {URL} at the address of the sign-in @returns {string|null}
 */
export function wanted(at) {
  const to = at.searchParams.get("to") ?? "";
  if (!/^\/(slides|cases|night|question)(\/|$)/.test(to)) return null;
  const url = new URL(to, location.origin);
  return url.origin === location.origin ? `${url.pathname}${at.hash}` : null;
}
