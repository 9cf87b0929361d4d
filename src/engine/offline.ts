/**
 * A data directory without an engine: its metadata and its files, for looking. The directory is locked meanwhile, so a running server is
 * never disturbed; nothing is written.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { Catalog } from "../coordinator/catalog.ts";
import type { Entry } from "../metastore/metastore.ts";
import { SqliteMetaStore } from "../metastore/sqlite.ts";
import { DirectoryObjectStore } from "../objectstore/directory.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import { lockDirectory } from "./directory-lock.ts";

export interface OfflineDirectory {
  readonly catalog: Catalog;
  readonly objects: ObjectStore;
  /** Every entry of the metadata, by key. */
  readonly entries: readonly Entry[];
}

/** Runs `look` over the directory, which must exist and be in nobody's use. */
export async function lookInto<T>(
  directory: string,
  runtime: Runtime,
  look: (offline: OfflineDirectory) => Promise<T>,
): Promise<T> {
  const path = join(directory, "meta.db");
  if (!existsSync(path)) {
    throw milvusError("IoKeyNotFound", `${directory} is not a data directory of Elanus: it has no meta.db`);
  }
  using _lock = lockDirectory(directory, runtime);
  const store = await SqliteMetaStore.open(path, runtime);
  try {
    const objects = await DirectoryObjectStore.open(join(directory, "objects"), runtime);
    try {
      return await look({ catalog: await Catalog.load(store), objects, entries: await store.range("") });
    } finally {
      await objects.close();
    }
  } finally {
    await store.close();
  }
}
