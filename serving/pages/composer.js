/** The box where questions are typed. */

import { byId } from "./dom.js";

const HIGHEST = 220;

/** Sends questions; shows a stop button while one is answered. */
export class Composer {
  #field = byId("ask");
  #send = byId("send");
  #stop = byId("stop");
  #busy = false;

  /** @param {{onAsk: (question: string) => void, onStop: () => void}} actions */
  constructor({ onAsk, onStop }) {
    const submit = () => {
      const question = this.#field.value.trim();
      if (!question || this.#busy) return;
      this.fill("");
      onAsk(question);
    };
    byId("ask-form").addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
      event.preventDefault();
      submit();
    });
    this.#field.addEventListener("input", () => this.#fit());
    this.#stop.addEventListener("click", onStop);
  }

  /**
   * Put a text into the box; a gap "…" in it is selected.
   * @param {string} text
   */
  fill(text) {
    this.#field.value = text;
    this.#fit();
    if (!text) return;
    const gap = /…+/.exec(text);
    this.#field.focus();
    if (gap) this.#field.setSelectionRange(gap.index, gap.index + gap[0].length);
  }

  /** @param {boolean} busy whether an answer is being written */
  setBusy(busy) {
    const focused = document.activeElement;
    this.#busy = busy;
    this.#stop.hidden = !busy;
    this.#send.hidden = busy;
    if (focused === this.#stop || focused === this.#send) this.focus();
    this.#fit();
  }

  focus() {
    this.#field.focus();
  }

  #fit() {
    this.#send.disabled = !this.#field.value.trim();
    this.#field.style.height = "auto";
    this.#field.style.height = `${Math.min(this.#field.scrollHeight, HIGHEST)}px`;
  }
}

/** The Enter that ends a Chinese or Japanese composition does not send; Safari tells it by the key code alone. */
function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}
