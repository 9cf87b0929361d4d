/**
 * Stamps: `build/setup/<step>.json` says from which inputs a step made which outputs.
 *
 * Always true: a stamp is current only while the hash of the inputs is the same and every recorded output still exists.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** Files under `path`, sorted; `path` itself when it is a file; nothing when it is missing. */
export function filesUnder(path) {
  if (!existsSync(path)) return [];
  let entries;
  try {
    entries = readdirSync(path, { withFileTypes: true, recursive: true });
  } catch (error) {
    if (error.code === "ENOTDIR") return [path];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .toSorted();
}

/** One hash over the names and contents of every file under `paths`. */
export function hashOf(root, paths) {
  const hash = createHash("sha256");
  for (const path of paths) {
    for (const file of filesUnder(join(root, path))) {
      hash.update(relative(root, file)).update("\0").update(readFileSync(file)).update("\0");
    }
  }
  return hash.digest("hex");
}

export class Stamp {
  #path;
  #root;

  constructor(root, name) {
    this.#root = root;
    this.#path = join(root, "build/setup", `${name}.json`);
  }

  isCurrent(inputs) {
    let stamp;
    try {
      stamp = JSON.parse(readFileSync(this.#path, "utf8"));
    } catch {
      return false;
    }
    return stamp.inputs === inputs && stamp.outputs.every((output) => existsSync(join(this.#root, output)));
  }

  write(inputs, outputs) {
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, JSON.stringify({ inputs, outputs }));
  }

  remove() {
    rmSync(this.#path, { force: true });
  }
}
