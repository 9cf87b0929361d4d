/** For the property tests: what the generated code decoded, in the shapes of the hand-written readers. */

import assert from "node:assert/strict";
import { type MessageShape, fromBinary } from "@bufbuild/protobuf";
import { type Column, type VectorColumn, columnRows, takeRows } from "../../../model/columns.ts";
import { DataType } from "../../../model/types.ts";
import { bytesOfVectors } from "../../../model/vectors.ts";
import type { WireColumn, WireField } from "../field-data.ts";
import { FieldDataSchema } from "../generated/schema_pb.js";
import type {
  ArrayArray,
  FieldData,
  IDs,
  SparseFloatArray,
  TemplateArrayValue,
  TemplateValue as TemplateMessage,
  VectorArray,
} from "../generated/schema_pb.js";
import type { TemplateArray, TemplateValue } from "../template-value.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A column as plain values: numbers, bigints, strings, hex of JSON. */
export type Plain = readonly (number | bigint | string | boolean | Plain)[];

export interface PlainField {
  readonly type: number;
  readonly fieldName: string;
  readonly fieldId: bigint;
  readonly isDynamic: boolean;
  readonly valid: readonly boolean[];
  readonly member: string | undefined;
  readonly dimension: number;
  readonly values: Plain | null;
}

const SUPPORTED: ReadonlySet<string | undefined> = new Set([
  "boolData",
  "intData",
  "longData",
  "floatData",
  "doubleData",
  "stringData",
  "jsonData",
  "timestamptzData",
  "geometryData",
  "geometryWktData",
  "floatVector",
  "arrayData",
  "binaryVector",
  "float16Vector",
  "bfloat16Vector",
  "int8Vector",
  "sparseFloatVector",
  "vectorArray",
]);

const ELEMENTS: ReadonlySet<string> = new Set([...SUPPORTED].slice(0, 6) as string[]);

export function plainOfOracle(field: MessageShape<typeof FieldDataSchema>): PlainField {
  const member = memberOf(field);
  const values = SUPPORTED.has(member?.case) ? plainMember(member!) : null;
  return {
    type: field.type,
    fieldName: field.fieldName,
    fieldId: field.fieldId,
    isDynamic: field.isDynamic,
    valid: field.validData,
    member: member?.case,
    dimension: field.field.case === "vectors" ? Number(field.field.value.dim) : 0,
    values,
  };
}

function plainMember({ case: name, value }: { readonly case: string; readonly value: unknown }): Plain | null {
  if (name === "arrayData") return plainArrays(value as ArrayArray);
  if (name === "vectorArray") return plainVectorArrays(value as VectorArray);
  if (value instanceof Uint8Array) return [plainValue(value) as string];
  const entries =
    name === "sparseFloatVector" ? (value as SparseFloatArray).contents : (value as { data: unknown[] }).data;
  return entries.map(plainValue) as Plain;
}

/** Null for elements of several members, or of one that is not decoded. */
function plainArrays({ data }: ArrayArray): Plain | null {
  const members = new Set<string>();
  const rows = data.map((row) => {
    if (row.data.case === undefined) return [];
    const elements = (row.data.value as { data: unknown[] }).data;
    if (elements.length > 0) members.add(row.data.case);
    return elements.map(plainValue) as Plain;
  });
  const [member, ...others] = members;
  if (others.length > 0 || (member !== undefined && !ELEMENTS.has(member))) return null;
  return rows;
}

const VECTOR_BYTES: Readonly<Record<string, number>> = {
  binaryVector: 1,
  float16Vector: 2,
  bfloat16Vector: 2,
  int8Vector: 1,
};

/** Null for vectors of several members, or of one that is not decoded, or of half an entry. */
function plainVectorArrays({ data }: VectorArray): Plain | null {
  const members = new Set<string>();
  let isWhole = true;
  const rows = data.map(({ data: { case: member, value } }): Plain => {
    if (member === "floatVector") {
      if (value.data.length > 0) members.add(member);
      return value.data;
    }
    if (!(value instanceof Uint8Array) || member === undefined) {
      if (member !== undefined) isWhole = false;
      return [];
    }
    if (value.length > 0) members.add(member);
    if (value.length % VECTOR_BYTES[member]! !== 0) {
      isWhole = false;
      return [];
    }
    if (VECTOR_BYTES[member] === 2) return Array.from(new Uint16Array(value.slice().buffer));
    return Array.from(member === "int8Vector" ? new Int8Array(value) : value);
  });
  return isWhole && members.size <= 1 ? rows : null;
}

function memberOf({ field }: FieldData): { case: string; value: unknown } | undefined {
  if (field.case === "structArrays") return { case: "structArrays", value: field.value };
  if (field.case === undefined || field.value.data.case === undefined) return undefined;
  return field.value.data as { case: string; value: unknown };
}

function plainValue(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

/** The values of a decoded field; `member` tells how to read bytes. */
export function plainOfHand(field: WireField, member: string | undefined): Plain | null {
  return field.column === null ? null : plainColumn(field.column, member);
}

function plainColumn(column: WireColumn, member: string | undefined): Plain {
  if (column.kind === "array") {
    const { elements, offsets } = column;
    const inner =
      elements?.kind === "bytes" ? "stringData" : elements?.values instanceof Uint8Array ? "boolData" : undefined;
    const flat = elements === null ? [] : plainColumn(elements, inner);
    return Array.from({ length: offsets.length - 1 }, (_, row) => flat.slice(offsets[row], offsets[row + 1]));
  }
  if (column.kind === "vectors") {
    const { offsets, vectors } = column;
    const values = vectors === null ? [] : Array.from(vectors.values as ArrayLike<number>);
    return Array.from({ length: offsets.length - 1 }, (_, row) => values.slice(offsets[row], offsets[row + 1]));
  }
  if (column.kind === "vector" && column.type !== DataType.FloatVector) {
    return [plainValue(bytesOfVectors(column.values)) as string];
  }
  if (column.kind === "bytes" || column.kind === "sparse") {
    const { offsets, bytes } = column;
    return Array.from({ length: offsets.length - 1 }, (_, row) => {
      const entry = bytes.subarray(offsets[row], offsets[row + 1]);
      return member === "stringData" || member === "geometryWktData"
        ? utf8.decode(entry)
        : Buffer.from(entry).toString("hex");
    });
  }
  const values: Plain = Array.from(column.values as ArrayLike<number | bigint>);
  return member === "boolData" ? values.map((value) => value === 1) : values;
}

/** What a result column should look like to a client: padded scalars, compact vectors. */
export function plainResult(column: Column): Plain {
  switch (column.kind) {
    case "fixed":
      return column.type === 1
        ? Array.from(column.values as Uint8Array, (value) => value === 1)
        : Array.from(column.values as ArrayLike<number | bigint>);
    case "bytes": {
      if (column.type !== DataType.SparseFloatVector) {
        return plainColumn(column, column.type === DataType.JSON ? "jsonData" : "stringData");
      }
      const entries = plainColumn({ ...column, kind: "sparse", dimension: 0 }, undefined);
      return entries.filter((_, row) => column.valid === null || column.valid[row] === 1);
    }
    case "vector": {
      const rows = Array.from({ length: columnRows(column) }, (_, row) => row);
      const present = takeRows(
        column,
        Uint32Array.from(rows.filter((row) => column.valid === null || column.valid[row] === 1)),
      ) as VectorColumn;
      if (present.type === DataType.FloatVector) return Array.from(present.values);
      return [plainValue(bytesOfVectors(present.values)) as string];
    }
    case "array": {
      const elements = plainResult(column.elements);
      const { offsets } = column;
      return Array.from({ length: offsets.length - 1 }, (_, row) => elements.slice(offsets[row], offsets[row + 1]));
    }
  }
}

export function plainKeys(ids: IDs | undefined): Plain | null {
  return ids?.idField.case === undefined ? null : ids.idField.value.data;
}

export function plainTemplate(value: TemplateMessage): TemplateValue {
  const { val } = value;
  switch (val.case) {
    case "boolVal":
      return { kind: "bool", value: val.value };
    case "int64Val":
      return { kind: "int64", value: val.value };
    case "floatVal":
      return { kind: "double", value: val.value };
    case "stringVal":
      return { kind: "string", value: val.value };
    case "bytesVal":
      return { kind: "bytes", value: new Uint8Array(val.value) };
    case "arrayVal":
      return { kind: "array", value: plainArray(val.value) };
    default:
      return { kind: "none" };
  }
}

function plainArray({ data }: TemplateArrayValue): TemplateArray {
  switch (data.case) {
    case "boolData":
      return { kind: "bool", values: data.value.data };
    case "longData":
      return { kind: "int64", values: BigInt64Array.from(data.value.data) };
    case "doubleData":
      return { kind: "double", values: Float64Array.from(data.value.data) };
    case "stringData":
      return { kind: "string", values: data.value.data };
    case "jsonData":
      return { kind: "json", values: data.value.data.map((entry) => new Uint8Array(entry)) };
    case "arrayData":
      return { kind: "array", values: data.value.data.map(plainArray) };
    default:
      return { kind: "none" };
  }
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

/** Checks a field that was decoded by hand against the same bytes decoded by the generated code. */
export function assertSameField(hand: WireField, bytes: Uint8Array): void {
  assertSameMessage(hand, fromBinary(FieldDataSchema, bytes), true);
}

function assertSameMessage(hand: WireField, message: FieldData, mayBeStruct: boolean): void {
  const oracle = plainOfOracle(message);
  assert.equal(hand.type, oracle.type);
  assert.equal(hand.fieldName, oracle.fieldName);
  assert.equal(hand.fieldId, oracle.fieldId);
  assert.equal(hand.isDynamic, oracle.isDynamic);
  assert.deepEqual(
    Array.from(hand.valid ?? [], (byte) => byte === 1),
    oracle.valid,
  );
  if (mayBeStruct && message.field.case === "structArrays") {
    const { fields } = message.field.value;
    assert.equal(hand.subFields?.length, fields.length);
    for (const [at, field] of fields.entries()) assertSameMessage(hand.subFields![at]!, field, false);
    return;
  }
  assert.equal(hand.subFields, undefined);
  assert.equal(hand.unsupported, oracle.member !== undefined && oracle.values === null);
  assert.deepEqual(plainOfHand(hand, oracle.member), oracle.values);
  if (hand.column?.kind === "sparse") assert.equal(BigInt(hand.column.dimension), sparseDimensionOf(message));
  if (hand.column?.kind === "vector") assert.equal(hand.column.dimension, oracle.dimension);
  if (hand.column?.kind === "vectors") {
    assert.equal(BigInt(hand.column.dimension), (memberOf(message)!.value as VectorArray).dim);
  }
}

function sparseDimensionOf(message: FieldData): bigint {
  const member = memberOf(message);
  assert.equal(member?.case, "sparseFloatVector");
  return (member!.value as SparseFloatArray).dim;
}
