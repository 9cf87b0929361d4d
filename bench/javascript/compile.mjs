/** Compiles `search.cpp` beside the objects of the kernel, with the flags of the addon, if a source is newer; prints where the program is. */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  commonFlags,
  compileSources,
  compileTables,
  compiler,
  kernelSources,
  optimisation,
  outputDirectory,
  root,
} from "../../scripts/build-addon.mjs";

const source = resolve(import.meta.dirname, "search.cpp");
const directory = join(outputDirectory, "bench");
const program = join(directory, "search");

const filesOf = (folder) => readdirSync(join(root, "native", folder)).map((name) => join(root, "native", folder, name));
const sources = [source, ...["include", "simd", "src"].flatMap(filesOf)];
const made = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (sources.some((path) => statSync(path).mtimeMs > made)) {
  mkdirSync(directory, { recursive: true });
  const tables = await compileTables(directory, optimisation);
  const objects = await compileSources(kernelSources(), directory, optimisation);
  const flags = [...commonFlags, ...optimisation, "-pthread"];
  execFileSync(compiler, [...flags, source, ...objects, ...tables, "-o", program]);
}
console.log(program);
