/** The list of sources below an answer, and what a reader should know of them. */

import { element, icon, setWords } from "./dom.js";
import { say } from "./i18n.js";
import { clean, headingPath, inOneLine, languageOf, name } from "./text.js";

/** @typedef {import("./answering.js").Citation} Citation */

const MARKS = {
  injection: "has text that is addressed to a language model; it was treated as text.",
  outdated: "is marked as outdated: a newer document of its family exists.",
  near_duplicate: "is nearly the same as another document.",
  truncated: "seems to be cut off.",
  garbage: "has text that reads as damaged.",
  no_text: "has little text on its pages.",
};
const DISAGREE = "Passages disagree: ";

/**
 * The list of sources.
 * @param {import("./answering.js").Details} details
 * @param {(index: number) => void} onOpen gets a source's number
 * @returns {HTMLElement | null} null where there is none
 */
export function sourceList(details, onOpen) {
  if (details.citations.length === 0) return null;
  const items = details.citations.map((one) => sourceItem(one, isOutdated(one, details.warnings), onOpen));
  return element("section", { class: "sources" }, element("h3", { class: "small soft", words: "sources" }), element("ol", {}, ...items));
}

/**
 * The title that a source is known by: its own, else its path.
 * @param {{title: string, source: string}} citation
 * @returns {string}
 */
export function titleOf({ title, source }) {
  return clean(title).trim() || clean(source);
}

function sourceItem(citation, outdated, onOpen) {
  const title = titleOf(citation);
  const quote = inOneLine(clean(citation.quote));
  const button = element(
    "button",
    { type: "button", class: "source", "data-index": citation.index, onclick: () => onOpen(citation.index) },
    element("span", { class: "number", "aria-hidden": "true" }, String(citation.index)),
    element(
      "span",
      { class: "source-text" },
      element("span", { class: "source-title" }, name(title), outdated && element("span", { class: "badge", words: "outdated" })),
      element("span", { class: "soft place" }, ...placeNodes(citation)),
      element("span", { class: "source-quote", lang: languageOf(quote) }, quote),
    ),
  );
  return element("li", {}, button);
}

/**
 * Where a passage stands: path, page, heading.
 * @param {Citation} citation
 * @returns {Node[]}
 */
export function placeNodes(citation) {
  const path = headingPath(citation.heading);
  const heading = path === titleOf(citation) ? "" : path;
  const page = Number.isInteger(citation.page) && element("span", { words: "page", values: { page: Number(citation.page) } });
  const parts = [name(citation.source), page, heading && name(heading)].filter((part) => part);
  return parts.flatMap((part, at) => (at ? [new Text(" · "), part] : [part]));
}

function isOutdated(citation, warnings) {
  return warnings.some((one) => one.startsWith(`[${citation.index}] `) && one.endsWith(MARKS.outdated));
}

/**
 * The warnings of an answer.
 * @param {string[]} warnings as the service words them
 * @returns {HTMLElement | null}
 */
export function warningList(warnings) {
  if (warnings.length === 0) return null;
  const items = warnings.map(warningItem);
  const title = element("h3", { class: "small" }, icon("warning"), element("span", { words: "warnings" }));
  return element("section", { class: "warnings" }, title, element("ul", {}, ...items));
}

/** The service words warnings in English; those that this page knows are shown in the reader's language. */
function warningItem(text) {
  const shown = clean(text);
  if (shown.startsWith(DISAGREE)) {
    const passages = shown.slice(DISAGREE.length);
    return element("li", { words: "warning.disagree", values: { passages } });
  }
  const mark = Object.keys(MARKS).find((one) => shown.endsWith(MARKS[one]));
  if (!mark) return element("li", { lang: "en" }, shown);
  const about = shown.slice(0, -MARKS[mark].length).trim();
  return element("li", {}, name(about), " ", element("span", { words: `warning.${mark}` }));
}

/**
 * The footnote that stands for `[n]` in a text.
 * @param {Citation | undefined} citation
 * @param {number} number
 * @param {(index: number) => void} onOpen
 * @returns {Node}
 */
export function footnote(citation, number, onOpen) {
  if (!citation) return new Text(`[${number}]`);
  const button = element("button", { type: "button", class: "cite", onclick: () => onOpen(number) }, String(number));
  setWords(button, { wordsLabel: "source" }, { number, title: titleOf(citation) });
  return element("sup", {}, button);
}

/**
 * An answer as plain text, with its sources.
 * @param {string} text
 * @param {Citation[]} citations
 * @returns {string}
 */
export function copyText(text, citations) {
  const lines = citations.map((one) => {
    const page = Number.isInteger(one.page) ? `, ${say("page", { page: Number(one.page) })}` : "";
    return `[${one.index}] ${titleOf(one)} (${clean(one.source)}${page})`;
  });
  return [clean(text).trim(), ...(lines.length ? ["", ...lines] : [])].join("\n");
}
