/**
 * What JavaScript adds to a search of an index: all queries in one call, one call after another, and eight calls at once, each beside the same in
 * C++ through the kernel's C ABI; and how late the program's timers are while eight are at once.
 *
 *     npm run bench -- javascript [wordnet=<folder> | text=<rows> | sift=<rows> | clusters=<rows>] [keep=<folder>] [ef=<n>]
 *
 * One kernel thread. Processor time of the whole process, medians of rounds that alternate. "Of plain C++" is beside all queries in one call of
 * C++: what a search costs when nothing else does.
 */

import { join } from "node:path";
import type { Handle } from "../src/kernel/kernel.ts";
import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import { K, rowsOf, withData } from "./index/data.ts";
import type { BenchData } from "./index/data.ts";
import { OwnIndex } from "./index/own.ts";
import { nativeSearch } from "./javascript/native-search.ts";
import type { NativeSearch, Took } from "./javascript/native-search.ts";
import { LoopWatch, inFlight, median, percent, printTable } from "./measure.ts";
import type { LoopDelay } from "./measure.ts";

const ROUNDS = 9;
const EF = 64;

export async function javascriptBench(parts: readonly string[]): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) {
    console.log(kernel.reason);
    return;
  }
  await withData(parts, kernel, async (data, others) => {
    const ef = Number(others.find((part) => part.startsWith("ef="))?.slice(3) ?? EF);
    for (const layout of ["packed", "lean"] as const) {
      const own = await OwnIndex.open(kernel, data, { layout, segments: 1, threads: 1, again: false });
      own.close();
      const path = join(data.folder, `${layout} 0.index`);
      const rows = rowsOf(kernel, data, 0, data.rowCount);
      const index = await kernel.indexes.openIndex(path, rows);
      const shape = [join(data.folder, "rows.f32"), String(data.rowCount), String(data.dimension)];
      const native = await nativeSearch([...shape, join(data.folder, "queries.f32"), path, "1"]);
      await compare(kernel, index, data, native, layout, ef);
      native.end();
      kernel.indexes.closeIndex(index);
      kernel.close(rows);
    }
  });
}

async function compare(
  kernel: NativeKernel,
  index: Handle,
  data: BenchData,
  native: NativeSearch,
  name: string,
  ef: number,
): Promise<void> {
  const { queries, dimension } = data;
  const queryCount = queries.length / dimension;
  const ways = [
    { name: "all in one call", each: queryCount, atOnce: 1 },
    { name: "one after another", each: 1, atOnce: 1 },
    { name: "8 at once", each: 1, atOnce: 8 },
  ].map((way) => ({ ...way, own: [] as Took[], cpp: [] as Took[], delays: [] as LoopDelay[] }));
  const plan = { index, k: K, parameters: { kind: "graph", ef } as const, allowed: null, rank: null, range: null };
  const search = async (each: number, atOnce: number): Promise<void> => {
    await inFlight(queryCount / each, atOnce, async (at) => {
      const some = queries.subarray(at * each * dimension, (at + 1) * each * dimension);
      await kernel.indexes.searchIndex({ ...plan, queries: some, timeLimitMicroseconds: null });
    });
  };
  const watch = new LoopWatch();
  // The first of all is no round.
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const { each, atOnce, own, cpp, delays } of ways) {
      const there = await native.search(each, atOnce, ef);
      if (atOnce > 1) watch.start();
      const [start, used] = [performance.now(), process.cpuUsage()];
      await search(each, atOnce);
      const { user, system } = process.cpuUsage(used);
      const here = { processorSeconds: (user + system) / 1e6, seconds: (performance.now() - start) / 1000 };
      const delay = atOnce > 1 ? watch.stop() : null;
      if (round < 0) continue;
      cpp.push(there);
      own.push(here);
      if (delay !== null) delays.push(delay);
    }
  }
  const each = (took: readonly Took[]): number =>
    (1e6 * median(took.map(({ processorSeconds }) => processorSeconds))) / queryCount;
  const plain = each(ways[0]!.cpp);
  const delayed = (delays: readonly LoopDelay[]): string =>
    delays.length === 0 ? "-" : median(delays.map(({ p99Milliseconds }) => p99Milliseconds)).toFixed(1);
  printTable(
    `${name}, ef ${ef}: processor µs a search`,
    ["", "C++", "JavaScript", "of the same in C++", "of plain C++", "loop delay p99 ms"],
    ways.map((way) => [
      way.name,
      each(way.cpp).toFixed(1),
      each(way.own).toFixed(1),
      percent(each(way.cpp) / each(way.own)),
      percent(plain / each(way.own)),
      delayed(way.delays),
    ]),
  );
}
