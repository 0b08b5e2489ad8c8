/** What a reader is told when something went wrong. */

import { ApiFailure } from "./api.js";
import { say } from "./i18n.js";
import { clean } from "./text.js";

const OWN = ["unreachable", "broken_off", "unreadable"];

/**
 * @param {unknown} error
 * @returns {boolean} whether the reader stopped it
 */
export function isStopped(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * A failure as it can be kept with a turn. What is no failure of the service is a mistake of this page, and is raised.
 * @param {unknown} error
 * @returns {{status: number, code: string | null, message: string, retryAfter: number | null}}
 */
export function failureRecord(error) {
  if (!(error instanceof ApiFailure)) throw error;
  return { status: error.status, code: error.code, message: error.message, retryAfter: error.retryAfter };
}

/**
 * The service's own message, or the page's where there is none.
 * @param {{status: number, code: string | null, message: string}} failure
 * @returns {string}
 */
export function failureText(failure) {
  if (failure.message) return clean(failure.message);
  if (failure.code && OWN.includes(failure.code) && !(failure.code === "unreadable" && failure.status >= 400)) {
    return say(`failure.${failure.code}`);
  }
  return say("failure.unknown", { status: failure.status });
}
