/** Registers the service worker and tells it which pages and files a grid worker needs without a signal. */
import { all } from "./dom.js";

export function startOffline(): void {
  if (!("serviceWorker" in navigator) || !window.isSecureContext) return;
  void navigator.serviceWorker
    .register("/sw.js")
    .then(() => navigator.serviceWorker.ready)
    .then((registration) => {
      const files = performance
        .getEntriesByType("resource")
        .map((entry) => entry.name)
        .filter((name) => new URL(name).pathname.startsWith("/static/"));
      const pages = all("[data-offline-page]").map((link) => (link as HTMLAnchorElement).href);
      registration.active?.postMessage({ kind: "KEEP", files, pages });
    })
    .catch(() => undefined);
}
