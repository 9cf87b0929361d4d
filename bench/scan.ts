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
import { NUMBER_METRICS } from "../src/model/types.ts";
import type { Metric } from "../src/model/types.ts";

const ROUNDS = 9;
const SHAPES = [
  { rowCount: 100_000, dimension: 384 },
  { rowCount: 100_000, dimension: 768 },
  { rowCount: 300_000, dimension: 128 },
] as const;
const MANY = 100;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function secondsOf(action: () => unknown): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

export async function scanBench(): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) {
    console.log(`scan: nothing to measure, ${kernel.reason}`);
    return;
  }
  const threads = kernel.threads;
  kernel.threads = 1;
  console.log(`exact search, one thread, ${kernel.instructionSet}, k 10, medians of ${ROUNDS} rounds`);
  try {
    for (const { rowCount, dimension } of SHAPES) await measure(kernel, rowCount, dimension);
  } finally {
    kernel.threads = threads;
  }
}

async function measure(kernel: NativeKernel, rowCount: number, dimension: number): Promise<void> {
  const rows = kernel.createRows({ element: "float32", dimension });
  const block = new Float32Array(1000 * dimension);
  for (let at = 0; at < rowCount; at += 1000) {
    for (let place = 0; place < block.length; place += 1) block[place] = ((at + place) * 2654435761) % 251;
    kernel.appendRows(rows, block);
  }
  const search = (metric: Metric, queryCount: number): ExactSearch => ({
    rows,
    rowCount,
    queries: block.slice(0, queryCount * dimension),
    metric,
    k: 10,
    allowed: null,
    rank: null,
    range: null,
  });
  const gigabytes = (rowCount * dimension * 4) / 1e9;
  console.log(`\n${rowCount} x ${dimension} float32, ${(gigabytes * 1000).toFixed(0)} MB`);
  kernel.readProbe(rows, rowCount);
  for (const metric of NUMBER_METRICS) {
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
    console.log(
      `  ${metric.padEnd(6)} read ${(gigabytes / median(read)).toFixed(1)} GB/s; ` +
        `1 query ${(1 / median(one)).toFixed(1)} QPS, ${(gigabytes / median(one)).toFixed(1)} GB/s, ${(100 * ratio).toFixed(0)} % of read; ` +
        `${MANY} queries ${(1 / perQuery).toFixed(0)} QPS, ${(median(one) / perQuery).toFixed(1)} times`,
    );
  }
  kernel.close(rows);
}
