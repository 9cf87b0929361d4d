/** Partitions by name, and which partition each row of a write goes to. */

import { invalidParameter, milvusError } from "../base/errors.ts";
import type { ColumnBatch, KeyColumn } from "../model/columns.ts";
import type { CollectionInfo, FieldSchema, PartitionInfo } from "../model/schema.ts";
import { bucketsOf } from "./hash.ts";

const DEFAULT_PARTITION = "_default";

export function partitionKeyField(collection: CollectionInfo): FieldSchema | null {
  return collection.schema.fields.find((field) => field.isPartitionKey) ?? null;
}

/** The collection, where its partitions are those that were named; where a key chooses them nobody else does. */
export function withoutPartitionKey(collection: CollectionInfo, action: string): CollectionInfo {
  if (partitionKeyField(collection) === null) return collection;
  throw invalidParameter(`disable ${action} partition if partition key mode is used`);
}

export function partitionByName(collection: CollectionInfo, name: string): PartitionInfo {
  refuseNamedPartition(collection);
  const partition = collection.partitions.find((candidate) => candidate.name === name);
  if (partition === undefined) throw milvusError("PartitionNotFound", "", { partition: name });
  return partition;
}

/** Partitions of a read; null: all. */
export function partitionsForRead(collection: CollectionInfo, names: readonly string[]): bigint[] | null {
  if (names.length === 0) return null;
  refuseNamedPartition(collection);
  return names.map((name) => {
    const partition = collection.partitions.find((candidate) => candidate.name === name);
    if (partition === undefined) throw milvusError("PartitionNotFound", `partition name ${name} not found`);
    return partition.partitionId;
  });
}

export interface WritePartitions {
  readonly ids: readonly bigint[];
  /** By row: the place in `ids`; null: the first for all. */
  readonly rowPartitions: Uint32Array | null;
  readonly hasPartitionKey: boolean;
}

export function partitionsForWrite(collection: CollectionInfo, name: string, batch: ColumnBatch): WritePartitions {
  const key = partitionKeyField(collection);
  if (key === null) {
    const partition = partitionByName(collection, name === "" ? DEFAULT_PARTITION : name);
    return { ids: [partition.partitionId], rowPartitions: null, hasPartitionKey: false };
  }
  if (name !== "") refuseNamedPartition(collection);
  const ids = orderedPartitionIds(collection);
  const column = batch.columns.get(key.fieldId) as KeyColumn;
  return { ids, rowPartitions: bucketsOf(column, ids.length), hasPartitionKey: true };
}

/** Sorted by their number, so that a value of the partition key finds its partition whatever order the metadata keeps. */
export function orderedPartitionIds(collection: CollectionInfo): bigint[] {
  return collection.partitions
    .toSorted((left, right) => suffix(left.name) - suffix(right.name))
    .map((partition) => partition.partitionId);
}

function refuseNamedPartition(collection: CollectionInfo): void {
  if (partitionKeyField(collection) === null) return;
  throw invalidParameter("not support manually specifying the partition names if partition key mode is used");
}

function suffix(name: string): number {
  return Number(name.slice(name.lastIndexOf("_") + 1));
}
