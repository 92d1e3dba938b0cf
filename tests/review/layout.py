"""What is wrong with a page as it lies on the screen: overlaps, and what is cut off."""

from __future__ import annotations

from typing import Any

FAULTS = """() => {
  const CONTROLS = "a, button, input, select, textarea, summary";
  const NO_TEXT = "option, noscript, script, style, textarea";
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  // A box as far as the containers that scroll or clip let it be seen; null: not at all.
  const clipped = (box, element) => {
    let { left, top, right, bottom } = box;
    for (let e = element; e && e !== document.documentElement; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (style.overflowX === "visible" && style.overflowY === "visible") continue;
      const outer = e.getBoundingClientRect();
      left = Math.max(left, outer.left);
      top = Math.max(top, outer.top);
      right = Math.min(right, outer.right);
      bottom = Math.min(bottom, outer.bottom);
    }
    return right - left > 1 && bottom - top > 1 ? { left, top, right, bottom } : null;
  };
  const root = document.querySelector("dialog[open]") ?? document.body;
  const items = [];
  for (const e of root.querySelectorAll(CONTROLS)) {
    const box = shown(e) && clipped(e.getBoundingClientRect(), e.parentElement);
    const name = `${e.tagName.toLowerCase()}#${e.id} ${e.textContent.trim().slice(0, 30)}`;
    const holds = e.matches("button, a, select") && getComputedStyle(e).overflowX !== "visible";
    if (box) items.push({ e, box, name, cut: holds && e.scrollWidth > e.clientWidth + 1 });
  }
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (walk.nextNode()) {
    const text = walk.currentNode;
    const e = text.parentElement;
    if (!text.data.trim() || !shown(e) || e.closest(NO_TEXT)) continue;
    range.selectNodeContents(text);
    for (const line of range.getClientRects()) {
      const box = line.width < 1 ? null : clipped(line, e);
      const name = text.data.trim().slice(0, 40);
      if (box) items.push({ e, box, name, cut: line.width - (box.right - box.left) > 2 });
    }
  }
  const faults = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth + 1) faults.push("the page is wider than the screen");
  for (const { box, name, cut } of items) {
    if (cut) faults.push(`cut: ${name}`);
    if (box.left < -1 || box.right > innerWidth + 1) faults.push(`beyond the screen: ${name}`);
  }
  items.forEach((a, place) => items.slice(place + 1).forEach((b) => {
    if (a.e === b.e || a.e.contains(b.e) || b.e.contains(a.e)) return;
    const left = Math.max(a.box.left, b.box.left);
    const top = Math.max(a.box.top, b.box.top);
    const across = Math.min(a.box.right, b.box.right) - left;
    const down = Math.min(a.box.bottom, b.box.bottom) - top;
    if (across > 3 && down > 3) faults.push(`on one another: ${a.name} | ${b.name}`);
  }));
  return [...new Set(faults)];
}"""


def faults(tab: Any) -> list[str]:
    """What overlaps, is cut or lies beyond the screen; an open dialog is looked at alone."""
    found: list[str] = tab.evaluate(FAULTS)
    return found
