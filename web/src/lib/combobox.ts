/**
 * A native select with many options becomes one searched by typing (ARIA APG: editable combobox with list
 * autocomplete). The select stays the form's field, so that nothing else on the page need know; without
 * script it is simply the select.
 */
import { all, enhance, make, one } from "./dom.js";
import { type Choice, MANY, MOST_SHOWN, meant, narrowed } from "./options.js";
import { say } from "./words.js";

let number = 0;

function choicesOf(select: HTMLSelectElement): Choice[] {
  return [...select.options]
    .filter((option) => !option.disabled)
    .map((option) => ({
      value: option.value,
      label: option.label.trim(),
      group: option.parentElement instanceof HTMLOptGroupElement ? option.parentElement.label : "",
    }));
}

function start(select: HTMLSelectElement): void {
  if (select.multiple || select.options.length <= MANY) return;
  const id = `combobox-${++number}`;
  const list = make("ul", { id: `${id}-list`, role: "listbox" });
  const more = make("p", { class: "hy-combobox-more", role: "status" });
  const popup = make("div", { class: "hy-combobox-popup", hidden: "" }, list, more);
  const input = make("input", {
    id,
    class: "hy-input",
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    "aria-expanded": "false",
    "aria-controls": list.id,
    "aria-autocomplete": "list",
  });
  const described = select.getAttribute("aria-describedby");
  if (described) input.setAttribute("aria-describedby", described);
  const invalid = select.getAttribute("aria-invalid");
  if (invalid) input.setAttribute("aria-invalid", invalid);
  input.disabled = select.disabled;
  if (select.required) input.setAttribute("aria-required", "true");
  for (const label of [...(select.labels ?? [])]) {
    if (label.contains(select)) continue;
    label.htmlFor = id;
    list.setAttribute("aria-label", label.textContent?.trim() ?? "");
  }
  const box = make("div", { class: "hy-combobox" }, input, popup);
  select.replaceWith(box);
  box.prepend(select);
  select.classList.add("hy-hidden");
  select.tabIndex = -1;
  select.setAttribute("aria-hidden", "true");

  const choices = choicesOf(select);
  const none = choices.find((one) => one.value === "");
  input.placeholder = none && /\p{L}/u.test(none.label) ? say("%s，可打字查找", none.label) : say("打字查找");
  let shown: Choice[] = [];
  let active = -1;
  let pointed = false;

  const isOpen = () => !popup.hidden;
  function tellChosen(): void {
    const chosen = select.selectedOptions[0];
    input.value = chosen?.value ? chosen.label.trim() : "";
    input.setCustomValidity("");
  }
  function close(): void {
    popup.hidden = true;
    active = -1;
    pointed = false;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }
  function point(to: number): void {
    one("[aria-selected=true]", list)?.setAttribute("aria-selected", "false");
    active = to;
    const option = list.children[to];
    if (!option) {
      input.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  }
  function open(typed: string, at: "first" | "chosen"): void {
    const found = narrowed(choices, typed);
    // What stands chosen is shown, however far down it is.
    const from =
      at === "chosen"
        ? Math.max(0, found.findIndex((one) => one.value === select.value) - MOST_SHOWN / 2)
        : 0;
    shown = found.slice(from, from + MOST_SHOWN);
    list.replaceChildren(
      ...shown.map((one, place) => {
        const option = make(
          "li",
          { id: `${id}-${place}`, role: "option", "aria-selected": "false" },
          one.label,
        );
        if (one.group) option.append(" ", make("small", {}, one.group));
        return option;
      }),
    );
    const left = found.length - shown.length;
    more.textContent =
      found.length === 0
        ? say("没有找到，换个说法试试。")
        : left > 0
          ? say("共 %s 项，再打几个字就能找到。", found.length)
          : "";
    more.hidden = more.textContent === "";
    list.hidden = shown.length === 0;
    popup.hidden = false;
    input.setAttribute("aria-expanded", "true");
    point(at === "chosen" ? shown.findIndex((one) => one.value === select.value) : 0);
  }
  function take(choice: Choice | undefined): void {
    if (choice && choice.value !== select.value) {
      select.value = choice.value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    }
    tellChosen();
    close();
  }

  /** Left without choosing: nothing typed is no choice; words that could mean two things stay, and are no choice. */
  function settle(): void {
    const typed = input.value.trim();
    const choice = typed === "" ? none : meant(choices, typed);
    if (typed === "" || choice) take(choice);
    else {
      close();
      if (typed !== select.selectedOptions[0]?.label.trim())
        input.setCustomValidity(say("请从列表里选一项。"));
    }
  }

  input.addEventListener("input", (event) => {
    input.setCustomValidity("");
    // Letters on their way to a Chinese word are not searched for.
    if (!(event as InputEvent).isComposing) open(input.value, "first");
  });
  input.addEventListener("compositionend", () => open(input.value, "first"));
  input.addEventListener("click", () => {
    if (!isOpen()) open("", "chosen");
  });
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", settle);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      pointed = true;
      if (!isOpen()) open("", "chosen");
      else point((active + step + shown.length) % shown.length);
    } else if (event.key === "Enter" && isOpen()) take(shown[active]);
    else if (event.key === "Escape" && isOpen()) take(undefined);
    else if (event.key === "Tab" && isOpen() && (pointed || input.value.trim() !== "")) {
      take(shown[active]);
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  // The list is not left by touching it.
  popup.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target instanceof Element ? event.target.closest("[role=option]") : null;
    if (option) take(shown[all("[role=option]", list).indexOf(option as HTMLElement)]);
  });
  select.addEventListener("change", tellChosen);
  select.addEventListener("focus", () => input.focus());
  select.form?.addEventListener("reset", () => queueMicrotask(tellChosen));
  // A form sent by a key has not been left, and one that checks nothing itself is checked here.
  select.form?.addEventListener("submit", (event) => {
    settle();
    if (input.reportValidity()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
  window.addEventListener("pageshow", tellChosen);
  tellChosen();
}

export function startComboboxes(): void {
  enhance<HTMLSelectElement>("select", start);
}
