/** What a journal does to the process it lives in. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const directory = mkdtempSync(join(tmpdir(), "elanus-process-"));
after(() => rmSync(directory, { recursive: true, force: true }));

function run(code: string): { status: number | null; output: string; errors: string } {
  const imports = `
    import { SystemRuntime } from ${JSON.stringify(new URL("../../base/host/system.ts", import.meta.url).href)};
    import { Journal } from ${JSON.stringify(new URL("./journal.ts", import.meta.url).href)};
    const directory = ${JSON.stringify(directory)};
    const runtime = new SystemRuntime();`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", imports + code], {
    encoding: "utf8",
    timeout: 30_000,
  });
  return { status, output: stdout, errors: stderr };
}

test("an idle journal keeps no process alive and uses no processor time", () => {
  const { status, output, errors } = run(`
    const journal = await Journal.open(directory, { runtime });
    const writer = await journal.open("a", 1n);
    await writer.append([new Uint8Array(10)]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { user, system } = process.cpuUsage(before);
    console.log((user + system) / 1000);`);
  assert.equal(status, 0, errors);
  assert.ok(Number(output) < 50, `${output} ms of processor time in an idle second`);
});

test("an append in flight keeps the process alive until it is durable", () => {
  const { status, output } = run(`
    const journal = await Journal.open(directory, { runtime });
    const writer = await journal.open("b", 1n);
    writer.append([new Uint8Array(10)]).then((position) => console.log("durable", position > 0n));`);
  assert.deepEqual([status, output], [0, "durable true\n"]);
});

test("a failed sync prints one line and ends the process with 70", () => {
  const { status, output, errors } = run(`
    const startWriter = (receive) => {
      setImmediate(() => receive({ kind: "ready", channels: [], files: [], end: 0 }));
      const send = (message) => message.kind === "pack" && setImmediate(() => receive({ kind: "fatal", text: "EIO: fdatasync" }));
      return { send, setBusy() {}, end: async () => {} };
    };
    const journal = await Journal.open(directory, { runtime, startWriter });
    await journal.open("a", 1n).finally(() => console.log("an answer"));`);
  assert.equal(status, 70);
  assert.equal(output, "");
  assert.match(errors, /^elanus: the journal in .* cannot go on, .*EIO: fdatasync\n$/);
});
