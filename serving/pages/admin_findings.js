/** Findings: why answers were bad, which documents are at fault, what is proposed, and a person's word on it. */

import { ApiFailure, requestJson } from "./api.js";
import { byId, element, icon } from "./dom.js";
import { say } from "./i18n.js";
import { ago, count, number, shortRelease } from "./admin_format.js";
import { chip, confirm, empty, faultText, name, prose, redraw, tell, visible } from "./admin_parts.js";
import { repairWords } from "./admin_repairs.js";

const FEW = 6;
const MOST = 200;
const TONES = {
  open: "plain",
  proven: "good",
  unproven: "warn",
  waiting: "warn",
  approved: "good",
  rejected: "plain",
  published: "good",
  refused: "bad",
  rolled_back: "bad",
  disputed: "plain",
};
const MARKS = { published: "good", approved: "good", refused: "error", rolled_back: "error", waiting: "warning" };

/** The findings of the collection that is shown. */
export class FindingList {
  /**
   * @param {() => string} collection the one that is shown
   * @param {() => void} refresh asks for everything anew
   */
  constructor(collection, refresh) {
    this.collection = collection;
    this.changed = refresh;
    this.data = null;
    this.all = false;
    this.wanted = "";
    addEventListener("hashchange", () => this.follow());
    this.follow();
  }

  /** Load the findings anew. */
  async refresh() {
    const query = new URLSearchParams({ collection: this.collection(), limit: String(MOST) });
    try {
      this.data = await requestJson(`/v1/findings?${query}`);
      this.at = new Date().toISOString();
      this.show();
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      byId("findings-list").replaceChildren(element("p", { class: "problem", role: "alert" }, faultText(error)));
    }
  }

  show() {
    if (!this.data) return;
    const { findings, total } = this.data;
    redraw("findings-list", [findings, total, this.all, this.wanted, say("chat")], () => {
      if (!findings.length) return [this.none()];
      const sorted = [...findings].sort((one, other) => rank(one) - rank(other));
      const few = this.all || sorted.findIndex((one) => one.finding_id === this.wanted) >= FEW ? sorted : sorted.slice(0, FEW);
      const items = few.map((one) => this.item(one));
      const rest = few.length < sorted.length ? this.more(sorted.length) : null;
      const note = total > findings.length && empty("all.shown", { count: count(total), shown: number(findings.length) });
      return [this.counts(), element("ul", { class: "cases" }, ...items), rest ?? note];
    });
    this.open();
  }

  none() {
    return element("p", { class: "empty" }, element("span", { words: "findings.none" }), " ", element("code", {}, "ragpress worker"));
  }

  counts() {
    const values = { open: number(this.data.open), waiting: number(this.data.waiting), total: number(this.data.total) };
    return element("p", { class: "soft finding-counts", words: "findings.counts", values });
  }

  more(all) {
    const button = element("button", { type: "button", words: "more.all", values: { count: number(all) }, "data-focus": "findings-more" });
    button.addEventListener("click", () => {
      this.all = true;
      this.show();
    });
    return element("p", { class: "more" }, button);
  }

  /** Open the finding that the address names. */
  follow() {
    const found = /^#finding\/([\w%-]+)$/.exec(location.hash);
    this.wanted = found ? decodeURIComponent(found[1]) : "";
    this.show();
  }

  open() {
    const summary = this.wanted && document.querySelector(`[data-focus="finding-${CSS.escape(this.wanted)}"]`);
    if (!summary) return;
    this.wanted = "";
    /** @type {HTMLDetailsElement} */ (summary.parentElement).open = true;
    summary.scrollIntoView({ block: "start" });
    /** @type {HTMLElement} */ (summary).focus();
    // So that the same link works again.
    history.replaceState(null, "", location.pathname + location.search);
  }

  item(one) {
    const mark = element("span", { class: `finding-mark ${TONES[one.state]}` }, icon(MARKS[one.state] ?? "find"));
    const about = element("span", { class: "soft small block" });
    about.append(
      element("span", { words: `cause.${one.cause}` }),
      ` · ${say("findings.sure", { share: percent(one.confidence) })} · ${ago(one.at, this.at)} · ${shortRelease(one.release)}`,
    );
    const summary = element(
      "summary",
      { "data-focus": `finding-${one.finding_id}` },
      mark,
      element("span", { class: "case-question" }, name(one.question), about),
      chip(`finding.${one.state}`, TONES[one.state]),
    );
    return element("li", {}, element("details", { class: "case", "data-kept": `finding-${one.finding_id}` }, summary, this.body(one)));
  }

  body(one) {
    const kept = (part) => `finding-${one.finding_id}-${part}`;
    return element(
      "div",
      { class: "case-body" },
      part("findings.cause", causeNode(one)),
      one.documents.length > 0 && part("findings.documents", blamed(one.documents)),
      one.evidence.length > 0 && part("findings.evidence", evidence(one.evidence, kept)),
      one.expected && part("findings.expected", expected(one, kept("expected")), "correction"),
      part("findings.repairs", proposed(one)),
      one.proof && part("findings.proof", proof(one.proof, kept)),
      one.news && part("findings.news", element("p", { class: "prose", dir: "auto" }, visible(one.news))),
      this.foot(one),
    );
  }

  foot(one) {
    const links = element("p", { class: "row" });
    if (one.can_approve) links.append(this.button("approve", one));
    if (one.can_reject) links.append(this.button("reject", one));
    if (one.answer_id) links.append(element("a", { href: `#answer/${encodeURIComponent(one.answer_id)}`, words: "bad.open" }));
    links.append(element("span", { class: "soft small code" }, one.finding_id));
    return links;
  }

  button(word, one) {
    const look = word === "approve" ? "primary compact" : "compact";
    const button = element("button", { type: "button", class: look, words: `findings.${word}`, "data-focus": `${word}-${one.finding_id}` });
    button.addEventListener("click", () => this.ask(word, one));
    return button;
  }

  ask(word, one) {
    const content = [
      element("p", { class: "prose", dir: "auto" }, visible(one.question)),
      proposed(one),
      element("p", { class: "small soft", words: `findings.${word}.what` }),
    ];
    const reason = { words: "confirm.reason.optional", required: false };
    confirm({ title: `findings.${word}.title`, content, action: `findings.${word}`, reason }, async (why) => {
      await requestJson(`/v1/findings/${encodeURIComponent(one.finding_id)}/${word}`, { method: "POST", body: { reason: why } });
      tell(`findings.${word}.done`);
      this.changed();
    });
  }
}

/**
 * A link from a bad case to its finding.
 * @param {string} id
 * @param {string} cause
 * @returns {HTMLElement}
 */
export function findingLink(id, cause) {
  const link = element("a", { href: `#finding/${encodeURIComponent(id)}` });
  link.append(element("span", { words: "bad.finding" }), ": ", element("span", { words: `cause.${cause}` }));
  return link;
}

function rank(one) {
  if (one.state === "waiting") return 0;
  return one.closed ? 2 : 1;
}

function percent(value) {
  return number(value, { style: "percent", maximumFractionDigits: 0 });
}

function part(words, content, tone) {
  return element("div", { class: tone ? `part ${tone}` : "part" }, element("h3", { words }), content);
}

function causeNode(one) {
  const node = element("p", { class: "prose" }, element("span", { words: `cause.${one.cause}.what` }));
  const others = one.others.filter((other) => other.confidence >= 0.05);
  if (!others.length) return node;
  const line = element("span", { class: "soft small block" }, element("span", { words: "findings.others" }), " ");
  others.forEach((other, place) => line.append(place ? ", " : "", element("span", { words: `cause.${other.cause}` }), ` (${percent(other.confidence)})`));
  return element("div", {}, node, line);
}

function blamed(documents) {
  const items = documents.map((one) =>
    element("li", { class: "suspect" }, element("p", {}, name(one.source)), element("p", { class: "soft small", dir: "auto" }, visible(one.why))),
  );
  return element("ul", { class: "suspects" }, ...items);
}

function evidence(found, kept) {
  const items = found.map((one, place) => {
    const release = one.release && `${one.source ? " · " : ""}${shortRelease(one.release)}`;
    const where = element("span", { class: "soft small block" }, one.source && name(one.source), release);
    const quote = one.quote && element("blockquote", {}, prose(one.quote, kept(`quote-${place}`)));
    return element("li", {}, element("p", { class: "prose", dir: "auto" }, visible(one.text)), (one.source || one.release) && where, quote);
  });
  return element("ul", { class: "citations evidence" }, ...items);
}

function expected(one, kept) {
  const from = one.expected_from && element("p", { class: "soft small", words: `expected.${one.expected_from}` });
  return element("div", {}, prose(one.expected, kept), from);
}

function proposed(one) {
  if (!one.repairs.length) return element("p", { class: "soft", words: "findings.no.repair" });
  const items = one.repairs.map((repair) =>
    element("li", {}, repairWords(repair), element("span", { class: "soft small block", dir: "auto" }, visible(repair.reason))),
  );
  return element("ul", { class: "repairs" }, ...items);
}

function proof(found, kept) {
  const verdict = element("p", {}, chip(found.fixed ? "proof.fixed" : "proof.not", found.fixed ? "good" : "warn"));
  const sides = [
    ["proof.before", found.before],
    ["proof.after", found.after],
  ].map(([words, text]) => element("div", { class: "side" }, element("h4", { words }), text ? prose(text, kept(words)) : element("p", { class: "soft", words: "proof.nothing" })));
  const cited = found.sources.length > 0 && element("p", { class: "soft small" }, element("span", { words: "proof.cites" }), " ", ...found.sources.flatMap((source, place) => [place ? ", " : "", name(source)]));
  const reason = found.reason && element("p", { class: "soft small", dir: "auto" }, visible(found.reason));
  const cost = { seconds: number(found.seconds, { maximumFractionDigits: 1 }), count: number(found.embedded) };
  return element("div", {}, verdict, element("div", { class: "sides" }, ...sides), cited, reason, element("p", { class: "soft small", words: "proof.cost", values: cost }));
}
