/** Releases: their history, how each answered, publishing and rolling back. */

import { requestJson } from "./api.js";
import { element } from "./dom.js";
import { say } from "./i18n.js";
import { count, latency, money, MISSING, number, share, shortRelease, time } from "./admin_format.js";
import { showChanges } from "./admin_changes.js";
import { reportLink } from "./admin_evaluations.js";
import { chip, confirm, empty, redraw, row, table, tell, visible } from "./admin_parts.js";

const TONES = { live: "good", previous: "plain", candidate: "warn", refused: "bad" };

/**
 * @param {any} data the overview
 * @param {() => void} refresh
 */
export function showReleases(data, refresh) {
  redraw("releases-list", [data.releases, data.releases_total, say("chat")], () => {
    if (!data.releases.length) return [empty("releases.none")];
    const columns = [
      { words: "releases.release" },
      { words: "releases.state" },
      { words: "releases.built" },
      { words: "releases.documents", class: "figure" },
      { words: "releases.answers", class: "figure" },
      { words: "releases.supported", class: "figure" },
      { words: "releases.down", class: "figure" },
      { words: "releases.p95", class: "figure" },
      ...(data.priced ? [{ words: "releases.cost", class: "figure" }] : []),
      { words: "releases.why" },
      { words: "releases.actions", hidden: true },
    ];
    const rows = data.releases.map((one) => releaseRow(one, data, refresh));
    const more = data.releases_total > data.releases.length;
    const note = more && empty("all.shown", { count: number(data.releases_total), shown: data.releases.length });
    return [table("releases-title", columns, rows), note];
  });
}

function releaseRow(one, data, refresh) {
  const quality = one.quality;
  const documents = element("span", {}, number(one.documents));
  if (one.quarantined) {
    documents.append(element("span", { class: "soft small block", words: "releases.quarantined", values: { count: one.quarantined } }));
  }
  const cells = [
    element("span", { class: "code", title: one.id }, shortRelease(one.id)),
    chip(`release.${one.state}`, TONES[one.state]),
    element("time", { datetime: one.created }, time(one.created)),
    [documents, "figure"],
    [quality ? count(quality.answers) : MISSING, "figure"],
    [quality ? share(quality.claims - quality.unsupported, quality.claims) : MISSING, "figure"],
    [quality ? share(quality.down, quality.complete) : MISSING, "figure"],
    [quality ? latency(quality.total_p95) : MISSING, "figure"],
    ...(data.priced ? [[quality ? money(quality.cost, data.currency) : MISSING, "figure"]] : []),
    [whyNode(one, data), "why"],
    [actions(one, data, refresh), "actions"],
  ];
  return row(...cells);
}

function whyNode(one, data) {
  const node = element("span", { dir: "auto" }, visible(one.reason));
  if (one.state === "live" && data.live && !data.live.why.endsWith(one.reason)) {
    node.append(element("span", { class: "soft small block" }, visible(data.live.why)));
  }
  if (one.reasons.length) {
    const values = { reasons: visible(one.reasons.join("; ")) };
    node.append(element("span", { class: "problem small block", words: "releases.refused", values }));
  }
  if (one.override) {
    node.append(element("span", { class: "small block", words: "releases.overridden", values: { why: visible(one.override) } }));
  }
  if (data.evaluations.some((known) => known.id === one.evaluation && known.report)) node.append(element("span", { class: "small block" }, reportLink(one.evaluation, "releases.evaluation")));
  const changes = element("button", { type: "button", class: "quiet compact", words: "loop.changes", "data-focus": `release-changes-${one.id}` });
  changes.addEventListener("click", () => showChanges(one.id));
  node.append(element("span", { class: "block" }, changes));
  return node;
}

function actions(one, data, refresh) {
  if (one.state === "live") return "";
  const kind = one.state === "previous" ? "rollback" : "publish";
  const release = shortRelease(one.id);
  const button = element(
    "button",
    { type: "button", class: "compact", "data-focus": `release-${one.id}`, wordsLabel: `releases.${kind}.label`, values: { release } },
  );
  button.append(element("span", { words: `releases.${kind}` }));
  button.addEventListener("click", () => ask(kind, one, data, refresh));
  return button;
}

function ask(kind, one, data, refresh) {
  const release = shortRelease(one.id);
  const refused = one.state === "refused";
  const content = [comparison(data.releases.find((other) => other.state === "live"), one)];
  if (refused) content.push(element("p", { class: "problem", words: "confirm.override" }));
  if (one.reasons.length) content.push(element("p", { class: "small soft" }, visible(one.reasons.join("; "))));
  content.push(element("p", { class: "small soft", words: "confirm.swap" }));
  const reason = refused ? { words: "confirm.reason", required: true } : { words: "confirm.reason.optional", required: false };
  confirm({ title: `confirm.${kind}`, values: { release }, content, action: `releases.${kind}`, reason }, async (why) => {
    if (kind === "rollback") {
      const body = { collection: data.collection, release: one.id, reason: why };
      await requestJson("/v1/releases/rollback", { method: "POST", body });
    } else {
      await requestJson(`/v1/releases/${encodeURIComponent(one.id)}/publish`, { method: "POST", body: refused ? { override: why } : { reason: why } });
    }
    tell(`done.${kind}`, { release });
    refresh();
  });
}

function comparison(live, one) {
  const lines = [
    ["confirm.built", (release) => time(release.created), null],
    ["releases.documents", (release) => number(release.documents), (release) => release.documents],
    ["releases.chunks", (release) => number(release.chunks), (release) => release.chunks],
    ["confirm.quarantined", (release) => number(release.quarantined), (release) => release.quarantined],
    ["confirm.prompt", (release) => visible(release.prompt ?? MISSING), null],
    ["releases.supported", (release) => (release.quality ? share(release.quality.claims - release.quality.unsupported, release.quality.claims) : MISSING), null],
    ["confirm.down", (release) => (release.quality ? share(release.quality.down, release.quality.complete) : MISSING), null],
  ];
  const rows = lines.map(([words, shown, value]) => {
    const cells = [element("th", { scope: "row", words }), element("td", { class: "figure" }, live ? shown(live) : MISSING)];
    cells.push(element("td", { class: "figure" }, shown(one)), element("td", { class: "figure" }, live && value ? change(value(one) - value(live)) : ""));
    return element("tr", {}, ...cells);
  });
  const head = element(
    "tr",
    {},
    element("td", {}),
    element("th", { scope: "col", class: "figure" }, element("span", { words: "confirm.now" }), element("span", { class: "code block" }, live ? shortRelease(live.id) : MISSING)),
    element("th", { scope: "col", class: "figure" }, element("span", { words: "confirm.then" }), element("span", { class: "code block" }, shortRelease(one.id))),
    element("th", { scope: "col", class: "figure", words: "confirm.change" }),
  );
  return element("table", { class: "comparison", "aria-labelledby": "confirm-title" }, element("thead", {}, head), element("tbody", {}, ...rows));
}

function change(difference) {
  return difference ? number(difference, { signDisplay: "always" }) : say("confirm.same");
}
