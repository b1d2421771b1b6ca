/** The command screen's light and dark form, kept in this browser. */
import { enhance, one } from "./dom.js";

const KEY = "hy-theme";

export function startTheme(): void {
  enhance<HTMLElement>("[data-theme-scope]", (scope) => {
    const apply = (dark: boolean) => {
      if (dark) document.documentElement.dataset.theme = "dark";
      else delete document.documentElement.dataset.theme;
      one("[data-theme-toggle]")?.setAttribute("aria-pressed", String(dark));
      scope.dispatchEvent(new CustomEvent("huying:theme", { bubbles: true }));
    };
    apply(localStorage.getItem(KEY) === "dark");
    document.addEventListener("click", (event) => {
      if (!(event.target instanceof Element) || !event.target.closest("[data-theme-toggle]")) return;
      const dark = document.documentElement.dataset.theme !== "dark";
      localStorage.setItem(KEY, dark ? "dark" : "light");
      apply(dark);
    });
  });
}
