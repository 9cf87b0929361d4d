/**
 * Builds the kernel's addon, `build/native/elanus-kernel.node`, with plain g++ commands: one object per instruction set, one per
 * source, and the link. Plain JavaScript, so that any Node from 20 on can run it.
 *
 * Always true: the addon appears whole or not at all, under a name that is only ever replaced by renaming, so that a process which
 * has loaded it and a second build at the same time do no harm. It is built again only if a source, a flag or the compiler
 * changed (a hash in a stamp file). Without a compiler this is no failure: the TypeScript twin serves, slower.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const compiler = process.env.CXX ?? "g++";
export const outputDirectory = join(root, "build", "native");
const addon = join(outputDirectory, "elanus-kernel.node");
const stamp = join(outputDirectory, "stamp");

export const commonFlags = ["-std=c++20", "-fPIC", "-Wall", "-Wextra", "-fvisibility=hidden", "-ffp-contract=off"];
export const optimisation = ["-O3", "-g1"];
// GCC 12 warns about undefined registers inside its own headers of vector instructions.
const tableFlags = ["-fno-exceptions", "-fno-math-errno", "-Wno-uninitialized", "-Wno-maybe-uninitialized"];

/** What is compiled for, and with what. */
export const host = { arch: process.arch, compiler, nm: "nm" };

/** What `native/src/dispatch.cpp` asks the processor for covers these flags. */
export function instructionSets(arch = process.arch) {
  const sets = [{ name: "portable", flags: [] }];
  if (arch === "arm64") sets.push({ name: "neon", flags: ["-march=armv8.2-a+dotprod+crc"] });
  if (arch === "x64") {
    const avx2 = ["-mavx2", "-mfma", "-mf16c", "-mbmi", "-mpopcnt"];
    sets.push({ name: "avx2", flags: avx2 });
    sets.push({
      name: "avx512",
      flags: [...avx2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni"],
    });
  }
  return sets;
}

/** One object for each instruction set in `directory`; returns their paths. */
export async function compileTables(directory, flags, target = host) {
  return Promise.all(
    instructionSets(target.arch).map(async ({ name, flags: own }) => {
      const object = join(directory, `table_${name}.o`);
      const source = join(root, "native/simd/isa.cpp");
      await run(target.compiler, [
        ...commonFlags,
        ...flags,
        ...tableFlags,
        ...own,
        `-DELANUS_TABLE=${name}`,
        "-c",
        source,
        "-o",
        object,
      ]);
      return object;
    }),
  );
}

/**
 * Throws unless each object defines its table and nothing else that the linker sees. A weak symbol in an object compiled for AVX-512
 * could be taken for the whole program's copy, and run on a machine that lacks the instructions.
 */
export async function checkSymbols(tables, target = host) {
  for (const object of tables) {
    const { stdout } = await run(target.nm, ["--extern-only", "--defined-only", object]);
    const symbols = stdout.trim().split("\n");
    const table = new RegExp(` [DR] _ZN6elanus\\d+${basename(object, ".o")}E$`);
    if (symbols.length !== 1 || !table.test(symbols[0])) {
      throw new Error(`${basename(object)} defines more than its table, or not that:\n${symbols.join("\n")}`);
    }
  }
}

/** The sources behind the C ABI, without Node's binding. */
export function kernelSources() {
  return readdirSync(join(root, "native/src"))
    .filter((name) => name.endsWith(".cpp") && name !== "node.cpp")
    .toSorted()
    .map((name) => join(root, "native/src", name));
}

/** One object for each source in `directory`, as many at a time as there are processors; returns their paths. */
export async function compileSources(sources, directory, flags, target = host) {
  const waiting = [...sources];
  const objects = sources.map((source) => join(directory, `${basename(source, ".cpp")}.o`));
  const compile = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      const object = join(directory, `${basename(source, ".cpp")}.o`);
      await run(target.compiler, [...commonFlags, ...flags, "-c", source, "-o", object]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, compile));
  return objects;
}

function fingerprint(version) {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([version, process.arch, commonFlags, optimisation, tableFlags, instructionSets()]));
  for (const directory of ["native/include", "native/simd", "native/src"]) {
    for (const name of readdirSync(join(root, directory)).toSorted()) {
      hash.update(`\n${directory}/${name}\n`);
      hash.update(readFileSync(join(root, directory, name)));
    }
  }
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  return hash.digest("hex");
}

async function compilerVersion() {
  try {
    return (await run(compiler, ["--version"])).stdout.split("\n")[0];
  } catch {
    return null;
  }
}

export async function buildAddon() {
  const version = await compilerVersion();
  if (version === null) {
    return `kernel: no ${compiler} here, so nothing was built; the TypeScript twin will serve, slower`;
  }
  const headers = join(root, "node_modules/node-api-headers/include");
  if (!existsSync(headers)) {
    return "kernel: node-api-headers is not installed, so nothing was built; the TypeScript twin will serve, slower";
  }
  const wanted = fingerprint(version);
  if (existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return "kernel: up to date";
  const scratch = join(outputDirectory, `part-${process.pid}`);
  mkdirSync(scratch, { recursive: true });
  const start = Date.now();
  try {
    const tables = await compileTables(scratch, optimisation);
    await checkSymbols(tables);
    const objects = await compileSources([...kernelSources(), join(root, "native/src/node.cpp")], scratch, [
      ...optimisation,
      `-I${headers}`,
    ]);
    const fresh = join(scratch, "elanus-kernel.node");
    // nodelete: the pool's threads run on when a worker that loaded the addon ends and Node would unload it.
    const link = ["-shared", "-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now", "-pthread"];
    await run(compiler, [...link, ...objects, ...tables, "-o", fresh]);
    renameSync(fresh, addon);
    writeFileSync(join(scratch, "stamp"), wanted);
    renameSync(join(scratch, "stamp"), stamp);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const names = instructionSets().map(({ name }) => name);
  return `kernel: built in ${((Date.now() - start) / 1000).toFixed(1)} s for ${names.join(", ")} (${version})`;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    console.log(await buildAddon());
  } catch (error) {
    console.error(`kernel: the build failed\n${error.stderr ?? error}`);
    process.exitCode = 1;
  }
}
