/**
 * A server that nobody speaks to: processor time over ten seconds and memory, on an empty directory and with 100,000 rows loaded, from
 * files and as growing rows.
 */

import { Engine } from "../../src/engine/engine.ts";
import { printTable, processMemory, processorSeconds, sleep } from "../measure.ts";
import { createCollection, dataDirectory, fill, flush, vectors } from "./collection.ts";
import { serve } from "./served.ts";
import { WireClient, checkFound, countRows, searchRequest } from "./wire-client.ts";

const ROWS = 100_000;
const SETTLE_MILLISECONDS = 3_000;
const IDLE_MILLISECONDS = 10_000;

export async function idleBench(): Promise<void> {
  const rows: string[][] = [];
  for (const state of ["empty", "files", "files, after a search", "growing"] as const) {
    using directory = dataDirectory();
    if (state !== "empty") {
      const engine = await Engine.open({ directory: directory.path });
      await createCollection(engine.proxy);
      // Growing rows in two segments, which are not full yet.
      await fill(engine.proxy, state === "growing" ? ROWS * 0.75 : ROWS);
      if (state !== "growing") await flush(engine.proxy);
      await engine.close();
    }
    const server = await serve(directory.path);
    if (state !== "empty") {
      const client = new WireClient(server.port);
      while ((await countRows(client)) <= 0) await sleep(5);
      if (state === "files, after a search") {
        checkFound(await client.send(searchRequest(vectors(1), 10, [])), 10);
      }
      client.close();
    }
    await sleep(SETTLE_MILLISECONDS);
    const before = processorSeconds(server.pid);
    await sleep(IDLE_MILLISECONDS);
    const used = processorSeconds(server.pid) - before;
    const { residentMegabytes, fileMegabytes } = processMemory(server.pid);
    await server.stop();
    rows.push([
      state === "empty" ? "empty" : state === "growing" ? "75,000 growing rows" : `100,000 rows in ${state}`,
      `${((used / (IDLE_MILLISECONDS / 1000)) * 100).toFixed(1)} %`,
      residentMegabytes.toFixed(0),
      fileMegabytes.toFixed(0),
      (residentMegabytes - fileMegabytes).toFixed(0),
    ]);
  }
  printTable(
    `Idle for ${IDLE_MILLISECONDS / 1000} s`,
    ["directory", "of a core", "resident MB", "of it files", "of it its own"],
    rows,
  );
}
