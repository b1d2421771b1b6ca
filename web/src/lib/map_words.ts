/** What a map says in words: its table, its legend. The table holds everything the map shows. */
import { make, one } from "./dom.js";
import type { Area, Place } from "./map_data.js";
import { say } from "./words.js";

const text = (value: unknown): string => (value === undefined || value === null ? "" : String(value));

function linked(words: string, url: unknown): Node {
  return url ? make("a", { href: text(url) }, words) : document.createTextNode(words);
}

export function table(
  host: HTMLElement,
  areas: Area[],
  places: Place[],
  measure: string,
  label: string,
  unit: string,
): void {
  const slot = one("[data-map-table]", host);
  if (!slot) return;
  const body = make("tbody");
  for (const place of places) {
    body.append(
      make(
        "tr",
        {},
        make("td", {}, linked(text(place.properties.name), place.properties.url)),
        make("td", {}, text(place.properties.words) || say("预警")),
      ),
    );
  }
  const sorted = [...areas].sort(
    (a, b) => Number(b.properties[measure] ?? 0) - Number(a.properties[measure] ?? 0),
  );
  for (const area of measure ? sorted : []) {
    const value = `${text(area.properties[measure] ?? 0)}${unit ? ` ${unit}` : ""}`;
    body.append(
      make(
        "tr",
        {},
        make("td", {}, linked(text(area.properties.name), area.properties.url)),
        make("td", { class: "hy-num" }, value),
      ),
    );
  }
  const head = make(
    "thead",
    {},
    make(
      "tr",
      {},
      make("th", { scope: "col" }, say("名称")),
      make("th", { scope: "col" }, label || say("数值")),
    ),
  );
  slot.replaceChildren(make("table", { class: "hy-table" }, head, body));
}

/** What the shades mean, and beneath it what each shape of point means (`kind` of its places). */
export function legend(
  canvas: HTMLElement,
  steps: number[],
  label: string,
  unit: string,
  places: readonly Place[] = [],
): void {
  one(".hy-map-legend", canvas)?.remove();
  if (!label) return;
  const list = make("ol", {}, make("li", { "data-step": "0" }, "0"));
  steps.forEach((limit, position) => {
    const next = steps[position + 1];
    const last = next === undefined ? undefined : Number.isInteger(limit) ? next - 1 : next;
    const words = last === undefined ? `≥${limit}` : last <= limit ? `${limit}` : `${limit}–${last}`;
    list.append(make("li", { "data-step": String(position + 1 + (5 - steps.length)) }, words));
  });
  const kinds = new Map(
    places
      .filter(({ properties }) => properties.kind)
      .map(({ properties }) => [text(properties.kind), text(properties.level)]),
  );
  const marks = [...kinds].map(([kind, level]) => make("span", { "data-level": level }, kind));
  canvas.append(
    make(
      "div",
      { class: "hy-map-legend" },
      make("strong", {}, unit ? `${label}（${unit}）` : label),
      list,
      ...(marks.length ? [make("p", { class: "hy-map-marks" }, ...marks)] : []),
    ),
  );
}

export function note(canvas: HTMLElement, words: string, url?: unknown): void {
  const box = one(".hy-map-note", canvas) ?? make("div", { class: "hy-map-note", role: "status" });
  box.replaceChildren(linked(words, url));
  canvas.append(box);
}
