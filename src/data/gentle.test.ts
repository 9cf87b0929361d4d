import assert from "node:assert/strict";
import { test } from "node:test";
import type { Runtime } from "../base/host/runtime.ts";
import { gentle } from "./gentle.ts";

test("a turn is given back for longer when others needed theirs, and at once when nobody did", async () => {
  let now = 0;
  let others = 0;
  const slept: number[] = [];
  const runtime = {
    monotonic: () => now,
    yield: async () => void (now += others),
    sleep: async (milliseconds: number) => void slept.push(milliseconds),
  } as unknown as Runtime;
  const work = gentle(runtime);
  await work.yield();
  assert.deepEqual(slept, []);
  others = 5;
  await work.yield();
  others = 500;
  await work.yield();
  assert.deepEqual(slept, [15, 40]);
});
