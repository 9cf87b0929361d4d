/**
 * Searches of a server by pymilvus on the same machine: how long one takes, and the processor time of server and client.
 *
 *     npm run bench -- served [wordnet=<folder> | text=<rows> | sift=<rows> | clusters=<rows>] [keep=<folder>] [ef=<n>]
 *
 * The server has the rows in one segment with an HNSW index, filled in process and then served as a user would (`elanus serve`). Beside it, in
 * the same run, what calls of that size cost where nothing is done: by grpc-js, which carries them here, by Node's own HTTP/2, and over bare connections.
 * The processor time of a server is told by its threads.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { MilvusClient } from "@zilliz/milvus2-sdk-node";
import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import { type EchoKind, type ServedProcess, serve, serveEcho } from "./engine/served.ts";
import { recallOf } from "./index/curves.ts";
import { rowsOf, truthOf, withData } from "./index/data.ts";
import type { BenchData } from "./index/data.ts";
import { type ThreadSeconds, median, percent, printTable, sleep, threadSeconds } from "./measure.ts";
import { keptDatabase } from "./rivals/rival.ts";

const PYTHON = resolve(import.meta.dirname, "../.venv/bin/python");
const ROUNDS = 5;
/** Rounds before: a server lives long, and its code is compiled in the first ten thousand calls. */
const WARM_ROUNDS = 15;
const EF = 64;
const LOOK_MILLISECONDS = 100;
const FLYING = [1, 8];
/** A search has its vector and some two hundred bytes more; ten hits take about as many. */
const REQUEST_BYTES = 220;
const ANSWER_BYTES = 260;

interface Told {
  readonly seconds: readonly number[];
  readonly processorSeconds: number;
  readonly keys: readonly number[];
}

export async function servedBench(parts: readonly string[]): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel) || !existsSync(PYTHON)) {
    console.log(`served: nothing to measure without ${PYTHON} and the native kernel`);
    return;
  }
  await withData(parts, kernel, async (data, others) => {
    const ef = Number(others.find((part) => part.startsWith("ef="))?.slice(3) ?? EF);
    const rows = rowsOf(kernel, data, 0, data.rowCount);
    const truth = await truthOf(kernel, data, rows);
    kernel.close(rows);
    const { folder } = await keptDatabase("elanus", data);
    const working = `${folder}.served`;
    rmSync(working, { recursive: true, force: true });
    cpSync(folder, working, { recursive: true });
    const server = await serve(working);
    const bare = new Map<EchoKind, ServedProcess>();
    try {
      for (const kind of ["grpc-js", "http2", "tcp"] as const) {
        bare.set(kind, await serveEcho(kind, ANSWER_BYTES, requestBytes(data)));
      }
      const address = `127.0.0.1:${server.port}`;
      await whenLoaded(address);
      const table: string[][] = [];
      for (const flying of FLYING) table.push(await searches(server, data, truth, ef, flying));
      for (const [kind, echo] of bare) {
        for (const flying of FLYING) table.push(await echoes(kind, echo, data, flying));
      }
      printTable(
        `Searches by pymilvus, ef ${ef}, and empty calls by grpcio, medians of ${ROUNDS} rounds of ${truth.length / 10}`,
        [
          "",
          "in flight",
          "recall",
          "p50 ms",
          "p99 ms",
          "server's processor ms a call",
          "its main thread",
          "V8's threads",
          "others",
          "system's part",
          "client's",
        ],
        table,
      );
    } finally {
      for (const echo of bare.values()) await echo.stop();
      await server.stop();
      rmSync(working, { recursive: true, force: true });
    }
  });
}

async function searches(
  server: ServedProcess,
  data: BenchData,
  truth: Uint32Array,
  ef: number,
  flying: number,
): Promise<string[]> {
  const place = [`127.0.0.1:${server.port}`, "bench", join(data.folder, "queries.f32")];
  const rounds = await roundsOf(server, "search_rows.py", [...place, ...[data.dimension, ef, flying].map(String)]);
  const recall = recallOf(Uint32Array.from(rounds[0]!.told.keys), truth).toFixed(3);
  return ["elanus", String(flying), recall, ...told(rounds)];
}

function requestBytes({ dimension }: BenchData): number {
  return REQUEST_BYTES + 4 * dimension;
}

async function echoes(kind: EchoKind, echo: ServedProcess, data: BenchData, flying: number): Promise<string[]> {
  const sizes = [requestBytes(data), data.queries.length / data.dimension, flying, ANSWER_BYTES];
  const way = kind === "tcp" ? ["tcp"] : [];
  const rounds = await roundsOf(echo, "echo_calls.py", [`127.0.0.1:${echo.port}`, ...sizes.map(String), ...way]);
  return [`${kind}, nothing done`, String(flying), "-", ...told(rounds)];
}

interface Round {
  readonly told: Told;
  readonly served: ThreadSeconds;
}

async function roundsOf({ pid }: ServedProcess, program: string, given: readonly string[]): Promise<Round[]> {
  const args = ["-W", "ignore", join(import.meta.dirname, "engine", program), ...given];
  const child = spawn(PYTHON, args, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH: process.env["PATH"] ?? "", OPENBLAS_NUM_THREADS: "1", GRPC_VERBOSITY: "NONE" },
  });
  const ended = once(child, "exit");
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const rounds: Round[] = [];
  for (let round = -WARM_ROUNDS; round < ROUNDS; round += 1) {
    const before = threadSeconds(pid);
    child.stdin.write("\n");
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${program} has ended`);
    if (round >= 0) rounds.push({ told: JSON.parse(value) as Told, served: between(before, threadSeconds(pid)) });
  }
  child.stdin.end();
  await ended;
  return rounds;
}

function told(rounds: readonly Round[]): string[] {
  const count = rounds[0]!.told.seconds.length;
  const quantile = (part: number): string => {
    const each = rounds.map((round) => round.told.seconds.toSorted((a, b) => a - b)[Math.floor(count * part)]!);
    return (1000 * median(each)).toFixed(2);
  };
  const used = (of: (round: Round) => number): string => ((1000 * median(rounds.map(of))) / count).toFixed(3);
  const all = ({ served: { main, engine, others } }: Round): number => main + engine + others;
  return [
    quantile(0.5),
    quantile(0.99),
    used(all),
    used(({ served }) => served.main),
    used(({ served }) => served.engine),
    used(({ served }) => served.others),
    percent(median(rounds.map((round) => round.served.system / all(round)))),
    used((round) => round.told.processorSeconds),
  ];
}

function between(before: ThreadSeconds, after: ThreadSeconds): ThreadSeconds {
  return {
    main: after.main - before.main,
    engine: after.engine - before.engine,
    others: after.others - before.others,
    system: after.system - before.system,
  };
}

async function whenLoaded(address: string): Promise<void> {
  const client = new MilvusClient({ address });
  try {
    for (;;) {
      const { progress } = await client.getLoadingProgress({ collection_name: "bench" });
      if (Number(progress) === 100) return;
      await sleep(LOOK_MILLISECONDS);
    }
  } finally {
    await client.closeConnection();
  }
}
