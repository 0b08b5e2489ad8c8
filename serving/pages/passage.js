/** The panel with a cited passage in its document: beside the conversation where there is room, else a bottom sheet. */

import { request, requestJson } from "./api.js";
import { byId, element, icon } from "./dom.js";
import { failureRecord, failureText, isStopped } from "./failures.js";
import { placeNodes, titleOf } from "./sources.js";
import { headingPath, indexOf, languageOf, name, shown } from "./text.js";

/** @typedef {import("./answering.js").Citation} Citation */

/**
 * @typedef {object} DocumentText a part of a document's text around a passage; places count code points of the whole
 * @property {string} text
 * @property {number} offset where `text` begins
 * @property {{start: number, end: number}} highlight
 * @property {string} document_id
 * @property {string} release
 * @property {string} source
 * @property {number | null} page
 * @property {number | null} pages
 * @property {string[] | string | null} heading
 * @property {number} characters of the whole text
 */

const BESIDE = matchMedia("(min-width: 1200px)");

export class PassagePanel {
  #dialog = byId("passage");
  /** @type {Citation[]} */
  #citations = [];
  #release = "";
  #at = 0;
  #loading = new AbortController();

  constructor() {
    this.#dialog.addEventListener("close", () => this.#closed());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog && !BESIDE.matches) this.close();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#dialog.open && BESIDE.matches && !otherDialog(this.#dialog)) this.close();
    });
    BESIDE.addEventListener("change", () => {
      if (this.#dialog.open) this.#present(true);
    });
  }

  /**
   * Show one of an answer's sources.
   * @param {import("./answering.js").Details} details
   * @param {number} index the source's number
   */
  open(details, index) {
    const at = details.citations.findIndex((one) => one.index === index);
    if (at < 0) return;
    this.#citations = details.citations;
    this.#release = details.release;
    this.#present(false);
    this.#show(at, "passage-title");
  }

  close() {
    if (this.#dialog.open) this.#dialog.close();
  }

  #present(again) {
    if (again) this.#dialog.close();
    if (this.#dialog.open) return;
    document.body.classList.toggle("with-passage", BESIDE.matches);
    if (BESIDE.matches) this.#dialog.show();
    else this.#dialog.showModal();
  }

  /** Comes a moment after the closing: the panel may be open again. The browser itself gives the focus back. */
  #closed() {
    if (this.#dialog.open) return;
    this.#loading.abort();
    document.body.classList.remove("with-passage");
  }

  async #show(at, focus) {
    const citation = this.#citations[at];
    const body = element("div", { class: "passage-body", tabindex: "0" }, element("p", { class: "soft", words: "passage.loading" }));
    const foot = element("div", { class: "passage-foot" });
    this.#at = at;
    this.#loading.abort();
    this.#loading = new AbortController();
    body.setAttribute("aria-busy", "true");
    body.setAttribute("role", "region");
    body.setAttribute("aria-labelledby", "passage-title");
    this.#dialog.replaceChildren(this.#head(citation), body, foot);
    byId(focus).focus();
    const content = await this.#content(citation, this.#loading.signal);
    if (!content) return;
    this.#dialog.querySelector(".passage-head").append(...content.where);
    body.replaceChildren(...content.nodes);
    body.removeAttribute("aria-busy");
    foot.replaceChildren(...content.foot);
    body.querySelector("mark")?.scrollIntoView({ block: "center" });
  }

  #head(citation) {
    const count = this.#citations.length;
    const step = (by, id, drawing) => {
      const disabled = !this.#citations[this.#at + by];
      const words = id === "passage-back" ? "passage.previous" : "passage.next";
      const onclick = () => this.#show(this.#at + by, this.#citations[this.#at + 2 * by] ? id : "passage-title");
      return element("button", { type: "button", class: "icon-button", id, disabled, wordsLabel: words, onclick }, icon(drawing));
    };
    const close = { type: "button", class: "icon-button", wordsLabel: "close", onclick: () => this.close() };
    return element(
      "header",
      { class: "passage-head" },
      element(
        "div",
        { class: "row" },
        element("p", { class: "small soft at", words: "passage.of", values: { at: this.#at + 1, count } }),
        count > 1 && step(-1, "passage-back", "back"),
        count > 1 && step(1, "passage-forward", "forward"),
        element("button", close, icon("close")),
      ),
      element("h2", { id: "passage-title", tabindex: "-1" }, name(titleOf(citation))),
      element("p", { class: "small soft", id: "passage-place" }, ...placeNodes({ ...citation, heading: null, page: null })),
    );
  }

  /** @returns {Promise<{where: Node[], nodes: Node[], foot: Node[]} | null>} null when it is not wanted any more */
  async #content(citation, signal) {
    const query = new URLSearchParams({ start: String(citation.start), end: String(citation.end) });
    if (this.#release) query.set("release", this.#release);
    const path = `/v1/documents/${encodeURIComponent(citation.document_id)}/text?${query}`;
    try {
      const found = await requestJson(path, { signal });
      return { where: whereNodes(found), nodes: documentNodes(found), foot: originalNodes(found) };
    } catch (error) {
      if (isStopped(error)) return null;
      const where = whereNodes({ page: citation.page, pages: null, heading: citation.heading });
      return { where, nodes: quoteNodes(citation, failureRecord(error)), foot: [] };
    }
  }
}

/** @param {DocumentText} found */
function documentNodes(found) {
  const place = indexOf.bind(null, found.text);
  const from = place(found.highlight.start - found.offset);
  const to = place(found.highlight.end - found.offset);
  const more = found.offset + Array.from(found.text).length < found.characters;
  const text = element(
    "div",
    { class: "document", lang: languageOf(found.text) },
    ...shown(found.text, 0, from),
    element("mark", {}, ...shown(found.text, from, to)),
    ...shown(found.text, to, found.text.length),
  );
  return [
    ...(found.offset > 0 ? [element("p", { class: "soft small cut", words: "passage.start" })] : []),
    text,
    ...(more ? [element("p", { class: "soft small cut", words: "passage.end" })] : []),
  ];
}

function whereNodes({ page, pages, heading }) {
  const path = headingPath(heading);
  const nodes = [];
  if (Number.isInteger(page)) {
    const words = Number.isInteger(pages) ? "page.of" : "page.only";
    nodes.push(element("span", { class: "badge page", words, values: { page, pages: pages ?? "" } }));
  }
  if (path) nodes.push(name(path, "soft small"));
  return nodes.length ? [element("p", { class: "row where" }, ...nodes)] : [];
}

function quoteNodes(citation, failure) {
  const gone = failure.status === 404 || failure.status === 403;
  const words = gone ? "passage.gone" : "passage.failed";
  const values = gone ? undefined : { message: failureText(failure) };
  return [
    element("p", { class: "note small", role: "status", words, values }),
    element("div", { class: "document", lang: languageOf(citation.quote) }, element("mark", {}, ...shown(citation.quote, 0, citation.quote.length))),
  ];
}

function originalNodes({ document_id: id, release, source }) {
  const path = `/v1/documents/${encodeURIComponent(id)}/original?${new URLSearchParams({ release })}`;
  const problem = element("span", { class: "problem small", role: "status" });
  const onclick = async () => {
    try {
      await download(path, source.split("/").pop() ?? "document");
      problem.textContent = "";
    } catch (error) {
      problem.textContent = failureText(failureRecord(error));
    }
  };
  return [element("button", { type: "button", class: "quiet small", words: "passage.original", onclick }), problem];
}

/** A link cannot carry the API key; and a file is saved, never shown as a page of this service. */
async function download(path, fileName) {
  const response = await request(path);
  const address = URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: "application/octet-stream" }));
  element("a", { href: address, download: fileName }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function otherDialog(own) {
  return [...document.querySelectorAll("dialog[open]")].some((one) => one !== own);
}
