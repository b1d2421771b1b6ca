/**
 * Where it happened, asked apart from where the phone is: a pin to drag, to move by arrow keys, or to set by the
 * phone's position. A place outside the county is kept and said so, never refused.
 */
import { type Map as GlMap, Marker } from "maplibre-gl";
import { enhance, make, one } from "./dom.js";
import {
  type Area,
  areaAt,
  type Bounds,
  boundsOf,
  type Collection,
  names,
  type Position,
} from "./map_data.js";
import { canDraw, colour, FONTS, glMap, townshipLayers, townshipSources } from "./map_gl.js";
import { flatMap, pinOn } from "./map_svg.js";
import { say } from "./words.js";

const DIGITS = 6;
/** About three kilometres across on a phone: the grid and its neighbours. */
const CLOSE = 12.8;
/** Zoom from which grids say their names. */
const NAMES_FROM = 11;
const ARROW_STEP = 0.0002;
const ASK_AFTER_MS = 400;
const PIN =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="currentColor" stroke="#fff" d="M12 1.500a8 8 0 0 0-8 8c0 5.600 8 13 8 13s8-7.400 8-13a8 8 0 0 0-8-8z"/><circle cx="12" cy="9.500" r="3" fill="#fff"/></svg>';

function pinButton(label: string): HTMLButtonElement {
  const button = make("button", { type: "button", class: "hy-map-pin", "aria-label": label });
  const drawing = new DOMParser().parseFromString(PIN, "image/svg+xml").documentElement;
  drawing.setAttribute("aria-hidden", "true");
  button.append(document.importNode(drawing, true));
  return button;
}

class Picker {
  private at: Position | null = null;
  private asking = 0;
  private readonly pin: HTMLButtonElement;
  private showPin: (position: Position) => void = () => undefined;

  constructor(
    private readonly host: HTMLElement,
    private readonly canvas: HTMLElement,
    private readonly areas: Area[],
  ) {
    this.pin = pinButton(host.dataset.wordsPin ?? "");
    const bounds = boundsOf(areas) ?? [103, 30, 104, 31];
    if (canDraw()) this.drawGl(bounds);
    else this.drawFlat(bounds);
    const [lon, lat] = [this.input("lon"), this.input("lat")].map((input) =>
      Number.parseFloat(input?.value ?? ""),
    );
    if (lon !== undefined && lat !== undefined && Number.isFinite(lon) && Number.isFinite(lat))
      this.set([lon, lat]);
    else this.showPin([(bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2]);
    this.pin.addEventListener("keydown", (event) => this.arrow(event));
    one("[data-map-here]", host)?.addEventListener("click", () => this.here());
    // A place found by name: the desk's search says where.
    host.addEventListener("huying:set-place", (event) => {
      const { lon, lat } = (event as CustomEvent<{ lon: number; lat: number }>).detail;
      if (!Number.isFinite(lon) || !Number.isFinite(lat)) return;
      this.set([lon, lat]);
      this.canvas.dispatchEvent(new CustomEvent("huying:here"));
    });
  }

  private input(name: "lon" | "lat"): HTMLInputElement | null {
    return one<HTMLInputElement>(`[data-${name}]`, this.host);
  }

  private drawGl(bounds: Bounds): void {
    const map: GlMap = glMap(this.canvas, bounds, say("选事发地的地图"), {
      version: 8,
      sources: {
        grids: { type: "geojson", data: { type: "FeatureCollection", features: this.areas } },
        names: { type: "geojson", data: names(this.areas) },
        ...townshipSources(this.areas),
      },
      layers: [
        { id: "ground", type: "background", paint: { "background-color": colour("--hy-ramp-0") } },
        { id: "fill", type: "fill", source: "grids", paint: { "fill-color": colour("--hy-paper") } },
        {
          id: "lines",
          type: "line",
          source: "grids",
          paint: { "line-color": colour("--hy-line-2"), "line-width": 1 },
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
          paint: {
            "text-color": colour("--hy-ink-3"),
            "text-halo-color": colour("--hy-paper"),
            "text-halo-width": 1.2,
          },
        },
      ],
    });
    const marker = new Marker({ element: this.pin, draggable: true, anchor: "bottom" });
    let added = false;
    this.showPin = (position) => {
      marker.setLngLat(position);
      if (!added) marker.addTo(map);
      added = true;
      if (!map.getBounds().contains(position)) map.easeTo({ center: position });
    };
    marker.on("dragend", () => {
      const { lng, lat } = marker.getLngLat();
      this.set([lng, lat]);
    });
    map.on("click", (event) => this.set([event.lngLat.lng, event.lngLat.lat]));
    this.canvas.addEventListener("huying:here", () =>
      map.easeTo({ center: this.at ?? map.getCenter(), zoom: Math.max(map.getZoom(), CLOSE) }),
    );
  }

  private drawFlat(bounds: Bounds): void {
    const map = flatMap(
      this.canvas,
      bounds,
      this.areas,
      () => "var(--hy-ramp-1)",
      () => undefined,
    );
    this.canvas.addEventListener("click", (event) => {
      if (event.target !== this.pin) this.set(map.toPosition(event));
    });
    this.showPin = (position) => pinOn(map, this.canvas, this.pin, position);
    this.pin.addEventListener("pointerdown", (down) => {
      this.pin.setPointerCapture(down.pointerId);
      const move = (event: PointerEvent) => this.set(map.toPosition(event));
      this.pin.addEventListener("pointermove", move);
      this.pin.addEventListener("pointerup", () => this.pin.removeEventListener("pointermove", move), {
        once: true,
      });
    });
  }

  private arrow(event: KeyboardEvent): void {
    const moves: Record<string, Position> = {
      ArrowLeft: [-ARROW_STEP, 0],
      ArrowRight: [ARROW_STEP, 0],
      ArrowUp: [0, ARROW_STEP],
      ArrowDown: [0, -ARROW_STEP],
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const bounds = boundsOf(this.areas) ?? [103, 30, 104, 31];
    const [lon, lat] = this.at ?? [(bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2];
    this.set([lon + move[0], lat + move[1]]);
  }

  private set(position: Position): void {
    this.at = position;
    this.showPin(position);
    const [lon, lat] = position.map((degrees) => degrees.toFixed(DIGITS)) as [string, string];
    const inputs = [this.input("lon"), this.input("lat")];
    inputs.forEach((input, axis) => {
      if (input) input.value = axis === 0 ? lon : lat;
    });
    this.describe(lon, lat, position);
    this.host.dispatchEvent(
      new CustomEvent("huying:place", { bubbles: true, detail: { lon: Number(lon), lat: Number(lat) } }),
    );
  }

  private describe(lon: string, lat: string, position: Position): void {
    const slot = one("[data-map-place]", this.host);
    if (!slot) return;
    const area = areaAt(position, this.areas);
    const away = this.areas.length > 0 && !area;
    slot.textContent = away
      ? (this.host.dataset.wordsAway ?? "")
      : String(area?.properties.name ?? say("经度 %s，纬度 %s", lon, lat));
    const url = this.host.dataset.placeUrl;
    window.clearTimeout(this.asking);
    if (!url || away) return;
    this.asking = window.setTimeout(async () => {
      const address = new URL(url, location.href);
      address.search = new URLSearchParams({ lon, lat }).toString();
      const answer = await fetch(address).catch(() => null);
      const place = answer?.ok ? ((await answer.json()) as { name?: string }) : {};
      if (place.name && this.at === position) slot.textContent = place.name;
    }, ASK_AFTER_MS);
  }

  private here(): void {
    const slot = one("[data-map-place]", this.host);
    const denied = () => {
      if (slot) slot.textContent = this.host.dataset.wordsDenied ?? "";
    };
    if (!navigator.geolocation) {
      denied();
      return;
    }
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        this.set([coords.longitude, coords.latitude]);
        this.canvas.dispatchEvent(new CustomEvent("huying:here"));
      },
      denied,
      { enableHighAccuracy: true, timeout: 10_000, maximumAge: 60_000 },
    );
  }
}

export function startPickers(): void {
  enhance<HTMLElement>("[data-map-picker]", (host) => {
    const canvas = one("[data-map-canvas]", host);
    if (!canvas) return;
    const url = host.dataset.geojson;
    const areas = url
      ? fetch(url, { credentials: "same-origin" })
          .then((answer) => answer.json() as Promise<Collection<Area>>)
          .then((collection) => collection.features)
      : Promise.resolve([]);
    // Without the grids the pin still works: the place must never be what stops a report.
    void areas.catch(() => []).then((found) => new Picker(host, canvas, found));
  });
}
