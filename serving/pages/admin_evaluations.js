/** Evaluations: what the gate said and why, how the metrics went, reports; how releases did with real questions. */

import { apiKey, requestJson } from "./api.js";
import { element, icon } from "./dom.js";
import { say } from "./i18n.js";
import { count, MISSING, number, share, shortRelease, time } from "./admin_format.js";
import { chip, empty, faultText, name, redraw, row, table, visible } from "./admin_parts.js";
import { plot } from "./admin_plots.js";

const SHOWN = 10;
const PLOTTED = 60;
const IN_TREND = new Set(["run", "gate", "trend"]);
const LABELS = new Set(["candidate", "live"]);
const TONES = ["answered", "total", "abstained", "failed", "cancelled", "first-high"];

/** @param {any} data the overview */
export function showEvaluations(data) {
  const seen = [data.evaluations, data.evaluations_total, data.case_files];
  redraw("evaluations-list", [seen, data.releases.map((one) => one.quality), say("chat")], () => {
    const answered = data.releases.filter((one) => one.quality?.complete).slice(0, 8);
    return [
      ...(data.evaluations.length ? evaluationNodes(data) : [nothingYet(data)]),
      answered.length ? comparisonBars(answered) : empty("evaluations.nothing"),
    ];
  });
}

/**
 * A link that opens a report in another tab. Where the service wants a key the tab cannot send one, so a link that
 * needs none is asked for first.
 * @param {string} evaluation id
 * @param {string} words
 * @param {Record<string, string>} [values]
 * @returns {HTMLElement}
 */
export function reportLink(evaluation, words, values) {
  const page = `/v1/evaluations/${encodeURIComponent(evaluation)}/report`;
  const link = element("a", { href: page, target: "_blank", rel: "noopener", "data-focus": `report-${evaluation}` });
  link.append(element("span", { words, values }), icon("open"), element("span", { class: "hidden-visually", words: "new.tab" }));
  const problem = element("span", { class: "problem small block", role: "alert" });
  link.addEventListener("click", async (event) => {
    if (!apiKey()) return;
    event.preventDefault();
    problem.textContent = "";
    try {
      const { url } = await requestJson(`${page}/link`, { method: "POST" });
      open(url, "_blank", "noopener");
    } catch (error) {
      problem.textContent = faultText(error);
    }
  });
  return element("span", {}, link, problem);
}

function evaluationNodes(data) {
  const shown = data.evaluations.slice(0, SHOWN);
  const metrics = gatedNames(shown);
  const columns = [
    { words: "evaluations.when" },
    { words: "evaluations.what" },
    { words: "evaluations.verdict" },
    { words: "evaluations.cases", class: "figure" },
    ...metrics.map((metric) => ({ ...metricWords(metric), class: "figure" })),
    { words: "evaluations.report", hidden: true },
  ];
  const rows = shown.flatMap((one) => [evaluationRow(one, metrics), reasonsRow(one, columns.length)].filter(Boolean));
  const more = data.evaluations_total > shown.length;
  return [
    table("evaluations-title", columns, rows),
    more && empty("evaluations.more", { count: number(data.evaluations_total), shown: shown.length }),
    trend(data.evaluations, metrics),
  ];
}

function evaluationRow(one, metrics) {
  const known = new Map(one.metrics.map((metric) => [metric.name, metric]));
  return row(
    element("time", { datetime: one.created }, time(one.created)),
    [whatNode(one), "what"],
    verdictNode(one),
    [casesNode(one), "figure"],
    ...metrics.map((metric) => [figureNode(known.get(metric)), "figure"]),
    [one.report ? reportLink(one.id, "evaluations.open") : element("span", { class: "soft small", words: "evaluations.gone" }), "last"],
  );
}

function whatNode(one) {
  // A setting that is tried out makes no release of its own: then both sides have the same name.
  const against = one.baseline !== null && one.baseline !== one.release;
  const values = { release: shortRelease(one.release), ...(against && { baseline: shortRelease(one.baseline) }) };
  const node = element("span", {}, LABELS.has(one.label) ? element("span", { words: `evaluations.label.${one.label}` }) : name(one.label));
  node.append(element("span", { class: "soft small block", words: `evaluations.kind.${one.kind}${against ? ".against" : ""}`, values }));
  return node;
}

/** Why the gate refused it, below its row and as wide as the table; null where there is nothing to say. */
function reasonsRow(one, width) {
  if (!one.reasons.length) return null;
  const reasons = one.reasons.map((reason) => element("li", { dir: "auto" }, visible(reason)));
  return element("tr", { class: "reasons" }, element("td", {}), element("td", { colspan: width - 1 }, element("ul", { class: "small problem" }, ...reasons)));
}

function verdictNode(one) {
  if (!one.verdict) return element("span", { class: "soft", words: "verdict.none" });
  const passed = one.verdict === "pass";
  const node = chip(`verdict.${one.verdict}`, passed ? "good" : "bad");
  const words = element("span", { words: `verdict.${one.verdict}` });
  node.removeAttribute("data-words");
  node.replaceChildren(icon(passed ? "good" : "error"), words);
  return node;
}

function casesNode(one) {
  const node = element("span", {}, count(one.cases));
  if (one.review) node.append(element("span", { class: "small block", words: "evaluations.review", values: { count: number(one.review) } }));
  if (one.errors) node.append(element("span", { class: "problem small block", words: "evaluations.errors", values: { count: number(one.errors) } }));
  return node;
}

function figureNode(metric) {
  if (!metric || metric.mean === null) return element("span", { class: "soft", title: say("no.value") }, MISSING);
  const node = element("span", {}, figure(metric.mean));
  if (metric.low !== null) node.append(element("span", { class: "soft small block" }, interval(metric)));
  return node;
}

function figure(value) {
  return number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function interval({ low, high }) {
  return `${figure(low)}–${figure(high)}`;
}

/** The gate's metrics in the gate's order. */
function gatedNames(evaluations) {
  return [...new Set(evaluations.flatMap((one) => one.metrics.filter((metric) => metric.gated).map((metric) => metric.name)))];
}

/** The words of a metric's name; one that has none is shown as it is. */
function metricWords(metric) {
  const [family, cut] = metric.split("@");
  const key = `metric.${family}`;
  return say(key) === key ? { words: metric } : { words: cut ? `${key}.at` : key, values: { k: cut ?? "" } };
}

/** The gate's metrics over evaluations that asked the very same cases, oldest first: the newest cases asked twice. */
function trend(evaluations, metrics) {
  const told = evaluations.filter((one) => IN_TREND.has(one.kind));
  const sets = told.map((one) => one.case_set);
  const twice = sets.find((set, place) => sets.indexOf(set, place + 1) > 0);
  if (twice === undefined) return empty("plot.evaluations.empty");
  const alike = told.filter((one) => one.case_set === twice).slice(0, PLOTTED);
  const of = (one, metric) => one.metrics.find((known) => known.name === metric);
  return plot({
    id: "plot-evaluations",
    words: "plot.evaluations",
    kind: "lines",
    most: 1,
    buckets: alike.map((one) => ({ ...one, start: one.created, end: one.created })).reverse(),
    label: (one) => `${time(one.created)} · ${one.label} · ${shortRelease(one.release)}`,
    tick: (one) => shortRelease(one.release),
    format: figure,
    series: metrics
      .filter((metric) => alike.some((one) => of(one, metric)?.mean !== null && of(one, metric)?.mean !== undefined))
      .map((metric, place) => ({
        ...metricWords(metric),
        tone: TONES[place % TONES.length],
        value: (one) => of(one, metric)?.mean ?? null,
      })),
  });
}

/** Without cases nothing can be evaluated: what to do first. */
function nothingYet(data) {
  const words = data.case_files ? "evaluations.none" : "evaluations.no.cases";
  const command = data.case_files ? "ragpress eval run" : "ragpress eval generate";
  return element("p", { class: "empty" }, element("span", { words }), " ", element("code", {}, command));
}

/** How releases did, side by side: each measure on a scale of its own, with its figure. */
function comparisonBars(releases) {
  const measures = [
    ["bar.unsupported", (one) => [one.unsupported, one.claims], "failed"],
    ["bar.abstained", (one) => [one.abstained, one.complete], "abstained"],
    ["bar.down", (one) => [one.down, one.complete], "down"],
    ["bar.failed", (one) => [one.failed, one.answers], "failed"],
  ];
  const groups = measures.map(([words, parts, tone], group) => {
    const shares = releases.map((one) => parts(one.quality)).map(([part, whole]) => (whole ? part / whole : 0));
    const most = Math.max(0.05, ...shares);
    const items = releases.map((one, place) => {
      const [part, whole] = parts(one.quality);
      const bar = element("span", { class: `share-bar tone-${tone}` });
      bar.style.inlineSize = `${(100 * shares[place]) / most}%`;
      return element(
        "li",
        {},
        element("span", { class: "code" }, shortRelease(one.id)),
        element("span", { class: "share-track", "aria-hidden": "true" }, bar),
        element("span", { class: "figure" }, `${share(part, whole)} (${count(part)}/${count(whole)})`),
      );
    });
    const title = element("h4", { id: `bars-${group}`, words });
    return element("div", { class: "shares" }, title, element("ul", { "aria-labelledby": `bars-${group}` }, ...items));
  });
  return element("div", {}, element("h3", { words: "evaluations.online" }), element("div", { class: "share-groups" }, ...groups));
}
