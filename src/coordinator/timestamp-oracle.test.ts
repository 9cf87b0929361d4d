import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Runtime } from "../base/host/runtime.ts";
import { SystemRuntime } from "../base/host/system.ts";
import { composeTimestamp, physicalMilliseconds } from "../base/timestamp.ts";
import { MemoryMetaStore } from "../metastore/memory.ts";
import { type MetaStore, OutcomeUnknown } from "../metastore/metastore.ts";
import { TimestampOracle } from "./timestamp-oracle.ts";

/** The machine with a clock that the test moves. */
class MovedClock extends SystemRuntime implements Runtime {
  milliseconds = 1_000_000;

  override now(): number {
    return this.milliseconds;
  }
}

test("timestamps ascend strictly, over clock jumps and restarts (I W10)", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          jump: fc.integer({ min: -10_000, max: 10_000 }),
          count: fc.integer({ min: 1, max: 5 }),
          restart: fc.boolean(),
        }),
      ),
      async (steps) => {
        const clock = new MovedClock();
        const store = new MemoryMetaStore(clock);
        let oracle = await TimestampOracle.open(store, clock, "k");
        let last = -1n;
        for (const { jump, count, restart } of steps) {
          clock.milliseconds += jump;
          if (restart) oracle = await TimestampOracle.open(store, clock, "k");
          const first = await oracle.allocate(count);
          assert.ok(first > last, `${first} after ${last}`);
          last = first + BigInt(count) - 1n;
        }
        await store.close();
      },
    ),
    { numRuns: 100 },
  );
});

test("follows the clock when it can", async () => {
  const clock = new MovedClock();
  const oracle = await TimestampOracle.open(new MemoryMetaStore(clock), clock, "k");
  clock.milliseconds += 5_000;
  assert.equal(physicalMilliseconds(await oracle.allocate()), clock.milliseconds);
});

test("a counter that overflows moves the milliseconds on", async () => {
  const clock = new MovedClock();
  const oracle = await TimestampOracle.open(new MemoryMetaStore(clock), clock, "k");
  const first = await oracle.allocate(300_000);
  const next = await oracle.allocate();
  assert.equal(next, first + 300_000n);
  assert.ok(physicalMilliseconds(next) > clock.milliseconds);
});

test("nothing reaches beyond the saved bound, and an unclear save is repeated (I W11)", async () => {
  const clock = new MovedClock();
  const inner = new MemoryMetaStore(clock);
  let unclear = 2;
  let refuse = false;
  const store = {
    get: (key: string) => inner.get(key),
    transaction: async (...request: Parameters<MetaStore["transaction"]>) => {
      if (refuse) throw new Error("the store is gone");
      const result = await inner.transaction(...request);
      if ((unclear -= 1) >= 0) throw new OutcomeUnknown("lost answer");
      return result;
    },
  } as MetaStore;
  const oracle = await TimestampOracle.open(store, clock, "k");
  const first = await oracle.allocate();
  const bound = Number(Buffer.from((await inner.get("k"))!.value).toString());
  assert.ok(first < composeTimestamp(bound));
  refuse = true;
  clock.milliseconds = bound + 1;
  await assert.rejects(oracle.allocate(), /the store is gone/);
  clock.milliseconds = bound - 1;
  const last = await oracle.allocate();
  assert.ok(last > first && last < composeTimestamp(bound));
});

test("an orderly close gives the rest of the window back", async () => {
  const clock = new MovedClock();
  const store = new MemoryMetaStore(clock);
  const oracle = await TimestampOracle.open(store, clock, "k");
  const last = await oracle.allocate();
  await oracle.close();
  const next = await (await TimestampOracle.open(store, clock, "k")).allocate();
  assert.ok(next > last);
  assert.ok(physicalMilliseconds(next) <= physicalMilliseconds(last) + 1);
});
