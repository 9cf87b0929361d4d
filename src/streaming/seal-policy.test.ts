import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import type { Timer } from "../base/host/runtime.ts";
import { composeTimestamp } from "../base/timestamp.ts";
import { type GrowingState, SealPolicy, channelsToSeal } from "./seal-policy.ts";

const LIMITS = {
  maxAgeMilliseconds: 600_000,
  restMilliseconds: 20_000,
  highWaterBytes: 100,
  checkMilliseconds: 10,
  refuseBytes: 200,
};

function state(virtualChannel: string, bytes: number, oldestMilliseconds: number | null): GrowingState {
  return {
    virtualChannel,
    collectionId: 1n,
    bytes,
    oldest: oldestMilliseconds === null ? null : composeTimestamp(oldestMilliseconds),
    searchedNewest: null,
  };
}

function sealed(states: readonly GrowingState[], now: number): string[] {
  return channelsToSeal(states, now, LIMITS).map(({ virtualChannel }) => virtualChannel);
}

test("what has grown for too long is closed (row 4.32)", () => {
  const states = [state("old", 1, 1_000), state("young", 1, 500_000), state("empty", 0, null)];
  assert.deepEqual(sealed(states, 600_999), []);
  assert.deepEqual(sealed(states, 601_000), ["old"]);
});

test("what is searched through a graph is closed when nothing came for a while", () => {
  const searched = { ...state("searched", 1, 1_000), searchedNewest: composeTimestamp(50_000) };
  const states = [searched, state("others", 1, 1_000)];
  assert.deepEqual(sealed(states, 69_999), []);
  assert.deepEqual(sealed(states, 70_000), ["searched"]);
});

test("over the high-water mark the largest go first, until the rest fits", () => {
  const states = [state("a", 30, 1), state("b", 60, 1), state("c", 50, 1)];
  assert.deepEqual(sealed(states, 1), ["b"]);
  assert.deepEqual(sealed([...states, state("d", 45, 1)], 1), ["b", "c"]);
  assert.deepEqual(sealed([state("a", 100, 1)], 1), [], "at the mark is not over it");
});

test("what goes for its age counts as gone", () => {
  assert.deepEqual(sealed([state("old", 90, 1), state("young", 50, 600_000)], 600_001), ["old"]);
});

test("no timer runs while nothing grows", async () => {
  const timers: (() => void)[] = [];
  class CountedTimers extends SystemRuntime {
    override now(): number {
      return 700_000;
    }
    override after(_milliseconds: number, action: () => void): Timer {
      timers.push(action);
      return { cancel: () => undefined };
    }
  }
  let states = [state("a", 1, 1)];
  const closed: string[] = [];
  const policy = new SealPolicy(
    new CountedTimers(),
    LIMITS,
    () => states,
    async ({ virtualChannel }) => {
      closed.push(virtualChannel);
      states = [state("a", 0, null)];
    },
  );
  policy.arm();
  policy.arm();
  assert.equal(timers.length, 1);
  timers[0]!();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(closed, ["a"]);
  assert.equal(timers.length, 1, "not armed again");
  states = [state("a", 1, 690_000)];
  policy.arm();
  timers[1]!();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(timers.length, 3, "armed again while something grows");
});
