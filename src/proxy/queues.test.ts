import assert from "node:assert/strict";
import { test } from "node:test";
import { MilvusError } from "../base/errors.ts";
import { TaskQueue } from "./queues.ts";

test("runs as many tasks as it may, in order, and gives back their results and failures", async () => {
  const queue = new TaskQueue("DQL", 2);
  const started: number[] = [];
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const results = gates.map((gate, at) =>
    queue.run(async () => {
      started.push(at);
      await gate.promise;
      if (at === 1) throw new Error("task 1");
      return at;
    }),
  );
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(started, [0, 1]);
  assert.equal(queue.depth, 4);
  gates[1]!.resolve();
  await assert.rejects(results[1]!, /task 1/);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(started, [0, 1, 2]);
  for (const gate of gates) gate.resolve();
  assert.deepEqual(await Promise.all([results[0], results[2], results[3]]), [0, 2, 3]);
  assert.equal(queue.depth, 0);
});

test("a full queue answers at once with code 4", async () => {
  const queue = new TaskQueue("DQL", 1);
  const gate = Promise.withResolvers<void>();
  const running = Array.from({ length: 1 + 1_024 }, () => queue.run(() => gate.promise));
  await assert.rejects(
    queue.run(() => gate.promise),
    (error: unknown) => {
      assert.ok(error instanceof MilvusError);
      assert.equal(error.code, 4);
      assert.equal(error.retriable, true);
      assert.match(error.message, /too many concurrent requests, queue is full\[queue=DQL\]\[capacity=1024\]/);
      return true;
    },
  );
  gate.resolve();
  await Promise.all(running);
});

test("a stopping queue lets what runs end and refuses the rest", async () => {
  const queue = new TaskQueue("DML", 1);
  const gate = Promise.withResolvers<string>();
  const running = queue.run(() => gate.promise);
  const waiting = queue.run(async () => "never");
  queue.stop();
  await assert.rejects(waiting, /service not ready/);
  await assert.rejects(
    queue.run(async () => "never"),
    /service not ready/,
  );
  gate.resolve("done");
  assert.equal(await running, "done");
});
