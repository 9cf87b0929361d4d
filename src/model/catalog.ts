/** What the metadata says about segments, indexes and loads. Plain data, kept as JSON in the MetaStore. */

import type { Timestamp } from "../base/timestamp.ts";
import type { RecallSample } from "./explain.ts";
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
  /** Its own delete logs. Absent: none. */
  readonly deltas?: readonly DeltaSummary[];
  /** A read as of an earlier timestamp would miss rows that were left out when the segment was written. Absent: it has them all. */
  readonly readableFrom?: Timestamp;
  /** Of each field of times: how they are spread. Absent: not known. */
  readonly times?: readonly TimesSummary[];
  /** The segments that it took the place of. Absent: it was flushed. */
  readonly compactedFrom?: readonly bigint[];
}

/** Unsigned microseconds; a null is a time that never comes. */
export interface TimesSummary {
  readonly fieldId: bigint;
  /** The least, and what a fifth, two, three, four fifths and all of the rows reach, the last by a sample. None: no rows. */
  readonly quantiles: readonly bigint[];
}

/** What is known of a delete log without reading it. */
export interface DeltaSummary {
  readonly rowCount: number;
  readonly timestampTo: Timestamp;
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

export type IndexBuildState = "Unissued" | "InProgress" | "Finished" | "Failed";

/** How the index of one field of one segment stands. Segments for which nothing is to be built have none. */
export interface SegmentIndexInfo {
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly segmentId: bigint;
  readonly indexId: bigint;
  readonly fieldId: bigint;
  readonly indexType: string;
  /** What the user said when the index was declared. */
  readonly params: readonly KeyValue[];
  /** Names the files, with the version. */
  readonly buildId: bigint;
  /** Of the last try; counts from 1, 0 before the first. Every try has files of its own. */
  readonly version: bigint;
  readonly state: IndexBuildState;
  /** Why the last try failed, or the files of the last success were given up; empty if neither. */
  readonly reason: string;
  /** Tries that failed, files that were found damaged included. */
  readonly failures: number;
  readonly rowCount: number;
  /** Of a finished build. None: the segment has no rows of this field. */
  readonly files: readonly IndexFile[];
  /** Of a finished build: what searches of some widths find, by a sample. */
  readonly recall: readonly RecallSample[];
}

export interface LoadConfig {
  readonly collectionId: bigint;
  readonly replicaNumber: number;
  /** Empty: all fields. */
  readonly fieldIds: readonly bigint[];
  /** Null: every partition, those to come included. */
  readonly partitionIds: readonly bigint[] | null;
}
