/** Light and dark: as the system has it until the reader chooses. */

import { keep, kept } from "./kept.js";

const NAME = "ragpress.theme";
const DARK = matchMedia("(prefers-color-scheme: dark)");

/** @returns {"light" | "dark"} what is shown now */
export function theme() {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

/**
 * Let a button switch the theme, and follow the system until it does. The button's `aria-pressed` says whether it is
 * dark.
 * @param {HTMLButtonElement} button
 */
export function themeButton(button) {
  const show = (name) => {
    document.documentElement.dataset.theme = name;
    button.setAttribute("aria-pressed", String(name === "dark"));
  };
  show(theme());
  button.addEventListener("click", () => {
    const next = theme() === "dark" ? "light" : "dark";
    keep(NAME, next);
    show(next);
  });
  DARK.addEventListener("change", () => {
    if (!kept(NAME)) show(DARK.matches ? "dark" : "light");
  });
}
