import assert from "node:assert/strict";
import { test } from "node:test";
import { AtOnce } from "./at-once.ts";

/** Turns that end when the test says so. */
function turns(): { readonly nextTurn: () => Promise<void>; readonly end: () => Promise<void>; asked: number } {
  let waiting: (() => void)[] = [];
  const made = {
    asked: 0,
    nextTurn: () => {
      made.asked += 1;
      return new Promise<void>((resolve) => waiting.push(resolve));
    },
    end: async () => {
      const ended = waiting;
      waiting = [];
      for (const resolve of ended) resolve();
      await Promise.resolve();
      await Promise.resolve();
    },
  };
  return made;
}

const tried = (some: AtOnce, handle: number, count: number): number =>
  Array.from({ length: count }, () => some.mayTry(handle)).filter(Boolean).length;

test("in one turn only so many searches are tried, and as many in the next", async () => {
  const loop = turns();
  const some = new AtOnce(loop.nextTurn);
  assert.equal(tried(some, 1, 100), 8);
  assert.equal(loop.asked, 1);
  assert.equal(some.mayTry(2), false);
  await loop.end();
  assert.equal(tried(some, 1, 100), 8);
});

test("who searches now and then never asks for a turn", () => {
  const loop = turns();
  const some = new AtOnce(loop.nextTurn);
  tried(some, 1, 4);
  assert.equal(loop.asked, 0);
});

test("a handle whose search took too long is left alone for a while, then for longer, and others are not", async () => {
  const loop = turns();
  const some = new AtOnce(loop.nextTurn);
  for (const patience of [4, 8, 16]) {
    assert.equal(some.mayTry(1), true);
    some.tookTooLong(1);
    assert.equal(tried(some, 1, patience), 0);
    assert.equal(some.mayTry(2), true);
    await loop.end();
  }
  assert.equal(some.mayTry(1), true);
  some.wasQuick(1);
  some.tookTooLong(1);
  assert.equal(tried(some, 1, 4), 0);
  assert.equal(some.mayTry(1), true);
});
