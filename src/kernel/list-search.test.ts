/** Searches of lists: both kernels against sums of best scores, on random lists; and what is refused. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { emptyBitset, setBit } from "../model/bitset.ts";
import { Metric, isDistance } from "../model/types.ts";
import { type Kernel, KernelError, type ListSearch, NO_ROW } from "./kernel.ts";
import type { RowLayout, RowValues } from "./layout.ts";
import { loadKernel } from "./load.ts";
import { scoreOf } from "./twin/score.ts";

const kernels: readonly Kernel[] = [loadKernel({ prefer: "twin" }), loadKernel()];

interface Lists {
  readonly layout: RowLayout;
  readonly metric: Metric;
  readonly values: RowValues;
  readonly ends: Uint32Array;
  readonly queries: RowValues;
  readonly queryEnds: Uint32Array;
  readonly k: number;
  readonly barred: readonly boolean[];
}

function endsOf(lengths: readonly number[]): Uint32Array {
  const ends = new Uint32Array(lengths.length + 1);
  for (const [at, length] of lengths.entries()) ends[at + 1] = ends[at]! + length;
  return ends;
}

/** Small whole numbers: sums are exact, and ties are common. */
const lists: fc.Arbitrary<Lists> = fc
  .record({
    lengths: fc.array(fc.oneof({ weight: 9, arbitrary: fc.nat(4) }, fc.constantFrom(200, 1100)), { maxLength: 12 }),
    queryLengths: fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 3 }),
    metric: fc.constantFrom(Metric.L2, Metric.IP, Metric.HAMMING, Metric.JACCARD),
    seed: fc.nat(),
    k: fc.integer({ min: 1, max: 5 }),
    barred: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
  })
  .map(({ lengths, queryLengths, metric, seed, k, barred }) => {
    const isOfBits = metric === Metric.HAMMING || metric === Metric.JACCARD;
    const layout: RowLayout = isOfBits ? { element: "binary", dimension: 16 } : { element: "float32", dimension: 2 };
    let state = seed;
    const filled = (count: number): RowValues => {
      const make = isOfBits ? new Uint8Array(count * 2) : new Float32Array(count * 2);
      return make.map(() => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 29);
    };
    const [ends, queryEnds] = [endsOf(lengths), endsOf(queryLengths)];
    const values = filled(ends.at(-1)!);
    return { layout, metric, values, ends, queries: filled(queryEnds.at(-1)!), queryEnds, k, barred };
  });

function expected({ layout, metric, values, ends, queries, queryEnds, k, barred }: Lists, query: number): number[][] {
  const found: [number, number][] = [];
  const better = isDistance(metric) ? Math.min : Math.max;
  for (let list = 0; list < ends.length - 1; list += 1) {
    if (barred[list]! || ends[list] === ends[list + 1]) continue;
    let sum = 0;
    for (let asked = queryEnds[query]!; asked < queryEnds[query + 1]!; asked += 1) {
      const scores: number[] = [];
      for (let row = ends[list]!; row < ends[list + 1]!; row += 1) {
        scores.push(scoreOf(metric, layout, queries, asked, values, row));
      }
      sum += better(...scores);
    }
    found.push([list, Math.fround(sum)]);
  }
  const sign = isDistance(metric) ? 1 : -1;
  return found.toSorted((left, right) => sign * (left[1] - right[1]) || left[0] - right[0]).slice(0, k);
}

function searchOf(kernel: Kernel, given: Lists): ListSearch {
  const { layout, metric, values, ends, queries, queryEnds, k, barred } = given;
  const rows = kernel.createRows(layout);
  if (values.length > 0) kernel.appendRows(rows, values);
  const allowed = emptyBitset(ends.length - 1);
  for (let list = 0; list < ends.length - 1; list += 1) if (!barred[list]!) setBit(allowed, list);
  return { rows, ends, queries, queryEnds, metric, k, allowed, rank: null };
}

test("property: a list's score is the sum of the best for each vector that is asked for", async () => {
  await fc.assert(
    fc.asyncProperty(lists, async (given) => {
      for (const kernel of kernels) {
        const search = searchOf(kernel, given);
        const hits = await kernel.listSearch(search);
        kernel.close(search.rows);
        for (let query = 0; query < given.queryEnds.length - 1; query += 1) {
          const wanted = expected(given, query);
          const seen = wanted.map((_, at) => [hits.rows[query * given.k + at]!, hits.scores[query * given.k + at]!]);
          assert.deepEqual(seen, wanted, kernel.name);
          if (wanted.length < given.k) assert.equal(hits.rows[query * given.k + wanted.length], NO_ROW);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("ties are told, and go by rank", async () => {
  for (const kernel of kernels) {
    const rows = kernel.createRows({ element: "float32", dimension: 1 });
    kernel.appendRows(rows, Float32Array.of(1, 2, 1));
    const search: ListSearch = {
      rows,
      ends: Uint32Array.of(0, 1, 2, 3),
      queries: Float32Array.of(1),
      queryEnds: Uint32Array.of(0, 1),
      metric: Metric.L2,
      k: 1,
      allowed: null,
      rank: null,
    };
    const first = await kernel.listSearch(search);
    assert.deepEqual([...first.rows, ...first.tied], [0, 1], kernel.name);
    const ranked = await kernel.listSearch({ ...search, rank: Uint32Array.of(2, 1, 0) });
    assert.deepEqual([...ranked.rows], [2], kernel.name);
    kernel.close(rows);
  }
});

test("wrong arguments are refused, and an abort is heard", async () => {
  for (const kernel of kernels) {
    const rows = kernel.createRows({ element: "float32", dimension: 1 });
    kernel.appendRows(rows, Float32Array.of(1, 2));
    const search: ListSearch = {
      rows,
      ends: Uint32Array.of(0, 2),
      queries: Float32Array.of(1),
      queryEnds: Uint32Array.of(0, 1),
      metric: Metric.IP,
      k: 1,
      allowed: null,
      rank: null,
    };
    const wrong: readonly Partial<ListSearch>[] = [
      { ends: Uint32Array.of(0, 3) },
      { ends: Uint32Array.of(1, 2) },
      { ends: Uint32Array.of(0, 2, 1) },
      { ends: new Uint32Array(0) },
      { queryEnds: Uint32Array.of(0, 2) },
      { metric: Metric.HAMMING },
      { metric: Metric.MAX_SIM },
      { k: 0 },
      { allowed: new Uint8Array(0) },
      { rank: new Uint32Array(0) },
    ];
    for (const change of wrong) await assert.rejects(kernel.listSearch({ ...search, ...change }), KernelError);
    await assert.rejects(kernel.listSearch(search, AbortSignal.abort(new Error("before"))), /before/);
    kernel.close(rows);
  }
});
