import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SystemRuntime } from "../../base/host/system.ts";
import { runProgram } from "../program.ts";
import { fileGroups, inspectFiles } from "./inspect-files.ts";

const directory = mkdtempSync(join(tmpdir(), "elanus-inspect-"));
after(() => rmSync(directory, { recursive: true, force: true }));
for (const [path, bytes] of [
  ["LOCK", 0],
  ["meta.db", 4_096],
  ["wal/000001.log", 1_000],
  ["wal/000002.log", 24],
  ["objects/insert_log/1/2/3/0/9", 100],
  ["objects/insert_log/1/2/3/1/9", 11],
  ["objects/delta_log/1/2/3/7", 7],
] as const) {
  mkdirSync(join(directory, path, ".."), { recursive: true });
  writeFileSync(join(directory, path), new Uint8Array(bytes));
}

const GROUPS = [
  { name: "LOCK", files: 1, bytes: 0 },
  { name: "meta.db", files: 1, bytes: 4_096 },
  { name: "objects/delta_log", files: 1, bytes: 7 },
  { name: "objects/insert_log", files: 2, bytes: 111 },
  { name: "wal", files: 2, bytes: 1_024 },
];

async function printed(...words: string[]): Promise<[number, string, string]> {
  let [output, errors] = ["", ""];
  const status = await runProgram([inspectFiles], ["inspect", "files", ...words], {
    output: { write: (text: string) => void (output += text) },
    errors: { write: (text: string) => void (errors += text) },
    stop: new AbortController().signal,
    runtime: new SystemRuntime(),
  });
  return [status, output, errors];
}

test("files are counted by what they are for", () => {
  assert.deepEqual(fileGroups(directory), GROUPS);
  assert.deepEqual(fileGroups(`${directory}/`), GROUPS, "a slash at the end changes nothing");
});

test("the command prints each group and the total, or JSON", async () => {
  const [status, output] = await printed("--data", directory);
  assert.equal(status, 0);
  assert.match(output, /^wal +2 files +1,024 bytes$/m);
  assert.match(output, /^total +7 files +5,238 bytes$/m);
  assert.deepEqual(JSON.parse((await printed("--json", "--data", directory))[1]), GROUPS);
});

test("a directory that is not there is named, and so is a file in its place", async () => {
  const [status, , errors] = await printed("--data", join(directory, "none"));
  assert.equal(status, 1);
  assert.match(errors, /there is no directory .*none; name another with --data/);
  assert.match((await printed("--data", join(directory, "meta.db")))[2], /meta\.db is not a directory/);
});
