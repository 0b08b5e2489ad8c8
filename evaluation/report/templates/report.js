"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  const swapText = (node) => {
    const shown = node.textContent;
    node.textContent = node.dataset.o;
    node.dataset.o = shown;
  };
  const swapAttribute = (node, name) => {
    const shown = node.getAttribute(name);
    node.setAttribute(name, node.getAttribute(`data-o-${name}`));
    node.setAttribute(`data-o-${name}`, shown);
  };
  const language = document.getElementById("language");
  language.addEventListener("click", () => {
    document.querySelectorAll("[data-o]").forEach(swapText);
    for (const name of ["aria-label", "placeholder", "title"]) {
      document.querySelectorAll(`[data-o-${name}]`).forEach((node) => swapAttribute(node, name));
    }
    const other = root.lang;
    root.lang = root.dataset.other;
    root.dataset.other = other;
    language.lang = other;
    language.textContent = other === "zh" ? "中文" : "English";
  });

  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  document.getElementById("print").addEventListener("click", () => window.print());

  const cases = [...document.querySelectorAll(".case")];
  const search = document.getElementById("search");
  if (!search) return;
  const kindsOf = new Map(cases.map((one) => [one, one.dataset.kinds.split(" ")]));
  const buttons = [...document.querySelectorAll("[data-filter]")];
  const empty = document.getElementById("nothing");
  const texts = new Map();
  const textOf = (one) => {
    if (!texts.has(one)) texts.set(one, one.textContent.toLowerCase());
    return texts.get(one);
  };
  let filter = "";
  const show = () => {
    const wanted = search.value.trim().toLowerCase();
    let shown = 0;
    for (const one of cases) {
      one.hidden = (filter !== "" && !kindsOf.get(one).includes(filter)) || (wanted !== "" && !textOf(one).includes(wanted));
      shown += !one.hidden;
    }
    document.getElementById("shown").textContent = String(shown);
    empty.hidden = shown > 0;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.filter === filter));
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      filter = button.dataset.filter;
      show();
    });
    const count = button.querySelector("[data-count]");
    if (!count) continue;
    const number = cases.filter((one) => kindsOf.get(one).includes(button.dataset.filter)).length;
    count.textContent = String(number);
    button.hidden = number === 0;
  }
  search.addEventListener("input", show);

  const all = document.getElementById("all");
  all.addEventListener("click", () => {
    const open = all.getAttribute("aria-pressed") !== "true";
    all.setAttribute("aria-pressed", String(open));
    for (const one of cases) one.open = open;
  });
})();
