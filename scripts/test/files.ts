/** Which files are tests: `*.test.ts` under src, test, native and scripts, beside the code they test or in folders of their own. */

import { globSync, statSync } from "node:fs";

const FOLDERS = ["src", "test", "native", "scripts"];

/** All of them in a fixed order, or those under the given files and folders. */
export function findTestFiles(paths: readonly string[]): string[] {
  const patterns = (paths.length === 0 ? FOLDERS : paths).flatMap((path) =>
    isFile(path) ? [path] : [`${path.replace(/\/$/, "")}/**/*.test.ts`],
  );
  return [...new Set(globSync(patterns))].toSorted();
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
