/**
 * Small searches at the same time: how much of the processor does one take when those that wait are joined, and when each is a job of its
 * own? Scans of raw rows, and walks through a packed graph. Both kinds alternate in rounds; medians are told, and the ratio is what counts.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import { clusters } from "./index/data.ts";
import { inFlight, median, printLoad, printTable } from "./measure.ts";

const ROWS = 20_000;
const K = 10;
const ROUNDS = 3;
const IN_FLIGHT = [1, 8, 64];

interface Measured {
  readonly processor: number;
  readonly wall: number;
}

export async function joinedBench(): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) {
    console.log(`joined: nothing to measure, ${kernel.reason}`);
    return;
  }
  printLoad();
  const folder = mkdtempSync(join(tmpdir(), "elanus-bench-joined-"));
  const { rows: values, queries, dimension, metric } = clusters(ROWS);
  const rows = kernel.createRows({ element: "float32", dimension });
  kernel.appendRows(rows, values);
  const path = join(folder, "packed");
  const graph = { kind: "graph", layout: "packed", degree: 32, beam: 100, seed: 1 } as const;
  await kernel.indexes.buildIndex({ ...graph, rows, rowCount: ROWS, metric, path }).done;
  const index = await kernel.indexes.openIndex(path, rows);
  const queryOf = (number: number): Float32Array => {
    const first = (number * dimension) % queries.length;
    return queries.subarray(first, first + dimension);
  };
  const shared = { k: K, allowed: null, rank: null, range: null } as const;
  const parameters = { kind: "graph", ef: 64 } as const;
  const kinds = [
    {
      name: `scan of ${ROWS} x ${dimension}`,
      count: 256,
      run: (number: number, alone: boolean) =>
        kernel.exactSearch({ ...shared, rows, rowCount: ROWS, metric, queries: queryOf(number), alone }),
    },
    {
      name: "packed graph, ef 64",
      count: 2048,
      run: (number: number, alone: boolean) =>
        kernel.indexes.searchIndex({
          ...shared,
          index,
          parameters,
          queries: queryOf(number),
          timeLimitMicroseconds: null,
          alone,
        }),
    },
  ];
  const table: string[][] = [];
  for (const { name, count, run } of kinds) {
    for (const width of IN_FLIGHT) {
      const rounds: { readonly joined: Measured; readonly alone: Measured }[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const joined = await measured(count, width, (number) => run(number, false));
        rounds.push({ joined, alone: await measured(count, width, (number) => run(number, true)) });
      }
      const of = (pick: (one: (typeof rounds)[number]) => number): number => median(rounds.map(pick));
      table.push([
        name,
        String(width),
        of(({ alone }) => alone.processor).toFixed(0),
        of(({ joined }) => joined.processor).toFixed(0),
        of(({ joined, alone }) => alone.processor / joined.processor).toFixed(2),
        of(({ joined, alone }) => alone.wall / joined.wall).toFixed(2),
      ]);
    }
  }
  printTable(
    "Searches of one query; µs of processor each, JavaScript included",
    ["", "in flight", "alone", "joined", "alone / joined", "of wall time"],
    table,
  );
  kernel.indexes.closeIndex(index);
  kernel.close(rows);
  rmSync(folder, { recursive: true });
}

/** Microseconds a search, of processor and on the wall. */
async function measured(count: number, width: number, run: (number: number) => Promise<unknown>): Promise<Measured> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await inFlight(count, width, run);
  const { user, system } = process.cpuUsage(before);
  return { processor: (user + system) / count, wall: (1000 * (performance.now() - start)) / count };
}
