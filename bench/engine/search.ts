/**
 * Exact search through the proxy, 100,000 x 384, growing and sealed, beside a plain read of the same bytes by one thread in the same
 * round. The kernel has one thread where the ratio is taken, and the machine's cores where it says so.
 *
 * Reads are "eventually" consistent: nothing is written meanwhile, and waiting for the clock is not what is measured.
 */

import { Engine } from "../../src/engine/engine.ts";
import { NativeKernel } from "../../src/kernel/native.ts";
import { inFlight, median, percent, printTable, secondsOf } from "../measure.ts";
import { DIMENSION, createCollection, dataDirectory, fill, flush, search, vectors } from "./collection.ts";

const ROWS = 100_000;
const ROUNDS = 9;
const SEARCHES = 24;
const MANY = 100;
const BYTES = ROWS * DIMENSION * 4;

export async function searchBench(): Promise<void> {
  using directory = dataDirectory();
  // One growing segment holds all rows; by default it would be flushed at 120 MB.
  const engine = await Engine.open({ directory: directory.path, limits: { maxSegmentBytes: 512 << 20 } });
  try {
    const { kernel } = engine;
    if (!(kernel instanceof NativeKernel)) {
      console.log(`search: nothing to measure, ${kernel.reason}`);
      return;
    }
    const probe = kernel.createRows({ element: "float32", dimension: DIMENSION });
    for (let row = 0; row < ROWS; row += 1000) kernel.appendRows(probe, vectors(1000, row));
    await createCollection(engine.proxy);
    await fill(engine.proxy, ROWS);
    const rows: string[][] = [];
    rows.push(...(await measure(engine, kernel, probe, "growing")));
    await flush(engine.proxy);
    rows.push(...(await measure(engine, kernel, probe, "sealed")));
    kernel.close(probe);
    printTable(
      `Exact search through the proxy, ${ROWS} x ${DIMENSION}, limit 10, ${kernel.instructionSet}, medians of ${ROUNDS} rounds`,
      ["rows are", "kernel threads", "in flight", "queries each", "queries/s", "GB/s", "plain read, GB/s", "ratio"],
      rows,
    );
  } finally {
    await engine.close();
  }
}

async function measure(engine: Engine, kernel: NativeKernel, probe: number, state: string): Promise<string[][]> {
  const threads = kernel.threads;
  const rows: string[][] = [];
  const query = vectors(1, 77);
  const many = vectors(MANY, 78);
  const shapes = [
    { threads: 1, flying: 1, queries: query, count: SEARCHES },
    { threads: 1, flying: 8, queries: query, count: SEARCHES },
    { threads, flying: 1, queries: query, count: SEARCHES },
    { threads, flying: 8, queries: query, count: SEARCHES },
    { threads: 1, flying: 1, queries: many, count: 1 },
  ];
  try {
    for (const shape of shapes) {
      kernel.threads = shape.threads;
      const read: number[] = [];
      const found: number[] = [];
      await search(engine.proxy, shape.queries, 10);
      for (let round = 0; round < ROUNDS; round += 1) {
        read.push(await secondsOf(() => kernel.readProbe(probe, ROWS)));
        const run = (): Promise<unknown> => search(engine.proxy, shape.queries, 10);
        found.push((await secondsOf(() => inFlight(shape.count, shape.flying, run))) / shape.count);
      }
      const queryCount = shape.queries.length / DIMENSION;
      rows.push([
        state,
        String(shape.threads),
        String(shape.flying),
        String(queryCount),
        (queryCount / median(found)).toFixed(1),
        (BYTES / 1e9 / median(found)).toFixed(1),
        (BYTES / 1e9 / median(read)).toFixed(1),
        queryCount === 1 ? percent(median(read.map((seconds, at) => seconds / found[at]!))) : "-",
      ]);
    }
  } finally {
    kernel.threads = threads;
  }
  return rows;
}
