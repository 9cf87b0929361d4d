/**
 * How long the server's main thread is held up by large requests: an insert of 64 MB in one call, a search that returns 16,384
 * hits, a query that returns as many rows with all fields. The client is in another process; its requests are encoded beforehand.
 */

import { Engine } from "../../src/engine/engine.ts";
import { median, printTable, secondsOf } from "../measure.ts";
import { DIMENSION, createCollection, dataDirectory, fill, flush, vectors } from "./collection.ts";
import { hostServer } from "./hosted.ts";
import {
  type Request,
  WireClient,
  checkFound,
  checkInserted,
  checkRows,
  insertBytes,
  rowsRequest,
  searchRequest,
} from "./wire-client.ts";

const INSERT_ROWS = 43_000;
const INSERTS = 6;
const LIMIT = 16_384;
const SEARCHES = 20;
const ROUNDS = 3;

interface Work {
  readonly name: string;
  readonly count: number;
  readonly requests: (round: number) => Request;
  readonly check: (answer: Uint8Array) => void;
}

export async function loopBench(): Promise<void> {
  using directory = dataDirectory();
  const engine = await Engine.open({ directory: directory.path });
  await createCollection(engine.proxy);
  await fill(engine.proxy, 40_000);
  await flush(engine.proxy);
  await engine.close();

  const server = await hostServer(
    directory.path,
    (process.env["ELANUS_BENCH_NODE_OPTIONS"] ?? "").split(" ").filter(Boolean),
  );
  const client = new WireClient(server.port);
  const values = vectors(INSERT_ROWS);
  const insert = insertBytes(1_000_000, values);
  const query = vectors(1, 5);
  const works: Work[] = [
    {
      name: `search, ${LIMIT} hits`,
      count: SEARCHES,
      requests: () => searchRequest(query, LIMIT, []),
      check: (answer) => checkFound(answer, LIMIT),
    },
    {
      name: `query, ${LIMIT} rows with all fields`,
      count: SEARCHES,
      requests: () => rowsRequest("id >= 100", LIMIT),
      check: (answer) => checkRows(answer, LIMIT),
    },
    {
      name: "search, 4,096 hits with their vectors",
      count: SEARCHES,
      requests: () => searchRequest(query, 4096, ["vector"]),
      check: (answer) => checkFound(answer, 4096),
    },
    {
      name: `insert, ${INSERT_ROWS} rows, ${(insert.bytes.length / 1e6).toFixed(0)} MB`,
      count: INSERTS,
      requests: () => insert,
      check: (answer) => checkInserted(answer, INSERT_ROWS),
    },
  ];
  const rows: string[][] = [];
  try {
    for (const work of works) {
      const delays = [];
      const seconds: number[] = [];
      const main: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const { delay, mainThreadSeconds } = await server.watched(async () => {
          for (let at = 0; at < work.count; at += 1) {
            let answer: Uint8Array | null = null;
            const request = work.requests(round);
            seconds.push(await secondsOf(async () => (answer = await client.send(request))));
            work.check(answer!);
          }
        });
        delays.push(delay);
        main.push(mainThreadSeconds / work.count);
      }
      rows.push([
        work.name,
        (1000 * median(seconds)).toFixed(0),
        (1000 * median(main)).toFixed(0),
        median(delays.map((delay) => delay.p50Milliseconds)).toFixed(1),
        median(delays.map((delay) => delay.p99Milliseconds)).toFixed(1),
        median(delays.map((delay) => delay.p999Milliseconds)).toFixed(1),
        Math.max(...delays.map((delay) => delay.maxMilliseconds)).toFixed(1),
      ]);
    }
  } finally {
    client.close();
    await server.stop();
  }
  printTable(
    `Delay of the server's event loop, dimension ${DIMENSION}, medians of ${ROUNDS} rounds (max: of all)`,
    ["while", "ms a call", "main thread ms a call", "p50 ms", "p99 ms", "p99.9 ms", "max ms"],
    rows,
  );
}
