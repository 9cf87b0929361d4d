import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RESTARTED_CASES } from "./pymilvus-cases.ts";
import { requirePython, runPython } from "./python-client.ts";
import { dataDirectory, startServerProcess } from "./server-process.ts";

describe("pymilvus", () => {
  test(`parquet_files: ${RESTARTED_CASES.parquet_files}`, async () => {
    requirePython();
    using data = dataDirectory();
    const server = await startServerProcess(data.path);
    try {
      assert.ok(Number((await runPython("parquet_files", server.port, data.path))["columns"]) > 30);
    } finally {
      await server.stop();
    }
  });
});
