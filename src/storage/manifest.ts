/**
 * The manifest: one small file that says what a segment is. Whatever a manifest does not name does not belong to the segment.
 *
 * Always true:
 *  - it is written after the files that it names, and never changed: a change is a new version;
 *  - it holds everything that is needed to read the segment, the fields included: the collection may have changed since.
 *
 * Not here: its bytes (manifest-file), which version of a segment counts (metastore), index files (they have metadata of their own).
 */

import type { Timestamp } from "../base/timestamp.ts";
import type { DeltaSummary } from "../model/catalog.ts";
import type { DataType, SegmentLevel, SegmentState } from "../model/types.ts";
import type { FileFacts } from "./checked-read.ts";
import type { DeltaFile } from "./deltas.ts";
import type { FileField } from "./parquet/physical.ts";
import type { ColumnFile } from "./parquet/write.ts";

export const FORMAT_VERSION = 1;
/** Features that this code understands; a manifest that needs another is refused. None so far. */
export const KNOWN_FEATURES: readonly string[] = [];

export interface ManifestField extends FileField {
  readonly elementType: DataType;
  readonly isPrimaryKey: boolean;
  readonly isDynamic: boolean;
}

/** The five facts of Milvus's FieldBinlog are `file.bytes`, `file.key`, `file.rowCount`, `timestampFrom` and `timestampTo`. */
export interface ColumnGroup {
  readonly groupId: bigint;
  readonly logId: bigint;
  readonly timestampFrom: Timestamp;
  readonly timestampTo: Timestamp;
  readonly file: ColumnFile;
}

export interface StatisticsFile {
  readonly fieldId: bigint;
  readonly logId: bigint;
  readonly file: FileFacts;
}

export interface SegmentManifest {
  readonly formatVersion: number;
  readonly features: readonly string[];
  /** Counts from 1. */
  readonly manifestVersion: number;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly segmentId: bigint;
  /** The virtual channel. */
  readonly channel: string;
  readonly level: SegmentLevel;
  readonly state: SegmentState;
  readonly schemaVersion: number;
  readonly fields: readonly ManifestField[];
  readonly rowCount: number;
  readonly isSortedByKey: boolean;
  readonly timestampFrom: Timestamp;
  readonly timestampTo: Timestamp;
  /** Positions in the log, as the log backend writes them. */
  readonly startPosition: string;
  readonly endPosition: string;
  readonly groups: readonly ColumnGroup[];
  readonly statistics: readonly StatisticsFile[];
  readonly deltas: readonly DeltaFile[];
}

/** The next version of a segment, with one more delta log. */
export function withDeltas(manifest: SegmentManifest, delta: DeltaFile): SegmentManifest {
  return { ...manifest, manifestVersion: manifest.manifestVersion + 1, deltas: [...manifest.deltas, delta] };
}

/** What the segment takes: in the store, and in memory when all of it is loaded. Statistics count as stored only. */
export function segmentBytes(manifest: SegmentManifest): { readonly stored: number; readonly memory: number } {
  const columns = [...manifest.groups, ...manifest.deltas].map((part) => part.file);
  const files = [...columns, ...manifest.statistics.map((part) => part.file)];
  return {
    stored: files.reduce((sum, file) => sum + file.bytes, 0),
    memory: columns.reduce((sum, file) => sum + file.memoryBytes, 0),
  };
}

/** The delete logs as the metadata tell of them. */
export function deltaSummaries(manifest: SegmentManifest): DeltaSummary[] {
  return manifest.deltas.map(({ file, timestampTo }) => ({ rowCount: file.rowCount, timestampTo }));
}

/** Every file that the manifest names: what a collector must keep while the manifest counts. */
export function filesOf(manifest: SegmentManifest): string[] {
  return [...manifest.groups, ...manifest.statistics, ...manifest.deltas].map((part) => part.file.key);
}
