import assert from "node:assert/strict";
import { test } from "node:test";
import type { Runtime } from "../base/host/runtime.ts";
import { composeTimestamp } from "../base/timestamp.ts";
import { ReadMarks } from "./read-marks.ts";

interface Clock {
  readonly runtime: Runtime;
  milliseconds: number;
}

function clock(): Clock {
  const runtime = { monotonic: () => time.milliseconds } as Runtime;
  const time: Clock = { milliseconds: 1_000_000, runtime };
  return time;
}

const at = (seconds: number): bigint => composeTimestamp(seconds * 1_000);

test("a moment that is read again and again is kept, and forgotten when it is not", () => {
  const time = clock();
  const marks = new ReadMarks(time.runtime, 600_000);
  marks.note(at(9_900), at(10_000));
  assert.equal(marks.oldest(), null, "recent moments need no mark");
  marks.note(at(9_500), at(10_000));
  marks.note(at(9_600), at(10_000));
  assert.equal(marks.oldest(), at(9_500));
  time.milliseconds += 500_000;
  marks.note(at(9_600), at(10_500));
  time.milliseconds += 500_000;
  assert.equal(marks.oldest(), at(9_600));
  time.milliseconds += 500_000;
  assert.equal(marks.oldest(), null);
});

test("of too many moments those that were read last are kept", () => {
  const marks = new ReadMarks(clock().runtime, 1_000);
  for (let second = 0; second < 3_000; second += 1) marks.note(at(second), at(10_000));
  assert.equal(marks.oldest(), at(3_000 - 1_024));
});
