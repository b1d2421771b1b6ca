/** Filters folded on a telephone and open at a desk: only for browsers whose style sheet cannot say it. */
import { enhance } from "./dom.js";

export function startFolds(): void {
  if (CSS.supports("selector(::details-content)")) return;
  const wide = window.matchMedia("(min-width: 641px)");
  enhance<HTMLDetailsElement>("details.hy-filters-fold", (fold) => {
    if (wide.matches) fold.open = true;
  });
}
