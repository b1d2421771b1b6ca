/**
 * A table too wide for a narrow screen stands as cards, each figure beside the name of its column.
 * `.hy-table-wrap` holds it; the roles are said aloud because a table laid out as blocks loses them.
 */
import { all, enhance, one } from "./dom.js";

const NARROW = window.matchMedia("(max-width: 640px)");

function label(table: HTMLTableElement): void {
  const columns = all("thead th", table).map((head) => head.innerText.replace(/[↑↓\s]+/g, " ").trim());
  table.setAttribute("role", "table");
  for (const group of all("thead, tbody", table)) group.setAttribute("role", "rowgroup");
  for (const head of all("thead th", table)) head.setAttribute("role", "columnheader");
  for (const row of all<HTMLTableRowElement>("tr", table)) {
    row.setAttribute("role", "row");
    let column = 0;
    for (const cell of row.cells) {
      if (cell.closest("tbody")) {
        cell.setAttribute("role", cell.tagName === "TH" ? "rowheader" : "cell");
        cell.dataset.label = cell.colSpan === 1 ? (columns[column] ?? "") : "";
        const words = cell.textContent?.trim();
        cell.toggleAttribute("data-empty", (!words || words === "—") && !one("img, svg, input", cell));
      }
      column += cell.colSpan;
    }
  }
}

export function startTables(): void {
  enhance<HTMLElement>(".hy-table-wrap", (wrap) => {
    const table = one<HTMLTableElement>("table", wrap);
    if (!table?.tHead) return;
    const fit = () => {
      wrap.classList.remove("hy-stacked");
      if (!NARROW.matches || wrap.scrollWidth <= wrap.clientWidth) return;
      label(table);
      wrap.classList.add("hy-stacked");
    };
    fit();
    window.addEventListener("resize", fit);
  });
}
