/** MapLibre set up for our pages: its worker from our own address, no tiles, no glyph server, Chinese controls. */
import {
  Map as GlMap,
  type LayerSpecification,
  NavigationControl,
  type SourceSpecification,
  type StyleSpecification,
  setWorkerUrl,
} from "maplibre-gl";
import { meta } from "./dom.js";
import { type Area, type Bounds, borders, townships } from "./map_data.js";
import { say } from "./words.js";

const PADDING = 24;

/** Names on the map, drawn with the fonts of the device: there is no glyph server. */
export const FONTS = [
  "PingFang SC",
  "HarmonyOS Sans SC",
  "MiSans",
  "Microsoft YaHei",
  "Noto Sans CJK SC",
  "sans-serif",
];

export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function ramp(): string[] {
  return [0, 1, 2, 3, 4, 5].map((step) => colour(`--hy-ramp-${step}`));
}

/** Outlines and names of townships: what a map of the whole county is read by. */
export function townshipSources(areas: readonly Area[]): Record<string, SourceSpecification> {
  return {
    borders: {
      type: "geojson",
      data: {
        type: "Feature",
        geometry: { type: "MultiLineString", coordinates: borders(areas) },
        properties: {},
      },
    },
    townships: { type: "geojson", data: townships(areas) },
  };
}

/** Their layers; from zoom `until` on the grids say their own names. */
export function townshipLayers(until: number): LayerSpecification[] {
  return [
    {
      id: "borders",
      type: "line",
      source: "borders",
      layout: { "line-cap": "round" },
      paint: { "line-color": colour("--hy-line-2"), "line-width": 1.5 },
    },
    {
      id: "townships",
      type: "symbol",
      source: "townships",
      maxzoom: until,
      layout: { "text-field": ["get", "name"], "text-size": 13, "text-font": FONTS },
      paint: {
        "text-color": colour("--hy-ink"),
        "text-halo-color": colour("--hy-paper"),
        "text-halo-width": 2,
      },
    },
  ];
}

/** Whether this browser can draw with WebGL 2; without it the flat map stands in. */
export function canDraw(): boolean {
  try {
    return document.createElement("canvas").getContext("webgl2") !== null;
  } catch {
    return false;
  }
}

export function glMap(
  container: HTMLElement,
  bounds: Bounds,
  label: string,
  style: StyleSpecification,
): GlMap {
  setWorkerUrl(new URL(meta("hy-map-worker"), location.href).href);
  const map = new GlMap({
    container,
    style,
    bounds,
    fitBoundsOptions: { padding: PADDING },
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    cooperativeGestures: false,
    locale: {
      "Map.Title": label,
      "NavigationControl.ZoomIn": say("放大"),
      "NavigationControl.ZoomOut": say("缩小"),
    },
    fadeDuration: 0,
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  return map;
}
