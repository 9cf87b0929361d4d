/**
 * What every kernel must do with rows that are not float32, as tests with answers worked out by hand: layouts, metrics, lengths, files.
 *
 * Not here: what rows of any element share (conformance.ts), random rows (agreement.test.ts).
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { bfloat16Of, float16Of } from "../base/half.ts";
import type { Metric } from "../model/types.ts";
import { plan } from "./conformance.ts";
import { KernelError, NO_ROW } from "./kernel.ts";
import type { ExactSearch, Handle, Kernel } from "./kernel.ts";
import { ELEMENT_NAMES, bytesPerRow, elementKind, valuesPerRow } from "./layout.ts";
import type { Element, RowLayout, RowValues } from "./layout.ts";

const HALVES = { float16: float16Of, bfloat16: bfloat16Of } as const;

/** Small whole numbers as values of `element`. */
function valuesOf(element: Exclude<Element, "binary">, numbers: readonly number[]): RowValues {
  const values = elementKind(element).make(numbers.length);
  const encode = element === "float16" || element === "bfloat16" ? HALVES[element] : (number: number) => number;
  for (let at = 0; at < numbers.length; at += 1) values[at] = encode(numbers[at]!);
  return values;
}

export function elementConformance(label: string, load: () => Kernel): void {
  describe(`elements of kernel: ${label}`, () => {
    const kernel = load();
    const open = (layout: RowLayout, values: RowValues): Handle => {
      const rows = kernel.createRows(layout);
      kernel.appendRows(rows, values);
      return rows;
    };
    const find = async (
      rows: Handle,
      queries: RowValues,
      metric: Metric,
      changes: Partial<ExactSearch> = {},
    ): Promise<[number[], number[]]> => {
      const hits = await kernel.exactSearch({ ...plan(kernel, rows, []), queries, metric, k: 8, ...changes });
      const count = hits.rows.indexOf(NO_ROW);
      assert.ok(hits.scores.subarray(count).every(Number.isNaN));
      return [[...hits.rows.subarray(0, count)], [...hits.scores.subarray(0, count)]];
    };

    for (const element of ["float32", "float16", "bfloat16", "int8"] as const) {
      test(`${element}: L2, IP, COSINE`, async () => {
        const layout = { element, dimension: 3 } as const;
        const rows = open(layout, valuesOf(element, [3, 4, 0, 0, 0, 0, -3, -4, 0, 6, 8, 0, 0, 0, 5]));
        assert.deepEqual(kernel.layoutOfRows(rows), layout);
        const query = valuesOf(element, [3, 4, 0]);
        assert.deepEqual(await find(rows, query, "L2"), [
          [0, 1, 3, 4, 2],
          [0, 25, 25, 50, 100],
        ]);
        assert.deepEqual(await find(rows, query, "IP"), [
          [3, 0, 1, 4, 2],
          [50, 25, 0, 0, -25],
        ]);
        assert.deepEqual(await find(rows, query, "COSINE"), [
          [0, 3, 1, 4, 2],
          [1, 1, 0, 0, -1],
        ]);
        assert.deepEqual(await find(rows, valuesOf(element, [0, 0, 0]), "COSINE"), [
          [0, 1, 2, 3, 4],
          [0, 0, 0, 0, 0],
        ]);
        assert.deepEqual(await find(rows, query, "L2", { range: { outer: 50, inner: 25 } }), [
          [1, 3],
          [25, 25],
        ]);
        for (const metric of ["HAMMING", "JACCARD", "SUBSTRUCTURE", "SUPERSTRUCTURE", "MHJACCARD"] as const) {
          await assert.rejects(find(rows, query, metric), /not for rows of/);
        }
        kernel.close(rows);
      });
    }

    test("int8: the widest rows of the farthest values lose nothing", async () => {
      const dimension = 32768;
      const low = new Int8Array(dimension).fill(-128);
      const rows = open({ element: "int8", dimension }, low);
      kernel.appendRows(rows, new Int8Array(dimension).fill(127));
      const far = Math.fround(255 * 255 * dimension);
      assert.deepEqual(await find(rows, low, "L2"), [
        [0, 1],
        [0, far],
      ]);
      assert.deepEqual(await find(rows, low, "IP"), [
        [0, 1],
        [128 * 128 * dimension, -128 * 127 * dimension],
      ]);
      assert.deepEqual(await find(rows, low, "COSINE"), [
        [0, 1],
        [1, -1],
      ]);
      kernel.close(rows);
    });

    test("halves: every value there is takes part as what it means; what is no number is no hit", async () => {
      for (const [element, infinity, notNumber] of [
        ["float16", 0x7c00, 0x7e00],
        ["bfloat16", 0x7f80, 0x7fc0],
      ] as const) {
        const encode = HALVES[element];
        const small = element === "float16" ? 2 ** -24 : 2 ** -133;
        const rows = open({ element, dimension: 1 }, Uint16Array.of(infinity, notNumber, encode(-2), encode(small), 0));
        const one = Uint16Array.of(encode(1));
        assert.deepEqual(await find(rows, one, "IP"), [
          [0, 3, 4, 2],
          [Number.POSITIVE_INFINITY, small, 0, -2],
        ]);
        assert.deepEqual(await find(rows, one, "L2", { range: { outer: 10, inner: null } }), [
          [3, 4, 2],
          [Math.fround((1 - small) ** 2), 1, 9],
        ]);
        assert.deepEqual((await find(rows, Uint16Array.of(notNumber), "IP"))[0], []);
        kernel.close(rows);
      }
    });

    test("binary: HAMMING, JACCARD, SUBSTRUCTURE, SUPERSTRUCTURE", async () => {
      const query = Uint8Array.of(0b11110000, 0b00000001);
      const rows = open(
        { element: "binary", dimension: 16 },
        Uint8Array.of(0b11110000, 1, 0b11111111, 3, 0b10000000, 0, 0, 0, 0b00001111, 0b11111110),
      );
      assert.deepEqual(await find(rows, query, "HAMMING"), [
        [0, 2, 1, 3, 4],
        [0, 4, 5, 5, 16],
      ]);
      assert.deepEqual(await find(rows, query, "JACCARD"), [
        [0, 1, 2, 3, 4],
        [0, 0.5, Math.fround(0.8), 1, 1],
      ]);
      assert.deepEqual(await find(rows, new Uint8Array(2), "JACCARD"), [
        [0, 1, 2, 3, 4],
        [1, 1, 1, 1, 1],
      ]);
      assert.deepEqual(await find(rows, query, "SUBSTRUCTURE"), [
        [0, 1],
        [0, 0],
      ]);
      assert.deepEqual(await find(rows, query, "SUPERSTRUCTURE"), [
        [0, 2, 3],
        [0, 0, 0],
      ]);
      assert.deepEqual(await find(rows, query, "JACCARD", { range: { outer: 1, inner: 0.5 } }), [
        [1, 2],
        [0.5, Math.fround(0.8)],
      ]);
      for (const metric of ["L2", "IP", "COSINE"] as const) {
        await assert.rejects(find(rows, query, metric), /not for rows of binary/);
      }
      kernel.close(rows);
    });

    test("binary: MHJACCARD counts equal hashes; rows without one are no hits", async () => {
      const row = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
      const half = row.map((byte, at) => (at < 8 ? byte : 0));
      const odd = row.map((byte, at) => (at % 2 === 0 ? byte : 0));
      const none = row.map(() => 99);
      const rows = open({ element: "binary", dimension: 128 }, Uint8Array.from([...none, ...odd, ...half, ...row]));
      const query = Uint8Array.from(row);
      const expected = { 8: [3, 1, 2], 16: [3, 2], 32: [3, 2], 64: [3, 2] };
      for (const hashBits of [8, 16, 32, 64] as const) {
        const scores = expected[hashBits].map((number) => (number === 3 ? 1 : 0.5));
        assert.deepEqual(await find(rows, query, "MHJACCARD", { hashBits }), [expected[hashBits], scores]);
      }
      assert.deepEqual(await find(rows, query, "MHJACCARD"), [expected[8], [1, 0.5, 0.5]]);
      const range = { outer: 0.5, inner: null };
      assert.deepEqual(await find(rows, query, "MHJACCARD", { range }), [[3], [1]]);
      await assert.rejects(find(rows, query, "MHJACCARD", { hashBits: 12 as 8 }), KernelError);
      // Two bands of eight hashes: the row that has every other hash has neither. Of three bands of five, one hash is in none.
      assert.deepEqual(await find(rows, query, "MHJACCARD", { bands: 2 }), [
        [2, 3],
        [1, 1],
      ]);
      assert.deepEqual((await find(rows, query, "MHJACCARD", { bands: 16 }))[0], [1, 2, 3]);
      assert.deepEqual(await find(rows, query, "MHJACCARD", { bands: 1, hashBits: 64 }), [[3], [1]]);
      assert.deepEqual(await find(rows, query, "MHJACCARD", { bands: 2, range: { outer: 0, inner: 0.9 } }), [[], []]);
      for (const bands of [0, 17, 1.5]) {
        await assert.rejects(find(rows, query, "MHJACCARD", { bands }), /bands are not in 1..16/);
      }
      await assert.rejects(find(rows, query, "HAMMING", { bands: 1 }), /bands are not/);
      kernel.close(rows);
      const short = open({ element: "binary", dimension: 24 }, Uint8Array.of(1, 2, 3));
      await assert.rejects(find(short, Uint8Array.of(1, 2, 3), "MHJACCARD", { hashBits: 16 }), /multiple of a hash/);
      kernel.close(short);
    });

    test("rows of every element grow, are measured, gathered and mapped from any byte on", async () => {
      const directory = mkdtempSync(join(tmpdir(), "elanus-elements-"));
      try {
        for (const element of ELEMENT_NAMES) {
          const layout = { element, dimension: 16 };
          const length = valuesPerRow(layout);
          const kind = elementKind(element);
          const values = kind.make(5 * length);
          for (let at = 0; at < values.length; at += 1) values[at] = at + 1;
          const growing = open(layout, values.subarray(0, 2 * length));
          assert.equal(kernel.appendRows(growing, values.subarray(2 * length)), 5);
          const path = join(directory, element);
          const bytes = new Uint8Array(values.buffer);
          writeFileSync(path, Buffer.concat([Buffer.alloc(7), bytes]));
          const mapped = kernel.mapRows(path, 7, 5, layout);
          assert.throws(() => kernel.mapRows(path, 7, 6, layout), /short/);
          for (const rows of [growing, mapped]) {
            assert.deepEqual(kernel.layoutOfRows(rows), layout);
            assert.equal(kernel.residentBytes(rows), 5 * bytesPerRow(layout));
            const gathered = kernel.gatherRows(rows, Uint32Array.of(3, 0, 3));
            const third = [...values.subarray(3 * length, 4 * length)];
            assert.deepEqual([...gathered], [...third, ...values.subarray(0, length), ...third]);
            assert.ok(kind.isOwn(gathered));
            const wrong = element === "int8" ? new Uint16Array(length) : new Int8Array(length);
            assert.throws(() => kernel.gatherRows(rows, Uint32Array.of(0), wrong), KernelError);
            await assert.rejects(kernel.exactSearch({ ...plan(kernel, rows, []), queries: wrong }), KernelError);
            if (rows === growing) assert.throws(() => kernel.appendRows(rows, wrong), KernelError);
            if (rows === growing && length > 1) {
              assert.throws(() => kernel.appendRows(rows, kind.make(length + 1)), KernelError);
            }
            kernel.close(rows);
          }
        }
        assert.equal(kernel.openHandles(), 0);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    test("layouts that cannot be are refused", () => {
      const wrong: { element: string; dimension: number }[] = [
        { element: "float64", dimension: 4 },
        { element: "toString", dimension: 4 },
        { element: "binary", dimension: 12 },
        { element: "binary", dimension: 262_152 },
        { element: "int8", dimension: 32_769 },
        { element: "float16", dimension: 0 },
      ];
      for (const layout of wrong) assert.throws(() => kernel.createRows(layout as RowLayout), KernelError);
      const widest = kernel.createRows({ element: "binary", dimension: 262_144 });
      assert.equal(kernel.appendRows(widest, new Uint8Array(3 * 32_768)), 3);
      kernel.close(widest);
    });

    test("the first half that is not finite; int8 and binary have none", async () => {
      for (const [element, infinity, notNumber, largest] of [
        ["float16", 0x7c00, 0x7e01, 0x7bff],
        ["bfloat16", 0x7f80, 0x7f81, 0x7f7f],
      ] as const) {
        for (const length of [1, 33, 1025, 200_001]) {
          const values = new Uint16Array(length).fill(largest);
          assert.equal(await kernel.findNotFinite(values, element), -1);
          for (const bad of [infinity, notNumber, infinity | 0x8000]) {
            values[length - 1] = bad;
            assert.equal(await kernel.findNotFinite(values, element), length - 1);
          }
          values[length >> 1] = notNumber;
          assert.equal(await kernel.findNotFinite(values, element), length >> 1);
        }
        await assert.rejects(kernel.findNotFinite(new Float32Array(1), element), KernelError);
      }
      assert.equal(await kernel.findNotFinite(Int8Array.of(-128, 127), "int8"), -1);
      assert.equal(await kernel.findNotFinite(new Uint8Array(100_000).fill(255), "binary"), -1);
    });
  });
}
