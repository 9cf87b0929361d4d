/**
 * The meta table: databases, collections, aliases, indexes, loads and flushed segments, as the MetaStore has them, in memory.
 *
 * Always true: this is a pure function of the entries under the coordinator's keys; every change goes to the MetaStore first and is then
 * applied here as the same operations, so that a restart sees what was seen before.
 */

import { decodeJson } from "../base/json.ts";
import { present } from "../base/assert.ts";
import { milvusError } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { IndexInfo, LoadConfig, SegmentIndexInfo, SegmentInfo } from "../model/catalog.ts";
import type { CompactionScope } from "../model/compaction.ts";
import type { CollectionInfo } from "../model/schema.ts";
import type { MetaStore, Operation } from "../metastore/metastore.ts";
import type { CollectionName, DatabaseInfo, DescribedCollection } from "../rpc/services.ts";
import type { SegmentIds } from "../storage/keys.ts";
import * as keys from "./meta-keys.ts";

export const DEFAULT_DATABASE = "default";

/** Tables that describe collections. */
const DESCRIBED: ReadonlySet<string> = new Set([
  keys.DATABASES,
  keys.COLLECTIONS,
  keys.ALIASES,
  keys.INDEXES,
  keys.LOADS,
]);

export interface AliasInfo {
  readonly databaseId: bigint;
  readonly alias: string;
  readonly collectionId: bigint;
}

export interface DroppedFiles {
  readonly collectionId: bigint;
  readonly partitionId: bigint | null;
  /** One segment of the partition alone. */
  readonly segmentId?: bigint;
}

/** A segment that a compaction took the place of. Its files wait for the collector. */
export interface RetiredSegment {
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly segmentId: bigint;
  readonly retiredAt: Timestamp;
  /** The task that did it. */
  readonly taskId: bigint;
}

/** A compaction that somebody asked for and that has not ended. */
export interface AskedCompaction {
  readonly compactionId: bigint;
  readonly collectionId: bigint;
  /** It concerns what was flushed by then. */
  readonly until: Timestamp;
  readonly scope: CompactionScope;
}

export class Catalog {
  readonly #tables = {
    [keys.DATABASES]: new Map<string, DatabaseInfo>(),
    [keys.COLLECTIONS]: new Map<string, CollectionInfo>(),
    [keys.ALIASES]: new Map<string, AliasInfo>(),
    [keys.INDEXES]: new Map<string, IndexInfo>(),
    [keys.SEGMENT_INDEXES]: new Map<string, SegmentIndexInfo>(),
    [keys.LOADS]: new Map<string, LoadConfig>(),
    [keys.SEGMENTS]: new Map<string, SegmentInfo>(),
    [keys.DELETES_FLUSHED]: new Map<string, bigint>(),
    [keys.READABLE_FROM]: new Map<string, bigint>(),
    [keys.DROPPED]: new Map<string, DroppedFiles>(),
    [keys.RETIRED]: new Map<string, RetiredSegment>(),
    [keys.COMPACTIONS]: new Map<string, AskedCompaction>(),
  };
  /** Secondary look-ups, rebuilt with every change of what they index. */
  readonly #collectionsById = new Map<bigint, CollectionInfo>();
  readonly #collectionsByName = new Map<string, CollectionInfo>();
  readonly #segmentsByCollection = new Map<bigint, Map<string, SegmentInfo>>();
  /** What every read asks for, until something of it changes. */
  readonly #described = new Map<bigint, DescribedCollection>();

  static async load(store: MetaStore): Promise<Catalog> {
    const catalog = new Catalog();
    for (const prefix of Object.keys(catalog.#tables)) {
      for (const entry of await store.range(prefix)) catalog.apply([{ put: entry.key, value: entry.value }]);
    }
    return catalog;
  }

  /** Takes over what a transaction wrote; keys of others are ignored. */
  apply(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if ("put" in operation) this.#set(operation.put, decodeJson(operation.value));
      else if ("delete" in operation) this.#set(operation.delete, undefined);
      else for (const key of this.#keysUnder(operation.deletePrefix)) this.#set(key, undefined);
    }
  }

  database(name: string): DatabaseInfo {
    const wanted = name === "" ? DEFAULT_DATABASE : name;
    for (const database of this.#tables[keys.DATABASES].values()) if (database.name === wanted) return database;
    throw milvusError("DatabaseNotFound", "", { database: wanted });
  }

  databases(): DatabaseInfo[] {
    return [...this.#tables[keys.DATABASES].values()];
  }

  collections(databaseId?: bigint): CollectionInfo[] {
    const all = [...this.#tables[keys.COLLECTIONS].values()];
    return databaseId === undefined ? all : all.filter((collection) => collection.databaseId === databaseId);
  }

  collectionById(collectionId: bigint): CollectionInfo | null {
    return this.#collectionsById.get(collectionId) ?? null;
  }

  /** By name or alias, or by id when the name is empty; throws 100 when there is none. */
  collection(request: CollectionName): CollectionInfo {
    if (request.collectionName === "" && request.collectionId !== undefined) {
      const found = this.collectionById(request.collectionId);
      if (found === null) throw milvusError("CollectionNotFound", "", { collection: request.collectionId });
      return found;
    }
    const database = this.database(request.databaseName);
    const found = this.findCollection(database.databaseId, request.collectionName);
    if (found === null) {
      throw milvusError("CollectionNotFound", "", { database: database.name, collection: request.collectionName });
    }
    return found;
  }

  /** The same one as long as nothing of it changes. */
  describe(collection: CollectionInfo): DescribedCollection {
    const { collectionId } = collection;
    let described = this.#described.get(collectionId);
    if (described === undefined) {
      described = {
        collection,
        aliases: this.aliasesOf(collectionId),
        indexes: this.indexes(collectionId),
        load: this.loadConfig(collectionId),
        databaseProperties: this.database(collection.databaseName).properties,
      };
      this.#described.set(collectionId, described);
    }
    return described;
  }

  findCollection(databaseId: bigint, nameOrAlias: string): CollectionInfo | null {
    const byName = this.#collectionsByName.get(`${databaseId}/${nameOrAlias}`);
    if (byName !== undefined) return byName;
    const alias = this.alias(databaseId, nameOrAlias);
    return alias === null ? null : present(this.collectionById(alias.collectionId), "collection of an alias");
  }

  alias(databaseId: bigint, alias: string): AliasInfo | null {
    return this.#tables[keys.ALIASES].get(keys.aliasKey(databaseId, alias)) ?? null;
  }

  aliases(databaseId: bigint): AliasInfo[] {
    return [...this.#tables[keys.ALIASES].values()].filter((alias) => alias.databaseId === databaseId);
  }

  aliasesOf(collectionId: bigint): string[] {
    return [...this.#tables[keys.ALIASES].values()]
      .filter((alias) => alias.collectionId === collectionId)
      .map((alias) => alias.alias)
      .toSorted();
  }

  indexes(collectionId: bigint): IndexInfo[] {
    return [...this.#tables[keys.INDEXES].values()].filter((index) => index.collectionId === collectionId);
  }

  segmentIndex(segment: SegmentInfo, indexId: bigint): SegmentIndexInfo | null {
    return this.#tables[keys.SEGMENT_INDEXES].get(keys.segmentIndexKey({ ...segment, indexId })) ?? null;
  }

  segmentIndexes(): SegmentIndexInfo[] {
    return [...this.#tables[keys.SEGMENT_INDEXES].values()];
  }

  loadConfig(collectionId: bigint): LoadConfig | null {
    return this.#tables[keys.LOADS].get(keys.loadKey(collectionId)) ?? null;
  }

  loads(): LoadConfig[] {
    return [...this.#tables[keys.LOADS].values()];
  }

  segments(collectionId: bigint): SegmentInfo[] {
    return [...(this.#segmentsByCollection.get(collectionId)?.values() ?? [])];
  }

  deletesFlushed(virtualChannel: string): bigint {
    return this.#tables[keys.DELETES_FLUSHED].get(keys.deletesFlushedKey(virtualChannel)) ?? 0n;
  }

  /** A read of the channel as of an earlier timestamp would miss rows of segments of which nothing was left. */
  readableFrom(virtualChannel: string): bigint {
    return this.#tables[keys.READABLE_FROM].get(keys.readableFromKey(virtualChannel)) ?? 0n;
  }

  segment({ collectionId, partitionId, segmentId }: SegmentIds): SegmentInfo | null {
    return this.#tables[keys.SEGMENTS].get(keys.segmentKey(collectionId, partitionId, segmentId)) ?? null;
  }

  retired(): RetiredSegment[] {
    return [...this.#tables[keys.RETIRED].values()];
  }

  isRetired({ collectionId, partitionId, segmentId }: SegmentIds): boolean {
    return this.#tables[keys.RETIRED].has(keys.retiredSegmentKey(collectionId, partitionId, segmentId));
  }

  askedCompactions(): AskedCompaction[] {
    return [...this.#tables[keys.COMPACTIONS].values()];
  }

  dropped(): DroppedFiles[] {
    return [...this.#tables[keys.DROPPED].values()];
  }

  #set(key: string, value: unknown): void {
    for (const [prefix, table] of Object.entries(this.#tables) as [string, Map<string, unknown>][]) {
      if (!key.startsWith(prefix)) continue;
      const previous = table.get(key);
      if (value === undefined) table.delete(key);
      else table.set(key, value);
      if (DESCRIBED.has(prefix)) this.#described.clear();
      if (prefix === keys.COLLECTIONS) this.#indexCollection(previous as CollectionInfo, value as CollectionInfo);
      if (prefix === keys.SEGMENTS) this.#indexSegment(key, previous as SegmentInfo, value as SegmentInfo);
    }
  }

  #indexCollection(previous: CollectionInfo | undefined, current: CollectionInfo | undefined): void {
    const name = ({ databaseId, schema }: CollectionInfo): string => `${databaseId}/${schema.name}`;
    if (previous !== undefined) {
      // Moving to another database deletes under one key what was put under another: only what still stands is removed.
      if (this.#collectionsById.get(previous.collectionId) === previous)
        this.#collectionsById.delete(previous.collectionId);
      if (this.#collectionsByName.get(name(previous)) === previous) this.#collectionsByName.delete(name(previous));
    }
    if (current !== undefined) {
      this.#collectionsById.set(current.collectionId, current);
      this.#collectionsByName.set(name(current), current);
    }
  }

  #indexSegment(key: string, previous: SegmentInfo | undefined, current: SegmentInfo | undefined): void {
    const collectionId = present(current ?? previous, "segment that changes").collectionId;
    let segments = this.#segmentsByCollection.get(collectionId);
    if (segments === undefined) this.#segmentsByCollection.set(collectionId, (segments = new Map()));
    if (current === undefined) segments.delete(key);
    else segments.set(key, current);
    if (segments.size === 0) this.#segmentsByCollection.delete(collectionId);
  }

  #keysUnder(prefix: string): string[] {
    return Object.values(this.#tables).flatMap((table) => [...table.keys()].filter((key) => key.startsWith(prefix)));
  }
}
