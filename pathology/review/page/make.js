// Elements from plain text. Nothing here, or anywhere on the page, turns text into markup.

/**
 * @param {string} tag
 * @param {Record<string, any>} [given] attributes; `on` holds listeners, `text` the text
 * @param {...(Node|string|null|undefined)} children
 * @returns {HTMLElement}
 */
export function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, given);
  element.append(...children.filter((c) => c !== null && c !== undefined));
  return element;
}

/** @param {string} tag @param {Record<string, string|number>} given @returns {SVGElement} */
export function makeSvg(tag, given, /** @type {SVGElement[]} */ ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(given)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @param {Element} element @param {Record<string, any>} given */
function fill(element, given) {
  for (const [name, value] of Object.entries(given)) {
    if (name === "text") element.textContent = value;
    else if (name === "on") {
      for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    } else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}
