/**
 * Exact search beside what memory gives: how much of the bandwidth that one thread gets from a plain read of the same bytes does
 * a search of them use, and what do tiles of many queries gain?
 *
 * A round measures all of it one after the other, so that a busy machine troubles every figure alike; medians of the rounds are
 * printed. Rows are small integers: values do not matter to the clock.
 */

import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import type { ExactSearch } from "../src/kernel/kernel.ts";
import { bytesPerRow, elementKind, valuesPerRow } from "../src/kernel/layout.ts";
import type { RowLayout } from "../src/kernel/layout.ts";
import type { Metric } from "../src/model/types.ts";
import { median, percent, printLoad, printTable, secondsOf } from "./measure.ts";

const ROUNDS = 9;
const SHAPES: readonly (RowLayout & { readonly rowCount: number })[] = [
  { rowCount: 100_000, element: "float32", dimension: 384 },
  { rowCount: 100_000, element: "float32", dimension: 768 },
  { rowCount: 300_000, element: "float32", dimension: 128 },
  { rowCount: 150_000, element: "float16", dimension: 768 },
  { rowCount: 150_000, element: "bfloat16", dimension: 768 },
  { rowCount: 300_000, element: "int8", dimension: 768 },
  { rowCount: 1_000_000, element: "int8", dimension: 128 },
  { rowCount: 4_000_000, element: "binary", dimension: 256 },
  { rowCount: 1_000_000, element: "binary", dimension: 1024 },
  { rowCount: 400_000, element: "binary", dimension: 4096 },
];
const MANY = 100;

/** Of one element only, if it is named. */
export async function scanBench(only: string | null = null): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) {
    console.log(`scan: nothing to measure, ${kernel.reason}`);
    return;
  }
  const threads = kernel.threads;
  kernel.threads = 1;
  printLoad();
  console.log(`exact search, one thread, ${kernel.instructionSet}, k 10, medians of ${ROUNDS} rounds`);
  try {
    for (const { rowCount, ...layout } of SHAPES) {
      if (only === null || layout.element === only) await measure(kernel, rowCount, layout);
    }
  } finally {
    kernel.threads = threads;
  }
}

async function measure(kernel: NativeKernel, rowCount: number, layout: RowLayout): Promise<void> {
  const rows = kernel.createRows(layout);
  const length = valuesPerRow(layout);
  const block = elementKind(layout.element).make(1000 * length);
  // Any bits will do, but those of what is no number.
  const most = layout.element === "float16" || layout.element === "bfloat16" ? 0x3fff : 251;
  for (let at = 0; at < rowCount; at += 1000) {
    for (let place = 0; place < block.length; place += 1) block[place] = ((at + place) * 2654435761) % most;
    kernel.appendRows(rows, block);
  }
  const search = (metric: Metric, queryCount: number): ExactSearch => ({
    rows,
    rowCount,
    queries: block.slice(0, queryCount * length),
    metric,
    k: 10,
    allowed: null,
    rank: null,
    range: null,
    hashBits: 32,
  });
  const gigabytes = (rowCount * bytesPerRow(layout)) / 1e9;
  const table: string[][] = [];
  kernel.readProbe(rows, rowCount);
  for (const metric of elementKind(layout.element).metrics) {
    const read: number[] = [];
    const one: number[] = [];
    const many: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      read.push(await secondsOf(() => kernel.readProbe(rows, rowCount)));
      one.push(await secondsOf(() => kernel.exactSearch(search(metric, 1))));
      if (round % 3 === 0) many.push(await secondsOf(() => kernel.exactSearch(search(metric, MANY))));
    }
    const ratio = median(read.map((seconds, round) => seconds / one[round]!));
    const perQuery = median(many) / MANY;
    table.push([
      metric,
      (gigabytes / median(read)).toFixed(1),
      (gigabytes / median(one)).toFixed(1),
      percent(ratio),
      (1 / median(one)).toFixed(1),
      (1 / perQuery).toFixed(0),
      (median(one) / perQuery).toFixed(1),
    ]);
  }
  printTable(
    `${rowCount} x ${layout.dimension} ${layout.element}, ${(gigabytes * 1000).toFixed(0)} MB`,
    ["", "read GB/s", "one query GB/s", "of read", "queries/s", `${MANY} together queries/s`, "times"],
    table,
  );
  kernel.close(rows);
}
