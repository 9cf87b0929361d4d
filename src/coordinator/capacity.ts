/** How many collections and partitions there may be: in a database, and in all of them together. Milvus's numbers and errors. */

import { milvusError } from "../base/errors.ts";
import type { DatabaseInfo } from "../rpc/services.ts";
import type { Catalog } from "./catalog.ts";

const MAX_COLLECTIONS = 65_536;
/** Partitions of every shard, over all collections. */
const MAX_CAPACITY = 65_536;
/** The property of a database that makes it fewer. */
export const MAX_COLLECTIONS_KEY = "database.max.collections";

/** @throws 102 when the database, or all of them together, have as many collections as they may. */
export function requireRoomForCollection(catalog: Catalog, database: DatabaseInfo): void {
  const limit = limitOf(database);
  if (catalog.collections(database.databaseId).length >= limit) {
    throw milvusError("CollectionNumLimitExceeded", "", { dbName: database.name, limit });
  }
  if (catalog.collections().length >= MAX_COLLECTIONS) {
    throw milvusError("CollectionNumLimitExceeded", "", { limit: MAX_COLLECTIONS });
  }
}

/** What is no number says nothing. */
function limitOf({ properties }: DatabaseInfo): number {
  const given = properties.find(({ key }) => key === MAX_COLLECTIONS_KEY)?.value ?? "";
  return /^\d+$/.test(given) ? Math.min(Number(given), MAX_COLLECTIONS) : MAX_COLLECTIONS;
}

/** @throws 250 when there is no room for so many more partitions of shards. */
export function requireCapacity(catalog: Catalog, wanted: number): void {
  const taken = catalog
    .collections()
    .reduce((sum, { shardsNum, partitions }) => sum + shardsNum * partitions.length, 0);
  if (taken + wanted <= MAX_CAPACITY) return;
  throw milvusError("GeneralCapacityExceeded", "", {
    newGeneralCapacity: wanted,
    currentGeneralCapacity: taken,
    generalCapacity: MAX_CAPACITY,
  });
}
