/**
 * Searches of arrays of vectors in growing and sealed segments: elements and lists against brute force, with keys that come several times,
 * rows that are not visible and elements that are not picked; and both through an index.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import { familyOfField, vectorMetric } from "../index/families.ts";
import { LIST_RECALL } from "../index/recall.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { indexesOf, loadKernel } from "../kernel/load.ts";
import { emptyBitset, setBit } from "../model/bitset.ts";
import type { ArrayColumn, Column } from "../model/columns.ts";
import type { QueryVectors } from "../model/queries.ts";
import { DataType, Metric } from "../model/types.ts";
import { segmentFiles } from "../storage/segment-reader.ts";
import { writeSegment } from "../storage/segment-writer.ts";
import { MapStore } from "../storage/testing/map-store.ts";
import { collectionSchema, descriptorOf, fieldSchema, int64Keys } from "../storage/testing/random-segment.ts";
import { GrowingSegment } from "./growing.ts";
import { SealedSegment } from "./sealed.ts";
import { elementsAsked } from "./list-index-search.ts";
import type { Segment, SegmentHits, VectorSearch } from "./segment.ts";
import { SegmentIndex } from "./segment-index.ts";
import { KERNELS } from "./testing/kernels.ts";

const LISTS = 101n;
const VISIBLE = 1_000n;
const KEY = fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true });
const runtime = new SystemRuntime();
const directory = mkdtempSync(join(tmpdir(), "elanus-array-search-"));
after(() => rmSync(directory, { recursive: true }));

interface Row {
  readonly key: number;
  /** Vectors of whole numbers; scores are exact, and ties are common. */
  readonly list: readonly (readonly number[])[];
  readonly isVisible: boolean;
}

function listField(dimension: number): ReturnType<typeof fieldSchema> {
  const elementType = DataType.FloatVector;
  return fieldSchema({ fieldId: LISTS, name: "s[v]", dataType: DataType.ArrayOfVector, elementType, dimension });
}

function listsOf(lists: readonly Row["list"][], dimension: number): ArrayColumn {
  const type = DataType.FloatVector;
  const offsets = new Uint32Array(lists.length + 1);
  for (const [row, list] of lists.entries()) offsets[row + 1] = offsets[row]! + list.length;
  const values = Float32Array.from(lists.flat(2));
  const elements = { kind: "vector", type, dimension, values, valid: null } as const;
  return { kind: "array", type: DataType.ArrayOfVector, elementType: type, offsets, elements, valid: null };
}

function grown(kernel: Kernel, rows: readonly Row[]): GrowingSegment {
  const schema = collectionSchema([KEY, listField(2)]);
  const origin = { segmentId: 1n, partitionId: 1n, collectionId: 1n, channel: "dml_0_1v0", startPosition: 0n };
  const segment = new GrowingSegment({ ...origin, schema }, kernel);
  // A row at a time, and each at its own time: what is not visible comes later.
  const ordered = rows.filter(({ isVisible }) => isVisible).concat(rows.filter(({ isVisible }) => !isVisible));
  for (const [at, row] of ordered.entries()) {
    const columns = new Map<bigint, Column>([
      [100n, int64Keys([BigInt(row.key)])],
      [LISTS, listsOf([row.list], 2)],
    ]);
    segment.append(
      { rowCount: 1, columns },
      BigInt64Array.of(BigInt(at)),
      (row.isVisible ? 10n : VISIBLE) + BigInt(at),
    );
  }
  return segment;
}

async function sealed(kernel: Kernel, rows: readonly Row[], dimension = 2): Promise<SealedSegment> {
  const schema = collectionSchema([KEY, listField(dimension)]);
  const store = new MapStore();
  const ordered = rows.toSorted((left, right) => left.key - right.key);
  const manifest = await writeSegment(store, runtime, descriptorOf(schema), {
    rowCount: ordered.length,
    timestamps: BigUint64Array.from(ordered, ({ isVisible }) => (isVisible ? 10n : VISIBLE + 1n)),
    rowIds: BigInt64Array.from(ordered, (_, row) => BigInt(row)),
    column: async (fieldId) =>
      fieldId === LISTS
        ? listsOf(
            ordered.map(({ list }) => list),
            dimension,
          )
        : int64Keys(ordered.map(({ key }) => BigInt(key))),
  });
  const files = segmentFiles(store, runtime, manifest);
  return SealedSegment.load(files, { schema, kernel, runtime, fieldIds: null, deltas: [] });
}

const squared = (left: readonly number[], right: readonly number[]): number =>
  left.reduce((sum, number, at) => sum + (number - right[at]!) ** 2, 0);

/** Of every key, and place if `elements`, the best, in order. */
function expected(found: readonly (readonly [number, number, number])[], k: number): (readonly number[])[] {
  const seen = new Set<string>();
  return found
    .toSorted((left, right) => left[0] - right[0] || left[1] - right[1] || left[2] - right[2])
    .filter(([, key, place]) => !seen.has(`${key} ${place}`) && seen.add(`${key} ${place}`))
    .slice(0, k);
}

const vector = fc.tuple(fc.nat(3), fc.nat(3));
const someRows = fc.array(
  fc.record({ key: fc.nat(6), list: fc.array(vector, { maxLength: 4 }), isVisible: fc.boolean() }),
  { minLength: 1, maxLength: 14 },
);

function asked(queries: QueryVectors, queryCount: number, k: number, metric: Metric): VectorSearch {
  return { fieldId: LISTS, queries, queryCount, metric, k, range: null };
}

async function hits(
  segment: Segment,
  search: VectorSearch,
  picked: Uint8Array | null,
): Promise<(readonly number[])[][]> {
  const view = segment.view(VISIBLE - 1n);
  const { offsets, rows, scores, elements } = await segment.search(search, view, null, undefined, picked);
  const keys = segment.keys();
  assert.ok(keys.kind === "fixed");
  const all = Array.from(rows, (row, at) => [scores[at]!, Number(keys.values[row]), elements?.[at] ?? 0]);
  return Array.from({ length: offsets.length - 1 }, (_, query) => all.slice(offsets[query], offsets[query + 1]));
}

for (const newKernel of KERNELS) {
  test(`property: elements and lists are found as brute force finds them, ${newKernel().name} kernel`, async () => {
    await fc.assert(
      fc.asyncProperty(
        someRows,
        fc.array(fc.array(vector, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        async (rows, queries, k, isPicky) => {
          const kernel = newKernel();
          const growing = grown(kernel, rows);
          const segments: readonly Segment[] = [growing, await sealed(kernel, rows)];
          for (const segment of segments) {
            const ends = (
              await segment.take(
                [LISTS],
                Uint32Array.from({ length: segment.rowCount }, (_, row) => row),
              )
            ).columns.get(LISTS) as ArrayColumn;
            // Of every array the elements with an even first number.
            const numbers = (ends.elements as { readonly values: Float32Array }).values;
            const picked = emptyBitset(numbers.length / 2);
            for (let at = 0; at < numbers.length / 2; at += 1) if (numbers[at * 2]! % 2 === 0) setBit(picked, at);
            const isPicked = (one: readonly number[]): boolean => !isPicky || one[0]! % 2 === 0;
            const single = Float32Array.from(queries.flatMap((query) => query[0]!));
            const found = await hits(segment, asked(single, queries.length, k, Metric.L2), isPicky ? picked : null);
            const wanted = queries.map((query) =>
              expected(
                rows.flatMap(({ key, list, isVisible }) =>
                  list.flatMap((one, place) =>
                    isVisible && isPicked(one) ? [[squared(one, query[0]!), key, place] as const] : [],
                  ),
                ),
                k,
              ),
            );
            assert.deepEqual(found, wanted, `elements, ${segment.state}`);
            const lists = await hits(segment, asked(listsOf(queries, 2), queries.length, k, Metric.MAX_SIM_L2), null);
            const best = queries.map((query) =>
              expected(
                rows
                  .filter(({ list, isVisible }) => isVisible && list.length > 0)
                  .map(({ key, list }) => {
                    const sums = query.map((one) => Math.min(...list.map((other) => squared(one, other))));
                    return [sums.reduce((sum, one) => sum + one, 0), key, 0] as const;
                  }),
                k,
              ),
            );
            assert.deepEqual(lists, best, `lists, ${segment.state}`);
          }
          for (const segment of segments) segment.close();
          assert.equal(kernel.openHandles(), 0);
        },
      ),
      { numRuns: 120 },
    );
  });
}

const native = loadKernel();
const builder = indexesOf(native);
if (builder !== null) {
  test("elements are found through an index, each once, also when few are picked", async () => {
    const dimension = 8;
    const valueAt = (at: number): number => (Math.imul(at ^ (at >>> 7), 2_654_435_761) >>> 26) - 32;
    let next = 0;
    const rows = Array.from({ length: 1_500 }, (_, key): Row => ({
      key,
      list: Array.from({ length: key % 4 }, () => Array.from({ length: dimension }, () => valueAt((next += 1)))),
      isVisible: true,
    }));
    const segment = await sealed(native, rows, dimension);
    const queries = Float32Array.from({ length: 10 * dimension }, (_, at) => valueAt(at * 31 + 7) + 0.5);
    const search = asked(queries, 10, 20, Metric.L2);
    const elementCount = rows.reduce((sum, { list }) => sum + list.length, 0);
    const picked = emptyBitset(elementCount);
    for (let at = 0; at < elementCount; at += 3) setBit(picked, at);
    const exact = [await hits(segment, search, null), await hits(segment, search, picked)];
    const params = new Map([["metric_type", "L2"]]);
    const family = familyOfField(listField(dimension), "HNSW", [{ key: "metric_type", value: "L2" }])!;
    assert.ok(
      await segment.adoptIndex(LISTS, async (vectors) => {
        const path = join(directory, "index");
        const built = family.build("HNSW", params, dimension, false);
        const request = { rows: vectors, rowCount: elementCount, metric: Metric.L2, seed: 1, path, ...built };
        await builder.buildIndex(request).done;
        const facts = {
          segmentId: 1n,
          indexId: 1n,
          buildId: 1n,
          version: 1n,
          indexType: "HNSW",
          params,
          family,
          recall: [],
        };
        return SegmentIndex.open(facts, builder, path, vectors);
      }),
    );
    for (const [at, bits] of [null, picked].entries()) {
      const found = await hits(segment, search, bits);
      let same = 0;
      for (const [query, own] of found.entries()) {
        const wanted = new Set(exact[at]![query]!.map(String));
        assert.equal(own.length, 20);
        assert.equal(new Set(own.map(([, key, place]) => `${key} ${place}`)).size, 20, "each element once");
        same += own.filter((hit) => wanted.has(String(hit))).length;
      }
      assert.ok(same >= 0.9 * 200, `${same} of 200 are the nearest`);
    }
    segment.close();
    assert.equal(native.openHandles(), 0);
  });

  /** Lists of one to five vectors, in clusters, so that some lists are near and most are not. */
  function clusteredLists(rowCount: number, dimension: number): Row[] {
    let state = 5;
    const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const centres = Array.from({ length: 40 }, () => Array.from({ length: dimension }, () => 100 * random() - 50));
    return Array.from({ length: rowCount }, (_, key) => {
      const centre = centres[Math.floor(random() * 40)]!;
      const vector = (): number[] => centre.map((value) => Math.round(value + 24 * random() - 12));
      return { key, list: Array.from({ length: key % 6 }, vector), isVisible: true };
    });
  }

  for (const [indexType, params, metric] of [
    ["HNSW", { M: "16", efConstruction: "100" }, Metric.MAX_SIM_L2],
    ["AUTOINDEX", {}, Metric.MAX_SIM],
    ["IVF_FLAT", { nlist: "64", nprobe: "16" }, Metric.MAX_SIM_IP],
    ["HNSW_SQ", { M: "16", sq_type: "SQ8" }, Metric.MAX_SIM_COSINE],
  ] as const) {
    test(`lists are found through ${indexType}: exact scores, nine tenths of the hits and more, under filters too`, async () => {
      const dimension = 16;
      const rows = clusteredLists(4_000, dimension);
      const segment = await sealed(native, rows, dimension);
      const field = listField(dimension);
      const said = [{ key: "metric_type", value: metric }];
      const family = familyOfField(field, indexType, said)!;
      const elementCount = rows.reduce((sum, { list }) => sum + list.length, 0);
      const asking = clusteredLists(48, dimension).filter(({ list }) => list.length > 1);
      const queries = listsOf(
        asking.map(({ list }) => list.slice(0, 3).map((vector) => vector.map((value) => value + 1))),
        dimension,
      );
      // One that asks for nothing, for which all lists are alike.
      const withNone = listsOf([...asking.slice(0, 2).map(({ list }) => list), []], dimension);
      const half = emptyBitset(rows.length);
      for (let row = 0; row < rows.length; row += 2) setBit(half, row);
      const search = asked(queries, asking.length, 10, metric);
      const answers = async (explain: boolean): Promise<SegmentHits[]> => {
        const view = segment.view(100n);
        const found: SegmentHits[] = [];
        for (const bits of [null, half]) found.push(await segment.search({ ...search, explain }, view, bits));
        return found;
      };
      const exact = await answers(true);
      const none = await segment.search(asked(withNone, 3, 5, metric), segment.view(100n), null);
      const path = join(directory, `lists-${indexType}`);
      const declared = new Map<string, unknown>(Object.entries(params));
      await segment.adoptIndex(LISTS, async (vectors) => {
        const built = family.build(indexType, declared, dimension, true);
        const request = {
          rows: vectors,
          rowCount: elementCount,
          metric: vectorMetric(metric),
          seed: 1,
          path,
          ...built,
        };
        await builder.buildIndex(request).done;
        const facts = {
          segmentId: 1n,
          indexId: 1n,
          buildId: 1n,
          version: 1n,
          indexType,
          params: declared,
          family,
          recall: [],
        };
        return SegmentIndex.open(facts, builder, path, vectors);
      });
      const found = await answers(true);
      for (const [at, own] of found.entries()) {
        assert.equal(exact[at]!.explanation!.strategy, "exact");
        assert.match(own.explanation!.strategy, /^(index|codes|mixed)$/);
        assert.match(own.explanation!.parameters, /elements=64/);
        assert.match(own.explanation!.reason, /nearest elements of each vector/);
        assert.deepEqual(own.offsets, exact[at]!.offsets, "as many hits as an exact search has");
        let same = 0;
        for (let query = 0; query < asking.length; query += 1) {
          const scores = new Map<number, number>();
          for (let hit = own.offsets[query]!; hit < own.offsets[query + 1]!; hit += 1)
            scores.set(own.rows[hit]!, own.scores[hit]!);
          if (at === 1) for (const row of scores.keys()) assert.equal(row % 2, 0, "only rows that are allowed");
          for (let hit = own.offsets[query]!; hit < own.offsets[query + 1]!; hit += 1) {
            const score = scores.get(exact[at]!.rows[hit]!);
            if (score === undefined) continue;
            same += 1;
            assert.equal(score, exact[at]!.scores[hit], "scores are exact");
          }
        }
        assert.ok(same >= LIST_RECALL * own.rows.length, `${same} of ${own.rows.length}`);
      }
      assert.deepEqual(await segment.search(asked(withNone, 3, 5, metric), segment.view(100n), null), none);
      // Few rows, or a hit for most of them: exactly.
      const few = emptyBitset(rows.length);
      for (let row = 0; row < 200; row += 1) setBit(few, row);
      const scan = await segment.search({ ...search, explain: true }, segment.view(100n), few);
      assert.equal(scan.explanation!.strategy, "exact");
      const wide = await segment.search({ ...search, k: 2_000, explain: true }, segment.view(100n), null);
      assert.equal(wide.explanation!.strategy, "exact");
      segment.close();
      assert.equal(native.openHandles(), 0);
    });
  }

  test("each vector looks for 64 elements, or four a hit, times what the search says", () => {
    const elements = (k: number, ratio?: unknown): number =>
      elementsAsked(new Map(ratio === undefined ? [] : [["retrieval_ann_ratio", ratio]]), k);
    assert.deepEqual([elements(1), elements(10), elements(100)], [64, 64, 400]);
    assert.deepEqual([elements(10, 2.5), elements(10, "0.5"), elements(16_384, 3)], [160, 32, 16_384]);
  });
}
