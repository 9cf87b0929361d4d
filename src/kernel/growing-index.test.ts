/**
 * The graph that grows: recall while rows come, one writer beside readers, deletes by bitset, equal rows, zero vectors, long rows, every
 * element; and the sealed graph over elements other than float32.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { bfloat16Of, float16Of } from "../base/half.ts";
import { emptyBitset, hasBit, setBit } from "../model/bitset.ts";
import type { Bitset } from "../model/bitset.ts";
import { NUMBER_METRICS } from "../model/types.ts";
import type { Metric } from "../model/types.ts";
import type { IndexKernel } from "./index-kernel.ts";
import { KernelError, NO_ROW } from "./kernel.ts";
import type { Handle } from "./kernel.ts";
import { elementKind } from "./layout.ts";
import type { Element, RowValues } from "./layout.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

const DIMENSION = 48;
const K = 10;
const QUERIES = 60;

const kernel = loadKernel();
if (kernel instanceof NativeKernel) growing(kernel, kernel.indexes);
else test("without a compiler there is no graph", () => assert.match(kernel.reason ?? "", /cannot be loaded/));

/** Rows around forty centres, of lengths that differ, so that no metric is another in disguise. */
function clustered(rowCount: number, seed: number): Float32Array {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  // The centres are the same for every seed.
  const centres = new Float32Array(40 * DIMENSION);
  for (let at = 0; at < centres.length; at += 1) centres[at] = Math.sin(at * 12.9898) * 2;
  const values = new Float32Array(rowCount * DIMENSION);
  for (let row = 0; row < rowCount; row += 1) {
    const centre = Math.floor((random() + 0.5) * 40) * DIMENSION;
    const length = 1 + random();
    for (let at = 0; at < DIMENSION; at += 1) {
      const spread = random() + random() + random();
      values[row * DIMENSION + at] = length * (centres[centre + at]! + 1.5 * spread);
    }
  }
  return values;
}

function as(element: Element, numbers: Float32Array): RowValues {
  const encode = {
    float32: (number: number) => number,
    float16: float16Of,
    bfloat16: bfloat16Of,
    int8: (number: number) => Math.max(-128, Math.min(127, Math.round(number * 20))),
    binary: (number: number) => number,
  }[element];
  const values = elementKind(element).make(numbers.length);
  for (let at = 0; at < values.length; at += 1) values[at] = encode(numbers[at]!);
  return values;
}

function growing(native: NativeKernel, indexes: IndexKernel): void {
  const directory = mkdtempSync(join(tmpdir(), "elanus-growing-"));
  after(() => rmSync(directory, { recursive: true }));

  /** Share of the exact hits, by score, that the index finds; and that its scores are those of the exact search. */
  const recallOf = async (
    index: Handle,
    rows: Handle,
    queries: RowValues,
    metric: Metric,
    allowed: Bitset | null = null,
  ): Promise<number> => {
    const { rowCount } = indexes.describeIndex(index);
    const shared = { queries, k: K, allowed, rank: null, range: null };
    const truth = await native.exactSearch({ ...shared, rows, rowCount, metric });
    const parameters = { kind: "graph", ef: 64 } as const;
    const found = await indexes.searchIndex({ ...shared, index, parameters, timeLimitMicroseconds: null });
    let wanted = 0;
    let hits = 0;
    for (let query = 0; query < truth.tied.length; query += 1) {
      const scores = new Map<number, number>();
      for (let at = query * K; at < (query + 1) * K; at += 1) scores.set(found.rows[at]!, found.scores[at]!);
      for (let at = query * K; at < (query + 1) * K; at += 1) {
        const row = truth.rows[at]!;
        if (row === NO_ROW) break;
        wanted += 1;
        const score = scores.get(row);
        if (score !== undefined) assert.equal(score, truth.scores[at], "scores are exact");
        if (score !== undefined) hits += 1;
      }
      for (const row of scores.keys())
        assert.ok(row === NO_ROW || (row < rowCount && (allowed === null || hasBit(allowed, row))));
    }
    return wanted === 0 ? 1 : hits / wanted;
  };

  describe("growing graph", () => {
    for (const element of ["float32", "float16", "bfloat16", "int8"] as const) {
      for (const metric of NUMBER_METRICS) {
        test(`${element} under ${metric}: recall while rows come, and under filters`, async () => {
          const rows = native.createRows({ element, dimension: DIMENSION });
          const graph = indexes.createGrowing({ rows, metric, degree: 24, beam: 64, seed: 3 });
          const queries = as(element, clustered(QUERIES, 99));
          let index: Handle | null = null;
          for (const [round, more] of [3000, 1, 700, 4000, 13].entries()) {
            const count = native.appendRows(rows, as(element, clustered(more, round + 1)));
            const next = await indexes.extendGrowing(graph, count);
            if (index !== null) indexes.closeIndex(index);
            index = next;
            assert.equal(indexes.describeIndex(index).rowCount, count);
            const recall = await recallOf(index, rows, queries, metric);
            assert.ok(recall >= 0.96, `${count} rows: recall ${recall}`);
          }
          for (const share of [0.5, 0.1, 0.01]) {
            const allowed = emptyBitset(native.rowCount(rows));
            for (let row = 0; row < native.rowCount(rows); row += 1)
              if ((row * 7919) % 1000 < share * 1000) setBit(allowed, row);
            const recall = await recallOf(index!, rows, queries, metric, allowed);
            assert.ok(recall >= 0.96, `${share} allowed: recall ${recall}`);
          }
          indexes.closeGrowing(graph);
          indexes.closeIndex(index!);
          native.close(rows);
        });
      }
    }

    test("rows behind the index are searched with it", async () => {
      const rows = native.createRows({ element: "float32", dimension: DIMENSION });
      native.appendRows(rows, clustered(3000, 1));
      const graph = indexes.createGrowing({ rows, metric: "COSINE", degree: 24, beam: 64, seed: 3 });
      const index = await indexes.extendGrowing(graph, 3000);
      native.appendRows(rows, clustered(3000, 2));
      const queries = clustered(QUERIES, 99);
      const rank = new Uint32Array(6000).map((_, row) => (row * 7919) % 6000);
      for (const rowCount of [3000, 3001, 3064, 6000]) {
        for (const share of [1, 0.3]) {
          const allowed = share === 1 ? null : emptyBitset(rowCount);
          if (allowed !== null)
            for (let row = 0; row < rowCount; row += 1) if ((row * 31) % 100 < share * 100) setBit(allowed, row);
          const shared = { queries, k: K, allowed, rank, range: null };
          const parameters = { kind: "graph", ef: 128 } as const;
          const found = await indexes.searchIndex({
            ...shared,
            index,
            rowCount,
            parameters,
            timeLimitMicroseconds: null,
          });
          const truth = await native.exactSearch({ ...shared, rows, rowCount, metric: "COSINE" });
          // Every row behind the index that is among the nearest is found, with its score.
          let missed = 0;
          for (let query = 0; query < QUERIES; query += 1) {
            const own = new Map<number, number>();
            for (let at = query * K; at < (query + 1) * K; at += 1) own.set(found.rows[at]!, found.scores[at]!);
            for (let at = query * K; at < (query + 1) * K; at += 1) {
              const row = truth.rows[at]!;
              assert.ok(row < 3000 || own.has(row), `row ${row}`);
              if (own.has(row)) assert.equal(own.get(row), truth.scores[at]);
              else missed += 1;
            }
          }
          assert.ok(missed <= 0.03 * QUERIES * K, `${missed} missed of ${rowCount} rows`);
        }
      }
      const ask = {
        index,
        queries,
        k: K,
        allowed: null,
        rank: null,
        range: null,
        timeLimitMicroseconds: null,
      } as const;
      for (const rowCount of [2999, 6001, -1, 3000.5]) {
        const search = { ...ask, rowCount, parameters: { kind: "graph", ef: 64 } } as const;
        await assert.rejects(indexes.searchIndex(search), KernelError);
      }
      indexes.closeIndex(index);
      indexes.closeGrowing(graph);
      native.close(rows);
    });

    test("one writer, many readers: what a reader was given answers alike, whatever is inserted behind it", async () => {
      const rows = native.createRows({ element: "float32", dimension: DIMENSION });
      native.appendRows(rows, clustered(2000, 1));
      const graph = indexes.createGrowing({ rows, metric: "L2", degree: 24, beam: 64, seed: 3 });
      const first = await indexes.extendGrowing(graph, 2000);
      const queries = clustered(QUERIES, 99);
      const writer = new AbortController();
      let searches = 0;
      const read = async (): Promise<void> => {
        while (!writer.signal.aborted) {
          const recall = await recallOf(first, rows, queries, "L2");
          assert.ok(recall >= 0.96, `recall ${recall}`);
          searches += 1;
        }
      };
      const readers = [read(), read(), read()];
      for (let round = 0; round < 12; round += 1) {
        const count = native.appendRows(rows, clustered(500, 50 + round));
        indexes.closeIndex(await indexes.extendGrowing(graph, count));
      }
      writer.abort();
      await Promise.all(readers);
      assert.ok(searches > 3, `${searches} searches`);
      indexes.closeGrowing(graph);
      assert.ok((await recallOf(first, rows, queries, "L2")) >= 0.96, "an index outlives its graph");
      indexes.closeIndex(first);
      native.close(rows);
      assert.equal(indexes.memoryUsed().indexBytes, 0);
    });

    test("equal rows, zero vectors, and rows much longer than the first ones are found", async () => {
      for (const metric of NUMBER_METRICS) {
        const rows = native.createRows({ element: "float32", dimension: DIMENSION });
        native.appendRows(rows, clustered(1500, 1));
        const graph = indexes.createGrowing({ rows, metric, degree: 16, beam: 48, seed: 3 });
        indexes.closeIndex(await indexes.extendGrowing(graph, 1500));
        // 300 times one row, 40 zero vectors, 30 rows ten times as long.
        const added = clustered(370, 2);
        for (let row = 1; row < 300; row += 1) added.copyWithin(row * DIMENSION, 0, DIMENSION);
        added.fill(0, 300 * DIMENSION, 340 * DIMENSION);
        for (let at = 340 * DIMENSION; at < added.length; at += 1) added[at] = added[at]! * 10;
        native.appendRows(rows, added);
        const index = await indexes.extendGrowing(graph, 1870);
        const ask = async (query: Float32Array, k: number): Promise<number[]> => {
          const parameters = { kind: "graph", ef: 64 } as const;
          const shared = { queries: query, k, allowed: null, rank: null, range: null };
          const found = await indexes.searchIndex({ ...shared, index, parameters, timeLimitMicroseconds: null });
          const truth = await native.exactSearch({ ...shared, rows, rowCount: 1870, metric });
          assert.deepEqual([...found.scores].toSorted(), [...truth.scores].toSorted(), `${metric}, k ${k}`);
          return [...found.rows];
        };
        const twins = await ask(added.slice(0, DIMENSION), metric === "IP" ? 10 : 300);
        if (metric === "L2") assert.ok(twins.every((row) => row >= 1500 && row < 1800));
        if (metric === "L2") await ask(new Float32Array(DIMENSION), 40);
        await ask(added.slice(345 * DIMENSION, 346 * DIMENSION), 1);
        indexes.closeIndex(index);
        indexes.closeGrowing(graph);
        native.close(rows);
      }
    });

    test("few rows, all rows equal, all rows zero", async () => {
      for (const fill of [0, 7]) {
        for (const metric of NUMBER_METRICS) {
          const rows = native.createRows({ element: "float32", dimension: 3 });
          native.appendRows(rows, Float32Array.of(fill, fill, fill));
          const graph = indexes.createGrowing({ rows, metric, degree: 4, beam: 8, seed: 1 });
          for (const more of [0, 5, 60]) {
            const count = native.appendRows(rows, new Float32Array(3 * more).fill(fill));
            const index = await indexes.extendGrowing(graph, count);
            const queries = Float32Array.of(1, 2, 3);
            const parameters = { kind: "graph", ef: 8 } as const;
            const shared = { queries, k: 70, allowed: null, rank: null, range: null };
            const found = await indexes.searchIndex({ ...shared, index, parameters, timeLimitMicroseconds: null });
            const truth = await native.exactSearch({ ...shared, rows, rowCount: count, metric });
            assert.deepEqual(found.scores, truth.scores);
            indexes.closeIndex(index);
          }
          native.appendRows(rows, Float32Array.of(1, 2, 3, 100, 0, 0, 0, 0, 0));
          const index = await indexes.extendGrowing(graph, native.rowCount(rows));
          assert.equal(await recallOf(index, rows, Float32Array.of(1, 2, 3), metric), 1);
          indexes.closeIndex(index);
          indexes.closeGrowing(graph);
          native.close(rows);
        }
      }
    });

    test("an extension that is aborted does no harm; two at a time, and what does not fit, are refused", async () => {
      const rows = native.createRows({ element: "float32", dimension: DIMENSION });
      native.appendRows(rows, clustered(6000, 1));
      const graph = indexes.createGrowing({ rows, metric: "COSINE", degree: 24, beam: 64, seed: 3 });
      for (let round = 0; round < 4; round += 1) {
        const controller = new AbortController();
        const extending = indexes.extendGrowing(graph, 6000, controller.signal);
        // The first has every row before it; of a later one all may be done before the next line.
        if (round === 0) await assert.rejects(indexes.extendGrowing(graph, 6000), /being extended/);
        await new Promise((resolve) => setTimeout(resolve, 20 * round));
        controller.abort(new Error("enough"));
        // It may have been quicker.
        await extending.then(
          (index) => indexes.closeIndex(index),
          (error: Error) => assert.equal(error.message, "enough"),
        );
      }
      const index = await indexes.extendGrowing(graph, 6000);
      assert.ok((await recallOf(index, rows, clustered(QUERIES, 99), "COSINE")) >= 0.96);
      await assert.rejects(indexes.extendGrowing(graph, 6001), KernelError);
      await assert.rejects(indexes.extendGrowing(graph, 0), KernelError);
      await assert.rejects(indexes.extendGrowing(index, 6000), KernelError);
      indexes.closeIndex(index);
      indexes.closeGrowing(graph);
      indexes.closeGrowing(graph);
      await assert.rejects(indexes.extendGrowing(graph, 6000), KernelError);
      const plan = { rows, metric: "L2", degree: 24, beam: 64, seed: 3 } as const;
      for (const wrong of [{ degree: 1 }, { beam: 0 }, { seed: -1 }, { metric: "HAMMING" }] as const) {
        assert.throws(() => indexes.createGrowing({ ...plan, ...wrong }), KernelError);
      }
      const bits = native.createRows({ element: "binary", dimension: 64 });
      assert.throws(() => indexes.createGrowing({ ...plan, rows: bits }), KernelError);
      native.close(bits);
      native.close(rows);
      assert.equal(native.openHandles(), 0);
      assert.equal(indexes.memoryUsed().indexBytes, 0);
    });
  });

  describe("graphs of files over every element", () => {
    for (const element of ["float16", "bfloat16", "int8"] as const) {
      test(`${element}: recall under every metric, and only beside its own rows`, async () => {
        const rows = native.createRows({ element, dimension: DIMENSION });
        native.appendRows(rows, as(element, clustered(5000, 1)));
        const others = native.createRows({ element: "float32", dimension: DIMENSION });
        native.appendRows(others, clustered(5000, 1));
        for (const metric of NUMBER_METRICS) {
          const path = join(directory, `${element}-${metric}`);
          const plan = { kind: "graph", rows, rowCount: 5000, metric, degree: 24, beam: 64, seed: 3, path } as const;
          await indexes.buildIndex(plan).done;
          const index = await indexes.openIndex(path, rows);
          const recall = await recallOf(index, rows, as(element, clustered(QUERIES, 99)), metric);
          assert.ok(recall >= 0.96, `${metric}: recall ${recall}`);
          await assert.rejects(recallOf(index, rows, clustered(QUERIES, 99), metric), KernelError);
          await assert.rejects(indexes.openIndex(path, others), KernelError);
          indexes.closeIndex(index);
        }
        native.close(rows);
        native.close(others);
      });
    }
  });
}
