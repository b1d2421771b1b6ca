import assert from "node:assert/strict";
import { test } from "node:test";
import {
  barState,
  failed,
  hasRoom,
  MOST_KEPT,
  type OutboxEntry,
  outcome,
  retried,
  sendable,
} from "../src/lib/outbox_order.js";

let order = 0;
function entry(subject: string, more: Partial<OutboxEntry> = {}): OutboxEntry {
  order += 1;
  return { key: `k${order}`, order, subject, state: "WAITING", attempts: 0, notBefore: 0, ...more };
}

test("within a subject the first written goes first, subjects do not wait for one another", () => {
  const take = entry("case:1");
  const arrive = entry("case:1");
  const other = entry("case:2");
  assert.deepEqual(sendable([other, arrive, take], 0), [take, other]);
  assert.deepEqual(sendable([arrive, other], 0), [arrive, other]);
});

test("a refused or paused head holds back what follows it", () => {
  const refused = entry("case:1", { state: "REFUSED" });
  const after = entry("case:1");
  const paused = entry("case:2", { notBefore: 100 });
  const later = entry("case:2");
  assert.deepEqual(sendable([refused, after, paused, later], 99), []);
  assert.deepEqual(sendable([refused, after, paused, later], 100), [paused]);
});

test("the pause grows and is bounded; nothing but pause and count changes", () => {
  let now = entry("case:1");
  const pauses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const next = failed(now, 1000);
    pauses.push(next.notBefore - 1000);
    assert.equal(next.key, now.key);
    assert.equal(next.order, now.order);
    now = next;
  }
  assert.deepEqual(pauses.slice(0, 4), [5000, 10_000, 20_000, 40_000]);
  assert.equal(Math.max(...pauses), 300_000);
  assert.deepEqual(sendable([retried(now)], 0).length, 1);
});

test("a phone keeps so many forms, and no more", () => {
  const kept = Array.from({ length: MOST_KEPT - 1 }, () => entry("case:1"));
  assert.ok(hasRoom(kept));
  assert.ok(!hasRoom([...kept, entry("case:2")]));
});

test("what an answer means", () => {
  const meaning: Record<number, string> = {
    200: "SENT",
    201: "SENT",
    302: "SENT",
    400: "REFUSED",
    401: "SIGN_IN",
    403: "SIGN_IN",
    404: "REFUSED",
    408: "LATER",
    409: "REFUSED",
    422: "REFUSED",
    429: "LATER",
    500: "LATER",
    503: "LATER",
  };
  for (const [status, wanted] of Object.entries(meaning)) assert.equal(outcome(Number(status)), wanted);
});

test("the bar says a refusal first, then what waits, then the signal", () => {
  const waiting = entry("case:1");
  const refused = entry("case:2", { state: "REFUSED" });
  assert.deepEqual(barState([], true), { state: "ONLINE", count: 0 });
  assert.deepEqual(barState([], false), { state: "OFFLINE", count: 0 });
  assert.deepEqual(barState([waiting], false), { state: "PENDING", count: 1 });
  assert.deepEqual(barState([waiting, refused], true), { state: "REFUSED", count: 1 });
});
