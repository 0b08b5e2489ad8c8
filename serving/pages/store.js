/** Conversations, kept in this browser and nowhere else: one item of `localStorage` each. */

import { keep, kept } from "./kept.js";

const PREFIX = "ragpress.conversation.";
const TITLE_CHARACTERS = 80;

/**
 * @typedef {object} Turn one question and what became of it
 * @property {string} question
 * @property {"waiting" | "complete" | "failed" | "stopped"} state
 * @property {string} text the answer, as far as it came
 * @property {import("./answering.js").Details | null} details null unless complete
 * @property {{status: number, code: string | null, message: string} | null} failure
 * @property {"up" | "down" | null} rating what the reader said of it
 */

/**
 * @typedef {object} Conversation
 * @property {string} id
 * @property {string} title "" until the first question
 * @property {string} model the collection it asks
 * @property {number} updated milliseconds since 1970
 * @property {Turn[]} turns
 */

/**
 * @param {string} model
 * @returns {Conversation} one that is not kept yet
 */
export function newConversation(model) {
  const id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0"));
  return { id: id.join(""), title: "", model, updated: Date.now(), turns: [] };
}

/**
 * @param {string} question
 * @returns {Turn}
 */
export function newTurn(question) {
  return { question, state: "waiting", text: "", details: null, failure: null, rating: null };
}

/**
 * @param {string} question
 * @returns {string} a conversation's title
 */
export function titleOf(question) {
  const line = question.replace(/\s+/g, " ").trim();
  const characters = Array.from(line);
  return characters.length > TITLE_CHARACTERS ? `${characters.slice(0, TITLE_CHARACTERS).join("")}…` : line;
}

/** @returns {Conversation[]} all that are kept, the latest first */
export function conversations() {
  const found = names().map((name) => parsed(kept(name)));
  return found.filter((one) => one !== null).sort((one, other) => other.updated - one.updated);
}

/**
 * @param {string} id
 * @returns {Conversation | null}
 */
export function load(id) {
  return parsed(kept(PREFIX + id));
}

/**
 * Keep a conversation; where the browser's space is used up, the oldest others go.
 * @param {Conversation} conversation
 * @returns {boolean} whether it is kept
 */
export function save(conversation) {
  const value = JSON.stringify(conversation);
  while (!keep(PREFIX + conversation.id, value)) {
    const oldest = conversations().filter((one) => one.id !== conversation.id).pop();
    if (!oldest) return false;
    remove(oldest.id);
  }
  return true;
}

/** @param {string} id */
export function remove(id) {
  keep(PREFIX + id, null);
}

/** Forget all conversations. */
export function removeAll() {
  for (const name of names()) keep(name, null);
}

function names() {
  try {
    return Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  } catch {
    return []; // storage is switched off
  }
}

/** @returns {Conversation | null} null for what is no conversation, however it came there */
function parsed(value) {
  try {
    const { id, title, model, updated, turns } = JSON.parse(value ?? "null") ?? {};
    if (typeof id !== "string" || !Array.isArray(turns) || !turns.every(isTurn)) return null;
    if (![title, model].every((text) => typeof text === "string") || !Number.isFinite(updated)) return null;
    return { id, title, model, updated, turns: turns.map(restored) };
  } catch {
    return null;
  }
}

function isTurn(turn) {
  const texts = [turn?.question, turn?.text].every((text) => typeof text === "string");
  const states = ["waiting", "complete", "failed", "stopped"];
  const complete = turn?.state !== "complete" || isDetails(turn.details);
  return texts && states.includes(turn.state) && complete && (turn.state !== "failed" || Boolean(turn.failure));
}

function isDetails(details) {
  return Array.isArray(details?.citations) && Array.isArray(details.warnings);
}

/** What was being answered when the page was left is not complete, and its waiting times are over. */
function restored(turn) {
  const failure = turn.failure ? { ...turn.failure, retryAfter: null } : null;
  return { ...turn, failure, state: turn.state === "waiting" ? "stopped" : turn.state };
}
