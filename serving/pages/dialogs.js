/** Questions to the reader that need a yes, and copying. */

import { element } from "./dom.js";

/**
 * Ask before something cannot be undone.
 * @param {{title: string, text: string, yes: string, option?: string}} words keys of the page's words; `option` adds a
 *   checkbox
 * @returns {Promise<{option: boolean} | null>} null when the reader said no
 */
export function confirmed({ title, text, yes, option }) {
  const check = element("input", { type: "checkbox", id: "confirm-option" });
  const no = element("button", { type: "button", class: "quiet", words: "cancel", onclick: () => dialog.close("") });
  const dialog = element(
    "dialog",
    { class: "card-dialog", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
    element(
      "form",
      { method: "dialog", class: "dialog-form" },
      element("h2", { id: "confirm-title", words: title }),
      element("p", { id: "confirm-text", class: "soft", words: text }),
      option &&
        element("div", { class: "check" }, check, element("label", { for: "confirm-option", words: option })),
      element("div", { class: "row end" }, no, element("button", { class: "primary", value: "yes", words: yes })),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  no.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? { option: check.checked } : null);
    });
  });
}

/**
 * Copy a text.
 * @param {string} text
 * @returns {Promise<boolean>} whether the browser did
 */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

/** Pages that are not served by https, or not from this machine, have no clipboard. */
function copiedBySelection(text) {
  const area = element("textarea", { class: "hidden-visually", "aria-hidden": "true" });
  const before = document.activeElement;
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus();
  return done;
}
