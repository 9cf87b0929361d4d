/** The clock, chance, files, sockets and native code stay where they belong; and the check can tell. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { machinePaths, portViolations } from "./ports.ts";
import { readSources, repositoryFiles, typeScriptUnder } from "./sources.ts";

test("src keeps to its ports and habits", () => {
  assert.deepEqual(portViolations(typeScriptUnder("src")), []);
});

test("no file of the repository names a path of the machine it was written on", () => {
  const texts = repositoryFiles().filter((path) =>
    /\.(ts|mjs|js|json|md|txt|ya?ml|sh|py|cc|cpp|h|proto|toml)$|^[^.]+$/.test(path),
  );
  assert.ok(texts.length > 20, "the files were found");
  assert.deepEqual(machinePaths(readSources(texts)), []);
});

const violationsOf = (source: string, path: string): string[] => portViolations(new Map([[path, source]]));

for (const [source, path] of [
  ["const t = Date.now();", "src/wal/a.ts"],
  ["const t = new Date();", "src/wal/a.ts"],
  ["const t = new Date;", "src/wal/a.ts"],
  ["const t = performance.now();", "src/wal/a.ts"],
  ["process.hrtime.bigint();", "src/wal/a.ts"],
  ["setTimeout(f, 1);", "src/wal/a.ts"],
  ["globalThis.setInterval(f, 1);", "src/wal/a.ts"],
  ["setImmediate(f);", "src/server/a.ts"],
  ["AbortSignal.timeout(5);", "src/server/a.ts"],
  [`import { setTimeout as sleep } from "node:timers/promises";`, "src/server/a.ts"],
  ["const r = Math.random();", "src/index/a.ts"],
  ["const id = crypto.randomUUID();", "src/index/a.ts"],
  [`import { createHash, randomBytes } from "node:crypto";`, "src/index/a.ts"],
  ["const home = process.env.HOME;", "src/cli/a.ts"],
  [`import { readFileSync } from "node:fs";`, "src/segment/a.ts"],
  [`import type { Socket } from "node:net";`, "src/proxy/a.ts"],
  [`const { Worker } = await import("node:worker_threads");`, "src/query/a.ts"],
  [`import { createRequire } from "node:module";`, "src/server/a.ts"],
  [`process.dlopen(module, path);`, "src/engine/a.ts"],
  ["let x: any = 1;", "src/base/a.ts"],
  ["const x = y as any;", "src/base/a.ts"],
  ["function f(x: Map<string, any>) {}", "src/base/a.ts"],
  ["let x: any[] = [];", "src/base/a.test.ts"],
  ["export enum Colour { Red }", "src/model/a.ts"],
  ["const enum Colour { Red }", "src/model/a.ts"],
  ["export const x = 1;", "src/model/index.ts"],
  [`export { a } from "./a.ts";\nexport * from "./b.ts";`, "src/model/all.ts"],
] as const) {
  test(`the check sees ${source.replaceAll("\n", " ")} in ${path}`, () => {
    assert.equal(violationsOf(source, path).length, 1, violationsOf(source, path).join("\n"));
  });
}

for (const [source, path] of [
  ["const t = Date.now(); setTimeout(f, 1); Math.random(); process.env.X;", "src/base/host/system.ts"],
  ["const t = Date.now(); setTimeout(f, 1);", "src/wal/a.test.ts"],
  ["socket.setTimeout(5); const t = runtime.now(); const d = new Date(0);", "src/server/a.ts"],
  [`import { createHash } from "node:crypto";`, "src/storage/a.ts"],
  [`import { readFileSync } from "node:fs";`, "src/log/a.ts"],
  [`import { createRequire } from "node:module";`, "src/kernel/native.ts"],
  [
    "// any enum Date.now()\nconst text = 'x as any'; await Promise.any(list); runtime.randomBytes(4);",
    "src/rank/a.ts",
  ],
  [`import { a } from "./a.ts";\nexport const b = a;`, "src/model/b.ts"],
] as const) {
  test(`the check leaves in peace ${source.replaceAll("\n", " ")} in ${path}`, () => {
    assert.deepEqual(violationsOf(source, path), []);
  });
}

test("the check sees a path of a machine", () => {
  const source = ["fine", `see ${["", "home", "somebody", "notes.md"].join("/")}`].join("\n");
  assert.equal(machinePaths(new Map([["docs/a.md", source]])).length, 1);
});
