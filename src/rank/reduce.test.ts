import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import {
  bytesColumn,
  type Column,
  type ColumnBatch,
  type FixedColumn,
  type KeyColumn,
  textAt,
} from "../model/columns.ts";
import type { Hits } from "../model/plan.ts";
import { TIMESTAMP_FIELD } from "../model/schema.ts";
import { DataType, Metric } from "../model/types.ts";
import { emptyHits, reduceHits, reduceRows } from "./reduce.ts";

const runtime = new SystemRuntime();
const KEY_FIELD = 100n;
const VECTOR_FIELD = 101n;
const NOTE_FIELD = 102n;
const QUERIES = 2;

type KeyType = "int64" | "varchar";

interface Hit {
  readonly query: number;
  readonly key: number;
  readonly score: number;
  readonly segment: number;
  readonly row: number;
}

function keyColumn(keys: readonly number[], keyType: KeyType): KeyColumn {
  if (keyType === "varchar")
    return bytesColumn(
      DataType.VarChar,
      keys.map((key) => `k${key}`),
    );
  return { kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(keys, BigInt), valid: null };
}

function keyAt(column: KeyColumn, row: number): number {
  return column.kind === "bytes" ? Number(textAt(column, row).slice(1)) : Number(column.values[row]);
}

/** One-digit keys and -1…: the order of text is that of numbers for these. */
const keys = fc.integer({ min: 0, max: 9 });

/** Hits of several segments; few keys and scores, so that both repeat. */
const segments = fc.array(
  fc.array(
    fc.record({ query: fc.nat({ max: QUERIES - 1 }), key: keys, score: fc.constantFrom(-Infinity, -2, 0, 1, 2) }),
    {
      maxLength: 12,
      size: "max",
    },
  ),
  { minLength: 1, maxLength: 7, size: "max" },
);

function better(metric: Metric): (left: Hit, right: Hit) => number {
  const byScore = (left: number, right: number): number => (left === right ? 0 : left < right ? -1 : 1);
  return (left, right) =>
    (metric === Metric.L2 ? byScore(left.score, right.score) : byScore(right.score, left.score)) ||
    left.key - right.key ||
    right.segment - left.segment ||
    right.row - left.row;
}

/** The window of every query's best hits, each key once, by looking at all of them. */
function bruteForce(hits: readonly Hit[], metric: Metric, offset: number, limit: number | null): Hit[] {
  return Array.from({ length: QUERIES }, (_, query) => {
    const sorted = hits.filter((hit) => hit.query === query).toSorted(better(metric));
    const once = sorted.filter((hit, at) => sorted.findIndex((other) => other.key === hit.key) === at);
    return once.slice(offset, limit === null ? undefined : offset + limit);
  }).flat();
}

function asHits(hits: readonly Hit[], keyType: KeyType): Hits {
  const offsets = Uint32Array.from({ length: QUERIES + 1 }, (_, end) => hits.filter((hit) => hit.query < end).length);
  return {
    offsets,
    keys: keyColumn(
      hits.map((hit) => hit.key),
      keyType,
    ),
    scores: Float32Array.from(hits, (hit) => hit.score),
    segmentIds: BigInt64Array.from(hits, (hit) => BigInt(hit.segment)),
    rows: Uint32Array.from(hits, (hit) => hit.row),
  };
}

function fromHits(hits: Hits): Hit[] {
  return Array.from(hits.rows, (row, at) => ({
    query: hits.offsets.findLastIndex((start) => start <= at),
    key: keyAt(hits.keys, at),
    score: hits.scores[at]!,
    segment: Number(hits.segmentIds[at]),
    row,
  }));
}

for (const keyType of ["int64", "varchar"] as const) {
  for (const metric of [Metric.L2, Metric.IP]) {
    test(`hits merged in any tree are those of one sorted list: ${metric}, ${keyType} keys`, async () => {
      const windows = fc.record({ offset: fc.nat({ max: 4 }), limit: fc.option(fc.nat({ max: 6 })) });
      const tree = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 6, size: "max" });
      await fc.assert(
        fc.asyncProperty(segments, windows, tree, async (drawn, { offset, limit }, steps) => {
          const all = drawn.map((hits, segment) => hits.map((hit, row): Hit => ({ ...hit, segment, row })));
          const inner = { offset: 0, limit: limit === null ? null : offset + limit };
          let lists = all.map((hits) => asHits(bruteForce(hits, metric, 0, inner.limit), keyType));
          for (const [left, right] of steps) {
            if (lists.length < 2) break;
            const first = left % lists.length;
            const second = (first + 1 + (right % (lists.length - 1))) % lists.length;
            const merged = await reduceHits([lists[first]!, lists[second]!], metric, inner, runtime);
            lists = [...lists.filter((_, at) => at !== first && at !== second), merged];
          }
          const result = await reduceHits(lists, metric, { offset, limit }, runtime);
          assert.deepEqual(fromHits(result), bruteForce(all.flat(), metric, offset, limit));
          assert.equal(result.offsets.length, QUERIES + 1);
        }),
        { numRuns: 200 },
      );
    });
  }

  test(`rows merged in any tree are the newest of every key: ${keyType} keys`, async () => {
    const lists = fc.array(
      fc.array(fc.record({ key: keys, age: fc.nat({ max: 30 }) }), { maxLength: 12, size: "max" }),
      {
        minLength: 1,
        maxLength: 6,
        size: "max",
      },
    );
    const windows = fc.record({ offset: fc.nat({ max: 4 }), limit: fc.option(fc.nat({ max: 6 })) });
    await fc.assert(
      fc.asyncProperty(lists, windows, fc.nat(), async (drawn, { offset, limit }, split) => {
        // Timestamps that no two rows share: the list's number is in them.
        const rows = drawn.map((list, at) => list.map(({ key, age }) => ({ key, time: age * 16 + at })));
        const window = { offset, limit };
        const expected = newestRows(rows.flat()).slice(offset, limit === null ? undefined : offset + limit);
        const batches = rows.map((list) => batchOf(newestRows(list), keyType));
        const result = await reduceRows(batches, KEY_FIELD, window, runtime);
        assert.deepEqual(fromBatch(result), expected);
        const inner = { offset: 0, limit: limit === null ? null : offset + limit };
        const border = 1 + (split % batches.length);
        const halves = [batches.slice(0, border), batches.slice(border)].filter((half) => half.length > 0);
        const merged = await Promise.all(halves.map((half) => reduceRows(half, KEY_FIELD, inner, runtime)));
        assert.deepEqual(fromBatch(await reduceRows(merged, KEY_FIELD, window, runtime)), expected);
      }),
      { numRuns: 200 },
    );
  });
}

interface Row {
  readonly key: number;
  readonly time: number;
}

function newestRows(rows: readonly Row[]): Row[] {
  const sorted = rows.toSorted((left, right) => left.key - right.key || right.time - left.time);
  return sorted.filter((row, at) => at === 0 || sorted[at - 1]!.key !== row.key);
}

function batchOf(rows: readonly Row[], keyType: KeyType): ColumnBatch {
  const times: FixedColumn = {
    kind: "fixed",
    type: DataType.Int64,
    values: BigInt64Array.from(rows, (row) => BigInt(row.time)),
    valid: null,
  };
  const hasNull = rows.some((row) => row.time % 3 === 0);
  const columns = new Map<bigint, Column>([
    [
      KEY_FIELD,
      keyColumn(
        rows.map((row) => row.key),
        keyType,
      ),
    ],
    [TIMESTAMP_FIELD, times],
    [
      VECTOR_FIELD,
      {
        kind: "vector",
        type: DataType.FloatVector,
        dimension: 2,
        values: Float32Array.from(rows.flatMap((row) => [row.key, row.time])),
        valid: null,
      },
    ],
    [
      NOTE_FIELD,
      bytesColumn(
        DataType.VarChar,
        rows.map((row) => (row.time % 3 === 0 ? "" : `at ${row.time}`)),
        hasNull ? Uint8Array.from(rows, (row) => (row.time % 3 === 0 ? 0 : 1)) : null,
      ),
    ],
  ]);
  return { rowCount: rows.length, columns };
}

/** The rows, after a look at every column whether it belongs to them. */
function fromBatch(batch: ColumnBatch): Row[] {
  const times = batch.columns.get(TIMESTAMP_FIELD) as FixedColumn;
  const vectors = (batch.columns.get(VECTOR_FIELD) as { values: Float32Array }).values;
  const notes = batch.columns.get(NOTE_FIELD)!;
  return Array.from({ length: batch.rowCount }, (_, row) => {
    const time = Number(times.values[row]);
    const key = keyAt(batch.columns.get(KEY_FIELD) as KeyColumn, row);
    assert.deepEqual([...vectors.subarray(row * 2, row * 2 + 2)], [key, time]);
    assert.equal(notes.valid?.[row] ?? 1, time % 3 === 0 ? 0 : 1);
    assert.equal(notes.kind === "bytes" && textAt(notes, row), time % 3 === 0 ? "" : `at ${time}`);
    return { key, time };
  });
}

test("nothing merged with nothing is nothing", async () => {
  const none = emptyHits(3, DataType.VarChar);
  const result = await reduceHits([none, none], Metric.IP, { offset: 0, limit: 10 }, runtime);
  assert.deepEqual(result, none);
});

test("many queries give others a turn, and an abort ends the merge", async () => {
  const queryCount = 40_000;
  const hits: Hits = {
    offsets: Uint32Array.from({ length: queryCount + 1 }, (_, query) => query),
    keys: keyColumn(
      Array.from({ length: queryCount }, (_, query) => query),
      "int64",
    ),
    scores: new Float32Array(queryCount),
    segmentIds: new BigInt64Array(queryCount),
    rows: new Uint32Array(queryCount),
  };
  const stop = new AbortController();
  const merging = reduceHits([hits, hits], Metric.L2, { offset: 0, limit: 1 }, runtime, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(merging, /enough/);
});

test("lists of different questions are refused", async () => {
  const window = { offset: 0, limit: 1 };
  const lists = [emptyHits(1, DataType.Int64), emptyHits(2, DataType.Int64)];
  await assert.rejects(reduceHits(lists, Metric.L2, window, runtime), /same queries/);
  await assert.rejects(reduceHits([], Metric.L2, window, runtime), /something to merge/);
});
