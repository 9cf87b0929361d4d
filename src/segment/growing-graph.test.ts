/** Growing segments of many rows, searched through their graph: recall, what is visible, filters, the newest rows, releases. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { parseFilter } from "../expr/filter.ts";
import { planFilter } from "../expr/plan.ts";
import { loadKernel } from "../kernel/load.ts";
import { NativeKernel } from "../kernel/native.ts";
import { countBits, emptyBitset, hasBit, setBit } from "../model/bitset.ts";
import type { Column } from "../model/columns.ts";
import { NOTHING_EXPIRED } from "../model/expiry.ts";
import type { CollectionSchema, FieldSchema } from "../model/schema.ts";
import { DataType, Metric } from "../model/types.ts";
import { searchSegment } from "./execute.ts";
import { GrowingSegment } from "./growing.ts";
import { LEAST_ROWS } from "./growing-graph.ts";
import type { SegmentHits, VectorSearch } from "./segment.ts";
import { KEY_FIELD, testSchema, VECTOR_FIELD } from "./testing/version-model.ts";

const DIMENSION = 24;
const K = 10;
const QUERIES = 20;

const kernel = loadKernel();
const runtime = new SystemRuntime();

function schemaOf(): CollectionSchema {
  const schema = testSchema("int64");
  const fields = schema.fields
    .filter(({ fieldId }) => fieldId === KEY_FIELD || fieldId === VECTOR_FIELD)
    .map((field): FieldSchema => (field.fieldId === VECTOR_FIELD ? { ...field, dimension: DIMENSION } : field));
  return { ...schema, fields };
}

function vectors(count: number, seed: number): Float32Array {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Float32Array.from({ length: count * DIMENSION }, () => random() + random());
}

function append(segment: GrowingSegment, count: number, timestamp: bigint, seed: number): void {
  const first = BigInt(segment.rowCount);
  const keys = BigInt64Array.from({ length: count }, (_, at) => first + BigInt(at));
  const columns = new Map<bigint, Column>([
    [KEY_FIELD, { kind: "fixed", type: DataType.Int64, values: keys, valid: null }],
    [
      VECTOR_FIELD,
      {
        kind: "vector",
        type: DataType.FloatVector,
        dimension: DIMENSION,
        values: vectors(count, seed),
        valid: null,
      },
    ],
  ]);
  segment.append({ rowCount: count, columns }, keys, timestamp);
}

function newSegment(): GrowingSegment {
  const options = { segmentId: 7n, partitionId: 3n, collectionId: 1n, channel: "c", startPosition: 0n };
  return new GrowingSegment({ ...options, schema: schemaOf() }, kernel);
}

const SEARCH: VectorSearch = {
  fieldId: VECTOR_FIELD,
  queries: vectors(QUERIES, 77),
  queryCount: QUERIES,
  metric: Metric.COSINE,
  k: K,
  range: null,
};
const THROUGH_GRAPH = { ...SEARCH, indexType: "HNSW" };

function recall(found: SegmentHits, truth: SegmentHits): number {
  assert.deepEqual(found.offsets, truth.offsets, "as many hits come back");
  let hits = 0;
  for (let query = 0; query < QUERIES; query += 1) {
    const [start, end] = [truth.offsets[query]!, truth.offsets[query + 1]!];
    const own = new Map(Array.from(found.rows.subarray(start, end), (row, at) => [row, found.scores[start + at]!]));
    assert.equal(own.size, end - start, "no row comes twice");
    for (let at = start; at < end; at += 1) {
      const score = own.get(truth.rows[at]!);
      if (score === undefined) continue;
      assert.equal(score, truth.scores[at]);
      hits += 1;
    }
  }
  return hits / truth.rows.length;
}

if (kernel instanceof NativeKernel) {
  test("many growing rows are searched through a graph that follows them", async () => {
    const segment = newSegment();
    append(segment, 3000, 10n, 1);
    await segment.search(THROUGH_GRAPH, segment.view(10n), null);
    await segment.settled();
    assert.equal(kernel.indexes.memoryUsed().indexBytes, 0, "few rows are scanned");
    append(segment, LEAST_ROWS - 3000, 20n, 2);
    const old = segment.view(20n);
    await segment.search(SEARCH, old, null);
    await segment.settled();
    assert.equal(kernel.indexes.memoryUsed().indexBytes, 0, "what must be exact makes no graph");
    const before = segment.memoryBytes;
    const oldTruth = await segment.search(SEARCH, old, null);
    assert.deepEqual(await segment.search(THROUGH_GRAPH, old, null), oldTruth, "exact while there is no graph");
    await segment.settled();
    assert.ok(segment.memoryBytes > before, "the graph is counted");

    // Rows behind the graph, a few and then many.
    for (const [round, count] of [500, 6000, 9000].entries()) {
      append(segment, count, 30n + BigInt(round), 3 + round);
      const view = segment.view(30n + BigInt(round));
      const truth = await segment.search(SEARCH, view, null);
      assert.ok(recall(await segment.search(THROUGH_GRAPH, view, null), truth) >= 0.97);
      await segment.settled();
      assert.ok(recall(await segment.search(THROUGH_GRAPH, view, null), truth) >= 0.97);
      const explained = await segment.search({ ...THROUGH_GRAPH, explain: true }, view, null);
      assert.match(explained.explanation!.reason, /graph over rows/);
      // Measured as the graph grew: not a promise, but near what is found.
      const { estimatedRecall } = explained.explanation!;
      assert.ok(estimatedRecall !== null && Math.abs(estimatedRecall - recall(explained, truth)) < 0.05);
    }
    // A reader of before sees what it saw.
    const again = await segment.search(THROUGH_GRAPH, old, null);
    assert.ok(recall(again, oldTruth) >= 0.97);
    assert.ok(again.rows.every((row) => row < LEAST_ROWS));

    // Filters and deletes.
    const deleted = BigInt64Array.from({ length: 5000 }, (_, at) => BigInt(at * 3));
    const keys = { kind: "fixed", type: DataType.Int64, values: deleted, valid: null } as const;
    segment.applyDeletes(keys, new BigUint64Array(5000).fill(40n));
    const view = segment.view(50n);
    for (const share of [1, 0.3, 0.02]) {
      const allowed = emptyBitset(view.rowCount);
      for (let row = 0; row < view.rowCount; row += 1) if ((row * 7919) % 1000 < share * 1000) setBit(allowed, row);
      const truth = await segment.search(SEARCH, view, allowed);
      const found = await segment.search(THROUGH_GRAPH, view, allowed);
      assert.ok(recall(found, truth) >= 0.97, `${share} allowed`);
      for (const row of found.rows) assert.ok(hasBit(allowed, row) && !(row < 15_000 && row % 3 === 0));
    }
    // A range.
    const outer = oldTruth.scores[3]!;
    const range = { outer, inner: null };
    const inRange = await segment.search({ ...THROUGH_GRAPH, range }, view, null);
    assert.ok(inRange.scores.every((score) => score > outer));

    segment.close();
    assert.equal(kernel.openHandles(), 0);
    assert.equal(kernel.indexes.memoryUsed().indexBytes, 0);
  });

  test("what was deleted is told from what a filter bars", async (context) => {
    const segment = newSegment();
    append(segment, 5000, 10n, 1);
    await segment.search(THROUGH_GRAPH, segment.view(10n), null);
    await segment.settled();
    const deleted = BigInt64Array.from({ length: 500 }, (_, at) => BigInt(at * 10));
    const keys = { kind: "fixed", type: DataType.Int64, values: deleted, valid: null } as const;
    segment.applyDeletes(keys, new BigUint64Array(500).fill(20n));
    const asked = context.mock.method(kernel.indexes, "searchIndex");
    for (const [text, isUnfiltered] of [
      ["", true],
      ["id >= 0", false],
    ] as const) {
      const filter = parseFilter(text, schemaOf());
      const plan = { search: THROUGH_GRAPH, filter: filter === null ? null : planFilter(filter), timestamp: 30n };
      await searchSegment(segment, plan, { runtime });
      const search = asked.mock.calls.at(-1)!.arguments[0];
      assert.equal(search.isUnfiltered, isUnfiltered);
      assert.equal(countBits(search.allowed!), 4500);
    }
    segment.close();
    assert.equal(kernel.openHandles(), 0);
  });

  test("a few rows behind the graph are put into it when they have been looked at often, or at once where they are lent", async () => {
    const segment = newSegment();
    append(segment, LEAST_ROWS, 10n, 1);
    await segment.search(THROUGH_GRAPH, segment.view(10n), null);
    await segment.settled();
    const scored = async (at: bigint): Promise<number> => {
      const { explanation } = await segment.search({ ...THROUGH_GRAPH, explain: true }, segment.view(at), null);
      return explanation!.exactScores;
    };
    const all = await scored(10n);
    append(segment, 300, 20n, 2);
    const behind = await scored(20n);
    assert.ok(behind >= all + 300 * QUERIES, "they are scored one by one");
    for (let search = 0; search < 300; search += 1) await segment.search(THROUGH_GRAPH, segment.view(20n), null);
    await segment.settled();
    assert.ok((await scored(20n)) < all + 30 * QUERIES);

    append(segment, 300, 30n, 3);
    assert.ok((await scored(30n)) >= all + 300 * QUERIES);
    const lent = { fieldId: VECTOR_FIELD, metric: Metric.COSINE, indexType: "HNSW", columnIds: [], places: [] };
    assert.notEqual(segment.lend(lent, 30n, NOTHING_EXPIRED), null);
    await segment.settled();
    assert.ok((await scored(30n)) < all + 30 * QUERIES);
    segment.close();
    assert.equal(kernel.openHandles(), 0);
  });

  test("a segment that is closed while its graph grows gives everything back", async () => {
    const segment = newSegment();
    append(segment, 9000, 10n, 1);
    await segment.search(THROUGH_GRAPH, segment.view(10n), null);
    segment.close();
    await segment.settled();
    assert.equal(kernel.openHandles(), 0);
    assert.equal(kernel.indexes.memoryUsed().indexBytes, 0);
  });

  test("searches and inserts go on side by side", async () => {
    const segment = newSegment();
    append(segment, 5000, 1n, 1);
    for (let round = 0; round < 40; round += 1) {
      append(segment, 250, BigInt(round + 2), round);
      const view = segment.view(BigInt(round + 2));
      const [found, truth] = await Promise.all([
        segment.search(THROUGH_GRAPH, view, null),
        segment.search(SEARCH, view, null),
      ]);
      assert.ok(recall(found, truth) >= 0.95);
    }
    await segment.settled();
    segment.close();
    assert.equal(kernel.openHandles(), 0);
  });
} else {
  test("without a compiler growing rows are scanned", async () => {
    const segment = newSegment();
    append(segment, 5000, 10n, 1);
    const truth = await segment.search(SEARCH, segment.view(10n), null);
    assert.deepEqual(await segment.search(THROUGH_GRAPH, segment.view(10n), null), truth);
    segment.close();
  });
}
