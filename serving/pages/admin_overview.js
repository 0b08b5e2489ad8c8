/** The state in one line, what is wrong, the tiles and the plots. */

import { byId, element, icon, setWords } from "./dom.js";
import { say } from "./i18n.js";
import { age, count, latency, money, number, share, shortRelease, time } from "./admin_format.js";
import { redraw, visible } from "./admin_parts.js";
import { plot } from "./admin_plots.js";

/** Where the details of a problem are. */
const PLACES = {
  nothing_live: "documents",
  live_damaged: "releases",
  release_not_open: "releases",
  candidate_refused: "releases",
  candidate_waiting: "releases",
  cases_review: "evaluations",
  cases_failed: "evaluations",
  run_failed: "runs",
  quarantined: "documents",
  repairs_damaged: "documents",
  answers_fail: "answers",
  bad_cases: "bad-cases",
  findings_waiting: "findings",
  generator_not_ready: "service",
  generator_fallback: "service",
  settings_damaged: "service",
  journal_damaged: "service",
};

/** @param {any} data the overview */
export function showOverview(data) {
  showState(data);
  showTiles(data);
  showPlots(data);
}

function showState(data) {
  const worst = data.problems.find((one) => one.severity !== "note")?.severity ?? "good";
  const waiting = data.problems.filter((one) => one.severity !== "note").length;
  byId("state").dataset.tone = worst;
  delete byId("state-line").dataset.words;
  redraw("state-line", [data.live?.id, ageText(data), data.live?.documents, waiting, worst, say("chat")], () => {
    const text = element("span", { ...stateWords(data, waiting) });
    return [icon(worst === "good" ? "good" : worst), text];
  });
  byId("problems").hidden = !data.problems.length;
  redraw("problems", [data.problems, say("chat")], () => data.problems.map(problemItem));
}

function stateWords(data, waiting) {
  if (!data.live) {
    const damaged = data.problems.some((one) => one.code === "live_damaged");
    return damaged ? { words: "state.damaged" } : { words: "state.nothing", values: { collection: data.collection } };
  }
  const words = waiting === 0 ? "state.good" : waiting === 1 ? "state.problems.1" : "state.problems";
  const values = {
    release: shortRelease(data.live.id),
    age: ageText(data),
    documents: number(data.live.documents),
    count: waiting,
  };
  return { words, values };
}

function ageText(data) {
  return data.live ? age(data.live.age_seconds) : "";
}

function problemItem(problem) {
  const place = PLACES[problem.code] ?? "evaluations";
  const subject = problem.subject ? shortRelease(problem.subject) : "";
  const words = `problem.${problem.code}${problem.count === 1 ? ".1" : ""}`;
  const text = element("span", { words, values: { subject, count: number(problem.count ?? 0) } });
  const detail = problem.detail && element("span", { class: "soft problem-detail", dir: "auto" }, visible(problem.detail));
  const link = element("a", { href: `#${place}`, words: "problem.see" });
  const mark = element("span", { class: `severity ${problem.severity}` }, icon(problem.severity === "error" ? "error" : "warning"));
  const kind = element("span", { class: "hidden-visually", words: `severity.${problem.severity}` });
  return element("li", { class: problem.severity }, mark, kind, element("span", {}, text, detail && " ", detail), link);
}

function showTiles(data) {
  const { totals, live } = data;
  const rated = totals.up + totals.down;
  const tiles = [
    tile("tile.answers", count(totals.answers), "tile.answers.sub", {
      abstained: count(totals.abstained),
      failed: count(totals.failed),
    }),
    rated
      ? tile("tile.thumbs", thumbs(totals), "tile.thumbs.sub", {
          share: share(rated, totals.answers),
        })
      : tile("tile.thumbs", null, "tile.thumbs.none"),
    totals.claims
      ? tile("tile.support", share(totals.claims - totals.unsupported, totals.claims), "tile.support.sub", {
          unsupported: count(totals.unsupported),
          claims: count(totals.claims),
        })
      : tile("tile.support", null, "tile.support.none"),
    totals.first_token_p50 !== null
      ? tile("tile.latency", latency(totals.first_token_p50), "tile.latency.sub", {
          p95: latency(totals.first_token_p95),
          total: latency(totals.total_p50),
        })
      : tile("tile.latency", null, "tile.latency.none"),
    costTile(data),
    live
      ? tile("tile.documents", count(live.documents), "tile.documents.sub", {
          chunks: count(live.chunks),
          quarantined: count(live.quarantined),
        })
      : tile("tile.documents", null, "tile.none"),
    live
      ? tile("tile.age", age(live.age_seconds), "tile.age.sub", { time: time(live.created) })
      : tile("tile.age", null, "tile.none"),
  ];
  byId("tiles").replaceChildren(...tiles);
}

function thumbs({ up, down }) {
  const marks = [
    ["up", up],
    ["down", down],
  ].map(([kind, value]) => {
    const said = element("span", { class: "hidden-visually", words: `thumbs.${kind}` });
    return element("span", { class: `rating ${kind}` }, icon(String(kind)), said, count(Number(value)));
  });
  return element("span", {}, ...marks);
}

function costTile({ totals, priced, currency }) {
  const tokens = (totals.prompt_tokens ?? 0) + (totals.completion_tokens ?? 0);
  if (!totals.counted) return tile(priced ? "tile.cost" : "tile.tokens", null, "tile.cost.none");
  if (!priced) return tile("tile.tokens", count(tokens), "tile.tokens.sub");
  const values = { tokens: count(tokens), counted: count(totals.counted) };
  return tile("tile.cost", money(totals.cost, currency), "tile.cost.sub", values);
}

function tile(words, value, sub, values) {
  return element(
    "div",
    { class: "tile" },
    element("p", { class: "tile-name", words }),
    element("p", { class: value === null ? "tile-value missing" : "tile-value" }, value ?? "–"),
    element("p", { class: "tile-sub", words: sub, values }),
  );
}

function showPlots(data) {
  const { buckets } = data;
  redraw("plots", [buckets, data.currency, data.priced, say("chat")], () => [
    plot({
      id: "plot-answers",
      words: "plot.answers",
      kind: "bars",
      whole: true,
      buckets,
      format: (value) => number(value),
      series: [
        { words: "series.answered", tone: "answered", value: (one) => one.complete - one.abstained },
        { words: "series.abstained", tone: "abstained", value: (one) => one.abstained },
        { words: "series.failed", tone: "failed", value: (one) => one.failed },
        { words: "series.cancelled", tone: "cancelled", value: (one) => one.cancelled },
      ],
    }),
    plot({
      id: "plot-latency",
      words: "plot.latency",
      kind: "lines",
      buckets,
      format: latency,
      series: [
        { words: "series.first50", tone: "first", value: (one) => one.first_token_p50 },
        { words: "series.first95", tone: "first-high", value: (one) => one.first_token_p95 },
        { words: "series.total50", tone: "total", value: (one) => one.total_p50 },
        { words: "series.total95", tone: "total-high", value: (one) => one.total_p95 },
      ],
    }),
    plot({
      id: "plot-thumbs",
      words: "plot.thumbs",
      kind: "bars",
      whole: true,
      buckets,
      format: (value) => number(value),
      series: [
        { words: "series.up", tone: "up", value: (one) => one.up },
        { words: "series.down", tone: "down", value: (one) => one.down, below: true },
      ],
    }),
    plot({
      id: "plot-support",
      words: "plot.support",
      kind: "lines",
      most: 1,
      buckets,
      format: (value) => number(value, { style: "percent", maximumFractionDigits: 1 }),
      series: [
        {
          words: "series.support",
          tone: "answered",
          value: (one) => (one.claims ? (one.claims - one.unsupported) / one.claims : null),
        },
      ],
    }),
    costPlot(data),
    agePlot(data),
  ]);
}

function costPlot({ buckets, priced, currency }) {
  if (priced) {
    return plot({
      id: "plot-cost",
      words: "plot.cost",
      kind: "bars",
      buckets,
      format: (value) => money(value, currency),
      series: [{ words: "series.cost", tone: "answered", value: (one) => one.cost }],
    });
  }
  return plot({
    id: "plot-cost",
    words: "plot.tokens",
    kind: "bars",
    whole: true,
    buckets,
    format: count,
    series: [
      { words: "series.read", tone: "first", value: (one) => one.prompt_tokens },
      { words: "series.written", tone: "total", value: (one) => one.completion_tokens },
    ],
  });
}

/** In hours, or in days where there are many. */
function agePlot({ buckets }) {
  const most = Math.max(0, ...buckets.map((one) => one.index_age_seconds ?? 0));
  const [unit, words] = most > 3 * 86_400 ? [86_400, "days.short"] : [3600, "hours"];
  return plot({
    id: "plot-age",
    words: "plot.age",
    kind: "lines",
    buckets,
    format: (value) => say(words, { count: number(value, { maximumFractionDigits: value < 10 ? 1 : 0 }) }),
    series: [
      {
        words: "series.age",
        tone: "answered",
        value: (one) => (one.index_age_seconds === null ? null : one.index_age_seconds / unit),
      },
    ],
  });
}

/** @param {any} data */
export function showService(data) {
  const { service, live } = data;
  const facts = [
    ["service.generator", generatorNode(service.generator)],
    ["service.prompt", live?.prompt ?? "–"],
    ["service.live.since", live ? `${time(live.since)} · ${visible(live.why)}` : "–"],
    ["service.writer", service.writer ?? element("span", { words: "service.writer.none" })],
    ["service.keys", element("span", { words: service.keys_required ? "service.keys.yes" : "service.keys.no" })],
    ["service.workers", number(service.workers)],
    ["service.version", service.version],
  ];
  redraw("service-facts", [service, live?.since, live?.prompt, say("chat")], () =>
    facts.flatMap(([words, value]) => [element("dt", { words }), element("dd", { dir: "auto" }, value)]),
  );
}

function generatorNode(generator) {
  if (!generator) return "–";
  const kind = generator.kind === "extractive" ? element("span", { words: "kind.extractive" }) : `${generator.kind} ${generator.model}`;
  const why = element("span", { class: "soft small block" }, visible([generator.why, generator.advice].filter(Boolean).join(" ")));
  return element("span", {}, kind, why);
}

export { setWords };
