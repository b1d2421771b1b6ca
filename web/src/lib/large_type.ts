/** Large type: standard and three larger sizes, kept in the cookie `large_type` so that the server renders it. */

import { openDialog, temporaryDialog } from "./dialog.js";
import { all, make } from "./dom.js";
import { say } from "./words.js";

const YEAR_S = 31_536_000;
const SAFE = location.protocol === "https:";
/** Over TLS a browser takes a cookie of this name from this very host alone. */
const COOKIE = SAFE ? "__Host-large_type" : "large_type";

function apply(step: number): void {
  const root = document.documentElement;
  root.classList.toggle("hy-large", step > 0);
  if (step > 0) root.dataset.large = String(step);
  else delete root.dataset.large;
  const age = step > 0 ? YEAR_S : 0;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Safari and Firefox
  document.cookie = `${COOKIE}=${step || ""}; path=/; max-age=${age}; samesite=lax${SAFE ? "; secure" : ""}`;
  for (const button of all("[data-large-type]")) button.setAttribute("aria-pressed", String(step > 0));
}

function choose(): void {
  const now = Number(document.documentElement.dataset.large ?? 0);
  const choices = make("div", { class: "hy-choices" });
  [say("标准"), say("大"), say("更大"), say("最大")].forEach((label, step) => {
    const input = make("input", { type: "radio", name: "large", value: String(step) });
    input.checked = step === now;
    input.addEventListener("change", () => apply(step));
    choices.append(make("label", { class: "hy-choice" }, input, label));
  });
  const close = make(
    "button",
    { class: "hy-btn hy-btn-primary", type: "button", "data-dialog-close": "" },
    say("确定"),
  );
  openDialog(temporaryDialog(say("大字"), choices, make("div", { class: "hy-dialog-actions" }, close)));
}

export function startLargeType(): void {
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-large-type]")) choose();
  });
}
