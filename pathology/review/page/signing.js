// The signature: by the password again, or, for who came by the single sign-on, by the provider.

import { askJson } from "./ask.js";
import { byId } from "./make.js";
import { isProved, leave, spent } from "./outside.js";

const KEPT = `pathology.signing:${location.pathname}`;

/** @param {string} id @returns {HTMLInputElement} */
const field = (id) => /** @type {HTMLInputElement} */ (byId(id));

/** Whether this session was begun by the single sign-on. */
let outside = false;

function drawProof() {
  byId("password-asked").hidden = outside;
  field("password").required = !outside;
  byId("prove").hidden = !outside || isProved();
  byId("proved").hidden = !outside || !isProved();
  /** @type {HTMLButtonElement} */ (byId("sign-now")).disabled = outside && !isProved();
}

/** A name that was typed before the browser left; it is no secret. */
function takeUp() {
  const kept = sessionStorage.getItem(KEPT);
  if (!kept) return;
  const { printed, meaning } = JSON.parse(kept);
  field("printed").value = printed;
  field("meaning").value = meaning;
  sessionStorage.removeItem(KEPT);
}

/**
 * @param {(wish: Record<string, string>) => Promise<boolean>} sign
 * @param {(problem: unknown) => void} refuse
 */
export async function signing(sign, refuse) {
  outside = (await askJson("/me")).method === "oidc";
  takeUp();
  drawProof();
  byId("sign").addEventListener("submit", async (event) => {
    event.preventDefault();
    const wish = { password: field("password").value, printed_name: field("printed").value, meaning: field("meaning").value };
    field("password").value = "";
    spent();
    await sign(wish);
    drawProof();
  });
  byId("prove").addEventListener("click", async () => {
    sessionStorage.setItem(KEPT, JSON.stringify({ printed: field("printed").value, meaning: field("meaning").value }));
    try {
      await leave(`${location.pathname}/prove`);
    } catch (problem) {
      refuse(problem);
    }
  });
}

/** Words for a proof that was none. @param {string} code @returns {string} */
export function proofCode(code) {
  return code === "not-proved" && outside ? "not-proved-outside" : code;
}
