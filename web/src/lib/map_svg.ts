/** The same map without WebGL: an SVG. Old phones and remote desktops have no other. */
import { type Area, type Bounds, type Place, type Position, polygons } from "./map_data.js";

const SVG = "http://www.w3.org/2000/svg";
const SPAN = 1000;

export interface FlatMap {
  root: SVGSVGElement;
  toScreen(position: Position): [x: number, y: number];
  toPosition(event: { clientX: number; clientY: number }): Position;
}

/** Draws areas and places into `canvas`; distances are right at the middle of `bounds`. */
export function flatMap(
  canvas: HTMLElement,
  bounds: Bounds,
  areas: readonly Area[],
  fill: (area: Area) => string,
  open: (area: Area) => void,
): FlatMap {
  const [west, south, east, north] = bounds;
  const shrink = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const scale = SPAN / Math.max((east - west) * shrink, north - south, 1e-6);
  const width = Math.max((east - west) * shrink * scale, 1);
  const height = Math.max((north - south) * scale, 1);
  const toScreen = ([lon, lat]: Position): [number, number] => [
    (lon - west) * shrink * scale,
    (north - lat) * scale,
  ];
  const root = document.createElementNS(SVG, "svg");
  root.setAttribute("viewBox", `-20 -20 ${width + 40} ${height + 40}`);
  root.setAttribute("preserveAspectRatio", "xMidYMid meet");
  for (const area of areas) {
    const path = document.createElementNS(SVG, "path");
    const rings = polygons(area).flat();
    path.setAttribute(
      "d",
      rings
        .map(
          (ring) =>
            `M${ring
              .map((p) =>
                toScreen(p)
                  .map((n) => n.toFixed(1))
                  .join(" "),
              )
              .join("L")}Z`,
        )
        .join(""),
    );
    path.setAttribute("class", "hy-map-shape");
    path.setAttribute("fill", fill(area));
    path.setAttribute("fill-rule", "evenodd");
    path.addEventListener("click", () => open(area));
    root.append(path);
  }
  canvas.prepend(root);
  const toPosition = (event: { clientX: number; clientY: number }): Position => {
    const matrix = root.getScreenCTM()?.inverse();
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    return [west + point.x / (shrink * scale), north - point.y / scale];
  };
  return { root, toScreen, toPosition };
}

/** Keeps an HTML element over a position of a flat map. */
export function pinOn(map: FlatMap, canvas: HTMLElement, element: HTMLElement, position: Position): void {
  const place = () => {
    const matrix = map.root.getScreenCTM();
    if (!matrix) return;
    const [x, y] = map.toScreen(position);
    const point = new DOMPoint(x, y).matrixTransform(matrix);
    const box = canvas.getBoundingClientRect();
    element.style.position = "absolute";
    element.style.left = `${point.x - box.left - element.offsetWidth / 2}px`;
    element.style.top = `${point.y - box.top - element.offsetHeight / (element.matches(".hy-map-pin") ? 1 : 2)}px`;
  };
  canvas.append(element);
  place();
  new ResizeObserver(place).observe(canvas);
}

export function placeOf(feature: Place): Position {
  return feature.geometry.coordinates;
}
