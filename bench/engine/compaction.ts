/**
 * What a compaction costs those who work beside it: inserts with and without one, in turns, and the delay of the event loop meanwhile. The
 * compaction's own speed is printed beside a copy of its bytes by plain reads and writes.
 */

import { mkdirSync, openSync, closeSync, fdatasyncSync, readSync, readdirSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../../src/engine/engine.ts";
import { type LoopDelay, LoopWatch, median, percentile, printTable, secondsOf, sleep } from "../measure.ts";
import { TARGET, createCollection, dataDirectory, fill, flush, insertRequest, vectors } from "./collection.ts";

const SEGMENTS = 6;
const SEGMENT_ROWS = 20_000;
const INSERT_ROWS = 100;
const PAUSE_MILLISECONDS = 5;
const ROUNDS = 3;

export async function compactionBench(): Promise<void> {
  const alone = { milliseconds: [] as number[], delays: [] as LoopDelay[] };
  const beside = { milliseconds: [] as number[], delays: [] as LoopDelay[] };
  const seconds: number[] = [];
  const copies: number[] = [];
  const megabytes = (SEGMENTS * SEGMENT_ROWS * (384 * 4 + 24)) / 1e6;
  for (let round = 0; round < ROUNDS; round += 1) {
    using directory = dataDirectory();
    const engine = await Engine.open({ directory: directory.path, limits: { compactionSlots: 0 } });
    const { proxy } = engine;
    await createCollection(proxy);
    for (let segment = 0; segment < SEGMENTS; segment += 1) {
      await fill(proxy, SEGMENT_ROWS, segment * SEGMENT_ROWS);
      await flush(proxy);
    }
    copies.push(await secondsOf(() => copy(join(directory.path, "objects"), join(directory.path, "copy"))));
    let next = 10_000_000;
    const insert = async (): Promise<number> => {
      const request = insertRequest(next, vectors(INSERT_ROWS, next));
      next += INSERT_ROWS;
      const took = await secondsOf(() => proxy.insert(request));
      await sleep(PAUSE_MILLISECONDS);
      return took * 1000;
    };
    await insert();
    const watch = new LoopWatch();
    watch.start();
    for (const end = performance.now() + 1_500; performance.now() < end;) alone.milliseconds.push(await insert());
    alone.delays.push(watch.stop());
    const started = performance.now();
    const { compactionId } = await proxy.compact(TARGET);
    watch.start();
    while (!(await proxy.compactionProgress(compactionId)).isCompleted) beside.milliseconds.push(await insert());
    beside.delays.push(watch.stop());
    seconds.push((performance.now() - started) / 1000);
    await engine.close();
  }
  const row = (name: string, { milliseconds, delays }: typeof alone): string[] => [
    name,
    median(milliseconds).toFixed(1),
    percentile(milliseconds, 0.99).toFixed(1),
    median(delays.map(({ p50Milliseconds }) => p50Milliseconds)).toFixed(1),
    median(delays.map(({ p99Milliseconds }) => p99Milliseconds)).toFixed(1),
    Math.max(...delays.map(({ maxMilliseconds }) => maxMilliseconds)).toFixed(1),
  ];
  printTable(
    `Inserts of ${INSERT_ROWS} rows × 384 every ${PAUSE_MILLISECONDS} ms, ${ROUNDS} rounds`,
    ["inserts", "median ms", "p99 ms", "loop p50 ms", "loop p99 ms", "loop max ms"],
    [row("alone", alone), row(`beside a compaction of ${megabytes.toFixed(0)} MB`, beside)],
  );
  console.log(
    `compaction: ${median(seconds).toFixed(2)} s, ${(megabytes / median(seconds)).toFixed(0)} MB/s; a copy of the files: ${median(copies).toFixed(2)} s`,
  );
}

function copy(from: string, to: string): void {
  mkdirSync(to);
  const buffer = Buffer.alloc(1 << 20);
  for (const name of readdirSync(from, { recursive: true }) as string[]) {
    const path = join(from, name);
    if (!statSync(path).isFile()) continue;
    const source = openSync(path, "r");
    const target = openSync(join(to, name.replaceAll("/", "_")), "w");
    for (let read = 1; read > 0;) {
      read = readSync(source, buffer);
      writeSync(target, buffer, 0, read);
    }
    fdatasyncSync(target);
    closeSync(source);
    closeSync(target);
  }
}
