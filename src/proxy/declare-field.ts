/**
 * One field as a user declares it: the rules of its type, with Milvus's texts, and the field of the schema that it becomes.
 */

import { invalidParameter } from "../base/errors.ts";
import type { DefaultValue, FieldSchema } from "../model/schema.ts";
import { isTimestamptz } from "../model/timestamptz.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import { isDenseVectorType } from "../model/vectors.ts";
import { timeOf } from "./input-texts.ts";
import { checkFieldName } from "./names.ts";
import type { DeclaredField } from "./requests.ts";

const MAX_DIMENSION = 32_768;
export const MAX_VARCHAR_BYTES = 65_535;
export const MAX_ARRAY_CAPACITY = 4_096;

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

export function checkField(field: DeclaredField, collection: string): void {
  checkFieldName(field.name);
  const { dataType } = field;
  if (dataType === DataType.String) {
    throw invalidParameter("string data type not supported yet, please use VarChar type instead");
  }
  if (dataType === DataType.ArrayOfVector) {
    throw invalidParameter(`array of vector can only be in the struct array field, field name: ${field.name}`);
  }
  if (!STORED_TYPES.has(dataType)) {
    throw invalidParameter(`data type ${dataTypeName(dataType)} of field ${field.name} is not supported yet`);
  }
  if (isDenseVectorType(dataType as DataType)) checkDimension(field);
  if (dataType === DataType.VarChar) checkMaxLength(field, collection);
  if (dataType === DataType.Array) checkArray(field, collection);
  checkDefault(field);
}

export function checkDimension(field: DeclaredField): void {
  const text = typeParam(field, "dim");
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
  const text = typeParam(field, "max_length");
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

export function checkArray(field: DeclaredField, collection: string): void {
  const { name, elementType } = field;
  if (elementType === DataType.None) throw invalidParameter("element data type None is not valid");
  if (!ELEMENT_TYPES.has(elementType)) {
    throw invalidParameter(`element type ${dataTypeName(elementType)} is not supported`);
  }
  checkCapacity(field, collection);
  if (elementType === DataType.VarChar) checkMaxLength(field, collection);
  if (field.isClusteringKey) throw invalidParameter(`array field ${name} can not be a clustering key`);
}

export function checkCapacity(field: DeclaredField, collection: string): void {
  const text = typeParam(field, "max_capacity");
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
  time: "DataType_Timestamptz",
};
const INT_LIMITS: Readonly<Record<number, number>> = {
  [DataType.Int8]: 2 ** 7,
  [DataType.Int16]: 2 ** 15,
  [DataType.Int32]: 2 ** 31,
};

export function checkDefault(field: DeclaredField): void {
  const given = field.defaultValue;
  if (given === null || field.isPrimaryKey) return;
  const type = dataTypeName(field.dataType);
  const kind = DEFAULT_KINDS[field.dataType];
  if (kind === undefined) throw invalidParameter(`type not support default_value, type:${type}, name:${field.name}`);
  // Times come as texts, or as microseconds since 1970 in UTC.
  const isTime = field.dataType === DataType.Timestamptz && given.kind === "time";
  if (given.kind !== kind && !isTime) {
    throw invalidParameter(
      `type (${type}) of field (${field.name}) is not equal to the type(${KIND_TYPES[given.kind] ?? "DataType_None"}) of default_value`,
    );
  }
  const limit = INT_LIMITS[field.dataType];
  if (limit !== undefined && ((given.value as number) < -limit || (given.value as number) >= limit)) {
    throw invalidParameter("default value out of range");
  }
  if (isTime && !isTimestamptz(given.value as bigint)) throw invalidParameter("default value out of range");
  if (field.dataType === DataType.VarChar) {
    const length = Buffer.byteLength(given.value as string);
    const most = Number(typeParam(field, "max_length"));
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
    dimension: holdsVectors(field) ? Number(typeParam(field, "dim")) : 0,
    maxLengthBytes: holdsVarChar(field) ? Number(typeParam(field, "max_length")) : 0,
  };
}

function storedDefault({ dataType, defaultValue }: DeclaredField, zone: string): DefaultValue | null {
  if (defaultValue === null) return null;
  if (dataType === DataType.Timestamptz && defaultValue.kind === "string") {
    return timeOf(defaultValue.value as string, zone);
  }
  return defaultValue.value as DefaultValue;
}

function holdsVectors({ dataType, elementType }: DeclaredField): boolean {
  return isDenseVectorType((dataType === DataType.ArrayOfVector ? elementType : dataType) as DataType);
}

function holdsVarChar({ dataType, elementType }: DeclaredField): boolean {
  return (dataType === DataType.Array ? elementType : dataType) === DataType.VarChar;
}

export function typeParam(field: DeclaredField, key: string): string | null {
  return field.typeParams.find((entry) => entry.key === key)?.value ?? null;
}
