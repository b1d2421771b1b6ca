/**
 * A long form as one thing a screen: `<form data-steps>` holds `<section data-step="name">` in order. Without script
 * it is one long page. What is typed is kept for this tab, so that a browser that dies over the camera loses no words.
 */
import { all, enhance, make, one } from "./dom.js";
import { say } from "./words.js";

const DRAFT = "huying.report-draft";
const MOST_SUGGESTIONS = 4;

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

function fields(form: HTMLFormElement): Field[] {
  return all<Field & HTMLElement>("input[name], textarea[name], select[name]", form).filter(
    (field) => !(field instanceof HTMLInputElement && ["file", "password"].includes(field.type)),
  );
}

class Steps {
  private readonly steps: HTMLElement[];
  private at = 0;
  /** Steps taken forward on this page, which the browser's own "back" can take back. */
  private depth = 0;

  constructor(private readonly form: HTMLFormElement) {
    this.steps = all("[data-step]", form);
    const wrong = this.steps.findIndex((step) => one(".hy-field-error:not([hidden])", step));
    if (wrong < 0 && !one("[data-error-summary]")) this.restore();
    for (const link of all<HTMLAnchorElement>(".hy-errors a[href^='#']")) {
      link.addEventListener("click", () => this.showField(link.hash));
    }
    for (const next of all("[data-step-next]", form)) next.addEventListener("click", () => this.next());
    for (const edit of all("[data-step-edit]", form)) {
      edit.addEventListener("click", () => this.go(this.indexOf(edit.dataset.stepEdit ?? "")));
    }
    form.addEventListener("input", () => this.keep());
    form.addEventListener("change", () => this.keep());
    form.addEventListener("huying:kept", () => this.wait());
    form.addEventListener("keydown", (event) => {
      // Enter in a line is "next", never a report sent half finished.
      const target = event.target;
      if (event.key !== "Enter" || !(target instanceof HTMLInputElement)) return;
      if (["submit", "button", "checkbox", "radio"].includes(target.type) || this.last) return;
      event.preventDefault();
      this.next();
    });
    window.addEventListener("popstate", () => {
      this.depth = Math.max(0, this.depth - 1);
      if (this.form.isConnected) this.show(this.indexOf(location.hash.slice(1)));
    });
    one("[data-step-back]")?.addEventListener("click", (event) => {
      if (!this.form.isConnected || this.at === 0) return;
      event.preventDefault();
      if (this.depth > 0) history.back();
      else this.show(this.at - 1);
    });
    form.dataset.ready = "";
    const wanted = this.indexOf(location.hash.slice(1));
    this.show(wrong >= 0 ? wrong : wanted, false);
  }

  private get last(): boolean {
    return this.at === this.steps.length - 1;
  }

  private indexOf(name: string): number {
    return Math.max(
      0,
      this.steps.findIndex((step) => step.dataset.step === name),
    );
  }

  private showField(hash: string): void {
    const field = hash.length > 1 ? this.form.querySelector(hash) : null;
    const step = field?.closest<HTMLElement>("[data-step]");
    if (step) this.go(this.steps.indexOf(step));
    if (field instanceof HTMLElement) field.focus();
  }

  private next(): void {
    const problem = this.missing();
    const slot = one("[data-step-problem]", this.steps[this.at]);
    if (slot) {
      slot.textContent = problem;
      slot.hidden = problem === "";
    }
    if (problem) {
      one("textarea, input:not([type=hidden])", this.steps[this.at])?.focus();
      return;
    }
    this.go(this.at + 1);
  }

  private missing(): string {
    const step = this.steps[this.at];
    if (!step?.dataset.words) return "";
    const words = one<HTMLTextAreaElement>("textarea", step)?.value.trim() ?? "";
    return words || this.photos() > 0 ? "" : step.dataset.words;
  }

  private photos(): number {
    return all<HTMLInputElement>("input[type=file]", this.form).reduce(
      (sum, input) => sum + (input.files?.length ?? 0),
      0,
    );
  }

  private go(to: number): void {
    const step = this.steps[to];
    if (!step || to === this.at) return;
    history.pushState(null, "", `#${step.dataset.step}`);
    this.depth += 1;
    this.show(to);
  }

  private show(to: number, focus = true): void {
    this.at = Math.min(Math.max(to, 0), this.steps.length - 1);
    this.steps.forEach((step, position) => {
      step.toggleAttribute("data-current", position === this.at);
      step.hidden = position !== this.at;
    });
    const step = this.steps[this.at];
    if (!step) return;
    this.unfold(step);
    for (const next of all("[data-step-next]", this.form)) next.hidden = this.last;
    for (const send of all("[data-step-send]", this.form)) send.hidden = !this.last;
    if (this.last) {
      this.sum();
      void this.before();
    }
    if (focus) {
      window.scrollTo({ top: 0 });
      one("[data-step-title]", step)?.focus({ preventScroll: true });
    }
  }

  /** A map is drawn when its step is first seen: before that it has no size, and costs nothing. */
  private unfold(step: HTMLElement): void {
    const template = one<HTMLTemplateElement>("template[data-step-template]", step);
    if (!template) return;
    const content = template.content.cloneNode(true) as DocumentFragment;
    const host = make("div", {});
    host.append(content);
    template.replaceWith(host);
    const [lon, lat] = [this.input("lon"), this.input("lat")];
    const pin = [one<HTMLInputElement>("[data-lon]", host), one<HTMLInputElement>("[data-lat]", host)];
    if (pin[0] && lon) pin[0].value = lon.value;
    if (pin[1] && lat) pin[1].value = lat.value;
    host.addEventListener("huying:place", (event) => {
      const place = (event as CustomEvent<{ lon: number; lat: number }>).detail;
      if (lon) lon.value = String(place.lon);
      if (lat) lat.value = String(place.lat);
      this.keep();
    });
    // Where the telephone is, is another thing than where the matter is.
    one("[data-map-here]", host)?.addEventListener("click", () => this.here(pin));
    host.dispatchEvent(new CustomEvent("htmx:load", { bubbles: true }));
  }

  private here(pin: (HTMLInputElement | null)[]): void {
    navigator.geolocation?.getCurrentPosition(
      ({ coords }) => {
        const [lon, lat] = [coords.longitude.toFixed(6), coords.latitude.toFixed(6)];
        this.put("phone_lon", lon);
        this.put("phone_lat", lat);
        // Tapped before the map was there: the place counts all the same, the map reads it when it comes.
        if (pin[0]?.value === "" && pin[1]) {
          pin[0].value = lon;
          pin[1].value = lat;
          this.put("lon", lon);
          this.put("lat", lat);
          this.keep();
        }
      },
      () => undefined,
      { timeout: 10_000, maximumAge: 60_000 },
    );
  }

  private put(name: string, value: string): void {
    const input = this.input(name);
    if (input) input.value = value;
  }

  private input(name: string): HTMLInputElement | null {
    return this.form.querySelector<HTMLInputElement>(`input[type=hidden][name="${name}"]`);
  }

  /** What will be sent, each with its way back. */
  private sum(): void {
    const data = new FormData(this.form);
    const text = (name: string) => String(data.get(name) ?? "").trim();
    const category = one(`input[name=category][value="${CSS.escape(text("category"))}"]`, this.form);
    const mapped = text("lon") ? (one("[data-map-place]", this.form)?.textContent ?? "").trim() : "";
    const person = text("who") === "OTHER" ? [text("other_name"), text("other_phone")] : [];
    const values: Record<string, string> = {
      photos: this.photos() > 0 ? say("%s 张", this.photos()) : "",
      place: [text("place_text"), mapped].filter(Boolean).join("；"),
      text: text("text"),
      category: text("category") ? (category?.closest("label")?.textContent?.trim() ?? "") : "",
      contact: [...person, text("name"), text("phone")].filter(Boolean).join(" "),
      secret: data.has("secret") ? say("对外保密") : "",
    };
    for (const slot of all("[data-step-value]", this.form)) {
      slot.textContent = values[slot.dataset.stepValue ?? ""] || (slot.dataset.none ?? "");
    }
  }

  /** Who will answer, and neighbours who said the same; never in the way of sending. */
  private async before(): Promise<void> {
    const slot = one("[data-step-before]", this.form);
    if (!slot) return;
    const data = new FormData(this.form);
    const asked = new URLSearchParams();
    const category = String(data.get("category") ?? "");
    const [lon, lat] = [Number(data.get("lon") || Number.NaN), Number(data.get("lat") || Number.NaN)];
    if (category) asked.set("category", category);
    // Ten metres are enough to find a neighbour.
    if (Number.isFinite(lon) && Number.isFinite(lat)) {
      asked.set("lon", lon.toFixed(4));
      asked.set("lat", lat.toFixed(4));
    }
    const answer = await fetch(`${slot.dataset.stepBefore}?${asked}`, { credentials: "same-origin" }).catch(
      () => null,
    );
    const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
    slot.replaceChildren(...(page ? [...page.body.childNodes] : []));
  }

  private keep(): void {
    try {
      const values = fields(this.form)
        .filter((field) => field.name !== "csrfmiddlewaretoken" && !field.name.startsWith("picked_"))
        .filter((field) => !(field instanceof HTMLInputElement && field.type === "radio" && !field.checked))
        .map((field) => [
          field.name,
          field instanceof HTMLInputElement && field.type === "checkbox" ? field.checked : field.value,
        ]);
      sessionStorage.setItem(DRAFT + this.form.action, JSON.stringify(values));
    } catch {
      // A full or forbidden store: the form still works.
    }
  }

  private restore(): void {
    let values: [string, string | boolean][] = [];
    try {
      values = JSON.parse(sessionStorage.getItem(DRAFT + this.form.action) ?? "[]");
    } catch {
      return;
    }
    for (const [name, value] of values) {
      for (const field of fields(this.form).filter((each) => each.name === name)) {
        if (field instanceof HTMLInputElement && field.type === "radio")
          field.checked = field.value === value;
        else if (field instanceof HTMLInputElement && field.type === "checkbox")
          field.checked = value === true;
        else field.value = String(value);
      }
    }
  }

  /** Kept by the outbox: nothing more to do here but wait for a signal. */
  private wait(): void {
    forgetDraft(this.form.action);
    const notice = one("[data-step-kept]");
    if (!notice) return;
    notice.hidden = false;
    this.form.hidden = true;
    notice.focus();
  }
}

function forgetDraft(action: string): void {
  try {
    sessionStorage.removeItem(DRAFT + action);
  } catch {
    // As above.
  }
}

/** Of the categories, those whose keywords stand in the text; the one with the most of them first. */
export function matching(text: string, keywords: readonly (readonly string[])[]): number[] {
  return keywords
    .map((words, position) => ({
      position,
      weight: words.reduce((sum, word) => sum + (word && text.includes(word) ? word.length : 0), 0),
    }))
    .filter((found) => found.weight > 0)
    .sort((a, b) => b.weight - a.weight || a.position - b.position)
    .map((found) => found.position);
}

/** Categories the words speak of are put in front, to be tapped; the choice stays the person's. */
function suggest(field: HTMLElement): void {
  const form = field.closest("form");
  const list = one("[data-category-suggestions]", field);
  const text = form?.querySelector<HTMLTextAreaElement>("textarea[name=text]");
  if (!form || !list || !text) return;
  const radios = all<HTMLInputElement & HTMLElement>("input[name=category][data-keywords]", field);
  const keywords = radios.map((radio) => (radio.dataset.keywords ?? "").split(" ").filter(Boolean));
  const draw = () => {
    const checked = radios.find((radio) => radio.checked);
    const found = matching(text.value, keywords)
      .slice(0, MOST_SUGGESTIONS)
      .map((position) => radios[position])
      .filter((radio) => radio !== undefined);
    if (checked && !found.includes(checked)) found.unshift(checked);
    list.replaceChildren(
      ...found.map((radio) => {
        const label = radio.closest("label")?.textContent?.trim() ?? "";
        const chip = make(
          "button",
          { type: "button", class: "hy-chip", "aria-pressed": String(radio.checked) },
          label,
        );
        chip.addEventListener("click", () => {
          radio.checked = true;
          radio.dispatchEvent(new Event("change", { bubbles: true }));
        });
        return chip;
      }),
    );
    list.parentElement?.toggleAttribute("hidden", found.length === 0);
  };
  text.addEventListener("input", draw);
  field.addEventListener("change", draw);
  draw();
}

/** `[data-phrase]`: tapped instead of typed, put behind what is written already. */
function phrases(button: HTMLElement): void {
  const field = button.closest(".hy-field")?.querySelector<HTMLTextAreaElement>("textarea, input[type=text]");
  if (!field) return;
  button.addEventListener("click", () => {
    const words = button.dataset.phrase ?? "";
    if (field.value.includes(words)) return;
    field.value = field.value.trim() ? `${field.value.trim()}，${words}` : words;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

/** Fields that matter only for one answer: `[data-shown-when="who=OTHER"]`. */
function shown(part: HTMLElement): void {
  const form = part.closest("form");
  const [name, wanted] = (part.dataset.shownWhen ?? "").split("=");
  if (!form || !name) return;
  const draw = () => {
    part.hidden = new FormData(form).get(name) !== wanted;
  };
  form.addEventListener("change", draw);
  draw();
}

export function startReportSteps(): void {
  enhance<HTMLFormElement>("form[data-steps]", (form) => void new Steps(form));
  enhance<HTMLElement>("[data-category-field]", suggest);
  enhance<HTMLElement>("[data-phrase]", phrases);
  enhance<HTMLElement>("[data-shown-when]", shown);
  document.addEventListener("huying:sent", (event) => {
    const { action } = (event as CustomEvent<{ action: string }>).detail;
    if (action) forgetDraft(action);
  });
}
