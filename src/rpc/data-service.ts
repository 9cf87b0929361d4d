/**
 * What data nodes are asked to do: tasks over files that need no order, in slots, and what comes of them.
 *
 * Always true: what a task wrote belongs to nobody until whoever made the task records it.
 */

import type { Timestamp } from "../base/timestamp.ts";
import type { IndexFile, SegmentInfo } from "../model/catalog.ts";
import type { RecallSample } from "../model/explain.ts";
import type { CollectionInfo, FieldSchema, KeyValue } from "../model/schema.ts";

/** Work of a data node. A task is known by its id and version; a repetition of work has the next version, and files of its own. */
export type DataTask = IndexTask | MergeTask | SpreadTask;

/** Builds the index of one field of one segment. */
export interface IndexTask {
  readonly kind: "index";
  /** The build's id. */
  readonly taskId: bigint;
  readonly version: bigint;
  readonly segment: SegmentInfo;
  readonly field: FieldSchema;
  readonly indexType: string;
  readonly metricType: string;
  readonly params: readonly KeyValue[];
  /** Whether memory allows the larger and quicker of two layouts. */
  readonly isRoomy: boolean;
}

/** Writes the rows of several segments of one partition and channel as one. */
export interface MergeTask {
  readonly kind: "merge";
  readonly taskId: bigint;
  readonly version: bigint;
  readonly collection: CollectionInfo;
  /** Sorted by key, as all flushed segments are. */
  readonly segments: readonly SegmentInfo[];
  /** L0 segments that may concern them. */
  readonly deltas: readonly SegmentInfo[];
  /** Rows that nobody sees at this timestamp or later are left out. */
  readonly safeTimestamp: Timestamp;
  readonly segmentId: bigint;
}

/** Gives the deletes of L0 segments to the segments that may have the rows, each in a delete log of its own. */
export interface SpreadTask {
  readonly kind: "spread";
  readonly taskId: bigint;
  readonly version: bigint;
  readonly collection: CollectionInfo;
  readonly deltas: readonly SegmentInfo[];
  readonly segments: readonly SegmentInfo[];
}

export type DataResult = IndexResult | MergeResult | SpreadResult;

export interface MergeResult {
  readonly kind: "merge";
  /** Null: no row is left. */
  readonly segment: SegmentInfo | null;
  /** As of an earlier timestamp rows of the inputs would be missing. */
  readonly readableFrom: Timestamp;
}

export interface SpreadResult {
  readonly kind: "spread";
  /** Those that got deletes, as they are now. */
  readonly segments: readonly SegmentInfo[];
}

/** Durable when it is told. */
export interface IndexResult {
  readonly kind: "index";
  readonly files: readonly IndexFile[];
  readonly rowCount: number;
  /** What searches of some widths find, by a sample. */
  readonly recall: readonly RecallSample[];
}

export type TaskReport =
  | { readonly state: "running"; readonly progress: number }
  | { readonly state: "finished"; readonly result: DataResult }
  /** `isPermanent`: trying again would fail again. */
  | { readonly state: "failed"; readonly reason: string; readonly isPermanent: boolean }
  /** Never given, or lost with the process that had it. */
  | { readonly state: "unknown" };

export interface TaskName {
  readonly taskId: bigint;
  readonly version: bigint;
}

/** Compaction, index building, import: work on files that needs no order, in slots. */
export interface DataService {
  /** False: no slots are free. Repeated for a task that is known it does nothing and says true. */
  createTask(request: { readonly task: DataTask }): Promise<{ readonly accepted: boolean }>;
  /** How the task stands: at once when it has ended, else when it ends or this time has passed. */
  waitTask(request: TaskName & { readonly waitMilliseconds: number }): Promise<TaskReport>;
  /** Stops it if it runs, and forgets it. What it wrote stays, for whoever made the task to keep or remove. */
  dropTask(request: TaskName): Promise<void>;
  querySlots(request: object): Promise<{ readonly total: number; readonly free: number }>;
}
