/** Documents: quarantined ones, those cited most, uploads; ingestion runs and jobs. */

import { ApiFailure, request, requestJson } from "./api.js";
import { byId, element, icon } from "./dom.js";
import { say } from "./i18n.js";
import { age, count, latency, MISSING, number, shortRelease, time } from "./admin_format.js";
import { chip, confirm, empty, faultText, name, redraw, row, table, tell, visible } from "./admin_parts.js";

const JOB_TONES = { queued: "plain", running: "warn", done: "good", failed: "bad" };
const CHANGES = ["added", "changed", "moved", "deleted"];

/**
 * @param {any} data the overview
 * @param {() => void} refresh
 */
export function showDocuments(data, refresh) {
  redraw("quarantined-list", [data.quarantined, data.quarantined_total, say("chat")], () => {
    const title = element("h3", { id: "quarantined-title", words: "documents.quarantined" });
    if (!data.quarantined.length) return [title, empty("documents.none")];
    const columns = [
      { words: "documents.document" },
      { words: "documents.step" },
      { words: "documents.reason" },
      { words: "releases.actions", hidden: true },
    ];
    const rows = data.quarantined.map((one) => quarantinedRow(one, refresh));
    const more = data.quarantined_total > data.quarantined.length;
    const note = more && empty("all.shown", { count: count(data.quarantined_total), shown: data.quarantined.length });
    return [title, table("quarantined-title", columns, rows), note];
  });
  redraw("cited-list", [data.cited, data.quarantined.map((one) => one.document_id), say("chat")], () => {
    const title = element("h3", { id: "cited-title", words: "documents.cited" });
    if (!data.cited.length) return [title, empty("documents.cited.none")];
    const columns = [
      { words: "documents.document" },
      { words: "documents.answers", class: "figure" },
      { words: "documents.down", class: "figure" },
      { words: "releases.actions", hidden: true },
    ];
    const most = Math.max(...data.cited.map((one) => one.answers));
    const held = new Set(data.quarantined.map((one) => one.document_id));
    const rows = data.cited.map((one) => citedRow(one, most, held.has(one.document_id), refresh));
    return [title, table("cited-title", columns, rows)];
  });
}

function quarantinedRow(one, refresh) {
  const why = element("span", { dir: "auto" }, visible(one.reason));
  if (one.answers_from_older) why.append(element("span", { class: "soft small block", words: "documents.older" }));
  const step = one.by_person ? chip("documents.person", "plain") : element("span", { class: "code" }, one.step || MISSING);
  const action = one.by_person
    ? button("restore", one, () => askRestore(one, refresh))
    : element("span", { class: "soft small", words: "documents.mend" });
  const file = element("span", {}, name(one.source), one.title && element("span", { class: "soft small block" }, name(one.title)));
  return row([file, "long"], step, [why, "why"], [action, "actions"]);
}

function citedRow(one, most, held, refresh) {
  const bar = element("span", { class: "share-bar tone-answered" });
  bar.style.inlineSize = `${(100 * one.answers) / most}%`;
  const answers = element("span", { class: "with-bar" }, element("span", { class: "share-track", "aria-hidden": "true" }, bar), count(one.answers));
  const action = held ? chip("state.quarantined", "bad") : button("quarantine", one, () => askQuarantine(one, refresh));
  return row([name(one.source), "long"], [answers, "figure"], [count(one.down), one.down ? "figure problem" : "figure"], [action, "actions"]);
}

function button(kind, one, act) {
  const node = element("button", {
    type: "button",
    class: "compact",
    "data-focus": `${kind}-${one.document_id}`,
    wordsLabel: `documents.${kind}.label`,
    values: { source: visible(one.source).slice(0, 200) },
  });
  node.append(element("span", { words: `documents.${kind}` }));
  node.addEventListener("click", act);
  return node;
}

function askQuarantine(one, refresh) {
  const content = [element("p", {}, name(one.source)), element("p", { class: "small soft", words: "confirm.quarantine.what" })];
  const reason = { words: "confirm.reason", required: true };
  confirm({ title: "confirm.quarantine", content, action: "documents.quarantine", reason }, async (why) => {
    await requestJson(`/v1/documents/${encodeURIComponent(one.document_id)}/quarantine`, { method: "POST", body: { reason: why } });
    tell("done.quarantine");
    refresh();
  });
}

function askRestore(one, refresh) {
  const content = [
    element("p", {}, name(one.source)),
    element("p", { class: "small", dir: "auto" }, visible(one.reason)),
    element("p", { class: "small soft", words: "confirm.restore.what" }),
  ];
  confirm({ title: "confirm.restore", content, action: "documents.restore" }, async () => {
    await requestJson(`/v1/documents/${encodeURIComponent(one.document_id)}/restore`, { method: "POST" });
    tell("done.restore");
    refresh();
  });
}

/** @param {any} data */
export function showRuns(data) {
  redraw("runs-list", [data.runs, say("chat")], () => {
    if (!data.runs.length) return [empty("runs.none")];
    const columns = [
      { words: "runs.started" },
      { words: "runs.result" },
      { words: "runs.changes" },
      { words: "runs.took", class: "figure" },
    ];
    return [table("runs-title", columns, data.runs.map(runRow))];
  });
  redraw("jobs-list", [data.jobs, say("chat")], () => {
    if (!data.jobs.length) return [];
    const columns = [{ words: "time" }, { words: "jobs.job" }, { words: "jobs.state" }];
    return [element("h3", { id: "jobs-title", words: "jobs.title" }), table("jobs-title", columns, data.jobs.map(jobRow))];
  });
}

function runRow(run) {
  const result = element("span", { class: "row" }, runResult(run));
  if (run.quarantined) result.append(chip("runs.quarantined", "warn", { count: run.quarantined }));
  if (run.error) result.append(element("span", { class: "problem small block", dir: "auto" }, visible(run.error)));
  const changes = CHANGES.filter((kind) => run.changes[kind]).map((kind) => `${number(run.changes[kind])} ${say(`change.${kind}`)}`);
  return row(
    element("time", { datetime: run.started }, time(run.started)),
    [result, "why"],
    changes.join(", ") || MISSING,
    [run.seconds === null ? MISSING : run.seconds < 60 ? latency(run.seconds) : age(run.seconds), "figure"],
  );
}

function runResult(run) {
  const values = { release: run.release ? shortRelease(run.release) : "" };
  if (run.exit_code === null) return chip("runs.running", "plain");
  if (run.exit_code === 4) return chip("runs.refused", "bad");
  if (run.exit_code === 1 || run.exit_code === 2) return chip("runs.failed", "bad");
  if (run.published) return chip("runs.published", "good", values);
  const changed = CHANGES.some((kind) => run.changes[kind]);
  return changed && run.release ? chip("runs.built", "warn", values) : chip("runs.unchanged", "plain");
}

function jobRow(job) {
  const shown = job.documents.slice(0, 3).map((one) => element("li", {}, name(one)));
  if (job.documents.length > 3) shown.push(element("li", { class: "soft" }, `+${job.documents.length - 3}`));
  const what = element("span", {}, element("span", { words: `action.${job.action}` }), element("ul", { class: "plain-list small" }, ...shown));
  const state = element("span", {}, chip(`job.${job.state}`, JOB_TONES[job.state]));
  for (const text of [job.error, ...job.results].filter(Boolean).slice(0, 5)) {
    state.append(element("span", { class: "soft small block", dir: "auto" }, visible(text)));
  }
  return row(element("time", { datetime: job.created }, time(job.created)), what, [state, "why"]);
}

/**
 * The place where files are dropped.
 * @param {() => string} collection
 * @param {() => void} refresh
 */
export function uploadPlace(collection, refresh) {
  const input = element("input", { type: "file", id: "upload-files", multiple: true, class: "hidden-visually" });
  const news = element("p", { class: "small", role: "status" });
  const choose = element("label", { for: "upload-files", class: "link-like", words: "upload.choose" });
  const line = element("p", { class: "row" }, element("span", { words: "upload.drop" }), choose);
  const place = element("div", { class: "drop" }, input, line, news);
  const send = async (/** @type {File[]} */ files) => {
    if (!files.length) return;
    const values = { count: say(files.length === 1 ? "files.1" : "files", { count: files.length }) };
    const form = new FormData();
    form.set("collection", collection());
    for (const file of files) form.append("file", file, file.name);
    news.className = "small soft";
    news.textContent = say("upload.sending", values);
    try {
      await request("/v1/documents", { method: "POST", body: form });
      news.textContent = say("upload.accepted", values);
      refresh();
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      news.className = "small problem";
      news.textContent = faultText(error);
    }
  };
  input.addEventListener("change", async () => {
    const field = /** @type {HTMLInputElement} */ (input);
    await send([...(field.files ?? [])]);
    field.value = "";
  });
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    send([...(event.dataTransfer?.files ?? [])]);
  });
  byId("upload").replaceChildren(place);
}

export { icon };
