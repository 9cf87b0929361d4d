import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { runtimeConformance } from "../../src/base/host/conformance.ts";
import { TouchedOutside } from "./outside-guard.ts";
import { Deadlock, SimulatedRuntime } from "./runtime.ts";

runtimeConformance("simulated", () => {
  const runtime = new SimulatedRuntime(1);
  return { runtime, run: (body) => runtime.run(body) };
});

/** The order in which ten equal waits end. */
async function orderOf(seed: number, wait: (runtime: SimulatedRuntime) => Promise<void>): Promise<string> {
  const runtime = new SimulatedRuntime(seed);
  const order: number[] = [];
  await runtime.run(async () => {
    await Promise.all(Array.from({ length: 10 }, (_, at) => wait(runtime).then(() => order.push(at))));
  });
  return order.join(" ");
}

describe("SimulatedRuntime", () => {
  test("an hour passes in no time", async () => {
    const runtime = new SimulatedRuntime(1);
    const before = performance.now();
    const start = runtime.now();
    await runtime.run(() => runtime.sleep(3_600_000));
    assert.equal(runtime.now() - start, 3_600_000);
    assert.ok(performance.now() - before < 1_000);
  });

  for (const [what, wait] of [
    ["equal times", (runtime: SimulatedRuntime) => runtime.sleep(5)],
    ["yields", (runtime: SimulatedRuntime) => runtime.yield()],
  ] as const) {
    test(`the seed, and nothing else, decides among ${what}`, async () => {
      const orders = new Set<string>();
      for (let seed = 0; seed < 8; seed += 1) {
        const order = await orderOf(seed, wait);
        assert.equal(await orderOf(seed, wait), order);
        orders.add(order);
      }
      assert.ok(orders.size > 4);
    });
  }

  test("the hash is the same for one seed and differs between seeds", async () => {
    const digest = async (seed: number): Promise<string> => {
      const runtime = new SimulatedRuntime(seed);
      await runtime.run(() => runtime.sleep(runtime.random()));
      return runtime.hash.digest();
    };
    assert.equal(await digest(3), await digest(3));
    assert.notEqual(await digest(3), await digest(4));
  });

  test("waiting for what nobody will do is a deadlock that names its seed", async () => {
    const runtime = new SimulatedRuntime(42);
    await assert.rejects(
      runtime.run(async () => {
        await runtime.sleep(10);
        await new Promise(() => undefined);
      }),
      (error: Error) => error instanceof Deadlock && /seed 42/.test(error.message),
    );
  });

  for (const [what, touch] of [
    ["a real timer", () => void setTimeout(() => undefined, 1)],
    ["a file", () => void readFile(import.meta.filename)],
    ["a real immediate", () => void setImmediate(() => undefined)],
  ] as const) {
    test(`touching ${what} fails the run`, async () => {
      const runtime = new SimulatedRuntime(1);
      await assert.rejects(
        runtime.run(async () => {
          await runtime.yield();
          touch();
          await runtime.sleep(1);
        }),
        TouchedOutside,
      );
    });
  }

  test("what others do beside a run is their own affair", async () => {
    const runtime = new SimulatedRuntime(1);
    const beside = new Promise((resolve) => setTimeout(resolve, 5));
    await runtime.run(() => runtime.sleep(1_000));
    await beside;
  });

  test("after a process was killed none of its timers fires and none of its sleeps ends", async () => {
    const runtime = new SimulatedRuntime(1);
    const mortal = runtime.process();
    let reached = 0;
    await runtime.run(async () => {
      mortal.after(5, () => (reached += 1));
      mortal.after(15, () => (reached += 10));
      void mortal.sleep(15).then(() => (reached += 100));
      await runtime.sleep(10);
      mortal.kill();
      await runtime.sleep(20);
    });
    assert.equal(reached, 1);
  });

  test("running until idle runs every timer, and those that they set", async () => {
    const runtime = new SimulatedRuntime(1);
    let count = 0;
    const again = (): void => {
      count += 1;
      if (count < 5) runtime.after(1, again);
    };
    again();
    await runtime.runUntilIdle();
    assert.equal(count, 5);
  });
});
