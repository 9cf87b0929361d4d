/**
 * Makes `dist/` for publishing: JavaScript and declarations of `src` without the tests, and the generated protobuf code beside it. With
 * an argument it goes there instead, into a package that somebody laid out.
 *
 * Always true:
 *  - `dist` is replaced only by a build without type errors, and the build fails if the result cannot print its version;
 *  - no file of it names a `.ts` file: imports are rewritten by the compiler, addresses of workers here.
 */

import { spawnSync } from "node:child_process";
import { cpSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { withoutSourceAddresses } from "./build/addresses.ts";

const root = resolve(import.meta.dirname, "..");
const target = resolve(process.argv[2] ?? join(root, "dist"));
const fresh = process.argv[2] === undefined ? join(root, "build/dist") : `${target}.new`;
process.chdir(root);
rmSync(fresh, { recursive: true, force: true });

run("node_modules/.bin/tsc", ["-p", "tsconfig.build.json", "--outDir", fresh]);
for (const generated of globSync("src/**/generated/*.{js,d.ts}")) {
  cpSync(generated, join(fresh, relative("src", generated)));
}
let files = 0;
for (const file of globSync(`${fresh}/**/*.js`)) {
  const source = readFileSync(file, "utf8");
  const rewritten = withoutSourceAddresses(source);
  if (rewritten !== source) writeFileSync(file, rewritten);
  files += 1;
}

rmSync(target, { recursive: true, force: true });
renameSync(fresh, target);
run(process.execPath, [join(target, "cli/main.js"), "--version"]);
console.log(`dist: ${files} files of JavaScript`);

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
