import assert from "node:assert/strict";
import { test } from "node:test";
import { meant, narrowed } from "../src/lib/options.js";

const choices = [
  { value: "1", label: "城关镇东门社区第一网格", group: "" },
  { value: "2", label: "东门社区", group: "城关镇" },
  { value: "3", label: "ＰＭ2.5 王伟 · wangwei", group: "" },
];
const values = (typed: string) => narrowed(choices, typed).map((one) => one.value);

test("nothing typed leaves all, in their order", () => {
  assert.deepEqual(values("  "), ["1", "2", "3"]);
});

test("what begins with the words comes first", () => {
  assert.deepEqual(values("东门"), ["2", "1"]);
});

test("every word must be held, by the name or its group, in any order and any width of letters", () => {
  assert.deepEqual(values("社区 城关"), ["1", "2"]);
  assert.deepEqual(values("WANGWEI pm2.5"), ["3"]);
  assert.deepEqual(values("西门"), []);
});

test("what is called so is meant, however many begin like it; of several found, none", () => {
  const two = [...choices, { value: "4", label: "东门社区二组", group: "城关镇" }];
  assert.equal(meant(two, "东门社区")?.value, "2");
  assert.equal(meant(two, "二组")?.value, "4");
  assert.equal(meant(two, "社区"), undefined);
  assert.equal(meant(two, "西门"), undefined);
});
