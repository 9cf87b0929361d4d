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

/** A clock that searches put forward. */
function clock(): { now: number; readonly read: () => number } {
  const made = { now: 0, read: () => made.now };
  return made;
}

/** How many of so many searches of 250 µs are tried. */
const tried = (some: AtOnce, time: { now: number }, subject: number, count: number, hasBegun = false): number => {
  let made = 0;
  for (let at = 0; at < count; at += 1) {
    if (!some.mayTry(subject, hasBegun)) continue;
    some.spend(() => (time.now += 0.25));
    made += 1;
  }
  return made;
};

test("in one turn searches are begun for so long, and for as long in the next", async () => {
  const [loop, time] = [turns(), clock()];
  const some = new AtOnce(loop.nextTurn, time.read);
  assert.equal(tried(some, time, 1, 100), 8);
  assert.equal(loop.asked, 1);
  assert.deepEqual([some.hasRoom, some.mayTry(2, false)], [false, false]);
  await loop.end();
  assert.equal(some.hasRoom, true);
  assert.equal(tried(some, time, 1, 100), 8);
});

test("what has begun goes on for as long again", () => {
  const [loop, time] = [turns(), clock()];
  const some = new AtOnce(loop.nextTurn, time.read);
  assert.equal(tried(some, time, 1, 100), 8);
  assert.equal(tried(some, time, 1, 100, true), 8);
});

test("who works now and then never asks for a turn; work that throws is counted too", () => {
  const [loop, time] = [turns(), clock()];
  const some = new AtOnce(loop.nextTurn, time.read);
  tried(some, time, 1, 2);
  assert.equal(loop.asked, 0);
  assert.throws(() =>
    some.spend(() => {
      time.now += 5;
      throw new Error("no such handle");
    }),
  );
  assert.deepEqual([loop.asked, some.hasRoom], [1, false]);
});

test("a subject whose search took too long is left alone for a while, then for longer, and others are not", async () => {
  const [loop, time] = [turns(), clock()];
  const some = new AtOnce(loop.nextTurn, time.read);
  const mayTry = (subject: number): boolean => some.mayTry(subject, false);
  const tries = (count: number): number => Array.from({ length: count }, () => mayTry(1)).filter(Boolean).length;
  for (const patience of [4, 8, 16]) {
    assert.equal(mayTry(1), true);
    some.tookTooLong(1);
    assert.equal(tries(patience), 0);
    assert.equal(mayTry(2), true);
  }
  assert.equal(mayTry(1), true);
  some.wasQuick(1);
  some.tookTooLong(1);
  assert.equal(tries(4), 0);
  assert.equal(mayTry(1), true);
});
