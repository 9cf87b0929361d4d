/**
 * Opens the files of a sealed segment by its manifest.
 *
 * Always true:
 *  - every file is read once through its checksum before anything of it is believed; only `vectorLocation` may be told to trust it;
 *  - the manifest says which fields there are: a field that the collection got later is `FieldNotFound` here, and the caller's to fill;
 *  - nothing is kept: who wants a column twice keeps it.
 */

import { milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Column, FixedColumn, KeyColumn, VectorColumn } from "../model/columns.ts";
import { ROW_ID_FIELD, TIMESTAMP_FIELD } from "../model/schema.ts";
import { isDenseVectorType } from "../model/vectors.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import { corruptFile, readChecked, streamChecked } from "./checked-read.ts";
import { type Deltas, isKeyColumn, readDeltas, timestampsOf } from "./deltas.ts";
import { SYSTEM_GROUP } from "./groups.ts";
import { type ColumnGroup, type ManifestField, type SegmentManifest } from "./manifest.ts";
import { readManifest } from "./manifest-file.ts";
import { ColumnCursor } from "./parquet/column-cursor.ts";
import { readColumnFile, readVectorFile } from "./parquet/read.ts";
import type { VectorExtent } from "./parquet/write.ts";
import { type SegmentStatistics, decodeStatistics } from "./statistics.ts";

/** What every row has. */
export interface SystemColumns {
  readonly rowIds: BigInt64Array;
  readonly timestamps: BigUint64Array;
  readonly keys: KeyColumn;
}

export interface VectorLocation {
  readonly key: string;
  /** A file that the kernel may map; null where objects are not local files. */
  readonly path: string | null;
  readonly dimension: number;
  /** Rows of the segment, null or not. */
  readonly rowCount: number;
  /** Byte where all rows lie end to end; null when they lie in several pieces, when some are null, or when there are none. */
  readonly offset: number | null;
  readonly extents: readonly VectorExtent[];
}

export interface SegmentFiles {
  readonly manifest: SegmentManifest;
  /** Row ids, timestamps and keys with one read. */
  readSystem(): Promise<SystemColumns>;
  readScalar(fieldId: bigint): Promise<Column>;
  /** Several fields, each file read once. Dense vectors are not among them; sparse ones are columns of bytes. */
  readScalars(fieldIds: readonly bigint[]): Promise<Map<bigint, Column>>;
  /** A scalar from the front to the back, a page at a time; null where it must be read as a whole. */
  openScalar(fieldId: bigint): Promise<ColumnCursor | null>;
  readVector(fieldId: bigint): Promise<VectorColumn>;
  /** Reads the file once to check it, unless `trust` says that this was done before. */
  vectorLocation(fieldId: bigint, trust?: { readonly unchecked: boolean }): Promise<VectorLocation>;
  readStatistics(): Promise<SegmentStatistics>;
  /** One entry a delta log, in the order of the manifest. */
  readDeltas(): Promise<Deltas[]>;
}

export async function openSegmentFiles(store: ObjectStore, runtime: Runtime, key: string): Promise<SegmentFiles> {
  return segmentFiles(store, runtime, await readManifest(store, key));
}

/** The same for who has the manifest already. */
export function segmentFiles(store: ObjectStore, runtime: Runtime, manifest: SegmentManifest): SegmentFiles {
  const field = (fieldId: bigint): ManifestField => {
    const found = manifest.fields.find((candidate) => candidate.fieldId === fieldId);
    if (found !== undefined) return found;
    throw milvusError("FieldNotFound", "the segment has no such field", {
      field: fieldId,
      segment: manifest.segmentId,
    });
  };
  const groupOf = (fieldId: bigint): ColumnGroup => {
    const found = manifest.groups.find((group) => group.file.fieldIds.includes(fieldId));
    if (found !== undefined) return found;
    throw milvusError("FieldNotFound", "the segment has no column for this field", {
      field: fieldId,
      segment: manifest.segmentId,
    });
  };
  const readScalars = async (fieldIds: readonly bigint[]): Promise<Map<bigint, Column>> => {
    const wanted = Map.groupBy(new Set(fieldIds), groupOf);
    const columns = new Map<bigint, Column>();
    for (const [group, ids] of wanted) {
      const read = await readColumnFile(store, runtime, group.file, ids.map(field));
      for (const [fieldId, column] of read) columns.set(fieldId, column);
    }
    return columns;
  };
  const vectorField = (fieldId: bigint): ManifestField => {
    const found = field(fieldId);
    if (isDenseVectorType(found.dataType)) return found;
    throw milvusError("FieldNotFound", "the field is not a dense vector", {
      field: fieldId,
      segment: manifest.segmentId,
    });
  };

  return {
    manifest,
    readScalars,
    async readScalar(fieldId) {
      return (await readScalars([fieldId])).get(fieldId)!;
    },
    async openScalar(fieldId) {
      const found = field(fieldId);
      if (!ColumnCursor.canRead(found)) return null;
      return ColumnCursor.open(store, runtime, groupOf(fieldId).file, found);
    },
    async readSystem() {
      const key = manifest.fields.find((candidate) => candidate.isPrimaryKey)?.fieldId ?? -1n;
      const columns = await readScalars([ROW_ID_FIELD, TIMESTAMP_FIELD, key]);
      const keys = columns.get(key);
      if (!isKeyColumn(keys))
        throw corruptFile(groupOf(key).file.key, "keys are Int64 or VarChar", { group: SYSTEM_GROUP });
      const rowIds = columns.get(ROW_ID_FIELD) as FixedColumn;
      const timestamps = columns.get(TIMESTAMP_FIELD) as FixedColumn;
      return { rowIds: rowIds.values as BigInt64Array, timestamps: timestampsOf(timestamps), keys };
    },
    async readVector(fieldId) {
      return readVectorFile(store, runtime, groupOf(fieldId).file, vectorField(fieldId));
    },
    async vectorLocation(fieldId, trust = { unchecked: false }) {
      const { dimension } = vectorField(fieldId);
      const { file } = groupOf(fieldId);
      if (!trust.unchecked) await streamChecked(store, runtime, file, () => undefined);
      const [first, ...others] = file.vectors;
      const isWhole = first !== undefined && others.length === 0 && first.storedRows === file.rowCount;
      return {
        key: file.key,
        path: store.localPath(file.key),
        dimension,
        rowCount: file.rowCount,
        offset: isWhole ? first.offset : null,
        extents: file.vectors,
      };
    },
    async readStatistics() {
      const file = manifest.statistics[0]?.file;
      if (file === undefined) {
        throw milvusError("DataIntegrity", "the segment has no statistics", { segment: manifest.segmentId });
      }
      return decodeStatistics(await readChecked(store, runtime, file), file.key);
    },
    async readDeltas() {
      const all: Deltas[] = [];
      for (const delta of manifest.deltas) all.push(await readDeltas(store, runtime, delta));
      return all;
    },
  };
}
