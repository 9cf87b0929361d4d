/** The repository's own files, as text, by their path from the root. */

import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** Path from the repository's root (`src/base/assert.ts`) to source text. */
export type Sources = ReadonlyMap<string, string>;

export const ROOT = resolve(import.meta.dirname, "../..");

/** Folders that `.gitignore` names; git itself is not asked, because a checkout may have come without it. */
const NOT_OURS = /^(\.git|build|dist|data|\.venv)$|(^|\/)(node_modules|generated|__pycache__)$/;

export function repositoryFiles(folder = ""): string[] {
  return readdirSync(resolve(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return NOT_OURS.test(path) ? [] : repositoryFiles(path);
      return entry.isFile() ? [path] : [];
    })
    .toSorted();
}

export function readSources(paths: readonly string[]): Sources {
  return new Map(paths.map((path) => [path, readFileSync(resolve(ROOT, path), "utf8")]));
}

export function typeScriptUnder(folder: string): Sources {
  return readSources(repositoryFiles().filter((path) => path.startsWith(`${folder}/`) && path.endsWith(".ts")));
}

/** Unit tests, the conformance suites that they run, and the folders `testing` with their generators and models. */
export function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.endsWith("conformance.ts") || /\/(testing|conformance)\//.test(path);
}
