/** What the metadata says about segments, indexes and loads. Plain data, kept as JSON in the MetaStore. */

import type { Timestamp } from "../base/timestamp.ts";
import type { KeyValue } from "./schema.ts";
import type { SegmentLevel, SegmentState } from "./types.ts";

export interface SegmentInfo {
  readonly segmentId: bigint;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  /** The virtual channel it grew on. */
  readonly insertChannel: string;
  readonly state: SegmentState;
  readonly level: SegmentLevel;
  /** Rows; for an L0 segment, deletes. */
  readonly rowCount: number;
  readonly storageVersion: number;
  /** Key of the segment's manifest in the ObjectStore. */
  readonly manifestKey: string;
  readonly timestampFrom: Timestamp;
  readonly timestampTo: Timestamp;
  /** Time tick of the message that closed it. */
  readonly flushTimestamp: Timestamp;
  readonly sizeBytes: number;
}

export interface IndexInfo {
  readonly indexId: bigint;
  readonly collectionId: bigint;
  readonly fieldId: bigint;
  readonly fieldName: string;
  readonly indexName: string;
  /** What the user gave, flat. */
  readonly userParams: readonly KeyValue[];
  /** The same in the form in which the client sent it, nested or flat: clients are told it back so. Absent: flat. */
  readonly paramsAsSent?: readonly KeyValue[];
  readonly indexType: string;
  readonly metricType: string;
  readonly createdTimestamp: Timestamp;
}

/** An immutable file of an index, in the ObjectStore. */
export interface IndexFile {
  readonly key: string;
  readonly bytes: number;
  readonly crc32: number;
}

export interface LoadConfig {
  readonly collectionId: bigint;
  readonly replicaNumber: number;
  /** Empty: all fields. */
  readonly fieldIds: readonly bigint[];
  /** Null: every partition, those to come included. */
  readonly partitionIds: readonly bigint[] | null;
}
