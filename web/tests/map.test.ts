import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Area,
  areaAt,
  borders,
  boundsOf,
  labelPoint,
  stepOf,
  stepsOf,
  townships,
} from "../src/lib/map_data.js";

const square: Area = {
  type: "Feature",
  properties: { name: "第一网格" },
  geometry: {
    type: "Polygon",
    coordinates: [
      [
        [0, 0],
        [4, 0],
        [4, 4],
        [0, 4],
        [0, 0],
      ],
      [
        [1, 1],
        [2, 1],
        [2, 2],
        [1, 2],
        [1, 1],
      ],
    ],
  },
};

test("a point is in an area unless it is in its hole", () => {
  assert.equal(areaAt([3, 3], [square]), square);
  assert.equal(areaAt([1.5, 1.5], [square]), undefined);
  assert.equal(areaAt([5, 3], [square]), undefined);
});

test("a name stands at the centroid of the largest polygon", () => {
  const ring = (x: number, y: number, side: number): [number, number][] => [
    [x, y],
    [x + side, y],
    [x + side, y + side],
    [x, y + side],
    [x, y],
  ];
  const two: Area = {
    ...square,
    geometry: { type: "MultiPolygon", coordinates: [[ring(113, 34, 0.01)], [ring(114, 35, 0.04)]] },
  };
  const [lon, lat] = labelPoint(two);
  assert.ok(Math.abs(lon - 114.02) < 1e-9 && Math.abs(lat - 35.02) < 1e-9);
});

test("bounds of areas, and of none", () => {
  assert.deepEqual(boundsOf([square]), [0, 0, 4, 4]);
  assert.equal(boundsOf([]), null);
});

test("zero is the palest step and the highest value the darkest", () => {
  for (const values of [
    [0, 1],
    [0, 3, 3, 7],
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 20],
    [0.5, 1.25, 90],
  ]) {
    const steps = stepsOf(values);
    assert.equal(stepOf(0, steps), 0);
    assert.equal(stepOf(Math.max(...values), steps), 5);
    assert.deepEqual(
      [...steps].sort((a, b) => a - b),
      steps,
    );
    const shades = [...values].sort((a, b) => a - b).map((value) => stepOf(value, steps));
    assert.deepEqual(
      [...shades].sort((a, b) => a - b),
      shades,
    );
  }
  assert.deepEqual(stepsOf([0, 0]), []);
});

test("a township is named in the middle of its grids and bordered where another begins", () => {
  const grid = (x: number, township_name: string): Area => ({
    type: "Feature",
    properties: { township_name },
    geometry: {
      type: "Polygon",
      coordinates: [
        [
          [x, 0],
          [x + 1, 0],
          [x + 1, 1],
          [x, 1],
          [x, 0],
        ],
      ],
    },
  });
  const county = [grid(0, "东镇"), grid(1, "东镇"), grid(2, "西镇")];
  assert.deepEqual(
    townships(county).features.map(({ properties, geometry }) => [properties.name, geometry.coordinates]),
    [
      ["东镇", [1, 0.5]],
      ["西镇", [2.5, 0.5]],
    ],
  );
  const drawn = borders(county).map((edge) => JSON.stringify(edge));
  assert.equal(drawn.length, 9); // the outline of three squares, and one side between the townships
  assert.ok(drawn.includes("[[2,0],[2,1]]") || drawn.includes("[[2,1],[2,0]]"));
  assert.ok(!drawn.includes("[[1,0],[1,1]]") && !drawn.includes("[[1,1],[1,0]]"));
});
