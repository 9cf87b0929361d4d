/**
 * Schemas between the wire and the model.
 *
 * Always true of what goes out: only fields of users, never `$meta`, row ids or timestamps; type parameters as they were given.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { invalidParameter } from "../../base/errors.ts";
import {
  type CollectionInfo,
  type CollectionSchema,
  FIRST_USER_FIELD,
  type FieldSchema,
  type KeyValue,
  type StructSchema,
} from "../../model/schema.ts";
import { bareName, subFields } from "../../model/structs.ts";
import { formatTimestamptz, timeZoneOf } from "../../model/timestamptz.ts";
import { DataType } from "../../model/types.ts";
import type { DeclaredField, DeclaredSchema, DeclaredStruct } from "../../proxy/requests.ts";
import { decodeMessage } from "../wire/control.ts";
import {
  type FieldSchema as WireFieldSchema,
  type StructArrayFieldSchema as WireStructSchema,
  type StructArrayFieldSchemaSchema,
  type ValueField,
  CollectionSchemaSchema,
  FieldSchemaSchema,
  type ValueFieldSchema,
} from "../wire/generated/schema_pb.js";
import { WireError } from "../wire/wire-error.ts";

/** The schema of a request travels as bytes inside it: damage there is an error of the request, not of the call. */
export function declaredSchema(bytes: Uint8Array): DeclaredSchema {
  try {
    const schema = decodeMessage(CollectionSchemaSchema, bytes);
    return {
      name: schema.name,
      description: schema.description,
      fields: schema.fields.map(declaredField),
      enableDynamicField: schema.enableDynamicField,
      functionCount: schema.functions.length,
      structs: schema.structArrayFields.map(declaredStruct),
    };
  } catch (thrown) {
    if (thrown instanceof WireError) throw invalidParameter(`failed to unmarshal collection schema: ${thrown.message}`);
    throw thrown;
  }
}

export function declaredStruct(struct: WireStructSchema): DeclaredStruct {
  return {
    name: struct.name,
    description: struct.description,
    nullable: struct.nullable,
    fields: struct.fields.map(declaredField),
    typeParams: struct.typeParams.map(({ key, value }) => ({ key, value })),
  };
}

/** One field on its own, as it is added. */
export function declaredFieldOf(bytes: Uint8Array): DeclaredField {
  try {
    return declaredField(decodeMessage(FieldSchemaSchema, bytes));
  } catch (thrown) {
    if (thrown instanceof WireError) throw invalidParameter(`failed to unmarshal field schema: ${thrown.message}`);
    throw thrown;
  }
}

export function declaredField(field: WireFieldSchema): DeclaredField {
  return {
    name: field.name,
    description: field.description,
    dataType: field.dataType,
    elementType: field.elementType,
    isPrimaryKey: field.isPrimaryKey,
    autoId: field.autoID,
    isPartitionKey: field.isPartitionKey,
    isClusteringKey: field.isClusteringKey,
    isDynamic: field.isDynamic,
    isFunctionOutput: field.isFunctionOutput,
    nullable: field.nullable,
    defaultValue: declaredDefault(field.defaultValue),
    typeParams: field.typeParams.map(({ key, value }) => ({ key, value })),
  };
}

function declaredDefault(value: ValueField | undefined): DeclaredField["defaultValue"] {
  if (value === undefined) return null;
  switch (value.data.case) {
    case undefined:
      return null;
    case "boolData":
      return { kind: "bool", value: value.data.value };
    case "intData":
      return { kind: "int", value: value.data.value };
    case "longData":
      return { kind: "long", value: value.data.value };
    case "floatData":
      return { kind: "float", value: value.data.value };
    case "doubleData":
      return { kind: "double", value: value.data.value };
    case "stringData":
      return { kind: "string", value: value.data.value };
    case "timestamptzData":
      return { kind: "time", value: value.data.value };
    default:
      return { kind: "other", value: value.data.value };
  }
}

/** What clients are told of a collection's properties: once a field was dropped, also how far its ids have come. */
export function toldProperties({ schema: { highestFieldId }, properties }: CollectionInfo): KeyValue[] {
  if (highestFieldId === undefined) return [...properties];
  return [...properties, { key: "max_field_id", value: String(highestFieldId) }];
}

export function wireSchema(collection: CollectionInfo): MessageInitShape<typeof CollectionSchemaSchema> {
  const { schema, properties } = collection;
  const { structs = [] } = schema;
  const inStructs = new Set(structs.flatMap(({ fieldIds }) => fieldIds));
  return {
    name: schema.name,
    description: schema.description,
    fields: schema.fields
      .filter((field) => !field.isDynamic && field.fieldId >= FIRST_USER_FIELD && !inStructs.has(field.fieldId))
      .map((field) => wireField(field, timeZoneOf(properties))),
    structArrayFields: structs.map((struct) => wireStruct(schema, struct)),
    enableDynamicField: schema.enableDynamicField,
    properties: toldProperties(collection),
    version: schema.version,
  };
}

/** Sub-fields go by the names that they were declared with. */
function wireStruct(
  schema: CollectionSchema,
  struct: StructSchema,
): MessageInitShape<typeof StructArrayFieldSchemaSchema> {
  return {
    fieldID: struct.fieldId,
    name: struct.name,
    description: struct.description,
    nullable: struct.nullable,
    typeParams: [...struct.typeParams],
    fields: subFields(schema, struct).map((field) => ({ ...wireField(field, "UTC"), name: bareName(struct, field) })),
  };
}

function wireField(field: FieldSchema, zone: string): MessageInitShape<typeof FieldSchemaSchema> {
  return {
    fieldID: field.fieldId,
    name: field.name,
    isPrimaryKey: field.isPrimaryKey,
    description: field.description,
    dataType: field.dataType,
    typeParams: [...field.typeParams],
    autoID: field.autoId,
    elementType: field.elementType,
    isPartitionKey: field.isPartitionKey,
    isClusteringKey: field.isClusteringKey,
    nullable: field.nullable,
    ...(field.defaultValue === null ? {} : { defaultValue: wireDefault(field, zone) }),
  };
}

function wireDefault({ dataType, defaultValue }: FieldSchema, zone: string): MessageInitShape<typeof ValueFieldSchema> {
  switch (dataType) {
    case DataType.Bool:
      return { data: { case: "boolData", value: defaultValue as boolean } };
    case DataType.Int64:
      return { data: { case: "longData", value: BigInt(defaultValue as bigint) } };
    case DataType.Float:
      return { data: { case: "floatData", value: defaultValue as number } };
    case DataType.Double:
      return { data: { case: "doubleData", value: defaultValue as number } };
    case DataType.Timestamptz:
      return { data: { case: "stringData", value: formatTimestamptz(BigInt(defaultValue as bigint), zone) } };
    case DataType.VarChar:
      return { data: { case: "stringData", value: defaultValue as string } };
    default:
      return { data: { case: "intData", value: Number(defaultValue) } };
  }
}
