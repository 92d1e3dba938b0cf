// The way to the single sign-on, and what this tab remembers of it: paths of this page, no secret.

import { sendJson } from "./ask.js";

const LEFT = "pathology.left";
const PROVED = "pathology.proved";

/** Leave for the provider. @param {string} path that gives its address */
export async function leave(path) {
  const { url } = await sendJson(path, {});
  sessionStorage.setItem(LEFT, `${location.pathname}${location.search}${location.hash}`);
  location.assign(url);
}

/** Where this tab left from. */
export function left() {
  return sessionStorage.getItem(LEFT) ?? "/sign-in";
}

/** The provider has asked who sits here, for this page. @param {string} path */
export function proved(path) {
  sessionStorage.setItem(PROVED, path);
}

/** Whether it was for the page that is shown now. */
export function isProved() {
  return sessionStorage.getItem(PROVED) === location.pathname;
}

/** A proof is good for one try. */
export function spent() {
  sessionStorage.removeItem(PROVED);
}
