/** Arithmetic of maps, apart from drawing: bounds, centres, steps of a measure, point in polygon. */

export type Position = [lon: number, lat: number];
export type Ring = Position[];

export interface Area {
  type: "Feature";
  geometry: { type: "Polygon"; coordinates: Ring[] } | { type: "MultiPolygon"; coordinates: Ring[][] };
  properties: Record<string, unknown>;
}

export interface Place {
  type: "Feature";
  geometry: { type: "Point"; coordinates: Position };
  properties: Record<string, unknown>;
}

export interface Collection<F> {
  type: "FeatureCollection";
  features: F[];
}

export type Bounds = [west: number, south: number, east: number, north: number];

/** Polygons of an area, each a list of rings with the outer one first. */
export function polygons(area: Area): Ring[][] {
  return area.geometry.type === "Polygon" ? [area.geometry.coordinates] : area.geometry.coordinates;
}

export function boundsOf(areas: readonly Area[]): Bounds | null {
  let [west, south, east, north] = [
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    -Number.POSITIVE_INFINITY,
    -Number.POSITIVE_INFINITY,
  ];
  for (const area of areas) {
    for (const [lon, lat] of polygons(area).flat(2)) {
      west = Math.min(west, lon);
      east = Math.max(east, lon);
      south = Math.min(south, lat);
      north = Math.max(north, lat);
    }
  }
  return west <= east ? [west, south, east, north] : null;
}

/** Centroid of a ring, weighted by area; the mean of its corners if it has none. */
function centroid(ring: Ring): { at: Position; size: number } {
  let [x, y, twice] = [0, 0, 0];
  // Relative to the first corner: degrees squared would lose what matters.
  const [x0, y0] = ring[0] ?? [0, 0];
  ring.forEach(([ax, ay], i) => {
    const [bx, by] = ring[(i + 1) % ring.length] ?? [0, 0];
    const cross = (ax - x0) * (by - y0) - (bx - x0) * (ay - y0);
    twice += cross;
    x += (ax + bx - 2 * x0) * cross;
    y += (ay + by - 2 * y0) * cross;
  });
  if (twice === 0) return { at: [x0, y0], size: 0 };
  return { at: [x0 + x / (3 * twice), y0 + y / (3 * twice)], size: Math.abs(twice) };
}

/** Where the name of an area stands: the centroid of its largest polygon. One point, so it is written once. */
export function labelPoint(area: Area): Position {
  const centres = polygons(area).map(([outer]) => centroid(outer ?? []));
  return centres.reduce((best, next) => (next.size > best.size ? next : best), {
    at: [0, 0] as Position,
    size: -1,
  }).at;
}

/** The areas as points that carry their names. */
export function names(areas: readonly Area[]): Collection<Place> {
  return {
    type: "FeatureCollection",
    features: areas.map((area) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: labelPoint(area) },
      properties: area.properties,
    })),
  };
}

/** Names of townships, each in the middle of its grids (`township_name` of the areas). */
export function townships(areas: readonly Area[]): Collection<Place> {
  const sums = new Map<string, { x: number; y: number; size: number }>();
  for (const area of areas) {
    const name = String(area.properties.township_name ?? "");
    if (!name) continue;
    const sum = sums.get(name) ?? { x: 0, y: 0, size: 0 };
    for (const [outer] of polygons(area)) {
      const { at, size } = centroid(outer ?? []);
      sum.x += at[0] * size;
      sum.y += at[1] * size;
      sum.size += size;
    }
    sums.set(name, sum);
  }
  return {
    type: "FeatureCollection",
    features: [...sums]
      .filter(([, sum]) => sum.size > 0)
      .map(([name, sum]) => ({
        type: "Feature",
        geometry: { type: "Point", coordinates: [sum.x / sum.size, sum.y / sum.size] },
        properties: { name },
      })),
  };
}

/** Edges between two townships, and the county's own outline: edges of one township alone. */
export function borders(areas: readonly Area[]): [Position, Position][] {
  const edges = new Map<string, { edge: [Position, Position]; names: string[] }>();
  for (const area of areas) {
    const name = String(area.properties.township_name ?? "");
    for (const ring of polygons(area).flat()) {
      ring.forEach((from, i) => {
        const to = ring[i + 1];
        if (!to) return;
        const key = [from, to]
          .map((p) => p.map((n) => n.toFixed(6)).join())
          .sort()
          .join(" ");
        const known = edges.get(key);
        if (known) known.names.push(name);
        else edges.set(key, { edge: [from, to], names: [name] });
      });
    }
  }
  return [...edges.values()].filter(({ names: [first, second] }) => first !== second).map(({ edge }) => edge);
}

function inRing([x, y]: Position, ring: Ring): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i] ?? [0, 0];
    const [xj, yj] = ring[j] ?? [0, 0];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/** The area a point lies in: in an outer ring and in no hole. */
export function areaAt(point: Position, areas: readonly Area[]): Area | undefined {
  return areas.find((area) =>
    polygons(area).some(
      ([outer, ...holes]) => outer && inRing(point, outer) && !holes.some((hole) => inRing(point, hole)),
    ),
  );
}

/**
 * Lower limits of up to five steps above zero: zero stays the palest, the rest is cut at whole numbers so that
 * the legend reads 0, 1–2, 3–5, … ; few values give fewer steps.
 */
export function stepsOf(values: readonly number[]): number[] {
  const positive = [...new Set(values.filter((value) => value > 0))].sort((a, b) => a - b);
  if (positive.length === 0) return [];
  const whole = positive.every(Number.isInteger);
  const limits = [0, 0.2, 0.4, 0.6, 0.8].map((share) => positive[Math.floor(share * positive.length)] ?? 0);
  return [...new Set(whole ? limits : limits.map((limit) => Number(limit.toPrecision(2))))];
}

/** Step of a value: 0 for zero or nothing, then 1 … 5. */
export function stepOf(value: number, steps: readonly number[]): number {
  if (!(value > 0)) return 0;
  const reached = steps.filter((limit) => value >= limit).length;
  const step = Math.max(reached, 1);
  // Few steps use the far end of the ramp, so that the highest is always the darkest.
  return step + (5 - steps.length);
}
