/**
 * Checks the kernel without Node:
 *
 *     node scripts/check-native.mjs              symbols, then native/test/verify*.cpp, optimised
 *     node scripts/check-native.mjs address      … under AddressSanitizer and UndefinedBehaviorSanitizer
 *     node scripts/check-native.mjs thread       … under ThreadSanitizer
 *     node scripts/check-native.mjs neon         … compiled for ARM of 64 bits, and run by an emulator where this machine is none
 *     node scripts/check-native.mjs neon verify_slim verify_bands      some of them
 *
 * On Debian the tools for `neon` are in g++-aarch64-linux-gnu and qemu-user. The check of symbols is part of every build too
 * (build-addon.mjs).
 */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  checkSymbols,
  commonFlags,
  compileSources,
  compileTables,
  host,
  kernelSources,
  optimisation,
  outputDirectory,
  root,
} from "./build-addon.mjs";

const SANITIZERS = {
  none: optimisation,
  address: ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"],
  thread: ["-O1", "-g", "-fsanitize=thread"],
  // Emulated, every instruction costs ten: as under a sanitizer.
  neon: [...optimisation, "-static", "-DELANUS_SLOW"],
};
const ARM = { arch: "arm64", compiler: "aarch64-linux-gnu-g++", nm: "aarch64-linux-gnu-nm", emulator: "qemu-aarch64" };
const PROGRAMS = [
  "verify",
  "verify_pool",
  "verify_elements",
  "verify_list_search",
  "verify_index",
  "verify_recall",
  "verify_sparse",
  "verify_lists",
  "verify_slim",
  "verify_bands",
  "verify_filter",
];

const kind = process.argv[2] ?? "none";
const flags = SANITIZERS[kind];
const programs = process.argv.length > 3 ? process.argv.slice(3) : PROGRAMS;
if (flags === undefined || programs.some((name) => !PROGRAMS.includes(name))) {
  console.error(
    `usage: node scripts/check-native.mjs [${Object.keys(SANITIZERS).join(" | ")}] [${PROGRAMS.join(" ")}]`,
  );
  process.exit(2);
}
const target = kind === "neon" && process.arch !== "arm64" ? ARM : host;
const directory = join(outputDirectory, `check-${kind}`);
mkdirSync(directory, { recursive: true });
const tables = await compileTables(directory, flags, target);
if (kind === "none" || kind === "neon") {
  await checkSymbols(tables, target);
  console.log(`${tables.length} instruction-set objects define their table and nothing else`);
}
const objects = await compileSources(kernelSources(), directory, flags, target);
for (const name of programs) {
  const program = join(directory, name);
  const source = join(root, `native/test/${name}.cpp`);
  const compile = [...commonFlags, ...flags, "-pthread", source, ...objects, ...tables, "-o", program];
  execFileSync(target.compiler, compile, { stdio: "inherit" });
  const [command, ...rest] = [...(target.emulator === undefined ? [] : [target.emulator]), program];
  execFileSync(command, rest, { stdio: "inherit" });
}
