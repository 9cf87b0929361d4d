/**
 * Durable inserts in this process, batches of 1,000 rows, beside what the disk gives: the same bytes written and fdatasynced in a loop,
 * as many batches at a time as are in flight, into a file that grows as a log does.
 *
 * Rounds of limit and engine take turns, so that a busy machine troubles both alike; the ratio is the median of the rounds' ratios.
 */

import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../../src/engine/engine.ts";
import { LoopWatch, inFlight, median, percent, printTable, secondsOf, thousands } from "../measure.ts";
import {
  BATCH_ROWS,
  ROW_BYTES,
  TARGET,
  createCollection,
  dataDirectory,
  insertRequest,
  vectors,
} from "./collection.ts";

const ROUNDS = 7;
const BATCHES = 48;

export async function insertBench(): Promise<void> {
  using directory = dataDirectory();
  const engine = await Engine.open({ directory: join(directory.path, "data") });
  const rows: string[][] = [];
  try {
    await round(engine, 1);
    for (const flying of [1, 8]) {
      const limits: number[] = [];
      const inserts: number[] = [];
      const processor: number[] = [];
      const delays: number[] = [];
      for (let number = 0; number < ROUNDS; number += 1) {
        limits.push(limit(join(directory.path, "raw"), flying));
        const watch = new LoopWatch();
        const before = process.cpuUsage();
        watch.start();
        inserts.push(await round(engine, flying));
        delays.push(watch.stop().maxMilliseconds);
        const { user, system } = process.cpuUsage(before);
        processor.push((user + system) / 1e6 / BATCHES);
      }
      const perSecond = (seconds: number): number => (BATCHES * BATCH_ROWS) / seconds;
      rows.push([
        String(flying),
        thousands(perSecond(median(inserts))),
        ((perSecond(median(inserts)) * ROW_BYTES) / 1e6).toFixed(0),
        thousands(perSecond(median(limits))),
        percent(median(limits.map((seconds, at) => seconds / inserts[at]!))),
        (1000 * median(processor)).toFixed(2),
        median(delays).toFixed(1),
      ]);
    }
  } finally {
    await engine.close();
  }
  printTable(
    `Durable inserts in process, batches of ${BATCH_ROWS} x 384, medians of ${ROUNDS} rounds of ${BATCHES} batches`,
    [
      "in flight",
      "rows/s",
      "MB/s",
      "write + fdatasync, rows/s",
      "ratio",
      "processor ms a batch",
      "longest loop delay, ms",
    ],
    rows,
  );
}

async function round(engine: Engine, flying: number): Promise<number> {
  await createCollection(engine.proxy);
  const values = vectors(BATCH_ROWS);
  const requests = Array.from({ length: BATCHES }, (_, at) => insertRequest(at * BATCH_ROWS, values));
  const seconds = await secondsOf(() => inFlight(BATCHES, flying, (at) => engine.proxy.insert(requests[at]!)));
  await engine.proxy.releaseCollection(TARGET, null);
  await engine.proxy.dropCollection(TARGET);
  return seconds;
}

function limit(path: string, batchesAtOnce: number): number {
  const file = openSync(path, "w");
  const bytes = new Uint8Array(BATCH_ROWS * ROW_BYTES).fill(1);
  const start = performance.now();
  try {
    for (let at = 0; at < BATCHES; at += 1) {
      writeSync(file, bytes, 0, bytes.byteLength, at * bytes.byteLength);
      if ((at + 1) % batchesAtOnce === 0) fdatasyncSync(file);
    }
    return (performance.now() - start) / 1000;
  } finally {
    closeSync(file);
    unlinkSync(path);
  }
}
