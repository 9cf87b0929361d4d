/**
 * A second opinion on exact search: numpy, in float64, over the same bytes, for every element and metric. The kernel is the one that
 * loads here; the twin answers alike (src/kernel/agreement.test.ts).
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { bfloat16Of, float16Of } from "../../src/base/half.ts";
import { ELEMENT_NAMES, elementKind, valuesPerRow } from "../../src/kernel/layout.ts";
import type { Element, RowValues } from "../../src/kernel/layout.ts";
import { loadKernel } from "../../src/kernel/load.ts";

const PYTHON = resolve(import.meta.dirname, "../../.venv/bin/python");
const ROWS = 700;
const QUERIES = 12;
const K = 50;
const HASH_BITS = 32;
/** Relative: sums of a few hundred products in float32. Counts and sums of bytes are exact but for their last rounding. */
const MOST = { float32: 2e-5, float16: 2e-5, bfloat16: 2e-5, int8: 1e-6, binary: 1e-7 } as const;

function random(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function valuesOf(element: Element, rowCount: number, length: number, seed: number): RowValues {
  const numbers = random(rowCount * length, seed);
  const encode = {
    float32: (number: number) => number,
    float16: float16Of,
    bfloat16: bfloat16Of,
    int8: (number: number) => Math.round(number * 127),
    // Few values, so that whole hashes are equal and some rows contain a query.
    binary: (number: number) => (number < -0.5 ? 255 : number < 0.2 ? 0 : 1 + Math.floor(number * 3)),
  }[element];
  const values = elementKind(element).make(numbers.length);
  for (let at = 0; at < values.length; at += 1) values[at] = encode(numbers[at]!);
  // Zero vectors, and rows that come twice.
  values.fill(0, 0, length);
  values.copyWithin(2 * length, length, 2 * length);
  return values;
}

test("exact results equal numpy's for every element and metric", async () => {
  const kernel = loadKernel();
  const folder = mkdtempSync(join(tmpdir(), "elanus-numpy-"));
  try {
    const cases: Record<string, unknown>[] = [];
    for (const element of ELEMENT_NAMES) {
      for (const dimension of element === "binary" ? [32, 1024, 4128] : [3, 100, 769]) {
        const layout = { element, dimension };
        const length = valuesPerRow(layout);
        const rows = valuesOf(element, ROWS, length, dimension);
        const queries = valuesOf(element, QUERIES, length, 7 * dimension);
        if (element === "binary") queries.set(rows.subarray(length, 2 * length).fill(1, 0, 2), 3 * length);
        const handle = kernel.createRows(layout);
        kernel.appendRows(handle, rows);
        const write = (name: string, array: RowValues | Uint32Array): string => {
          const file = `${element}-${dimension}-${name}`;
          writeFileSync(join(folder, file), new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
          return file;
        };
        const shared = { element, dimension, width: length, k: K, hashBits: HASH_BITS };
        const files = { rows: write("rows", rows), queries: write("queries", queries) };
        for (const metric of elementKind(element).metrics) {
          const search = {
            rows: handle,
            rowCount: ROWS,
            queries,
            metric,
            k: K,
            allowed: null,
            rank: null,
            range: null,
          };
          const hits = await kernel.exactSearch({ ...search, hashBits: HASH_BITS });
          cases.push({
            ...shared,
            ...files,
            name: `${element} ${dimension} ${metric}`,
            metric,
            hits: write(`${metric}-hits`, hits.rows),
            scores: write(`${metric}-scores`, hits.scores),
          });
        }
        kernel.close(handle);
      }
    }
    writeFileSync(join(folder, "cases.json"), JSON.stringify(cases));
    const script = join(import.meta.dirname, "exact.py");
    const env = { PATH: process.env["PATH"] ?? "", PYTHONDONTWRITEBYTECODE: "1", OPENBLAS_NUM_THREADS: "1" };
    const { stdout } = await promisify(execFile)(PYTHON, [script, folder], { env, timeout: 120_000 });
    const errors = JSON.parse(stdout) as Record<string, number>;
    assert.equal(Object.keys(errors).length, cases.length);
    for (const [name, error] of Object.entries(errors)) {
      const element = name.split(" ")[0] as Element;
      assert.ok(error <= MOST[element], `${name}: off by ${error}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
