/**
 * From what a user declared to a schema: every rule of creating a collection, with Milvus's texts, then field ids, `$meta`, and numbers
 * out of the type parameters.
 */

import { invalidParameter, milvusError } from "../base/errors.ts";
import { type CollectionSchema, FIRST_USER_FIELD, type StructSchema, newDynamicField } from "../model/schema.ts";
import { timeZoneOf } from "../model/timestamptz.ts";
import { DataType, isVectorType } from "../model/types.ts";
import { checkField, fieldSchema } from "./declare-field.ts";
import { checkDistinctNames, checkStruct, structSchema } from "./declare-structs.ts";
import { checkCollectionName, checkDescription } from "./names.ts";
import type { CreateCollectionRequest, DeclaredField, DeclaredSchema } from "./requests.ts";

export const MAX_FIELDS = 64;
export const MAX_VECTOR_FIELDS = 10;
const MAX_SHARDS = 16;
const MAX_PARTITIONS = 1_024;

export function declareCollection(request: CreateCollectionRequest): CollectionSchema {
  const { schema } = request;
  const name = request.collectionName === "" ? schema.name : request.collectionName;
  checkCollectionName(name);
  checkDescription(schema.description);
  if (request.shardsNum > MAX_SHARDS)
    throw invalidParameter(`maximum shards's number should be limited to ${MAX_SHARDS}`);
  const fields = schema.fields.filter((field) => !field.isDynamic);
  checkCounts(schema, fields);
  for (const field of fields) checkField(field, name);
  for (const struct of schema.structs) checkStruct(struct, name);
  checkKeys(fields);
  checkPartitions(fields, request.partitionCount);
  const zone = timeZoneOf(request.properties);
  const declared = fields.map((field, at) => fieldSchema(field, FIRST_USER_FIELD + BigInt(at), zone));
  let nextId = FIRST_USER_FIELD + BigInt(declared.length);
  const dynamic = schema.enableDynamicField ? [newDynamicField(nextId++)] : [];
  const structs: StructSchema[] = [];
  for (const struct of schema.structs) {
    const made = structSchema(struct, nextId);
    nextId += BigInt(made.fields.length) + 1n;
    structs.push(made.struct);
    declared.push(...made.fields);
  }
  declared.push(...dynamic);
  return {
    name,
    description: schema.description,
    fields: declared,
    ...(structs.length === 0 ? {} : { structs }),
    enableDynamicField: schema.enableDynamicField,
    version: 0,
  };
}

function checkCounts(schema: DeclaredSchema, fields: readonly DeclaredField[]): void {
  const all = [...fields, ...schema.structs.flatMap((struct) => struct.fields)];
  if (all.length > MAX_FIELDS) throw invalidParameter(`maximum field's number should be limited to ${MAX_FIELDS}`);
  if (schema.functionCount > 0) throw invalidParameter("functions are not supported yet");
  const vectors = all.filter((field) => isVectorType(field.dataType as DataType));
  if (vectors.length > MAX_VECTOR_FIELDS) {
    throw invalidParameter(`maximum vector field's number should be limited to ${MAX_VECTOR_FIELDS}`);
  }
  checkDistinctNames(fields, schema.structs);
  checkPrimaryKey(fields);
  if (vectors.length === 0) throw invalidParameter("schema does not contain vector field");
}

function checkPrimaryKey(fields: readonly DeclaredField[]): void {
  const keys = fields.filter((field) => field.isPrimaryKey);
  const key = keys[0];
  if (key === undefined) throw invalidParameter("primary key is not specified");
  if (keys.length > 1) {
    throw invalidParameter(`there are more than one primary key, field name = ${key.name}, ${keys[1]!.name}`);
  }
  if (key.dataType !== DataType.Int64 && key.dataType !== DataType.VarChar) {
    throw invalidParameter("the data type of primary key should be Int64 or VarChar");
  }
  if (key.nullable) throw invalidParameter("primary field not support null");
  if (key.defaultValue !== null) throw invalidParameter("primary field not support default_value");
  const auto = fields.filter((field) => field.autoId);
  if (auto.length > 1) {
    throw invalidParameter(
      `only one field can speficy AutoID with true, field name = ${auto[0]!.name}, ${auto[1]!.name}`,
    );
  }
  if (auto.length === 1 && !auto[0]!.isPrimaryKey)
    throw invalidParameter("only primary field can speficy AutoID with true");
}

function checkKeys(fields: readonly DeclaredField[]): void {
  const partitionKeys = fields.filter((field) => field.isPartitionKey);
  const key = partitionKeys[0];
  if (partitionKeys.length > 1) {
    throw invalidParameter(
      `there are more than one partition key, field name = ${key!.name}, ${partitionKeys[1]!.name}`,
    );
  }
  if (key !== undefined) {
    if (key.isPrimaryKey) throw invalidParameter("the partition key field must not be primary field");
    if (key.nullable) throw invalidParameter("partition key field not support nullable");
    if (key.dataType !== DataType.Int64 && key.dataType !== DataType.VarChar) {
      throw invalidParameter("the data type of partition key should be Int64 or VarChar");
    }
  }
  const clusteringKeys = fields.filter((field) => field.isClusteringKey);
  if (clusteringKeys.length > 1) {
    throw invalidParameter(`already has another clustering key field, field name: ${clusteringKeys[0]!.name}`);
  }
  if (clusteringKeys.some((field) => isVectorType(field.dataType as DataType))) {
    throw milvusError("CollectionVectorClusteringKeyNotAllowed");
  }
}

function checkPartitions(fields: readonly DeclaredField[], partitionCount: number): void {
  if (partitionCount <= 0) return;
  if (!fields.some((field) => field.isPartitionKey)) {
    throw invalidParameter("num_partitions should only be specified with partition key field enabled");
  }
  if (partitionCount > MAX_PARTITIONS) {
    throw invalidParameter(`partition number (${partitionCount}) exceeds max configuration (${MAX_PARTITIONS})`);
  }
}
