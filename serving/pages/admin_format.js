/** Numbers, lengths of time and names as the reader's language writes them. What is missing is a dash, never 0. */

import { languageTag, say } from "./i18n.js";

export const MISSING = "–";
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * @param {number | null | undefined} value
 * @param {Intl.NumberFormatOptions} [options]
 * @returns {string}
 */
export function number(value, options = {}) {
  if (value === null || value === undefined) return MISSING;
  return new Intl.NumberFormat(languageTag(), options).format(value);
}

/**
 * A count in few characters: 12,345 or 1.2M.
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function count(value) {
  const large = value !== null && value !== undefined && value >= 100_000;
  return number(value, large ? { notation: "compact", maximumFractionDigits: 1 } : { maximumFractionDigits: 0 });
}

/**
 * A share of a whole; a dash where there is no whole.
 * @param {number} part
 * @param {number} whole
 * @returns {string}
 */
export function share(part, whole) {
  if (!whole) return MISSING;
  const value = part / whole;
  const digits = value > 0 && value < 0.1 ? 1 : 0;
  return number(value, { style: "percent", maximumFractionDigits: digits });
}

/**
 * How long a request took.
 * @param {number | null | undefined} seconds
 * @returns {string}
 */
export function latency(seconds) {
  if (seconds === null || seconds === undefined) return MISSING;
  if (seconds < 1) return `${number(seconds * 1000, { maximumFractionDigits: 0 })} ms`;
  return `${number(seconds, { maximumFractionDigits: seconds < 10 ? 2 : 1 })} s`;
}

/**
 * An age or a long time in its two largest units.
 * @param {number | null | undefined} seconds
 * @returns {string}
 */
export function age(seconds) {
  if (seconds === null || seconds === undefined) return MISSING;
  if (seconds < MINUTE) return unit(Math.round(seconds), "second");
  if (seconds < HOUR) return unit(Math.floor(seconds / MINUTE), "minute");
  if (seconds < 2 * DAY) return unit(Math.floor(seconds / HOUR), "hour");
  return unit(Math.floor(seconds / DAY), "day");
}

/**
 * Money, as small as tokens cost.
 * @param {number | null | undefined} value
 * @param {string} currency ISO code; another text stands before the figure
 * @returns {string}
 */
export function money(value, currency) {
  if (value === null || value === undefined) return MISSING;
  const digits = value !== 0 && Math.abs(value) < 1 ? 4 : 2;
  const options = { minimumFractionDigits: 2, maximumFractionDigits: digits };
  try {
    return number(value, { style: "currency", currency, currencyDisplay: "narrowSymbol", ...options });
  } catch {
    return `${currency} ${number(value, options)}`; // no ISO code
  }
}

/**
 * How long ago a moment was.
 * @param {string} iso
 * @param {string} now ISO
 * @returns {string}
 */
export function ago(iso, now) {
  return say("ago", { age: age(Math.max(0, (Date.parse(now) - Date.parse(iso)) / 1000)) });
}

/**
 * A moment as a short date and time.
 * @param {string} iso
 * @returns {string}
 */
export function time(iso) {
  const options = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(languageTag(), /** @type {Intl.DateTimeFormatOptions} */ (options)).format(new Date(iso));
}

/**
 * The short form of a release's id: its number.
 * @param {string} id
 * @returns {string}
 */
export function shortRelease(id) {
  const found = /^(r\d+)-/.exec(id);
  return found ? found[1] : id.slice(0, 12);
}

/**
 * The beginning of a long text, cut between characters as people count them.
 * @param {string} text
 * @param {number} most
 * @returns {string}
 */
export function clipped(text, most) {
  const characters = Array.from(text.slice(0, most * 2));
  return characters.length > most || text.length > most * 2 ? `${characters.slice(0, most).join("")}…` : text;
}

function unit(value, name) {
  return number(value, { style: "unit", unit: name, unitDisplay: name === "day" ? "long" : "short" });
}
