/** The queue at the desk: rows chosen with X, what is new counted behind a bar, the open case told of others' steps. */
import htmx from "htmx.org";
import { all, one, typing } from "./dom.js";
import type { LiveEvent } from "./live.js";

const COUNT_AFTER_MS = 800;
const QUEUES_AFTER_MS = 3000;
/** An event of one's own step arrives about when its answer does. */
const OWN_FOR_MS = 15_000;

const own = new Map<number, number>();
const unseen = new Set<number>();
let counting = 0;
let counted = 0;

function picks(): HTMLInputElement[] {
  return all<HTMLInputElement>("#queue [data-select]");
}

function showChosen(): void {
  const bar = one("[data-chosen]");
  if (!bar) return;
  const count = picks().filter((pick) => pick.checked).length;
  bar.hidden = count === 0;
  const words = one("[data-chosen-words]", bar);
  if (words) words.textContent = (words.dataset.chosenWords ?? "%s").replace("%s", String(count));
}

function chooseNone(): void {
  for (const pick of picks()) pick.checked = false;
  showChosen();
}

/** X chooses the row under the cursor, else the open one. */
function choose(): boolean {
  const rows = all("[data-row]");
  const row =
    rows.find((candidate) => candidate === document.activeElement) ??
    rows.find((candidate) => candidate.dataset.selected !== undefined) ??
    rows.find((candidate) => candidate.hasAttribute("aria-current"));
  const pick = row?.closest("li")?.querySelector<HTMLInputElement>("[data-select]");
  if (!pick) return false;
  pick.checked = !pick.checked;
  showChosen();
  return true;
}

function recount(): void {
  window.clearTimeout(counted);
  counted = window.setTimeout(() => {
    if (one("#queues")) htmx.trigger("#queues", "huying:counts", {});
  }, QUEUES_AFTER_MS);
}

/** Asks how many of the unseen cases belong to this list; only those wait behind the bar. */
async function count(): Promise<void> {
  const queue = one("[data-queue]");
  const bar = queue && one("[data-live-bar]", queue);
  if (!queue || !bar || unseen.size === 0) return;
  const address = new URL(queue.dataset.queueNews ?? "", location.href);
  for (const id of unseen) address.searchParams.append("case", String(id));
  const answer = await fetch(address, { credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return;
  const found = ((await answer.json()) as { count: number }).count;
  bar.dataset.liveCount = String(found);
  bar.textContent = (bar.dataset.liveWords ?? "%s").replace("%s", String(found));
  bar.hidden = found === 0;
}

function tellOpenCase(id: number): void {
  const open = one(`#case [data-case="${id}"]`);
  if (!open) return;
  const address = new URL(open.dataset.caseNews ?? "", location.href);
  address.searchParams.set("since", open.dataset.caseVersion ?? "0");
  void htmx
    .ajax("get", address.pathname + address.search, { target: "#case-news", swap: "innerHTML" })
    .then(() => {
      // Whoever is typing sees it as well, above the form, and loses nothing.
      const words = one("#case-news span")?.textContent;
      const slot = one("dialog[open] [data-act-news]");
      if (!words || !slot) return;
      slot.textContent = words;
      slot.hidden = false;
    });
}

function receive(event: Event): void {
  const id = Number((event as CustomEvent<LiveEvent>).detail.data.case_id);
  if (!Number.isFinite(id)) return;
  recount();
  if (Date.now() - (own.get(id) ?? 0) < OWN_FOR_MS) return;
  tellOpenCase(id);
  const row = one(`#row-${id} [data-row]`);
  if (row) {
    row.dataset.changed = "";
    return;
  }
  unseen.add(id);
  window.clearTimeout(counting);
  counting = window.setTimeout(() => void count(), COUNT_AFTER_MS);
}

/** A part of the answer that belongs elsewhere on the page: put there if that place exists. */
function place(template: HTMLTemplateElement): void {
  const target = one(template.dataset.into ?? "");
  const content = template.content.firstElementChild ? template.content.cloneNode(true) : null;
  template.remove();
  if (!target || !content) return;
  if (template.dataset.intoInner !== undefined) {
    target.replaceChildren(content);
    htmx.process(target);
    return;
  }
  const selected = one("[data-row]", target)?.dataset.selected !== undefined;
  const chosen = one<HTMLInputElement>("[data-select]", target)?.checked ?? false;
  const fresh = (content as DocumentFragment).firstElementChild as HTMLElement;
  target.replaceWith(fresh);
  htmx.process(fresh);
  const row = one("[data-row]", fresh);
  if (row && selected) row.dataset.selected = "";
  const pick = one<HTMLInputElement>("[data-select]", fresh);
  if (pick) pick.checked = chosen;
}

function acted(event: Event): void {
  const detail = (event as CustomEvent<{ ids?: number[]; close?: boolean; reload?: boolean }>).detail;
  for (const id of detail.ids ?? []) own.set(id, Date.now());
  if (detail.close) one<HTMLDialogElement>("#act dialog[open]")?.close();
  if (one("#queues")) htmx.trigger("#queues", "huying:counts", {});
  if (!detail.reload) return;
  chooseNone();
  if (one("#queue")) htmx.trigger("#queue", "huying:refresh", {});
}

export function startQueue(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key.toLowerCase() !== "x" || (typing(event.target) && !isPick(event.target))) return;
    if (choose()) event.preventDefault();
  });
  document.addEventListener("change", (event) => {
    if (isPick(event.target)) showChosen();
  });
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-chosen-none]")) chooseNone();
    if (target?.closest("[data-live-bar]")) unseen.clear();
  });
  document.addEventListener("huying:case", receive);
  document.addEventListener("huying:acted", acted);
  document.addEventListener("htmx:afterSwap", () => {
    for (const template of all<HTMLTemplateElement>("template[data-into]")) place(template);
    showChosen();
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const row = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-row]") : null;
    if (!row) return;
    for (const other of all("[data-row]")) {
      other.removeAttribute("aria-current");
      delete other.dataset.selected;
    }
    row.setAttribute("aria-current", "true");
    row.dataset.selected = "";
    delete row.dataset.changed;
    one(".hy-panes")?.setAttribute("data-open", "case");
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (!(event.target instanceof Element) || event.target.id !== "case") return;
    one("#main")?.scrollTo({ top: 0 });
    const title = one("#case h1")?.textContent;
    if (title) document.title = document.title.replace(/^[^·]*(?=·|$)/, `${title} `);
  });
}

function isPick(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.dataset.select !== undefined;
}
