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
const NOT_PLAIN = new RegExp(`\\n|${HIDDEN.source}`, "gu");
const WRAPPED_COLUMNS = 50;
const HAN_BREAK = /(?<=[\u3001-\u9fff\uff00-\uffef])[ \t]*\n[ \t]*(?=[\u3001-\u9fff\uff00-\uffef])/g;
const HAN = /\p{Script=Han}/u;
const KANA = /[\p{Script=Hiragana}\p{Script=Katakana}]/u;
const WIDE = /[\p{Script=Han}\u3000-\u303f\uff00-\uffef]/u;
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
 * A part of a document's text as it is: hidden characters shown as labels, line breaks within a paragraph as spaces. The
 * nodes' `textContent` is the text itself, less the hidden characters.
 * @param {string} text the whole
 * @param {number} from UTF-16 index
 * @param {number} to one past the last
 * @returns {Node[]}
 */
export function shown(text, from, to) {
  const nodes = [];
  let at = from;
  for (const found of text.slice(from, to).matchAll(NOT_PLAIN)) {
    if (found[0] === "\r") continue;
    const place = from + found.index;
    const special = found[0] === "\n" ? softBreak(text, place) : label(found[0]);
    if (!special) continue;
    if (place > at) nodes.push(new Text(text.slice(at, place)));
    nodes.push(special);
    at = place + found[0].length;
  }
  if (to > at) nodes.push(new Text(text.slice(at, to)));
  return nodes;
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
 * A quote in one line. Between Chinese characters a line break was made by wrapping, and no space stands there.
 * @param {string} text
 * @returns {string}
 */
export function inOneLine(text) {
  return text.replace(HAN_BREAK, "").replace(/\s+/g, " ").trim();
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

/** A line break that only wraps a long line of a paragraph, so that it need not be shown where the line is narrower. */
function softBreak(text, at) {
  const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  const columns = Array.from(line.slice(0, 2 * WRAPPED_COLUMNS)).reduce((sum, one) => sum + (WIDE.test(one) ? 2 : 1), 0);
  if (columns < WRAPPED_COLUMNS || !/^[\p{L}\p{N}(“"]/u.test(text.slice(at + 1, at + 3))) return null;
  if (/^\d+[.)]/.test(text.slice(at + 1, at + 6))) return null;
  const han = WIDE.test(line.slice(-1)) && WIDE.test(text.slice(at + 1, at + 2));
  return element("span", { class: han ? "soft-break unseen" : "soft-break" }, "\n");
}

function label(character) {
  const code = /** @type {number} */ (character.codePointAt(0)).toString(16).toUpperCase().padStart(4, "0");
  return element("span", { class: "hidden-character", "data-code": `U+${code}` });
}
