/** A word at the bottom of the screen, with an undo where one is possible. */
import { all, enhance, make, one } from "./dom.js";
import { say } from "./words.js";

const STAYS_MS = 6000;

export function toast(text: string, undo?: () => void): void {
  const stack = one("[data-toasts]");
  if (!stack) return;
  const item = make("div", { class: "hy-toast", "data-toast": "" }, make("span", {}, text));
  if (undo) {
    const button = make("button", { type: "button" }, say("撤销"));
    button.addEventListener("click", () => {
      item.remove();
      undo();
    });
    item.append(button);
  }
  stack.append(item);
  leave(item);
}

function leave(item: HTMLElement): void {
  let timer = 0;
  const start = () => {
    timer = window.setTimeout(() => item.remove(), STAYS_MS);
  };
  // Time stands still while a hand or the focus is on it (WCAG 2.2.1).
  for (const event of ["pointerenter", "focusin"]) item.addEventListener(event, () => clearTimeout(timer));
  for (const event of ["pointerleave", "focusout"]) item.addEventListener(event, start);
  start();
}

export function startToasts(): void {
  all("[data-toast]").forEach(leave);
  // A link or form marked data-undo-url: the server answers HX-Trigger {"huying:toast": {"text": …, "undo": url}}.
  document.addEventListener("huying:toast", (event) => {
    const detail = (event as CustomEvent<{ text?: string; undo?: string }>).detail;
    if (!detail?.text) return;
    const url = detail.undo;
    toast(detail.text, url ? () => post(url) : undefined);
  });
  enhance<HTMLElement>("[data-error-summary]", (summary) => summary.focus());
}

function post(url: string): void {
  const form = make("form", { method: "post", action: url });
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
  form.append(make("input", { type: "hidden", name: "csrfmiddlewaretoken", value: token }));
  document.body.append(form);
  form.submit();
}
