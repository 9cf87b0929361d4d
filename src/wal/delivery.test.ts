/** Order, bounds and ends of the way to the consumer. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Timestamp } from "../base/timestamp.ts";
import { MessageType } from "../model/message.ts";
import { DataType } from "../model/types.ts";
import { Delivery } from "./delivery.ts";
import type { PlacedRecord } from "./transactions.ts";

function record(timeTick: Timestamp, messages: PlacedRecord["record"]["messages"] = []): PlacedRecord {
  const head = { channel: "c", confirmed: 0n, lastConfirmed: 0n, transactionId: 0n, idempotencyKey: "" };
  return { position: timeTick, record: { ...head, timeTick, messages } };
}

/** A consumer that applies a record only when it is let, and writes down what it saw. */
class Gate {
  readonly seen: string[] = [];
  confirmed: Timestamp = 0n;
  readonly #gates: { resolve: () => void; reject: (error: Error) => void }[] = [];
  readonly delivery = new Delivery(
    {
      apply: ({ record: { timeTick } }) => {
        this.seen.push(`begin ${timeTick}`);
        return new Promise<void>((resolve, reject) => this.#gates.push({ resolve, reject })).then(
          () => void this.seen.push(`end ${timeTick}`),
        );
      },
      advance: (tick) => this.seen.push(`tick ${tick}`),
    },
    () => this.confirmed,
    0n,
  );

  give(...records: PlacedRecord[]): void {
    for (const placed of records) this.delivery.push(placed);
    this.confirmed = records.at(-1)!.record.timeTick;
    this.delivery.wake();
  }

  async next(): Promise<{ resolve: () => void; reject: (error: Error) => void }> {
    for (;;) {
      const gate = this.#gates.shift();
      if (gate !== undefined) return gate;
      await new Promise(setImmediate);
    }
  }
}

test("one record at a time, in order, and the tick after all of them", async () => {
  const gate = new Gate();
  gate.give(record(1n), record(2n));
  const reached = gate.delivery.waitFor(2n);
  (await gate.next()).resolve();
  (await gate.next()).resolve();
  await reached;
  assert.deepEqual(gate.seen, ["begin 1", "end 1", "begin 2", "end 2", "tick 2"]);
  assert.equal(gate.delivery.advanced, 2n);
  await gate.delivery.waitFor(1n);
});

test("a tick without a record is told too", async () => {
  const gate = new Gate();
  gate.confirmed = 9n;
  gate.delivery.wake();
  await gate.delivery.waitFor(9n);
  assert.deepEqual(gate.seen, ["tick 9"]);
});

test("records of more than the limit make it full, and room comes once enough is applied", async () => {
  const gate = new Gate();
  // Never touched, so that it is an address and no memory.
  const keys = { kind: "fixed", type: DataType.Int64, values: new BigInt64Array(25 << 20), valid: null } as const;
  const big = (tick: Timestamp): PlacedRecord =>
    record(tick, [{ type: MessageType.Delete, collectionId: 1n, partitionId: 1n, upperBound: null, keys }]);
  gate.give(big(1n), big(2n));
  const wasFull = gate.delivery.isFull;
  assert.equal(wasFull, true);
  let hasRoom = false;
  const room = gate.delivery.room().then(() => (hasRoom = true));
  assert.equal(hasRoom, false);
  (await gate.next()).resolve();
  await room;
  assert.equal(gate.delivery.isFull, false);
  (await gate.next()).resolve();
  await gate.delivery.idle();
});

test("after a record that cannot be applied nothing more is, and everyone who waits learns why", async () => {
  const gate = new Gate();
  gate.give(record(1n), record(2n));
  const reached = assert.rejects(gate.delivery.waitFor(2n), /broken/);
  const room = gate.delivery.room();
  (await gate.next()).reject(new Error("broken"));
  await reached;
  await room;
  await gate.delivery.idle();
  assert.deepEqual(gate.seen, ["begin 1"]);
  assert.match(String(gate.delivery.failure), /broken/);
  await assert.rejects(gate.delivery.waitFor(0n), /broken/);
});

test("giving up rejects those who wait and keeps what was reached", async () => {
  const gate = new Gate();
  const waiting = assert.rejects(gate.delivery.waitFor(5n), /closed/);
  gate.delivery.giveUp(new Error("closed"));
  await waiting;
  assert.equal(gate.delivery.failure, null);
  await gate.delivery.waitFor(0n);
});
