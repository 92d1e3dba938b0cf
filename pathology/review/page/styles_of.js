// How regions and nuclei look, and which switch shows them. Colours that colour-blind readers tell
// apart (Okabe and Ito 2008), as in the picture of a result.

/** @typedef {{layer: string, colour: string, dash?: number[], hatched?: boolean, width?: number}} RegionLook */

/** @type {Record<string, RegionLook>} */
const REGIONS = {
  tissue: { layer: "tissue", colour: "#4d4d4d", width: 1.5 },
  tumour: { layer: "tumour", colour: "#c44a00", width: 2 },
  stroma: { layer: "stroma", colour: "#0a78b4", width: 1.5 },
  tumour_bed: { layer: "tumour_bed", colour: "#8c3c00", width: 2.5 },
  front: { layer: "front", colour: "#e69f00", width: 4 },
  margin: { layer: "margin", colour: "#b8a500", width: 2, dash: [8, 4] },
  field: { layer: "field", colour: "#0072b2", width: 3 },
  hotspot: { layer: "hotspot", colour: "#d55e00", width: 3, dash: [12, 4] },
  out_of_focus: { layer: "excluded", colour: "#5a5a8c", hatched: true },
  pen: { layer: "excluded", colour: "#009e73", hatched: true },
  bubble: { layer: "excluded", colour: "#56b4e9", hatched: true },
  fold: { layer: "excluded", colour: "#cc79a7", hatched: true },
  control_tissue: { layer: "excluded", colour: "#9467bd", hatched: true },
  unreadable: { layer: "excluded", colour: "#000000", hatched: true },
  necrosis: { layer: "excluded", colour: "#323232", hatched: true },
  in_situ: { layer: "excluded", colour: "#6e3ca0", hatched: true },
  normal: { layer: "excluded", colour: "#00825a", hatched: true },
  artefact: { layer: "excluded", colour: "#82823c", hatched: true },
};

/** @type {RegionLook} where nobody can say whether tumour ends or tissue does */
const NOT_ASSESSABLE = { layer: "front", colour: "#707070", width: 3, dash: [4, 5] };

/** How a region looks; none for a kind that is not known. @param {{id: string, kind: string}} region @returns {RegionLook|undefined} */
export function lookOf(region) {
  return region.id === "front-not-assessable" ? NOT_ASSESSABLE : REGIONS[region.kind];
}

/** Layers in the order of the panel; the first lie at the bottom. */
export const LAYERS = [
  "tissue_class", "nucleus_density", "ki67_density",
  "tissue", "stroma", "tumour", "tumour_bed", "margin", "front", "excluded", "field", "hotspot",
  "nuclei",
];
export const SHOWN_FIRST = ["tissue", "tumour_bed", "front", "margin", "excluded", "field", "hotspot", "nuclei"];

/** @type {Record<string, number>} */
export const OPACITY_FIRST = { tissue_class: 0.45, nucleus_density: 0.6, ki67_density: 0.6 };

export const TISSUES = [
  ["tumour", "#e69f00"], ["stroma", "#56b4e9"], ["other", "#787878"], ["normal", "#009e73"],
];
export const RAMP = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"];

/**
 * What a nucleus is shown as. The shapes differ too, for who does not see the colours.
 * @typedef {{name: string, colour: [number, number, number], shape: 0|1|2|3, rank: number}} Mark
 */
const DISC = 0, RING = 1, SQUARE = 2, SPECK = 3;

/** @type {Mark} */
const LEFT_OUT = { name: "left-out", colour: [128, 128, 128], shape: SPECK, rank: 0 };

/** @type {Record<string, Mark[]>} by analysis, most important first */
export const MARKS = {
  ki67: [
    { name: "positive", colour: [213, 94, 0], shape: DISC, rank: 5 },
    { name: "negative", colour: [0, 114, 178], shape: RING, rank: 3 },
    { name: "ambiguous", colour: [240, 228, 66], shape: DISC, rank: 4 },
    { name: "inflammatory", colour: [0, 158, 115], shape: SQUARE, rank: 1 },
    LEFT_OUT,
  ],
  infiltration: [
    { name: "inflammatory-cell", colour: [0, 158, 115], shape: SQUARE, rank: 5 },
    { name: "tumour", colour: [142, 68, 173], shape: RING, rank: 3 },
    LEFT_OUT,
  ],
};
const [UNKNOWN, NEGATIVE] = [0, 1];
const [TUMOUR, LYMPHOCYTE] = [0, 1];

/**
 * The mark of a nucleus, from the byte that says what was said of it (exchange/cells_window.py).
 * @param {number} call @param {string} analysis @returns {Mark}
 */
export function markOf(call, analysis) {
  const kind = call & 3, positivity = (call >> 2) & 3, counted = (call & 16) > 0;
  const marks = MARKS[analysis];
  const named = (/** @type {string} */ name) => marks.find((m) => m.name === name) ?? LEFT_OUT;
  if (analysis === "infiltration") {
    if (!counted) return LEFT_OUT;
    if (kind === LYMPHOCYTE) return named("inflammatory-cell");
    return kind === TUMOUR ? named("tumour") : LEFT_OUT;
  }
  if (!counted) return kind === LYMPHOCYTE ? named("inflammatory") : LEFT_OUT;
  if (positivity === UNKNOWN) return named("ambiguous");
  return named(positivity === NEGATIVE ? "negative" : "positive");
}
