/**
 * The embedded database: durable rows a second as columns and as rows, exact search, and how long a large insert holds up the program.
 *
 * Beside the inserts stand plain write + fdatasync of the same bytes in batches of the same size; beside the search of the client the time
 * that the engine's thread took, so that the way there and back shows.
 *
 *   node bench/embedded.ts
 */

import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Elanus } from "../src/client/elanus.ts";
import { EngineLink } from "../src/client/engine-link.ts";

const DIMENSION = 384;
const BATCH_ROWS = 1_000;
const BATCHES = 20;
const ROWS = BATCH_ROWS * BATCHES;
const SEARCHES = 400;
const LARGE_BYTES = 64e6;
const DELAY_RESOLUTION_MILLISECONDS = 1;

function floats(count: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  for (let at = 0; at < count; at += 1) values[at] = Math.random() - 0.5;
  return values;
}

function idsFrom(first: number, count: number): BigInt64Array<ArrayBuffer> {
  return BigInt64Array.from({ length: count }, (_, at) => BigInt(first + at));
}

const quantile = (values: readonly number[], part: number): string =>
  (values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0).toFixed(2);

const perSecond = (rows: number, milliseconds: number): string => `${((rows / milliseconds) * 1e3).toFixed(0)} rows/s`;

async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

function rawWrite(path: string): number {
  const file = openSync(path, "w");
  const batch = new Uint8Array(BATCH_ROWS * (DIMENSION * 4 + 8)).fill(1);
  const start = performance.now();
  for (let at = 0; at < BATCHES; at += 1) {
    writeSync(file, batch);
    fdatasyncSync(file);
  }
  closeSync(file);
  return performance.now() - start;
}

async function inserts(db: Elanus, directory: string, vectors: Float32Array<ArrayBuffer>): Promise<void> {
  const vectorsOf = (at: number): Float32Array<ArrayBuffer> =>
    vectors.subarray(at * BATCH_ROWS * DIMENSION, (at + 1) * BATCH_ROWS * DIMENSION);
  const columns = (at: number): { id: BigInt64Array; vector: Float32Array } => ({
    id: idsFrom(at * BATCH_ROWS, BATCH_ROWS),
    vector: vectorsOf(at),
  });
  const batches = Array.from({ length: BATCHES }, (_, at) => columns(at));
  const one = await timed(async () => {
    for (const batch of batches) await db.insert("columns", batch);
  });
  const four = await timed(() => each(batches, 4, (batch) => db.insert("columns4", batch)));
  const rows = batches.map(({ id, vector }) =>
    Array.from({ length: BATCH_ROWS }, (_, row) => ({
      id: Number(id[row]),
      vector: vector.subarray(row * DIMENSION, (row + 1) * DIMENSION),
    })),
  );
  const asRows = await timed(async () => {
    for (const batch of rows) await db.insert("rows", batch);
  });
  const plain = rows.map((batch) => batch.map(({ id, vector }) => ({ id, vector: Array.from(vector) })));
  const asPlain = await timed(async () => {
    for (const batch of plain) await db.insert("plain", batch);
  });
  const raw = rawWrite(join(directory, "raw"));
  console.log(`insert, batches of ${BATCH_ROWS} × ${DIMENSION} floats, each durable before the next:`);
  console.log(`  columns                     ${perSecond(ROWS, one)}`);
  console.log(`  columns, 4 at once          ${perSecond(ROWS, four)}`);
  console.log(`  rows with Float32Array      ${perSecond(ROWS, asRows)}`);
  console.log(`  rows with arrays of numbers ${perSecond(ROWS, asPlain)}`);
  console.log(`  write + fdatasync alone     ${perSecond(ROWS, raw)}`);
}

async function each<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function searches(db: Elanus, engineMilliseconds: number[], where: string): Promise<void> {
  const queries = Array.from({ length: SEARCHES }, () => floats(DIMENSION));
  for (const vector of queries.slice(0, 20)) await db.search("columns", { vector, limit: 10 });
  engineMilliseconds.length = 0;
  const milliseconds: number[] = [];
  for (const vector of queries) {
    milliseconds.push(await timed(() => db.search("columns", { vector, limit: 10 })));
  }
  console.log(`exact search, ${ROWS} × ${DIMENSION} ${where}, limit 10, one at a time:`);
  console.log(`  client         p50 ${quantile(milliseconds, 0.5)} ms  p99 ${quantile(milliseconds, 0.99)} ms`);
  console.log(
    `  engine's part  p50 ${quantile(engineMilliseconds, 0.5)} ms  p99 ${quantile(engineMilliseconds, 0.99)} ms`,
  );
}

async function delays(db: Elanus): Promise<void> {
  const rowCount = Math.floor(LARGE_BYTES / (DIMENSION * 4));
  console.log(`delay of the program's event loop while ${(LARGE_BYTES / 1e6).toFixed(0)} MB are inserted at once:`);
  for (const transfer of [false, true]) {
    const columns = { id: idsFrom(0, rowCount), vector: floats(rowCount * DIMENSION) };
    const histogram = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MILLISECONDS });
    histogram.enable();
    await new Promise((resolve) => setTimeout(resolve, 50));
    histogram.reset();
    const milliseconds = await timed(() => db.insert(`large${transfer}`, columns, { transfer }));
    histogram.disable();
    const [p99, max] = [histogram.percentile(99) / 1e6, histogram.max / 1e6].map((value) => value.toFixed(1));
    console.log(
      `  ${transfer ? "handed over" : "copied     "}  ${milliseconds.toFixed(0)} ms in all, delay p99 ${p99} ms, longest ${max} ms`,
    );
  }
}

export async function embeddedBench(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "elanus-bench-embedded-"));
  try {
    const engineMilliseconds: number[] = [];
    const start = performance.now();
    const { link, timestamp } = await EngineLink.open({
      settings: { directory: join(directory, "data"), limits: {}, wantsLog: false },
      onAnswer: (_name, milliseconds) => engineMilliseconds.push(milliseconds),
    });
    await using db = new Elanus(link, timestamp);
    console.log(`open, an empty directory: ${(performance.now() - start).toFixed(0)} ms`);
    for (const name of ["columns", "columns4", "rows", "plain", "largefalse", "largetrue"]) {
      await db.createCollection({ name, dimension: DIMENSION });
    }
    await inserts(db, directory, floats(ROWS * DIMENSION));
    await searches(db, engineMilliseconds, "in memory");
    await db.flush("columns");
    await searches(db, engineMilliseconds, "in files");
    await delays(db);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

if (import.meta.main) await embeddedBench();
