/**
 * Receipts this telephone remembers: handed in here, or put here on purpose. They never leave it, and each can be
 * forgotten: a telephone is often shared.
 */
import { all, enhance, make, one } from "./dom.js";
import { toast } from "./toast.js";
import { say } from "./words.js";

const STORE = "huying.receipts";
const MOST = 20;

export interface KeptReceipt {
  receipt: string;
  title: string;
  /** When it was handed in, ISO 8601. */
  at: string;
}

/** The list with this one in front, each receipt once, the oldest dropped beyond `most`. */
export function remembered(
  list: readonly KeptReceipt[],
  added: KeptReceipt,
  most: number = MOST,
): KeptReceipt[] {
  return [added, ...list.filter((one) => one.receipt !== added.receipt)].slice(0, most);
}

function read(): KeptReceipt[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(STORE) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one?.receipt === "string") : [];
  } catch {
    return [];
  }
}

function write(list: KeptReceipt[]): boolean {
  try {
    localStorage.setItem(STORE, JSON.stringify(list));
    return true;
  } catch {
    return false;
  }
}

function display(receipt: string): string {
  return receipt.replace(/(.{4})(?=.)/g, "$1-");
}

/** `[data-receipt-keep]` on the receipt page: a button, or with data-now at once. */
function keeper(button: HTMLElement): void {
  const { receipt = "", title = "", at = "" } = button.dataset;
  const known = () => read().some((one) => one.receipt === receipt);
  const draw = () => {
    button.hidden = false;
    const words = one("span", button) ?? button;
    words.textContent = (known() ? button.dataset.wordsForget : button.dataset.wordsKeep) ?? "";
    button.setAttribute("aria-pressed", String(known()));
  };
  if (button.dataset.now !== undefined) write(remembered(read(), { receipt, title, at }));
  draw();
  button.addEventListener("click", () => {
    if (known()) write(read().filter((one) => one.receipt !== receipt));
    else if (!write(remembered(read(), { receipt, title, at }))) toast(say("这台手机存不下，请截屏保存。"));
    draw();
  });
}

/** `[data-kept-receipts]` under 我的进度: the list, with how each stands where that can be asked. */
function lister(host: HTMLElement): void {
  const list = one("[data-kept-list]", host);
  const address = host.dataset.address ?? "/r/CODE/";
  const state = host.dataset.state ?? "";
  if (!list) return;
  const draw = () => {
    const kept = read();
    host.hidden = kept.length === 0;
    list.replaceChildren(
      ...kept.map((entry) => {
        const words = make("span", { class: "hy-grow" }, entry.title || display(entry.receipt));
        const small = make("small", {}, display(entry.receipt));
        words.append(small);
        const link = make(
          "a",
          { class: "hy-cell hy-grow", href: address.replace("CODE", entry.receipt) },
          words,
        );
        const forget = make("button", {
          class: "hy-icon-btn",
          type: "button",
          "aria-label": say("忘掉 %s", entry.title || display(entry.receipt)),
        });
        forget.append("×");
        forget.addEventListener("click", () => {
          const before = read();
          write(before.filter((one) => one.receipt !== entry.receipt));
          draw();
          toast(say("这台手机不再记着它，事情照常办。"), () => {
            write(before);
            draw();
          });
        });
        if (state) void ask(state.replace("CODE", entry.receipt), small);
        return make("li", { class: "hy-row" }, link, forget);
      }),
    );
  };
  draw();
}

async function ask(address: string, slot: HTMLElement): Promise<void> {
  const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return;
  const { headline } = (await answer.json().catch(() => ({}))) as { headline?: string };
  if (headline) slot.textContent = headline;
}

export function startKeptReceipts(): void {
  enhance<HTMLElement>("[data-receipt-keep]", keeper);
  enhance<HTMLElement>("[data-kept-receipts]", lister);
  for (const badge of all("[data-kept-count]")) {
    const count = read().length;
    if (count > 0) badge.textContent = (badge.dataset.keptCount ?? "").replace("%s", String(count));
  }
  // What the outbox sends later, when nobody looks, still leaves its receipt here.
  document.addEventListener("huying:sent", (event) => {
    const { next, label } = (event as CustomEvent<{ next: string; label: string }>).detail;
    const found = /\/r\/([0-9A-Z]{12})\/\?new=1/.exec(next ?? "");
    if (!found?.[1]) return;
    write(remembered(read(), { receipt: found[1], title: label, at: new Date().toISOString() }));
  });
}
