/**
 * Opening the index file of 100,000 rows of 768 dimensions, packed and lean, read into memory and mapped: how long, how much memory of which kind, what a
 * release gives back, and what searches cost then. Whether huge pages earn anything is the difference between the rates of the two.
 *
 *     npm run bench -- open [rows]
 *
 * Milliseconds are on processor time and on the clock, medians of rounds that alternate, and the least: memory that a machine of somebody else's gives for
 * the first time costs more than all the rest. The file is in the system's cache.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GraphLayout, OpenMode } from "../src/kernel/index-kernel.ts";
import type { Handle } from "../src/kernel/kernel.ts";
import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import { median, ownProcessorSeconds, printLoad, printTable, processMemory, secondsOf, thousands } from "./measure.ts";

const DEFAULT_ROWS = 100_000;
const DIMENSION = 768;
const CLUSTERS = 500;
const QUERIES = 300;
const ROUNDS = 7;
const GRAPH = { kind: "graph", degree: 32, beam: 40 } as const;
const SEARCH = { kind: "graph", ef: 64 } as const;
const MODES: readonly OpenMode[] = ["read", "map"];

interface Round {
  readonly openMilliseconds: number;
  readonly processorMilliseconds: number;
  readonly perSecond: number;
  readonly anonymousMegabytes: number;
  readonly fileMegabytes: number;
  readonly keptMegabytes: number;
}

export async function openBench([wanted = String(DEFAULT_ROWS)]: readonly string[]): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) {
    console.log(kernel.reason);
    return;
  }
  const rowCount = Number(wanted);
  printLoad();
  const folder = mkdtempSync(join(tmpdir(), "elanus-bench-open-"));
  const rows = kernel.createRows({ element: "float32", dimension: DIMENSION });
  try {
    const { queries } = fill(kernel, rows, rowCount);
    const table: string[][] = [];
    for (const layout of ["lean", "packed"] as const) {
      const path = join(folder, layout);
      const built = { ...GRAPH, rows, rowCount, metric: "L2", layout, seed: 1, path } as const;
      await kernel.indexes.buildIndex(built).done;
      table.push(...(await openings(kernel, rows, layout, path, queries)));
    }
    const title = `${thousands(rowCount)} rows of ${DIMENSION} dimensions; ${QUERIES} queries in one call, one thread`;
    const columns = [
      "",
      "open ms, processor (least)",
      "open ms, clock (least)",
      "memory MB",
      "mapped MB",
      "kept after release MB",
      "queries/s",
    ];
    printTable(title, columns, table);
  } finally {
    kernel.close(rows);
    rmSync(folder, { recursive: true });
  }
}

async function openings(
  kernel: NativeKernel,
  rows: Handle,
  layout: GraphLayout,
  path: string,
  queries: Float32Array,
): Promise<string[][]> {
  const rounds = new Map<OpenMode, Round[]>(MODES.map((mode) => [mode, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const mode of MODES) rounds.get(mode)!.push(await open(kernel, rows, path, mode, queries));
  }
  return [...rounds].map(([mode, all]) => {
    const middle = (of: (round: Round) => number): number => median(all.map(of));
    const both = (of: (round: Round) => number): string =>
      `${middle(of).toFixed(0)} (${Math.min(...all.map(of)).toFixed(0)})`;
    return [
      `${layout}, ${mode === "read" ? "read" : "mapped"}`,
      both(({ processorMilliseconds }) => processorMilliseconds),
      both(({ openMilliseconds }) => openMilliseconds),
      middle(({ anonymousMegabytes }) => anonymousMegabytes).toFixed(0),
      middle(({ fileMegabytes }) => fileMegabytes).toFixed(0),
      middle(({ keptMegabytes }) => keptMegabytes).toFixed(0),
      thousands(middle(({ perSecond }) => perSecond)),
    ];
  });
}

async function open(
  kernel: NativeKernel,
  rows: Handle,
  path: string,
  mode: OpenMode,
  queries: Float32Array,
): Promise<Round> {
  const { indexes } = kernel;
  const before = memory();
  const processor = ownProcessorSeconds();
  let index = 0;
  const openMilliseconds =
    1000 * (await secondsOf(async () => void (index = await indexes.openIndex(path, rows, mode))));
  const processorMilliseconds = 1000 * (ownProcessorSeconds() - processor);
  const { threads } = kernel;
  kernel.threads = 1;
  const plan = { index, queries, k: 10, parameters: SEARCH, allowed: null, rank: null, range: null };
  const search = async (): Promise<unknown> => indexes.searchIndex({ ...plan, timeLimitMicroseconds: null });
  await search();
  const searching = ownProcessorSeconds();
  await search();
  const perSecond = QUERIES / (ownProcessorSeconds() - searching);
  kernel.threads = threads;
  const opened = memory();
  indexes.closeIndex(index);
  const after = memory();
  return {
    openMilliseconds,
    processorMilliseconds,
    perSecond,
    anonymousMegabytes: opened.anonymous - before.anonymous,
    fileMegabytes: opened.file - before.file,
    keptMegabytes: after.anonymous + after.file - before.anonymous - before.file,
  };
}

function memory(): { readonly anonymous: number; readonly file: number } {
  const { residentMegabytes, fileMegabytes } = processMemory(process.pid);
  return { anonymous: residentMegabytes - fileMegabytes, file: fileMegabytes };
}

/** Rows around centres, and queries that are none of them. */
function fill(kernel: NativeKernel, rows: Handle, rowCount: number): { readonly queries: Float32Array } {
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const centres = Float32Array.from({ length: CLUSTERS * DIMENSION }, random);
  const points = (count: number): Float32Array => {
    const values = new Float32Array(count * DIMENSION);
    for (let row = 0; row < count; row += 1) {
      const centre = Math.floor((random() + 0.5) * CLUSTERS) * DIMENSION;
      for (let at = 0; at < DIMENSION; at += 1) values[row * DIMENSION + at] = centres[centre + at]! + 0.8 * random();
    }
    return values;
  };
  const step = 10_000;
  for (let from = 0; from < rowCount; from += step) kernel.appendRows(rows, points(Math.min(step, rowCount - from)));
  return { queries: points(QUERIES) };
}
