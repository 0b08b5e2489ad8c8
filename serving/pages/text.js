/**
 * Texts of others made fit to be shown. Nothing here makes HTML: what comes out is a string for a text node, or nodes.
 *
 * Hidden characters (zero-width, direction overrides, tags, controls) can make a text read other than it is. In answers
 * and names they are left out; in a document's passage they are shown as small labels, since there they are evidence.
 */

import { element } from "./dom.js";

// Joiners (U+200C, U+200D) stay: emoji and several scripts need them.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
const HAN = /\p{Script=Han}/u;
const KANA = /[\p{Script=Hiragana}\p{Script=Katakana}]/u;
const HANGUL = /\p{Script=Hangul}/u;

/**
 * A text without hidden characters.
 * @param {unknown} text
 * @returns {string} "" for what is no string
 */
export function clean(text) {
  return typeof text === "string" ? text.replace(/\r\n?/g, "\n").replace(HIDDEN, "") : "";
}

/**
 * A name (title, path, heading) in one line, its direction kept to itself.
 * @param {unknown} text
 * @param {string} [className]
 * @returns {HTMLElement}
 */
export function name(text, className) {
  const line = clean(text).replace(/\s+/g, " ").trim();
  return element("bdi", { class: className, lang: languageOf(line) }, line);
}

/**
 * A document's text as it is, hidden characters shown as labels; the node's `textContent` has none of the labels.
 * @param {string} text
 * @returns {Node[]}
 */
export function shown(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found[0] === "\r") continue;
    nodes.push(text.slice(from, found.index), label(found[0]));
    from = found.index + found[0].length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "").map((node) => (typeof node === "string" ? new Text(node) : node));
}

/**
 * The UTF-16 index of a code point; the service counts code points.
 * @param {string} text
 * @param {number} codePoints
 * @returns {number} the text's length where there are not so many
 */
export function indexOf(text, codePoints) {
  let index = 0;
  for (let count = 0; count < codePoints && index < text.length; count += 1) {
    index += /** @type {number} */ (text.codePointAt(index)) > 0xffff ? 2 : 1;
  }
  return index;
}

/**
 * The language tag of a text by its script. Latin text counts as English, which is the pages' other language.
 * @param {string} text
 * @returns {string}
 */
export function languageOf(text) {
  if (KANA.test(text)) return "ja";
  if (HANGUL.test(text)) return "ko";
  return HAN.test(text) ? "zh-Hans" : "en";
}

/**
 * A heading path in one line.
 * @param {string[] | string | null | undefined} heading
 * @returns {string}
 */
export function headingPath(heading) {
  const parts = Array.isArray(heading) ? heading : [heading];
  return parts.map(clean).filter(Boolean).join(" › ");
}

function label(character) {
  const code = /** @type {number} */ (character.codePointAt(0)).toString(16).toUpperCase().padStart(4, "0");
  return element("span", { class: "hidden-character", "data-code": `U+${code}` });
}
