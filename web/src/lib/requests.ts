/** htmx and forms: the CSRF token, one submission at a time, errors said in words. */
import htmx from "htmx.org";
import { meta } from "./dom.js";
import { toast } from "./toast.js";
import { say } from "./words.js";

const AGAIN_AFTER_MS = 8000;

export function startRequests(): void {
  htmx.config.includeIndicatorStyles = false;
  htmx.config.allowEval = false;
  // What is shown must act at once: a quick hand presses a key before htmx's pause is over.
  htmx.config.defaultSettleDelay = 0;
  document.addEventListener("htmx:configRequest", (event) => {
    const detail = (event as CustomEvent<{ verb: string; headers: Record<string, string> }>).detail;
    if (detail.verb !== "get") detail.headers["X-CSRFToken"] = meta("csrf-token");
  });
  // A refused form (422) and a lost race (409) answer with a page part that says so: show it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const detail = (event as CustomEvent<{ xhr: XMLHttpRequest; shouldSwap: boolean; isError: boolean }>)
      .detail;
    if ([409, 422].includes(detail.xhr.status) && detail.xhr.responseText) {
      detail.shouldSwap = true;
      detail.isError = false;
    }
  });
  document.addEventListener("htmx:sendError", () => toast(say("没有连上，内容没有丢。请稍后再试。")));
  document.addEventListener("htmx:timeout", () => toast(say("没有连上，内容没有丢。请稍后再试。")));
  document.addEventListener("htmx:responseError", () => toast(say("没有办成，您填的内容都还在。")));

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sending) {
      event.preventDefault();
      return;
    }
    form.dataset.sending = "yes";
    const button = event.submitter;
    button?.setAttribute("aria-busy", "true");
    const free = () => {
      delete form.dataset.sending;
      button?.removeAttribute("aria-busy");
    };
    form.addEventListener("htmx:afterRequest", free, { once: true });
    window.setTimeout(free, AGAIN_AFTER_MS);
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-sending]"))
      delete form.dataset.sending;
  });
}
