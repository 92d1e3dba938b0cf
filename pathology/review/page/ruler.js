// Scale bar and magnification, right at every zoom.

import { byId } from "./make.js";
import { figure, say } from "./words.js";

const WIDEST_PX = 160;

/** The longest round length that fits, µm. @param {number} umPerPx CSS px @returns {number} */
export function barLength(umPerPx) {
  const room = WIDEST_PX * umPerPx;
  const power = 10 ** Math.floor(Math.log10(room));
  return ([5, 2, 1].find((f) => f * power <= room) ?? 1) * power;
}

/** @param {import("./scan.js").Scan} scan */
export function ruler(scan) {
  const bar = byId("bar");
  const label = byId("bar-label");
  const power = byId("power");
  scan.painters.push((frame) => {
    const umPerPx = scan.slide.mpp / frame.scale;
    const length = barLength(umPerPx);
    bar.style.width = `${length / umPerPx}px`;
    bar.dataset.um = String(length);
    label.textContent = length >= 1000 ? `${figure(length / 1000)} mm` : `${figure(length)} µm`;
    const now = scan.power(frame);
    const native = 10 / scan.slide.mpp;
    power.textContent = `${figure(now)}×`;
    const beyond = now > native * 1.02;
    power.classList.toggle("beyond", beyond);
    power.title = beyond ? say("power.beyond", { native: figure(native) }) : say("power.is");
    for (const button of document.querySelectorAll("[data-power]")) {
      const own = Number(/** @type {HTMLElement} */ (button).dataset.power);
      button.setAttribute("aria-pressed", String(Math.abs(now / own - 1) < 0.03));
    }
  });
}
