/**
 * Slim graphs through TypeScript: hits against exact search, rows of halves, what they hold in memory, refusals.
 *
 * Not here: filters, damaged files, degenerate rows and sanitizers (native/test/verify_slim.cpp).
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { IndexSearch, SlimBuild } from "./index-kernel.ts";
import type { RowValues } from "./layout.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

const kernel = loadKernel();
if (kernel instanceof NativeKernel) withSlimGraphs(kernel);

/** Around 20 centres, of a seed. */
function made(rowCount: number, dimension: number, seed: number): Float32Array {
  let state = 5;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const centres = Float32Array.from({ length: 20 * dimension }, () => Math.floor(random() * 60) - 30);
  state = seed;
  const values = new Float32Array(rowCount * dimension);
  for (let first = 0; first < values.length; first += dimension) {
    const centre = Math.floor(random() * 20) * dimension;
    for (let at = 0; at < dimension; at += 1)
      values[first + at] = centres[centre + at]! + Math.floor(random() * 21) - 10;
  }
  return values;
}

function withSlimGraphs(native: NativeKernel): void {
  const indexes = native.indexes;
  const directory = mkdtempSync(join(tmpdir(), "elanus-slim-"));
  after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "a.index");
  const search = (index: number, queries: RowValues): IndexSearch => ({
    index,
    queries,
    k: 10,
    parameters: { kind: "slim", ef: 200, reorder: null },
    allowed: null,
    rank: null,
    range: null,
    timeLimitMicroseconds: null,
  });

  describe("slim graphs", () => {
    for (const element of ["float32", "bfloat16"] as const) {
      test(`rows of ${element} are found, in a fraction of their memory`, async () => {
        const [rowCount, dimension] = [5000, 256];
        // Whole numbers up to 40: a bfloat16 is the upper half of such a float.
        const of = (values: Float32Array): RowValues =>
          element === "float32" ? values : new Uint16Array(values.buffer).filter((_, at) => at % 2 === 1);
        const rows = native.createRows({ element, dimension });
        native.appendRows(rows, of(made(rowCount, dimension, 1)));
        const codes = { codes: "book", subspaces: 64, bits: 8 } as const;
        const plan = { kind: "slim", degree: 32, beam: 60, ...codes, seed: 1, path } as const;
        await indexes.buildIndex({ ...plan, rows, rowCount, metric: "COSINE" }).done;
        const index = await indexes.openIndex(path, rows);
        const asked = search(index, of(made(40, dimension, 2)));
        const found = await indexes.searchIndex(asked);
        const exact = await native.exactSearch({ rows, rowCount, metric: "COSINE", ...asked });
        let matched = 0;
        for (const [place, row] of found.rows.entries()) {
          const first = Math.floor(place / 10) * 10;
          const same = exact.rows.subarray(first, first + 10).indexOf(row);
          if (same < 0) continue;
          matched += 1;
          assert.equal(found.scores[place], exact.scores[first + same]);
        }
        assert.ok(matched >= 0.95 * exact.rows.length, `recall ${matched / exact.rows.length}`);
        assert.ok(found.work.exactScores <= 40 * 200 && found.work.visitedRows >= 40);
        const about = indexes.describeIndex(index);
        assert.ok(about.kind === "slim");
        assert.deepEqual(about.layout, { element, dimension });
        assert.equal(about.keptBytes, 0);
        assert.equal(about.memoryBytes, about.codeBytes + about.listBytes + about.otherBytes);
        assert.ok(about.codeBytes + about.listBytes < 0.2 * rowCount * dimension * 4);
        indexes.closeIndex(index);
        native.close(rows);
      });
    }

    test("mapped rows at 768 dimensions: a fifth of them in memory at most, and what is kept of them, counted by owner", async () => {
      const [rowCount, dimension] = [5_000, 768];
      const values = made(rowCount, dimension, 1);
      const file = join(directory, "rows");
      writeFileSync(file, values);
      const rows = native.mapRows(file, 0, rowCount, { element: "float32", dimension });
      const codes = { codes: "book", subspaces: 192, bits: 8 } as const;
      const plan = { kind: "slim", degree: 56, beam: 30, ...codes, seed: 1, path } as const;
      await indexes.buildIndex({ ...plan, rows, rowCount, metric: "L2" }).done;
      const before = indexes.memoryUsed().indexBytes;
      const index = await indexes.openIndex(path, rows);
      const asked = search(index, made(10, dimension, 2));
      const found = await indexes.searchIndex(asked);
      const raw = rowCount * dimension * 4;
      const lean = indexes.describeIndex(index);
      assert.ok(lean.memoryBytes <= 0.2 * raw, `${lean.memoryBytes} of ${raw}`);
      const budget = Math.floor(0.1 * raw);
      await indexes.keepRows(index, budget);
      const about = indexes.describeIndex(index);
      assert.ok(about.kind === "slim" && about.keptRowCount > 0.09 * rowCount);
      assert.ok(about.keptBytes <= budget && about.keptBytes > budget - dimension * 4);
      assert.equal(about.memoryBytes, lean.memoryBytes + about.keptBytes);
      const counted = indexes.memoryUsed().indexBytes - before;
      assert.ok(counted >= about.codeBytes + about.keptBytes && counted <= 0.2 * raw + budget, `${counted} bytes`);
      assert.deepEqual((await indexes.searchIndex(asked)).scores, found.scores);
      await assert.rejects(indexes.keepRows(index, -1), /kept rows/);
      indexes.closeIndex(index);
      assert.equal(indexes.memoryUsed().indexBytes, before);
      native.close(rows);
    });

    for (const codes of [
      { codes: "stages", subspaces: 16, bits: 6, stages: 2 },
      { codes: "scalar", bits: 4 },
      { codes: "scalar", bits: 8 },
      { codes: "float16" },
      { codes: "bfloat16" },
    ] as const) {
      test(`codes are what they are called: ${JSON.stringify(codes)}`, async () => {
        const [rowCount, dimension] = [2000, 64];
        const rows = native.createRows({ element: "float32", dimension });
        native.appendRows(rows, made(rowCount, dimension, 1));
        const plan = {
          kind: "slim",
          degree: 16,
          beam: 60,
          ...codes,
          seed: 1,
          path,
        } as const satisfies Partial<SlimBuild>;
        await indexes.buildIndex({ ...plan, rows, rowCount, metric: "L2" }).done;
        const index = await indexes.openIndex(path, rows);
        const about = indexes.describeIndex(index);
        assert.ok(about.kind === "slim");
        const zeros = { subspaces: 0, bits: 0, stages: 0, ...codes };
        assert.deepEqual(
          [about.codes, about.subspaces, about.bits, about.stages],
          [zeros.codes, zeros.subspaces, zeros.bits, zeros.stages],
        );
        const bytes = { stages: 24 + 4, scalar: (zeros.bits * dimension) / 8 + 12, float16: 128, bfloat16: 128 };
        assert.ok(Math.abs(about.codeBytes / rowCount - bytes[codes.codes]) < 1, `${about.codeBytes / rowCount}`);
        const found = await indexes.searchIndex(search(index, made(1, dimension, 1)));
        assert.equal(found.rows[0], 0, "a row finds itself");
        assert.equal(found.scores[0], 0);
        indexes.closeIndex(index);
        native.close(rows);
      });
    }

    test("what does not fit is refused with a reason", async () => {
      const rows = native.createRows({ element: "float32", dimension: 8 });
      native.appendRows(rows, made(300, 8, 1));
      const plan = {
        kind: "slim",
        rows,
        rowCount: 300,
        metric: "L2",
        degree: 16,
        beam: 40,
        codes: "book",
        subspaces: 4,
        bits: 8,
        seed: 1,
        path,
      } as const satisfies SlimBuild;
      assert.throws(() => indexes.buildIndex({ ...plan, subspaces: 9 }), /9 subspaces/);
      assert.throws(() => indexes.buildIndex({ ...plan, bits: 13 }), /13 bits/);
      assert.throws(() => indexes.buildIndex({ ...plan, degree: 1 }), /degree 1/);
      assert.throws(() => indexes.buildIndex({ ...plan, codes: "stages", stages: 17 }), /17 stages/);
      assert.throws(() => indexes.buildIndex({ ...plan, codes: "scalar", bits: 5 as 4 }), /5 bits are none of/);
      await indexes.buildIndex(plan).done;
      const index = await indexes.openIndex(path, rows);
      const asked = search(index, made(1, 8, 2));
      for (const [parameters, message] of [
        [{ kind: "slim", ef: 0, reorder: null }, /ef 0/],
        [{ kind: "slim", ef: 10, reorder: 9 }, /9 candidates/],
        [{ kind: "graph", ef: 10 }, /kind graph do not fit an index of kind slim/],
      ] as const) {
        await assert.rejects(indexes.searchIndex({ ...asked, parameters }), { name: "KernelError", message });
      }
      indexes.closeIndex(index);
      native.close(rows);
      assert.equal(native.openHandles(), 0);
    });
  });
}
