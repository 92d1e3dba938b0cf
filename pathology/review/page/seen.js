// Which overlays a reader has opened: the desk asks before a signature.

import { Refused, sendJson } from "./ask.js";

/** @typedef {import("./layers.js").Layers} Layers */

export class Seen {
  /** @param {any} result as the server tells it @param {boolean} loaded whether overlays came at all */
  constructor(result, loaded) {
    this.result = result;
    this.loaded = loaded;
    /** @type {Set<string>} */
    this.told = new Set();
  }

  /** Tell what was opened since. @param {Layers} layers */
  look(layers) {
    const { desk } = this.result;
    if (!desk || !this.loaded) return;
    for (const overlay of desk.overlays) {
      if (this.told.has(overlay) || !opened(layers, overlay)) continue;
      this.told.add(overlay);
      void this.tell(overlay);
    }
  }

  /** @param {string} overlay */
  async tell(overlay) {
    const body = { request_id: crypto.randomUUID(), seen_version: 0, result_id: this.result.result_id, overlay };
    try {
      await sendJson(`/cases/${encodeURIComponent(this.result.desk.case)}/steps/saw`, body);
    } catch (problem) {
      // who may not review tells nothing; what was lost on its way is told at the next change
      if (!(problem instanceof Refused) || problem.code !== "not-allowed") this.told.delete(overlay);
    }
  }
}

/** @param {Layers} layers @param {string} overlay @returns {boolean} */
function opened(layers, overlay) {
  const maps = layers.told.maps.map((map) => map.name);
  if (overlay.startsWith("map:")) return layers.states.get(overlay.slice(4))?.seen ?? false;
  if (overlay === "nuclei") return layers.states.get("nuclei")?.seen ?? false;
  const regions = layers.names.filter((name) => name !== "nuclei" && !maps.includes(name));
  return regions.every((name) => layers.states.get(name)?.seen);
}
