/** Building nodes. Strings become text nodes; nothing here reads HTML. */

import { fill } from "./i18n.js";

/**
 * A new element.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] as HTML has them, and: `words`, `wordsLabel`, `wordsPlaceholder` (keys
 *   of the page's words), `values` (for their `{names}`), `onclick` and the like (functions). Null, undefined and false
 *   leave an attribute out, true gives it no value.
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  const { words, wordsLabel, wordsPlaceholder, values, ...rest } = attributes;
  for (const [name, value] of Object.entries(rest)) set(node, name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  if (words || wordsLabel || wordsPlaceholder) setWords(node, { words, wordsLabel, wordsPlaceholder }, values);
  return node;
}

/**
 * Give an element other words.
 * @param {HTMLElement} node
 * @param {string | {words?: string, wordsLabel?: string, wordsPlaceholder?: string}} keys a string is the text's key
 * @param {Record<string, string | number>} [values]
 */
export function setWords(node, keys, values) {
  const named = typeof keys === "string" ? { words: keys } : keys;
  for (const [name, key] of Object.entries(named)) if (key) node.dataset[name] = key;
  if (values) node.dataset.wordsValues = JSON.stringify(values);
  else delete node.dataset.wordsValues;
  fill(node);
}

/**
 * The element with an id, which the page has.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node;
}

/**
 * An icon of the page's own set (`#icon-NAME` in its SVG symbols), hidden from screen readers.
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#icon-${name}`);
  drawing.append(use);
  return drawing;
}

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function") node.addEventListener(name.slice(2), value);
  else node.setAttribute(name, value === true ? "" : String(value));
}
