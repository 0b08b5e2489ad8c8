// What a browser computes as a control's name, in the order of the standard that matters here.
() => {
  const named = (node) => node.getAttribute("aria-label")
    || (node.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent).join("")
    || [...(node.labels ?? [])].map((label) => label.textContent).join("")
    || node.textContent.trim();
  const controls = document.querySelectorAll("button, input, select, textarea, a[href], dialog, [role=region], nav, form");
  return [...controls].filter((node) => !named(node)).map((node) => node.outerHTML.slice(0, 120));
}
