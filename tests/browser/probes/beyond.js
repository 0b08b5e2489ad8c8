// What reaches over the edges of the window.
() => [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility() && !node.closest(".hidden-visually, .skip, table, svg"))
  .filter((node) => { const box = node.getBoundingClientRect(); return box.right > innerWidth + 0.5 || box.left < -0.5; })
  .map((node) => node.outerHTML.slice(0, 100))
