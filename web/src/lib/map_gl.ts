/** MapLibre set up for our pages: its worker from our own address, no tiles, no glyph server, Chinese controls. */
import { Map as GlMap, NavigationControl, type StyleSpecification, setWorkerUrl } from "maplibre-gl";
import { meta } from "./dom.js";
import type { Bounds } from "./map_data.js";
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
