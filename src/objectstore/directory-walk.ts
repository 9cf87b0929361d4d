/**
 * The objects under a directory in the order of their keys.
 *
 * Folders are sorted as their name and a slash, which is how all keys inside begin: so `a-b` comes before `a/b` and that before
 * `a0`, and a walk in depth is in order.
 */

import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileError, systemCode } from "../base/file-error.ts";
import { compareUtf8 } from "../base/utf8-order.ts";
import { HIDDEN_FOLDER } from "./key.ts";

/** Keys under `prefix` and above `after`. */
export async function* walkKeys(root: string, prefix: string, after: string | null): AsyncGenerator<string> {
  const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const segments = folder.split("/").slice(0, -1);
  // No key has such segments, and with them the walk would leave the root.
  if (segments[0] === HIDDEN_FOLDER || segments.some((segment) => ["", ".", ".."].includes(segment))) return;
  yield* walkFolder(root, folder, prefix, after);
}

/** `folder` is empty or ends with a slash. */
async function* walkFolder(root: string, folder: string, prefix: string, after: string | null): AsyncGenerator<string> {
  for (const name of await sortedNames(join(root, folder))) {
    const key = folder + name;
    if (key === `${HIDDEN_FOLDER}/`) continue;
    if (!name.endsWith("/")) {
      if (key.startsWith(prefix) && (after === null || compareUtf8(key, after) > 0)) yield key;
      continue;
    }
    const mayMatch = key.startsWith(prefix) || prefix.startsWith(key);
    const isBefore = after !== null && !after.startsWith(key) && compareUtf8(key, after) < 0;
    if (mayMatch && !isBefore) yield* walkFolder(root, key, prefix, after);
  }
}

/** Names of files, and of folders with a slash. A folder that is gone meanwhile is empty. */
async function sortedNames(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown): Dirent[] => {
    if (["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(systemCode(error))) return [];
    throw fileError(error, "list", path);
  });
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) names.push(`${entry.name}/`);
    else if (entry.isFile()) names.push(entry.name);
  }
  return names.toSorted(compareUtf8);
}
