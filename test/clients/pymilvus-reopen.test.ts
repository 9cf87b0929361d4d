import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RESTARTED_CASES } from "./pymilvus-cases.ts";
import { requirePython, runPython } from "./python-client.ts";
import { dataDirectory, startServerProcess } from "./server-process.ts";

describe("pymilvus", () => {
  test(`004_reopen: ${RESTARTED_CASES["004_reopen"]}`, async () => {
    requirePython();
    using data = dataDirectory();
    for (const [run, end] of (["kill", "stop", "kill", "stop"] as const).entries()) {
      const server = await startServerProcess(data.path);
      try {
        const seen = await runPython("004_reopen", server.port, String(run));
        assert.equal(seen["rows"], (run + 1) * 60);
      } finally {
        await server[end]();
      }
    }
  });
});
