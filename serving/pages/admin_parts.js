/** Parts that the sections of the dashboard share: tables, chips, names, dialogs, news. */

import { byId, element, icon, setWords } from "./dom.js";
import { say } from "./i18n.js";
import { clipped } from "./admin_format.js";

const LONG_NAME = 90;

/**
 * A table in a frame that scrolls sideways where it is too wide.
 * @param {string} labelledBy id of its heading
 * @param {{words: string, values?: Record<string, string>, class?: string, hidden?: boolean}[]} columns `hidden`: the name is for screen readers only
 * @param {HTMLElement[]} rows
 * @returns {HTMLElement}
 */
export function table(labelledBy, columns, rows) {
  const cells = columns.map((column) => {
    const name = element("span", { class: column.hidden ? "hidden-visually" : null, words: column.words, values: column.values });
    return element("th", { scope: "col", class: column.class }, name);
  });
  const head = element("thead", {}, element("tr", {}, ...cells));
  const whole = element("table", { "aria-labelledby": labelledBy }, head, element("tbody", {}, ...rows));
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": labelledBy }, whole);
}

/**
 * A row; its first cell is its name.
 * @param {...(Node | string | [Node | string, string])} cells text, a node, or one of them with a class
 * @returns {HTMLElement}
 */
export function row(...cells) {
  const nodes = cells.map((cell, number) => {
    const [content, name] = Array.isArray(cell) ? cell : [cell, null];
    const attributes = number === 0 ? { scope: "row", class: name } : { class: name };
    return element(number === 0 ? "th" : "td", attributes, content);
  });
  return element("tr", {}, ...nodes);
}

/**
 * @param {string} words
 * @param {string} tone good, warn, bad or plain
 * @param {Record<string, string | number>} [values]
 * @returns {HTMLElement}
 */
export function chip(words, tone, values) {
  return element("span", { class: `chip ${tone}`, words, values });
}

/**
 * A name that somebody else chose: in a direction of its own, cut where it is very long.
 * @param {string} text
 * @param {string} [tag]
 * @returns {HTMLElement}
 */
export function name(text, tag = "bdi") {
  return element(tag, { class: "name", dir: "auto", title: text.length > LONG_NAME ? clipped(text, 400) : null }, clipped(visible(text), LONG_NAME));
}

/**
 * A text that somebody else wrote; a long one is folded.
 * @param {string} text
 * @param {string} kept names it, so that it stays unfolded when the page is refreshed
 * @param {number} [most]
 * @returns {HTMLElement}
 */
export function prose(text, kept, most = 420) {
  const short = clipped(text, most);
  if (short.length >= text.length) return element("p", { class: "prose", dir: "auto" }, visible(text));
  const summary = element("summary", { class: "prose", dir: "auto" }, visible(short));
  return element("details", { class: "folded", "data-kept": kept }, summary, element("p", { class: "prose", dir: "auto" }, visible(text)));
}

/**
 * Characters that turn the direction of a text around, or that nobody sees, as their code.
 * @param {string} text
 * @returns {string}
 */
export function visible(text) {
  const code = (character) => `[U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, code);
}

/**
 * @param {string} words
 * @param {Record<string, string | number>} [values]
 * @returns {HTMLElement}
 */
export function empty(words, values) {
  return element("p", { class: "empty", words, values });
}

/**
 * Tell what was done: shown for a while, and announced.
 * @param {string} words
 * @param {Record<string, string | number>} [values]
 */
export function tell(words, values) {
  byId("news").textContent = say(words, values);
  document.querySelector(".toast")?.remove();
  const close = element("button", { type: "button", class: "icon-button", wordsLabel: "close" }, icon("close"));
  const toast = element("div", { class: "toast" }, icon("good"), element("span", { words, values }), close);
  close.addEventListener("click", () => toast.remove());
  toast.addEventListener("animationend", () => toast.remove());
  document.body.append(toast);
}

/**
 * A dialog that asks before something is done, shows what went wrong, and closes when it is done.
 * @param {{title: string, values?: Record<string, string>, content: Node[], action: string,
 *   reason?: {words: string, required: boolean}}} options
 * @param {(reason: string) => Promise<void>} act throws what is shown
 */
export function confirm({ title, values, content, action, reason }, act) {
  const field = element("textarea", { id: "confirm-reason", maxlength: 500, rows: 2, required: reason?.required });
  const label = reason && element("label", { for: "confirm-reason", words: reason.words });
  const problem = element("p", { class: "problem", role: "alert" });
  const cancel = element("button", { type: "button", class: "quiet", words: "cancel" });
  const submit = element("button", { class: "primary", words: action });
  const form = element(
    "form",
    { method: "dialog", class: "dialog-form" },
    element("h2", { id: "confirm-title", words: title, values }),
    ...content,
    label,
    reason && field,
    problem,
    element("div", { class: "row end" }, cancel, submit),
  );
  const dialog = /** @type {HTMLDialogElement} */ (
    element("dialog", { class: "card-dialog wide", "aria-labelledby": "confirm-title" }, form)
  );
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.setAttribute("disabled", "");
    problem.textContent = "";
    try {
      await act(/** @type {HTMLTextAreaElement} */ (field).value.trim());
      dialog.close();
    } catch (error) {
      problem.textContent = faultText(error);
      submit.removeAttribute("disabled");
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * What is told of a failed request.
 * @param {any} error
 * @returns {string}
 */
export function faultText(error) {
  if (error?.status === 0) return say("fault.0");
  return say("fault.other", { message: error?.message || error?.code || String(error) });
}

/**
 * Fill a section anew where what it shows has changed, and keep what is unfolded and where the focus is.
 * @param {string} id
 * @param {unknown} shown
 * @param {() => (Node | null | false | undefined)[]} draw
 */
export function redraw(id, shown, draw) {
  const place = byId(id);
  const now = JSON.stringify(shown);
  if (drawn.get(id) === now) return;
  drawn.set(id, now);
  const fresh = !place.hasChildNodes();
  const unfolded = new Set([...place.querySelectorAll("details[open][data-kept]")].map((node) => node.dataset.kept));
  const focused = place.contains(document.activeElement) ? document.activeElement?.getAttribute("data-focus") : null;
  place.replaceChildren(...draw().filter(Boolean));
  if (!fresh) for (const node of place.querySelectorAll("details[data-kept]")) node.open = unfolded.has(node.dataset.kept);
  if (focused) place.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

/** @type {Map<string, string>} */
const drawn = new Map();

/** Forget what is shown, so that everything is drawn anew. */
export function forgetDrawn() {
  drawn.clear();
}

export { setWords };
