/** The repository's own files, as text, by their path from the root. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** Path from the repository's root (`src/base/assert.ts`) to source text. */
export type Sources = ReadonlyMap<string, string>;

export const ROOT = resolve(import.meta.dirname, "../..");

/** Everything tracked, and what is new and not ignored, so that a mistake is seen before it is committed. */
export function repositoryFiles(): string[] {
  const list = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return list.split("\0").filter((path) => path !== "" && existsSync(resolve(ROOT, path)));
}

export function readSources(paths: readonly string[]): Sources {
  return new Map(paths.map((path) => [path, readFileSync(resolve(ROOT, path), "utf8")]));
}

export function typeScriptUnder(folder: string): Sources {
  return readSources(repositoryFiles().filter((path) => path.startsWith(`${folder}/`) && path.endsWith(".ts")));
}

/** Unit tests, and the conformance suites that they run. */
export function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.endsWith("conformance.ts");
}
