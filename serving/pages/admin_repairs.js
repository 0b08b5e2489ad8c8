/** A repair in plain words. */

import { element } from "./dom.js";
import { say } from "./i18n.js";
import { clipped } from "./admin_format.js";
import { visible } from "./admin_parts.js";

const LONGEST = 240;

/**
 * What a repair does, in one sentence of the reader's language.
 * @param {any} repair
 * @returns {HTMLElement}
 */
export function repairWords(repair) {
  const { words, values } = told(repair);
  const safe = Object.entries(values).map(([key, value]) => [key, clipped(visible(String(value ?? "")), LONGEST)]);
  return element("span", { class: "repair", dir: "auto", words: `repair.${words}`, values: Object.fromEntries(safe) });
}

function told(repair) {
  const { kind, source } = repair;
  if (kind === "erratum") {
    return { words: repair.replace ? kind : "erratum.cut", values: { source, find: repair.find, replace: repair.replace } };
  }
  if (kind === "restore") return { words: repair.version ? "restore.version" : kind, values: { source } };
  if (kind === "cleaning") return { words: kind, values: { family: repair.family, rules: rules(repair) } };
  if (kind === "settings") return { words: kind, values: { settings: repair.settings.map((one) => `${one.name} = ${one.value}`).join(", ") } };
  if (kind === "ask") return { words: repair.wanted ? kind : "ask.questions", values: { wanted: repair.wanted, questions: repair.questions.join(" · ") } };
  return { words: kind, values: { source, newer: repair.newer, parser: repair.parser, prompt: repair.prompt } };
}

function rules({ drop, keep, off }) {
  const parts = [
    [off, "repair.rules.off"],
    [keep, "repair.rules.keep"],
    [drop, "repair.rules.drop"],
  ];
  return parts
    .filter(([list]) => list.length)
    .map(([list, words]) => say(words, { rules: list.join(", ") }))
    .join("; ");
}
