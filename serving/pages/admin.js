/** The dashboard: asks for the overview again and again while it is looked at, and shows it. */

import { ApiFailure, forgetKey, requestJson } from "./api.js";
import { byId, element, setWords } from "./dom.js";
import { applyWords, languageButton, onLanguage, say, useWords } from "./i18n.js";
import { keep, kept } from "./kept.js";
import { keyDialog } from "./key_dialog.js";
import { themeButton } from "./theme.js";
import { AnswerList, followAnswerLinks, showCases } from "./admin_cases.js";
import { showDocuments, showRuns, uploadPlace } from "./admin_documents.js";
import { showEvaluations } from "./admin_evaluations.js";
import { FindingList } from "./admin_findings.js";
import { LoopLog } from "./admin_loop.js";
import { showOverview, showService } from "./admin_overview.js";
import { forgetDrawn } from "./admin_parts.js";
import { showReleases } from "./admin_releases.js";
import { WORDS } from "./admin_words.js";

const EVERY_MS = 10_000;
const BUSY_MS = 2_000;
const DAYS = "ragpress.admin.days";
const COLLECTION = "ragpress.admin.collection";
const SECTIONS = [
  ["quality", "quality.title"],
  ["bad-cases", "bad.title"],
  ["findings", "findings.title"],
  ["loop", "loop.title"],
  ["releases", "releases.title"],
  ["evaluations", "evaluations.title"],
  ["documents", "documents.title"],
  ["runs", "runs.title"],
  ["answers", "answers.title"],
  ["service", "service.title"],
];

/** @type {HTMLSelectElement} */
const days = byId("days");
/** @type {HTMLSelectElement} */
const collections = byId("collection");
let collection = kept(COLLECTION) ?? "default";
/** @type {any} */
let shown = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let asked = 0;

useWords(WORDS);
languageButton(byId("language"));
themeButton(byId("theme"));
keyDialog();
setTitle();
if (["1", "7", "30", "90"].includes(kept(DAYS) ?? "")) days.value = /** @type {string} */ (kept(DAYS));
else days.value = "7";
for (const [id, words] of SECTIONS) byId("contents").append(element("a", { href: `#${id}`, words }));
const answers = new AnswerList(() => collection);
const findings = new FindingList(() => collection, refresh);
const loop = new LoopLog(() => collection);
uploadPlace(() => collection, refresh);
followAnswerLinks();

onLanguage(() => {
  setTitle();
  forgetDrawn();
  if (shown) show(shown);
  answers.show();
  findings.show();
  loop.show();
});
days.addEventListener("change", () => {
  keep(DAYS, days.value);
  refresh();
});
collections.addEventListener("change", () => {
  collection = collections.value;
  keep(COLLECTION, collection);
  refresh();
});
byId("refresh").addEventListener("click", refresh);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
refresh();

/** Ask for everything now, and again after a while as long as the page is looked at. */
async function refresh() {
  clearTimeout(timer);
  const number = ++asked;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
  const query = new URLSearchParams({ collection, days: days.value, zone });
  let next = EVERY_MS;
  try {
    const data = await requestJson(`/v1/admin/overview?${query}`);
    if (number !== asked) return;
    show(data);
    await Promise.all([answers.refresh(), findings.refresh(), loop.refresh()]);
    if (data.jobs.some((job) => job.state === "queued" || job.state === "running")) next = BUSY_MS;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    if (number !== asked) return;
    if (error.status === 404 && collection !== "default") {
      collection = "default";
      keep(COLLECTION, null);
      refresh();
      return;
    }
    showFault(error);
    if (error.status === 401 || error.status === 403) return;
  }
  if (number === asked && !document.hidden) timer = setTimeout(refresh, next);
}

function show(data) {
  shown = data;
  byId("fault").hidden = true;
  byId("content").hidden = false;
  showCollections(data);
  showOverview(data);
  showCases(data);
  showReleases(data, refresh);
  showEvaluations(data);
  showDocuments(data, refresh);
  showRuns(data);
  showService(data);
}

function showCollections(data) {
  collections.hidden = data.collections.length < 2;
  if (collections.length === data.collections.length && collections.value === data.collection) return;
  collections.replaceChildren(...data.collections.map((name) => element("option", { value: name }, name)));
  collections.value = data.collection;
}

function showFault(error) {
  const fault = byId("fault");
  const words = error.status === 403 ? "fault.403" : error.status === 0 ? "fault.0" : "fault.other";
  const text = element("span", {});
  setWords(text, words, { message: error.message || error.code || String(error.status) });
  fault.replaceChildren(text);
  if (error.status === 403 || error.status === 401) {
    const other = element("button", { type: "button", words: "fault.other.key" });
    other.addEventListener("click", () => {
      forgetKey();
      refresh();
    });
    fault.append(" ", other);
    byId("content").hidden = true;
    byId("problems").hidden = true;
  }
  if (!shown || byId("content").hidden) {
    byId("state-line").textContent = "";
    delete byId("state-line").dataset.words;
    shown = null;
    forgetDrawn();
  }
  fault.hidden = false;
}

function setTitle() {
  document.title = `${say("dashboard")} · ragpress`;
  applyWords(document);
}
