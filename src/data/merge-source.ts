/**
 * The rows of merged segments as a source for the writer of the new one.
 *
 * Always true: keys, timestamps and row ids are whole, the other columns come in pieces, one opened at a time.
 */

import type { Runtime } from "../base/host/runtime.ts";
import { type Column, type FixedColumn, type KeyColumn, takeRows } from "../model/columns.ts";
import { type CollectionSchema, type FieldSchema, primaryKeyField } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import { type Deltas, timestampColumn, timestampsOf } from "../storage/deltas.ts";
import type { SegmentFiles } from "../storage/segment-reader.ts";
import type { SegmentSource } from "../storage/segment-writer.ts";
import { NEVER } from "../segment/delete-times.ts";
import { hidingDeltas } from "../segment/hiding-deltas.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { Running } from "./context.ts";
import { type MergedRows, type SortedRows } from "./merge-rows.ts";
import { MergedColumn } from "./merged-column.ts";
import { openParentColumn, type ParentColumn } from "./parent-column.ts";

/** A segment that is merged. */
export interface Parent extends SortedRows {
  readonly files: SegmentFiles;
  readonly keyColumn: KeyColumn;
  readonly rowIds: BigInt64Array;
  /** What rows say of when they expire, by each field of times. */
  readonly times: ReadonlyMap<bigint, BigUint64Array>;
}

export interface MergeScope {
  readonly schema: CollectionSchema;
  readonly objects: ObjectStore;
  readonly runtime: Runtime;
  readonly running: Running;
}

export async function mergedSource(
  parents: readonly Parent[],
  merged: MergedRows,
  scope: MergeScope,
): Promise<{ readonly source: SegmentSource; readonly keys: KeyColumn }> {
  const { schema, objects, runtime, running } = scope;
  const whole = (columns: readonly Column[]): Promise<Column> => wholeColumn(columns, merged, scope);
  const keys = (await whole(parents.map(({ keyColumn }) => keyColumn))) as KeyColumn;
  const timestamps = await whole(parents.map(({ inserts }) => timestampColumn(inserts)));
  const rowIds = await whole(parents.map((parent) => int64Column(parent.rowIds)));
  let opened = 0;
  const source: SegmentSource = {
    rowCount: merged.rows.length,
    timestamps: timestampsOf(timestamps as FixedColumn),
    rowIds: (rowIds as FixedColumn).values as BigInt64Array,
    averageBytes: averageBytes(parents, schema),
    column: async () => keys,
    pieces: async (fieldId) => {
      const field = schema.fields.find((candidate) => candidate.fieldId === fieldId)!;
      opened += 1;
      running.progress = () => Math.min(0.99, opened / (schema.fields.length + 1));
      const columns: ParentColumn[] = [];
      for (const { files } of parents) {
        running.signal.throwIfAborted();
        columns.push(await openParentColumn(files, field, objects));
      }
      const facts = { type: field.dataType, estimatedBytes: estimatedBytes(parents, merged, field) };
      return new MergedColumn(facts, columns, merged, runtime, running.signal);
    },
  };
  return { source, keys };
}

/** The deletes later than `after` that hide rows of the merged segment. */
export async function mergedDeltas(
  parents: readonly Parent[],
  merged: MergedRows,
  source: SegmentSource,
  keys: KeyColumn,
  after: Timestamp,
  scope: MergeScope,
): Promise<Deltas | null> {
  if (parents.every(({ deletes }) => deletes === null)) return null;
  const times = parents.map(({ deletes, keys: { rowCount } }) =>
    timestampColumn(deletes?.subarray(0, rowCount) ?? new BigUint64Array(rowCount).fill(NEVER)),
  );
  const all = timestampsOf((await wholeColumn(times, merged, scope)) as FixedColumn);
  const rows = Uint32Array.from({ length: source.rowCount }, (_, row) => row);
  return hidingDeltas(keys, source.timestamps, all, rows, after);
}

async function wholeColumn(
  columns: readonly Column[],
  merged: MergedRows,
  { runtime, running }: MergeScope,
): Promise<Column> {
  const parents = columns.map((column): ParentColumn => {
    return { valid: null, take: async (rows) => takeRows(column, rows) };
  });
  const facts = { type: columns[0]!.type, estimatedBytes: 0 };
  const column = new MergedColumn(facts, parents, merged, runtime, running.signal);
  return (await column.piece(0, merged.rows.length)).column;
}

function int64Column(values: BigInt64Array): FixedColumn {
  return { kind: "fixed", type: DataType.Int64, values, valid: null };
}

/** Of fields of bytes, at most what the groups that had them took for an entry. */
function averageBytes(parents: readonly Parent[], schema: CollectionSchema): Map<bigint, number> {
  const key = primaryKeyField(schema).fieldId;
  const averages = new Map<bigint, number>();
  for (const { fieldId } of schema.fields) {
    let bytes = 0;
    let rows = 0;
    for (const { files } of parents) {
      const group = files.manifest.groups.find(({ file }) => file.fieldIds.includes(fieldId));
      if (group === undefined || fieldId === key) continue;
      bytes += group.file.memoryBytes - group.file.rowCount * 4;
      rows += group.file.rowCount;
    }
    if (rows > 0) averages.set(fieldId, bytes / rows);
  }
  return averages;
}

/** By what the files of the field took; of a group of several, an equal share. */
function estimatedBytes(parents: readonly Parent[], merged: MergedRows, { fieldId }: FieldSchema): number {
  let bytes = 0;
  let rows = 0;
  for (const { files } of parents) {
    rows += files.manifest.rowCount;
    const group = files.manifest.groups.find(({ file }) => file.fieldIds.includes(fieldId));
    if (group !== undefined) bytes += group.file.memoryBytes / group.file.fieldIds.length;
  }
  return Math.ceil((bytes * merged.rows.length) / Math.max(1, rows));
}
