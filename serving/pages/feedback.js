/** Thumbs, and the form in which a reader says what would have been right. */

import { requestJson } from "./api.js";
import { element, icon, setWords } from "./dom.js";
import { failureRecord, failureText } from "./failures.js";
import { name } from "./text.js";

let made = 0;

/** The feedback on one answer. `buttons` stand among its actions, `place` below them. */
export class FeedbackView {
  #turn;
  #onRated;
  #up;
  #down;
  buttons;
  place = element("div", { class: "feedback" });

  /**
   * @param {import("./store.js").Turn} turn complete
   * @param {() => void} onRated is called when its rating was recorded
   */
  constructor(turn, onRated) {
    this.#turn = turn;
    this.#onRated = onRated;
    this.#up = thumb("up", () => this.#thumbUp());
    this.#down = thumb("down", () => this.open());
    this.buttons = [this.#up, this.#down];
    this.#showRating();
  }

  /** Open the form; the thumb that opened it closes it again. */
  open() {
    const open = this.place.querySelector("form");
    if (open) return this.#close();
    const form = this.#form();
    this.place.replaceChildren(form);
    form.querySelector("textarea").focus();
    form.scrollIntoView({ block: "nearest" });
  }

  async #thumbUp() {
    if (this.#turn.rating !== "up") await this.#send({ rating: "up" });
  }

  #close() {
    this.place.replaceChildren();
    this.#down.focus();
  }

  #showRating() {
    this.#up.setAttribute("aria-pressed", String(this.#turn.rating === "up"));
    this.#down.setAttribute("aria-pressed", String(this.#turn.rating === "down"));
  }

  async #send(said) {
    try {
      await requestJson("/v1/feedback", { method: "POST", body: { answer_id: this.#turn.details?.id, ...said } });
    } catch (error) {
      this.#tell("feedback.failed", { message: failureText(failureRecord(error)) }, "problem");
      return;
    }
    this.#turn.rating = said.rating;
    this.#onRated();
    this.#showRating();
    this.#tell("feedback.sent", {}, "thanks");
  }

  /** Says it below the form where that is open and the message is a problem, else in its place. */
  #tell(words, values, className) {
    const message = element("p", { class: `${className} small`, role: "status" });
    const form = className === "problem" && this.place.querySelector("form");
    if (form) form.querySelector("[role=status]").replaceWith(message);
    else this.place.replaceChildren(message);
    setWords(message, words, values);
    if (!form && className === "thanks") (this.#turn.rating === "up" ? this.#up : this.#down).focus();
  }

  #form() {
    const id = `feedback-${(made += 1)}`;
    const correction = element("textarea", { id: `${id}-correction`, rows: "3", maxlength: "8000" });
    const other = element("input", { id: `${id}-other`, type: "text", maxlength: "500", wordsPlaceholder: "feedback.other" });
    const comment = element("textarea", { id: `${id}-comment`, rows: "2", maxlength: "4000" });
    const chips = this.#sources().map(chip);
    const form = element(
      "form",
      { class: "feedback-form", "aria-labelledby": `${id}-title` },
      element("h3", { id: `${id}-title`, words: "feedback.title" }),
      element("label", { for: correction.id, words: "feedback.correction" }),
      correction,
      element("label", { for: other.id, words: "feedback.sources" }),
      chips.length > 0 && element("div", { class: "row" }, ...chips),
      other,
      element("label", { for: comment.id, words: "feedback.comment" }),
      comment,
      element("p", { class: "soft small", words: "feedback.nothing" }),
      element("p", { role: "status", class: "small" }),
      element(
        "div",
        { class: "row end" },
        element("button", { type: "button", class: "quiet", words: "cancel", onclick: () => this.#close() }),
        element("button", { class: "primary", words: "feedback.send" }),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = chips.filter((one) => one.getAttribute("aria-pressed") === "true").map((one) => one.value);
      const sources = [...chosen, other.value.trim()].filter(Boolean);
      this.#submit(form, { correction: correction.value.trim(), comment: comment.value.trim(), sources });
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.stopPropagation();
      this.#close();
    });
    return form;
  }

  async #submit(form, { correction, comment, sources }) {
    const button = form.querySelector(".primary");
    const said = { rating: /** @type {const} */ ("down") };
    if (correction) said.correction = correction;
    if (comment) said.comment = comment;
    if (sources.length) said.expected_sources = sources;
    button.disabled = true;
    await this.#send(said);
    button.disabled = false;
  }

  #sources() {
    return [...new Set((this.#turn.details?.citations ?? []).map((one) => one.source))];
  }
}

function thumb(way, onclick) {
  return element("button", { type: "button", class: "icon-button", wordsLabel: way, "aria-pressed": "false", onclick }, icon(way));
}

function chip(source) {
  const button = element("button", { type: "button", class: "chip", "aria-pressed": "false", value: source }, name(source));
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  });
  return button;
}
