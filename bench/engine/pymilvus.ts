/**
 * Durable inserts by pymilvus over gRPC, batches of 1,000 x 384, with the processor time of the client and of the server beside each
 * other: on two cores the client, which takes each row apart, is the larger part of it.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { median, percent, printTable, processorSeconds, thousands } from "../measure.ts";
import { BATCH_ROWS, DIMENSION, dataDirectory } from "./collection.ts";
import { serve } from "./served.ts";

const PYTHON = resolve(import.meta.dirname, "../../.venv/bin/python");
const BATCHES = 31;
const ROUNDS = 5;

export async function pymilvusBench(): Promise<void> {
  if (!existsSync(PYTHON)) {
    console.log(`pymilvus: nothing to measure, there is no ${PYTHON}; run "node scripts/setup.mjs run bench/main.ts"`);
    return;
  }
  const rows: string[][] = [];
  for (const flying of [1, 8]) {
    using directory = dataDirectory();
    const server = await serve(directory.path);
    const seconds: number[] = [];
    const client: number[] = [];
    const served: number[] = [];
    const script = join(import.meta.dirname, "insert_rows.py");
    const args = [`127.0.0.1:${server.port}`, BATCHES, BATCH_ROWS, DIMENSION, flying, ROUNDS].map(String);
    const child = spawn(PYTHON, ["-W", "ignore", script, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { PATH: process.env["PATH"] ?? "", OPENBLAS_NUM_THREADS: "1", GRPC_VERBOSITY: "NONE" },
    });
    const ended = once(child, "exit");
    let before = 0;
    for await (const line of createInterface(child.stdout)) {
      const told = JSON.parse(line) as { begin?: number; seconds?: number; processorSeconds?: number };
      if (told.begin !== undefined) {
        before = processorSeconds(server.pid);
        child.stdin.write("\n");
      } else {
        served.push(processorSeconds(server.pid) - before);
        seconds.push(told.seconds!);
        client.push(told.processorSeconds!);
      }
    }
    const [status] = (await ended) as [number | null];
    await server.stop();
    if (status !== 0) throw new Error(`insert_rows.py ended with ${status}`);
    const batches = BATCHES - 1;
    rows.push([
      String(flying),
      thousands((batches * BATCH_ROWS) / median(seconds)),
      ((1000 * median(seconds)) / batches).toFixed(1),
      ((1000 * median(client)) / batches).toFixed(1),
      ((1000 * median(served)) / batches).toFixed(1),
      percent(median(client.map((used, at) => used / (used + served[at]!)))),
    ]);
  }
  printTable(
    `Durable inserts by pymilvus, batches of ${BATCH_ROWS} x ${DIMENSION}, medians of ${ROUNDS} rounds of ${BATCHES - 1} batches`,
    ["in flight", "rows/s", "ms a batch", "client's processor ms a batch", "server's", "client's share"],
    rows,
  );
}
