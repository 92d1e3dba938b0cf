// Cases that wait for a signature: discrepancies first, then the most pressing.

import { Refused, askJson } from "./ask.js";
import { breakGlass } from "./breaking.js";
import { giving } from "./giving.js";
import { byId, make } from "./make.js";
import { count, moment, quantity, say, spoken } from "./words.js";

const OPEN = ["AI_DRAFT", "IN_REVIEW", "CORRECTED"];

/** @param {string} id */
const checked = (id) => /** @type {HTMLInputElement} */ (byId(id)).checked;

/**
 * The worklist, drawn now and whenever its filters change; what is given back draws it again.
 * @param {import("./account.js").Account} you
 */
export async function worklist(you) {
  /** @type {any} */
  let found;
  try {
    found = await askJson("/cases/list");
  } catch (problem) {
    if (problem instanceof Refused && ["no-cases", "not-allowed", "not-found"].includes(problem.code)) return () => {};
    throw problem;
  }
  byId("work").hidden = false;
  const drawn = () => draw(found, you);
  for (const id of ["open-only", "mine-only"]) byId(id).addEventListener("change", drawn);
  drawn();
  return drawn;
}

/** What the AI found, in a line. @param {any} one */
function finding(one) {
  const told = one.hidden ? say("case.hidden") : one.value === null ? say("not-measurable") : quantity(one.value, one.unit);
  return make("div", { text: `${one.names[spoken()] ?? one.name}: ${told}` });
}

/** A case that may be opened, or one of others. @param {any} one @param {import("./account.js").Account} you */
function heading(one, you) {
  const name = one.case_id ?? one.case;
  if (one.shut === undefined) return [make("a", { href: `/cases/${encodeURIComponent(one.case)}`, text: name })];
  const gives = !one.shut && you.acts.includes("assign-case");
  return [make("span", { text: `${name} ` }), gives ? giving(one) : one.shut
    ? make("button", { type: "button", class: "break", text: say("glass.break"), on: { click: () => void breakGlass(one.case, name, you) } }) : null];
}

/** @param {any} found @param {import("./account.js").Account} you */
function draw(found, you) {
  const lines = found.cases.filter((/** @type {any} */ one) => (!checked("open-only") || OPEN.includes(one.state))
    && (!checked("mine-only") || one.assignee === found.you || one.second_reader === found.you));
  byId("no-cases").hidden = lines.length > 0;
  byId("cases").replaceChildren(...lines.map((/** @type {any} */ one) => make("tr", {},
    make("th", { scope: "row" }, ...heading(one, you)),
    make("td", { text: say(`report.${one.state}`) }),
    make("td", { text: say(`priority.${one.priority}`) }),
    make("td", { text: one.deadline_utc ? moment(one.deadline_utc) : "–" }),
    make("td", { text: [one.assignee, one.second_reader].filter(Boolean).join(", ") || "–" }),
    make("td", {}, ...(one.found ?? []).map(finding),
      one.found ? null : one.analyses.map((/** @type {string} */ a) => say(`title.${a}`)).join(", ")),
    make("td", { text: [one.discrepancy ? say("work.discrepancy") : "", one.needs_second ? say("work.second") : ""].filter(Boolean).join("; ") || "–" }),
    make("td", { text: `${one.changed_by}, ${moment(one.changed_utc)}` }))));
  if (found.more) byId("cases").append(make("tr", {}, make("td", { colspan: 8, text: say("work.more", { number: count(found.more) }) })));
}
