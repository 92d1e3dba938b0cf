// What a person has changed and not kept yet: states that can be undone, and outlive a reload.

/** @typedef {{id: string, kind: string, polygons: number[][][][]}} Area GeoJSON's coordinates, level-0 px */
/** @typedef {{cells: number[], places: number[], class?: string, positive?: boolean|null}} Call of nuclei; places are those among the points */
/** @typedef {{areas: Area[], places: Record<string, number[]>, calls: Call[]}} State places: middles of fields and hot spots */
/** @typedef {{id: string, kind: string, source: string, form: string, polygons?: number[][][][], middle?: number[], reach_px0?: number}} Editable */

const MOST_UNDONE = 200;
const CLASSES = ["tumour", "lymphocyte", "stroma", "other"];

/** What a result has of persons already. @param {Editable[]} regions @returns {State} */
export function firstState(regions) {
  /** @type {State} */
  const state = { areas: [], places: {}, calls: [] };
  for (const r of regions) {
    if (r.form === "area") state.areas.push({ id: r.id, kind: r.kind, polygons: r.polygons ?? [] });
    if (r.form === "place" && r.source === "person" && r.middle) state.places[r.id] = r.middle;
  }
  return state;
}

export class Edits {
  /** @param {State} first @param {string} account @param {string} key of what outlives a reload @param {() => void} changed */
  constructor(first, account, key, changed) {
    this.first = first;
    this.now = first;
    this.account = account;
    this.key = `pathology.correction:${key}`;
    this.changed = changed;
    /** @type {State[]} */
    this.past = [];
    /** @type {State[]} */
    this.future = [];
  }

  get dirty() {
    return this.now !== this.first;
  }

  /** @param {Partial<State>} change */
  make(change) {
    this.past = [...this.past.slice(-MOST_UNDONE), this.now];
    this.future = [];
    this.take({ ...this.now, ...change });
  }

  undo() {
    const before = this.past.pop();
    if (!before) return;
    this.future.push(this.now);
    this.take(before);
  }

  redo() {
    const after = this.future.pop();
    if (!after) return;
    this.past.push(this.now);
    this.take(after);
  }

  /** @param {State} state */
  take(state) {
    this.now = state;
    // Outlines and numbers of nuclei alone; words of a person stay where they were typed.
    if (this.dirty) sessionStorage.setItem(this.key, JSON.stringify({ account: this.account, state }));
    else sessionStorage.removeItem(this.key);
    this.changed();
  }

  /** Take up what a reload interrupted; another person's is thrown away. @returns {boolean} whether there was any */
  restore() {
    const kept = sessionStorage.getItem(this.key);
    if (!kept) return false;
    const { account, state } = JSON.parse(kept);
    if (account !== this.account) {
      sessionStorage.removeItem(this.key);
      return false;
    }
    this.make(state);
    return true;
  }

  /** It is kept: nothing is left to lose. */
  done() {
    sessionStorage.removeItem(this.key);
    this.first = this.now;
  }

  /** @param {string} kind @param {number[][][][]} polygons @returns {string} its id */
  add(kind, polygons) {
    const taken = new Set(this.now.areas.map((a) => a.id));
    let number = 1;
    while (taken.has(`drawn-${number}`)) number++;
    const id = `drawn-${number}`;
    this.make({ areas: [...this.now.areas, { id, kind, polygons }] });
    return id;
  }

  /** @param {string} id @param {Partial<Area>} change */
  change(id, change) {
    this.make({ areas: this.now.areas.map((a) => (a.id === id ? { ...a, ...change } : a)) });
  }

  /** @param {string} id of an area, or of a place: that goes back to where the program puts it */
  remove(id) {
    const { [id]: _, ...places } = this.now.places;
    this.make({ areas: this.now.areas.filter((a) => a.id !== id), places });
  }

  /** What the server is told. */
  body() {
    const feature = (/** @type {string} */ id, /** @type {string} */ kind, /** @type {number[][][][]} */ coordinates) => ({
      type: "Feature", geometry: { type: "MultiPolygon", coordinates }, properties: { region_id: id, kind },
    });
    const { areas, places, calls } = this.now;
    return {
      regions: [
        ...areas.map((a) => feature(a.id, a.kind, a.polygons)),
        ...Object.entries(places).map(([id, [x, y]]) => feature(id, id.startsWith("field") ? "field" : "hotspot",
          [[[[x - 1, y - 1], [x + 1, y - 1], [x + 1, y + 1], [x - 1, y + 1], [x - 1, y - 1]]]])),
      ],
      nuclei: calls.map(({ places: _, ...call }) => call),
    };
  }

  /**
   * What nuclei are called now, as the byte that says it (exchange/cells_window.py).
   * @param {Uint8Array} first as the program called them, by place @param {string} analysis
   */
  called(first, analysis) {
    /** @type {Map<number, number>} */
    const cells = new Map();
    /** @type {Map<number, number>} */
    const places = new Map();
    for (const call of this.now.calls) {
      for (const [n, place] of call.places.entries()) {
        let byte = places.get(place) ?? first[place];
        if (call.class !== undefined) {
          const kind = CLASSES.indexOf(call.class);
          const counts = (byte & 16) > 0 || (byte & 3) !== 0; // one that was apart for its class alone
          const counted = analysis === "ki67" ? kind === 0 && counts : (byte & 16) > 0;
          byte = (byte & 12) | kind | (counted ? 16 : 0);
        }
        if (call.positive !== undefined) byte = (byte & 19) | ((call.positive === null ? 0 : call.positive ? 2 : 1) << 2);
        places.set(place, byte);
        cells.set(call.cells[n], byte);
      }
    }
    return { cells, places };
  }
}
