import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { requirePython, runPython } from "./python-client.ts";
import { dataDirectory, startServerProcess } from "./server-process.ts";

/** Discard, by convention: nobody listens there. */
const NOBODY_PORT = 9;

describe("what the client suites stand on", () => {
  test("a missing Python is an error that says what to do", () => {
    assert.throws(
      () => requirePython("/nowhere/bin/python"),
      /need \/nowhere\/bin\/python: run "node scripts\/setup.mjs"/,
    );
  });

  test("a script that fails is an error with what it printed", async () => {
    await assert.rejects(
      runPython("wordnet", NOBODY_PORT),
      /wordnet\.py ended with status 1[^]*not enough values to unpack/,
    );
  });

  test("a server that cannot start is an error with what it printed", async () => {
    await assert.rejects(
      startServerProcess(import.meta.filename),
      /elanus serve over .* ended \(status 1\); it printed:\n./,
    );
  });

  test("a killed server is gone, and its directory opens again", async () => {
    using data = dataDirectory();
    const first = await startServerProcess(data.path);
    await first.kill();
    assert.throws(() => process.kill(first.pid, 0), /ESRCH/);
    const second = await startServerProcess(data.path);
    assert.notEqual(second.pid, first.pid);
    await second.stop();
    assert.throws(() => process.kill(second.pid, 0), /ESRCH/);
  });
});
