// A view of the slide as a link: it opens at the same place, also after signing in.
//
// The place stands behind the #, which no browser sends to a server: no log holds it.

import { byId } from "./make.js";
import { say } from "./words.js";

/** @typedef {import("./scan.js").Scan} Scan */
/** @typedef {{x_um: number, y_um: number, power: number, turn: number}} Place */

const LEAST_POWER = 0.01;
const MOST_POWER = 200;

/** Where the view rests, µm from the slide's upper left corner. @param {Scan} scan @returns {Place|null} */
export function placeOf(scan) {
  const frame = scan.frame(false);
  const item = scan.viewer.world.getItemAt(0);
  if (!frame || !item) return null;
  const centre = item.viewportToImageCoordinates(scan.viewer.viewport.getCenter(false));
  const { mpp } = scan.slide;
  return { x_um: centre.x * mpp, y_um: centre.y * mpp, power: scan.power(frame), turn: scan.viewer.viewport.getRotation() };
}

/** @param {Place} place */
export function hashOf(place) {
  const { x_um, y_um, power, turn } = place;
  return `#x=${x_um.toFixed(1)}&y=${y_um.toFixed(1)}&power=${power.toFixed(3)}${turn ? `&turn=${turn.toFixed(0)}` : ""}`;
}

/** What an address asks to be shown; null where it asks for nothing that is on a slide. @param {string} hash @returns {Place|null} */
export function placeIn(hash) {
  const asked = new URLSearchParams(hash.replace(/^#/, ""));
  const [x_um, y_um, power] = ["x", "y", "power"].map((name) => Number(asked.get(name) ?? NaN));
  const turn = Number(asked.get("turn") ?? 0);
  if (![x_um, y_um, power, turn].every(Number.isFinite) || power < LEAST_POWER || power > MOST_POWER) return null;
  return { x_um, y_um, power, turn };
}

/** A rectangle that an address asks for, µm: left, top, width, height. @param {string} hash @returns {number[]|null} */
export function boxIn(hash) {
  const sides = (new URLSearchParams(hash.replace(/^#/, "")).get("box") ?? "").split(",").map(Number);
  return sides.length === 4 && sides.every(Number.isFinite) && sides[2] > 0 && sides[3] > 0 ? sides : null;
}

/** What is in sight, upright, µm: left, top, width, height. @param {Scan} scan @returns {number[]|null} */
export function boxOf(scan) {
  const item = scan.viewer.world.getItemAt(0);
  if (!item) return null;
  const seen = item.viewportToImageRectangle(scan.viewer.viewport.getBounds(false)).getBoundingBox();
  return [seen.x, seen.y, seen.width, seen.height].map((side) => side * scan.slide.mpp);
}

/** Show a place at once. @param {Scan} scan @param {Place} place */
export function goTo(scan, place) {
  const { width_px0, height_px0, mpp } = scan.slide;
  const within = (/** @type {number} */ um, /** @type {number} */ side) => Math.min(Math.max(um / mpp, 0), side);
  const view = scan.viewer.viewport;
  view.setRotation(((place.turn % 360) + 360) % 360, true);
  scan.magnify(place.power);
  const item = scan.viewer.world.getItemAt(0);
  view.panTo(item.imageToViewportCoordinates(within(place.x_um, width_px0), within(place.y_um, height_px0)), true);
  view.zoomTo(view.getZoom(), undefined, true);
  scan.again();
}

/**
 * Open where the address says, now and whenever it is changed by hand; the button puts the view into
 * the address and, where the browser lets it, into the clipboard.
 * @param {Scan} scan @param {(ids: string[]) => void} show regions by id @param {(text: string) => void} announce
 */
export function links(scan, show, announce) {
  const open = () => {
    const place = placeIn(location.hash);
    const region = new URLSearchParams(location.hash.replace(/^#/, "")).get("region");
    const box = boxIn(location.hash);
    if (box) {
      const [left, top, right, bottom] = [box[0], box[1], box[0] + box[2], box[1] + box[3]].map((um) => um / scan.slide.mpp);
      scan.show({ left, top, right, bottom });
    } else if (place) goTo(scan, place);
    else if (region) show([region]);
  };
  open();
  window.addEventListener("hashchange", open);
  byId("link").addEventListener("click", async () => {
    const place = placeOf(scan);
    if (!place) return;
    history.replaceState(null, "", hashOf(place));
    try {
      await navigator.clipboard.writeText(location.href);
      announce(say("link.copied"));
    } catch {
      announce(say("link.in-address"));
    }
  });
}
