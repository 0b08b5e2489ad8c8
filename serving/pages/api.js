/** Requests to the service, its errors, and the API key. */

import { keep, kept } from "./kept.js";

const KEY = "ragpress.key";

/** An answer of the service that is an error, or no answer at all (status 0). */
export class ApiFailure extends Error {
  /**
   * @param {number} status HTTP status; 0 where the service could not be reached
   * @param {{message?: string, code?: string | null, param?: string | null}} detail
   * @param {number | null} [retryAfter] seconds after which the same request may succeed
   */
  constructor(status, detail, retryAfter = null) {
    super(detail.message ?? "");
    this.status = status;
    this.code = detail.code ?? null;
    this.param = detail.param ?? null;
    this.retryAfter = retryAfter;
  }
}

/** @type {(failure: ApiFailure) => Promise<boolean>} */
let askForKey = async () => false;
/** @type {Promise<boolean> | null} */
let asking = null;

/**
 * What is done when the service wants an API key.
 * @param {(failure: ApiFailure) => Promise<boolean>} ask shows a dialog; true once `setKey` was called
 */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

/** @returns {string} the API key; "" for none */
export function apiKey() {
  return kept(KEY, sessionStorage) ?? kept(KEY) ?? "";
}

/**
 * Keep an API key.
 * @param {string} key
 * @param {boolean} remember beyond this tab
 */
export function setKey(key, remember) {
  forgetKey();
  keep(KEY, key, remember ? localStorage : sessionStorage);
}

/** Sign out. */
export function forgetKey() {
  keep(KEY, null, sessionStorage);
  keep(KEY, null, localStorage);
}

/**
 * Send a request; ask for an API key where one is needed, as often as it is wrong.
 * @param {string} path begins with "/"
 * @param {{method?: string, body?: unknown, signal?: AbortSignal}} [options] `body` is sent as JSON, a `FormData` as
 *   a form
 * @returns {Promise<Response>} with a status below 400
 * @throws {ApiFailure} the service refused, failed or could not be reached
 * @throws {DOMException} named `AbortError`: the signal was used
 */
export async function request(path, options = {}) {
  for (;;) {
    const response = await send(path, options);
    if (response.ok) return response;
    const failure = await failureOf(response);
    if (response.status !== 401 || !(await keyGiven(failure))) throw failure;
  }
}

/**
 * The same for an answer that is JSON.
 * @param {string} path
 * @param {{method?: string, body?: unknown, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function requestJson(path, options = {}) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch (error) {
    if (error instanceof DOMException) throw error;
    throw new ApiFailure(response.status, { code: "unreadable" });
  }
}

/** One dialog, however many requests want a key at once. */
function keyGiven(failure) {
  asking ??= askForKey(failure).finally(() => {
    asking = null;
  });
  return asking;
}

async function send(path, { method = "GET", body, signal }) {
  const headers = new Headers();
  const key = apiKey();
  if (key) headers.set("Authorization", `Bearer ${key}`);
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers.set("Content-Type", "application/json");
  const content = body === undefined ? undefined : form ? body : JSON.stringify(body);
  try {
    return await fetch(path, { method, headers, body: content, signal, credentials: "omit", redirect: "error" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiFailure(0, { code: "unreachable" });
  }
}

async function failureOf(response) {
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const body = await response.json().catch(() => null);
  const detail = typeof body?.error?.message === "string" ? body.error : { code: "unreadable" };
  return new ApiFailure(response.status, detail, Number.isFinite(seconds) ? seconds : null);
}
