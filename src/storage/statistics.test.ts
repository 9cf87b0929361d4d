import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import { bytesColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { hashBytes } from "./bloom.ts";
import {
  type Key,
  type SegmentStatistics,
  decodeStatistics,
  encodeStatistics,
  mayContain,
  summarizeKeys,
  timestampRange,
} from "./statistics.ts";
import { int64Keys } from "./testing/random-segment.ts";

const runtime = new SystemRuntime();

async function statisticsOf(keys: readonly Key[], keyType: DataType): Promise<SegmentStatistics> {
  const column =
    keyType === DataType.Int64 ? int64Keys(keys as bigint[]) : bytesColumn(DataType.VarChar, keys as string[]);
  const { minimumKey, maximumKey, bloom } = await summarizeKeys(column, runtime);
  const nullCounts = new Map([[100n, 0]]);
  return {
    keyType,
    rowCount: keys.length,
    timestampFrom: 1n,
    timestampTo: 2n ** 64n - 1n,
    minimumKey,
    maximumKey,
    nullCounts,
    bloom,
  };
}

test("no key is denied, before and after a file, and the bounds are right", async () => {
  const numbers = fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)).map((keys) => ({ keys, type: DataType.Int64 }));
  const texts = fc.array(fc.string({ unit: "grapheme" })).map((keys) => ({ keys, type: DataType.VarChar }));
  await fc.assert(
    fc.asyncProperty(fc.oneof(numbers, texts), async ({ keys, type }) => {
      const statistics = await statisticsOf(keys, type);
      const read = decodeStatistics(encodeStatistics(statistics), "k");
      assert.deepEqual(read, statistics);
      for (const key of keys) assert.ok(mayContain(read, key), String(key));
      const ordered = keys.toSorted((left, right) => compare(left, right));
      assert.equal(read.minimumKey, ordered[0] ?? null);
      assert.equal(read.maximumKey, ordered.at(-1) ?? null);
    }),
    { numRuns: 200 },
  );
});

function compare(left: Key, right: Key): number {
  if (typeof left === "string") return Buffer.compare(Buffer.from(left), Buffer.from(right as string));
  return left < (right as bigint) ? -1 : left > (right as bigint) ? 1 : 0;
}

test("about one absent key in a thousand passes the filter", async () => {
  for (const keyCount of [20_000, 50_000, 150_000]) {
    for (const type of [DataType.Int64, DataType.VarChar]) {
      // Present keys are even, absent ones odd, so that the bounds do not help.
      const keyAt = (at: number): Key => (type === DataType.Int64 ? BigInt(at) : `key-${String(at).padStart(9, "0")}`);
      const statistics = await statisticsOf(
        Array.from({ length: keyCount }, (_, at) => keyAt(at * 2)),
        type,
      );
      const probes = keyCount - 1;
      let passed = 0;
      for (let at = 0; at < probes; at += 1) if (mayContain(statistics, keyAt(at * 2 + 1))) passed += 1;
      assert.ok(passed / probes < 0.002, `${passed} of ${probes} for keys of type ${type}`);
    }
  }
});

function hash(text: string, seed: number): number {
  return hashBytes(Buffer.from(text), 0, Buffer.byteLength(text), seed);
}

test("the hash is MurmurHash3 x86/32", () => {
  assert.equal(hash("", 0), 0);
  assert.equal(hash("", 1), 0x514e28b7);
  assert.equal(hash("test", 0), 0xba6bd213);
  assert.equal(hash("Hello, world!", 0), 0xc0363e43);
  assert.equal(hash("The quick brown fox jumps over the lazy dog", 0x9747b28c), 0x2fa826cd);
});

test("timestamps are compared as unsigned", () => {
  assert.deepEqual(timestampRange(BigUint64Array.of(2n ** 63n, 1n, 2n ** 32n, 2n ** 32n - 1n)), {
    from: 1n,
    to: 2n ** 63n,
  });
  assert.deepEqual(timestampRange(new BigUint64Array(0)), { from: 0n, to: 0n });
});

test("an empty segment contains nothing", async () => {
  const statistics = await statisticsOf([], DataType.Int64);
  assert.equal(mayContain(statistics, 0n), false);
});
