/**
 * Forms that must not be lost without a signal: `<form data-outbox>` is kept in IndexedDB with its idempotency key
 * and sent at once, or as soon as there is a signal; the quiet bar always says how things stand.
 */

import { openDialog, temporaryDialog } from "./dialog.js";
import { all, enhance, make, meta } from "./dom.js";
import { type BarState, barState, failed, hasRoom, outcome, retried, sendable } from "./outbox_order.js";
import { drop, entries, put, type StoredPost } from "./outbox_store.js";
import { toast } from "./toast.js";
import { say } from "./words.js";

const ROUND_MS = 15_000;
const PATIENCE_MS = 30_000;
const SIGN_IN = "/sign-in/";

interface Sent {
  kind: ReturnType<typeof outcome>;
  response: Response | null;
}

function bodyOf(post: StoredPost): FormData {
  const body = new FormData();
  for (const [name, value] of post.fields) {
    if (name === "csrfmiddlewaretoken") continue;
    body.append(name, value);
  }
  body.set("idempotency_key", post.key);
  return body;
}

async function send(post: StoredPost): Promise<Sent> {
  try {
    const response = await fetch(post.url, {
      method: "POST",
      body: bodyOf(post),
      headers: { "Idempotency-Key": post.key, "X-CSRFToken": meta("csrf-token"), "X-Huying-Outbox": "1" },
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (response.redirected && new URL(response.url).pathname.startsWith(SIGN_IN)) {
      return { kind: "SIGN_IN", response };
    }
    return { kind: outcome(response.status), response };
  } catch {
    return { kind: "LATER", response: null };
  }
}

async function reasonIn(response: Response | null): Promise<string> {
  if (!response) return "";
  try {
    if (response.headers.get("Content-Type")?.includes("json")) {
      const problem = (await response.json()) as { detail?: string; title?: string };
      return problem.detail ?? problem.title ?? "";
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return page.querySelector(".hy-errors li, .hy-field-error, [role=alert], h1")?.textContent?.trim() ?? "";
  } catch {
    return "";
  }
}

/** Where the page goes after this answer: told in a header, so that the next page does not travel twice. */
function nextOf(response: Response | null): string {
  return response?.headers.get("X-Huying-Next") ?? response?.url ?? "";
}

function announce(post: StoredPost, response: Response | null): void {
  const detail = { action: post.url, subject: post.subject, label: post.label, next: nextOf(response) };
  document.dispatchEvent(new CustomEvent("huying:sent", { detail }));
}

async function settle(post: StoredPost, sent: Sent): Promise<void> {
  if (sent.kind === "SENT") {
    await drop(post.key);
    announce(post, sent.response);
  } else if (sent.kind === "REFUSED") {
    await put({ ...post, state: "REFUSED", reason: await reasonIn(sent.response) });
  } else {
    if (sent.kind === "SIGN_IN") toast(say("登录过期了，内容还在手机里。请重新登录，会接着发。"));
    await put(failed(post, Date.now()));
  }
}

/** Sends what may be sent, oldest first, in one tab at a time. */
async function flush(): Promise<void> {
  const round = async () => {
    let count = 0;
    for (let ready = sendable(await entries(), Date.now()); ready.length > 0 && navigator.onLine; ) {
      for (const post of ready) {
        const sent = await send(post);
        await settle(post, sent);
        if (sent.kind === "SENT") count++;
      }
      ready = sendable(await entries(), Date.now());
    }
    if (count === 0) return;
    toast(say("已发出 %s 条。", count));
    // What the page says of a matter just sent is old; a sheet somebody fills in is left alone.
    if (document.querySelector("[data-waits]") && !document.querySelector("dialog[open]")) location.reload();
  };
  if ("locks" in navigator) {
    await navigator.locks.request("huying-outbox", { ifAvailable: true }, async (lock) => {
      if (lock) await round();
    });
  } else await round();
  await showBars();
}

const WORDS: Record<BarState, string> = {
  ONLINE: "online",
  OFFLINE: "offline",
  PENDING: "pending",
  REFUSED: "refused",
};

/** A card or a bar of a matter (`data-outbox-of`) whose step waits here says so, so that nobody takes it twice. */
function markWaiting(posts: readonly StoredPost[]): void {
  const waiting = new Set(posts.filter(({ state }) => state === "WAITING").map(({ subject }) => subject));
  for (const element of all("[data-outbox-of]"))
    element.toggleAttribute("data-waits", waiting.has(element.dataset.outboxOf ?? ""));
}

async function showBars(): Promise<void> {
  const posts = await entries();
  markWaiting(posts);
  const { state, count } = barState(posts, navigator.onLine);
  for (const bar of all("[data-outbox-bar]")) {
    const text = (bar.dataset[WORDS[state]] ?? "").replace("%s", String(count));
    bar.dataset.state = state;
    if (count > 0) {
      const button = make("button", { type: "button", class: "hy-link-btn" }, text);
      button.addEventListener("click", () => void showList());
      bar.replaceChildren(button);
    } else bar.replaceChildren(text);
  }
}

async function showList(): Promise<void> {
  const list = make("ul", { class: "hy-cells" });
  for (const post of (await entries()).sort((a, b) => a.order - b.order)) {
    const refused = post.state === "REFUSED";
    const state = refused ? say("服务器没有接受：%s", post.reason || "—") : say("等信号");
    const again = make("button", { class: "hy-btn", type: "button" }, say("再试一次"));
    again.addEventListener("click", async () => {
      await put(retried(post));
      dialog.close();
      await flush();
    });
    const away = make("button", { class: "hy-btn hy-btn-quiet", type: "button" }, say("不发了"));
    away.addEventListener("click", async () => {
      await drop(post.key);
      dialog.close();
      toast(say("删除"), () => void put(post).then(showBars));
      await showBars();
    });
    const words = make("div", { class: "hy-cell-words" }, post.label, make("small", {}, state));
    list.append(make("li", { class: "hy-cell hy-cell-tall" }, words, again, ...(refused ? [away] : [])));
  }
  const close = make("button", { class: "hy-btn", type: "button", "data-dialog-close": "" }, say("关闭"));
  const dialog = temporaryDialog(say("待发的内容"), list, make("div", { class: "hy-dialog-actions" }, close));
  openDialog(dialog);
}

/** Shows a page that answered a direct submission: the next page, or the same form with its errors. */
async function show(response: Response): Promise<void> {
  if (response.ok) {
    const next = new URL(nextOf(response), location.href);
    const here = next.pathname === location.pathname && next.search === location.search;
    location.assign(next);
    if (here && next.hash) location.reload();
    return;
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const main = page.querySelector("#main");
  const here = document.querySelector("#main");
  if (!main || !here) return;
  const chosen = all<HTMLInputElement>("input[type=file]", here).map(
    (input) => [input.name, input.files] as const,
  );
  here.replaceWith(document.importNode(main, true));
  document.body.dispatchEvent(new CustomEvent("htmx:load", { bubbles: true }));
  // Photographs chosen before stay chosen: no page may ask for them twice.
  for (const [name, files] of chosen) {
    const input = document.querySelector<HTMLInputElement>(
      `#main input[type=file][name="${CSS.escape(name)}"]`,
    );
    if (!input || !files?.length) continue;
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
  document.querySelector<HTMLElement>("[data-error-summary]")?.focus();
}

async function submit(form: HTMLFormElement, submitter: HTMLElement | null): Promise<void> {
  const data = new FormData(form, submitter);
  const given = data.get("idempotency_key");
  const post: StoredPost = {
    key:
      typeof given === "string" && given !== ""
        ? given
        : (crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`),
    order: Date.now(),
    subject: form.dataset.outboxSubject ?? form.action,
    state: "WAITING",
    attempts: 0,
    notBefore: 0,
    url: form.action,
    label: form.dataset.outboxLabel ?? document.title,
    fields: [...data.entries()],
    reason: "",
  };
  const kept = await entries();
  if (!hasRoom(kept)) throw new RangeError("the outbox is full");
  const earlier = kept.some((entry) => entry.subject === post.subject);
  // Kept before anything is tried: a phone that dies now loses nothing.
  await put(post);
  if (navigator.onLine && !earlier) {
    const sent = await send(post);
    if (sent.response && (sent.kind === "SENT" || sent.kind === "REFUSED")) {
      await drop(post.key);
      if (sent.kind === "SENT") announce(post, sent.response);
      await show(sent.response);
      return;
    }
    await settle(post, sent);
  }
  form.dataset.outboxKept = "yes";
  toast(say("已保存在手机里。有信号后会自动再发，您不用重填。"));
  form.dispatchEvent(new CustomEvent("huying:kept", { bubbles: true, detail: { key: post.key } }));
  await showBars();
  const next = form.dataset.outboxNext;
  if (next) window.setTimeout(() => location.assign(next), 1200);
}

export function startOutbox(): void {
  if (!("indexedDB" in window)) return;
  enhance<HTMLFormElement>("form[data-outbox]", (form) => {
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      const button = event.submitter;
      button?.setAttribute("aria-busy", "true");
      // A full or forbidden IndexedDB must not stand in the way: the form then goes the ordinary way, or stays.
      submit(form, button)
        .catch(() => {
          if (navigator.onLine) form.submit();
          else toast(say("手机里存不下了，这一条还没有保存。请不要离开本页，有信号后再提交一次。"));
        })
        .finally(() => {
          button?.removeAttribute("aria-busy");
          delete form.dataset.sending;
        });
    });
  });
  const go = () => void flush().catch(() => undefined);
  window.addEventListener("online", go);
  window.addEventListener("offline", () => void showBars());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") go();
  });
  window.setInterval(go, ROUND_MS);
  go();
}
