import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RESTARTED_CASES } from "./pymilvus-cases.ts";
import { requirePython, runPython } from "./python-client.ts";
import { dataDirectory, startServerProcess } from "./server-process.ts";

describe("pymilvus", () => {
  test(`found_deletes: ${RESTARTED_CASES.found_deletes}`, async () => {
    requirePython();
    using data = dataDirectory();
    const server = await startServerProcess(data.path, ["--limit-found-deletes"]);
    try {
      assert.match(String((await runPython("found_deletes", server.port))["refused"]), /rate limit exceeded/);
    } finally {
      await server.stop();
    }
  });
});
