import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PYTHON_CASES, RESTARTED_CASES } from "./pymilvus-cases.ts";
import { requirePython, runPython } from "./python-client.ts";
import { type ServerProcess, dataDirectory, startServerProcess } from "./server-process.ts";

/** What cases share, and what other suites run. */
const NOT_CASES = ["case", "random_rows"];

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

  for (const [script, title] of Object.entries(PYTHON_CASES)) {
    test(`${script}: ${title}`, async () => {
      const seen = await runPython(script, server.port);
      assert.ok(Object.keys(seen).length > 0, `${script}.py says what it saw`);
    });
  }

  test("every script is a case", () => {
    const scripts = readdirSync(join(import.meta.dirname, "python"))
      .filter((file) => file.endsWith(".py"))
      .map((file) => file.slice(0, -3));
    assert.deepEqual(
      scripts.toSorted(),
      [...Object.keys(PYTHON_CASES), ...Object.keys(RESTARTED_CASES), ...NOT_CASES].toSorted(),
    );
  });
});
