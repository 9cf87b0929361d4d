/** Requests that tests make again and again. */

import assert from "node:assert/strict";
import { type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import { DataType } from "../../../model/types.ts";
import {
  ConsistencyLevel,
  PlaceholderGroupSchema,
  PlaceholderType,
  type Status,
} from "../../wire/generated/common_pb.js";
import { MilvusService, type SearchRequestSchema } from "../../wire/generated/milvus_pb.js";
import {
  CollectionSchemaSchema,
  type FieldDataSchema,
  type FieldSchema,
  type FieldSchemaSchema,
} from "../../wire/generated/schema_pb.js";
import type { TestClient } from "./server.ts";

type FieldInit = Exclude<MessageInitShape<typeof FieldSchemaSchema>, FieldSchema>;
export type FieldDataInit = MessageInitShape<typeof FieldDataSchema>;

export const service = MilvusService.method;

export function ok(answer: { readonly status?: Status | undefined } | Status): void {
  const status = "code" in answer ? answer : answer.status;
  assert.ok(status !== undefined, "an answer has a status");
  assert.deepEqual([status.code, status.reason, status.errorCode], [0, "", 0]);
}

export const KEY: FieldInit = { name: "id", dataType: DataType.Int64, isPrimaryKey: true };

export function vectorField(dimension: number | string = 4, name = "vector"): FieldInit {
  return { name, dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: String(dimension) }] };
}

export function textField(name: string, maxLength: number): FieldInit {
  return { name, dataType: DataType.VarChar, typeParams: [{ key: "max_length", value: String(maxLength) }] };
}

export function schemaBytes(init: MessageInitShape<typeof CollectionSchemaSchema>): Uint8Array {
  return toBinary(CollectionSchemaSchema, create(CollectionSchemaSchema, init));
}

/** `id` and `vector` of 4 dimensions with the dynamic field, as quick starts make it. */
export function quickSchema(name: string, ...more: readonly FieldInit[]): Uint8Array {
  return schemaBytes({ name, fields: [KEY, vectorField(), ...more], enableDynamicField: true });
}

export async function createQuick(
  client: TestClient,
  collectionName: string,
  options: { readonly dbName?: string; readonly fields?: readonly FieldInit[]; readonly metric?: string } = {},
): Promise<void> {
  const { dbName = "", fields = [], metric = "L2" } = options;
  const schema = quickSchema(collectionName, ...fields);
  const consistencyLevel = ConsistencyLevel.Strong;
  ok(await client.call(service.createCollection, { dbName, collectionName, schema, consistencyLevel }));
  const extraParams = [
    { key: "index_type", value: "FLAT" },
    { key: "metric_type", value: metric },
  ];
  ok(await client.call(service.createIndex, { dbName, collectionName, fieldName: "vector", extraParams }));
}

export async function load(client: TestClient, collectionName: string, dbName = ""): Promise<void> {
  ok(await client.call(service.loadCollection, { dbName, collectionName }));
  await whenLoaded(client, collectionName, dbName);
}

export async function whenLoaded(client: TestClient, collectionName: string, dbName = ""): Promise<void> {
  await until(async () => {
    const answer = await client.call(service.getLoadingProgress, { dbName, collectionName });
    ok(answer);
    return answer.progress === 100n;
  });
}

/** Resolves when the rows of before are in files. */
export async function flush(client: TestClient, collectionName: string): Promise<void> {
  const answer = await client.call(service.flush, { collectionNames: [collectionName] });
  ok(answer);
  const segmentIDs = answer.collSegIDs[collectionName]!.data;
  const flushTs = answer.collFlushTs[collectionName]!;
  await until(async () => (await client.call(service.getFlushState, { collectionName, segmentIDs, flushTs })).flushed);
}

export function int64s(fieldName: string, data: readonly (number | bigint)[]): FieldDataInit {
  return {
    type: DataType.Int64,
    fieldName,
    field: {
      case: "scalars",
      value: { data: { case: "longData", value: { data: data.map(BigInt) } } },
    },
  };
}

export function texts(fieldName: string, data: readonly string[]): FieldDataInit {
  return {
    type: DataType.VarChar,
    fieldName,
    field: { case: "scalars", value: { data: { case: "stringData", value: { data: [...data] } } } },
  };
}

export function vectors(rows: readonly (readonly number[])[], fieldName = "vector"): FieldDataInit {
  return {
    type: DataType.FloatVector,
    fieldName,
    field: {
      case: "vectors",
      value: { dim: BigInt(rows[0]?.length ?? 0), data: { case: "floatVector", value: { data: rows.flat() } } },
    },
  };
}

export function dynamic(rows: readonly unknown[]): FieldDataInit {
  const data = rows.map((row) => new TextEncoder().encode(JSON.stringify(row)));
  return {
    type: DataType.JSON,
    isDynamic: true,
    field: { case: "scalars", value: { data: { case: "jsonData", value: { data } } } },
  };
}

export function placeholders(
  queries: readonly (readonly number[])[],
  type: PlaceholderType = PlaceholderType.FloatVector,
): Uint8Array {
  const values = queries.map((query) => new Uint8Array(Float32Array.from(query).buffer));
  const placeholder = { tag: "$0", type, values };
  return toBinary(PlaceholderGroupSchema, create(PlaceholderGroupSchema, { placeholders: [placeholder] }));
}

export function searchFor(
  collectionName: string,
  queries: readonly (readonly number[])[],
  params: Readonly<Record<string, string>> = {},
  more: Partial<MessageInitShape<typeof SearchRequestSchema>> = {},
): MessageInitShape<typeof SearchRequestSchema> {
  const all = { topk: "3", params: "{}", anns_field: "vector", ...params };
  return {
    collectionName,
    searchInput: { case: "placeholderGroup", value: placeholders(queries) },
    nq: BigInt(queries.length),
    searchParams: Object.entries(all).map(([key, value]) => ({ key, value })),
    useDefaultConsistency: true,
    ...more,
  } as MessageInitShape<typeof SearchRequestSchema>;
}

export function params(entries: Readonly<Record<string, string>>): { key: string; value: string }[] {
  return Object.entries(entries).map(([key, value]) => ({ key, value }));
}

/** Waits until it is so. How long that takes says nothing where the machine is busy: what never comes ends with the run's limit for a test. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
