/**
 * Vectors as they were sent to columns that fit their field, with Milvus's texts: dimension, number of rows, values that are no numbers,
 * indices of sparse vectors.
 *
 * Where a field is nullable, clients send the vectors that are there and nothing for the others. Floats for a field of 16-bit floats
 * are rounded.
 */

import { present } from "../base/assert.ts";
import { invalidParameter } from "../base/errors.ts";
import { bfloat16Of, float16Of, numberOfBfloat16, numberOfFloat16 } from "../base/half.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { layoutOf } from "../kernel/layout.ts";
import type { BytesColumn, Column, VectorColumn } from "../model/columns.ts";
import type { FieldSchema } from "../model/schema.ts";
import { sparseFault } from "../model/sparse.ts";
import { DataType } from "../model/types.ts";
import {
  type DenseVectorType,
  type VectorValues,
  vectorRowBytes,
  vectorStride,
  vectorValues,
} from "../model/vectors.ts";
import type { Pace } from "../storage/pace.ts";
import { notFinite, notFiniteText } from "./input-numbers.ts";
import type { InputField } from "./requests.ts";

type InputColumn = NonNullable<InputField["column"]>;
export type InputVectors = Extract<InputColumn, { kind: "vector" | "sparse" }>;

/** Looked at between two turns of the event loop: about a millisecond. */
const STEP_ENTRIES = 1 << 19;
const STEP_ROWS = 1 << 12;

/** `valid`: which rows are there, or null when all are. */
export async function convertVectors(
  field: FieldSchema,
  column: InputVectors,
  rowCount: number,
  valid: Uint8Array | null,
  kernel: Kernel,
  pace: Pace | null,
  mismatch: () => Error,
): Promise<Column> {
  if (column.kind === "sparse") {
    if (field.dataType !== DataType.SparseFloatVector) throw mismatch();
    return await convertSparse(field, column, rowCount, valid, pace);
  }
  const type = field.dataType as DenseVectorType;
  const isRounded = isHalf(type) && column.type === DataType.FloatVector;
  if (column.type !== type && !isRounded) throw mismatch();
  checkLength(field, column, rowCount, valid);
  const { dimension } = field;
  const values = isRounded ? await rounded(type, column.values, pace) : column.values;
  const at = await kernel.findNotFinite(values, present(layoutOf(type, dimension), "layout of a dense vector").element);
  if (at >= 0) throw notFinite(numberAt(type, values, at));
  const stride = vectorStride(type, dimension);
  const isComplete = valid === null || !valid.includes(0);
  const placed = isComplete ? values : await spread(type, values, stride, valid, pace);
  return { kind: "vector", type, dimension, values: placed, valid: null };
}

type HalfType = typeof DataType.Float16Vector | typeof DataType.BFloat16Vector;

export function isHalf(type: DataType): type is HalfType {
  return type === DataType.Float16Vector || type === DataType.BFloat16Vector;
}

const UNITS: Readonly<Record<DenseVectorType, string>> = {
  [DataType.FloatVector]: "float",
  [DataType.Float16Vector]: "float16",
  [DataType.BFloat16Vector]: "bfloat16",
  [DataType.Int8Vector]: "int8",
  [DataType.BinaryVector]: "binary",
};

function checkLength(
  field: FieldSchema,
  column: Extract<InputVectors, { kind: "vector" }>,
  rowCount: number,
  valid: Uint8Array | null,
): void {
  if (column.dimension !== field.dimension) {
    throw invalidParameter(
      `the dim (${column.dimension}) of field data(${field.name}) is not equal to schema dim (${field.dimension})`,
    );
  }
  const rowBytes = vectorRowBytes(column.type, field.dimension);
  const rows = column.values.byteLength / rowBytes;
  if (!Number.isInteger(rows)) {
    const length = column.values.length;
    throw invalidParameter(
      column.type === DataType.BinaryVector
        ? `the num(${length * 8}) of all bits should divide the dim(${field.dimension})`
        : `the length(${length}) of ${UNITS[column.type]} data should divide the dim(${field.dimension})`,
    );
  }
  checkRows(field, rows, rowCount, valid);
}

function checkRows(field: FieldSchema, rows: number, rowCount: number, valid: Uint8Array | null): void {
  if (rows === rowCount || (valid !== null && rows === countPresent(valid))) return;
  throw invalidParameter(
    `the num_rows (${rows}) of field (${field.name}) is not equal to passed num_rows (${rowCount})`,
  );
}

function countPresent(valid: Uint8Array): number {
  let present = 0;
  for (const flag of valid) if (flag !== 0) present += 1;
  return present;
}

async function rounded(type: HalfType, values: VectorValues, pace: Pace | null): Promise<Uint16Array> {
  const halves = new Uint16Array(values.length);
  for (let from = 0; from < values.length; from += STEP_ENTRIES) {
    if (from > 0) await pace?.pause();
    roundHalves(type, values.subarray(from, from + STEP_ENTRIES), halves.subarray(from, from + STEP_ENTRIES));
  }
  return halves;
}

/** To the nearest; what is too large becomes an infinity, and is refused as one. */
export function roundHalves(type: HalfType, from: ArrayLike<number>, to: Uint16Array): void {
  const round = type === DataType.Float16Vector ? float16Of : bfloat16Of;
  for (let at = 0; at < from.length; at += 1) to[at] = round(from[at]!);
}

function numberAt(type: DenseVectorType, values: VectorValues, at: number): number {
  if (!isHalf(type)) return values[at]!;
  return type === DataType.Float16Vector ? numberOfFloat16(values[at]!) : numberOfBfloat16(values[at]!);
}

/** The first value that is no number, or null. */
export function firstNotFinite(type: DataType, values: VectorValues): number | null {
  if (type === DataType.BinaryVector || type === DataType.Int8Vector) return null;
  if (values instanceof Float32Array && areFinite(values)) return null;
  for (let at = 0; at < values.length; at += 1) {
    const value = numberAt(type as DenseVectorType, values, at);
    if (!Number.isFinite(value)) return value;
  }
  return null;
}

/** By a sum that only what is not finite moves off zero: without a branch and an object for each value. */
function areFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let at = 0; at < values.length; at += 1) sum += values[at]! - values[at]!;
  return sum === 0;
}

/** A place for every row, zeros for those that are null, whether something was sent for them or not. */
async function spread(
  type: DenseVectorType,
  values: VectorValues,
  stride: number,
  valid: Uint8Array,
  pace: Pace | null,
): Promise<VectorColumn["values"]> {
  const all = vectorValues(type, valid.length * stride);
  const isPadded = values.length === all.length;
  const stepRows = Math.max(1, Math.floor(STEP_ENTRIES / stride));
  for (let row = 0, at = 0; row < valid.length; row += 1) {
    if (row % stepRows === 0 && row > 0) await pace?.pause();
    if (valid[row] !== 0) all.set(values.subarray(at, at + stride), row * stride);
    if (valid[row] !== 0 || isPadded) at += stride;
  }
  return all;
}

async function convertSparse(
  field: FieldSchema,
  column: Extract<InputVectors, { kind: "sparse" }>,
  rowCount: number,
  valid: Uint8Array | null,
  pace: Pace | null,
): Promise<BytesColumn> {
  const { offsets, bytes } = column;
  const rows = offsets.length - 1;
  checkRows(field, rows, rowCount, valid);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let row = 0; row < rows; row += 1) {
    if (row % STEP_ROWS === 0 && row > 0) await pace?.pause();
    checkSparse(view, offsets[row]!, offsets[row + 1]!, "refused");
  }
  const { dataType: type } = field;
  if (valid === null) return { kind: "bytes", type, offsets, bytes, valid: null };
  const spreadOffsets = new Uint32Array(rowCount + 1);
  const isPadded = rows === rowCount;
  for (let row = 0, at = 0; row < rowCount; row += 1) {
    if (valid[row] !== 0 || isPadded) at += 1;
    spreadOffsets[row + 1] = offsets[at]!;
  }
  return withoutNullBytes({ kind: "bytes", type, offsets: spreadOffsets, bytes, valid: null }, valid);
}

/** Entries that are null have no bytes. */
function withoutNullBytes(column: BytesColumn, valid: Uint8Array): BytesColumn {
  const { offsets, bytes } = column;
  let hasNullBytes = false;
  for (let row = 0; row < valid.length; row += 1)
    hasNullBytes ||= valid[row] === 0 && offsets[row] !== offsets[row + 1];
  if (!hasNullBytes) return column;
  const kept = new Uint32Array(offsets.length);
  const left = new Uint8Array(bytes.length);
  for (let row = 0; row < valid.length; row += 1) {
    const entry = valid[row] === 0 ? bytes.subarray(0, 0) : bytes.subarray(offsets[row], offsets[row + 1]);
    left.set(entry, kept[row]);
    kept[row + 1] = kept[row]! + entry.length;
  }
  return { ...column, offsets: kept, bytes: left.subarray(0, kept[valid.length]) };
}

/** @throws 1100 with Milvus's reason. */
export function checkSparse(view: DataView, start: number, end: number, negative: "allowed" | "refused"): void {
  const fault = sparseFault(view, start, end, { negative });
  switch (fault?.kind) {
    case undefined:
      return;
    case "length":
      throw invalidParameter(
        `invalid data in sparse float vector: ${fault.bytes} bytes are no whole pairs of index and value`,
      );
    case "index":
      throw invalidParameter("invalid index in sparse float vector: must be less than 2^32-1");
    case "order":
      throw invalidParameter("unsorted or same indices in sparse float vector");
    case "value":
      throw invalidParameter(`NaN or Inf in sparse float vector: ${notFiniteText(fault.value)}`);
    case "negative":
      throw invalidParameter("negative value in sparse float vector");
  }
}
