/** The real `elanus` command, started as a user starts it. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../..");

function elanus(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [resolve(root, "bin/elanus.mjs"), ...words], { encoding: "utf8" });
}

test("elanus --version prints the version and nothing else", () => {
  const { version } = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8")) as { version: string };
  const { status, stdout, stderr } = elanus("--version");
  assert.equal(stdout, `elanus ${version} (Node ${process.versions.node})\n`);
  assert.equal(stderr, "");
  assert.equal(status, 0);
});

test("elanus with a wrong word fails with one line and status 2", () => {
  const { status, stdout, stderr } = elanus("no-such-command");
  assert.equal(stdout, "");
  assert.match(stderr, /^elanus: there is no command "no-such-command".*\n$/);
  assert.equal(status, 2);
});
