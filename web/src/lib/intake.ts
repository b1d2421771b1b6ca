/** Taking down by telephone: a suggestion, a place found by name, a template's words, each with one click. */
import { all, one } from "./dom.js";

function setPlace(button: HTMLElement): void {
  const picker = one("[data-map-picker]");
  const place = one<HTMLInputElement>("[name=place_text]");
  picker?.dispatchEvent(
    new CustomEvent("huying:set-place", {
      detail: { lon: Number(button.dataset.lon), lat: Number(button.dataset.lat) },
    }),
  );
  if (place && place.value.trim() === "") place.value = button.dataset.name ?? "";
  const list = one("#places");
  list?.replaceChildren();
  const search = one<HTMLInputElement>("#place-search");
  if (search) search.value = button.dataset.name ?? "";
}

export function startIntake(): void {
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const place = target?.closest<HTMLElement>("[data-place]");
    if (place) setPlace(place);
    const value = target?.closest<HTMLElement>("[data-set]");
    const field = value && one<HTMLInputElement | HTMLSelectElement>(value.dataset.set ?? "");
    if (value && field) {
      field.value = value.dataset.value ?? "";
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
  // The place search is a field inside a larger form: Enter takes its first find, not the whole form.
  document.addEventListener("keydown", (event) => {
    const search = event.target;
    if (!(search instanceof HTMLInputElement) || search.id !== "place-search") return;
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      const first = one("#places [data-place]");
      if (first) setPlace(first);
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      one("#places [data-place]")?.focus();
    }
  });
  // Which channel: a scan is asked for where it came on paper.
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || input.name !== "channel") return;
    for (const part of all("[data-channel]")) part.hidden = part.dataset.channel !== input.value;
  });
}
