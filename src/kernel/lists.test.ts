/**
 * Inverted lists through TypeScript: hits of every kind of codes against exact search, filters, rows of every element, descriptions,
 * counts of work, refusals.
 *
 * Not here: damaged files, degenerate rows, threads and sanitizers (native/test/verify_lists.cpp).
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { emptyBitset, setBit } from "../model/bitset.ts";
import type { Metric } from "../model/types.ts";
import type { IndexSearch, ListCodes, ListsBuild, ListsParameters } from "./index-kernel.ts";
import { KernelError, NO_ROW } from "./kernel.ts";
import type { Handle, SearchHits } from "./kernel.ts";
import { elementKind, valuesPerRow } from "./layout.ts";
import type { Element, RowLayout, RowValues } from "./layout.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

const CODES: readonly ListCodes[] = [
  { codes: "none" },
  { codes: "byte" },
  { codes: "book", subspaces: 10, bits: 8 },
  { codes: "nibble", subspaces: 20 },
  { codes: "sign" },
];
const LISTS = 40;

const kernel = loadKernel();
if (kernel instanceof NativeKernel) withLists(kernel);

function numbersOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

/** Around 30 centres; small whole numbers times an eighth, which every element of numbers holds exactly when scaled. */
function made({ element, dimension }: RowLayout, rowCount: number, seed: number): RowValues {
  const ofCentres = numbersOf(5);
  const random = numbersOf(seed);
  const centres = Float32Array.from({ length: 30 * dimension }, () => Math.floor(ofCentres() * 60) - 30);
  const length = valuesPerRow({ element, dimension });
  const values = elementKind(element).make(rowCount * length);
  for (let row = 0; row < rowCount; row += 1) {
    const centre = Math.floor(random() * 30) * dimension;
    for (let at = 0; at < dimension; at += 1) {
      const value = centres[centre + at]! + Math.floor(random() * 21) - 10;
      if (element === "binary") values[row * length + (at >> 3)]! |= (value > 0 ? 1 : 0) << (at & 7);
      else values[row * length + at] = bitsOf(element, value);
    }
  }
  return values;
}

function bitsOf(element: Element, value: number): number {
  if (element === "bfloat16") return new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16;
  if (element === "float16") return new Uint16Array(Float16Array.of(value).buffer)[0]!;
  return value;
}

function recallOf(found: SearchHits, exact: SearchHits, k: number): number {
  let matched = 0;
  let wanted = 0;
  for (let first = 0; first < exact.rows.length; first += k) {
    const there = new Set(exact.rows.subarray(first, first + k).filter((row) => row !== NO_ROW));
    wanted += there.size;
    for (const row of found.rows.subarray(first, first + k)) if (there.has(row)) matched += 1;
  }
  return wanted === 0 ? 1 : matched / wanted;
}

function withLists(native: NativeKernel): void {
  const indexes = native.indexes;
  const directory = mkdtempSync(join(tmpdir(), "elanus-lists-"));
  after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "a.index");
  const float32 = { element: "float32", dimension: 40 } as const;

  const rowsOf = (layout: RowLayout, values: RowValues): Handle => {
    const rows = native.createRows(layout);
    native.appendRows(rows, values);
    return rows;
  };
  const building = (rows: Handle, metric: Metric, codes: ListCodes): ListsBuild => ({
    kind: "lists",
    rows,
    rowCount: native.rowCount(rows),
    metric,
    lists: LISTS,
    seed: 7,
    path,
    ...codes,
  });
  const opened = async (rows: Handle, metric: Metric, codes: ListCodes): Promise<Handle> => {
    await indexes.buildIndex(building(rows, metric, codes)).done;
    return indexes.openIndex(path, rows);
  };
  const asked = (
    index: Handle,
    queries: RowValues,
    { probes = LISTS, reorder = null, queryBits = null, ...changes }: Partial<IndexSearch & ListsParameters> = {},
  ): IndexSearch => ({
    index,
    queries,
    k: 10,
    parameters: { kind: "lists", probes, reorder, queryBits },
    allowed: null,
    rank: null,
    range: null,
    timeLimitMicroseconds: null,
    ...changes,
  });

  describe("inverted lists", () => {
    for (const metric of ["L2", "IP", "COSINE"] as const) {
      for (const codes of CODES) {
        test(`hits of lists of ${codes.codes} under ${metric}`, async () => {
          const rows = rowsOf(float32, made(float32, 4000, 1));
          const rowCount = 4000;
          const queries = made(float32, 30, 2);
          const index = await opened(rows, metric, codes);
          const reorder = codes.codes === "none" ? null : 200;
          for (const share of [1, 0.5, 0.05, 0.002]) {
            const random = numbersOf(3);
            const allowed = emptyBitset(rowCount);
            for (let row = 0; row < rowCount; row += 1) if (random() < share) setBit(allowed, row);
            const search = asked(index, queries, { probes: 8, reorder, allowed: share === 1 ? null : allowed });
            const found = await indexes.searchIndex(search);
            const exact = await native.exactSearch({ rows, rowCount, metric, ...search });
            assert.ok(recallOf(found, exact, 10) >= 0.97, `recall ${recallOf(found, exact, 10)} of ${share}`);
            for (const [place, row] of found.rows.entries()) {
              const same = exact.rows.indexOf(row);
              if (row === NO_ROW) assert.ok(Number.isNaN(found.scores[place]));
              else if (share < 1) assert.ok((allowed[row >> 3]! >> (row & 7)) & 1);
              // The same row has the same score, to the bit, where raw values score.
              if (row !== NO_ROW && Math.floor(same / 10) === Math.floor(place / 10)) {
                assert.equal(found.scores[place], exact.scores[same]);
              }
            }
            assert.equal(found.work.visitedRows, 0);
            // Few rows are scored in the order of their numbers.
            assert.ok((codes.codes === "none" && share < 0.5) || found.work.probedLists >= 8 * 30);
          }
          if (codes.codes !== "none") {
            const byCodes = await indexes.searchIndex(asked(index, queries));
            assert.equal(byCodes.work.exactScores, 0);
            assert.ok(byCodes.work.codeDistances >= 30 * rowCount);
            assert.equal(byCodes.work.codeScans, 30);
          }
          const about = indexes.describeIndex(index);
          assert.ok(about.kind === "lists");
          assert.equal(about.codes, codes.codes);
          assert.deepEqual([about.lists, about.rowCount, about.metric, about.emptyLists], [LISTS, rowCount, metric, 0]);
          assert.ok(about.shortestList >= 1 && about.longestList < rowCount / 4);
          assert.deepEqual(about.layout, float32);
          indexes.closeIndex(index);
          native.close(rows);
        });
      }
    }

    for (const element of ["float16", "bfloat16", "int8", "binary"] as const) {
      test(`rows of ${element}: all lists give what an exact search gives`, async () => {
        const layout = { element, dimension: 40 };
        const rows = rowsOf(layout, made(layout, 1500, 1));
        const queries = made(layout, 12, 2);
        for (const metric of element === "binary" ? (["HAMMING", "JACCARD"] as const) : (["L2", "COSINE"] as const)) {
          const index = await opened(rows, metric, { codes: "none" });
          const search = asked(index, queries);
          const { work, ...found } = await indexes.searchIndex(search);
          assert.deepEqual(found, await native.exactSearch({ rows, rowCount: 1500, metric, ...search }));
          assert.equal(work.exactScores, 12 * 1500);
          const fewer = await indexes.searchIndex(asked(index, queries, { probes: 8 }));
          assert.ok(recallOf(fewer, found, 10) >= 0.9, `recall ${recallOf(fewer, found, 10)}`);
          assert.ok(fewer.work.exactScores < 6 * 1500);
          await assert.rejects(
            indexes.searchIndex(asked(index, new Float64Array(40) as unknown as Float32Array)),
            KernelError,
          );
          indexes.closeIndex(index);
        }
        native.close(rows);
      });
    }

    test("what does not fit is refused with a reason", async () => {
      const rows = rowsOf(float32, made(float32, 300, 1));
      const bits = rowsOf({ element: "binary", dimension: 40 }, new Uint8Array(50));
      const plan = building(rows, "L2", { codes: "book", subspaces: 4, bits: 8 });
      const refused = (changes: object, message: RegExp): void =>
        assert.throws(() => indexes.buildIndex({ ...plan, ...changes } as ListsBuild), {
          name: "KernelError",
          message,
        });
      refused({ lists: 0 }, /0 lists/);
      refused({ lists: 65537 }, /65537 lists/);
      refused({ subspaces: 41 }, /41 subspaces/);
      refused({ bits: 13 }, /13 bits/);
      refused({ codes: "words" }, /codes words/);
      refused({ kind: "tree" }, /kind tree/);
      refused({ metric: "HAMMING" }, /HAMMING/);
      refused({ rows: bits, rowCount: 10, metric: "HAMMING" }, /no codes/);
      refused({ rows: bits, rowCount: 10, metric: "SUBSTRUCTURE", codes: "none" }, /no lists under SUBSTRUCTURE/);
      const index = await opened(rows, "L2", { codes: "sign" });
      const query = made(float32, 1, 2);
      for (const [changes, message] of [
        [{ probes: 0 }, /0 probes/],
        [{ reorder: 9 }, /9 candidates/],
        [{ queryBits: 9 }, /9 bits/],
        [{ parameters: { kind: "graph", ef: 10 } }, /kind graph do not fit an index of kind lists/],
        [{ timeLimitMicroseconds: 0 }, /time limit 0/],
      ] as const) {
        await assert.rejects(indexes.searchIndex(asked(index, query, changes)), { name: "KernelError", message });
      }
      indexes.closeIndex(index);
      native.close(rows);
      native.close(bits);
      assert.equal(native.openHandles(), 0);
    });
  });
}
