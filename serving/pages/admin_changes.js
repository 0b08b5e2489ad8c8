/** What a release changed, in the words of its CHANGES.md. */

import { ApiFailure, request } from "./api.js";
import { element, icon } from "./dom.js";
import { shortRelease } from "./admin_format.js";
import { empty, faultText, visible } from "./admin_parts.js";
import { MarkdownView } from "./markdown.js";

/**
 * The CHANGES.md of a release, in a dialog.
 * @param {string} release
 */
export function showChanges(release) {
  const close = element("button", { type: "button", class: "icon-button", wordsLabel: "close" }, icon("close"));
  const title = element("h2", { id: "changes-title", words: "changes.title", values: { release: shortRelease(release) } });
  const body = element("div", { class: "drawer-body changes" }, element("p", { class: "soft", words: "changes.loading" }));
  const dialog = /** @type {HTMLDialogElement} */ (
    element("dialog", { class: "drawer", "aria-labelledby": "changes-title" }, element("header", { class: "drawer-head" }, title, close), body)
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  fillChanges(release, body);
}

async function fillChanges(release, body) {
  try {
    const response = await request(`/v1/releases/${encodeURIComponent(release)}/changes`);
    const text = await response.text();
    body.replaceChildren(element("div", { class: "text" }, ...sections(visible(text))));
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    const none = error.code === "no_changes";
    body.replaceChildren(none ? empty("changes.none") : element("p", { class: "problem", role: "alert" }, faultText(error)));
  }
}

/** The answers' Markdown has no headings, so a text is cut at them; what is escaped in it is meant as it stands. */
function sections(text) {
  return text.split(/^(#{1,4} .*)$/m).filter((part) => part.trim()).map((part) => {
    const plain = part.replace(/\\([\\`*_{}[\]<>()#+.!|~&-])/g, "$1");
    const heading = /^(#{1,4}) (.*)$/.exec(plain);
    if (heading) return element(heading[1].length < 3 ? "h3" : "h4", { dir: "auto" }, heading[2]);
    const section = element("div", {});
    new MarkdownView(section, (cited) => new Text(`[${cited}]`)).show(plain);
    return section;
  });
}
