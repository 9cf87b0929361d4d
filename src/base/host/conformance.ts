/**
 * What every `Runtime` must do, as one suite that each implementation runs.
 *
 * `run` lets the runtime's time pass while a test is at work: a simulated one has to be driven.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Runtime } from "./runtime.ts";

export interface RuntimeUnderTest {
  readonly runtime: Runtime;
  run<T>(body: () => Promise<T>): Promise<T>;
}

export function runtimeConformance(name: string, make: () => RuntimeUnderTest): void {
  const check = (what: string, body: (runtime: Runtime) => Promise<void>): void => {
    test(what, async () => {
      const { runtime, run } = make();
      await run(() => body(runtime));
    });
  };

  describe(`Runtime: ${name}`, () => {
    check("the wall clock is in this century and the other clock never goes back", async (runtime) => {
      assert.ok(runtime.now() > Date.UTC(2020) && runtime.now() < Date.UTC(2200));
      const ticks = [runtime.monotonic()];
      for (let round = 0; round < 5; round += 1) {
        await runtime.sleep(1);
        ticks.push(runtime.monotonic());
      }
      assert.deepEqual(
        ticks,
        ticks.toSorted((left, right) => left - right),
      );
    });

    check("a sleep lasts as long as it says, less a millisecond of rounding", async (runtime) => {
      const before = runtime.monotonic();
      await runtime.sleep(20);
      assert.ok(runtime.monotonic() - before >= 19);
    });

    check("timers fire once and in the order of their times", async (runtime) => {
      let fired: number[] = [];
      for (let tries = 0; tries < 20; tries += 1) {
        const now: number[] = (fired = []);
        const before = runtime.monotonic();
        for (const wait of [30, 10, 20]) runtime.after(wait, () => now.push(wait));
        // Whoever had to wait for a core between two of them has set them for other times than these.
        const isInTime = runtime.monotonic() - before < 10;
        await runtime.sleep(60);
        if (isInTime) break;
      }
      assert.deepEqual(fired, [10, 20, 30]);
    });

    check("a cancelled timer does not fire, however often it is cancelled", async (runtime) => {
      let fired = 0;
      const timer = runtime.after(5, () => (fired += 1));
      timer.cancel();
      timer.cancel();
      const done = runtime.after(5, () => (fired += 10));
      await runtime.sleep(30);
      done.cancel();
      assert.equal(fired, 10);
    });

    check("an aborted sleep rejects with the signal's reason, before its time", async (runtime) => {
      const stop = new AbortController();
      const reason = new Error("enough");
      const before = runtime.monotonic();
      runtime.after(5, () => stop.abort(reason));
      await assert.rejects(runtime.sleep(5_000, stop.signal), reason);
      assert.ok(runtime.monotonic() - before < 2_000);
      await assert.rejects(runtime.sleep(5_000, stop.signal), reason);
    });

    check("a sleep that ended does not mind a later abort", async (runtime) => {
      const stop = new AbortController();
      await runtime.sleep(1, stop.signal);
      stop.abort(new Error("too late"));
      await runtime.yield();
    });

    check("a yield lets run what is runnable", async (runtime) => {
      const steps: string[] = [];
      void Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => steps.push("promise"));
      await runtime.yield();
      steps.push("yielded");
      assert.deepEqual(steps, ["promise", "yielded"]);
    });

    check("yields of two who wait for each other both go on", async (runtime) => {
      let turns = 0;
      const take = async (): Promise<void> => {
        for (let turn = 0; turn < 10; turn += 1) {
          await runtime.yield();
          turns += 1;
        }
      };
      await Promise.all([take(), take()]);
      assert.equal(turns, 20);
    });

    check("chance is spread over [0, 1)", async (runtime) => {
      const numbers = Array.from({ length: 2_000 }, () => runtime.random());
      assert.ok(numbers.every((number) => number >= 0 && number < 1));
      for (let tenth = 0; tenth < 10; tenth += 1) {
        const inside = numbers.filter((number) => Math.floor(number * 10) === tenth).length;
        assert.ok(inside > 100 && inside < 320, `${inside} of 2000 numbers in tenth ${tenth}`);
      }
    });

    check("random bytes are as many as asked for, and vary", async (runtime) => {
      assert.equal(runtime.randomBytes(0).length, 0);
      const bytes = runtime.randomBytes(4_096);
      assert.equal(bytes.length, 4_096);
      assert.ok(new Set(bytes).size > 200);
    });
  });
}
