/**
 * Where benches get what is not theirs: Python libraries in an environment of their own, npm packages in a folder of their own, both below
 * the temporary folder and with versions fixed here. Nothing of it is a dependency of the project, and no test needs it.
 */

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const ENVIRONMENT = join(tmpdir(), "elanus-bench-peers");
const PACKAGES = join(tmpdir(), "elanus-bench-packages");

export const PYTHON = join(ENVIRONMENT, "bin/python");

const LIBRARIES: Readonly<Record<string, string>> = {
  numpy: "2.4.6",
  scipy: "1.17.1",
  hnswlib: "0.8.0",
  rabitqlib: "0.7.1",
  "faiss-cpu": "1.15.1",
  usearch: "2.26.6",
};

/** What the passages of the text set are taken from; their order counts. */
const TEXTS: readonly string[] = [
  "botocore==1.44.5",
  "google-api-python-client==2.202.0",
  "pandas==3.1.1",
  "sympy==1.14.0",
];

/** Rejects if they cannot be had. */
export async function pythonWith(...names: readonly string[]): Promise<string> {
  if (!existsSync(PYTHON)) await run("python3", ["-m", "venv", ENVIRONMENT]);
  const wanted = names.map((name) => `${name}==${LIBRARIES[name]!}`);
  await run(PYTHON, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...wanted]);
  return PYTHON;
}

/** Paths of the archives that hold the text, fetched if they are not there. */
export async function textArchives(): Promise<string[]> {
  const folder = join(ENVIRONMENT, "texts");
  const python = await pythonWith("numpy", "scipy");
  mkdirSync(folder, { recursive: true });
  const archive = (text: string): string | undefined => {
    const [name, version] = text.split("==");
    return readdirSync(folder).find((file) => file.startsWith(`${name!.replaceAll("-", "_")}-${version!}-`));
  };
  const missing = TEXTS.filter((text) => archive(text) === undefined);
  const download = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", folder];
  if (missing.length > 0) await run(python, [...download, ...missing]);
  return TEXTS.map((text) => join(folder, archive(text)!));
}

/** Imports an npm package of exactly this version, fetched if it is not there. Its install scripts are not run. */
export async function packageOf(name: string, version: string): Promise<unknown> {
  const folder = join(PACKAGES, `${name}@${version}`);
  if (!existsSync(join(folder, "node_modules", name))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    const install = ["install", "--prefix", folder, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
    await run("npm", [...install, `${name}@${version}`]);
  }
  return createRequire(join(folder, "package.json"))(name) as unknown;
}
