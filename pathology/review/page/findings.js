// What was found, and what speaks against it: each number with its interval, its protocol, its
// regions and its caveats. Why a number is missing, or provisional, is said before any number.

import { make, makeSvg } from "./make.js";
import { count, figure, moment, percent, quantity, say, sayOr, sentence, spoken } from "./words.js";

/** @typedef {any} Finding one of findings.json, with `names` and `source` */

export class Findings {
  /**
   * @param {any} result @param {import("./ground.js").Region[]} regions
   * @param {import("./layers.js").Layers} layers @param {(ids: string[]) => void} show
   */
  constructor(result, regions, layers, show) {
    this.result = result;
    this.regions = new Map(regions.map((r) => [r.id, r]));
    this.layers = layers;
    this.show = show;
  }

  /** @param {HTMLElement} place */
  draw(place) {
    const { result } = this;
    place.replaceChildren(
      ...result.later.map((/** @type {any} */ l) => make("p", { class: "warn", role: "alert" },
        say("correct.later", { author: l.author }), " ", make("a", { href: l.address, text: say("correct.open-later") }))),
      warnings(result),
      ...result.findings.map((/** @type {Finding} */ f) => this.card(f)),
      this.models(), provenance(result),
    );
  }

  /** @param {Finding} finding */
  card(finding) {
    const refused = "not_measurable" in finding;
    return make("article", { class: refused ? "finding refused" : "finding", "data-finding": finding.name },
      make("h3", { text: finding.names[spoken()] ?? finding.name }),
      refused ? refusal(finding) : value(finding),
      this.links(finding), this.fields(finding), bands(finding), details(finding, this.seenBy(finding)));
  }

  /** Links that move the view. @param {Finding} finding */
  links(finding) {
    const known = finding.regions.filter((/** @type {string} */ id) => this.regions.has(id));
    if (!known.length) return null;
    const button = (/** @type {string[]} */ ids, /** @type {string} */ text) => make("button", {
      type: "button", class: "link", text, on: { click: () => this.show(ids) },
    });
    const each = known.length > 1 && known.length <= 8
      ? known.map((/** @type {string} */ id) => button([id], this.name(id))) : [];
    const all = known.length === 1 ? this.name(known[0]) : say("finding.all-regions");
    return make("p", { class: "links" }, `${say("finding.counted-in")} `, button(known, all), ...each);
  }

  /** @param {string} id */
  name(id) {
    const region = this.regions.get(id);
    return region ? this.layers.nameOf(region) : id;
  }

  /** @param {Finding} finding */
  fields(finding) {
    if (!finding.fields?.length) return null;
    return make("table", {}, make("caption", { text: say("finding.fields") }),
      ...finding.fields.map((/** @type {any} */ f) => make("tr", {},
        make("th", { scope: "row", text: this.name(f.region) }),
        make("td", { text: say("finding.of", { part: count(f.part), whole: count(f.whole) }) }),
        make("td", { text: f.whole ? percent(f.part / f.whole) : "–" }))));
  }

  /** The models that a number rests on. @param {Finding} finding */
  seenBy(finding) {
    const named = new Set((finding.models ?? []).map((/** @type {string} */ m) => m.split(" ")[0]));
    const known = this.result.models.filter((/** @type {any} */ m) => named.has(m.name) || (!named.size && !m.sha256));
    if (!known.length) return null;
    return make("p", {}, `${say("finding.seen-by")} `, ...known.map(modelLink));
  }

  models() {
    const rows = this.result.models.map((/** @type {any} */ m) => make("li", {}, modelLink(m),
      make("span", { class: "quiet", text: ` ${m.licence}` })));
    return make("section", {}, make("h3", { text: say("models") }), make("ul", { class: "plain" }, ...rows));
  }
}

/** @param {any} result */
function warnings(result) {
  const { slide, quality } = result;
  /** @type {string[]} */
  const told = [];
  if (result.tumour_region_source === "automatic") told.push(say("provisional"));
  if (quality.flags.includes("not-ki67")) {
    told.push(slide.marker ? say("flag.not-ki67", { marker: slide.marker }) : say("flag.not-ki67.unstated"));
  }
  if (["user", "manifest", "site", "assumed"].includes(slide.mpp_source)) {
    told.push(say(`scale.${slide.mpp_source}`));
  }
  const known = new Set(["not-ki67", "scale-assumed"]);
  for (const flag of quality.flags) {
    if (!known.has(flag) && !flag.startsWith("excluded-")) told.push(sayOr(`flag.${flag}`, flag.replaceAll("-", " ")));
  }
  if (!told.length) return make("p", { class: "quiet", text: say("no-warnings") });
  return make("ul", { class: "warnings" }, ...told.map((text) => make("li", { text })));
}

/** @param {Finding} finding */
function refusal(finding) {
  const why = sayOr(`reason.${finding.reason_code}`, "");
  const chinese = spoken() === "zh" && why;
  return make("div", {}, make("p", { class: "missing", text: say("not-measurable") }),
    make("p", { text: chinese ? why : finding.not_measurable }),
    chinese ? make("p", { class: "quiet", lang: "en", text: finding.not_measurable }) : null);
}

/** @param {Finding} finding */
function value(finding) {
  const { unit, low, high } = finding;
  const interval = low === undefined || low === null
    ? make("p", { class: "quiet", text: say("finding.no-interval") })
    : make("p", { class: "interval" }, say("finding.interval", {
      percent: /(\d+)$/.exec(finding.interval ?? "")?.[1] ?? "?",
      low: quantity(low, unit), high: quantity(high, unit),
    }), finding.clustered ? make("span", { class: "quiet", text: ` ${say("finding.clustered", {
      low: quantity(finding.clustered.low, unit), high: quantity(finding.clustered.high, unit),
    })}` }) : null);
  return make("div", {},
    make("p", { class: "value" }, quantity(finding.value, unit), category(finding)),
    unit === "fraction" ? bar(finding) : null, interval,
    "part" in finding ? make("p", { class: "quiet", text: counted(finding) }) : null,
    finding.search && !finding.search.beyond_chance ? make("p", { class: "warn", text: say("finding.by-chance") }) : null);
}

/** @param {Finding} finding */
function counted(finding) {
  if (finding.counted === "um2") {
    return say("finding.area-of", { part: quantity(finding.part / 1e6, "mm2"), whole: quantity(finding.whole / 1e6, "mm2") });
  }
  const ambiguous = finding.ambiguous_range && finding.ambiguous_range[0] !== finding.ambiguous_range[1]
    ? ` ${say("finding.ambiguous", { low: percent(finding.ambiguous_range[0]), high: percent(finding.ambiguous_range[1]) })}` : "";
  return `${say("finding.nuclei-of", { part: count(finding.part), whole: count(finding.whole) })}${ambiguous}`;
}

/** @param {Finding} finding */
function category(finding) {
  const found = finding.category;
  const text = found
    ? say(found.borderline ? "category.borderline" : "category.is", { name: sayOr(`category.${found.name}`, found.name), rule: found.rule })
    : say(finding.unit === "fraction" && finding.name.startsWith("ki67") ? "category.none" : "category.no-rule");
  return make("span", { class: "category", text });
}

/** The interval on a line from 0 to 100 per cent. @param {Finding} finding */
function bar(finding) {
  const x = (/** @type {number} */ share) => 1 + 198 * Math.min(1, Math.max(0, share));
  const ends = finding.clustered ?? finding;
  const svg = makeSvg("svg", { viewBox: "0 0 200 14", class: "bar", "aria-hidden": "true", focusable: "false" },
    makeSvg("line", { x1: 1, x2: 199, y1: 7, y2: 7, class: "axis" }),
    ...[0, 0.25, 0.5, 0.75, 1].map((t) => makeSvg("line", { x1: x(t), x2: x(t), y1: 4, y2: 10, class: "axis" })),
    makeSvg("line", { x1: x(ends.low), x2: x(ends.high), y1: 7, y2: 7, class: "reach" }),
    makeSvg("circle", { cx: x(finding.value), cy: 7, r: 3.5, class: "spot" }));
  return svg;
}

/** @param {Finding} finding */
function bands(finding) {
  if (!finding.bands?.length) return null;
  return make("details", {}, make("summary", { text: say("finding.bands") }), make("table", {},
    ...finding.bands.map((/** @type {any} */ b) => make("tr", {},
      make("th", { scope: "row", text: `${figure(b.from_um)} – ${figure(b.to_um)} µm` }),
      make("td", { text: b.density === undefined ? say("finding.too-little") : quantity(b.density, "/mm2") }),
      make("td", { class: "quiet", text: quantity(b.area_mm2, "mm2") })))));
}

/** @param {any} model */
function modelLink(model) {
  return make("button", {
    type: "button", class: "link", text: sayOr(`model.${model.name}`, model.name), on: { click: () => modelCard(model) },
  });
}

/** @param {Finding} finding @param {HTMLElement|null} seenBy */
function details(finding, seenBy) {
  const left = Object.entries(finding.exclusions ?? {});
  return make("details", {}, make("summary", { text: say("finding.how") }),
    make("p", {}, `${say("finding.protocol")} `, make("code", { text: finding.protocol }), " · ", make("code", { text: finding.formula })),
    finding.source ? make("p", { class: "quiet", text: `${say("finding.source")} ${finding.source}` }) : null,
    seenBy,
    left.length ? make("p", { text: say("finding.left-out") }) : null,
    left.length ? make("ul", {}, ...left.map(([why, number]) => make("li", {
      text: `${sayOr(`excluded.${why}`, sayOr(`kind.${why}`, why))}: ${count(Number(number))}`,
    }))) : null,
    finding.caveats.length ? make("p", { text: say("finding.caveats") }) : null,
    make("ul", { class: "caveats" }, ...finding.caveats.map((/** @type {string} */ c) => make("li", { text: sentence(c) }))));
}

/** @param {any} result */
function provenance(result) {
  const rows = [
    ["provenance.made", moment(result.started_utc)], ["provenance.software", result.software],
    ["provenance.author", sayOr(`author.${result.author}`, result.author)],
    ["provenance.result", result.result_id], ["provenance.supersedes", result.supersedes ?? "–"],
    ["provenance.settings", result.settings_sha256.slice(0, 12)],
  ];
  return make("details", {}, make("summary", { text: say("provenance") }),
    make("dl", {}, ...rows.flatMap(([key, text]) => [make("dt", { text: say(key) }),
      key === "provenance.supersedes" && result.supersedes
        ? make("dd", {}, make("a", { href: `/slides/${result.supersedes}`, text })) : make("dd", { text })])));
}

/** The card of a model: what it is for, what it was made from, where it fails. @param {any} model */
function modelCard(model) {
  const dialog = /** @type {HTMLDialogElement} */ (make("dialog", { class: "card", "aria-label": model.name }));
  const close = make("button", { type: "button", text: say("close"), on: { click: () => dialog.close() } });
  const { card } = model;
  const list = (/** @type {string} */ key, /** @type {string[]} */ items) => items.length
    ? [make("h4", { text: say(key) }), make("ul", {}, ...items.map((text) => make("li", { text: sentence(text) })))] : [];
  dialog.append(make("h2", { text: sayOr(`model.${model.name}`, model.name) }),
    ...(card ? [
      make("p", { text: card.title }),
      card.research_only ? make("p", { class: "warn", text: say("model.research") }) : "",
      ...list("model.limits", card.limits),
      make("p", { text: say("model.for", {
        stains: card.stains.map((/** @type {string} */ s) => sayOr(`stain.${s}`, s)).join(", "),
        low: figure(card.mpp[0]), high: figure(card.mpp[2]),
      }) }),
      ...list("model.data", card.data),
      ...(card.results.length ? [make("h4", { text: say("model.results") }), make("ul", {},
        ...card.results.map((/** @type {any} */ r) => make("li", {
          text: `${r.measure}: ${figure(r.value)} (${figure(r.low)} – ${figure(r.high)}), ${r.data}, ${say(`evidence.${r.evidence}`)}`,
        })))] : []),
    ] : [make("p", { text: say(model.sha256 ? "model.no-card" : "model.classical") })]),
    make("p", { class: "quiet", text: `${model.licence} · ${model.sha256 ? model.sha256.slice(0, 16) : "–"}` }), close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
