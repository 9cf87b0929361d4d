/**
 * Writes a sealed segment: column groups, statistics, deletes, and last the manifest that names them.
 *
 * Always true:
 *  - files first, then the manifest: when this fails, the segment does not exist and what lies about is an orphan for the collector;
 *  - one group's columns are in memory at a time, so at most one wide column; of a source in pieces less;
 *  - rows are written in the order of the source, which sorts them by key.
 *
 * Not here: sorting, and committing the segment to the metastore.
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { type Column, type FixedColumn, type KeyColumn } from "../model/columns.ts";
import {
  type CollectionSchema,
  type FieldSchema,
  ROW_ID_FIELD,
  TIMESTAMP_FIELD,
  primaryKeyField,
} from "../model/schema.ts";
import { DataType, SegmentLevel, type SegmentState } from "../model/types.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import { type Deltas, type DeltaFile, isKeyColumn, timestampColumn, writeDeltas } from "./deltas.ts";
import { type GroupLayout, groupColumns } from "./groups.ts";
import { type SegmentIds, deltaLogKey, insertLogKey, statisticsKey } from "./keys.ts";
import {
  type ColumnGroup,
  FORMAT_VERSION,
  type ManifestField,
  type SegmentManifest,
  type StatisticsFile,
} from "./manifest.ts";
import { publishManifest } from "./manifest-file.ts";
import { ObjectSink } from "./object-sink.ts";
import { Pace } from "./pace.ts";
import { type ColumnFileOptions, type ColumnPieces, wholeColumn, writeColumnPieces } from "./parquet/write.ts";
import { type KeyFacts, encodeStatistics, summarizeKeys, timestampRange } from "./statistics.ts";

/** The rows of a segment, column by column. Each user field is asked for once, the key first. */
export interface SegmentSource {
  readonly rowCount: number;
  readonly timestamps: BigUint64Array;
  readonly rowIds: BigInt64Array;
  /** `pause` gives everybody else a turn; a wide column is made in pieces. */
  column(fieldId: bigint, pause: () => Promise<void>): Promise<Column>;
  /** Columns that are too much for memory come in pieces, all but the key; then `column` is asked for the key alone. */
  pieces?(fieldId: bigint): Promise<ColumnPieces>;
  /** Average length of the entries of fields of bytes, where it is known; decides which of them get a file of their own. */
  readonly averageBytes?: ReadonlyMap<bigint, number>;
}

export interface SegmentDescriptor extends SegmentIds {
  readonly channel: string;
  readonly level: SegmentLevel;
  readonly state: SegmentState;
  readonly schema: CollectionSchema;
  readonly manifestVersion: number;
  readonly startPosition: string;
  readonly endPosition: string;
  /** Deletes of rows of this segment; null for none. */
  readonly deltas: Deltas | null;
  /** A fresh id for each file, never given twice. */
  readonly allocateLogId: () => Promise<bigint>;
  readonly fileOptions?: ColumnFileOptions;
}

export async function writeSegment(
  store: ObjectStore,
  runtime: Runtime,
  descriptor: SegmentDescriptor,
  source: SegmentSource,
): Promise<SegmentManifest> {
  const { rowCount } = source;
  assert(
    source.timestamps.length === rowCount && source.rowIds.length === rowCount,
    "every row has an id and a timestamp",
  );
  const fields = manifestFields(descriptor.schema);
  const range = timestampRange(source.timestamps);
  const nullCounts = new Map<bigint, number>();
  const groups: ColumnGroup[] = [];
  const keys = await source.column(primaryKeyField(descriptor.schema).fieldId, () => runtime.yield());
  assert(isKeyColumn(keys), "keys are Int64 or VarChar");
  const keyFacts = await summarizeKeys(keys, runtime);

  for (const layout of groupColumns(descriptor.schema.fields, source.averageBytes)) {
    const groupFields = layout.fieldIds.map((id) => fields.find((field) => field.fieldId === id)!);
    const columns = await columnsOf(layout, descriptor.schema, source, keys, () => runtime.yield());
    for (const [at, { fieldId, dataType }] of groupFields.entries()) {
      const { rowCount: rows, type } = columns[at]!;
      assert(rows === rowCount, `field ${fieldId} has the rows of the segment`);
      assert(type === dataType, `field ${fieldId} has the type of its schema`);
    }
    const logId = await descriptor.allocateLogId();
    const key = insertLogKey(descriptor, layout.groupId, logId);
    const written = await writeColumnPieces(store, runtime, key, groupFields, columns, descriptor.fileOptions);
    for (const [at, fieldId] of layout.fieldIds.entries()) nullCounts.set(fieldId, written.nullCounts[at]!);
    groups.push({
      groupId: layout.groupId,
      logId,
      timestampFrom: range.from,
      timestampTo: range.to,
      file: written.file,
    });
  }
  const statistics = [await writeStatistics(store, runtime, descriptor, rowCount, range, keyFacts, nullCounts)];
  const deltas = await writeDeltaFiles(store, runtime, descriptor);
  const facts = { rowCount, isSortedByKey: keyFacts.isSorted, timestampFrom: range.from, timestampTo: range.to };
  return publish(store, descriptor, { ...facts, groups, statistics, deltas });
}

/** A segment of deletes alone (level L0): no rows, no statistics, one delta log. */
export async function writeDeltaSegment(
  store: ObjectStore,
  runtime: Runtime,
  descriptor: SegmentDescriptor,
): Promise<SegmentManifest> {
  assert(descriptor.level === SegmentLevel.L0, "a segment without rows has level L0");
  const range = timestampRange(descriptor.deltas?.timestamps ?? new BigUint64Array(0));
  const deltas = await writeDeltaFiles(store, runtime, descriptor);
  const facts = { rowCount: 0, isSortedByKey: true, timestampFrom: range.from, timestampTo: range.to };
  return publish(store, descriptor, { ...facts, groups: [], statistics: [], deltas });
}

type ContentFacts = Pick<
  SegmentManifest,
  "rowCount" | "isSortedByKey" | "timestampFrom" | "timestampTo" | "groups" | "statistics" | "deltas"
>;

async function publish(
  store: ObjectStore,
  descriptor: SegmentDescriptor,
  content: ContentFacts,
): Promise<SegmentManifest> {
  const { collectionId, partitionId, segmentId, channel, level, state, manifestVersion } = descriptor;
  const manifest: SegmentManifest = {
    formatVersion: FORMAT_VERSION,
    features: [],
    manifestVersion,
    collectionId,
    partitionId,
    segmentId,
    channel,
    level,
    state,
    schemaVersion: descriptor.schema.version,
    fields: manifestFields(descriptor.schema),
    startPosition: descriptor.startPosition,
    endPosition: descriptor.endPosition,
    ...content,
  };
  await publishManifest(store, manifest);
  return manifest;
}

/** The system's two columns and the user's fields, as files know them. */
export function manifestFields(schema: CollectionSchema): ManifestField[] {
  const system = { dataType: DataType.Int64, elementType: DataType.None, dimension: 0, nullable: false };
  const plain = { ...system, isPrimaryKey: false, isDynamic: false };
  const rowId: ManifestField = { ...plain, fieldId: ROW_ID_FIELD, name: "RowID" };
  const timestamp: ManifestField = { ...plain, fieldId: TIMESTAMP_FIELD, name: "Timestamp" };
  return [rowId, timestamp, ...schema.fields.map(manifestField)];
}

function manifestField(field: FieldSchema): ManifestField {
  const { fieldId, name, dataType, elementType, dimension, nullable, isPrimaryKey, isDynamic } = field;
  return { fieldId, name, dataType, elementType, dimension, nullable, isPrimaryKey, isDynamic };
}

async function columnsOf(
  layout: GroupLayout,
  schema: CollectionSchema,
  source: SegmentSource,
  keys: KeyColumn,
  pause: () => Promise<void>,
): Promise<ColumnPieces[]> {
  const rowIds: FixedColumn = { kind: "fixed", type: DataType.Int64, values: source.rowIds, valid: null };
  const columns: ColumnPieces[] = [];
  for (const fieldId of layout.fieldIds) {
    if (fieldId === primaryKeyField(schema).fieldId) columns.push(wholeColumn(keys));
    else if (fieldId === ROW_ID_FIELD) columns.push(wholeColumn(rowIds));
    else if (fieldId === TIMESTAMP_FIELD) columns.push(wholeColumn(timestampColumn(source.timestamps)));
    else if (source.pieces === undefined) columns.push(wholeColumn(await source.column(fieldId, pause)));
    else columns.push(await source.pieces(fieldId));
  }
  return columns;
}

async function writeStatistics(
  store: ObjectStore,
  runtime: Runtime,
  descriptor: SegmentDescriptor,
  rowCount: number,
  range: { readonly from: bigint; readonly to: bigint },
  facts: KeyFacts,
  nullCounts: ReadonlyMap<bigint, number>,
): Promise<StatisticsFile> {
  const { fieldId, dataType } = primaryKeyField(descriptor.schema);
  const logId = await descriptor.allocateLogId();
  const { minimumKey, maximumKey, bloom } = facts;
  const bytes = encodeStatistics({
    keyType: dataType,
    rowCount,
    timestampFrom: range.from,
    timestampTo: range.to,
    minimumKey,
    maximumKey,
    nullCounts,
    bloom,
  });
  const key = statisticsKey(descriptor, fieldId, logId);
  const sink = new ObjectSink(store, new Pace(runtime), key);
  try {
    await sink.append(bytes);
    return { fieldId, logId, file: { key, ...(await sink.finish()) } };
  } catch (thrown) {
    await sink.abort();
    throw thrown;
  }
}

async function writeDeltaFiles(
  store: ObjectStore,
  runtime: Runtime,
  descriptor: SegmentDescriptor,
): Promise<DeltaFile[]> {
  if (descriptor.deltas === null || descriptor.deltas.timestamps.length === 0) return [];
  const logId = await descriptor.allocateLogId();
  const keyFieldId = primaryKeyField(descriptor.schema).fieldId;
  const target = { key: deltaLogKey(descriptor, logId), logId, keyFieldId };
  return [await writeDeltas(store, runtime, target, descriptor.deltas)];
}
