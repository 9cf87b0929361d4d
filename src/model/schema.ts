/**
 * Collections as the system knows them: what a user declared, plus the ids that make it unambiguous.
 *
 * Always true:
 *  - field ids of users start at 100 and are never used again in the same collection; 0 and 1 are the system's;
 *  - the dynamic field, where there is one, is the last field, named `$meta`, and flagged `isDynamic`;
 *  - a sub-field of a struct is a field like others, named `struct[sub]`, of type Array or ArrayOfVector; `structs` says which belong together;
 *  - exactly one field is the primary key, Int64 or VarChar.
 */

import { present } from "../base/assert.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { type ConsistencyLevel, DataType, isVectorType } from "./types.ts";

export const ROW_ID_FIELD = 0n;
export const TIMESTAMP_FIELD = 1n;
export const FIRST_USER_FIELD = 100n;
export const DYNAMIC_FIELD_NAME = "$meta";

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

/** Null: nothing is said under the key. */
export function propertyValue(properties: readonly KeyValue[], key: string): string | null {
  return properties.find((property) => property.key === key)?.value ?? null;
}

/** A default value, by the type of its field. */
export type DefaultValue = boolean | number | bigint | string;

export interface FieldSchema {
  readonly fieldId: bigint;
  readonly name: string;
  readonly description: string;
  readonly dataType: DataType;
  readonly elementType: DataType;
  readonly isPrimaryKey: boolean;
  readonly autoId: boolean;
  readonly isPartitionKey: boolean;
  readonly isClusteringKey: boolean;
  readonly isDynamic: boolean;
  readonly nullable: boolean;
  readonly defaultValue: DefaultValue | null;
  /** As given: `dim`, `max_length`, `mmap.enabled`… */
  readonly typeParams: readonly KeyValue[];
  /** Components of a vector; 0 for other fields. */
  readonly dimension: number;
  /** Bytes that a VarChar, or an element of an array of them, may have; 0 for other fields. */
  readonly maxLengthBytes: number;
}

/** An array of structs: the arrays of its sub-fields, which in each row have as many elements, or are null together. */
export interface StructSchema {
  readonly fieldId: bigint;
  readonly name: string;
  readonly description: string;
  readonly nullable: boolean;
  readonly typeParams: readonly KeyValue[];
  /** The sub-fields, as they were declared; never none. */
  readonly fieldIds: readonly bigint[];
}

export interface CollectionSchema {
  readonly name: string;
  readonly description: string;
  readonly fields: readonly FieldSchema[];
  /** Absent: none. */
  readonly structs?: readonly StructSchema[];
  readonly enableDynamicField: boolean;
  /** Grows with every change of the fields. */
  readonly version: number;
  /** The highest id that a field ever had. Absent: none was dropped, so that the fields say it. */
  readonly highestFieldId?: bigint;
}

export interface PartitionInfo {
  readonly partitionId: bigint;
  readonly name: string;
  readonly createdTimestamp: Timestamp;
}

export interface CollectionInfo {
  readonly collectionId: bigint;
  readonly databaseId: bigint;
  readonly databaseName: string;
  readonly schema: CollectionSchema;
  readonly partitions: readonly PartitionInfo[];
  readonly shardsNum: number;
  /** `<pchannel>_<collectionId>v<shard>`, one a shard. */
  readonly virtualChannels: readonly string[];
  readonly consistencyLevel: ConsistencyLevel;
  readonly properties: readonly KeyValue[];
  readonly createdTimestamp: Timestamp;
  /** Changes with every DDL on the collection; clients echo it so that a stale schema is noticed. */
  readonly updateTimestamp: Timestamp;
  /** Rows inserted then or before are gone. Absent: it was never truncated. */
  readonly truncatedUntil?: Timestamp;
}

export function primaryKeyField(schema: CollectionSchema): FieldSchema {
  return present(
    schema.fields.find((field) => field.isPrimaryKey),
    "primary key field",
  );
}

/** How many elements an array may have. */
export function arrayCapacity({ typeParams }: Pick<FieldSchema, "typeParams">): number {
  return Number(typeParams.find(({ key }) => key === "max_capacity")?.value ?? 0);
}

export function dynamicField(schema: CollectionSchema): FieldSchema | null {
  return schema.fields.find((field) => field.isDynamic) ?? null;
}

export function newDynamicField(fieldId: bigint): FieldSchema {
  return {
    fieldId,
    name: DYNAMIC_FIELD_NAME,
    description: "dynamic schema",
    dataType: DataType.JSON,
    elementType: DataType.None,
    isPrimaryKey: false,
    autoId: false,
    isPartitionKey: false,
    isClusteringKey: false,
    isDynamic: true,
    nullable: false,
    defaultValue: null,
    typeParams: [],
    dimension: 0,
    maxLengthBytes: 0,
  };
}

/** The id after the highest that was ever given. */
export function nextFieldId(schema: CollectionSchema): bigint {
  const first = (schema.highestFieldId ?? FIRST_USER_FIELD - 1n) + 1n;
  return [...schema.fields, ...(schema.structs ?? [])].reduce(
    (next, { fieldId }) => (fieldId >= next ? fieldId + 1n : next),
    first,
  );
}

export function vectorFields(schema: CollectionSchema): FieldSchema[] {
  return schema.fields.filter((field) => isVectorType(field.dataType));
}

export function fieldByName(schema: CollectionSchema, name: string): FieldSchema | null {
  return schema.fields.find((field) => field.name === name) ?? null;
}

/** The physical channel of a virtual one: `by-dev-rootcoord-dml_3_450v0` → `by-dev-rootcoord-dml_3`. */
export function physicalChannel(virtualChannel: string): string {
  return virtualChannel.slice(0, virtualChannel.lastIndexOf("_"));
}
