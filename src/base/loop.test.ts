import assert from "node:assert/strict";
import { test } from "node:test";
import { Loop } from "./loop.ts";

test("a wake during a round is followed by another round", async () => {
  let rounds = 0;
  const loop = new Loop(async () => {
    rounds += 1;
    if (rounds === 1) loop.wake();
    await Promise.resolve();
  });
  loop.wake();
  loop.wake();
  await loop.idle();
  assert.equal(rounds, 2);
  assert.equal(loop.isRunning, false);
});

test("a wake in any microtask around the end of a round is never lost", async () => {
  for (let delay = 0; delay < 12; delay += 1) {
    const queue: number[] = [1];
    const done: number[] = [];
    const loop = new Loop(async () => {
      while (queue.length > 0) done.push(queue.shift()!);
    });
    loop.wake();
    for (let turn = 0; turn < delay; turn += 1) await Promise.resolve();
    queue.push(2);
    loop.wake();
    await loop.idle();
    assert.deepEqual(done, [1, 2], `after ${delay} microtasks`);
  }
});

test("rounds never overlap", async () => {
  let inside = 0;
  const loop = new Loop(async () => {
    inside += 1;
    assert.equal(inside, 1);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
  });
  for (let count = 0; count < 5; count += 1) {
    loop.wake();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await loop.idle();
});
