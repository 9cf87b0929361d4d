import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteBudget } from "./byte-budget.ts";
import { Fifo } from "./fifo.ts";

test("grants in order, up to the limit, and anything when nothing is in flight", async () => {
  const budget = new ByteBudget(10);
  const granted: string[] = [];
  const ask = (name: string, bytes: number): void => {
    const wait = budget.acquire(bytes);
    if (wait === null) granted.push(name);
    else void wait.then(() => granted.push(name));
  };
  ask("a", 6);
  ask("b", 4);
  ask("huge", 50);
  ask("small", 1);
  assert.deepEqual(granted, ["a", "b"]);
  budget.release(6);
  await Promise.resolve();
  assert.deepEqual(granted, ["a", "b"], "the small one does not overtake");
  budget.release(4);
  await Promise.resolve();
  assert.deepEqual(granted, ["a", "b", "huge"]);
  assert.equal(budget.waiting, 1);
  budget.release(50);
  await Promise.resolve();
  assert.deepEqual([granted.length, budget.inFlight, budget.waiting], [4, 1, 0]);
});

test("a queue gives back what it was given, in order, while it grows and shrinks", () => {
  const queue = new Fifo<number>();
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 1000; round++) {
    for (let count = (round * 7) % 13; count > 0; count--) queue.push(next++);
    for (let count = (round * 5) % 12; count > 0 && queue.length > 0; count--) {
      assert.equal(queue.peek(), expected);
      assert.equal(queue.shift(), expected++);
    }
    assert.equal(queue.length, next - expected);
  }
  while (queue.length > 0) assert.equal(queue.shift(), expected++);
  assert.equal(expected, next);
  assert.equal(queue.shift(), undefined);
});
