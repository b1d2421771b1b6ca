/**
 * Tasks by clock, then by distance. The distance is reckoned on the telephone: its position is neither sent nor kept.
 */
import { all, enhance, one } from "./dom.js";
import { say } from "./words.js";

const EARTH_METRES = 6_371_008.8;

export interface NearItem {
  /** 0 overdue, 1 due soon, 2 in time, 3 without a clock. */
  rank: number;
  /** Milliseconds since 1970; infinite without a clock. */
  due: number;
  /** Metres; infinite where the place is not known. */
  metres: number;
}

/** Great-circle distance in metres between two places given in degrees. */
export function metresBetween(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const rad = Math.PI / 180;
  const a =
    Math.sin(((lat2 - lat1) * rad) / 2) ** 2 +
    Math.cos(lat1 * rad) * Math.cos(lat2 * rad) * Math.sin(((lon2 - lon1) * rad) / 2) ** 2;
  return 2 * EARTH_METRES * Math.asin(Math.sqrt(a));
}

/** Overdue first, then what is due soon, then the rest; among equals the nearer, then the earlier due. */
export function byClockThenDistance(a: NearItem, b: NearItem): number {
  return a.rank - b.rank || compare(a.metres, b.metres) || compare(a.due, b.due);
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** As the pages say it: 350 米, 1.2 公里. */
export function said(metres: number): string {
  if (metres < 1000) return say("%s 米", Math.max(10, Math.round(metres / 10) * 10));
  return say("%s 公里", (metres / 1000).toFixed(metres < 10_000 ? 1 : 0));
}

function sort(list: HTMLElement, lon: number, lat: number): void {
  const items = all("[data-near-item]", list).map((element) => {
    const [itsLon, itsLat] = [Number(element.dataset.lon || Number.NaN), Number(element.dataset.lat)];
    const metres = Number.isFinite(itsLon)
      ? metresBetween(lon, lat, itsLon, itsLat)
      : Number.POSITIVE_INFINITY;
    const slot = one("[data-near-metres]", element);
    if (slot && Number.isFinite(metres)) slot.textContent = said(metres);
    const due = Number(element.dataset.due || Number.NaN);
    return {
      element,
      metres,
      rank: Number(element.dataset.rank ?? 3),
      due: Number.isFinite(due) ? due : Number.POSITIVE_INFINITY,
    };
  });
  list.append(...items.sort(byClockThenDistance).map((item) => item.element));
}

export function startNear(): void {
  enhance<HTMLElement>("[data-near]", (list) => {
    const button = one<HTMLButtonElement>("[data-near-here]");
    if (!navigator.geolocation) return;
    const here = () =>
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => {
          sort(list, coords.longitude, coords.latitude);
          if (button) button.hidden = true;
        },
        () => {
          if (button) {
            button.hidden = false;
            button.textContent = button.dataset.denied ?? button.textContent;
          }
        },
        { timeout: 10_000, maximumAge: 120_000 },
      );
    button?.addEventListener("click", here);
    // Asked for by a tap the first time; afterwards the permission speaks for itself.
    void navigator.permissions
      ?.query({ name: "geolocation" })
      .then((permission) => {
        if (permission.state === "granted") here();
        else if (button) button.hidden = permission.state === "denied";
      })
      .catch(() => {
        if (button) button.hidden = false;
      });
  });
}
