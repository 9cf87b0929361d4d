/** Small messages for tests: rows of one Int64 key and one text, so that the size of a row can be chosen. */

import { type ColumnBatch, type KeyColumn, bytesColumn } from "../../model/columns.ts";
import {
  type CreateCollectionMessage,
  type DeleteMessage,
  type InsertMessage,
  type LogMessages,
  MessageType,
} from "../../model/message.ts";
import type { CollectionInfo } from "../../model/schema.ts";
import { ConsistencyLevel, DataType } from "../../model/types.ts";

export const KEY_FIELD = 100n;
export const TEXT_FIELD = 101n;
export const COLLECTION = 7n;
export const PARTITION = 70n;

export function keyColumn(keys: readonly bigint[]): KeyColumn {
  return { kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(keys), valid: null };
}

export function batch(keys: readonly bigint[], textBytes = 0): ColumnBatch {
  const text = "x".repeat(textBytes);
  return {
    rowCount: keys.length,
    columns: new Map([
      [KEY_FIELD, keyColumn(keys)],
      [
        TEXT_FIELD,
        bytesColumn(
          DataType.VarChar,
          keys.map(() => text),
        ),
      ],
    ]),
  };
}

export function insert(
  keys: readonly bigint[],
  options: Partial<InsertMessage> & { textBytes?: number } = {},
): InsertMessage {
  const { textBytes, ...rest } = options;
  return {
    type: MessageType.Insert,
    collectionId: COLLECTION,
    partitionId: PARTITION,
    segmentId: 0n,
    schemaVersion: 0,
    rowIds: BigInt64Array.from(keys),
    batch: batch(keys, textBytes),
    ...rest,
  };
}

export function remove(keys: readonly bigint[]): DeleteMessage {
  return {
    type: MessageType.Delete,
    collectionId: COLLECTION,
    partitionId: -1n,
    upperBound: null,
    keys: keyColumn(keys),
  };
}

export function createCollection(virtualChannel: string): CreateCollectionMessage {
  const collection: CollectionInfo = {
    collectionId: COLLECTION,
    databaseId: 1n,
    databaseName: "default",
    schema: { name: "c", description: "", fields: [], enableDynamicField: false, version: 0 },
    partitions: [{ partitionId: PARTITION, name: "_default", createdTimestamp: 1n }],
    shardsNum: 1,
    virtualChannels: [virtualChannel],
    consistencyLevel: ConsistencyLevel.Strong,
    properties: [],
    createdTimestamp: 1n,
    updateTimestamp: 1n,
  };
  return { type: MessageType.CreateCollection, collection };
}

/** The keys that the inserts of a record carry. */
export function keysOf({ messages }: Pick<LogMessages, "messages">): bigint[] {
  return messages.flatMap((message) => {
    if (message.type !== MessageType.Insert) return [];
    const column = message.batch.columns.get(KEY_FIELD);
    return column?.kind === "fixed" && column.values instanceof BigInt64Array ? [...column.values] : [];
  });
}
