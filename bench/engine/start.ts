/**
 * From the start of the process to the first answered call, on an empty directory and on ones with rows; then where that time goes.
 *
 * The first call is `Connect`. Rows answer when a count over them does: a server listens before it has loaded what was loaded.
 */

import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine } from "../../src/engine/engine.ts";
import { median, printTable, sleep } from "../measure.ts";
import { createCollection, dataDirectory, fill, flush } from "./collection.ts";
import { NODE, serve } from "./served.ts";
import { WireClient, connectRequest, countRows } from "./wire-client.ts";

const ROUNDS = 7;
const STAGE_ROUNDS = 5;

interface Directory {
  readonly name: string;
  readonly sealedRows: number;
  readonly growingRows: number;
}

const DIRECTORIES: readonly Directory[] = [
  { name: "empty", sealedRows: 0, growingRows: 0 },
  { name: "100,000 rows in files, loaded", sealedRows: 100_000, growingRows: 0 },
  { name: "100,000 rows in files, 20,000 in the log, loaded", sealedRows: 100_000, growingRows: 20_000 },
];

export async function startBench(): Promise<void> {
  const rows: string[][] = [];
  const stages = new Map<string, string[]>();
  for (const wanted of DIRECTORIES) {
    using directory = dataDirectory();
    const rowCount = wanted.sealedRows + wanted.growingRows;
    if (rowCount > 0) await prepare(directory.path, wanted);
    const listening: number[] = [];
    const connected: number[] = [];
    const counted: number[] = [];
    const starts = [...rangeOf(ROUNDS)].map((round) =>
      rowCount === 0 ? join(directory.path, String(round)) : directory.path,
    );
    for (const path of starts) {
      const server = await serve(path);
      const client = new WireClient(server.port);
      await client.send(connectRequest());
      connected.push(performance.now() - server.spawnedAt);
      listening.push(server.listeningMilliseconds);
      if (rowCount > 0) {
        while ((await countRows(client)) !== rowCount) await sleep(1);
        counted.push(performance.now() - server.spawnedAt);
      }
      client.close();
      await server.stop();
    }
    rows.push([wanted.name, ms(listening), ms(connected), rowCount === 0 ? "-" : ms(counted)]);
    collectStages(stages, rowCount === 0 ? starts[0]! : directory.path);
  }
  printTable(
    `From the start of the process, ms, medians of ${ROUNDS} starts`,
    ["directory", "listens", "first call answered", "all rows answer"],
    rows,
  );
  printTable(
    `Where it goes: ms up to the end of each step, medians of ${STAGE_ROUNDS} starts`,
    ["step", ...DIRECTORIES.map(({ name }) => name)],
    [...stages].map(([step, values]) => [step, ...values]),
  );
}

async function prepare(path: string, { sealedRows, growingRows }: Directory): Promise<void> {
  const engine = await Engine.open({ directory: path });
  await createCollection(engine.proxy);
  await fill(engine.proxy, sealedRows);
  await flush(engine.proxy);
  await fill(engine.proxy, growingRows, sealedRows);
  await engine.close();
}

/** The steps as `stages.ts` tells them, each round in a fresh process. */
function collectStages(stages: Map<string, string[]>, path: string): void {
  const rounds: Record<string, number>[] = [];
  for (const _ of rangeOf(STAGE_ROUNDS)) {
    const began = performance.timeOrigin + performance.now();
    const program = join(import.meta.dirname, "stages.ts");
    const { stdout, stderr } = spawnSync(
      NODE,
      ["--disable-warning=ExperimentalWarning", program, path, String(began)],
      {
        encoding: "utf8",
        // As the command does.
        env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") },
      },
    );
    if (stdout === "") throw new Error(`stages.ts printed nothing: ${stderr}`);
    rounds.push(JSON.parse(stdout) as Record<string, number>);
  }
  for (const step of Object.keys(rounds[0]!)) {
    const list = stages.get(step) ?? [];
    list.push(ms(rounds.map((round) => round[step]!)));
    stages.set(step, list);
  }
}

function ms(values: readonly number[]): string {
  return median(values).toFixed(0);
}

function rangeOf(count: number): IterableIterator<number> {
  return Array.from({ length: count }).keys();
}
