/**
 * The services that roles offer each other. Requests and responses are plain data: ids, columns, plans.
 *
 * Not here: the work of data nodes (`data-service.ts`).
 */

import type { Timestamp } from "../base/timestamp.ts";
import type { KeyColumn, ColumnBatch } from "../model/columns.ts";
import type { IndexBuildState, IndexInfo, LoadConfig, SegmentIndexInfo, SegmentInfo } from "../model/catalog.ts";
import type { CompactionScope } from "../model/compaction.ts";
import type { Expiry } from "../model/expiry.ts";
import type { KeyedWrite, Message } from "../model/message.ts";
import type {
  AggregatePlan,
  GroupTable,
  HitPlaces,
  Hits,
  RetrieveAnswer,
  RetrievePlan,
  SearchAnswer,
  SearchPlan,
} from "../model/plan.ts";
import type { CollectionInfo, CollectionSchema, FieldSchema, StructSchema, KeyValue } from "../model/schema.ts";
import type { ConsistencyLevel, LoadState } from "../model/types.ts";
import type { LentSearch, LentSegment } from "../segment/lent.ts";

export const COORDINATOR = "coordinator";
export const STREAMING = "streaming";
export const QUERY = "query";
export const DATA = "data";

/** A collection by name or alias, or by id when the name is empty. */
export interface CollectionName {
  readonly databaseName: string;
  readonly collectionName: string;
  readonly collectionId?: bigint;
}

/** A position in the log of a channel, as a decimal string in files and a bigint here. */
export interface LogPlace {
  readonly position: bigint;
  readonly timeTick: Timestamp;
}

export interface DescribedCollection {
  readonly collection: CollectionInfo;
  readonly aliases: readonly string[];
  readonly indexes: readonly IndexInfo[];
  readonly load: LoadConfig | null;
  readonly databaseProperties: readonly KeyValue[];
}

export interface ShownCollection {
  readonly collection: CollectionInfo;
  readonly loadState: LoadState;
}

/** Rows of flushed segments. */
export interface IndexProgress {
  readonly indexId: bigint;
  readonly totalRows: number;
  /** Rows for which nothing is left to build; in segments that are too small for an index they count too, as in Milvus. */
  readonly indexedRows: number;
  readonly pendingRows: number;
  readonly state: IndexBuildState;
  readonly reason: string;
  readonly segments: readonly SegmentIndexInfo[];
}

export interface DatabaseInfo {
  readonly databaseId: bigint;
  readonly name: string;
  readonly createdTimestamp: Timestamp;
  readonly properties: readonly KeyValue[];
}

/** By id if there is one, else by name. */
export interface DroppedFieldName {
  readonly fieldName: string;
  readonly fieldId: bigint | null;
}

/** Root, data, query and streaming coordination: what exists, and who does what. */
export interface CoordinatorService {
  allocateTimestamps(request: { readonly count: number }): Promise<{ readonly first: Timestamp }>;
  allocateIds(request: { readonly count: number }): Promise<{ readonly first: bigint }>;

  createDatabase(request: { readonly name: string; readonly properties: readonly KeyValue[] }): Promise<void>;
  dropDatabase(request: { readonly name: string }): Promise<void>;
  alterDatabase(request: {
    readonly name: string;
    readonly properties: readonly KeyValue[];
    readonly deleteKeys: readonly string[];
  }): Promise<void>;
  listDatabases(request: object): Promise<{ readonly databases: readonly DatabaseInfo[] }>;

  createCollection(request: {
    readonly databaseName: string;
    readonly schema: CollectionSchema;
    readonly shardsNum: number;
    readonly consistencyLevel: ConsistencyLevel;
    readonly properties: readonly KeyValue[];
    /** With a partition key: how many partitions are made at once. */
    readonly partitionCount: number;
  }): Promise<void>;
  dropCollection(request: CollectionName): Promise<void>;
  describeCollection(request: CollectionName): Promise<DescribedCollection>;
  showCollections(request: {
    readonly databaseName: string;
  }): Promise<{ readonly collections: readonly ShownCollection[] }>;
  renameCollection(request: {
    readonly databaseName: string;
    readonly oldName: string;
    readonly newName: string;
    readonly newDatabaseName: string;
  }): Promise<void>;
  alterCollection(
    request: CollectionName & { readonly properties: readonly KeyValue[]; readonly deleteKeys: readonly string[] },
  ): Promise<void>;

  /** Resolves when no shard has a row from before any more. */
  truncateCollection(request: CollectionName): Promise<void>;
  /** Their ids are given there; with a struct they are its sub-fields. */
  addFields(
    request: CollectionName & { readonly fields: readonly FieldSchema[]; readonly struct?: StructSchema },
  ): Promise<void>;
  dropField(request: CollectionName & DroppedFieldName): Promise<void>;

  alterField(
    request: CollectionName & {
      readonly fieldName: string;
      readonly properties: readonly KeyValue[];
      readonly deleteKeys: readonly string[];
    },
  ): Promise<void>;

  createPartition(request: CollectionName & { readonly partitionName: string }): Promise<void>;
  dropPartition(request: CollectionName & { readonly partitionName: string }): Promise<void>;

  createAlias(request: CollectionName & { readonly alias: string }): Promise<void>;
  alterAlias(request: CollectionName & { readonly alias: string }): Promise<void>;
  dropAlias(request: { readonly databaseName: string; readonly alias: string }): Promise<void>;
  describeAlias(request: {
    readonly databaseName: string;
    readonly alias: string;
  }): Promise<{ readonly collectionName: string }>;
  /** Of one collection, or of the whole database when the name is empty. */
  listAliases(request: CollectionName): Promise<{ readonly aliases: readonly string[] }>;

  createIndex(
    request: CollectionName & {
      readonly fieldName: string;
      readonly indexName: string;
      readonly params: readonly KeyValue[];
      readonly paramsAsSent?: readonly KeyValue[];
    },
  ): Promise<void>;
  alterIndex(
    request: CollectionName & {
      readonly indexName: string;
      readonly properties: readonly KeyValue[];
      readonly deleteKeys: readonly string[];
    },
  ): Promise<void>;
  dropIndex(request: CollectionName & { readonly indexName: string }): Promise<void>;
  /** Of every index of the collection. */
  indexProgress(request: { readonly collectionId: bigint }): Promise<{ readonly indexes: readonly IndexProgress[] }>;
  /** Files of a finished build could not be opened: they are given up and built again. */
  reportBrokenIndex(request: {
    readonly collectionId: bigint;
    readonly buildId: bigint;
    readonly version: bigint;
    readonly reason: string;
  }): Promise<void>;

  /** `fieldIds` empty: all fields. */
  loadCollection(
    request: CollectionName & {
      readonly replicaNumber: number;
      readonly fieldIds: readonly bigint[];
      /** Null: the whole collection. */
      readonly partitionNames: readonly string[] | null;
    },
  ): Promise<void>;
  releaseCollection(request: CollectionName & { readonly partitionNames: readonly string[] | null }): Promise<void>;
  /** Waits for nothing: what is loaded now. */
  loadProgress(
    request: CollectionName & { readonly partitionNames: readonly string[] },
  ): Promise<{ readonly state: LoadState; readonly progress: number }>;

  listSegments(request: { readonly collectionId: bigint }): Promise<{ readonly segments: readonly SegmentInfo[] }>;

  /** Compacts what the collection has in files by now, and tells at once; `planCount` is what there is to do first. */
  compact(
    request: CollectionName & { readonly scope: CompactionScope },
  ): Promise<{ readonly compactionId: bigint; readonly planCount: number }>;
  /** One that is not known is completed, with no plans. */
  compactionProgress(request: { readonly compactionId: bigint }): Promise<CompactionProgress>;

  /** What the owner of a channel needs to go on: its collections, their flushed segments, and where to read from. */
  recoverChannel(request: { readonly channel: string; readonly term: bigint }): Promise<{
    readonly checkpoint: LogPlace | null;
    readonly keyedWrites: readonly KeyedWrite[];
    readonly collections: readonly RecoveredCollection[];
  }>;
  /**
   * The one transaction of a flush: segments become flushed, the channel's checkpoint moves, and only if `term` still owns it.
   * Files are durable before this is called.
   */
  saveFlush(request: {
    readonly channel: string;
    readonly term: bigint;
    readonly checkpoint: LogPlace;
    readonly segments: readonly SegmentInfo[];
    /** By virtual channel: deletes up to this tick are in flushed L0 segments. */
    readonly deletesFlushed: readonly { readonly virtualChannel: string; readonly timeTick: Timestamp }[];
    /** Writes that clients named, whose records may leave the log now; null: the same as last time. */
    readonly keyedWrites: readonly KeyedWrite[] | null;
  }): Promise<void>;
}

/** A compaction that somebody asked for: how many of its plans stand how, and what became of their segments. */
export interface CompactionProgress {
  readonly isCompleted: boolean;
  readonly executing: number;
  readonly completed: number;
  readonly failed: number;
  readonly timedOut: number;
  readonly merges: readonly {
    readonly sources: readonly bigint[];
    /** Null: none, or none yet. */
    readonly target: bigint | null;
  }[];
}

export interface RecoveredCollection {
  readonly collection: CollectionInfo;
  readonly virtualChannel: string;
  readonly segments: readonly SegmentInfo[];
  readonly deletesFlushed: Timestamp;
}

/** What a delegator should serve; sent whenever it changes, the newest version wins. */
export interface ChannelTarget {
  readonly virtualChannel: string;
  readonly version: bigint;
  /** Null: the collection is released, nothing is served. */
  readonly load: LoadConfig | null;
  /** Flushed segments of loaded partitions, L0 included. */
  readonly segments: readonly SegmentInfo[];
  /** The indexes of these segments that are ready. */
  readonly indexes: readonly SegmentIndexInfo[];
  /** Those of these segments for which an index is still to come. */
  readonly unindexed: readonly bigint[];
  /** They have every row that was closed, and every delete that was made, at this tick or before. */
  readonly flushedUntil: Timestamp;
  /** As of an earlier timestamp rows would be missing that no segment tells of any more. */
  readonly readableFrom: Timestamp;
}

export interface FlushedChannel {
  readonly segmentIds: readonly bigint[];
  readonly timeTick: Timestamp;
}

export interface GrowingSegmentInfo {
  readonly segmentId: bigint;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly virtualChannel: string;
  readonly rowCount: number;
  readonly memoryBytes: number;
}

/** Owner of log channels: appends, growing rows, and the delegators of reads. */
export interface StreamingService {
  /** Opens the channel under the term; repeated with the same term it does nothing. */
  assignChannel(request: { readonly channel: string; readonly term: bigint }): Promise<void>;
  /** Why inserts wait just now, in Milvus's words; null when they do not. */
  pressure(request: object): Promise<{ readonly reason: string | null }>;
  append(request: {
    readonly virtualChannel: string;
    readonly messages: readonly Message[];
  }): Promise<{ readonly timeTick: Timestamp }>;
  /**
   * Rows and deletes of virtual channels of one physical channel, all or nothing, at one tick. Under an idempotency key (empty: none)
   * they take effect once; `repeated` is what they did when they were sent before.
   */
  write(request: {
    readonly parts: readonly { readonly virtualChannel: string; readonly messages: readonly Message[] }[];
    readonly idempotencyKey: string;
  }): Promise<{ readonly timeTick: Timestamp; readonly repeated: KeyedWrite | null }>;
  /** Closes the growing segments; their files come later: see `waitFlushed`. */
  flush(request: {
    readonly virtualChannel: string;
    readonly collectionId: bigint;
    readonly partitionId: bigint | null;
  }): Promise<FlushedChannel>;
  /** Whether everything up to the tick is in flushed segments. */
  isFlushed(request: {
    readonly virtualChannel: string;
    readonly timeTick: Timestamp;
  }): Promise<{ readonly flushed: boolean }>;
  growingSegments(request: { readonly collectionId: bigint }): Promise<{
    readonly segments: readonly GrowingSegmentInfo[];
    /** Segments whose files are being written, those of deletes included. */
    readonly flushing: readonly bigint[];
  }>;
  /** The earliest moment that somebody still reads as of, beyond what is kept anyway; null: none. */
  oldestRead(request: { readonly virtualChannel: string }): Promise<{ readonly timestamp: Timestamp | null }>;
  /** Resolves when the target is served. */
  setTarget(request: ChannelTarget): Promise<void>;

  /** Several searches of one snapshot. `keep`: whether it is held by a lease, for `fetch`. */
  search(request: {
    readonly virtualChannel: string;
    readonly plans: readonly SearchPlan[];
    readonly keep: boolean;
    readonly guarantee: Timestamp;
    readonly timestamp: Timestamp | null;
  }): Promise<SearchAnswer>;
  retrieve(request: {
    readonly virtualChannel: string;
    readonly plan: RetrievePlan;
    readonly guarantee: Timestamp;
    readonly timestamp: Timestamp | null;
  }): Promise<RetrieveAnswer>;
  count(request: {
    readonly virtualChannel: string;
    readonly plan: RetrievePlan;
    readonly guarantee: Timestamp;
    readonly timestamp: Timestamp | null;
  }): Promise<{ readonly timestamp: Timestamp; readonly count: number }>;
  aggregate(request: {
    readonly virtualChannel: string;
    readonly plan: AggregatePlan;
    readonly guarantee: Timestamp;
    readonly timestamp: Timestamp | null;
  }): Promise<{ readonly timestamp: Timestamp; readonly table: GroupTable }>;
  /** Fields of hits, in the order of `places`, under the lease of their search. */
  fetch(request: {
    readonly virtualChannel: string;
    readonly leaseId: bigint;
    readonly fieldIds: readonly bigint[];
    readonly places: HitPlaces;
  }): Promise<{ readonly batch: ColumnBatch }>;
  /** As of now, for a thread of the same process; null: some segment cannot be searched so. */
  lend(request: {
    readonly virtualChannel: string;
    readonly search: LentSearch;
    readonly guarantee: Timestamp;
  }): Promise<{ readonly timestamp: Timestamp; readonly segments: readonly LentSegment[] | null }>;
  releaseLease(request: { readonly virtualChannel: string; readonly leaseId: bigint }): Promise<void>;
}

export interface LoadedSegment {
  readonly segmentId: bigint;
  readonly rowCount: number;
  readonly memoryBytes: number;
  /** The builds that it is searched through. */
  readonly indexes: readonly { readonly indexId: bigint; readonly buildId: bigint; readonly memoryBytes: number }[];
}

/** Holder of sealed segments. */
export interface QueryService {
  /** Loads from files, with the deletes of these L0 segments applied. Repeated for a loaded segment it only adds a reference. */
  loadSegment(request: {
    readonly collection: CollectionInfo;
    readonly load: LoadConfig;
    readonly segment: SegmentInfo;
    readonly deltas: readonly SegmentInfo[];
    /** What cannot be opened is reported, and the segment is searched without it. */
    readonly indexes: readonly SegmentIndexInfo[];
  }): Promise<{ readonly rowCount: number; readonly memoryBytes: number }>;
  /** Loaded segments have these indexes now; resolves when searches go through them. Repeating it changes nothing. */
  adoptIndexes(request: {
    /** Of the collection. */
    readonly properties: readonly KeyValue[];
    readonly indexes: readonly SegmentIndexInfo[];
  }): Promise<void>;
  releaseSegment(request: { readonly segmentId: bigint }): Promise<void>;
  /** The collection has fields that these segments were not loaded with. Repeating it changes nothing. */
  adoptSchema(request: { readonly segmentIds: readonly bigint[]; readonly schema: CollectionSchema }): Promise<void>;
  applyDeletes(request: {
    readonly segmentIds: readonly bigint[];
    readonly keys: KeyColumn;
    readonly timestamps: BigUint64Array;
    readonly upperBounds: BigUint64Array;
  }): Promise<void>;
  /** In the order of the segments; null: such a one cannot be searched by another thread. */
  lend(request: {
    readonly segmentIds: readonly bigint[];
    readonly search: LentSearch;
    readonly timestamp: Timestamp;
    readonly expiry: Expiry;
  }): Promise<{ readonly segments: readonly (LentSegment | null)[] }>;
  search(request: {
    readonly segmentIds: readonly bigint[];
    readonly plan: SearchPlan;
    readonly timestamp: Timestamp;
  }): Promise<{ readonly hits: Hits }>;
  retrieve(request: {
    readonly segmentIds: readonly bigint[];
    readonly plan: RetrievePlan;
    readonly timestamp: Timestamp;
  }): Promise<{ readonly batch: ColumnBatch }>;
  count(request: {
    readonly segmentIds: readonly bigint[];
    readonly plan: RetrievePlan;
    readonly timestamp: Timestamp;
  }): Promise<{ readonly count: number }>;
  aggregate(request: {
    readonly segmentIds: readonly bigint[];
    readonly plan: AggregatePlan;
    readonly timestamp: Timestamp;
  }): Promise<{ readonly table: GroupTable }>;
  fetch(request: {
    readonly fieldIds: readonly bigint[];
    readonly places: HitPlaces;
  }): Promise<{ readonly batch: ColumnBatch }>;
  loadedSegments(request: object): Promise<{ readonly segments: readonly LoadedSegment[] }>;
}
