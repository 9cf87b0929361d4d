import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CallLine, type QueuedCall } from "./call-line.ts";

const LIMITS = { maxCalls: 3, maxBytes: 100, maxWaitingCalls: 4, maxWaitingBytes: 200 };

test("the line keeps its limits and its order, and loses nobody", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("enter" as const), bytes: fc.integer({ min: 0, max: 150 }) }),
    fc.record({ kind: fc.constantFrom("finish" as const, "withdraw" as const), at: fc.nat(9) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const line = new CallLine(LIMITS);
      const started: QueuedCall[] = [];
      const order: QueuedCall[] = [];
      let waiting: QueuedCall[] = [];
      const check = (): void => {
        const bytes = started.reduce((sum, call) => sum + call.bytes, 0);
        assert.ok(started.length <= LIMITS.maxCalls);
        assert.ok(bytes <= LIMITS.maxBytes || started.length === 1);
        assert.ok(waiting.length <= LIMITS.maxWaitingCalls);
        assert.ok(waiting.length === 0 || started.length > 0, "nobody waits for nothing");
        assert.equal(line.isIdle, started.length === 0 && waiting.length === 0);
      };
      for (const action of steps) {
        if (action.kind === "enter") {
          const call: QueuedCall = {
            bytes: action.bytes,
            start: () => {
              started.push(call);
              assert.ok(waiting.length === 0 || waiting[0] === call, "first come, first served");
              waiting = waiting.filter((other) => other !== call);
            },
          };
          const before = started.length;
          if (line.enter(call) && started.length === before) waiting.push(call);
          order.push(call);
        } else if (action.kind === "finish") {
          const [call] = started.splice(action.at % Math.max(1, started.length), 1);
          if (call !== undefined) line.finish(call);
        } else {
          const call = order[action.at];
          if (call !== undefined) {
            const isWaiting = waiting.includes(call);
            waiting = waiting.filter((other) => other !== call);
            assert.equal(line.withdraw(call), isWaiting);
          }
        }
        check();
      }
      while (started.length > 0) line.finish(started.shift()!);
      assert.ok(line.isIdle);
    }),
    { numRuns: 500 },
  );
});

test("a call beyond the waiting line is refused; idleness is told", async () => {
  const line = new CallLine(LIMITS);
  const call = (bytes = 1): QueuedCall => ({ bytes, start: () => undefined });
  const running = [call(), call(), call()];
  for (const each of running) assert.ok(line.enter(each));
  const waiting = [call(), call(), call(), call()];
  for (const each of waiting) assert.ok(line.enter(each));
  assert.equal(line.enter(call()), false);
  let isIdle = false;
  const idle = line.whenIdle().then(() => (isIdle = true));
  for (const each of waiting) assert.ok(line.withdraw(each));
  for (const each of running) {
    await Promise.resolve();
    assert.equal(isIdle, false);
    line.finish(each);
  }
  await idle;
});
