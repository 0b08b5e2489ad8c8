/** Server-sent events of a response, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them. */

import { ApiFailure } from "./api.js";

const LONGEST = 16_000_000;

/**
 * The `data` of each event. Characters, line ends and events may be cut anywhere between two pieces.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<string>}
 * @throws {ApiFailure} the connection broke off, or an event has no end
 */
export async function* eventData(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let lines = new Lines();
  let data = [];
  try {
    for (;;) {
      const { done, value } = await read(reader);
      for (const line of lines.of(decoder.decode(value, { stream: !done }), done)) {
        if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
        if (line !== "" || data.length === 0) continue;
        yield data.join("\n");
        data = [];
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {}); // it has ended, or the reader has no more use for it
  }
}

async function read(reader) {
  try {
    return await reader.read();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiFailure(0, { code: "broken_off" });
  }
}

/** Lines of a text that comes in pieces; they end with CR, LF or both. */
class Lines {
  #rest = "";

  /**
   * @param {string} piece
   * @param {boolean} last whether nothing more comes
   * @returns {string[]}
   */
  of(piece, last) {
    const text = this.#rest + piece;
    // A CR at the end may be the first half of a CRLF.
    const usable = !last && text.endsWith("\r") ? text.length - 1 : text.length;
    const lines = text.slice(0, usable).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() + text.slice(usable);
    if (this.#rest.length > LONGEST) throw new ApiFailure(0, { code: "unreadable" });
    return lines;
  }
}
