// Runs before the first paint, so that neither the colours nor the language change before the reader's eyes.
(() => {
  const root = document.documentElement;
  const kept = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // storage is switched off in this browser
    }
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = kept("ragpress.theme");
  root.dataset.theme = theme === "dark" || theme === "light" ? theme : dark.matches ? "dark" : "light";
})();
