// What was left out of every count, where it lies, and why.

import { make } from "./make.js";
import { lookOf } from "./styles_of.js";
import { quantity, say, sayOr } from "./words.js";

/**
 * @param {HTMLElement} place @param {any} result @param {import("./ground.js").Region[]} regions
 * @param {(ids: string[]) => void} show
 */
export function drawExcluded(place, result, regions, show) {
  const out = regions.filter((r) => lookOf(r)?.layer === "excluded");
  const { quality } = result;
  const share = quality.tissue_mm2 ? quality.analysed_mm2 / quality.tissue_mm2 : 0;
  place.replaceChildren(
    make("p", { text: say("excluded.analysed", {
      analysed: quantity(quality.analysed_mm2, "mm2"), tissue: quantity(quality.tissue_mm2, "mm2"),
      share: quantity(share, "fraction"),
    }) }),
    quality.unreadable_tiles
      ? make("p", { class: "warn", text: say("excluded.tiles", { number: quality.unreadable_tiles }) }) : "",
    out.length ? "" : make("p", { class: "quiet", text: say("excluded.nothing") }),
    ...out.map((region) => {
      const sign = make("span", { class: "swatch hatched", "aria-hidden": "true" });
      sign.style.setProperty("--colour", lookOf(region)?.colour ?? "");
      return make("article", { class: "left-out" },
        make("h3", {}, sign, say(`kind.${region.kind}`)),
        make("p", { class: "quiet" }, `${quantity(region.area_mm2, "mm2")} · ${say(`by.${region.source}`)} `,
          make("button", { type: "button", class: "link", text: say("show"), on: { click: () => show([region.id]) } })),
        make("p", { text: sayOr(`why.${region.kind}`, "") }));
    }));
}
