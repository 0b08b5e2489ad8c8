/**
 * The words of a page in the reader's language.
 *
 * An element names its words in attributes, and `applyWords` fills them in, so a switch of language needs no reload:
 * `data-words` (its text), `data-words-label` (`aria-label` and `title`), `data-words-placeholder`; `data-words-values`
 * holds a JSON object for the `{names}` in them. Words are always inserted as text.
 */

import { keep, kept } from "./kept.js";
import { LANGUAGES } from "./service.js";

/** @typedef {Record<string, string>} Words */

const NAME = "ragpress.language";
const TAGS = { en: "en", zh: "zh-Hans" };

/** @type {Record<string, Words>} */
let tables = { en: {}, zh: {} };
let current = chosen();
/** @type {(() => void)[]} */
const listeners = [];

/** @returns {"en" | "zh"} the language of the page */
export function language() {
  return current;
}

/** @returns {string} the same as a tag for `lang` attributes and `Intl` */
export function languageTag() {
  return TAGS[current];
}

/**
 * The words of this page; call it once, before anything is shown.
 * @param {Record<"en" | "zh", Words>} byLanguage
 */
export function useWords(byLanguage) {
  tables = byLanguage;
  applyWords(document);
}

/**
 * One text in the reader's language.
 * @param {string} key a missing one is returned as it is
 * @param {Record<string, string | number>} [values] for the `{names}` in it
 * @returns {string}
 */
export function say(key, values = {}) {
  const text = tables[current][key] ?? tables.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Fill in the words below a node, and the language of the page.
 * @param {ParentNode} root
 */
export function applyWords(root) {
  document.documentElement.lang = TAGS[current];
  for (const node of root.querySelectorAll("[data-words],[data-words-label],[data-words-placeholder]")) fill(node);
}

/**
 * Fill in the words of one element.
 * @param {HTMLElement} node
 */
export function fill(node) {
  const { words, wordsLabel, wordsPlaceholder, wordsValues } = node.dataset;
  const values = wordsValues ? JSON.parse(wordsValues) : {};
  if (words) node.textContent = say(words, values);
  if (wordsPlaceholder) node.setAttribute("placeholder", say(wordsPlaceholder, values));
  if (!wordsLabel) return;
  node.setAttribute("aria-label", say(wordsLabel, values));
  if (node.tagName === "BUTTON") node.title = say(wordsLabel, values);
}

/**
 * Called after each switch of language.
 * @param {() => void} listener
 */
export function onLanguage(listener) {
  listeners.push(listener);
}

/**
 * Let a button switch the language. It shows the other language's name, in that language; it hides itself where the
 * service has one language.
 * @param {HTMLButtonElement} button
 */
export function languageButton(button) {
  const other = LANGUAGES[(LANGUAGES.indexOf(current) + 1) % LANGUAGES.length];
  button.hidden = LANGUAGES.length < 2;
  button.textContent = other === "zh" ? "中文" : "English";
  button.lang = TAGS[other];
  button.onclick = () => {
    current = other;
    keep(NAME, other);
    applyWords(document);
    languageButton(button);
    for (const listener of listeners) listener();
  };
}

/**
 * A moment as the reader's language writes it.
 * @param {number | string | Date} moment
 * @returns {string}
 */
export function moment(moment) {
  const format = new Intl.DateTimeFormat(languageTag(), { dateStyle: "medium", timeStyle: "short" });
  return format.format(new Date(moment));
}

/** @returns {"en" | "zh"} the language kept, else the first of the browser's that the service has */
function chosen() {
  const wanted = [kept(NAME) ?? "", ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase());
  return /** @type {"en" | "zh"} */ (wanted.find((tag) => LANGUAGES.includes(tag)) ?? LANGUAGES[0]);
}
