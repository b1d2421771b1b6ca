/** Dialogs that come from the server, lists searched by typing, printing, Ctrl+Enter. */
import { openDialog } from "./dialog.js";
import { all, enhance, make, one } from "./dom.js";
import { MANY } from "./options.js";
import { say } from "./words.js";

function showFresh(dialog: HTMLDialogElement): void {
  dialog.addEventListener("close", () => dialog.remove());
  openDialog(dialog);
  first(dialog)?.focus();
}

/** Where to begin: the search of a picker, the first field, else the button that does it. */
function first(dialog: HTMLDialogElement): HTMLElement | null {
  return (
    one("[data-error-summary]", dialog) ??
    one(
      "[data-picker-search], textarea:not([readonly]), select, input:not([type=hidden], [type=file])",
      dialog,
    ) ??
    one("[type=submit], .hy-dialog-actions a", dialog)
  );
}

/** A field for searching above a plain box of many to tick. */
function searchAbove(field: HTMLElement): HTMLInputElement {
  const words = say("打字查找");
  const search = make("input", {
    class: "hy-input",
    type: "search",
    autocomplete: "off",
    placeholder: words,
    "aria-label": words,
  });
  field.before(search);
  return search;
}

function startPicker(field: HTMLElement): void {
  const options = all<HTMLLabelElement>("label", field);
  const search =
    one<HTMLInputElement>("[data-picker-search]", field) ??
    (options.length > MANY ? searchAbove(field) : null);
  const chosen = one("[data-picker-chosen]", field);
  const none = one("[data-picker-none]", field);
  if (!search) return;
  const tell = () => {
    const names = options
      .map((option) => one<HTMLInputElement>("input", option))
      .filter((input) => input?.checked)
      .map((input) => input?.dataset.label ?? "");
    if (chosen) chosen.textContent = names.join("、");
  };
  const narrow = () => {
    const wanted = search.value.trim().toLowerCase();
    let found = 0;
    for (const option of options) {
      const fits = (option.dataset.words ?? option.textContent ?? "").toLowerCase().includes(wanted);
      option.hidden = !fits;
      if (fits) found += 1;
    }
    if (none) none.hidden = found > 0;
  };
  search.addEventListener("input", narrow);
  search.addEventListener("keydown", (event) => {
    const visible = options.filter((option) => !option.hidden);
    const input = visible[0] && one<HTMLInputElement>("input", visible[0]);
    if (event.key === "Enter" && !event.isComposing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      if (!input || search.value.trim() === "") return;
      input.checked = true;
      search.value = "";
      narrow();
      tell();
      input.scrollIntoView({ block: "nearest" });
    } else if (event.key === "ArrowDown" && input) {
      event.preventDefault();
      input.focus();
    }
  });
  field.addEventListener("change", tell);
  tell();
  one("input:checked", field)?.closest("label")?.scrollIntoView({ block: "nearest" });
}

export function startActDialogs(): void {
  enhance<HTMLDialogElement>("dialog[data-open-now]", showFresh);
  enhance<HTMLElement>("[data-picker], .adm-picks", startPicker);
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-print]")) window.print();
    const menu = target?.closest("[data-menu] a")?.closest<HTMLDetailsElement>("[data-menu]");
    if (menu) menu.open = false;
    // A link that also closes: only where the page has no dialog is it followed.
    if (target?.closest("dialog a[data-dialog-close]")) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target instanceof Element ? event.target.closest<HTMLFormElement>("form") : null;
    if (!form || form.dataset.ctrlEnter === undefined) return;
    event.preventDefault();
    form.requestSubmit(one<HTMLButtonElement>("[type=submit]", form));
  });
}
