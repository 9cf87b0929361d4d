import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { requirePython, runPython } from "./python-client.ts";
import { type ServerProcess, dataDirectory, startServerProcess } from "./server-process.ts";

describe("pymilvus", () => {
  const data = dataDirectory();
  let server: ServerProcess;

  before(async () => {
    requirePython();
    server = await startServerProcess(data.path);
  });

  after(async () => {
    await server?.stop();
    data[Symbol.dispose]();
  });

  const run = (script: string, ...args: readonly string[]) => runPython(script, server.port, ...args);

  test("quick start of seed 003", async () => {
    const seen = await run("quickstart_003");
    assert.equal((seen["ids"] as unknown[]).length, 10);
  });
});
