/**
 * The proxy: what clients speak to. It checks, routes, waits for the right freshness, and merges; it holds no data.
 *
 * Each call is a task of one of three bounded queues (DDL, DML, DQL). Names are checked here, existence by the coordinator.
 */

import { MilvusError, asMilvusError, invalidParameter, milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { buildParams } from "../index/parameters.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { type CompactionScope, WHOLE_COLLECTION } from "../model/compaction.ts";
import type { IndexInfo, SegmentInfo } from "../model/catalog.ts";
import type { CollectionInfo, KeyValue } from "../model/schema.ts";
import { timeZoneOf } from "../model/timestamptz.ts";
import { fieldByName } from "../model/schema.ts";
import { LoadState } from "../model/types.ts";
import {
  COORDINATOR,
  type CoordinatorService,
  type DatabaseInfo,
  type DescribedCollection,
  type GrowingSegmentInfo,
  type IndexProgress,
  type LoadedSegment,
  QUERY,
  type QueryService,
  STREAMING,
  type ShownCollection,
  type StreamingService,
  type CollectionName,
  type CompactionProgress,
} from "../rpc/services.ts";
import type { Client, Transport } from "../rpc/transport.ts";
import { declareAddedField } from "./added-field.ts";
import type { ProxyContext } from "./context.ts";
import { declareCollection } from "./declare.ts";
import { loadFieldIds } from "./load-fields.ts";
import { paramsAsSent } from "./sent-params.ts";
import {
  areSegmentsFlushed,
  flush,
  flushAll,
  type FlushedCollection,
  isEverythingFlushed,
  isFlushed,
} from "./flushes.ts";
import { hybridSearch } from "./hybrid.ts";
import { insert, remove, upsert } from "./mutate.ts";
import { checkAlias, checkCollectionName, checkDatabaseName, checkIndexName, checkPartitionName } from "./names.ts";
import { partitionKeyField } from "./partitions.ts";
import { checkAlteration, checkFieldAlteration, checkIndexAlteration, checkProperties } from "./properties.ts";
import { query } from "./query.ts";
import { whenServed } from "./recovering.ts";
import { TaskQueue } from "./queues.ts";
import type {
  CreateCollectionRequest,
  DeclaredField,
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
} from "./requests.ts";
import { search } from "./search.ts";
import { flushedSegments, growingSegments, rowCount } from "./statistics.ts";
import { StripedLocks } from "./striped-locks.ts";

const DDL_CONCURRENCY = 16;
const DML_CONCURRENCY = 256;
const DQL_CONCURRENCY = 256;
const DEFAULT_SHARDS = 1;
const DEFAULT_KEY_PARTITIONS = 16;
const NEVER = new AbortController().signal;

export interface DescribedIndex {
  readonly index: IndexInfo;
  readonly progress: IndexProgress;
}

export interface ProxyOptions {
  readonly transport: Transport;
  readonly kernel: Kernel;
  readonly runtime: Runtime;
}

export class Proxy {
  readonly #context: ProxyContext;
  readonly #coordinator: Client<CoordinatorService>;
  readonly #streaming: Client<StreamingService>;
  readonly #query: Client<QueryService>;
  readonly #ddl = new TaskQueue("DDL", DDL_CONCURRENCY);
  readonly #dml = new TaskQueue("DML", DML_CONCURRENCY);
  readonly #dql = new TaskQueue("DQL", DQL_CONCURRENCY);

  constructor({ transport, kernel, runtime }: ProxyOptions) {
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
      describeAll,
      describe: async (target) => (await describeAll(target)).collection,
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

  // Databases

  createDatabase(name: string, properties: readonly KeyValue[]): Promise<void> {
    return this.#ddl.run(async () => {
      checkDatabaseName(name);
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

  createCollection(request: CreateCollectionRequest): Promise<void> {
    return this.#ddl.run(async () => {
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
    properties: readonly KeyValue[],
    deleteKeys: readonly string[],
  ): Promise<void> {
    return this.#ddl.run(async () => {
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

  addField(target: Target, field: DeclaredField): Promise<void> {
    return this.#ddl.run(async () => {
      const { schema, properties } = await this.#context.describe(target);
      const added = declareAddedField(field, schema, timeZoneOf(properties));
      await this.#coordinator.addField({ ...target, field: added });
    });
  }

  // Partitions and aliases

  createPartition(target: Target, partitionName: string): Promise<void> {
    return this.#ddl.run(async () => {
      checkPartitionName(partitionName);
      await this.#refusePartitionKey(target, "create");
      await this.#coordinator.createPartition({ ...target, partitionName });
    });
  }

  dropPartition(target: Target, partitionName: string): Promise<void> {
    return this.#ddl.run(async () => {
      checkPartitionName(partitionName);
      const collection = await this.#refusePartitionKey(target, "drop");
      if (partitionName === "_default") throw invalidParameter("default partition cannot be deleted");
      const known = collection.partitions.some((partition) => partition.name === partitionName);
      if (known && (await this.#isPartitionLoaded(target, partitionName))) {
        throw invalidParameter("partition cannot be dropped, partition is loaded, please release it first");
      }
      await this.#coordinator.dropPartition({ ...target, partitionName });
    });
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
    return this.#ddl.run(async () => {
      checkIndexName(indexName);
      const { schema } = await this.#context.describe(target);
      const field = fieldByName(schema, fieldName);
      if (field === null) throw invalidParameter(`cannot create index on non-exist field: ${fieldName}`);
      const flat = buildParams(field, params);
      await this.#coordinator.createIndex({
        ...target,
        fieldName,
        indexName,
        params: flat,
        paramsAsSent: paramsAsSent(params, flat),
      });
    });
  }

  alterIndex(
    target: Target,
    indexName: string,
    properties: readonly KeyValue[],
    deleteKeys: readonly string[],
  ): Promise<void> {
    return this.#ddl.run(async () => {
      requireChange(properties, deleteKeys);
      checkIndexAlteration(await this.#context.describeAll(target), indexName, properties, deleteKeys);
      await this.#coordinator.alterIndex({ ...target, indexName, properties, deleteKeys });
    });
  }

  dropIndex(target: Target, indexName: string): Promise<void> {
    return this.#ddl.run(() => this.#coordinator.dropIndex({ ...target, indexName }));
  }

  /** By name of index or field; empty: all. Throws 700 when there is none. */
  async describeIndexes(target: Target, indexName: string, fieldName = ""): Promise<readonly DescribedIndex[]> {
    const { indexes, collection } = await this.#context.describeAll(target);
    const found = indexes.filter(
      (index) =>
        (indexName === "" || index.indexName === indexName) && (fieldName === "" || index.fieldName === fieldName),
    );
    if (found.length === 0) {
      const fact = indexName === "" ? `collection=${collection.schema.name}` : `indexName=${indexName}`;
      throw new MilvusError("IndexNotFound", `index not found[${fact}]`);
    }
    const { indexes: known } = await this.#coordinator.indexProgress({ collectionId: collection.collectionId });
    // One that was dropped meanwhile has no progress any more.
    return found.flatMap((index) => {
      const progress = known.find(({ indexId }) => indexId === index.indexId);
      return progress === undefined ? [] : [{ index, progress }];
    });
  }

  loadCollection(
    target: Target,
    options: {
      readonly replicaNumber: number;
      /** Empty: all. */
      readonly fieldNames: readonly string[];
      /** The keys that are not declared stay out; otherwise they come along with whatever is named. */
      readonly skipDynamicField?: boolean;
      readonly partitionNames: readonly string[] | null;
    },
  ): Promise<void> {
    return this.#ddl.run(async () => {
      const { schema } =
        options.partitionNames === null
          ? await this.#context.describe(target)
          : await this.#refusePartitionKey(target, "load");
      if (options.partitionNames?.length === 0)
        throw invalidParameter("failed to load partition, due to no partition specified");
      await this.#coordinator.loadCollection({
        ...target,
        replicaNumber: options.replicaNumber <= 0 ? 1 : options.replicaNumber,
        fieldIds: loadFieldIds(schema, options.fieldNames, options.skipDynamicField ?? false),
        partitionNames: options.partitionNames,
      });
    });
  }

  releaseCollection(target: Target, partitionNames: readonly string[] | null): Promise<void> {
    return this.#ddl.run(async () => {
      if (partitionNames === null) await this.#context.describe(target);
      else await this.#refusePartitionKey(target, "release");
      await this.#coordinator.releaseCollection({ ...target, partitionNames });
    });
  }

  /** A missing collection is a state and no error. */
  async loadState(
    target: Target,
    partitionNames: readonly string[],
  ): Promise<{ readonly state: LoadState; readonly progress: number }> {
    try {
      return await this.#coordinator.loadProgress({ ...target, partitionNames });
    } catch (thrown) {
      const error = asMilvusError(thrown);
      if (error.kind === "CollectionNotFound") return { state: LoadState.NotExist, progress: 0 };
      throw error;
    }
  }

  /** @throws 100 when there is no collection, 101 when it is not loaded. */
  async loadProgress(target: Target, partitionNames: readonly string[]): Promise<number> {
    const { state, progress } = await this.#coordinator.loadProgress({ ...target, partitionNames });
    if (state === LoadState.NotLoad) {
      throw new MilvusError("CollectionNotLoaded", `collection not loaded[collection=${target.collectionName}]`);
    }
    return progress;
  }

  // Data

  insert(request: InsertRequest): Promise<MutationResponse> {
    return this.#dml.run(() => insert(this.#context, request));
  }

  upsert(request: InsertRequest): Promise<MutationResponse> {
    return this.#dml.run(() => upsert(this.#context, request));
  }

  delete(request: DeleteRequest): Promise<DeleteResponse> {
    return this.#dml.run(() => whenServed(this.#context, request, () => remove(this.#context, request)));
  }

  search(request: SearchRequest, signal: AbortSignal = NEVER): Promise<SearchResponse> {
    return this.#dql.run(() => whenServed(this.#context, request, () => search(this.#context, request, signal)));
  }

  hybridSearch(request: HybridSearchRequest, signal: AbortSignal = NEVER): Promise<SearchResponse> {
    return this.#dql.run(() => hybridSearch(this.#context, request, signal));
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

  async #refusePartitionKey(target: Target, action: string): Promise<CollectionInfo> {
    const collection = await this.#context.describe(target);
    if (partitionKeyField(collection) !== null) {
      throw invalidParameter(`disable ${action} partition if partition key mode is used`);
    }
    return collection;
  }

  async #isPartitionLoaded(target: Target, partitionName: string): Promise<boolean> {
    const { state } = await this.#coordinator.loadProgress({ ...target, partitionNames: [partitionName] });
    return state !== LoadState.NotLoad;
  }
}

function requireChange(properties: readonly KeyValue[], deleteKeys: readonly string[]): void {
  if (properties.length === 0 && deleteKeys.length === 0)
    throw invalidParameter("no properties or delete keys provided");
}
