/**
 * Builds and runs the kernel's fuzzer under AddressSanitizer and UndefinedBehaviorSanitizer, without Node:
 *
 *     node scripts/fuzz-native.mjs SECONDS SEED [CASE…]
 *
 * Only the sources that filters need are built, into build/native/fuzz; `npm run fuzz` calls this.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import {
  commonFlags,
  compileSources,
  compileTables,
  compiler,
  kernelSources,
  outputDirectory,
  root,
} from "./build-addon.mjs";

const NEEDED = /^(?:filter_\w+|dispatch|job|pool)\.cpp$/;
const flags = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

const [seconds = "30", seed = "1", ...cases] = process.argv.slice(2);
const directory = join(outputDirectory, "fuzz");
mkdirSync(directory, { recursive: true });
const tables = await compileTables(directory, flags);
const sources = kernelSources().filter((path) => NEEDED.test(basename(path)));
const objects = await compileSources(sources, directory, flags);
const program = join(directory, "fuzz_filter");
const source = join(root, "native/test/fuzz_filter.cpp");
execFileSync(compiler, [...commonFlags, ...flags, "-pthread", source, ...objects, ...tables, "-o", program], {
  stdio: "inherit",
});
try {
  execFileSync(program, [seconds, seed, ...cases], { stdio: "inherit", cwd: directory });
} catch (error) {
  console.error(`the fuzzer failed (${error.status ?? error.signal}); what is left of a case is in ${directory}`);
  process.exitCode = 1;
}
