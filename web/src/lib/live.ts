/** Live updates: one EventSource, resumed by Last-Event-ID; counts wait in a bar, no row ever moves by itself. */
import htmx from "htmx.org";
import { all, meta } from "./dom.js";

const KINDS = ["notice", "case"] as const;
const MOST_SHOWN = 99;
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 60_000;

export interface LiveEvent {
  kind: (typeof KINDS)[number];
  id: string;
  data: Record<string, unknown>;
}

/** The last event this page has seen. A new page was just rendered and holds all before it. */
let lastId = "";

function remember(id: string): void {
  if (id) lastId = id;
}

function showUnread(change: number, absolute?: number): void {
  for (const badge of all("[data-inbox-count]")) {
    const now = absolute ?? Number.parseInt(badge.textContent ?? "0", 10) + change;
    badge.textContent = now > MOST_SHOWN ? `${MOST_SHOWN}+` : String(now);
    badge.hidden = now <= 0;
  }
}

function countInBars(kind: string): void {
  for (const bar of all("[data-live-bar]")) {
    if (!(bar.dataset.liveKinds ?? "").split(" ").includes(kind)) continue;
    const count = Number(bar.dataset.liveCount ?? 0) + 1;
    bar.dataset.liveCount = String(count);
    bar.textContent = (bar.dataset.liveWords ?? "%s").replace("%s", String(count));
    bar.hidden = false;
  }
}

/** After a connection or a gap the server says how things stand: unread in all, and whether lists have changed. */
function synchronise(message: MessageEvent<string>): void {
  let data: { unread?: number; reload?: boolean };
  try {
    data = JSON.parse(message.data) as typeof data;
  } catch {
    return;
  }
  if (typeof data.unread === "number") showUnread(0, data.unread);
  if (!data.reload) return;
  for (const bar of all("[data-live-bar]")) {
    bar.textContent = bar.dataset.liveChanged ?? "";
    bar.hidden = false;
  }
}

function receive(kind: LiveEvent["kind"], message: MessageEvent<string>): void {
  remember(message.lastEventId);
  let data: Record<string, unknown>;
  try {
    data = JSON.parse(message.data) as Record<string, unknown>;
  } catch {
    return;
  }
  if (kind === "notice") showUnread(1);
  countInBars(kind);
  const detail: LiveEvent = { kind, id: message.lastEventId, data };
  document.dispatchEvent(new CustomEvent(`huying:${kind}`, { detail }));
}

function connect(url: string, pause = FIRST_PAUSE_MS): void {
  const address = new URL(url, location.href);
  // The browser resends Last-Event-ID when it reconnects by itself; when we do, the address says it.
  if (lastId) address.searchParams.set("last_event_id", lastId);
  const source = new EventSource(address, { withCredentials: true });
  let next = pause;
  source.addEventListener("open", () => {
    next = FIRST_PAUSE_MS;
  });
  for (const kind of KINDS)
    source.addEventListener(kind, (event) => receive(kind, event as MessageEvent<string>));
  source.addEventListener("sync", (event) => synchronise(event as MessageEvent<string>));
  source.addEventListener("error", () => {
    // readyState CONNECTING: the browser retries by itself. CLOSED: the answer was an error, we try later.
    if (source.readyState !== EventSource.CLOSED) return;
    window.setTimeout(() => connect(url, Math.min(next * 2, LONGEST_PAUSE_MS)), next);
  });
  window.addEventListener("pagehide", () => source.close(), { once: true });
}

export function startLive(): void {
  document.addEventListener("click", (event) => {
    const bar = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-live-bar]") : null;
    if (!bar) return;
    bar.hidden = true;
    bar.dataset.liveCount = "0";
    const target = bar.dataset.liveTarget ? document.querySelector(bar.dataset.liveTarget) : null;
    if (target) htmx.trigger(target, "huying:refresh", {});
    else location.reload();
  });
  const url = meta("hy-live-url");
  if (!url || !("EventSource" in window)) return;
  connect(url);
  // A page taken from the back-forward cache has lost its stream.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) connect(url);
  });
}
