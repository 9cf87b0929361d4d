import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { type Seen, requirePython, runPython } from "./python-client.ts";
import { type ServerProcess, dataDirectory, startServerProcess } from "./server-process.ts";
import { wordnetFolder } from "./wordnet.ts";

const LEAST_SAME = 0.999;

describe("pymilvus, wordnet: 20,000 rows of 384 against brute force, under every consistency level", () => {
  const data = dataDirectory();
  let server: ServerProcess | null = null;

  after(async () => {
    await server?.stop();
    data[Symbol.dispose]();
  });

  const step = async (name: string): Promise<Seen> => {
    requirePython();
    server ??= await startServerProcess(data.path);
    const seen = await runPython("wordnet", server.port, name, wordnetFolder() ?? "-");
    assert.ok(Number(seen["same_rank"]) >= LEAST_SAME * Number(seen["ranks"]), JSON.stringify(seen));
    return seen;
  };
  const end = async (how: "stop" | "kill"): Promise<void> => {
    await server?.[how]();
    server = null;
  };

  test("growing and sealed mixed, as written", async () => {
    const seen = await step("write");
    assert.equal(seen["rows"], 20_000);
  });

  test("after an orderly restart", async () => {
    await end("stop");
    const seen = await step("read");
    assert.equal(seen["rows"], 20_000);
  });

  test("after deletes and upserts", async () => {
    const seen = await step("change");
    assert.equal(seen["rows"], 13_333);
  });

  test("after SIGKILL: every acknowledged delete and upsert is there", async () => {
    await end("kill");
    const seen = await step("changed");
    assert.equal(seen["rows"], 13_333);
  });
});
