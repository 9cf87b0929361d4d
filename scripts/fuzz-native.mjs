/**
 * Builds and runs a fuzzer of the kernel under AddressSanitizer and UndefinedBehaviorSanitizer, without Node:
 *
 *     node scripts/fuzz-native.mjs [TARGET] [SECONDS] [SEED] [CASE…]      30 seconds unless told otherwise
 *
 *     filter         programs and documents (the target where none is named; `npm run fuzz` calls this)
 *     index_file     files of indexes of every kind
 *     index_search   search parameters of every kind of index
 *
 * The last two are LLVMFuzzerTestOneInput. They run by a driver of ours, which follows the code that is reached as libFuzzer does (GCC has the
 * means), or by libFuzzer itself where CXX is clang. They begin with the cases in native/test/corpus/TARGET; `keep` as a case writes there what was new.
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

const ALL = /./;
const NEEDED = { filter: /^(?:filter_\w+|dispatch|background|job|pool)\.cpp$/, index_file: ALL, index_search: ALL };
const SANITIZERS = [
  "-O1",
  "-g",
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=all",
  "-fno-omit-frame-pointer",
];

const given = process.argv.slice(2);
const target = Object.hasOwn(NEEDED, given[0] ?? "") ? given.shift() : "filter";
const [seconds = "30", seed = "1", ...cases] = given;
const isGuided = target !== "filter";
const hasLibFuzzer = isGuided && execFileSync(compiler, ["--version"], { encoding: "utf8" }).includes("clang");
const guidance = hasLibFuzzer ? ["-fsanitize=fuzzer-no-link"] : ["-fsanitize-coverage=trace-pc"];
const flags = isGuided ? [...SANITIZERS, ...guidance] : SANITIZERS;

const directory = join(outputDirectory, isGuided ? "fuzz-guided" : "fuzz");
mkdirSync(directory, { recursive: true });
const tables = await compileTables(directory, flags);
const sources = kernelSources().filter((path) => NEEDED[target].test(basename(path)));
const objects = await compileSources(sources, directory, flags);
if (isGuided && !hasLibFuzzer) {
  objects.push(...(await compileSources([join(root, "native/test/fuzz_driver.cpp")], directory, SANITIZERS)));
}
const program = join(directory, `fuzz_${target}`);
const source = join(root, `native/test/fuzz_${target}.cpp`);
const libFuzzer = hasLibFuzzer ? ["-fsanitize=fuzzer"] : [];
const linked = [...objects, ...tables, ...libFuzzer, "-o", program];
execFileSync(compiler, [...commonFlags, ...flags, "-pthread", source, ...linked], { stdio: "inherit" });
const corpus = isGuided ? [join(root, `native/test/corpus/${target}`)] : [];
const asked = hasLibFuzzer
  ? [`-max_total_time=${seconds}`, `-seed=${seed}`, ...corpus]
  : [seconds, seed, ...cases, ...corpus];
try {
  execFileSync(program, asked, { stdio: "inherit", cwd: directory });
} catch (error) {
  console.error(`the fuzzer failed (${error.status ?? error.signal}); what is left of a case is in ${directory}`);
  process.exitCode = 1;
}
