// Which overlays were opened on the slide: a report is not signed before each was.

import { sendJson } from "./ask.js";

/** @param {string} layer @param {string[]} maps @returns {string} an overlay as the desk calls it */
function overlayOf(layer, maps) {
  if (layer === "nuclei") return "nuclei";
  return maps.includes(layer) ? `map:${layer}` : "regions";
}

export class Seen {
  /** @param {string} address of the result @param {import("./layers.js").Layers} layers */
  constructor(address, layers) {
    this.address = address;
    this.layers = layers;
    /** @type {Set<string>} */
    this.told = new Set();
  }

  /** Tell of what is shown now and was not before. A result that is on no desk needs none of it. */
  tell() {
    const maps = this.layers.told.maps.map((m) => m.name);
    for (const layer of this.layers.names) {
      const overlay = overlayOf(layer, maps);
      if (!this.layers.of(layer).shown || this.told.has(overlay)) continue;
      this.told.add(overlay);
      sendJson(`${this.address}/saw`, { overlay }).catch(() => this.told.delete(overlay));
    }
  }
}
