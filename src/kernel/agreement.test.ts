/** The native kernel, with every instruction set that this machine has, against the twin on random plans. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { emptyBitset, hasBit, setBit } from "../model/bitset.ts";
import { floats } from "./conformance.ts";
import { KernelError, NO_ROW } from "./kernel.ts";
import type { ExactSearch, Handle, Kernel, SearchHits } from "./kernel.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";
import { scoreOf } from "./twin/score.ts";

const native = loadKernel();
const twin = loadKernel({ prefer: "twin" });
const directory = mkdtempSync(join(tmpdir(), "elanus-agreement-"));
after(() => rmSync(directory, { recursive: true }));

/** Everything about a case but the handle of the rows. */
interface Case {
  readonly dimension: number;
  readonly rows: Float32Array;
  readonly storage: "growing" | "mapped";
  readonly search: Omit<ExactSearch, "rows" | "queries"> & { readonly queries: Float32Array };
}

/** A small generator, so that large arrays shrink by their seed and not by their elements. */
function numbersOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const caseOf = (value: (random: () => number) => number): fc.Arbitrary<Case> =>
  fc
    .record({
      seed: fc.integer(),
      dimension: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(128, 384, 1000)),
      rowCount: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(1024, 1500)),
      unseen: fc.integer({ min: 0, max: 5 }),
      queryCount: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(70)),
      k: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(100, 16384)),
      metric: fc.constantFrom("L2", "IP", "COSINE"),
      share: fc.constantFrom(null, 0, 0.02, 0.5, 1),
      ranked: fc.boolean(),
      range: fc.constantFrom("none", "outer", "ring"),
      storage: fc.constantFrom("growing", "mapped"),
      distinct: fc.constantFrom(0.1, 0.9, 1),
    })
    .map(
      ({ seed, dimension, rowCount, unseen, queryCount, k, metric, share, ranked, range, storage, distinct }): Case => {
        const random = numbersOf(seed);
        const total = rowCount + unseen;
        const rows = new Float32Array(total * dimension);
        for (let row = 0; row < total; row += 1) {
          const start = row * dimension;
          if (row > 0 && random() > distinct) rows.copyWithin(start, 0, dimension);
          else if (random() > 0.02) for (let at = 0; at < dimension; at += 1) rows[start + at] = value(random);
        }
        const queries = new Float32Array(queryCount * dimension).map(() => value(random));
        if (queryCount > 0 && rowCount > 0 && random() < 0.3) queries.set(rows.subarray(0, dimension));
        // Bounds from scores that occur, so that the ring's edges are met.
        const bound = (): number => scoreSample(metric, rows, queries, dimension, random);
        const [one, two] = [bound(), bound()];
        const worse = metric === "L2" ? Math.max(one, two) : Math.min(one, two);
        const allowed = share === null ? null : emptyBitset(rowCount);
        if (allowed !== null) for (let row = 0; row < rowCount; row += 1) if (random() < share!) setBit(allowed, row);
        return {
          dimension,
          rows,
          storage,
          search: {
            rowCount,
            queries,
            metric,
            k,
            allowed,
            rank: ranked ? new Uint32Array(rowCount).map(() => Math.floor(random() * 50)) : null,
            range: range === "none" ? null : { outer: worse, inner: range === "ring" ? one + two - worse : null },
          },
        };
      },
    );

function scoreSample(
  metric: ExactSearch["metric"],
  rows: Float32Array,
  queries: Float32Array,
  dimension: number,
  random: () => number,
): number {
  if (metric === "COSINE") return random() * 2 - 1;
  if (rows.length === 0 || queries.length === 0) return 0;
  const row = Math.floor((random() * rows.length) / dimension) * dimension;
  let sum = 0;
  for (let at = 0; at < dimension; at += 1) {
    const [a, b] = [queries[at]!, rows[row + at]!];
    sum += metric === "IP" ? a * b : (a - b) ** 2;
  }
  return sum;
}

async function answer(kernel: Kernel, { dimension, rows, storage, search }: Case): Promise<SearchHits> {
  let handle: Handle;
  if (storage === "growing") {
    handle = kernel.createRows(floats(dimension));
    const middle = Math.floor(rows.length / dimension / 3) * dimension;
    kernel.appendRows(handle, rows.subarray(0, middle));
    kernel.appendRows(handle, rows.subarray(middle));
  } else {
    const path = join(directory, `rows-${kernel.name}`);
    const offset = dimension % 9;
    writeFileSync(path, Buffer.concat([Buffer.alloc(offset), Buffer.from(rows.buffer)]));
    handle = kernel.mapRows(path, offset, rows.length / dimension, floats(dimension));
  }
  try {
    return await kernel.exactSearch({ ...search, rows: handle });
  } finally {
    kernel.close(handle);
  }
}

const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-4 * Math.max(Math.abs(a), Math.abs(b)) + 1e-5;

/** Each place has the score that it should have, and its row really has that score: so only near ties may change places. */
function assertAlike({ dimension, rows, search }: Case, found: SearchHits, expected: SearchHits): void {
  assert.equal(found.rows.length, expected.rows.length);
  const seen = new Set<string>();
  found.rows.forEach((row, at) => {
    assert.equal(row === NO_ROW, expected.rows[at] === NO_ROW, `place ${at}`);
    if (row === NO_ROW) return;
    const query = Math.floor(at / search.k);
    const score = found.scores[at]!;
    const itsScore = scoreOf(search.metric, floats(dimension), search.queries, query, rows, row);
    assert.ok(close(score, expected.scores[at]!), `place ${at}: ${score} for ${expected.scores[at]}`);
    assert.ok(close(score, itsScore), `row ${row}: ${score} for ${itsScore}`);
    assert.ok(
      row < search.rowCount && (search.allowed === null || hasBit(search.allowed, row)),
      `row ${row} is allowed`,
    );
    assert.ok(!seen.has(`${query}:${row}`), `row ${row} comes once`);
    seen.add(`${query}:${row}`);
  });
}

if (native instanceof NativeKernel) {
  const best = native.instructionSet;
  for (const set of ["avx512", "avx2", "portable"]) {
    const available = (): boolean => {
      try {
        native.useInstructionSet(set);
        return true;
      } catch (error) {
        assert.ok(error instanceof KernelError);
        return false;
      }
    };
    if (!available()) continue;
    test(`${set} and the twin: integers, equal to the last bit`, async () => {
      native.useInstructionSet(set);
      await fc.assert(
        fc.asyncProperty(
          caseOf((random) => Math.floor(random() * 15) - 7),
          async (given) => assert.deepEqual(await answer(native, given), await answer(twin, given)),
        ),
        { numRuns: 80 },
      );
      native.useInstructionSet(best);
    });
    test(`${set} and the twin: fractions, alike`, async () => {
      native.useInstructionSet(set);
      await fc.assert(
        fc.asyncProperty(
          // Without a ring: a score at its edge may fall on either side.
          caseOf((random) => random() * 2 - 1).map((given) => ({ ...given, search: { ...given.search, range: null } })),
          async (given) => assertAlike(given, await answer(native, given), await answer(twin, given)),
        ),
        { numRuns: 40 },
      );
      native.useInstructionSet(best);
    });
  }

  test("a score depends on its query and row only: not on the batch, the filter, or k", async () => {
    await fc.assert(
      fc.asyncProperty(
        caseOf((random) => random() * 2 - 1),
        async (given) => {
          const all = await answer(native, {
            ...given,
            search: { ...given.search, allowed: null, range: null, k: 2000 },
          });
          const some = await answer(native, { ...given, search: { ...given.search, range: null } });
          const { queries, k } = given.search;
          const scores = new Map<string, number>();
          for (let at = 0; at < all.rows.length; at += 1)
            scores.set(`${Math.floor(at / 2000)}:${all.rows[at]}`, all.scores[at]!);
          for (let query = 0; query * given.dimension < queries.length; query += 1) {
            const one = queries.slice(query * given.dimension, (query + 1) * given.dimension);
            const alone = await answer(native, { ...given, search: { ...given.search, range: null, queries: one } });
            assert.deepEqual(alone.rows, some.rows.slice(query * k, (query + 1) * k));
            assert.deepEqual(alone.scores, some.scores.slice(query * k, (query + 1) * k));
            alone.rows.forEach((row, at) => {
              if (row !== NO_ROW) assert.equal(alone.scores[at], scores.get(`${query}:${row}`));
            });
          }
        },
      ),
      { numRuns: 20 },
    );
  });
} else {
  test("there is nothing to agree with without the addon", () => assert.notEqual(native.reason, null));
}
