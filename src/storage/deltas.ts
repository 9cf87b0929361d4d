/**
 * Delta logs: which keys were deleted when. A Parquet file of two columns, the key under its own field id as `pk`, and the timestamp; a
 * third one, `bound`, where some delete hides only versions older than something before itself (deletes by filter).
 *
 * Always true: rows stand in the order they were given (timestamp order, as they come from the log); a delete hides versions of its
 * key with a smaller timestamp only, so the order of files does not matter.
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { type Column, type FixedColumn, type KeyColumn, columnRows } from "../model/columns.ts";
import { TIMESTAMP_FIELD } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import { corruptFile } from "./checked-read.ts";
import type { FileField } from "./parquet/physical.ts";
import { readColumnFile } from "./parquet/read.ts";
import { type ColumnFile, writeColumnFile } from "./parquet/write.ts";
import { timestampRange } from "./statistics.ts";

export interface Deltas {
  readonly keys: KeyColumn;
  readonly timestamps: BigUint64Array;
  /** Only versions inserted before this are hidden; null: before the timestamp. */
  readonly upperBounds: BigUint64Array | null;
}

/** Id of the column of upper bounds; below the first id of a user's field, like those of the other system columns. */
const UPPER_BOUND_FIELD = 2n;

export interface DeltaFile {
  readonly logId: bigint;
  readonly keyFieldId: bigint;
  readonly keyType: DataType;
  readonly timestampFrom: Timestamp;
  readonly timestampTo: Timestamp;
  readonly file: ColumnFile;
}

export async function writeDeltas(
  store: ObjectStore,
  runtime: Runtime,
  target: { readonly key: string; readonly logId: bigint; readonly keyFieldId: bigint },
  deltas: Deltas,
): Promise<DeltaFile> {
  assert(columnRows(deltas.keys) === deltas.timestamps.length, "every deleted key has a timestamp");
  const keyType = deltas.keys.kind === "bytes" ? DataType.VarChar : DataType.Int64;
  const keys: Column = { ...deltas.keys, type: keyType };
  const bounds = narrowBounds(deltas);
  const columns: Column[] = [keys, timestampColumn(deltas.timestamps)];
  if (bounds !== null) columns.push(timestampColumn(bounds));
  const fields = deltaFields(target.keyFieldId, keyType, bounds !== null);
  const file = await writeColumnFile(store, runtime, target.key, fields, columns);
  const range = timestampRange(deltas.timestamps);
  const { logId, keyFieldId } = target;
  return { logId, keyFieldId, keyType, timestampFrom: range.from, timestampTo: range.to, file };
}

export async function readDeltas(store: ObjectStore, runtime: Runtime, delta: DeltaFile): Promise<Deltas> {
  const fields = deltaFields(delta.keyFieldId, delta.keyType, delta.file.fieldIds.includes(UPPER_BOUND_FIELD));
  const columns = await readColumnFile(store, runtime, delta.file, fields);
  const keys = columns.get(delta.keyFieldId);
  const timestamps = columns.get(TIMESTAMP_FIELD);
  if (!isKeyColumn(keys) || timestamps?.kind !== "fixed") throw corruptFile(delta.file.key, "this is not a delta log");
  const bounds = columns.get(UPPER_BOUND_FIELD);
  return {
    keys,
    timestamps: timestampsOf(timestamps),
    upperBounds: bounds?.kind === "fixed" ? timestampsOf(bounds) : null,
  };
}

/** The bounds when they say more than the timestamps do. */
function narrowBounds({ timestamps, upperBounds }: Deltas): BigUint64Array | null {
  if (upperBounds === null) return null;
  assert(upperBounds.length === timestamps.length, "every delete has a bound, or none has");
  return upperBounds.every((bound, at) => bound === timestamps[at]) ? null : upperBounds;
}

/** Timestamps as the signed column that files have; the top bit is not used before the year 6,400. */
export function timestampColumn(timestamps: BigUint64Array): FixedColumn {
  const values = new BigInt64Array(timestamps.buffer as ArrayBuffer, timestamps.byteOffset, timestamps.length);
  return { kind: "fixed", type: DataType.Int64, values, valid: null };
}

export function timestampsOf(column: FixedColumn): BigUint64Array {
  assert(column.values instanceof BigInt64Array, "timestamps are 64-bit");
  return new BigUint64Array(column.values.buffer as ArrayBuffer, column.values.byteOffset, column.values.length);
}

export function isKeyColumn(column: Column | undefined): column is KeyColumn {
  return column?.kind === "bytes" || (column?.kind === "fixed" && column.values instanceof BigInt64Array);
}

function deltaFields(keyFieldId: bigint, keyType: DataType, hasBounds: boolean): FileField[] {
  const plain = { elementType: DataType.None, dimension: 0, nullable: false };
  const fields: FileField[] = [
    { ...plain, fieldId: keyFieldId, name: "pk", dataType: keyType },
    { ...plain, fieldId: TIMESTAMP_FIELD, name: "ts", dataType: DataType.Int64 },
  ];
  if (hasBounds) fields.push({ ...plain, fieldId: UPPER_BOUND_FIELD, name: "bound", dataType: DataType.Int64 });
  return fields;
}
