import assert from "node:assert/strict";
import { test } from "node:test";
import { MilvusError } from "../base/errors.ts";
import { SystemRuntime } from "../base/host/system.ts";
import { type Message, MessageType } from "../model/message.ts";
import { Admission } from "./admission.ts";

const INSERT = [{ type: MessageType.Insert } as Message];
const DELETE = [{ type: MessageType.Delete } as Message];

class FastClock extends SystemRuntime {
  milliseconds = 0;

  override monotonic(): number {
    return this.milliseconds;
  }

  override sleep(milliseconds: number): Promise<void> {
    this.milliseconds += milliseconds;
    return Promise.resolve();
  }
}

test("inserts wait while too much grows, and go on when files have it", async () => {
  const clock = new FastClock();
  let bytes = 150;
  let relieved = 0;
  const admission = new Admission(
    clock,
    100,
    () => bytes,
    () => (relieved += 1),
  );
  const entering = admission.enter(INSERT);
  await Promise.resolve();
  bytes = 100;
  await entering;
  assert.equal(relieved, 1);
  assert.ok(clock.milliseconds >= 20);
});

test("an insert that waited too long is refused with Milvus's quota error; deletes never wait", async () => {
  const clock = new FastClock();
  const admission = new Admission(
    clock,
    100,
    () => 101,
    () => undefined,
  );
  await admission.enter(DELETE);
  assert.equal(clock.milliseconds, 0);
  await assert.rejects(admission.enter(INSERT), (error: unknown) => {
    assert.ok(error instanceof MilvusError);
    assert.equal(error.code, 9);
    assert.match(error.message, /^quota exceeded\[reason=memory quota exceeded, please allocate more resources\]$/);
    return true;
  });
  assert.ok(clock.milliseconds >= 10_000);
});

test("measuring is not repeated for every insert", async () => {
  const clock = new FastClock();
  let measured = 0;
  const admission = new Admission(
    clock,
    100,
    () => ((measured += 1), 0),
    () => undefined,
  );
  for (let count = 0; count < 50; count += 1) await admission.enter(INSERT);
  assert.equal(measured, 1);
  clock.milliseconds += 20;
  await admission.enter(INSERT);
  assert.equal(measured, 2);
});
