/**
 * Searches of arrays of vectors in growing and sealed segments: elements and lists against brute force, with keys that come several times,
 * rows that are not visible and elements that are not picked; and elements through an index.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import { familyOfField } from "../index/families.ts";
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
import type { Segment, VectorSearch } from "./segment.ts";
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

  test("lists are compared exactly, so nothing is built for them", () => {
    for (const value of ["MAX_SIM", "MAX_SIM_L2", ""]) {
      assert.equal(familyOfField(listField(4), "HNSW", [{ key: "metric_type", value }]), null);
    }
  });
}
