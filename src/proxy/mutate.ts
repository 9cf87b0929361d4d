/**
 * Inserts, upserts and deletes: checked, given keys and places, and written to all their shards at once.
 */

import { invalidParameter, milvusError } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { filterKeys, isAlwaysTrue } from "../model/filter.ts";
import { keyReader } from "../segment/key-reader.ts";
import {
  type Column,
  type ColumnBatch,
  type KeyColumn,
  batchBytes,
  bytesColumn,
  columnBytes,
  columnRows,
  takeBatch,
  takeRows,
} from "../model/columns.ts";
import { type KeyedWrite, type Message, MessageType } from "../model/message.ts";
import { type CollectionInfo, physicalChannel, primaryKeyField, propertyValue } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import { Pace } from "../storage/pace.ts";
import type { ProxyContext } from "./context.ts";
import { MAX_KEY_BYTES } from "../wal/idempotency.ts";
import { keyColumn } from "./key-column.ts";
import { parsePlanFilter } from "./filters.ts";
import { bucketsOf } from "./hash.ts";
import { readTexts } from "./input-texts.ts";
import { withoutStructs } from "./input-structs.ts";
import { checkedColumns } from "./input.ts";
import { completedColumns } from "./partial-update.ts";
import { partitionByName, partitionsForWrite } from "./partitions.ts";
import { queryKeys } from "./query.ts";
import type { DeleteRequest, DeleteResponse, InsertRequest, MutationResponse } from "./requests.ts";

export async function insert(context: ProxyContext, request: InsertRequest): Promise<MutationResponse> {
  const described = await context.describeAll(request);
  const { collection } = described;
  checkSchemaTimestamp(collection, request.schemaTimestamp);
  const key = primaryKeyField(collection.schema);
  const keyGiven =
    key.autoId &&
    propertyValue(collection.properties, "allow_insert_auto_id") === "true" &&
    request.fields.some((field) => field.fieldName === key.name);
  const pace = new Pace(context.runtime);
  const columns = await checkedColumns(
    collection.schema,
    await readTexts(collection, withoutStructs(collection.schema, request.fields), pace),
    request.rowCount,
    keyGiven,
    context.kernel,
    pace,
  );
  context.quotas.take(described, "insertBytes", batchBytes({ rowCount: request.rowCount, columns }));
  const rowIds = await newRowIds(context, request.rowCount);
  if (key.autoId && !keyGiven) columns.set(key.fieldId, automaticKeys(key.dataType, rowIds));
  const keys = columns.get(key.fieldId) as KeyColumn;
  const batch = { rowCount: request.rowCount, columns };
  const parts = rowParts(collection, request.partitionName, batch, keys, rowIds, null);
  const { timeTick, repeated } = await write(context, collection, parts, request.idempotencyKey);
  return {
    keys: repeated === null || !key.autoId || keyGiven ? keys : keysOfRepeated(key.dataType, repeated),
    rowCount: request.rowCount,
    timestamp: timeTick,
  };
}

export async function upsert(context: ProxyContext, request: InsertRequest): Promise<MutationResponse> {
  const described = await context.describeAll(request);
  const lock = context.updates.of(described.collection.collectionId);
  const write = (): Promise<MutationResponse> => writeUpsert(context, described, request);
  return request.isPartial === true ? lock.exclusive(write) : lock.shared(write);
}

async function writeUpsert(
  context: ProxyContext,
  described: DescribedCollection,
  request: InsertRequest,
): Promise<MutationResponse> {
  const { collection } = described;
  checkSchemaTimestamp(collection, request.schemaTimestamp);
  const key = primaryKeyField(collection.schema);
  if (!request.fields.some((field) => field.fieldName === key.name)) {
    throw invalidParameter(`must assign pk when upsert, primary field: ${key.name}`);
  }
  const pace = new Pace(context.runtime);
  const columns =
    request.isPartial === true
      ? await completedColumns(context, described, request, pace)
      : await checkedColumns(
          collection.schema,
          await readTexts(collection, withoutStructs(collection.schema, request.fields), pace),
          request.rowCount,
          true,
          context.kernel,
          pace,
        );
  const replaced = columns.get(key.fieldId) as KeyColumn;
  checkDistinct(replaced);
  context.quotas.take(described, "insertBytes", batchBytes({ rowCount: request.rowCount, columns }));
  const rowIds = await newRowIds(context, request.rowCount);
  // With automatic keys the row gets a new one, as in Milvus.
  if (key.autoId) columns.set(key.fieldId, automaticKeys(key.dataType, rowIds));
  const keys = columns.get(key.fieldId) as KeyColumn;
  const batch: ColumnBatch = { rowCount: request.rowCount, columns };
  const parts = rowParts(collection, request.partitionName, batch, keys, rowIds, replaced);
  const { timeTick, repeated } = await write(context, collection, parts, request.idempotencyKey);
  return {
    keys: repeated === null || !key.autoId ? keys : keysOfRepeated(key.dataType, repeated),
    rowCount: request.rowCount,
    timestamp: timeTick,
  };
}

export async function remove(context: ProxyContext, request: DeleteRequest): Promise<DeleteResponse> {
  const described = await context.describeAll(request);
  const { collection, indexes, load } = described;
  const filter = parsePlanFilter("delete", request.expression, { ...collection, indexes, load }, request.templates);
  if (filter === null || isAlwaysTrue(filter)) {
    throw invalidParameter(`delete plan can't be empty or always true : ${request.expression}`);
  }
  const partitionId =
    request.partitionName === "" ? -1n : partitionByName(collection, request.partitionName).partitionId;
  const key = primaryKeyField(collection.schema);
  const listed = filterKeys(filter, key.fieldId);
  return context.updates.of(collection.collectionId).shared(async () => {
    if (listed !== null) {
      const keys = keyColumn(key.dataType, listed);
      context.quotas.take(described, "deleteBytes", columnBytes(keys));
      const parts = deleteParts(collection, partitionId, keys, null);
      const { timeTick } = await write(context, collection, parts, undefined);
      return { deleteCount: columnRows(keys), timestamp: timeTick };
    }
    context.quotas.take(described, "deleteBytes", Buffer.byteLength(request.expression, "utf8"));
    // Which rows they are is read first; rows written after that read are not meant.
    const found = await queryKeys(context, collection, filter, partitionId === -1n ? null : [partitionId]);
    if (columnRows(found.keys) === 0) return { deleteCount: 0, timestamp: found.timestamp };
    if (context.limitsFoundDeletes) context.quotas.take(described, "deleteBytes", columnBytes(found.keys));
    const parts = deleteParts(collection, partitionId, found.keys, found.timestamp + 1n);
    const { timeTick } = await write(context, collection, parts, undefined);
    return { deleteCount: columnRows(found.keys), timestamp: timeTick };
  });
}

type Parts = readonly { readonly virtualChannel: string; readonly messages: readonly Message[] }[];

/** What each shard gets: for an upsert deletes and inserts together. */
function rowParts(
  collection: CollectionInfo,
  partitionName: string,
  batch: ColumnBatch,
  keys: KeyColumn,
  rowIds: BigInt64Array,
  replaced: KeyColumn | null,
): Parts {
  const partitions = partitionsForWrite(collection, partitionName, batch);
  // Upsert stays inside one partition, unless the partition follows from a key that may have changed.
  const scope = partitions.hasPartitionKey ? -1n : partitions.ids[0]!;
  const shards = collection.virtualChannels.length;
  const insertShards = shards === 1 ? null : bucketsOf(keys, shards);
  const deleteShards = shards === 1 || replaced === null ? null : bucketsOf(replaced, shards);
  return collection.virtualChannels.map((virtualChannel, shard) => {
    const messages: Message[] = [];
    const gone = replaced === null ? null : selected(replaced, deleteShards, shard);
    if (gone !== null && columnRows(gone) > 0) {
      messages.push({
        type: MessageType.Delete,
        collectionId: collection.collectionId,
        partitionId: scope,
        upperBound: null,
        keys: gone,
      });
    }
    for (const [partitionAt, partitionId] of partitions.ids.entries()) {
      const rows = rowsOf(batch.rowCount, insertShards, shard, partitions.rowPartitions, partitionAt);
      if (rows !== null && rows.length === 0) continue;
      messages.push({
        type: MessageType.Insert,
        collectionId: collection.collectionId,
        partitionId,
        segmentId: 0n,
        schemaVersion: collection.schema.version,
        rowIds: rows === null ? rowIds : BigInt64Array.from(rows, (row) => rowIds[row]!),
        batch: rows === null ? batch : takeBatch(batch, rows),
      });
    }
    return { virtualChannel, messages };
  });
}

function deleteParts(
  collection: CollectionInfo,
  partitionId: bigint,
  keys: KeyColumn,
  upperBound: Timestamp | null,
): Parts {
  const { collectionId, virtualChannels } = collection;
  const buckets = virtualChannels.length === 1 ? null : bucketsOf(keys, virtualChannels.length);
  return virtualChannels.map((virtualChannel, shard) => {
    const part = selected(keys, buckets, shard);
    const message = { type: MessageType.Delete, collectionId, partitionId, upperBound, keys: part } as const;
    return { virtualChannel, messages: columnRows(part) === 0 ? [] : [message] };
  });
}

interface Written {
  readonly timeTick: Timestamp;
  readonly repeated: KeyedWrite | null;
}

/** All or nothing within a physical channel. Under a name it takes effect once: see `IdempotencyWindow`. */
async function write(
  context: ProxyContext,
  collection: CollectionInfo,
  parts: Parts,
  idempotencyKey: string | undefined,
): Promise<Written> {
  const channels = Map.groupBy(
    parts.filter(({ messages }) => messages.length > 0),
    ({ virtualChannel }) => physicalChannel(virtualChannel),
  );
  const key = writeKey(collection, idempotencyKey);
  if (key !== "" && channels.size > 1) {
    throw invalidParameter("an idempotency key needs the shards of the collection to share one log channel");
  }
  const written = await Promise.all(
    Array.from(channels.values(), (own) => context.streaming.write({ parts: own, idempotencyKey: key })),
  );
  return { timeTick: latest(written.map(({ timeTick }) => timeTick)), repeated: written[0]?.repeated ?? null };
}

/** Of the same name in two collections neither is the other's. */
function writeKey(collection: CollectionInfo, idempotencyKey = ""): string {
  if (idempotencyKey === "") return "";
  const bytes = Buffer.byteLength(idempotencyKey, "utf8");
  if (bytes > MAX_KEY_BYTES) {
    throw invalidParameter(`the idempotency key has ${bytes} bytes, and at most ${MAX_KEY_BYTES} are allowed`);
  }
  return `${collection.collectionId}:${idempotencyKey}`;
}

/** Automatic keys are row ids, which follow each other. */
function keysOfRepeated(type: DataType, { firstRowId, insertCount }: KeyedWrite): KeyColumn {
  return automaticKeys(type, rowIdsFrom(firstRowId, insertCount)) as KeyColumn;
}

/** Rows of one shard and partition; null when that is all of them. */
function rowsOf(
  rowCount: number,
  shards: Uint32Array | null,
  shard: number,
  partitions: Uint32Array | null,
  partition: number,
): Uint32Array | null {
  if (shards === null && partitions === null) return null;
  const rows: number[] = [];
  for (let row = 0; row < rowCount; row += 1) {
    if ((shards === null || shards[row] === shard) && (partitions === null || partitions[row] === partition))
      rows.push(row);
  }
  return Uint32Array.from(rows);
}

function selected(keys: KeyColumn, buckets: Uint32Array | null, bucket: number): KeyColumn {
  const rows = rowsOf(columnRows(keys), buckets, bucket, null, 0);
  return rows === null ? keys : (takeRows(keys, rows) as KeyColumn);
}

async function newRowIds(context: ProxyContext, count: number): Promise<BigInt64Array> {
  const { first } = await context.coordinator.allocateIds({ count });
  return rowIdsFrom(first, count);
}

function rowIdsFrom(first: bigint, count: number): BigInt64Array {
  const ids = new BigInt64Array(count);
  for (let row = 0; row < count; row += 1) ids[row] = first + BigInt(row);
  return ids;
}

function automaticKeys(type: DataType, rowIds: BigInt64Array): Column {
  if (type === DataType.VarChar) return bytesColumn(type, Array.from(rowIds, String));
  return { kind: "fixed", type, values: rowIds, valid: null };
}

function checkSchemaTimestamp(collection: CollectionInfo, schemaTimestamp: Timestamp): void {
  if (schemaTimestamp === 0n || schemaTimestamp === collection.updateTimestamp) return;
  throw milvusError("CollectionSchemaMismatch", "", { collection: collection.schema.name });
}

function checkDistinct(keys: KeyColumn): void {
  const rowCount = columnRows(keys);
  const reader = keyReader(keys);
  const slots = new Uint32Array(2 ** Math.ceil(Math.log2(rowCount * 2 + 1)));
  for (let row = 0; row < rowCount; row += 1) {
    let slot = reader.hash(row) & (slots.length - 1);
    for (; slots[slot] !== 0; slot = (slot + 1) & (slots.length - 1)) {
      if (reader.equals(row, reader, slots[slot]! - 1)) {
        throw invalidParameter("duplicate primary keys are not allowed in the same batch");
      }
    }
    slots[slot] = row + 1;
  }
}

function latest(timestamps: readonly Timestamp[]): Timestamp {
  return timestamps.reduce((most, timestamp) => (timestamp > most ? timestamp : most), 0n);
}
