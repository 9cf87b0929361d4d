/** Databases: names for sets of collections. The database `default` has id 1 and is always there. */

import { invalidParameter, milvusError } from "../base/errors.ts";
import { MessageType } from "../model/message.ts";
import type { KeyValue } from "../model/schema.ts";
import type { DatabaseInfo } from "../rpc/services.ts";
import { MAX_COLLECTIONS_KEY } from "./capacity.ts";
import { DEFAULT_DATABASE } from "./catalog.ts";
import { type Context, metadataChange, putJson } from "./context.ts";
import { databaseKey } from "./meta-keys.ts";

export const DEFAULT_DATABASE_ID = 1n;
const DENIALS: ReadonlySet<string> = new Set(["database.force.deny.writing", "database.force.deny.reading"]);
const MAX_DATABASES = 64;

/** Makes `default` in a store that has never been used. */
export async function ensureDefaultDatabase(context: Context): Promise<void> {
  if (context.catalog.databases().some((database) => database.databaseId === DEFAULT_DATABASE_ID)) return;
  const database: DatabaseInfo = {
    databaseId: DEFAULT_DATABASE_ID,
    name: DEFAULT_DATABASE,
    createdTimestamp: await context.timestamps.allocate(),
    properties: [],
  };
  const key = databaseKey(DEFAULT_DATABASE_ID);
  const operations = [putJson(key, database)];
  await context.store.transaction([{ key, exists: false }], operations);
  context.catalog.apply(operations);
}

export function createDatabase(context: Context, name: string, properties: readonly KeyValue[]): Promise<void> {
  return context.broadcaster.run(async () => {
    checkProperties(properties);
    const databases = context.catalog.databases();
    if (databases.some((database) => database.name === name)) throw invalidParameter(`database already exist: ${name}`);
    if (databases.length >= MAX_DATABASES) throw milvusError("DatabaseNumLimitExceeded", "", { limit: MAX_DATABASES });
    const databaseId = await context.ids.allocate();
    const database: DatabaseInfo = {
      databaseId,
      name,
      createdTimestamp: await context.timestamps.allocate(),
      properties,
    };
    return metadataChange(context, MessageType.CreateDatabase, { database }, [
      putJson(databaseKey(databaseId), database),
    ]);
  });
}

export function dropDatabase(context: Context, name: string): Promise<void> {
  return context.broadcaster.run(async () => {
    if (name === DEFAULT_DATABASE) throw invalidParameter("can not drop default database");
    const database = context.catalog.databases().find((candidate) => candidate.name === name);
    if (database === undefined) return null;
    if (context.catalog.collections(database.databaseId).length > 0) {
      throw invalidParameter(`database:${name} not empty, must drop all collections before drop database`);
    }
    return metadataChange(context, MessageType.DropDatabase, { name }, [{ delete: databaseKey(database.databaseId) }]);
  });
}

export function alterDatabase(
  context: Context,
  name: string,
  properties: readonly KeyValue[],
  deleteKeys: readonly string[],
): Promise<void> {
  return context.broadcaster.run(async () => {
    checkProperties(properties);
    const database = context.catalog.database(name);
    const changed: DatabaseInfo = {
      ...database,
      properties: mergeProperties(database.properties, properties, deleteKeys),
    };
    return metadataChange(context, MessageType.AlterDatabase, { database: changed }, [
      putJson(databaseKey(database.databaseId), changed),
    ]);
  });
}

/** What has an effect must be what it can have an effect with. */
function checkProperties(properties: readonly KeyValue[]): void {
  for (const { key, value } of properties) {
    if (key === MAX_COLLECTIONS_KEY && !/^\d+$/.test(value)) {
      throw invalidParameter(`invalid ${key} value: ${value}, expected a number of collections`);
    }
    if (DENIALS.has(key) && !/^(true|false)$/i.test(value)) {
      throw invalidParameter(`invalid ${key} value: ${value}, expected: true, false`);
    }
  }
}

/** Given keys replace known ones in their place, new ones come last, deleted ones go. */
export function mergeProperties(
  known: readonly KeyValue[],
  given: readonly KeyValue[],
  deleteKeys: readonly string[],
): KeyValue[] {
  const merged = new Map(known.map(({ key, value }) => [key, value]));
  for (const { key, value } of given) merged.set(key, value);
  for (const key of deleteKeys) merged.delete(key);
  return [...merged].map(([key, value]) => ({ key, value }));
}
