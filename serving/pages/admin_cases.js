/** Bad cases, the list of all answers, and one answer with its trace. */

import { ApiFailure, requestJson } from "./api.js";
import { byId, element, icon } from "./dom.js";
import { say } from "./i18n.js";
import { ago, count, latency, MISSING, shortRelease, time } from "./admin_format.js";
import { findingLink } from "./admin_findings.js";
import { chip, empty, faultText, name, prose, redraw, row, table, visible } from "./admin_parts.js";

const STATE_TONES = { live: "good", quarantined: "bad", superseded: "warn", deleted: "bad", unknown: "plain" };
const MILD = new Set(["unsupported", "expected_unused", "expected_uncited", "marked"]);
const PAGE = 15;
const FEW = 6;

let all = false;

/** @param {any} data the overview */
export function showCases(data) {
  redraw("bad-list", [data.bad_cases, data.bad_cases_total, all, say("chat")], () => {
    if (!data.bad_cases.length) return [empty("bad.none")];
    const some = all ? data.bad_cases : data.bad_cases.slice(0, FEW);
    const items = some.map((one, place) => caseItem(one, data.at, place === 0));
    const more = data.bad_cases_total > data.bad_cases.length;
    const note = more && empty("all.shown", { count: count(data.bad_cases_total), shown: data.bad_cases.length });
    return [element("ul", { class: "cases" }, ...items), some.length < data.bad_cases.length ? moreCases(data) : note];
  });
}

function moreCases(data) {
  const button = element("button", { type: "button", words: "more.all", values: { count: data.bad_cases.length } });
  button.addEventListener("click", () => {
    all = true;
    showCases(data);
  });
  return element("p", { class: "more" }, button);
}

function caseItem(one, now, unfolded) {
  const suspected = one.suspects.filter((suspect) => suspect.reasons.length).length;
  const line = element(
    "span",
    { class: "soft small block", words: "bad.asked", values: { ago: ago(one.at, now), release: shortRelease(one.release) } },
  );
  const mark = element("span", { class: "case-mark" }, icon("down"));
  const summary = element(
    "summary",
    { "data-focus": `case-${one.answer_id}` },
    mark,
    element("span", { class: "case-question" }, name(one.question || MISSING), line),
    suspected > 0 && element("span", { class: "chip warn" }, String(suspected), " ", icon("warning")),
  );
  const kept = (part) => `case-${one.answer_id}-${part}`;
  const said = [
    one.comment && part("bad.comment", prose(one.comment, kept("comment"))),
    one.correction && part("bad.correction", prose(one.correction, kept("correction")), "correction"),
    one.expected_sources.length > 0 && part("bad.expected", names(one.expected_sources)),
  ];
  const answer = one.abstained ? [element("span", { class: "soft", words: "bad.abstained" })] : [];
  const body = element(
    "div",
    { class: "case-body" },
    one.question.length > 90 && part("detail.question", prose(one.question, kept("question"))),
    part("bad.answer", element("div", {}, ...answer, prose(one.answer || MISSING, kept("answer")))),
    ...said,
    part("bad.suspects", suspectList(one)),
    element("p", { class: "row" }, answerLink(one.answer_id, "bad.open"), one.finding && findingLink(one.finding, one.cause)),
  );
  const details = element("details", { class: "case", "data-kept": `case-${one.answer_id}`, open: unfolded }, summary, body);
  return element("li", {}, details);
}

function part(words, content, tone) {
  return element("div", { class: tone ? `part ${tone}` : "part" }, element("h3", { words }), content);
}

function names(sources) {
  return element("ul", { class: "plain-list" }, ...sources.map((source) => element("li", {}, name(source))));
}

function suspectList(one) {
  if (!one.suspects.length) return element("p", { class: "soft", words: "bad.nothing.cited" });
  const items = one.suspects.map((suspect) => {
    const reasons = suspect.reasons.map((reason) => chip(`suspect.${reason}`, MILD.has(reason) ? "warn" : "bad"));
    const marks = suspect.marks.map((mark) => element("li", { class: "soft small", dir: "auto" }, visible(mark.reason)));
    return element(
      "li",
      { class: suspect.reasons.length ? "suspect" : "suspect fine" },
      element(
        "p",
        { class: "row" },
        chip(`role.${suspect.role}`, "plain"),
        name(suspect.source || suspect.title),
        ["live", "unknown", ...suspect.reasons].includes(suspect.state) ? null : chip(`state.${suspect.state}`, STATE_TONES[suspect.state] ?? "plain"),
        ...reasons,
      ),
      marks.length ? element("ul", { class: "plain-list" }, ...marks) : null,
    );
  });
  const fine = one.suspects.every((suspect) => !suspect.reasons.length);
  const note = fine && element("p", { class: "soft", words: "bad.no.suspects" });
  return element("div", {}, note, element("ul", { class: "suspects" }, ...items));
}

function answerLink(id, words) {
  return element("a", { href: `#answer/${encodeURIComponent(id)}`, words, "data-focus": `answer-${id}` });
}

/** The list of all answers, with its filter. */
export class AnswerList {
  /** @param {() => string} collection the one that is shown */
  constructor(collection) {
    this.collection = collection;
    this.form = byId("answers-filter");
    this.answers = [];
    this.before = null;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.load();
    });
    for (const field of this.form.querySelectorAll("select")) field.addEventListener("change", () => this.load());
  }

  /** Load the first page anew. Once more has been loaded the list stays as it is. */
  async refresh() {
    if (this.answers.length <= PAGE) await this.load();
  }

  async load(before = null) {
    const query = new URLSearchParams({ collection: this.collection(), limit: String(PAGE) });
    for (const [field, value] of new FormData(this.form)) if (value) query.set(field, String(value));
    if (before) query.set("before", before);
    try {
      const page = await requestJson(`/v1/admin/answers?${query}`);
      this.answers = before ? [...this.answers, ...page.answers] : page.answers;
      this.before = page.before;
      this.show();
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      byId("answers-list").replaceChildren(element("p", { class: "problem", role: "alert" }, faultText(error)));
    }
  }

  show() {
    redraw("answers-list", [this.answers, this.before, say("chat")], () => {
      if (!this.answers.length) return [empty("answers.none")];
      const columns = [
        { words: "time" },
        { words: "answers.question" },
        { words: "answers.answer" },
        { words: "answers.status" },
        { words: "answers.rating" },
        { words: "detail.took", class: "figure" },
        { words: "answers.open", hidden: true },
      ];
      const more = element("button", { type: "button", words: "more", "data-focus": "answers-more" });
      more.addEventListener("click", () => this.load(this.before));
      return [table("answers-title", columns, this.answers.map(answerRow)), this.before && element("p", { class: "more" }, more)];
    });
  }
}

function answerRow(one) {
  const outcome = one.status === "complete" && one.abstained ? "abstained" : one.status;
  const tone = { complete: "good", abstained: "warn", failed: "bad", cancelled: "plain" }[outcome];
  const status = element("span", {}, chip(`status.${outcome}`, tone));
  if (one.error) status.append(element("span", { class: "soft small block", dir: "auto" }, visible(one.error)));
  return row(
    element("time", { datetime: one.at }, time(one.at)),
    [name(one.question || MISSING), "long"],
    [name(one.answer || MISSING), "long soft"],
    status,
    one.rating ? ratingMark(one.rating) : MISSING,
    [latency(one.seconds), "figure"],
    [answerLink(one.id, "answers.open"), "last"],
  );
}

function ratingMark(rating) {
  const mark = element("span", { class: `rating ${rating}` }, icon(rating));
  mark.append(element("span", { class: "hidden-visually", words: `thumbs.${rating}` }));
  return mark;
}

/** Open the answer that the address names, and close it when it no longer does. */
export function followAnswerLinks() {
  /** @type {HTMLDialogElement | null} */
  let dialog = null;
  const follow = () => {
    const found = /^#answer\/([\w%-]+)$/.exec(location.hash);
    dialog?.close();
    dialog = found ? openAnswer(decodeURIComponent(found[1])) : null;
  };
  addEventListener("hashchange", follow);
  follow();
}

function openAnswer(id) {
  const close = element("button", { type: "button", class: "icon-button", wordsLabel: "close" }, icon("close"));
  const head = element("header", { class: "drawer-head" }, element("h2", { id: "answer-title", words: "detail.title" }), close);
  const body = element("div", { class: "drawer-body" }, element("p", { class: "soft", words: "detail.loading" }));
  const dialog = /** @type {HTMLDialogElement} */ (element("dialog", { class: "drawer", "aria-labelledby": "answer-title" }, head, body));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (location.hash.startsWith("#answer/")) history.replaceState(null, "", location.pathname + location.search);
  });
  document.body.append(dialog);
  dialog.showModal();
  fillAnswer(id, body);
  return dialog;
}

async function fillAnswer(id, body) {
  const path = encodeURIComponent(id);
  try {
    const answer = await requestJson(`/v1/answers/${path}`);
    const trace = await requestJson(`/v1/trace/${path}`).catch(() => null);
    body.replaceChildren(...answerParts(answer), part("detail.trace", traceList(trace)));
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    body.replaceChildren(element("p", { class: "problem", role: "alert" }, faultText(error)));
  }
}

function answerParts(answer) {
  const cited = answer.citations.map((one) =>
    element(
      "li",
      {},
      element("p", { class: "row" }, element("span", { class: "chip plain" }, `[${one.index}]`), name(one.source), one.page && element("span", { class: "soft small", words: "detail.page", values: { page: one.page } })),
      element("blockquote", { dir: "auto" }, visible(one.quote)),
    ),
  );
  const warnings = (answer.warnings ?? []).map((one) => element("p", { class: "answer-warning", dir: "auto" }, visible(one)));
  const facts = [
    ["detail.id", answer.id],
    ["time", time(answer.at)],
    ["detail.release", answer.release || MISSING],
    ["detail.generator", answer.generator ? `${answer.generator.kind} ${answer.generator.model}`.trim() : MISSING],
    ["detail.prompt", answer.prompt ?? MISSING],
    ["detail.took", latency(answer.seconds?.total)],
  ];
  return [
    part("detail.question", prose(answer.question || MISSING, "detail-question", 1200)),
    part("bad.answer", element("div", {}, prose(answer.answer || MISSING, "detail-answer", 4000), ...warnings)),
    part("detail.citations", cited.length ? element("ol", { class: "citations" }, ...cited) : element("p", { class: "soft", words: "detail.no.citations" })),
    part("detail.facts", element("dl", { class: "facts" }, ...facts.flatMap(([words, value]) => [element("dt", { words }), element("dd", { class: "code" }, visible(value))]))),
  ];
}

/** A trace as its links, each with what it says; whatever a link holds is shown as text. */
function traceList(trace) {
  if (!trace?.chain?.length) return element("p", { class: "soft", words: "detail.trace.none" });
  const items = trace.chain.map((link, place) => {
    const { link: kind, ...rest } = link;
    const facts = Object.entries(rest).filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && !value.length));
    const title = [rest.source, rest.chunk_id, rest.document_id, rest.release, rest.id].find((value) => typeof value === "string") ?? "";
    const summary = element("summary", {}, element("span", { class: "chip plain" }, String(kind)), " ", name(title));
    const list = element("dl", { class: "facts" }, ...facts.flatMap(([key, value]) => [element("dt", {}, key), element("dd", { class: "code" }, visible(plain(value)))]));
    return element("li", {}, element("details", { "data-kept": `trace-${place}` }, summary, list));
  });
  return element("ol", { class: "trace" }, ...items);
}

function plain(value) {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > 1000 ? `${text.slice(0, 1000)}…` : text;
}
