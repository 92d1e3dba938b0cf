// Real-time assistance: draw a region, and read at once what it holds.

import { Refused, sendJson } from "./ask.js";
import { make } from "./make.js";
import { count, quantity, say, sayOr, sentence, spoken } from "./words.js";

/**
 * What an outline holds, counted by the server from stored nuclei; nothing is kept.
 * @param {string} address of the result @param {number[][]} outline level-0 px @returns {Promise<any>}
 */
export function countRegion(address, outline) {
  return sendJson(`${address}/count`, { outline });
}

export class Drawing {
  /** @param {import("./pencil.js").Pencil} pencil @param {string} address @param {HTMLElement} place @param {() => void} changed */
  constructor(pencil, address, place, changed) {
    this.pencil = pencil;
    this.address = address;
    this.place = place;
    this.changed = changed;
    this.mine = false;
    /** @type {any} */
    this.told = null;
    /** @type {Refused|null} */
    this.problem = null;
    this.counting = false;
  }

  get active() {
    return this.mine && this.pencil.active;
  }

  get closed() {
    return this.mine && this.pencil.closed;
  }

  get outline() {
    return this.mine ? this.pencil.outline : [];
  }

  begin() {
    this.told = this.problem = null;
    this.pencil.begin({
      done: () => void this.count(),
      stopped: () => {
        this.mine = false;
        this.told = this.problem = null;
        this.changed();
      },
    });
    this.mine = true;
    this.changed();
  }

  clear() {
    if (this.mine) this.pencil.clear();
  }

  countView() {
    this.begin();
    this.pencil.view();
  }

  async count() {
    this.counting = true;
    this.changed();
    try {
      this.told = await countRegion(this.address, this.outline);
    } catch (problem) {
      this.problem = problem instanceof Refused ? problem : new Refused("cannot", "");
    }
    this.counting = false;
    this.changed();
  }

  draw() {
    const button = (/** @type {string} */ key, /** @type {() => void} */ act, pressed = false) => make("button", {
      type: "button", text: say(key), "aria-pressed": pressed ? "true" : null, on: { click: act },
    });
    this.place.replaceChildren(
      make("p", { class: "note", text: say("assist.what") }),
      make("p", { class: "buttons" },
        this.active ? button("assist.cancel", () => this.clear(), true) : button("assist.draw", () => this.begin()),
        button("assist.view", () => this.countView()),
        this.closed ? button("assist.clear", () => this.clear()) : null),
      this.active ? make("p", { text: say("assist.how") }) : "",
      this.counting ? make("p", { role: "status", text: say("assist.counting") }) : "",
      this.problem ? refused(this.problem) : "",
      this.told ? counted(this.told) : "");
  }
}

/** @param {Refused} problem */
function refused(problem) {
  return make("div", { class: "warn", role: "alert" },
    make("p", { text: sayOr(`refused.${problem.code}`, say("refused.cannot")) }),
    problem.detail ? make("p", { lang: "en", text: problem.detail }) : null);
}

/** @param {any} told */
function counted(told) {
  const areas = make("p", { text: say("assist.areas", {
    area: quantity(told.area_mm2, "mm2"), analysed: quantity(told.analysed_mm2, "mm2"), nuclei: count(told.nuclei),
  }) });
  if (!told.looked_at_mm2) {
    return make("div", { role: "status" },
      make("p", { class: "missing", text: say("assist.not-looked") }), make("p", { text: say("assist.not-looked-do") }));
  }
  const part = told.looked_at_mm2 < 0.98 * told.area_mm2
    ? make("p", { class: "warn", text: say("assist.partly", { looked: quantity(told.looked_at_mm2, "mm2"), area: quantity(told.area_mm2, "mm2") }) }) : null;
  return make("div", { role: "status" }, part, areas, ...told.findings.map((/** @type {any} */ f) => {
    const refusal = "not_measurable" in f;
    const interval = !refusal && f.low !== undefined && f.low !== null ? say("finding.interval", {
      percent: /(\d+)$/.exec(f.interval ?? "")?.[1] ?? "?", low: quantity(f.low, f.unit), high: quantity(f.high, f.unit),
    }) : "";
    return make("article", { class: "finding", "data-finding": f.name },
      make("h3", { text: sayOr(`assist.name.${f.name}`, f.names[spoken()] ?? f.name) }),
      make("p", { class: refusal ? "missing" : "value", text: refusal ? say("not-measurable") : quantity(f.value, f.unit) }),
      make("p", { class: "interval", text: refusal ? (spoken() === "zh" ? sayOr(`reason.${f.reason_code}`, f.not_measurable) : f.not_measurable) : interval }),
      "part" in f && f.counted !== "um2" ? make("p", { class: "quiet", text: say("finding.nuclei-of", { part: count(f.part), whole: count(f.whole) }) }) : null,
      make("details", {}, make("summary", { text: say("finding.caveats") }),
        make("ul", { class: "caveats" }, ...f.caveats.map((/** @type {string} */ c) => make("li", { text: sentence(c) })))));
  }), make("p", { class: "note", text: say("assist.not-kept") }));
}
