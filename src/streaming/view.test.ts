import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import type { Timer } from "../base/host/runtime.ts";
import { Leases } from "./leases.ts";
import { View } from "./view.ts";

test("a view lives until it is replaced and its last reader is done", () => {
  let retired = 0;
  const view = new View([], [], () => (retired += 1));
  view.pin();
  view.pin();
  view.retire();
  view.unpin();
  assert.equal(retired, 0);
  view.pin();
  view.unpin();
  view.unpin();
  assert.equal(retired, 1);
  assert.throws(() => view.pin(), /only a live view is read/);
  assert.throws(() => view.retire(), /a view is replaced once/);
});

test("a lease is let go once, by its holder or by its timer", () => {
  const timers: { action: () => void; cancelled: boolean }[] = [];
  class HeldTimers extends SystemRuntime {
    override after(_milliseconds: number, action: () => void): Timer {
      const timer = { action, cancelled: false };
      timers.push(timer);
      return { cancel: () => void (timer.cancelled = true) };
    }
  }
  const leases = new Leases(new HeldTimers());
  const view = new View([], [], () => undefined);
  view.pin();
  const first = leases.grant(view);
  assert.equal(leases.view(first), view);
  leases.release(first);
  leases.release(first);
  assert.equal(timers[0]!.cancelled, true);
  assert.throws(() => leases.view(first), /the snapshot of the search has expired/);
  view.pin();
  const second = leases.grant(view);
  timers[1]!.action();
  assert.throws(() => leases.view(second), /inconsistent requery result/);
  assert.equal(leases.count, 0);
  assert.throws(() => view.unpin(), /let go by who pinned it/);
});
