/**
 * Messages: every change of the database, as it stands in the log.
 *
 * One log record carries the messages of one virtual channel that take effect together, at one time tick: usually one insert, for an
 * upsert a delete and an insert, for a batch over several partitions one insert each.
 *
 * Always true:
 *  - all messages of a record have the record's time tick; deletes count before inserts of the same tick (an upsert never hides itself);
 *  - `confirmed` is a promise: every record with a time tick up to it lies before this one in the log;
 *  - reading the log from `lastConfirmed` returns every record whose time tick is at least this record's.
 */

import type { Timestamp } from "../base/timestamp.ts";
import type { ColumnBatch, KeyColumn } from "./columns.ts";
import type { CollectionInfo } from "./schema.ts";

/** Numbers as in Milvus's streaming messages. */
export const MessageType = {
  TimeTick: 1,
  Insert: 2,
  Delete: 3,
  Flush: 4,
  CreateCollection: 5,
  DropCollection: 6,
  CreatePartition: 7,
  DropPartition: 8,
  ManualFlush: 9,
  CreateSegment: 10,
  AlterCollection: 13,
  AlterLoadConfig: 14,
  DropLoadConfig: 15,
  CreateDatabase: 16,
  AlterDatabase: 17,
  DropDatabase: 18,
  AlterAlias: 19,
  DropAlias: 20,
  CreateIndex: 34,
  AlterIndex: 35,
  DropIndex: 36,
  FlushAll: 37,
  BeginTxn: 900,
  CommitTxn: 901,
  RollbackTxn: 902,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

const TYPE_NAMES = new Map<number, string>(Object.entries(MessageType).map(([name, type]) => [type, name]));

export function messageTypeName(type: number): string {
  return TYPE_NAMES.get(type) ?? `MessageType(${type})`;
}

export interface InsertMessage {
  readonly type: typeof MessageType.Insert;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  /** Assigned inside the log; 0 until then. */
  readonly segmentId: bigint;
  readonly schemaVersion: number;
  /** One a row. */
  readonly rowIds: BigInt64Array;
  readonly batch: ColumnBatch;
}

export interface DeleteMessage {
  readonly type: typeof MessageType.Delete;
  readonly collectionId: bigint;
  /** -1n: in every partition. */
  readonly partitionId: bigint;
  /** Hides versions inserted before this; the record's own time tick when null. A delete by filter carries its read timestamp. */
  readonly upperBound: Timestamp | null;
  readonly keys: KeyColumn;
}

export interface CreateSegmentMessage {
  readonly type: typeof MessageType.CreateSegment;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly segmentId: bigint;
  readonly storageVersion: number;
  readonly maxBytes: number;
}

/** No row of these segments comes later. */
export interface FlushMessage {
  readonly type: typeof MessageType.Flush | typeof MessageType.ManualFlush | typeof MessageType.FlushAll;
  readonly collectionId: bigint;
  readonly segmentIds: readonly bigint[];
}

/** Begins the channel of a collection; repeated by a retry, which changes nothing. */
export interface CreateCollectionMessage {
  readonly type: typeof MessageType.CreateCollection;
  readonly collection: CollectionInfo;
}

export interface DropCollectionMessage {
  readonly type: typeof MessageType.DropCollection;
  readonly collectionId: bigint;
}

export interface PartitionMessage {
  readonly type: typeof MessageType.CreatePartition | typeof MessageType.DropPartition;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly partitionName: string;
}

export interface AlterCollectionMessage {
  readonly type: typeof MessageType.AlterCollection;
  readonly collection: CollectionInfo;
}

/** Changes of metadata only: names, loads, indexes, databases. They stand in the control channel. */
export interface MetadataMessage {
  readonly type:
    | typeof MessageType.AlterLoadConfig
    | typeof MessageType.DropLoadConfig
    | typeof MessageType.CreateDatabase
    | typeof MessageType.AlterDatabase
    | typeof MessageType.DropDatabase
    | typeof MessageType.AlterAlias
    | typeof MessageType.DropAlias
    | typeof MessageType.CreateIndex
    | typeof MessageType.AlterIndex
    | typeof MessageType.DropIndex;
  readonly change: Readonly<Record<string, unknown>>;
}

export interface TimeTickMessage {
  readonly type: typeof MessageType.TimeTick;
}

export interface TransactionMessage {
  readonly type: typeof MessageType.BeginTxn | typeof MessageType.CommitTxn | typeof MessageType.RollbackTxn;
}

export type Message =
  | InsertMessage
  | DeleteMessage
  | CreateSegmentMessage
  | FlushMessage
  | CreateCollectionMessage
  | DropCollectionMessage
  | PartitionMessage
  | AlterCollectionMessage
  | MetadataMessage
  | TimeTickMessage
  | TransactionMessage;

export interface LogMessages {
  readonly channel: string;
  readonly timeTick: Timestamp;
  readonly confirmed: Timestamp;
  readonly lastConfirmed: bigint;
  /** 0n outside a transaction; else the time tick of its BeginTxn. */
  readonly transactionId: bigint;
  /** The client's own name for this write, or empty. */
  readonly idempotencyKey: string;
  readonly messages: readonly Message[];
}

/** What a named write did. */
export interface KeyedWrite {
  readonly key: string;
  readonly timeTick: Timestamp;
  /** The smallest row id of its rows, which follow each other; 0 for deletes. */
  readonly firstRowId: bigint;
  readonly insertCount: number;
  readonly deleteCount: number;
}

/** The control channel's place among virtual channels. */
export function controlChannel(physicalChannel: string): string {
  return `${physicalChannel}_vcchan`;
}
