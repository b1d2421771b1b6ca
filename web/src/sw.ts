/**
 * The service worker: static files from the phone, grid workers' pages from the net or else from the phone,
 * and the notices that arrive by Web Push. Pages with personal data other than `/work/` are never kept.
 */
declare const self: ServiceWorkerGlobalScope;

const CACHE = "huying-1";
const OFFLINE = "/offline/";
const KEPT_PAGES = /^\/work\//;

interface PushData {
  title?: string;
  body?: string;
  link?: string;
  id?: string | number;
  urgency?: string;
}

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.add(new Request(OFFLINE, { cache: "reload" })))
      .catch(() => undefined)
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("message", (event) => {
  const data = event.data as { kind?: string; files?: string[]; pages?: string[] } | null;
  if (data?.kind === "FORGET") event.waitUntil(forgetPages());
  if (data?.kind !== "KEEP") return;
  const pages = (data.pages ?? []).filter((page) => KEPT_PAGES.test(new URL(page).pathname));
  event.waitUntil(keep([...(data.files ?? []), ...pages]));
});

async function keep(addresses: string[]): Promise<void> {
  const cache = await caches.open(CACHE);
  await Promise.all(
    addresses.map(async (address) => {
      if (new URL(address).pathname.startsWith("/static/") && (await cache.match(address))) return;
      const answer = await fetch(address, { credentials: "same-origin" }).catch(() => null);
      if (answer?.ok && !answer.redirected) await cache.put(address, answer);
    }),
  );
}

/** Signing out takes the kept pages with it. */
async function forgetPages(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const request of await cache.keys()) {
    if (KEPT_PAGES.test(new URL(request.url).pathname)) await cache.delete(request);
  }
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== self.location.origin) return;
  if (event.request.method === "POST" && url.pathname === "/sign-out/") event.waitUntil(forgetPages());
  if (event.request.method !== "GET") return;
  if (url.pathname.startsWith("/static/")) event.respondWith(staticFile(event.request));
  else if (event.request.mode === "navigate") event.respondWith(page(event.request, url));
});

async function staticFile(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  // Only names with a hash are surely the same for ever.
  const hashed = /\.[0-9a-f]{12}\./.test(request.url);
  const kept = await cache.match(request);
  if (kept && hashed) return kept;
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

async function page(request: Request, url: URL): Promise<Response> {
  const cache = await caches.open(CACHE);
  const keepIt = KEPT_PAGES.test(url.pathname);
  try {
    const answer = await fetch(request);
    if (answer.ok && keepIt && !answer.redirected) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept =
      (keepIt && (await cache.match(request, { ignoreVary: true }))) || (await cache.match(OFFLINE));
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("push", (event) => {
  let data: PushData = {};
  try {
    data = (event.data?.json() as PushData | undefined) ?? {};
  } catch {
    data = { body: event.data?.text() ?? "" };
  }
  event.waitUntil(
    self.registration.showNotification(data.title ?? "呼应", {
      body: data.body ?? "",
      icon: "/static/app-icon-192.png",
      badge: "/static/app-icon-192.png",
      lang: "zh-CN",
      tag: data.id === undefined ? "huying" : `huying-${data.id}`,
      requireInteraction: data.urgency === "URGENT" || data.urgency === "EMERGENCY",
      data: { link: data.link ?? "/inbox/" },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { link } = event.notification.data as { link: string };
  const address = new URL(link, self.location.origin);
  if (address.origin !== self.location.origin) return;
  event.waitUntil(
    self.clients.matchAll({ type: "window" }).then((windows) => {
      const open = windows.find((client) => client.url === address.href);
      return open ? open.focus() : self.clients.openWindow(address.href);
    }),
  );
});

export {};
