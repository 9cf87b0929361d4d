import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { requirePython, runPython } from "./python-client.ts";
import { type ServerProcess, dataDirectory, startServerProcess } from "./server-process.ts";

describe("pymilvus", { concurrency: 3 }, () => {
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

  const CASES: Readonly<Record<string, string>> = {
    quickstart_003: "quick start of seed 003",
    schema_003: "schema of seed 003: automatic keys, VARCHAR, JSON, filters, batches",
    quickstart_004: "quick start of seed 004",
    orm_004: "ORM of seed 004",
    manage_004: "describe, rename, load, release, statistics, properties",
    partitions_004: "partitions",
    databases: "databases",
    aliases: "aliases",
    value_types: "every type, with nulls and defaults, comes back equal",
    search_004: "forms of a search, for each metric",
    window_004: "windows of 16,384, ties by key, iterators of queries",
    queries: "query, get and count against a scan",
    changes: "delete and upsert",
    flushes: "flush and segments",
    indexes: "indexes are described as they were made",
    consistency: "consistency levels",
    error_texts: "texts and codes of errors",
  };
  for (const [script, title] of Object.entries(CASES)) {
    test(title, async () => {
      const seen = await runPython(script, server.port);
      assert.ok(Object.keys(seen).length > 0, `${script}.py says what it saw`);
    });
  }

  test("every script is a case", () => {
    const scripts = readdirSync(join(import.meta.dirname, "python"))
      .filter((file) => file.endsWith(".py"))
      .map((file) => file.slice(0, -3));
    assert.deepEqual(scripts.toSorted(), [...Object.keys(CASES), "case", "wordnet"].toSorted());
  });
});
