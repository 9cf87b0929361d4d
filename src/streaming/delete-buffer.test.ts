import assert from "node:assert/strict";
import { test } from "node:test";
import { type KeyColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { DeleteBuffer, type DeleteEntry, joinDeletes } from "./delete-buffer.ts";

function entry(timeTick: bigint, partitionId: bigint, ...keys: bigint[]): DeleteEntry {
  const column: KeyColumn = { kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(keys), valid: null };
  const timestamps = new BigUint64Array(keys.length).fill(timeTick);
  return { timeTick, restartPosition: timeTick * 10n, partitionId, keys: column, timestamps, upperBounds: timestamps };
}

test("entries stay until files have them and every reader knows the files", () => {
  const buffer = new DeleteBuffer(0n);
  buffer.push(entry(10n, -1n, 1n));
  buffer.push(entry(20n, 5n, 2n, 3n));
  buffer.push(entry(30n, -1n, 4n));
  assert.equal(buffer.oldestUnflushed()?.timeTick, 10n);
  const due = buffer.unflushedUntil(25n);
  assert.deepEqual([...due.keys()], [-1n, 5n]);
  assert.deepEqual(
    due.get(5n)?.map(({ timeTick }) => timeTick),
    [20n],
  );
  buffer.markFlushed(25n);
  assert.equal(buffer.oldestUnflushed()?.timeTick, 30n);
  assert.equal(buffer.since(0).length, 3, "a segment that is being loaded may not know the files yet");
  const bytes = buffer.bytes;
  buffer.trim(25n);
  assert.deepEqual(
    buffer.since(0).map(({ sequence }) => sequence),
    [2],
  );
  assert.ok(buffer.bytes < bytes);
  buffer.trim(30n);
  assert.equal(buffer.bytes, 0);
});

test("a reader goes on from the number it has seen", () => {
  const buffer = new DeleteBuffer(0n);
  buffer.push(entry(10n, -1n, 1n));
  const seen = buffer.since(0).at(-1)!.sequence + 1;
  assert.deepEqual(buffer.since(seen), []);
  buffer.push(entry(11n, -1n, 2n));
  assert.deepEqual(
    buffer.since(seen).map((numbered) => numbered.entry.timeTick),
    [11n],
  );
});

test("what a restart found flushed is not flushed again", () => {
  const buffer = new DeleteBuffer(15n);
  buffer.push(entry(20n, -1n, 1n));
  assert.equal(buffer.unflushedUntil(15n).size, 0);
  assert.equal(buffer.oldestUnflushed()?.restartPosition, 200n);
  buffer.markFlushed(10n);
  assert.equal(buffer.flushed, 15n, "never backwards");
});

test("joined deletes keep their order and their own timestamps", () => {
  const joined = joinDeletes([entry(10n, -1n, 1n, 2n), entry(20n, -1n, 3n)]);
  assert.deepEqual([...(joined.keys as KeyColumn & { values: BigInt64Array }).values], [1n, 2n, 3n]);
  assert.deepEqual([...joined.timestamps], [10n, 10n, 20n]);
  assert.deepEqual([...joined.upperBounds], [10n, 10n, 20n]);
});
