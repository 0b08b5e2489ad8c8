/** The loop: who runs it, what it may do, what it did and why; the repairs that hold, and the documents it asks for. */

import { ApiFailure, requestJson } from "./api.js";
import { byId, element } from "./dom.js";
import { languageTag, say } from "./i18n.js";
import { MISSING, number, shortRelease, time } from "./admin_format.js";
import { showChanges } from "./admin_changes.js";
import { chip, empty, faultText, prose, redraw, row, table, visible } from "./admin_parts.js";
import { repairWords } from "./admin_repairs.js";

const SHOWN = 25;
const MOST = 200;
const TONES = {
  published: "good",
  watched: "good",
  approved: "good",
  waiting: "warn",
  refused: "bad",
  rolled_back: "bad",
  failed: "bad",
  budget: "warn",
};
const WITH_CHANGES = new Set(["published", "waiting", "canary", "refused", "rolled_back"]);
const REPAIR_TONES = { in_force: "good", next_release: "warn", flagged: "bad", wanted: "plain" };

/** What the loop of the collection that is shown did. */
export class LoopLog {
  /** @param {() => string} collection the one that is shown */
  constructor(collection) {
    this.collection = collection;
    this.loop = null;
    this.repairs = null;
    this.all = false;
  }

  /** Load everything anew. */
  async refresh() {
    const query = new URLSearchParams({ collection: this.collection(), limit: String(MOST) });
    try {
      [this.loop, this.repairs] = await Promise.all([requestJson(`/v1/loop?${query}`), requestJson(`/v1/repairs?${query}`)]);
      this.show();
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      byId("loop-list").replaceChildren(element("p", { class: "problem", role: "alert" }, faultText(error)));
    }
  }

  show() {
    if (!this.loop) return;
    redraw("loop-list", [this.loop, this.repairs, this.all, say("chat")], () => {
      const wanted = this.repairs.repairs.filter((one) => one.kind === "ask");
      const others = this.repairs.repairs.filter((one) => one.kind !== "ask");
      return [
        this.facts(),
        !this.loop.worker && element("p", { class: "empty" }, element("span", { words: "loop.nobody" }), " ", element("code", {}, "ragpress worker")),
        ...this.events(),
        element("h3", { id: "wanted-title", words: "wanted.title" }),
        ...(wanted.length ? [wantedList(wanted)] : [empty("wanted.none")]),
        element("h3", { id: "repairs-title", words: "repairs.title" }),
        this.repairs.problem && element("p", { class: "problem", dir: "auto" }, visible(this.repairs.problem)),
        others.length ? repairTable(others) : empty("repairs.none"),
      ];
    });
  }

  facts() {
    const { worker, publish, auto_repairs: auto, min_confidence: sure, spent } = this.loop;
    const kinds = new Intl.ListFormat(languageTag()).format(auto.map((kind) => say(`kind.${kind}`)));
    const share = number(sure, { style: "percent", maximumFractionDigits: 0 });
    const facts = [
      ["loop.worker", worker ?? say("loop.worker.none")],
      ["loop.policy", say(`loop.policy.${publish}`, { kinds, share })],
      ["loop.spent", say("loop.spent.text", {
        tokens: number(spent.model_tokens),
        tokens_most: number(spent.most_model_tokens),
        texts: number(spent.embeddings),
        texts_most: number(spent.most_embeddings),
      })],
    ];
    return element("dl", { class: "facts" }, ...facts.flatMap(([words, value]) => [element("dt", { words }), element("dd", {}, visible(value))]));
  }

  events() {
    const { events, total } = this.loop;
    if (!events.length) return [empty("loop.none")];
    const shown = this.all ? events : events.slice(0, SHOWN);
    const columns = [{ words: "time" }, { words: "loop.event" }, { words: "loop.text" }, { words: "loop.changes", hidden: true }];
    const rows = shown.map((one) =>
      row(
        element("time", { datetime: one.at }, time(one.at)),
        chip(`event.${one.kind}`, TONES[one.kind] ?? "plain"),
        [eventText(one), "long"],
        [one.release && WITH_CHANGES.has(one.kind) ? changesButton(one) : "", "last"],
      ),
    );
    const more = element("button", { type: "button", words: "more.all", values: { count: number(events.length) }, "data-focus": "loop-more" });
    more.addEventListener("click", () => {
      this.all = true;
      this.show();
    });
    const note = total > events.length && empty("all.shown", { count: number(total), shown: number(events.length) });
    return [table("loop-title", columns, rows), shown.length < events.length ? element("p", { class: "more" }, more) : note];
  }
}

function eventText(one) {
  const about = [one.release && shortRelease(one.release), one.by !== "ragpress loop" && one.by].filter(Boolean);
  const links = one.findings.slice(0, 3).map((id) => element("a", { href: `#finding/${encodeURIComponent(id)}`, words: "loop.finding" }));
  const line = element("span", { class: "soft small block" }, about.map(visible).join(" · "));
  for (const link of links) line.append(line.textContent ? " · " : "", link);
  return element("span", {}, element("span", { dir: "auto" }, visible(one.text)), line.textContent ? line : "");
}

function changesButton(one) {
  const button = element("button", { type: "button", class: "compact", words: "loop.changes", "data-focus": `changes-${one.id}` });
  button.addEventListener("click", () => showChanges(one.release));
  return button;
}

function wantedList(wanted) {
  const items = wanted.map((one) =>
    element(
      "li",
      { class: "suspect" },
      element("p", {}, repairWords(one)),
      element("ul", { class: "plain-list" }, ...one.questions.map((question) => element("li", { class: "soft small", dir: "auto" }, visible(question)))),
      element("p", { class: "soft small", dir: "auto" }, visible(one.reason)),
    ),
  );
  return element("ul", { class: "suspects", "aria-labelledby": "wanted-title" }, ...items);
}

function repairTable(repairs) {
  const columns = [{ words: "repairs.what" }, { words: "repairs.state" }, { words: "repairs.by" }, { words: "time" }];
  const rows = repairs.map((one) => {
    const what = element("span", {}, repairWords(one), prose(one.reason, `repair-${one.repair_id}`, 160));
    if (one.note) what.append(element("span", { class: "problem small block", dir: "auto" }, visible(one.note)));
    const by = element("span", {}, visible(one.by));
    if (one.finding) by.append(" ", element("a", { href: `#finding/${encodeURIComponent(one.finding)}`, words: "loop.finding" }));
    return row([what, "long"], chip(`repair.state.${one.state}`, REPAIR_TONES[one.state]), by, one.at ? element("time", { datetime: one.at }, time(one.at)) : MISSING);
  });
  return table("repairs-title", columns, rows);
}
