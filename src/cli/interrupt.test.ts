import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { stopOnSignals } from "./interrupt.ts";

class FixedClock extends SystemRuntime {
  milliseconds = 0;
  override monotonic(): number {
    return this.milliseconds;
  }
}

test("the first signal stops, its echo is ignored, a later one ends the process", () => {
  const signals = new EventEmitter();
  const clock = new FixedClock();
  let ended = 0;
  const stop = stopOnSignals(signals, clock, () => (ended += 1));
  assert.equal(stop.aborted, false);
  signals.emit("SIGINT");
  assert.equal(stop.aborted, true);
  clock.milliseconds = 999;
  signals.emit("SIGTERM");
  assert.equal(ended, 0);
  clock.milliseconds = 1_000;
  signals.emit("SIGINT");
  assert.equal(ended, 1);
});
