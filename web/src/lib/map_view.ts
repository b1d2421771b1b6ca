/** `<div data-map data-geojson data-points data-measure>`: grids shaded by one measure, alerts as buttons. */
import { type ExpressionSpecification, type GeoJSONSource, type Map as GlMap, Marker } from "maplibre-gl";
import { enhance, make, one } from "./dom.js";
import {
  type Area,
  type Bounds,
  boundsOf,
  type Collection,
  names,
  type Place,
  stepOf,
  stepsOf,
} from "./map_data.js";
import { canDraw, colour, FONTS, glMap, ramp, townshipLayers, townshipSources } from "./map_gl.js";
import { flatMap, pinOn, placeOf } from "./map_svg.js";
import { legend, note, table } from "./map_words.js";
import { say } from "./words.js";

/** Zoom from which grids say their names. */
const NAMES_FROM = 11.5;
const CHINA: Bounds = [73, 18, 135, 54];

async function load<F>(url: string | undefined): Promise<F[]> {
  if (!url) return [];
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  return ((await answer.json()) as Collection<F>).features;
}

interface Drawing {
  areas: Area[];
  places: Place[];
  measure: string;
  label: string;
  unit: string;
  steps: number[];
}

function measured(area: Area, measure: string): number {
  return Number(area.properties[measure] ?? 0);
}

function alertButton(place: Place, canvas: HTMLElement): HTMLElement {
  const name = String(place.properties.name ?? say("预警"));
  const button = make("button", {
    type: "button",
    class: "hy-map-alert",
    "data-level": String(place.properties.level ?? "OVERDUE"),
    "aria-label": name,
    title: name,
  });
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    note(canvas, [name, place.properties.words].filter(Boolean).join(" · "), place.properties.url);
  });
  return button;
}

function openArea(canvas: HTMLElement, drawing: Drawing, area: Area): void {
  const value = drawing.measure
    ? `${drawing.label} ${measured(area, drawing.measure)}${drawing.unit ? ` ${drawing.unit}` : ""}`
    : "";
  note(canvas, [String(area.properties.name ?? ""), value].filter(Boolean).join(" · "), area.properties.url);
  canvas.dispatchEvent(new CustomEvent("huying:grid", { bubbles: true, detail: area.properties }));
}

function withSteps(drawing: Drawing): Collection<Area> {
  return {
    type: "FeatureCollection",
    features: drawing.areas.map((area, id) => ({
      ...area,
      id,
      properties: { ...area.properties, hy_step: stepOf(measured(area, drawing.measure), drawing.steps) },
    })),
  };
}

function shade(): ExpressionSpecification {
  const [first = "", ...rest] = ramp();
  return [
    "step",
    ["get", "hy_step"],
    first,
    ...rest.flatMap((tone, step) => [step + 1, tone]),
  ] as ExpressionSpecification;
}

/** Names are dark on the pale steps and pale on the dark ones, whichever theme. */
function lettering(): ExpressionSpecification {
  return ["step", ["get", "hy_step"], colour("--hy-ink"), 4, colour("--hy-paper")];
}

function drawGl(canvas: HTMLElement, drawing: Drawing, bounds: Bounds): GlMap {
  // Without a measure nothing is shaded: the lines alone show where a grid ends.
  const lines = drawing.measure ? "--hy-paper" : "--hy-line-2";
  const map = glMap(canvas, bounds, `${drawing.label} ${say("网格图")}`.trim(), {
    version: 8,
    sources: {
      grids: { type: "geojson", data: withSteps(drawing) },
      names: { type: "geojson", data: names(withSteps(drawing).features) },
      ...townshipSources(drawing.areas),
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colour("--hy-ground") } },
      { id: "shade", type: "fill", source: "grids", paint: { "fill-color": shade() } },
      {
        id: "lines",
        type: "line",
        source: "grids",
        paint: { "line-color": colour(lines), "line-width": 1 },
      },
      ...townshipLayers(NAMES_FROM),
      {
        id: "names",
        type: "symbol",
        source: "names",
        minzoom: NAMES_FROM,
        layout: {
          "text-field": ["coalesce", ["get", "short_name"], ["get", "name"]],
          "text-size": 12,
          "text-font": FONTS,
        },
        paint: { "text-color": lettering() },
      },
    ],
  });
  map.on("click", "shade", (event) => {
    const id = event.features?.[0]?.id;
    const area = typeof id === "number" ? drawing.areas[id] : undefined;
    if (area) openArea(canvas, drawing, area);
  });
  map.on("mouseenter", "shade", () => {
    map.getCanvas().style.cursor = "pointer";
  });
  map.on("mouseleave", "shade", () => {
    map.getCanvas().style.cursor = "";
  });
  for (const place of drawing.places) {
    new Marker({ element: alertButton(place, canvas) }).setLngLat(placeOf(place)).addTo(map);
  }
  const tint = () => {
    map.setPaintProperty("ground", "background-color", colour("--hy-ground"));
    map.setPaintProperty("shade", "fill-color", shade());
    map.setPaintProperty("lines", "line-color", colour(lines));
    map.setPaintProperty("names", "text-color", lettering());
    map.setPaintProperty("borders", "line-color", colour("--hy-line-2"));
    map.setPaintProperty("townships", "text-color", colour("--hy-ink"));
    map.setPaintProperty("townships", "text-halo-color", colour("--hy-paper"));
  };
  document.addEventListener("huying:theme", () => {
    // While it is still loading a map takes no colours.
    if (map.isStyleLoaded()) tint();
    else map.once("idle", tint);
  });
  return map;
}

function drawFlat(canvas: HTMLElement, drawing: Drawing, bounds: Bounds): void {
  const fill = (area: Area) => `var(--hy-ramp-${stepOf(measured(area, drawing.measure), drawing.steps)})`;
  const map = flatMap(canvas, bounds, drawing.areas, fill, (area) => openArea(canvas, drawing, area));
  for (const place of drawing.places) pinOn(map, canvas, alertButton(place, canvas), placeOf(place));
}

async function draw(host: HTMLElement, canvas: HTMLElement): Promise<void> {
  const [areas, places] = await Promise.all([
    load<Area>(host.dataset.geojson),
    load<Place>(host.dataset.points),
  ]);
  const read = (): Drawing => {
    const measure = host.dataset.measure ?? "";
    const steps = measure ? stepsOf(areas.map((area) => measured(area, measure))) : [];
    return {
      areas,
      places,
      measure,
      label: host.dataset.measureLabel ?? "",
      unit: host.dataset.unit ?? "",
      steps,
    };
  };
  const bounds = boundsOf(areas) ?? CHINA;
  let drawing = read();
  const describe = () => {
    legend(canvas, drawing.steps, drawing.label, drawing.unit, places);
    table(host, drawing.areas, drawing.places, drawing.measure, drawing.label, drawing.unit);
  };
  const map = canDraw() ? drawGl(canvas, drawing, bounds) : null;
  if (!map) drawFlat(canvas, drawing, bounds);
  describe();
  // Another measure: the page changes data-measure and data-measure-label, nothing is fetched again.
  new MutationObserver(() => {
    drawing = read();
    if (map) {
      const grids = withSteps(drawing);
      map.getSource<GeoJSONSource>("grids")?.setData(grids);
      map.getSource<GeoJSONSource>("names")?.setData(names(grids.features));
    } else {
      canvas.replaceChildren();
      drawFlat(canvas, drawing, bounds);
    }
    describe();
  }).observe(host, { attributes: true, attributeFilter: ["data-measure", "data-measure-label"] });
}

export function startMaps(): void {
  enhance<HTMLElement>("[data-map]", (host) => {
    const canvas = one("[data-map-canvas]", host);
    if (!canvas) return;
    draw(host, canvas).catch(() => note(canvas, say("地图没有加载出来，下面的表格里有同样的内容。")));
  });
  // A chip that shades the map by another measure: data-map-measure, data-map-label, data-map-unit.
  document.addEventListener("click", (event) => {
    const chip =
      event.target instanceof Element ? event.target.closest<HTMLElement>("[data-map-measure]") : null;
    const host = chip && one("[data-map]");
    if (!chip || !host) return;
    for (const other of document.querySelectorAll("[data-map-measure]"))
      other.setAttribute("aria-pressed", String(other === chip));
    host.dataset.unit = chip.dataset.mapUnit ?? "";
    host.dataset.measureLabel = chip.dataset.mapLabel ?? chip.textContent?.trim() ?? "";
    host.dataset.measure = chip.dataset.mapMeasure ?? "";
  });
}
