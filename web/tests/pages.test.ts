import assert from "node:assert/strict";
import { test } from "node:test";
import { remembered } from "../src/lib/kept_receipts.js";
import { byClockThenDistance, metresBetween, said } from "../src/lib/near.js";
import { matching } from "../src/lib/report_steps.js";

test("a receipt is kept once, the newest in front, the oldest dropped", () => {
  const entry = (receipt: string) => ({ receipt, title: receipt, at: "" });
  const list = [entry("A"), entry("B"), entry("C")];
  assert.deepEqual(
    remembered(list, entry("B")).map((one) => one.receipt),
    ["B", "A", "C"],
  );
  assert.deepEqual(
    remembered(list, entry("D"), 2).map((one) => one.receipt),
    ["D", "A"],
  );
});

test("by clock, then by distance, then by the earlier end", () => {
  const late = { rank: 0, due: 5, metres: 9000 };
  const soonFar = { rank: 1, due: 1, metres: 800 };
  const soonNear = { rank: 1, due: 2, metres: 90 };
  const nowhere = { rank: 1, due: 0, metres: Number.POSITIVE_INFINITY };
  const unclocked = { rank: 3, due: Number.POSITIVE_INFINITY, metres: 1 };
  const sorted = [unclocked, nowhere, soonFar, soonNear, late].sort(byClockThenDistance);
  assert.deepEqual(sorted, [late, soonNear, soonFar, nowhere, unclocked]);
  assert.ok(byClockThenDistance(nowhere, { ...nowhere, due: 1 }) < 0);
});

test("a hundredth of a degree of latitude is 1,112 metres", () => {
  assert.equal(Math.round(metresBetween(115, 37.5, 115, 37.51)), 1112);
  assert.equal(metresBetween(115, 37.5, 115, 37.5), 0);
});

test("distances as they are said", () => {
  assert.deepEqual([3, 347, 1249, 12_600].map(said), ["10 米", "350 米", "1.2 公里", "13 公里"]);
});

test("the category with the most of its words in the text comes first", () => {
  const keywords = [["路灯", "不亮"], ["井盖"], ["垃圾"], [""]];
  assert.deepEqual(matching("路灯不亮，井盖也碎了", keywords), [0, 1]);
  assert.deepEqual(matching("你好", keywords), []);
});
