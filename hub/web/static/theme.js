// Light or dark before the first paint: the reader's choice, else the system's.
(() => {
  const KEY = "plumbline-theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const read = () => { try { return localStorage.getItem(KEY) || "auto"; } catch { return "auto"; } };
  const apply = () => {
    const choice = read();
    document.documentElement.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    document.dispatchEvent(new Event("plumbline:theme"));
  };
  apply();
  dark.addEventListener("change", apply);
  window.plumblineTheme = {
    read,
    choose(choice) {
      try { localStorage.setItem(KEY, choice); } catch { /* a browser that keeps nothing follows the system */ }
      apply();
    },
  };
})();
