/** The package as somebody has it who installed it: built, with its dependencies and nothing else beside it. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";

const ROOT = resolve(import.meta.dirname, "../..");

const PROGRAM = `
import { type Hit, MilvusError, connect } from "elanus";

interface Doc { readonly title: string }

await using db = await connect("./data");
await db.createCollection({ name: "docs", dimension: 4 });
await db.insert("docs", [
  { id: 1, vector: [1, 0, 0, 0], title: "first" },
  { id: 2n, vector: Float32Array.of(0, 1, 0, 0), title: "second" },
]);
const hits: Hit<Doc>[] = await db.search<Doc>("docs", { vector: [1, 0, 0, 0], limit: 1, outputFields: ["title"] });
const title: string = hits[0]!.title;
const failure: unknown = await db.search("nothing", { vector: [1, 0] }).catch((error: unknown) => error);
console.log(hits.length, hits[0]!.id, title, failure instanceof MilvusError && failure.code);
`;

function run(directory: string, command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: directory, encoding: "utf8", timeout: 60_000 });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return stdout;
}

function link(directory: string, name: string): void {
  const path = join(directory, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(ROOT, "node_modules", name), path);
}

test("a program that imports the built package connects, inserts and searches", { timeout: 120_000 }, (context) => {
  const directory = mkdtempSync(join(tmpdir(), "elanus-package-"));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const home = join(directory, "node_modules/elanus");
  mkdirSync(home, { recursive: true });
  copyFileSync(join(ROOT, "package.json"), join(home, "package.json"));
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of [...Object.keys(dependencies), "@types/node"]) link(directory, name);
  run(ROOT, process.execPath, ["scripts/build.ts", join(home, "dist")]);

  writeFileSync(join(directory, "package.json"), `{ "type": "module" }`);
  writeFileSync(join(directory, "program.ts"), PROGRAM);
  const compilerOptions = {
    strict: true,
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    noEmit: true,
  };
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  assert.equal(run(directory, join(ROOT, "node_modules/.bin/tsc"), []), "");
  assert.equal(run(directory, process.execPath, ["--no-warnings", "program.ts"]), "1 1 first 100\n");
});
