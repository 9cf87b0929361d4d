/** Real processes, really killed: whatever a child printed as acknowledged is read back, once, in every later life. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { SystemRuntime } from "../../base/host/system.ts";
import { texts } from "../conformance/records-of.ts";
import { Journal } from "./journal.ts";

const CHILD = fileURLToPath(new URL("./crash-child.ts", import.meta.url));
const CYCLES = 5;

/** The whole lines that the child printed before it was killed, `wanted` of them at least. */
async function runUntilKilled(directory: string, term: number, wanted: number): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, directory, String(term)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  for await (const chunk of child.stdout) {
    output += String(chunk);
    if (!child.killed && output.length > wanted * 500) child.kill("SIGKILL");
  }
  return output.slice(0, output.lastIndexOf("\n")).split("\n");
}

test("after kill -9 every acknowledged record is there, once", async () => {
  const directory = await mkdtemp(join(tmpdir(), "elanus-crash-"));
  const acknowledged = new Set<string>();
  try {
    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      for (const line of await runUntilKilled(directory, cycle, 200 * cycle)) acknowledged.add(line);
      const journal = await Journal.open(directory, { runtime: new SystemRuntime() });
      const read = [...(await texts(journal, "one")), ...(await texts(journal, "two"))];
      await journal.close();
      const found = new Set(read);
      assert.equal(found.size, read.length, "no record is there twice");
      for (const line of acknowledged) assert.ok(found.has(line), `cycle ${cycle}: ${line.slice(0, 30)} is lost`);
    }
    assert.ok(acknowledged.size > 1000, `${acknowledged.size} records were acknowledged in all`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
