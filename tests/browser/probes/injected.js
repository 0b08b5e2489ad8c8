// Elements that the page makes itself of an answer's text, and what they may carry.
() => {
  const made = new Set("P STRONG EM CODE PRE UL OL LI BLOCKQUOTE HR BR SUP BUTTON SPAN DIV TABLE TR TH TD BDI MARK".split(" "));
  const odd = [];
  for (const root of document.querySelectorAll(".text, .source-text, .document, .warnings li, #passage-title, .conversation, .chip bdi")) {
    for (const node of root.querySelectorAll("*")) {
      if (!made.has(node.tagName)) odd.push(node.outerHTML.slice(0, 120));
      for (const { name } of node.attributes) if (/^on|href|src|style|action|formaction/.test(name)) odd.push(`${node.tagName} ${name}`);
    }
  }
  const loaders = "iframe, object, embed, base, meta[http-equiv], body style, body link, body script, body a[href]:not(.skip), form[action]";
  for (const node of document.querySelectorAll(loaders)) odd.push(node.outerHTML.slice(0, 120));
  for (const node of document.querySelectorAll("img")) if (node.getAttribute("src") !== "/static/icon.svg") odd.push(node.outerHTML);
  return odd;
}
