/** The desk by keyboard: J and K move, Enter opens, letters act, `?` shows them. */

import { openDialog, temporaryDialog } from "./dialog.js";
import { all, labelOf, make, typing } from "./dom.js";
import { say } from "./words.js";

function visible(element: HTMLElement): boolean {
  return element.getClientRects().length > 0;
}

function rows(): HTMLElement[] {
  return all("[data-list] [data-row]").filter(visible);
}

function move(step: number): void {
  const list = rows();
  if (list.length === 0) return;
  const now = list.findIndex((row) => row.dataset.selected !== undefined || row === document.activeElement);
  const next = list[now < 0 ? 0 : Math.min(Math.max(now + step, 0), list.length - 1)];
  for (const row of list) delete row.dataset.selected;
  if (!next) return;
  next.dataset.selected = "";
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function openSelected(): boolean {
  const row = all("[data-list] [data-row][data-selected]").find(visible);
  if (!row || row === document.activeElement) return false;
  (row.matches("a, button") ? row : row.querySelector<HTMLElement>("a, button"))?.click();
  return true;
}

function help(): void {
  const keys: [string, string][] = [
    ["J", say("下一条")],
    ["K", say("上一条")],
    ["Enter", say("打开")],
  ];
  if (all("[data-select]").some(visible)) keys.push(["X", say("选中，可以选几件一起办")]);
  for (const element of all("[data-key]").filter(visible)) {
    keys.push([(element.dataset.key ?? "").toUpperCase(), element.dataset.keyLabel ?? labelOf(element)]);
  }
  keys.push(["?", say("显示快捷键")]);
  const grid = make("div", { class: "hy-keys" });
  for (const [key, label] of keys) grid.append(make("kbd", {}, key), make("span", {}, label));
  const close = make("button", { class: "hy-btn", type: "button", "data-dialog-close": "" }, say("关闭"));
  openDialog(temporaryDialog(say("快捷键"), grid, make("div", { class: "hy-dialog-actions" }, close)));
}

export function startKeyboard(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    const key = event.key.toLowerCase();
    if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (event.key === "?") help();
    else if (event.key === "Enter") {
      if (!openSelected()) return;
    } else {
      const target = all("[data-key]").find(
        (element) => element.dataset.key?.toLowerCase() === key && visible(element),
      );
      if (!target) return;
      if (target.matches("input, select, textarea")) target.focus();
      else target.click();
    }
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-keys-help]")) help();
  });
}
