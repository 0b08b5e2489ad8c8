/** One question with its answer: as it is written, and once it is complete, stopped or failed. */

import { copied } from "./dialogs.js";
import { element, icon, setWords } from "./dom.js";
import { failureText } from "./failures.js";
import { FeedbackView } from "./feedback.js";
import { say } from "./i18n.js";
import { MarkdownView } from "./markdown.js";
import { copyText, footnote, sourceList, warningList } from "./sources.js";
import { clean, languageOf } from "./text.js";

const COPIED_MILLISECONDS = 1600;

/** @typedef {import("./store.js").Turn} Turn */
/** @typedef {{onRetry: () => void, onSource: (index: number) => void, onRated: () => void}} Actions */

export class TurnView {
  #turn;
  #actions;
  #text = element("div", { class: "text" });
  #body = element("div", { class: "answer-body" });
  #answer = element("section", { class: "answer", wordsLabel: "answer.by" }, this.#body);
  #markdown = new MarkdownView(this.#text, pending);
  #frame = 0;
  #countdown = 0;
  node;

  /**
   * @param {Turn} turn
   * @param {Actions} actions
   */
  constructor(turn, actions) {
    this.#turn = turn;
    this.#actions = actions;
    const question = clean(turn.question);
    this.node = element(
      "article",
      { class: "turn" },
      element("h2", { class: "question", lang: languageOf(question), dir: "auto" }, question),
      this.#answer,
    );
    this.update();
  }

  /** Show the text as far as it came; at most once for each frame. */
  stream() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#turn.state === "waiting") this.#showText();
    });
  }

  /** Show the state anew, after it changed. */
  update() {
    const { state, details } = this.#turn;
    clearInterval(this.#countdown);
    this.#answer.setAttribute("aria-busy", String(state === "waiting"));
    this.#answer.classList.toggle("abstained", state === "complete" && details?.abstained === true);
    if (state === "waiting") this.#body.replaceChildren(searching());
    else if (state === "complete") this.#complete();
    else this.#broken();
  }

  /** @returns {string} what a screen reader is told once the answer has ended */
  announcement() {
    const { state, text, failure } = this.#turn;
    if (state === "failed" && failure) return say("answer.failed", { text: failureText(failure) });
    if (state === "stopped") return say("answer.stopped");
    return say("answer.said", { text: clean(text).replace(/\[\d+\]/g, "") });
  }

  #showText() {
    const text = this.#turn.text;
    if (!text) return;
    if (!this.#text.isConnected) this.#body.replaceChildren(this.#text);
    this.#text.lang = languageOf(text);
    this.#markdown.show(text);
  }

  #complete() {
    const { text, details, rating } = this.#turn;
    const onSource = this.#actions.onSource;
    const byNumber = new Map(details.citations.map((one) => [one.index, one]));
    const feedback = new FeedbackView(this.#turn, this.#actions.onRated);
    this.#text.lang = languageOf(text);
    this.#markdown.show(text);
    this.#markdown.redraw((number) => footnote(byNumber.get(number), number, onSource));
    const nodes = [
      details.abstained && abstainedTitle(),
      text.trim() ? this.#text : element("p", { class: "soft", words: "answer.empty" }),
      details.finish === "length" && element("p", { class: "note small", words: "answer.cut" }),
      details.abstained && rating !== "down" && whatToDo(() => feedback.open()),
      warningList(details.warnings),
      sourceList(details, onSource),
      element("div", { class: "actions" }, this.#copyButton(), ...feedback.buttons, madeBy(details)),
      feedback.place,
    ];
    this.#body.replaceChildren(...nodes.filter((node) => node));
  }

  #broken() {
    const { state, failure, text } = this.#turn;
    const failed = state === "failed" && failure;
    const retry = element("button", { type: "button", onclick: this.#actions.onRetry }, icon("retry"), element("span", { words: "retry" }));
    const message = failed
      ? element("p", { class: "failure-text" }, icon("warning"), element("span", {}, failureText(failure)))
      : element("p", { class: "soft", words: "answer.stopped" });
    this.#body.replaceChildren();
    if (text.trim()) {
      this.#showText();
      this.#body.append(this.#text);
    }
    this.#body.append(element("div", { class: failed ? "failure" : "stopped" }, message, retry));
    if (failed && failure.retryAfter) this.#count(retry, failure.retryAfter);
  }

  /** The service said when to come back; until then there is no use in asking. */
  #count(button, seconds) {
    const until = Date.now() + seconds * 1000;
    const label = button.querySelector("span");
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      button.disabled = left > 0;
      if (left > 0) setWords(label, "retry.in", { seconds: left });
      else setWords(label, "retry");
      if (left <= 0) clearInterval(this.#countdown);
    };
    this.#countdown = setInterval(tick, 250);
    tick();
  }

  #copyButton() {
    const button = element("button", { type: "button", class: "icon-button", wordsLabel: "copy" }, icon("copy"));
    button.addEventListener("click", async () => {
      if (await copied(copyText(this.#turn.text, this.#turn.details.citations))) confirmCopied(button, "copy");
    });
    return button;
  }
}

function pending(number) {
  return element("sup", {}, element("span", { class: "cite" }, String(number)));
}

function searching() {
  const dots = element("span", { class: "dots", "aria-hidden": "true" }, ...[1, 2, 3].map(() => element("span")));
  return element("p", { class: "searching soft" }, element("span", { words: "searching" }), dots);
}

function abstainedTitle() {
  return element("h3", { class: "abstained-title" }, icon("unknown"), element("span", { words: "answer.none" }));
}

function whatToDo(onTell) {
  return element(
    "div",
    { class: "what-to-do small" },
    element("p", { class: "soft", words: "answer.none.help" }),
    element("ul", {}, element("li", { words: "answer.none.rephrase" }), element("li", { words: "answer.none.tell" })),
    element("button", { type: "button", class: "small", words: "answer.none.button", onclick: onTell }),
  );
}

function madeBy(details) {
  const copy = element("button", { type: "button", class: "icon-button tiny", wordsLabel: "made.copy" }, icon("copy"));
  copy.addEventListener("click", async () => {
    if (await copied(details.id)) confirmCopied(copy, "made.copy");
  });
  const generator = clean(details.generator);
  return element(
    "p",
    { class: "made soft" },
    ...writer(generator),
    element("span", { words: "made.release", values: { release: clean(details.release) } }),
    element("span", { class: "made-id" }, element("span", { words: "made.id", values: { id: clean(details.id) } }), copy),
  );
}

/** Who wrote it; nobody did where there is no answer. */
function writer(generator) {
  if (!generator || generator.startsWith("none")) return [];
  const words = generator.startsWith("extractive") ? "made.quoted" : "made.by";
  return [element("span", { words, values: { generator } })];
}

function confirmCopied(button, words) {
  const before = button.firstChild;
  button.replaceChild(icon("check"), before);
  setWords(button, { wordsLabel: "copied" });
  setTimeout(() => {
    button.replaceChildren(before);
    setWords(button, { wordsLabel: words });
  }, COPIED_MILLISECONDS);
}
