/** Sparse vectors: both kernels on cases worked out by hand, and the native one, with its index, against the twin on random plans. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { emptyBitset, setBit } from "../model/bitset.ts";
import { sparseColumn, sparseEntry } from "../model/sparse.ts";
import { type Handle, type Kernel, KernelError, NO_ROW, type SearchHits } from "./kernel.ts";
import { indexesOf, loadKernel } from "./load.ts";
import type { SparseEntries, SparseSearch } from "./sparse-kernel.ts";

type Pairs = readonly (readonly [number, number])[];

function entries(rows: readonly Pairs[]): SparseEntries {
  return sparseColumn(
    rows.map((pairs) =>
      sparseEntry(
        pairs.map(([index]) => index),
        pairs.map(([, value]) => value),
      ),
    ),
  );
}

async function found(
  kernel: Kernel,
  rows: readonly Pairs[],
  query: Pairs,
  changes: Partial<SparseSearch> = {},
): Promise<[number[], number[]]> {
  const sparse = kernel.sparse.create();
  kernel.sparse.append(sparse, entries(rows));
  const plan = {
    sparse,
    rowCount: rows.length,
    queries: entries([query]),
    k: 8,
    allowed: null,
    rank: null,
    range: null,
  };
  const hits = await kernel.sparse.search({ ...plan, ...changes });
  kernel.sparse.close(sparse);
  const count = hits.rows.indexOf(NO_ROW);
  const end = count < 0 ? hits.rows.length : count;
  assert.ok(hits.scores.subarray(end).every(Number.isNaN));
  return [[...hits.rows.subarray(0, end)], [...hits.scores.subarray(0, end)]];
}

for (const [label, load] of [
  ["twin", () => loadKernel({ prefer: "twin" })],
  ["native", () => loadKernel()],
] as const) {
  describe(`sparse vectors of kernel: ${label}`, () => {
    const kernel = load();
    const ROWS: readonly Pairs[] = [
      [
        [1, 1],
        [5, 2],
      ],
      [],
      [[5, 4]],
      [[0xffff_fffe, 8]],
      [
        [1, 1],
        [5, 2],
      ],
      [[7, 0]],
    ];

    test("best first, ties by row, nothing for rows that share nothing", async () => {
      assert.deepEqual(await found(kernel, ROWS, [[5, 1]]), [
        [2, 0, 4],
        [4, 2, 2],
      ]);
      assert.deepEqual(await found(kernel, ROWS, [[0xffff_fffe, 0.5]]), [[3], [4]]);
      assert.deepEqual(await found(kernel, ROWS, []), [[], []]);
      assert.deepEqual(await found(kernel, ROWS, [[7, 3]]), [[], []], "a product of zero is no hit");
      assert.deepEqual(await found(kernel, ROWS, [[6, 3]]), [[], []]);
    });

    test("weights below zero take away, and what is not above zero is no hit", async () => {
      const query: Pairs = [
        [1, -3],
        [5, 1],
      ];
      assert.deepEqual(await found(kernel, ROWS, query), [[2], [4]]);
      assert.deepEqual(await found(kernel, [[[1, -2]], [[1, 2]]], [[1, -1]]), [[0], [2]]);
    });

    test("k, filter, rank and range", async () => {
      const query: Pairs = [[5, 1]];
      assert.deepEqual(await found(kernel, ROWS, query, { k: 2 }), [
        [2, 0],
        [4, 2],
      ]);
      const rank = Uint32Array.of(9, 8, 7, 6, 5, 4);
      assert.deepEqual((await found(kernel, ROWS, query, { k: 2, rank }))[0], [2, 4]);
      const allowed = emptyBitset(ROWS.length);
      setBit(allowed, 4);
      assert.deepEqual((await found(kernel, ROWS, query, { allowed }))[0], [4]);
      assert.deepEqual((await found(kernel, ROWS, query, { range: { outer: 2, inner: null } }))[0], [2]);
      assert.deepEqual((await found(kernel, ROWS, query, { range: { outer: -5, inner: 2 } }))[0], [0, 4]);
      assert.deepEqual((await found(kernel, ROWS, query, { rowCount: 2 }))[0], [0]);
    });

    test("says when a row outside the hits ties with the last", async () => {
      const sparse = kernel.sparse.create();
      kernel.sparse.append(sparse, entries(ROWS));
      const plan = {
        sparse,
        rowCount: 6,
        queries: entries([[[5, 1]], [[5, 1]]]),
        allowed: null,
        rank: null,
        range: null,
      };
      assert.deepEqual([...(await kernel.sparse.search({ ...plan, k: 2 })).tied], [1, 1]);
      assert.deepEqual([...(await kernel.sparse.search({ ...plan, k: 1 })).tied], [0, 0]);
      assert.deepEqual([...(await kernel.sparse.search({ ...plan, k: 3 })).tied], [0, 0]);
      kernel.sparse.close(sparse);
    });

    test("gives rows back, and counts them", () => {
      const before = kernel.openHandles();
      const sparse = kernel.sparse.create();
      assert.equal(kernel.sparse.append(sparse, entries(ROWS)), 6);
      assert.equal(kernel.sparse.append(sparse, entries([[[3, 3]]])), 7);
      assert.equal(kernel.sparse.pairCount(sparse), 8);
      assert.ok(kernel.sparse.residentBytes(sparse) >= 64);
      assert.equal(kernel.openHandles(), before + 1);
      const expected = sparseColumn([sparseEntry([3], [3]), new Uint8Array(), sparseEntry([1, 5], [1, 2])]);
      const { offsets, bytes } = kernel.sparse.gather(sparse, Uint32Array.of(6, 1, 0));
      assert.deepEqual({ offsets, bytes }, { offsets: expected.offsets, bytes: expected.bytes });
      assert.throws(() => kernel.sparse.gather(sparse, Uint32Array.of(7)), KernelError);
      kernel.sparse.close(sparse);
      kernel.sparse.close(sparse);
      assert.equal(kernel.openHandles(), before);
      assert.throws(() => kernel.sparse.append(sparse, entries([])), KernelError);
    });

    test("refuses what is no entry, and takes nothing of it", async () => {
      const sparse = kernel.sparse.create();
      const bad: readonly Uint8Array[] = [
        new Uint8Array(7),
        sparseEntry([4, 4], [1, 1]),
        sparseEntry([4, 3], [1, 1]),
        sparseEntry([0xffff_ffff], [1]),
        sparseEntry([4], [NaN]),
        sparseEntry([4], [-Infinity]),
      ];
      for (const entry of bad) {
        const rows = sparseColumn([sparseEntry([1], [1]), entry]);
        assert.throws(() => kernel.sparse.append(sparse, rows), KernelError);
        assert.equal(kernel.sparse.rowCount(sparse), 0);
        const plan = { sparse, rowCount: 0, queries: rows, k: 1, allowed: null, rank: null, range: null };
        await assert.rejects(kernel.sparse.search(plan), KernelError);
      }
      const wild = { offsets: Uint32Array.of(0, 800), bytes: new Uint8Array(8) };
      assert.throws(() => kernel.sparse.append(sparse, wild), KernelError);
      kernel.sparse.close(sparse);
    });

    test("an abort ends a search", async () => {
      const sparse = kernel.sparse.create();
      kernel.sparse.append(sparse, entries(Array.from({ length: 4000 }, (_, row) => [[row % 7, 1 + row]] as Pairs)));
      const queries = entries(Array.from({ length: 3000 }, () => [[3, 1]] as Pairs));
      const plan = { sparse, rowCount: 4000, queries, k: 1000, allowed: null, rank: null, range: null };
      const controller = new AbortController();
      const search = kernel.sparse.search(plan, controller.signal);
      controller.abort(new Error("enough"));
      await assert.rejects(search, /enough/);
      kernel.sparse.close(sparse);
    });
  });
}

const native = loadKernel();
const directory = mkdtempSync(join(tmpdir(), "elanus-postings-"));
after(() => rmSync(directory, { recursive: true }));
const twin = loadKernel({ prefer: "twin" });

function numbersOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Indices as words have them: few are frequent. */
function randomEntry(random: () => number, most: number, terms: number, scale: number, signed: boolean): Uint8Array {
  const pairs = new Map<number, number>();
  for (let count = Math.floor(random() * most); count > 0; count -= 1) {
    const index = Math.floor(terms ** random()) * 977;
    const value = Math.fround(random() < 0.1 ? Math.floor(random() * 4) : random() * random() * scale);
    pairs.set(index, signed && random() < 0.3 ? -value : value);
  }
  const sorted = [...pairs].toSorted(([left], [right]) => left - right);
  return sparseEntry(
    sorted.map(([index]) => index),
    sorted.map(([, value]) => value),
  );
}

const anyCase = fc.record({
  seed: fc.integer(),
  rowCount: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(8191, 8192, 8193, 17_000)),
  unseen: fc.integer({ min: 0, max: 40 }),
  most: fc.constantFrom(1, 8, 40),
  queryTerms: fc.constantFrom(1, 6, 30, 300),
  terms: fc.constantFrom(2, 60, 3000),
  scale: fc.constantFrom(1e-7, 1, 50, 1e6, 1e30),
  signed: fc.boolean(),
  queryCount: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom(70)),
  k: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(100, 16384)),
  share: fc.constantFrom(null, 0, 0.001, 0.02, 0.5, 1),
  ranked: fc.boolean(),
  range: fc.constantFrom("none", "outer", "ring"),
  parts: fc.integer({ min: 1, max: 4 }),
});

test("property: native and twin find the same, bit by bit", async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async (plan) => {
      const random = numbersOf(plan.seed);
      const total = plan.rowCount + plan.unseen;
      const column = sparseColumn(
        Array.from({ length: total }, () => randomEntry(random, plan.most, plan.terms, plan.scale, plan.signed)),
      );
      const queryCount = plan.rowCount > 1000 ? Math.min(3, plan.queryCount) : plan.queryCount;
      const queries = sparseColumn(
        Array.from({ length: queryCount }, () => randomEntry(random, plan.queryTerms, plan.terms, 1, plan.signed)),
      );
      const allowed = plan.share === null ? null : emptyBitset(plan.rowCount);
      if (allowed !== null) {
        for (let row = 0; row < plan.rowCount; row += 1) if (random() < plan.share!) setBit(allowed, row);
      }
      const rank = plan.ranked ? Uint32Array.from({ length: total }, () => Math.floor(random() * total)) : null;
      const outer = random() * plan.scale * 0.3;
      const range = plan.range === "none" ? null : { outer, inner: plan.range === "ring" ? outer * 4 : null };
      const search = { rowCount: plan.rowCount, queries, k: plan.k, allowed, rank, range };
      const answers: SearchHits[] = [];
      for (const kernel of [native, twin]) {
        const sparse = kernel.sparse.create();
        for (let part = 0; part < plan.parts; part += 1) {
          const [from, to] = [part, part + 1].map((at) => Math.floor((at * total) / plan.parts)) as [number, number];
          kernel.sparse.append(sparse, { offsets: column.offsets.subarray(from, to + 1), bytes: column.bytes });
        }
        const every = Uint32Array.from({ length: total }, (_, row) => row);
        const { offsets, bytes } = kernel.sparse.gather(sparse, every);
        assert.deepEqual(offsets, column.offsets);
        assert.ok(Buffer.from(bytes).equals(column.bytes));
        answers.push(await kernel.sparse.search({ ...search, sparse }));
        // Every fifth of them also through packed lists.
        if (kernel === native && plan.seed % 5 === 0) answers.push(...(await throughPackedLists(sparse, search)));
        kernel.sparse.close(sparse);
      }
      for (const answer of answers.slice(1)) assert.deepEqual(answer, answers[0]);
    }),
    { numRuns: 250 },
  );
});

/** Read, mapped, by every algorithm; then by the rows alone. */
async function throughPackedLists(sparse: Handle, search: Omit<SparseSearch, "sparse">): Promise<SearchHits[]> {
  const indexes = indexesOf(native);
  if (indexes === null) return [];
  const { rowCount } = search;
  const path = join(directory, "packed");
  await indexes.buildIndex({ kind: "postings", rows: sparse, rowCount, metric: "IP", seed: 1, path }).done;
  const answers: SearchHits[] = [];
  const mapped = indexes.memoryUsed().mappedBytes;
  for (const mode of ["read", "map"] as const) {
    const index = await indexes.openIndex(path, sparse, mode);
    const { kind, mappedBytes, memoryBytes } = indexes.describeIndex(index);
    assert.equal(kind, "postings");
    assert.equal(mode === "map" ? memoryBytes : mappedBytes, 0);
    assert.equal(indexes.memoryUsed().mappedBytes > mapped, mode === "map");
    for (const algorithm of ["all", "wand", "maxscore"] as const) {
      const parameters = { kind: "postings", algorithm, boundRatio: algorithm === "all" ? 1 : 1.05 } as const;
      const found = await indexes.searchIndex({ ...search, index, parameters, timeLimitMicroseconds: null });
      answers.push({ rows: found.rows, scores: found.scores, tied: found.tied });
    }
    indexes.closeIndex(index);
  }
  assert.equal(indexes.memoryUsed().mappedBytes, mapped);
  native.sparse.dropLists(sparse);
  if (rowCount <= 1000) answers.push(await native.sparse.search({ ...search, sparse }));
  return answers;
}

test("a search sees the rows that it was told to count while rows are appended", async () => {
  const random = numbersOf(5);
  const sparse = native.sparse.create();
  const oracle = twin.sparse.create();
  const more = (): SparseEntries =>
    sparseColumn(Array.from({ length: 200 }, () => randomEntry(random, 20, 500, 2, false)));
  const queries = sparseColumn(Array.from({ length: 20 }, () => randomEntry(random, 20, 500, 2, false)));
  const plan = { queries, k: 10, allowed: null, rank: null, range: null };
  const running: Promise<{ rowCount: number; hits: SearchHits }>[] = [];
  for (let round = 0; round < 20; round += 1) {
    const rows = more();
    twin.sparse.append(oracle, rows);
    const rowCount = native.sparse.append(sparse, rows);
    if (round % 8 === 3)
      running.push(native.sparse.search({ ...plan, sparse, rowCount }).then((hits) => ({ rowCount, hits })));
  }
  for (const { rowCount, hits } of await Promise.all(running)) {
    assert.deepEqual(hits, await twin.sparse.search({ ...plan, sparse: oracle, rowCount }));
  }
  native.sparse.close(sparse);
  twin.sparse.close(oracle);
});
