import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MilvusError } from "../base/errors.ts";
import { type Message, MessageType } from "../model/message.ts";
import { type Assignment, Shards } from "./shards.ts";
import { COLLECTION, PARTITION, insert } from "./testing/messages.ts";

const CHANNEL = "dml_0_7v0";
const OTHER_PARTITION = 71n;
/** A batch of one row of `insert([key])`: 8 for the key, 8 for the offsets of an empty text. */
const ROW_BYTES = 16;

class Fixture {
  readonly shards: Shards;
  #nextId = 1000n;

  constructor(rowsPerSegment: number) {
    this.shards = new Shards({ maxSegmentBytes: rowsPerSegment * ROW_BYTES });
    this.shards.register(CHANNEL, COLLECTION, [PARTITION, OTHER_PARTITION]);
  }

  assign(messages: readonly Message[], inTransaction = false): Assignment {
    return this.shards.assign(CHANNEL, messages, inTransaction, () => (this.#nextId += 1n));
  }

  state(): string[] {
    return this.shards
      .growing(CHANNEL)
      .map(({ segmentId, partitionId, rows, bytes }) => `${segmentId}/${partitionId}: ${rows} rows, ${bytes} bytes`)
      .toSorted();
  }
}

function summary(messages: readonly Message[]): string[] {
  return messages.map((message) => {
    if (message.type === MessageType.Insert) return `insert ${message.segmentId}`;
    if (message.type === MessageType.CreateSegment) return `create ${message.segmentId}`;
    return "segmentIds" in message ? `flush ${message.segmentIds.join(",")}` : `type ${message.type}`;
  });
}

describe("segment assignment", () => {
  test("the first insert creates the segment, later ones go into it, a full one is flushed before the next is created", () => {
    const fixture = new Fixture(2);
    assert.deepEqual(summary(fixture.assign([insert([1n])]).messages), ["create 1001", "insert 1001"]);
    assert.deepEqual(summary(fixture.assign([insert([2n])]).messages), ["insert 1001"]);
    assert.deepEqual(summary(fixture.assign([insert([3n])]).messages), ["flush 1001", "create 1002", "insert 1002"]);
    assert.deepEqual(fixture.state(), [`1002/${PARTITION}: 1 rows, ${ROW_BYTES} bytes`]);
  });

  test("partitions have segments of their own, also within one record", () => {
    const fixture = new Fixture(10);
    const record = [insert([1n]), insert([2n], { partitionId: OTHER_PARTITION }), insert([3n])];
    const messages = summary(fixture.assign(record).messages);
    assert.deepEqual(messages, ["create 1001", "insert 1001", "create 1002", "insert 1002", "insert 1001"]);
  });

  test("a batch larger than a segment gets one to itself", () => {
    const fixture = new Fixture(2);
    assert.deepEqual(summary(fixture.assign([insert([1n, 2n, 3n, 4n])]).messages), ["create 1001", "insert 1001"]);
    assert.deepEqual(summary(fixture.assign([insert([5n])]).messages), ["flush 1001", "create 1002", "insert 1002"]);
  });

  test("what does not exist gets no rows, and a record refused half-way leaves no trace", () => {
    const fixture = new Fixture(1);
    fixture.assign([insert([1n])]);
    const before = fixture.state();
    for (const [message, kind] of [
      [insert([2n], { partitionId: 99n }), "PartitionNotFound"],
      [insert([2n], { collectionId: 99n }), "CollectionNotFound"],
    ] as const) {
      assert.throws(
        () => fixture.assign([insert([3n]), message]),
        (error: unknown) => error instanceof MilvusError && error.kind === kind,
      );
      assert.deepEqual(fixture.state(), before);
    }
  });

  test("a lost record gives its rows back; the segment that it was to flush waits for another flush", () => {
    const fixture = new Fixture(1);
    fixture.assign([insert([1n])]);
    const lost = fixture.assign([insert([2n])]);
    lost.undo();
    assert.deepEqual(fixture.state(), [`1001/${PARTITION}: 1 rows, ${ROW_BYTES} bytes`]);
    assert.deepEqual(fixture.shards.sealable(CHANNEL, null), [1001n]);
    assert.deepEqual(summary([fixture.shards.transactionEnded(CHANNEL, [])!]), ["flush 1001"]);
  });

  test("a segment whose creation was lost stays as long as other records have rows in it", () => {
    const fixture = new Fixture(10);
    const creating = fixture.assign([insert([1n])]);
    const other = fixture.assign([insert([2n])]);
    creating.undo();
    assert.deepEqual(fixture.state(), [`1001/${PARTITION}: 1 rows, ${ROW_BYTES} bytes`]);
    const replayed = new Fixture(10);
    for (const message of other.messages) replayed.shards.observe(CHANNEL, message);
    assert.deepEqual(replayed.state(), fixture.state());
  });

  test("a segment with an open transaction is flushed by the transaction's end, not before", () => {
    const fixture = new Fixture(1);
    fixture.assign([insert([1n])], true);
    assert.deepEqual(summary(fixture.assign([insert([2n])]).messages), ["create 1002", "insert 1002"]);
    assert.throws(() => fixture.shards.sealable(CHANNEL, null), /no transaction is open/);
    const flush = fixture.shards.transactionEnded(CHANNEL, [1001n])!;
    assert.deepEqual(summary([flush]), ["flush 1001"]);
    assert.deepEqual(fixture.shards.growing(CHANNEL).length, 2, "it is gone only when its flush is in the log");
    fixture.shards.observe(CHANNEL, flush);
    assert.deepEqual(fixture.state(), [`1002/${PARTITION}: 1 rows, ${ROW_BYTES} bytes`]);
  });

  test("a transaction flushes nothing itself, because it may be rolled back", () => {
    const fixture = new Fixture(1);
    fixture.assign([insert([1n])]);
    const body = fixture.assign([insert([2n])], true);
    assert.deepEqual(summary(body.messages), ["create 1002", "insert 1002"]);
    body.undo();
    assert.deepEqual(summary([fixture.shards.transactionEnded(CHANNEL, [])!]), ["flush 1001"]);
    assert.deepEqual(fixture.shards.sealable(CHANNEL, null), [1001n], "what was created in it is gone");
  });

  test("a dropped partition takes its segments along, full ones too", () => {
    const fixture = new Fixture(1);
    fixture.assign([insert([1n])], true);
    fixture.assign([insert([2n])]);
    fixture.assign([insert([3n], { partitionId: OTHER_PARTITION })]);
    fixture.shards.observe(CHANNEL, {
      type: MessageType.DropPartition,
      collectionId: COLLECTION,
      partitionId: PARTITION,
      partitionName: "p",
    });
    assert.deepEqual(fixture.state(), [`1003/${OTHER_PARTITION}: 1 rows, ${ROW_BYTES} bytes`]);
    assert.throws(() => fixture.assign([insert([4n])]), /partition not found/);
  });

  test("property: a replay of the records that are in the log leads to the same segments", () => {
    const step = fc.record({
      rows: fc.integer({ min: 1, max: 4 }),
      partition: fc.constantFrom(PARTITION, OTHER_PARTITION),
      fate: fc.constantFrom("kept", "kept", "kept", "lost", "flush"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const live = new Fixture(6);
        const replayed = new Fixture(6);
        const log: Message[] = [];
        for (const { rows, partition, fate } of steps) {
          if (fate === "flush") {
            const segmentIds = live.shards.sealable(CHANNEL, partition);
            const flush: Message = { type: MessageType.ManualFlush, collectionId: COLLECTION, segmentIds };
            live.shards.observe(CHANNEL, flush);
            log.push(flush);
            continue;
          }
          const keys = Array.from({ length: rows }, (_, at) => BigInt(at));
          const assignment = live.assign([insert(keys, { partitionId: partition })]);
          if (fate === "lost") assignment.undo();
          else log.push(...assignment.messages);
        }
        const flushed = new Set<bigint>();
        for (const message of log) {
          if ("segmentIds" in message) for (const segmentId of message.segmentIds) flushed.add(segmentId);
          if (message.type === MessageType.Insert) assert.ok(!flushed.has(message.segmentId), "no row after the flush");
          replayed.shards.observe(CHANNEL, message);
        }
        assert.deepEqual(replayed.state(), live.state());
      }),
    );
  });
});
