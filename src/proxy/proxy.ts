/**
 * The proxy: what clients speak to. It checks, routes, waits for the right freshness, and merges; it holds no data.
 *
 * Each call is a task of one of three bounded queues (DDL, DML, DQL). Names are checked here, existence by the coordinator.
 */

import { MilvusError, asMilvusError, invalidParameter, milvusError } from "../base/errors.ts";
import type { ChangeCounter } from "../base/change-counter.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { type CompactionScope, WHOLE_COLLECTION } from "../model/compaction.ts";
import type { SegmentInfo } from "../model/catalog.ts";
import type { CollectionInfo, KeyValue } from "../model/schema.ts";
import { TIME_ZONE_KEY } from "../model/timestamptz.ts";
import type { LoadState } from "../model/types.ts";
import {
  COORDINATOR,
  type CoordinatorService,
  type DroppedFieldName,
  type DatabaseInfo,
  type DescribedCollection,
  type GrowingSegmentInfo,
  type LoadedSegment,
  QUERY,
  type QueryService,
  STREAMING,
  type ShownCollection,
  type StreamingService,
  type CollectionName,
  type CompactionProgress,
} from "../rpc/services.ts";
import { type Client, NEVER, type Transport } from "../rpc/transport.ts";
import { type AddedField, addFields, dropFunction } from "./added-field.ts";
import { addStruct } from "./added-struct.ts";
import type { ProxyContext } from "./context.ts";
import { declareCollection } from "./declare.ts";
import {
  areSegmentsFlushed,
  flush,
  flushAll,
  type FlushedCollection,
  isEverythingFlushed,
  isFlushed,
} from "./flushes.ts";
import { checkFieldAlteration, knownFieldKey } from "./field-properties.ts";
import { hybridSearch } from "./hybrid.ts";
import { type DescribedIndex, alterIndex, createIndex, describeIndexes } from "./indexes.ts";
import { KnownPlans } from "./known-plans.ts";
import { type LendRequest, type LentCollection, lend } from "./lend.ts";
import { type LoadOptions, loadCollection, loadProgress, loadState, releaseCollection } from "./loads.ts";
import { insert, remove, upsert } from "./mutate.ts";
import { checkAlias, checkCollectionName, checkDatabaseName } from "./names.ts";
import { createPartition, dropPartition } from "./partition-changes.ts";
import { checkAlteration, checkProperties, checkTimeZone, requireChange } from "./properties.ts";
import { query } from "./query.ts";
import { Quotas } from "./quotas.ts";
import { whenServed } from "./recovering.ts";
import { TaskQueue } from "./queues.ts";
import type {
  CreateCollectionRequest,
  DeleteRequest,
  DeleteResponse,
  HybridSearchRequest,
  InsertRequest,
  MutationResponse,
  QueryRequest,
  QueryResponse,
  SearchRequest,
  SearchResponse,
  Target,
  DeclaredStruct,
} from "./requests.ts";
import { search } from "./search.ts";
import { flushedSegments, growingSegments, rowCount } from "./statistics.ts";
import { StripedLocks } from "./striped-locks.ts";

const DDL_CONCURRENCY = 16;
const DML_CONCURRENCY = 256;
const DQL_CONCURRENCY = 256;
const DEFAULT_SHARDS = 1;
const DEFAULT_KEY_PARTITIONS = 16;

export interface ProxyOptions {
  readonly transport: Transport;
  readonly kernel: Kernel;
  readonly runtime: Runtime;
  /** Of what reads see. */
  readonly changes: ChangeCounter;
  /** See `ProxyContext`. */
  readonly limitsFoundDeletes?: boolean;
}

export class Proxy {
  readonly #context: ProxyContext;
  readonly #coordinator: Client<CoordinatorService>;
  readonly #streaming: Client<StreamingService>;
  readonly #query: Client<QueryService>;
  readonly #ddl = new TaskQueue("DDL", DDL_CONCURRENCY);
  readonly #dml = new TaskQueue("DML", DML_CONCURRENCY);
  readonly #dql = new TaskQueue("DQL", DQL_CONCURRENCY);

  constructor({ transport, kernel, runtime, changes, limitsFoundDeletes = false }: ProxyOptions) {
    this.#coordinator = transport.client<CoordinatorService>(COORDINATOR);
    this.#streaming = transport.client<StreamingService>(STREAMING);
    this.#query = transport.client<QueryService>(QUERY);
    const describeAll = async (target: Target): Promise<DescribedCollection> => {
      checkCollectionName(target.collectionName);
      return this.#coordinator.describeCollection(target);
    };
    this.#context = {
      coordinator: this.#coordinator,
      streaming: this.#streaming,
      kernel,
      runtime,
      changes,
      describeAll,
      describe: async (target) => (await describeAll(target)).collection,
      quotas: new Quotas(runtime),
      plans: new KnownPlans(),
      limitsFoundDeletes,
      timestamp: async () => (await this.#coordinator.allocateTimestamps({ count: 1 })).first,
      updates: new StripedLocks(),
    };
  }

  /** Refuses what has not begun; what runs goes on. */
  stop(): void {
    for (const queue of [this.#ddl, this.#dml, this.#dql]) queue.stop();
  }

  allocateTimestamp(): Promise<Timestamp> {
    return this.#context.timestamp();
  }

  /** Why inserts wait just now, in Milvus's words; null when they do not. */
  async pressure(): Promise<string | null> {
    return (await this.#streaming.pressure({})).reason;
  }

  // Databases

  createDatabase(name: string, properties: readonly KeyValue[]): Promise<void> {
    return this.#ddl.run(async () => {
      checkDatabaseName(name);
      checkTimeZone(properties);
      await this.#coordinator.createDatabase({ name, properties });
    });
  }

  dropDatabase(name: string): Promise<void> {
    return this.#ddl.run(async () => {
      checkDatabaseName(name);
      await this.#coordinator.dropDatabase({ name });
    });
  }

  alterDatabase(name: string, properties: readonly KeyValue[], deleteKeys: readonly string[]): Promise<void> {
    return this.#ddl.run(async () => {
      if (properties.length === 0 && deleteKeys.length === 0) {
        throw invalidParameter(
          "alter database with empty properties and delete keys, expected to set either properties or delete keys",
        );
      }
      checkTimeZone(properties);
      await this.#coordinator.alterDatabase({ name, properties, deleteKeys });
    });
  }

  async listDatabases(): Promise<readonly DatabaseInfo[]> {
    return (await this.#coordinator.listDatabases({})).databases;
  }

  async describeDatabase(name: string): Promise<DatabaseInfo> {
    const wanted = name === "" ? "default" : name;
    const found = (await this.listDatabases()).find((database) => database.name === wanted);
    if (found !== undefined) return found;
    throw new MilvusError("DatabaseNotFound", `database not found[database=${wanted}]`);
  }

  // Collections

  createCollection(given: CreateCollectionRequest): Promise<void> {
    return this.#ddl.run(async () => {
      const request = await this.#inTimeZone(given);
      const schema = declareCollection(request);
      checkProperties(request.properties, [], schema);
      const hasPartitionKey = schema.fields.some((field) => field.isPartitionKey);
      await this.#coordinator.createCollection({
        databaseName: request.databaseName,
        schema,
        shardsNum: request.shardsNum <= 0 ? DEFAULT_SHARDS : request.shardsNum,
        consistencyLevel: request.consistencyLevel,
        properties: request.properties,
        partitionCount:
          hasPartitionKey && request.partitionCount <= 0 ? DEFAULT_KEY_PARTITIONS : request.partitionCount,
      });
    });
  }

  /** With the time zone of its database, where it says none. */
  async #inTimeZone(request: CreateCollectionRequest): Promise<CreateCollectionRequest> {
    if (request.properties.some(({ key }) => key === TIME_ZONE_KEY)) return request;
    const wanted = request.databaseName === "" ? "default" : request.databaseName;
    const database = (await this.listDatabases()).find(({ name }) => name === wanted);
    const zone = database?.properties.find(({ key }) => key === TIME_ZONE_KEY);
    return zone === undefined ? request : { ...request, properties: [...request.properties, zone] };
  }

  dropCollection(target: Target): Promise<void> {
    return this.#ddl.run(async () => {
      checkCollectionName(target.collectionName);
      await this.#coordinator.dropCollection(target);
    });
  }

  /** By name, or by id when the name is empty. */
  describe(target: Target, collectionId = 0n): Promise<DescribedCollection> {
    if (target.collectionName !== "" || collectionId === 0n) return this.#context.describeAll(target);
    return this.#coordinator.describeCollection({ ...target, collectionId });
  }

  /** The same in words of its own for what is not there: clients compare them. */
  async describeCollection(target: Target, collectionId = 0n): Promise<DescribedCollection> {
    try {
      return await this.describe(target, collectionId);
    } catch (thrown) {
      const error = asMilvusError(thrown);
      if (error.kind !== "CollectionNotFound" || target.collectionName === "") throw error;
      throw new MilvusError(
        "CollectionNotFound",
        error.message.replace("collection not found", "can't find collection"),
        error,
      );
    }
  }

  async hasCollection(target: Target): Promise<boolean> {
    try {
      await this.describe(target);
      return true;
    } catch (thrown) {
      const error = asMilvusError(thrown);
      if (error.kind === "CollectionNotFound") return false;
      throw error;
    }
  }

  async showCollections(databaseName: string): Promise<readonly ShownCollection[]> {
    return (await this.#coordinator.showCollections({ databaseName })).collections;
  }

  renameCollection(target: Target, newName: string, newDatabaseName: string): Promise<void> {
    return this.#ddl.run(async () => {
      checkCollectionName(target.collectionName);
      checkCollectionName(newName);
      const { databaseName, collectionName: oldName } = target;
      if (oldName === newName && (newDatabaseName === "" || newDatabaseName === databaseName)) {
        throw invalidParameter("collection name or database name should be different");
      }
      await this.#coordinator.renameCollection({ databaseName, oldName, newName, newDatabaseName });
    });
  }

  alterCollection(target: Target, properties: readonly KeyValue[], deleteKeys: readonly string[]): Promise<void> {
    return this.#ddl.run(async () => {
      requireChange(properties, deleteKeys);
      checkAlteration(await this.#context.describeAll(target), properties, deleteKeys);
      await this.#coordinator.alterCollection({ ...target, properties, deleteKeys });
    });
  }

  alterField(
    target: Target,
    fieldName: string,
    given: readonly KeyValue[],
    deletedKeys: readonly string[],
  ): Promise<void> {
    return this.#ddl.run(async () => {
      const properties = given.map(({ key, value }) => ({ key: knownFieldKey(key), value }));
      const deleteKeys = deletedKeys.map(knownFieldKey);
      requireChange(properties, deleteKeys);
      checkFieldAlteration(await this.#context.describeAll(target), fieldName, properties, deleteKeys);
      await this.#coordinator.alterField({ ...target, fieldName, properties, deleteKeys });
    });
  }

  truncateCollection(target: Target): Promise<void> {
    return this.#ddl.run(async () => {
      checkCollectionName(target.collectionName);
      await this.#coordinator.truncateCollection(target);
    });
  }

  addFields(target: Target, fields: readonly AddedField[]): Promise<void> {
    return this.#ddl.run(() => addFields(this.#context, target, fields));
  }

  addStruct(target: Target, struct: DeclaredStruct): Promise<void> {
    return this.#ddl.run(() => addStruct(this.#context, target, struct));
  }

  dropField(target: Target, name: DroppedFieldName): Promise<void> {
    return this.#ddl.run(async () => {
      checkCollectionName(target.collectionName);
      await this.#coordinator.dropField({ ...target, ...name });
    });
  }

  dropFunction(target: Target, functionName: string): Promise<void> {
    return this.#ddl.run(() => dropFunction(this.#context, target, functionName));
  }

  // Partitions and aliases

  createPartition(target: Target, partitionName: string): Promise<void> {
    return this.#ddl.run(() => createPartition(this.#context, target, partitionName));
  }

  dropPartition(target: Target, partitionName: string): Promise<void> {
    return this.#ddl.run(() => dropPartition(this.#context, target, partitionName));
  }

  async hasPartition(target: Target, partitionName: string): Promise<boolean> {
    const { partitions } = await this.#context.describe(target);
    return partitions.some((partition) => partition.name === partitionName);
  }

  createAlias(target: Target, alias: string): Promise<void> {
    return this.#ddl.run(async () => {
      checkAlias(alias);
      await this.#coordinator.createAlias({ ...target, alias });
    });
  }

  alterAlias(target: Target, alias: string): Promise<void> {
    return this.#ddl.run(async () => {
      checkAlias(alias);
      await this.#coordinator.alterAlias({ ...target, alias });
    });
  }

  dropAlias(databaseName: string, alias: string): Promise<void> {
    return this.#ddl.run(() => this.#coordinator.dropAlias({ databaseName, alias }));
  }

  async describeAlias(databaseName: string, alias: string): Promise<string> {
    return (await this.#coordinator.describeAlias({ databaseName, alias })).collectionName;
  }

  async listAliases(target: Target): Promise<readonly string[]> {
    return (await this.#coordinator.listAliases(target)).aliases;
  }

  // Indexes and loads

  createIndex(target: Target, fieldName: string, indexName: string, params: readonly KeyValue[]): Promise<void> {
    return this.#ddl.run(() => createIndex(this.#context, target, fieldName, indexName, params));
  }

  alterIndex(
    target: Target,
    indexName: string,
    properties: readonly KeyValue[],
    deleteKeys: readonly string[],
  ): Promise<void> {
    return this.#ddl.run(() => alterIndex(this.#context, target, indexName, properties, deleteKeys));
  }

  dropIndex(target: Target, indexName: string): Promise<void> {
    return this.#ddl.run(() => this.#coordinator.dropIndex({ ...target, indexName }));
  }

  describeIndexes(target: Target, indexName: string, fieldName = ""): Promise<readonly DescribedIndex[]> {
    return describeIndexes(this.#context, target, indexName, fieldName);
  }

  loadCollection(target: Target, options: LoadOptions): Promise<void> {
    return this.#ddl.run(() => loadCollection(this.#context, target, options));
  }

  releaseCollection(target: Target, partitionNames: readonly string[] | null): Promise<void> {
    return this.#ddl.run(() => releaseCollection(this.#context, target, partitionNames));
  }

  loadState(
    target: Target,
    partitionNames: readonly string[],
  ): Promise<{ readonly state: LoadState; readonly progress: number }> {
    return loadState(this.#context, target, partitionNames);
  }

  loadProgress(target: Target, partitionNames: readonly string[]): Promise<number> {
    return loadProgress(this.#context, target, partitionNames);
  }

  // Data

  insert(request: InsertRequest): Promise<MutationResponse> {
    return this.#dml.run(() => insert(this.#context, request));
  }

  upsert(request: InsertRequest): Promise<MutationResponse> {
    return this.#dml.run(() => whenServed(this.#context, request, () => upsert(this.#context, request)));
  }

  delete(request: DeleteRequest): Promise<DeleteResponse> {
    return this.#dml.run(() => whenServed(this.#context, request, () => remove(this.#context, request)));
  }

  search(request: SearchRequest, signal: AbortSignal = NEVER): Promise<SearchResponse> {
    return this.#dql.run(() => whenServed(this.#context, request, () => search(this.#context, request, signal)));
  }

  hybridSearch(request: HybridSearchRequest, signal: AbortSignal = NEVER): Promise<SearchResponse> {
    return this.#dql.run(() => whenServed(this.#context, request, () => hybridSearch(this.#context, request, signal)));
  }

  /** What another thread of this process needs to search a collection as a client sees it that wrote last then; null: it cannot. */
  lend(request: LendRequest): Promise<LentCollection | null> {
    return this.#dql.run(() => lend(this.#context, request));
  }

  query(request: QueryRequest, signal: AbortSignal = NEVER): Promise<QueryResponse> {
    return this.#dql.run(() => whenServed(this.#context, request, () => query(this.#context, request, signal)));
  }

  /** Closes the growing segments; files follow. */
  flush(databaseName: string, collectionNames: readonly string[]): Promise<FlushedCollection[]> {
    return this.#ddl.run(() =>
      flush(
        this.#context,
        collectionNames.map((collectionName) => ({ databaseName, collectionName })),
      ),
    );
  }

  /** Every collection of every database. */
  flushAll(): Promise<Timestamp> {
    return this.#ddl.run(() => flushAll(this.#context));
  }

  /** Whether every row and delete up to the timestamp is in files. */
  async isFlushed(target: Target, timestamp: Timestamp): Promise<boolean> {
    return isFlushed(this.#context, await this.#context.describe(target), timestamp);
  }

  isEverythingFlushed(timestamp: Timestamp): Promise<boolean> {
    return isEverythingFlushed(this.#context, timestamp);
  }

  areSegmentsFlushed(segmentIds: readonly bigint[]): Promise<boolean> {
    return areSegmentsFlushed(this.#context, segmentIds);
  }

  /** Begins to compact what the collection has in files. */
  compact(
    target: CollectionName,
    scope: CompactionScope = WHOLE_COLLECTION,
  ): Promise<{ readonly compactionId: bigint; readonly planCount: number }> {
    return this.#ddl.run(() => this.#coordinator.compact({ ...target, scope }));
  }

  compactionProgress(compactionId: bigint): Promise<CompactionProgress> {
    return this.#coordinator.compactionProgress({ compactionId });
  }

  // Statistics

  /** Rows of live segments; deletes are not subtracted before compaction. */
  async rowCount(target: Target, partitionName: string | null = null): Promise<number> {
    const collection = await this.#context.describe(target);
    if (partitionName === null) return rowCount(this.#context, collection, null);
    const partition = collection.partitions.find((candidate) => candidate.name === partitionName);
    if (partition === undefined) throw milvusError("PartitionNotFound", "", { partition: partitionName });
    return rowCount(this.#context, collection, partition.partitionId);
  }

  flushedSegments(collection: CollectionInfo): Promise<readonly SegmentInfo[]> {
    return flushedSegments(this.#context, collection);
  }

  growingSegments(collection: CollectionInfo): Promise<readonly GrowingSegmentInfo[]> {
    return growingSegments(this.#context, collection);
  }

  async loadedSegments(): Promise<ReadonlyMap<bigint, LoadedSegment>> {
    const { segments } = await this.#query.loadedSegments({});
    return new Map(segments.map((segment) => [segment.segmentId, segment]));
  }
}
