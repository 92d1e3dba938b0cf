// What is known of one nucleus.

import { make } from "./make.js";
import { figure, percent, say, sayOr } from "./words.js";

/** @param {HTMLElement} place @param {any} told null: nothing lies there @param {import("./layers.js").Layers} layers @param {import("./ground.js").Region[]} regions */
export function drawNucleus(place, told, layers, regions) {
  if (!told) {
    place.replaceChildren(make("p", { class: "quiet", text: say("nucleus.none") }));
    return;
  }
  const positive = told.positive === null ? "nucleus.unknown" : told.positive ? "nucleus.positive" : "nucleus.negative";
  const kinds = new Map(regions.map((r) => [r.id, r]));
  const inside = told.regions.map((/** @type {string} */ id) => {
    const region = kinds.get(id);
    return region ? layers.nameOf(region) : id;
  });
  const rows = [
    ["nucleus.class", sayOr(`class.${told.class}`, told.class)],
    ["nucleus.probability", told.class_probability === null ? "–" : percent(told.class_probability)],
    ["nucleus.marker", say(positive)],
    ["nucleus.dab", told.dab_od === null ? "–" : figure(told.dab_od)],
    ["nucleus.area", `${figure(told.area_um2)} µm²`],
    ["nucleus.counted", told.excluded_by === null ? say("nucleus.yes")
      : say("nucleus.no", { why: sayOr(`excluded.${told.excluded_by}`, sayOr(`kind.${told.excluded_by}`, told.excluded_by)) })],
    ["nucleus.regions", inside.join(", ") || "–"],
    ["nucleus.id", String(told.cell_id)],
  ];
  place.replaceChildren(make("dl", { class: "nucleus" },
    ...rows.flatMap(([key, text]) => [make("dt", { text: say(key) }), make("dd", { text })])));
}
