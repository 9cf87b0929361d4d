/**
 * Checks the kernel without Node:
 *
 *     node scripts/check-native.mjs              symbols, then native/test/verify*.cpp, optimised
 *     node scripts/check-native.mjs address      … under AddressSanitizer and UndefinedBehaviorSanitizer
 *     node scripts/check-native.mjs thread       … under ThreadSanitizer
 *
 * The check of symbols is part of every build too (build-addon.mjs).
 */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  checkSymbols,
  commonFlags,
  compileSources,
  compileTables,
  compiler,
  kernelSources,
  optimisation,
  outputDirectory,
  root,
} from "./build-addon.mjs";

const SANITIZERS = {
  none: optimisation,
  address: ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"],
  thread: ["-O1", "-g", "-fsanitize=thread"],
};

const kind = process.argv[2] ?? "none";
const flags = SANITIZERS[kind];
if (flags === undefined) {
  console.error(`usage: node scripts/check-native.mjs [${Object.keys(SANITIZERS).join(" | ")}]`);
  process.exit(2);
}
const directory = join(outputDirectory, `check-${kind}`);
mkdirSync(directory, { recursive: true });
const tables = await compileTables(directory, flags);
if (kind === "none") {
  await checkSymbols(tables);
  console.log(`${tables.length} instruction-set objects define their table and nothing else`);
}
const objects = await compileSources(kernelSources(), directory, flags);
for (const name of [
  "verify",
  "verify_elements",
  "verify_index",
  "verify_sparse",
  "verify_lists",
  "verify_slim",
  "verify_bands",
  "verify_filter",
]) {
  const program = join(directory, name);
  const source = join(root, `native/test/${name}.cpp`);
  execFileSync(compiler, [...commonFlags, ...flags, "-pthread", source, ...objects, ...tables, "-o", program], {
    stdio: "inherit",
  });
  execFileSync(program, { stdio: "inherit" });
}
