/**
 * From what a user declared to a schema: every rule of creating a collection, with Milvus's texts, then field ids, `$meta`, and numbers
 * out of the type parameters.
 */

import { invalidParameter, milvusError } from "../base/errors.ts";
import {
  type CollectionSchema,
  type DefaultValue,
  FIRST_USER_FIELD,
  type FieldSchema,
  newDynamicField,
} from "../model/schema.ts";
import { timeZoneOf } from "../model/timestamptz.ts";
import { DataType, dataTypeName, isVectorType } from "../model/types.ts";
import { isDenseVectorType } from "../model/vectors.ts";
import { timeOf } from "./input-texts.ts";
import { checkCollectionName, checkFieldName } from "./names.ts";
import type { CreateCollectionRequest, DeclaredField, DeclaredSchema } from "./requests.ts";

export const MAX_FIELDS = 64;
export const MAX_VECTOR_FIELDS = 10;
const MAX_SHARDS = 16;
const MAX_PARTITIONS = 1_024;
const MAX_DIMENSION = 32_768;
const MAX_VARCHAR_BYTES = 65_535;
const MAX_ARRAY_CAPACITY = 4_096;

const STORED_TYPES: ReadonlySet<number> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Float,
  DataType.Double,
  DataType.VarChar,
  DataType.JSON,
  DataType.Array,
  DataType.Timestamptz,
  DataType.Geometry,
  DataType.FloatVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.Int8Vector,
  DataType.BinaryVector,
  DataType.SparseFloatVector,
]);
const ELEMENT_TYPES: ReadonlySet<number> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Float,
  DataType.Double,
  DataType.VarChar,
]);

export function declareCollection(request: CreateCollectionRequest): CollectionSchema {
  const { schema } = request;
  const name = request.collectionName === "" ? schema.name : request.collectionName;
  checkCollectionName(name);
  if (request.shardsNum > MAX_SHARDS)
    throw invalidParameter(`maximum shards's number should be limited to ${MAX_SHARDS}`);
  const fields = schema.fields.filter((field) => !field.isDynamic);
  checkCounts(schema, fields);
  for (const field of fields) checkField(field, name);
  checkKeys(fields);
  checkPartitions(fields, request.partitionCount);
  const zone = timeZoneOf(request.properties);
  const declared = fields.map((field, at) => fieldSchema(field, FIRST_USER_FIELD + BigInt(at), zone));
  if (schema.enableDynamicField) declared.push(newDynamicField(FIRST_USER_FIELD + BigInt(declared.length)));
  return {
    name,
    description: schema.description,
    fields: declared,
    enableDynamicField: schema.enableDynamicField,
    version: 0,
  };
}

function checkCounts(schema: DeclaredSchema, fields: readonly DeclaredField[]): void {
  if (fields.length > MAX_FIELDS) throw invalidParameter(`maximum field's number should be limited to ${MAX_FIELDS}`);
  if (schema.functionCount > 0) throw invalidParameter("functions are not supported yet");
  if (schema.structFieldCount > 0) throw invalidParameter("struct array fields are not supported yet");
  const vectors = fields.filter((field) => isVectorType(field.dataType as DataType));
  if (vectors.length > MAX_VECTOR_FIELDS) {
    throw invalidParameter(`maximum vector field's number should be limited to ${MAX_VECTOR_FIELDS}`);
  }
  const seen = new Set<string>();
  for (const field of fields) {
    if (seen.has(field.name)) throw invalidParameter(`duplicated field name ${field.name}`);
    seen.add(field.name);
  }
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

export function checkField(field: DeclaredField, collection: string): void {
  checkFieldName(field.name);
  const { dataType } = field;
  if (dataType === DataType.String) {
    throw invalidParameter("string data type not supported yet, please use VarChar type instead");
  }
  if (!STORED_TYPES.has(dataType)) {
    throw invalidParameter(`data type ${dataTypeName(dataType)} of field ${field.name} is not supported yet`);
  }
  if (isDenseVectorType(dataType as DataType)) checkDimension(field);
  if (dataType === DataType.VarChar) checkMaxLength(field, collection);
  if (dataType === DataType.Array) checkArray(field, collection);
  checkDefault(field);
}

function checkDimension(field: DeclaredField): void {
  const text = param(field, "dim");
  if (text === null) {
    throw invalidParameter(
      `dimension is not defined in field type params of field ${field.name}, check type param \`dim\` for vector field`,
    );
  }
  const dimension = Number(text);
  if (!Number.isInteger(dimension)) throw invalidParameter(`invalid dimension: ${text}`);
  if (dimension < 2) throw invalidParameter(`invalid dimension: ${text}. should be in range 2 ~ ${MAX_DIMENSION}`);
  if (field.dataType === DataType.BinaryVector) return checkBinaryDimension(field, dimension);
  if (dimension > MAX_DIMENSION) {
    throw invalidParameter(
      `invalid dimension: ${text} of field ${field.name}. float vector dimension should be in range 2 ~ ${MAX_DIMENSION}`,
    );
  }
}

function checkBinaryDimension(field: DeclaredField, dimension: number): void {
  const kind = `invalid dimension: ${dimension} of field ${field.name}. binary vector dimension should be`;
  if (dimension % 8 !== 0) throw invalidParameter(`${kind} multiple of 8.`);
  if (dimension > MAX_DIMENSION * 8) throw invalidParameter(`${kind} in range 2 ~ ${MAX_DIMENSION * 8}`);
}

/** The id is part of Milvus's text. */
function checkSparse(field: FieldSchema): void {
  if (field.dataType !== DataType.SparseFloatVector || !field.typeParams.some(({ key }) => key === "dim")) return;
  throw invalidParameter(`dim should not be specified for sparse vector field ${field.name}(${field.fieldId})`);
}

function checkMaxLength(field: DeclaredField, collection: string): void {
  const text = param(field, "max_length");
  if (text === null) {
    throw invalidParameter(
      `type param(max_length) should be specified for the field(${field.name}) of collection ${collection}`,
    );
  }
  const length = Number(text);
  if (!Number.isInteger(length) || length <= 0 || length > MAX_VARCHAR_BYTES) {
    throw invalidParameter(
      `the maximum length specified for the field(${field.name}) should be in (0, ${MAX_VARCHAR_BYTES}], but got ${text} instead`,
    );
  }
}

function checkArray(field: DeclaredField, collection: string): void {
  const { name, elementType } = field;
  if (elementType === DataType.None) throw invalidParameter("element data type None is not valid");
  if (!ELEMENT_TYPES.has(elementType)) {
    throw invalidParameter(`element type ${dataTypeName(elementType)} is not supported`);
  }
  checkCapacity(field, collection);
  if (elementType === DataType.VarChar) checkMaxLength(field, collection);
  if (field.isClusteringKey) throw invalidParameter(`array field ${name} can not be a clustering key`);
}

function checkCapacity(field: DeclaredField, collection: string): void {
  const text = param(field, "max_capacity");
  if (text === null) {
    throw invalidParameter(
      `type param(max_capacity) should be specified for array field ${field.name} of collection ${collection}`,
    );
  }
  if (!/^[+-]?\d+$/.test(text)) {
    throw invalidParameter(`the value for max_capacity of field ${field.name} must be an integer`);
  }
  const capacity = Number(text);
  if (capacity <= 0 || capacity > MAX_ARRAY_CAPACITY) {
    throw invalidParameter(`the maximum capacity specified for a Array should be in (0, ${MAX_ARRAY_CAPACITY}]`);
  }
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

/** Which kind of value a type takes as its default, and the name of that kind's type. */
const DEFAULT_KINDS: Readonly<Record<number, string>> = {
  [DataType.Bool]: "bool",
  [DataType.Int8]: "int",
  [DataType.Int16]: "int",
  [DataType.Int32]: "int",
  [DataType.Int64]: "long",
  [DataType.Float]: "float",
  [DataType.Double]: "double",
  [DataType.VarChar]: "string",
  [DataType.Timestamptz]: "string",
};
const KIND_TYPES: Readonly<Record<string, string>> = {
  bool: "DataType_Bool",
  int: "DataType_Int32",
  long: "DataType_Int64",
  float: "DataType_Float",
  double: "DataType_Double",
  string: "DataType_VarChar",
};
const INT_LIMITS: Readonly<Record<number, number>> = {
  [DataType.Int8]: 2 ** 7,
  [DataType.Int16]: 2 ** 15,
  [DataType.Int32]: 2 ** 31,
};

function checkDefault(field: DeclaredField): void {
  const given = field.defaultValue;
  if (given === null || field.isPrimaryKey) return;
  const type = dataTypeName(field.dataType);
  const kind = DEFAULT_KINDS[field.dataType];
  if (kind === undefined) throw invalidParameter(`type not support default_value, type:${type}, name:${field.name}`);
  if (given.kind !== kind) {
    throw invalidParameter(
      `type (${type}) of field (${field.name}) is not equal to the type(${KIND_TYPES[given.kind] ?? "DataType_None"}) of default_value`,
    );
  }
  const limit = INT_LIMITS[field.dataType];
  if (limit !== undefined && ((given.value as number) < -limit || (given.value as number) >= limit)) {
    throw invalidParameter("default value out of range");
  }
  if (field.dataType === DataType.VarChar) {
    const length = Buffer.byteLength(given.value as string);
    const most = Number(param(field, "max_length"));
    if (length > most) throw invalidParameter(`the length (${length}) of string exceeds max length (${most})`);
  }
}

/** `zone`: of default times without an offset. */
export function fieldSchema(field: DeclaredField, fieldId: bigint, zone: string): FieldSchema {
  const schema = schemaOf(field, fieldId, zone);
  checkSparse(schema);
  return schema;
}

function schemaOf(field: DeclaredField, fieldId: bigint, zone: string): FieldSchema {
  return {
    fieldId,
    name: field.name,
    description: field.description,
    dataType: field.dataType as DataType,
    elementType: field.elementType as DataType,
    isPrimaryKey: field.isPrimaryKey,
    autoId: field.autoId,
    isPartitionKey: field.isPartitionKey,
    isClusteringKey: field.isClusteringKey,
    isDynamic: false,
    nullable: field.nullable,
    defaultValue: storedDefault(field, zone),
    typeParams: field.typeParams,
    dimension: isDenseVectorType(field.dataType as DataType) ? Number(param(field, "dim")) : 0,
    maxLengthBytes: holdsVarChar(field) ? Number(param(field, "max_length")) : 0,
  };
}

function storedDefault({ dataType, defaultValue }: DeclaredField, zone: string): DefaultValue | null {
  if (defaultValue === null) return null;
  if (dataType === DataType.Timestamptz) return timeOf(defaultValue.value as string, zone);
  return defaultValue.value as DefaultValue;
}

function holdsVarChar({ dataType, elementType }: DeclaredField): boolean {
  return (dataType === DataType.Array ? elementType : dataType) === DataType.VarChar;
}

function param(field: DeclaredField, key: string): string | null {
  return field.typeParams.find((entry) => entry.key === key)?.value ?? null;
}
