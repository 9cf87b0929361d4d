/**
 * From columns as they were sent to a batch that fits the schema: every rule of inserting, with Milvus's texts.
 *
 * Always true of the result: one column for every field of the schema, each with the row count of the request, defaults filled in,
 * values in range; nothing of it is an object a row.
 */

import { invalidParameter, milvusError, unexpectedParameter } from "../base/errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import {
  type BytesColumn,
  type Column,
  type FixedColumn,
  bytesAt,
  bytesColumn,
  emptyArrays,
  fixedValues,
  isBytesType,
} from "../model/columns.ts";
import { type CollectionSchema, DYNAMIC_FIELD_NAME, type FieldSchema } from "../model/schema.ts";
import { DataType, dataTypeName, isArrayType, isVectorType } from "../model/types.ts";
import { isDenseVectorType, vectorStride, vectorValues } from "../model/vectors.ts";
import type { Pace } from "../storage/pace.ts";
import { convertArrays, padArrays } from "./input-arrays.ts";
import { INTEGER_RANGES, notFinite, outOfRange } from "./input-numbers.ts";
import { convertVectorArrays } from "./input-vector-arrays.ts";
import { convertVectors } from "./input-vectors.ts";
import type { InputField } from "./requests.ts";

const MAX_JSON_BYTES = 65_536;
/** So much JSON is parsed in about two milliseconds; a row costs about as much as so many bytes more. */
const JSON_STEP_BYTES = 256 * 1024;
const JSON_ROW_BYTES = 128;

/**
 * Columns by field id, the automatic key excepted (unless `keyGiven`). Between stretches of JSON `pace` gives everybody else a turn;
 * nobody may change what was sent until it resolves.
 *
 * @throws 1100 with the reason; nothing has been changed then.
 */
export async function checkedColumns(
  schema: CollectionSchema,
  fields: readonly InputField[],
  rowCount: number,
  keyGiven: boolean,
  kernel: Kernel,
  pace: Pace | null = null,
): Promise<Map<bigint, Column>> {
  if (rowCount <= 0) throw invalidParameter(`num_rows should be greater than 0, got ${rowCount}`);
  const byName = new Map<string, InputField>();
  for (const field of fields) {
    const name = field.isDynamic || field.fieldName === "" ? DYNAMIC_FIELD_NAME : field.fieldName;
    if (byName.has(name)) throw invalidParameter(`duplicated column ${name} found`);
    byName.set(name, field);
  }
  const columns = new Map<bigint, Column>();
  let used = 0;
  for (const field of schema.fields) {
    const input = byName.get(field.name);
    if (field.isPrimaryKey && field.autoId && !keyGiven) {
      if (input !== undefined) {
        throw invalidParameter(
          `can not assign primary field data when auto id enabled and allow_insert_auto_id is false ${field.name}`,
        );
      }
      continue;
    }
    if (input !== undefined) used += 1;
    columns.set(field.fieldId, await checkedColumn(field, input, rowCount, kernel, pace));
  }
  if (used < byName.size) {
    const unknown = [...byName.keys()].find((name) => !schema.fields.some((field) => field.name === name));
    if (unknown === DYNAMIC_FIELD_NAME)
      throw invalidParameter("without dynamic schema enabled, the field name cannot be set to $meta");
    throw unexpectedParameter(
      schema.fields.length,
      fields.length,
      `more fieldData has pass in, the field ${unknown} does not exist in collection`,
    );
  }
  return columns;
}

async function checkedColumn(
  field: FieldSchema,
  input: InputField | undefined,
  rowCount: number,
  kernel: Kernel,
  pace: Pace | null,
): Promise<Column> {
  if (input === undefined) {
    const filled = columnOfAbsent(field, rowCount);
    if (filled !== null) return filled;
    throw invalidParameter(`fieldSchema(${field.name}) has no corresponding fieldData pass in`);
  }
  const optional = field.nullable || field.defaultValue !== null;
  if (input.unsupported || input.column === null) {
    if (input.rowCount === 0 && input.column === null && !input.unsupported) {
      // Clients send vectors none of which is there as flags without data.
      const isAllNull = optional && input.valid?.length === rowCount && !input.valid.includes(1);
      const filled = isAllNull ? columnOfAbsent(field, rowCount) : null;
      if (filled !== null) return filled;
      throw invalidParameter(`the num_rows (0) of field (${field.name}) is not equal to passed num_rows (${rowCount})`);
    }
    throw typeMismatch(field, input);
  }
  if (input.valid !== null && input.valid.length > 0) {
    if (!optional || input.valid.length !== rowCount)
      throw invalidParameter(`the length of valid_data of field(${field.name}) is wrong`);
    const sent = isPadded(field) ? padded(field, input, rowCount) : input.column;
    const column = await convert(field, sent, rowCount, kernel, pace, input.valid);
    return withDefaults(field, column, input.valid);
  }
  if (isPadded(field) && input.rowCount !== rowCount) {
    throw invalidParameter(
      `the num_rows (${input.rowCount}) of field (${field.name}) is not equal to passed num_rows (${rowCount})`,
    );
  }
  return convert(field, input.column, rowCount, kernel, pace, null);
}

/** Whether a column has an entry a row once null ones are filled in; vectors are looked at by what they hold. */
function isPadded({ dataType }: FieldSchema): boolean {
  return !isVectorType(dataType) || isArrayType(dataType);
}

type InputColumn = NonNullable<InputField["column"]>;

/** `valid`: which entries are there; the others have nothing that could be wrong. */
async function convert(
  field: FieldSchema,
  column: InputColumn,
  rowCount: number,
  kernel: Kernel,
  pace: Pace | null,
  valid: Uint8Array | null,
): Promise<Column> {
  const { dataType: type } = field;
  const mismatch = (): Error => typeMismatchOf(field, sentType(column));
  if (type === DataType.ArrayOfVector) {
    if (column.kind !== "vectors") throw mismatch();
    return convertVectorArrays(field, column, valid, kernel, pace, mismatch);
  }
  if (isVectorType(type)) {
    if (column.kind !== "vector" && column.kind !== "sparse") throw mismatch();
    return convertVectors(field, column, rowCount, valid, kernel, pace, mismatch);
  }
  if (isBytesType(type)) return convertBytes(field, column, pace, valid);
  if (type === DataType.Array && column.kind === "array") return convertArrays(field, column, valid);
  if (column.kind !== "fixed") throw typeMismatchOf(field, column.kind);
  const { values } = column;
  const target = fixedValues(type, 0);
  if (values.constructor === target.constructor) {
    if (values instanceof Float32Array || values instanceof Float64Array) checkFinite(values);
    return { kind: "fixed", type, values, valid: null };
  }
  const range = INTEGER_RANGES[type];
  if (range === undefined || !(values instanceof Int32Array)) throw typeMismatchOf(field, values.constructor.name);
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row]!;
    if (value < range[0] || value > range[1]) {
      throw outOfRange(row, value, range);
    }
  }
  const narrow = fixedValues(type, values.length) as Int8Array | Int16Array;
  narrow.set(values);
  return { kind: "fixed", type, values: narrow, valid: null };
}

async function convertBytes(
  field: FieldSchema,
  column: InputColumn,
  pace: Pace | null,
  valid: Uint8Array | null,
): Promise<BytesColumn> {
  if (column.kind !== "bytes") throw typeMismatchOf(field, column.kind);
  const result: BytesColumn = {
    kind: "bytes",
    type: field.dataType,
    offsets: column.offsets,
    bytes: column.bytes,
    valid: null,
  };
  const rows = column.offsets.length - 1;
  let unpausedBytes = 0;
  for (let row = 0; row < rows; row += 1) {
    if (valid !== null && valid[row] === 0) continue;
    const length = column.offsets[row + 1]! - column.offsets[row]!;
    if (field.dataType === DataType.VarChar) {
      if (length <= field.maxLengthBytes) continue;
      throw invalidParameter(
        `length of varchar field ${field.name} exceeds max length, row number: ${row}, length: ${length}, max length: ${field.maxLengthBytes}`,
      );
    }
    // Checked when it was read.
    if (field.dataType === DataType.Geometry) continue;
    if (length > MAX_JSON_BYTES) {
      throw invalidParameter(
        field.isDynamic
          ? `the length (${length}) of dynamic field exceeds max length (${MAX_JSON_BYTES})`
          : `the length (${length}) of json field (${field.name}) exceeds max length (${MAX_JSON_BYTES})`,
      );
    }
    checkJson(field, bytesAt(result, row), row);
    unpausedBytes += length + JSON_ROW_BYTES;
    if (unpausedBytes < JSON_STEP_BYTES) continue;
    unpausedBytes = 0;
    await pace?.pause();
  }
  return result;
}

function checkJson(field: FieldSchema, bytes: Uint8Array, row: number): void {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    throw invalidParameter(`the ${row}th value of json field (${field.name}) is not valid JSON`);
  }
  if (!field.isDynamic) return;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidParameter(`the ${row}th value of the dynamic field should be a JSON object`);
  }
  if (DYNAMIC_FIELD_NAME in value) throw invalidParameter("use the key $meta is not allowed in the dynamic field");
}

/** One entry a row, where the sender left out the entries that are null. */
function padded(field: FieldSchema, input: InputField, rowCount: number): InputColumn {
  const column = input.column!;
  const valid = input.valid!;
  const present = valid.reduce((count, flag) => count + (flag === 0 ? 0 : 1), 0);
  if (input.rowCount === rowCount) return column;
  if (input.rowCount !== present) throw unexpectedParameter(present, input.rowCount, "the length of field is wrong");
  if (column.kind === "vector" || column.kind === "sparse") throw typeMismatch(field, input);
  if (column.kind === "array" || column.kind === "vectors") return padArrays(column, valid);
  if (column.kind === "fixed") {
    const make = column.values.constructor as new (length: number) => FixedColumn["values"];
    const values = new make(rowCount);
    for (let row = 0, at = 0; row < rowCount; row += 1) {
      if (valid[row] !== 0) values[row] = column.values[at++]!;
    }
    return { kind: "fixed", values };
  }
  const offsets = new Uint32Array(rowCount + 1);
  for (let row = 0, at = 0; row < rowCount; row += 1) {
    if (valid[row] !== 0) at += 1;
    offsets[row + 1] = column.offsets[at]!;
  }
  return { kind: "bytes", offsets, bytes: column.bytes };
}

/** Entries that are not there become the default, or null. */
function withDefaults(field: FieldSchema, column: Column, valid: Uint8Array): Column {
  if (valid.every((flag) => flag !== 0)) return column;
  if (field.defaultValue === null) return { ...column, valid: valid.map((flag) => (flag === 0 ? 0 : 1)) };
  const filled = columnOfAbsent(field, 1)!;
  if (column.kind === "fixed") {
    const values = column.values.slice();
    for (let row = 0; row < valid.length; row += 1)
      if (valid[row] === 0) values[row] = (filled as FixedColumn).values[0]!;
    return { ...column, values };
  }
  const value = (filled as BytesColumn).bytes;
  const entries = Array.from(valid, (flag, row) => (flag === 0 ? value : bytesAt(column as BytesColumn, row)));
  return bytesColumn(field.dataType, entries);
}

/** The column of a field that was not sent: its default, nulls, or null when it must be sent. */
export function columnOfAbsent(field: FieldSchema, rowCount: number): Column | null {
  const { dataType: type, defaultValue } = field;
  if (field.isDynamic)
    return bytesColumn(
      type,
      Array.from({ length: rowCount }, () => "{}"),
    );
  if (field.isPrimaryKey) return null;
  if (defaultValue === null && !field.nullable) return null;
  const valid = defaultValue === null ? new Uint8Array(rowCount) : null;
  if (isArrayType(type)) return emptyArrays(field, rowCount, valid);
  if (isDenseVectorType(type)) {
    const { dimension } = field;
    const values = vectorValues(type, rowCount * vectorStride(type, dimension));
    return { kind: "vector", type, dimension, values, valid };
  }
  if (isBytesType(type))
    return bytesColumn(
      type,
      Array.from({ length: rowCount }, () => String(defaultValue ?? "")),
      valid,
    );
  const values = fixedValues(type, rowCount);
  if (defaultValue !== null) {
    if (values instanceof BigInt64Array) values.fill(BigInt(defaultValue));
    else values.fill(Number(defaultValue));
  }
  return { kind: "fixed", type, values, valid };
}

function checkFinite(values: Float32Array | Float64Array): void {
  for (let row = 0; row < values.length; row += 1) if (!Number.isFinite(values[row]!)) throw notFinite(values[row]!);
}

function typeMismatch(field: FieldSchema, input: InputField): Error {
  return typeMismatchOf(field, dataTypeName(input.type));
}

function sentType(column: InputColumn): string {
  if (column.kind === "vector") return dataTypeName(column.type);
  if (column.kind === "vectors") return dataTypeName(DataType.ArrayOfVector);
  return column.kind === "sparse" ? dataTypeName(DataType.SparseFloatVector) : column.kind;
}

function typeMismatchOf(field: FieldSchema, got: string): Error {
  return milvusError(
    "ParameterInvalid",
    `The data type of field ${field.name} doesn't match, expected: ${dataTypeName(field.dataType).toUpperCase()}, got ${got.toUpperCase()}`,
  );
}
