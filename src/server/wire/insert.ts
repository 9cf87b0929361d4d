/**
 * `InsertRequest` and `UpsertRequest` to columns, `MutationResult` from them.
 *
 *   InsertRequest   2 db_name  3 collection_name  4 partition_name  5 fields_data[]  6 hash_keys: uint32[] (ignored)
 *                   7 num_rows: uint32  8 schema_timestamp: uint64  9 namespace?
 *   UpsertRequest   the same up to 8  9 partial_update: bool  10 namespace?  11 field_ops[] {1 field_name  2 op}
 *   MutationResult  1 status  2 IDs  3 succ_index: uint32[]  4 err_index: uint32[]  5 acknowledged: bool
 *                   6 insert_cnt  7 delete_cnt  8 upsert_cnt  9 timestamp: uint64
 */

import type { KeyColumn } from "../../model/columns.ts";
import { type WireField, decodeFieldData } from "./field-data.ts";
import { encodeKeys } from "./keys.ts";
import { packInt32s } from "./packed.ts";
import { BYTES, VARINT, WireReader } from "./reader.ts";
import { type StatusInit, encodeStatus } from "./status.ts";
import { WireWriter } from "./writer.ts";

export interface WireInsert {
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionName: string;
  readonly fields: readonly WireField[];
  /** As the sender says; nothing was checked against it. */
  readonly rowCount: number;
  readonly schemaTimestamp: bigint;
  readonly namespace: string | null;
}

export interface WireFieldOperation {
  readonly fieldName: string;
  /** 0 replace, 1 append to an array, 2 remove from one. */
  readonly operation: number;
}

export interface WireUpsert extends WireInsert {
  readonly partialUpdate: boolean;
  readonly fieldOperations: readonly WireFieldOperation[];
}

/** `mayOverwrite`: nobody reads `bytes` again; they are not a request any more then, and long vectors are views of them. */
export function decodeInsertRequest(bytes: Uint8Array, mayOverwrite = false): WireInsert {
  const { partialUpdate: _, fieldOperations: __, ...insert } = decode(bytes, 9, false, mayOverwrite);
  return insert;
}

export function decodeUpsertRequest(bytes: Uint8Array, mayOverwrite = false): WireUpsert {
  return decode(bytes, 10, true, mayOverwrite);
}

function decode(bytes: Uint8Array, namespaceField: number, isUpsert: boolean, mayOverwrite: boolean): WireUpsert {
  const reader = new WireReader(bytes);
  const fields: WireField[] = [];
  const fieldOperations: WireFieldOperation[] = [];
  let dbName = "";
  let collectionName = "";
  let partitionName = "";
  let rowCount = 0;
  let schemaTimestamp = 0n;
  let namespace: string | null = null;
  let partialUpdate = false;
  while (reader.next()) {
    if (reader.is(2, BYTES)) dbName = reader.text();
    else if (reader.is(3, BYTES)) collectionName = reader.text();
    else if (reader.is(4, BYTES)) partitionName = reader.text();
    else if (reader.is(5, BYTES)) fields.push(decodeFieldData(reader.message(), mayOverwrite));
    else if (reader.is(7, VARINT)) rowCount = reader.uint32();
    else if (reader.is(8, VARINT)) schemaTimestamp = reader.uint64();
    else if (reader.is(namespaceField, BYTES)) namespace = reader.text();
    else if (isUpsert && reader.is(9, VARINT)) partialUpdate = reader.bool();
    else if (isUpsert && reader.is(11, BYTES)) fieldOperations.push(decodeOperation(reader.message()));
    else reader.skip();
  }
  return {
    dbName,
    collectionName,
    partitionName,
    fields,
    rowCount,
    schemaTimestamp,
    namespace,
    partialUpdate,
    fieldOperations,
  };
}

function decodeOperation(reader: WireReader): WireFieldOperation {
  let fieldName = "";
  let operation = 0;
  while (reader.next()) {
    if (reader.is(1, BYTES)) fieldName = reader.text();
    else if (reader.is(2, VARINT)) operation = reader.int32();
    else reader.skip();
  }
  return { fieldName, operation };
}

export interface MutationAnswer {
  readonly status: StatusInit;
  readonly ids: KeyColumn | null;
  /** The first `succeeded` rows, all of them, are told as done… */
  readonly succeeded: number;
  /** …or, after an error, the first `failed` as not done. */
  readonly failed: number;
  readonly acknowledged: boolean;
  readonly insertCount: number;
  readonly deleteCount: number;
  readonly upsertCount: number;
  readonly timestamp: bigint;
}

export function encodeMutationResult(answer: MutationAnswer): readonly Uint8Array[] {
  const writer = new WireWriter();
  writer.message(1, encodeStatus(answer.status));
  if (answer.ids !== null) writer.message(2, encodeKeys(answer.ids));
  writer.bytes(3, packInt32s(upTo(answer.succeeded)));
  writer.bytes(4, packInt32s(upTo(answer.failed)));
  writer.bool(5, answer.acknowledged);
  writer.int64(6, BigInt(answer.insertCount));
  writer.int64(7, BigInt(answer.deleteCount));
  writer.int64(8, BigInt(answer.upsertCount));
  writer.int64(9, answer.timestamp);
  return writer.pieces();
}

function upTo(count: number): Int32Array {
  const indexes = new Int32Array(count);
  for (let index = 0; index < count; index += 1) indexes[index] = index;
  return indexes;
}
