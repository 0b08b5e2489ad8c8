/** Asking the service: one question with the turns before it, the answer streamed. */

import { ApiFailure, request } from "./api.js";
import { eventData } from "./stream.js";

/** @typedef {{role: "user" | "assistant", content: string}} Message */

/**
 * @typedef {object} Citation a passage that the answer cites; see the service's own description
 * @property {number} index
 * @property {string} document_id
 * @property {string} source
 * @property {string} title
 * @property {string[] | string | null} heading
 * @property {number | null} page
 * @property {number} start first code point in the document's text
 * @property {number} end one past the last
 * @property {string} quote
 * @property {string[]} copies sources that hold the same text
 */

/**
 * @typedef {object} Details what the end of a stream says of the answer
 * @property {string} id
 * @property {Citation[]} citations
 * @property {boolean} abstained
 * @property {string} release
 * @property {string[]} warnings
 * @property {string} generator
 * @property {string} finish why the text ends: `stop` or `length`
 */

const EARLIER_MESSAGES = 20;
const EARLIER_CHARACTERS = 60_000;

/**
 * Ask and listen.
 * @param {{model: string, messages: Message[], signal: AbortSignal, onText: (piece: string) => void}} asked
 * @returns {Promise<Details>} once the answer is complete
 * @throws {ApiFailure} also where the stream ends too early
 * @throws {DOMException} named `AbortError`: the reader stopped it
 */
export async function ask({ model, messages, signal, onText }) {
  const response = await request("/v1/chat/completions", {
    method: "POST",
    body: { model, messages, stream: true },
    signal,
  });
  if (!response.body) throw new ApiFailure(0, { code: "unreadable" });
  const details = noDetails();
  let finished = false;
  for await (const data of eventData(response.body)) {
    if (data === "[DONE]") return details;
    const event = parsed(data);
    if (event.error) throw new ApiFailure(0, event.error);
    finished = take(event, details, onText) || finished;
  }
  if (finished) return details;
  throw new ApiFailure(0, { code: "broken_off" });
}

/**
 * The turns to be sent before a question: those that were answered, the latest of them.
 * @param {{question: string, text: string, state: string}[]} turns
 * @returns {Message[]}
 */
export function earlier(turns) {
  const messages = turns
    .filter((turn) => turn.state === "complete" && turn.text)
    .flatMap(({ question, text }) => [
      { role: /** @type {const} */ ("user"), content: question },
      { role: /** @type {const} */ ("assistant"), content: text },
    ])
    .slice(-EARLIER_MESSAGES);
  let characters = messages.reduce((sum, message) => sum + message.content.length, 0);
  while (characters > EARLIER_CHARACTERS) {
    for (const message of messages.splice(0, 2)) characters -= message.content.length;
  }
  return messages;
}

/** @returns {boolean} whether the generator says it is done */
function take(event, details, onText) {
  if (event.id) details.id = String(event.id);
  const choice = Array.isArray(event.choices) ? event.choices[0] : undefined;
  if (typeof choice?.delta?.content === "string") onText(choice.delta.content);
  if (!choice?.finish_reason) return false;
  details.finish = String(choice.finish_reason);
  details.citations = (event.citations ?? []).filter(isCitation);
  details.warnings = (event.warnings ?? []).map(String);
  details.abstained = event.abstained === true;
  details.release = String(event.release ?? "");
  details.generator = [event.generator?.kind, event.generator?.model].filter(Boolean).join(" · ");
  return true;
}

/** @returns {Details} */
function noDetails() {
  return { id: "", citations: [], abstained: false, release: "", warnings: [], generator: "", finish: "" };
}

function isCitation(one) {
  return Number.isInteger(one?.index) && typeof one.quote === "string";
}

function parsed(data) {
  try {
    const event = JSON.parse(data);
    if (event && typeof event === "object") return event;
  } catch {
    // told below, as for JSON that is no object
  }
  throw new ApiFailure(0, { code: "unreadable" });
}
