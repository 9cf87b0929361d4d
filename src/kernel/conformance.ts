/**
 * The contract of `Kernel` as tests, run for every kernel: handles, rows, lengths, ties, ranges, cancellation, the small operations.
 *
 * Not here: that two kernels answer alike on random input (agreement.test.ts), threads (native.test.ts).
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { emptyBitset, rowsOf, setBit } from "../model/bitset.ts";
import type { Bitset } from "../model/bitset.ts";
import { KernelError, NO_ROW } from "./kernel.ts";
import type { ExactSearch, Handle, Kernel, SearchHits } from "./kernel.ts";
import type { RowLayout } from "./layout.ts";

export function floats(dimension: number): RowLayout {
  return { element: "float32", dimension };
}

/** A search of all rows with the smallest plan; tests override what they are about. */
export function plan(
  kernel: Kernel,
  rows: Handle,
  queries: readonly number[],
  changes: Partial<ExactSearch> = {},
): ExactSearch {
  return {
    rows,
    rowCount: kernel.rowCount(rows),
    queries: Float32Array.from(queries),
    metric: "L2",
    k: 3,
    allowed: null,
    rank: null,
    range: null,
    ...changes,
  };
}

function bitset(rowCount: number, rows: readonly number[]): Bitset {
  const bits = emptyBitset(rowCount);
  for (const row of rows) setBit(bits, row);
  return bits;
}

function listed(hits: SearchHits): { rows: number[]; scores: number[]; tied: number[] } {
  return { rows: [...hits.rows], scores: [...hits.scores], tied: [...hits.tied] };
}

/** `bigRows` is how many rows of 256 floats take the kernel well over 100 ms to search with 64 queries. */
export function kernelConformance(label: string, load: () => Kernel, bigRows: number): void {
  describe(`kernel contract: ${label}`, () => {
    const kernel = load();
    const open = (dimension: number, values: readonly number[]): Handle => {
      const rows = kernel.createRows(floats(dimension));
      if (values.length > 0) kernel.appendRows(rows, Float32Array.from(values));
      return rows;
    };

    test("handles: closing twice is harmless, any other use of a closed handle throws", async () => {
      const rows = open(2, [1, 2]);
      const search = plan(kernel, rows, [0, 0]);
      assert.equal(kernel.openHandles(), 1);
      kernel.close(rows);
      kernel.close(rows);
      assert.equal(kernel.openHandles(), 0);
      const again = open(2, [3, 4]);
      assert.notEqual(again, rows, "a handle is not used twice");
      kernel.close(rows);
      assert.throws(() => kernel.rowCount(rows), KernelError);
      assert.throws(() => kernel.appendRows(rows, new Float32Array(2)), KernelError);
      assert.throws(() => kernel.gatherRows(rows, new Uint32Array(1)), KernelError);
      assert.throws(() => kernel.residentBytes(rows), KernelError);
      await assert.rejects(kernel.exactSearch(search), KernelError);
      for (const never of [0, -1, 1.5, Number.NaN, 2 ** 53, again + 1])
        assert.throws(() => kernel.close(never), KernelError);
      assert.equal(kernel.rowCount(again), 1);
      kernel.close(again);
      assert.equal(kernel.openHandles(), 0);
    });

    test("a search that has begun survives the close of its rows", async () => {
      const rows = open(2, [0, 0, 3, 4]);
      const found = kernel.exactSearch(plan(kernel, rows, [0, 0], { k: 2 }));
      kernel.close(rows);
      assert.equal(kernel.openHandles(), 0);
      assert.deepEqual(listed(await found), { rows: [0, 1], scores: [0, 25], tied: [0] });
    });

    test("rows grow, are counted, measured and gathered", () => {
      const rows = open(3, []);
      assert.equal(kernel.rowCount(rows), 0);
      assert.equal(kernel.appendRows(rows, Float32Array.of(1, 2, 3, 4, 5, 6)), 2);
      assert.equal(kernel.appendRows(rows, new Float32Array(0)), 2);
      assert.equal(kernel.appendRows(rows, Float32Array.of(7, 8, 9)), 3);
      assert.equal(kernel.residentBytes(rows), 36);
      assert.deepEqual([...kernel.gatherRows(rows, Uint32Array.of(2, 0, 2))], [7, 8, 9, 1, 2, 3, 7, 8, 9]);
      assert.deepEqual([...kernel.gatherRows(rows, new Uint32Array(0))], []);
      assert.throws(() => kernel.gatherRows(rows, Uint32Array.of(3)), KernelError);
      const into = new Float32Array(8);
      const middle = into.subarray(1, 7);
      assert.equal(kernel.gatherRows(rows, Uint32Array.of(1, 0), middle), middle);
      assert.deepEqual([...into], [0, 4, 5, 6, 1, 2, 3, 0]);
      assert.throws(() => kernel.gatherRows(rows, Uint32Array.of(1, 0), into), KernelError);
      kernel.close(rows);
    });

    test("rows stay what they were through many appends", () => {
      const dimension = 100;
      const rows = open(dimension, []);
      const row = new Float32Array(dimension * 37);
      for (let batch = 0; batch < 100; batch += 1) {
        for (let at = 0; at < row.length; at += 1) row[at] = batch * 37 + Math.floor(at / dimension);
        kernel.appendRows(rows, row);
      }
      const numbers = Uint32Array.from({ length: 3700 }, (_, at) => at);
      const gathered = kernel.gatherRows(rows, numbers);
      for (let at = 0; at < gathered.length; at += 1) assert.equal(gathered[at], Math.floor(at / dimension));
      kernel.close(rows);
    });

    test("mapped rows lie in a file from any byte on; a file that is too short is refused", async () => {
      const directory = mkdtempSync(join(tmpdir(), "elanus-kernel-"));
      try {
        const path = join(directory, "rows.bin");
        for (const offset of [0, 4, 7, 4096, 5000]) {
          const bytes = new Uint8Array(offset + 24);
          bytes.set(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer), offset);
          writeFileSync(path, bytes);
          const rows = kernel.mapRows(path, offset, 3, floats(2));
          assert.equal(kernel.rowCount(rows), 3);
          assert.equal(kernel.residentBytes(rows), 24);
          assert.deepEqual([...kernel.gatherRows(rows, Uint32Array.of(1))], [3, 4]);
          const hits = await kernel.exactSearch(plan(kernel, rows, [5, 6], { k: 1 }));
          assert.deepEqual(listed(hits), { rows: [2], scores: [0], tied: [0] });
          assert.throws(() => kernel.appendRows(rows, Float32Array.of(7, 8)), KernelError);
          kernel.close(rows);
          assert.throws(() => kernel.mapRows(path, offset, 4, floats(2)), /short/);
          assert.throws(() => kernel.mapRows(path, offset + 1, 3, floats(2)), /short/);
        }
        const empty = kernel.mapRows(path, 0, 0, floats(2));
        assert.equal(kernel.rowCount(empty), 0);
        kernel.close(empty);
        assert.throws(() => kernel.mapRows(path, 2 ** 52, 1, floats(2)), /short/);
        assert.throws(() => kernel.mapRows(path, -1, 1, floats(2)), KernelError);
        assert.throws(() => kernel.mapRows(directory, 0, 0, floats(2)), KernelError);
        assert.throws(() => kernel.mapRows(join(directory, "absent"), 0, 0, floats(2)), /absent/);
        assert.equal(kernel.openHandles(), 0);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    test("metrics: scores as Milvus reports them, best first; a zero vector has cosine 0", async () => {
      const rows = open(2, [3, 4, 0, 0, -3, -4, 6, 8]);
      const find = async (metric: ExactSearch["metric"], query: readonly number[]): Promise<unknown> =>
        listed(await kernel.exactSearch(plan(kernel, rows, query, { metric, k: 4 })));
      assert.deepEqual(await find("L2", [3, 4]), { rows: [0, 1, 3, 2], scores: [0, 25, 25, 100], tied: [0] });
      assert.deepEqual(await find("IP", [3, 4]), { rows: [3, 0, 1, 2], scores: [50, 25, 0, -25], tied: [0] });
      assert.deepEqual(await find("COSINE", [3, 4]), { rows: [0, 3, 1, 2], scores: [1, 1, 0, -1], tied: [0] });
      assert.deepEqual(await find("COSINE", [0, 0]), { rows: [0, 1, 2, 3], scores: [0, 0, 0, 0], tied: [0] });
      kernel.close(rows);
    });

    test("a score that is not a number is no hit", async () => {
      const rows = open(1, [Number.NaN, 1, Number.NaN, 2]);
      for (const metric of ["L2", "IP", "COSINE"] as const) {
        const hits = await kernel.exactSearch(plan(kernel, rows, [2], { metric }));
        assert.deepEqual([...hits.rows].toSorted(), [1, 3, NO_ROW]);
      }
      kernel.close(rows);
    });

    test("ties go by rank, then row; a tie with a row left out is told", async () => {
      const rows = open(1, [1, -1, 1, -1, 5]);
      const find = async (k: number, changes: Partial<ExactSearch> = {}): Promise<unknown> => {
        const hits = await kernel.exactSearch(plan(kernel, rows, [0], { k, ...changes }));
        return { rows: [...hits.rows], tied: hits.tied[0] };
      };
      const rank = Uint32Array.of(9, 2, 0, 2, 1);
      assert.deepEqual(await find(2), { rows: [0, 1], tied: 1 });
      assert.deepEqual(await find(2, { rank }), { rows: [2, 1], tied: 1 });
      assert.deepEqual(await find(4, { rank }), { rows: [2, 1, 3, 0], tied: 0 });
      assert.deepEqual(await find(5, { rank }), { rows: [2, 1, 3, 0, 4], tied: 0 });
      assert.deepEqual(await find(6), { rows: [0, 1, 2, 3, 4, NO_ROW], tied: 0 });
      assert.deepEqual(await find(2, { allowed: bitset(5, [1, 3, 4]) }), { rows: [1, 3], tied: 0 });
      assert.deepEqual(await find(2, { rowCount: 3 }), { rows: [0, 1], tied: 1 });
      kernel.close(rows);
    });

    test("range: the ring is closed on the better side and open on the worse one", async () => {
      const rows = open(1, [0, 1, 2, 3, 4]);
      const find = async (metric: ExactSearch["metric"], outer: number, inner: number | null): Promise<number[]> => {
        const hits = await kernel.exactSearch(
          plan(kernel, rows, [metric === "L2" ? 0 : 1], { metric, k: 5, range: { outer, inner } }),
        );
        return [...hits.rows].filter((row) => row !== NO_ROW);
      };
      assert.deepEqual(await find("L2", 9, null), [0, 1, 2]);
      assert.deepEqual(await find("L2", 9, 1), [1, 2]);
      assert.deepEqual(await find("L2", 1, 9), []);
      assert.deepEqual(await find("L2", Number.POSITIVE_INFINITY, 4), [2, 3, 4]);
      assert.deepEqual(await find("IP", 1, null), [4, 3, 2]);
      assert.deepEqual(await find("IP", 1, 3), [3, 2]);
      assert.deepEqual(await find("COSINE", 0, 1), [1, 2, 3, 4]);
      assert.deepEqual(await find("COSINE", 1, null), []);
      assert.deepEqual(await find("COSINE", -1, 0.5), [0]);
      kernel.close(rows);
    });

    test("nothing to look at, or nothing to look for", async () => {
      const rows = open(2, []);
      const none = { rows: [NO_ROW, NO_ROW], scores: [Number.NaN, Number.NaN], tied: [0] };
      assert.deepEqual(listed(await kernel.exactSearch(plan(kernel, rows, [1, 2], { k: 2 }))), none);
      kernel.appendRows(rows, Float32Array.of(1, 2));
      const barred = { k: 2, allowed: emptyBitset(1) };
      assert.deepEqual(listed(await kernel.exactSearch(plan(kernel, rows, [1, 2], barred))), none);
      assert.deepEqual(listed(await kernel.exactSearch(plan(kernel, rows, []))), { rows: [], scores: [], tied: [] });
      kernel.close(rows);
    });

    test("wrong arguments are refused before anything is read", async () => {
      const rows = open(4, [1, 2, 3, 4]);
      const wrong: Partial<ExactSearch>[] = [
        { queries: new Float32Array(5) },
        { rowCount: 2 },
        { rowCount: -1 },
        { rowCount: 0.5 },
        { k: 0 },
        { k: 16385 },
        { k: 2.5 },
        { k: Number.NaN },
        { metric: "HAMMING" as "L2" },
        { metric: "toString" as "L2" },
        { allowed: new Uint8Array(7) },
        { rank: new Uint32Array(0) },
        { range: { outer: Number.NaN, inner: null } },
        { range: { outer: 1, inner: Number.NaN } },
        { rows: 2 ** 40 },
        { queries: new Float32Array(4 * 8193), k: 16384 },
      ];
      for (const changes of wrong) {
        await assert.rejects(
          kernel.exactSearch(plan(kernel, rows, [0, 0, 0, 0], changes)),
          KernelError,
          JSON.stringify(changes),
        );
      }
      assert.throws(() => kernel.appendRows(rows, new Float32Array(5)), KernelError);
      for (const dimension of [0, -1, 1.5, 32769, Number.NaN])
        assert.throws(() => kernel.createRows(floats(dimension)), KernelError);
      assert.equal(kernel.rowCount(rows), 1);
      kernel.close(rows);
      assert.equal(kernel.openHandles(), 0);
    });

    test("the widest rows and the largest k", async () => {
      const dimension = 32768;
      const rows = open(dimension, []);
      for (let row = 0; row < 5; row += 1) kernel.appendRows(rows, new Float32Array(dimension).fill(row));
      const query = new Float32Array(dimension).fill(3);
      const hits = await kernel.exactSearch({ ...plan(kernel, rows, []), queries: query, k: 16384 });
      assert.deepEqual([...hits.rows.subarray(0, 6)], [3, 2, 4, 1, 0, NO_ROW]);
      assert.deepEqual([...hits.scores.subarray(0, 5)], [0, dimension, dimension, 4 * dimension, 9 * dimension]);
      kernel.close(rows);
    });

    test("an abort rejects with its reason within 20 ms and lets the rows go", async () => {
      const rows = kernel.createRows(floats(256));
      const block = new Float32Array(256 * 1000).map((_, at) => at % 17);
      for (let count = 0; count < bigRows; count += 1000) kernel.appendRows(rows, block);
      const search = { ...plan(kernel, rows, []), queries: block.slice(0, 256 * 64) };
      const aborted = AbortSignal.abort(new Error("before"));
      await assert.rejects(kernel.exactSearch(search, aborted), /before/);
      const late: number[] = [];
      for (let round = 0; round < 5; round += 1) {
        const controller = new AbortController();
        const found = kernel.exactSearch(search, controller.signal);
        const queued = kernel.exactSearch(search, controller.signal);
        await new Promise((resolve) => setTimeout(resolve, 10));
        const reason = new Error("enough");
        const start = performance.now();
        const worked = process.cpuUsage();
        controller.abort(reason);
        const ends = await Promise.allSettled([found, queued]);
        const { user, system } = process.cpuUsage(worked);
        // Who is not given a core is not at work: the processor's time of all threads, where it is less than has passed.
        late.push(Math.min(performance.now() - start, (user + system) / 1000));
        for (const end of ends) assert.equal(end.status === "rejected" && end.reason, reason);
      }
      // The machine may be busy with other tests: once in five must do, and none may be far off.
      assert.ok(Math.min(...late) < 20 && Math.max(...late) < 500, `milliseconds from abort to rejection: ${late}`);
      kernel.close(rows);
      assert.equal(kernel.openHandles(), 0);
    });

    test("visible rows: inserted at or before, not deleted at or before", () => {
      const inserts = BigUint64Array.of(1n, 5n, 6n, 2n ** 64n - 1n, 0n);
      const deletes = BigUint64Array.of(5n, 6n, 7n, 2n ** 64n - 1n, 2n ** 64n - 1n);
      assert.deepEqual([...rowsOf(kernel.visibleRows(inserts, deletes, 5, 5n))], [1, 4]);
      assert.deepEqual([...rowsOf(kernel.visibleRows(inserts, null, 5, 5n))], [0, 1, 4]);
      assert.deepEqual([...rowsOf(kernel.visibleRows(inserts, null, 1, 5n))], [0]);
      assert.deepEqual([...rowsOf(kernel.visibleRows(inserts, null, 5, 2n ** 64n - 1n))], [0, 1, 2, 3, 4]);
      assert.equal(kernel.visibleRows(inserts, null, 0, 5n).length, 0);
      const many = BigUint64Array.from({ length: 200 }, (_, at) => BigInt(at % 7));
      const expected = Array.from({ length: 200 }, (_, at) => at).filter((at) => at % 7 <= 3);
      const bits = kernel.visibleRows(many, null, 200, 3n);
      assert.equal(bits.length, 32);
      assert.deepEqual([...rowsOf(bits)], expected);
      assert.throws(() => kernel.visibleRows(inserts, null, 6, 5n), KernelError);
      assert.throws(() => kernel.visibleRows(inserts, deletes.subarray(0, 4), 5, 5n), KernelError);
      assert.throws(() => kernel.visibleRows(inserts, null, 5, -1n), KernelError);
      assert.throws(() => kernel.visibleRows(inserts, null, 5, 2n ** 64n), KernelError);
    });

    test("the first value that is not finite", async () => {
      assert.equal(await kernel.findNotFinite(new Float32Array(0), "float32"), -1);
      const largest = (2 - 2 ** -23) * 2 ** 127;
      assert.equal(await kernel.findNotFinite(Float32Array.of(0, -0, largest, -largest, 2 ** -149), "float32"), -1);
      for (const length of [1, 15, 1025, 70_000, 10_000_000]) {
        const values = new Float32Array(length);
        assert.equal(await kernel.findNotFinite(values, "float32"), -1);
        for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
          values[length - 1] = bad;
          assert.equal(await kernel.findNotFinite(values, "float32"), length - 1);
          values[length >> 1] = bad;
          assert.equal(await kernel.findNotFinite(values, "float32"), length >> 1);
          values[length >> 1] = 0;
        }
      }
    });
  });
}
