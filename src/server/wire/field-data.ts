/**
 * `schema.FieldData`, one column on the wire, to and from columns.
 *
 *   FieldData     1 type  2 field_name  3 scalars  4 vectors  8 struct_arrays  5 field_id  6 is_dynamic  7 valid_data: bool[]
 *   ScalarField   the members of `scalar-data.ts`  8 arrays, `array-data.ts`  (the other numbers: not decoded here)
 *   VectorField   1 dim  2 float_vector {1 float[]}  3 binary_vector  4 float16_vector  5 bfloat16_vector  7 int8_vector: bytes
 *                 6 sparse_float_vector {1 contents: bytes[]  2 dim}  8 arrays of vectors, `vector-array-data.ts`
 *   StructArrayField   1 fields: FieldData[], each with one array a row
 *
 * What is decoded is what was sent, before any schema: an Int8 column has 32-bit values, a column with nulls may hold only the rows
 * that are present, `rowCount` counts the entries that are there, a vector column may have a length that its dimension does not
 * divide. The caller checks that against the schema and answers in Milvus's words. Vectors of two bytes an entry whose bytes are odd
 * come as those bytes, which fit no row count.
 *
 * Always true: string entries are valid UTF-8; JSON is bytes on the wire and is not checked; nothing decoded shares memory with the
 * request except dense vectors and doubles that are aligned.
 */

import {
  type ArrayColumn,
  type BytesColumn,
  type Column,
  type VectorColumn,
  isBytesType,
} from "../../model/columns.ts";
import { sparseDimension } from "../../model/sparse.ts";
import { DataType } from "../../model/types.ts";
import {
  type DenseVectorType,
  type VectorValues,
  entryBytes,
  isDenseVectorType,
  vectorRowBytes,
  vectorStride,
  vectorValues,
  viewedVectors,
} from "../../model/vectors.ts";
import { assert } from "../../base/assert.ts";
import { ArrayDraft, type WireArrays, encodeArrays } from "./array-data.ts";
import { type ByteEntries, packFixed, readBools, readEntries, readFloats, readRun } from "./packed.ts";
import { BYTES, FIXED32, VARINT, type WireReader } from "./reader.ts";
import { ScalarArm, UNPACKED, type WireScalars, armOf, collectValues, packValues, readScalars } from "./scalar-data.ts";
import { Spans } from "./spans.ts";
import {
  VECTOR_MEMBERS,
  VectorArrayDraft,
  type WireVectorArrays,
  encodeVectorArrays,
  encodeVectorField,
} from "./vector-array-data.ts";
import { WireWriter } from "./writer.ts";

export type WireColumn =
  | WireScalars
  | WireArrays
  | WireVectorArrays
  | {
      readonly kind: "vector";
      readonly type: DenseVectorType;
      readonly dimension: number;
      readonly values: VectorValues;
    }
  /** `dimension`: as the sender says, of all its rows. */
  | {
      readonly kind: "sparse";
      readonly dimension: number;
      readonly offsets: Uint32Array;
      readonly bytes: Uint8Array;
    };

export interface WireField {
  /** As the sender says; it need not be a `DataType` and need not fit the values. */
  readonly type: number;
  readonly fieldName: string;
  readonly fieldId: bigint;
  readonly isDynamic: boolean;
  /** `valid_data`, one byte an entry; null when the sender gave none. */
  readonly valid: Uint8Array | null;
  /** Null when no data came at all, or data of a kind that is not decoded. */
  readonly column: WireColumn | null;
  /** True when data came and its kind is not decoded: arrays of several types… */
  readonly unsupported: boolean;
  /** Entries in `column`; of a vector column, whole vectors. */
  readonly rowCount: number;
  /** Of an array of structs, which has no column of its own. */
  readonly subFields?: readonly WireField[];
}

/** Which member of the nested oneofs holds the values: scalar kinds by their number, vector kinds 100 further up. */
const Arm = {
  None: 0,
  ...ScalarArm,
  Array: 8,
  /** Vectors, and nothing more is known yet. */
  Vector: 100,
  FloatVector: 102,
  BinaryVector: 103,
  Float16Vector: 104,
  BFloat16Vector: 105,
  SparseVector: 106,
  Int8Vector: 107,
  VectorArray: 108,
  Struct: 200,
} as const;

/** Vectors that are sent as bytes. */
const VECTOR_BYTES: ReadonlyMap<number, DenseVectorType> = new Map(
  Object.entries(VECTOR_MEMBERS)
    .map(([type, member]) => [Arm.Vector + member, Number(type) as DenseVectorType] as const)
    .filter(([arm]) => arm !== Arm.FloatVector),
);

class Draft {
  arm: number = Arm.None;
  dimension = 0;
  sparseDimension = 0;
  readonly values = new Spans();
  readonly arrays = new ArrayDraft();
  readonly vectorArrays = new VectorArrayDraft();
  subFields: WireField[] = [];

  /** A oneof keeps its last member; the same member again goes on where it was. */
  choose(arm: number): void {
    if (this.arm !== arm) {
      this.values.clear();
      this.arrays.clear();
      this.vectorArrays.clear();
      this.subFields = [];
    }
    this.arm = arm;
  }
}

/**
 * `mayOverwrite`: nobody reads the message again, so its floats may be moved to where they can be viewed. A struct inside a struct is
 * not decoded: no schema has one.
 */
export function decodeFieldData(reader: WireReader, mayOverwrite = false): WireField {
  return decodeField(reader, mayOverwrite, false);
}

function decodeField(reader: WireReader, mayOverwrite: boolean, isSubField: boolean): WireField {
  const draft = new Draft();
  const validSpans = new Spans();
  let type = 0;
  let fieldName = "";
  let fieldId = 0n;
  let isDynamic = false;
  while (reader.next()) {
    if (reader.is(1, VARINT)) type = reader.int32();
    else if (reader.is(2, BYTES)) fieldName = reader.text();
    else if (reader.is(3, BYTES)) decodeScalars(reader.message(), draft);
    else if (reader.is(4, BYTES)) decodeVectors(reader.message(), draft);
    else if (reader.is(5, VARINT)) fieldId = reader.int64();
    else if (reader.is(6, VARINT)) isDynamic = reader.bool();
    else if (reader.field === 7 && (reader.wireType === BYTES || reader.wireType === VARINT))
      collect(reader, validSpans);
    else if (reader.is(8, BYTES)) {
      draft.choose(Arm.Struct);
      if (isSubField) reader.skip();
      else decodeSubFields(reader.message(), draft.subFields, mayOverwrite);
    } else reader.skip();
  }
  const column = materialize(reader.bytes, draft, mayOverwrite);
  return {
    type,
    fieldName,
    fieldId,
    isDynamic,
    valid: validSpans.count === 0 ? null : readBools(reader.bytes, validSpans),
    column,
    unsupported: column === null && draft.arm !== Arm.None && draft.arm !== Arm.Vector,
    rowCount: column === null ? 0 : entriesOf(column),
    ...(draft.arm === Arm.Struct && !isSubField ? { subFields: draft.subFields } : {}),
  };
}

function decodeSubFields(reader: WireReader, subFields: WireField[], mayOverwrite: boolean): void {
  while (reader.next()) {
    if (reader.is(1, BYTES)) subFields.push(decodeField(reader.message(), mayOverwrite, true));
    else reader.skip();
  }
}

function entriesOf(column: WireColumn): number {
  switch (column.kind) {
    case "fixed":
      return column.values.length;
    case "bytes":
    case "array":
    case "vectors":
      return column.offsets.length - 1;
    case "vector":
      if (column.dimension <= 0) return 0;
      return Math.floor(column.values.byteLength / vectorRowBytes(column.type, column.dimension));
    case "sparse":
      return column.offsets.length - 1;
  }
}

function collect(reader: WireReader, spans: Spans): void {
  const start = reader.skip();
  spans.add(start, reader.offset);
}

function decodeScalars(reader: WireReader, draft: Draft): void {
  // Scalars after vectors begin anew, even when they hold nothing.
  if (draft.arm >= Arm.Vector) draft.choose(Arm.None);
  while (reader.next()) {
    const arm = reader.field;
    if (reader.wireType !== BYTES || arm > 99) {
      reader.skip();
    } else if (arm === Arm.Array) {
      draft.choose(arm);
      draft.arrays.read(reader.message());
    } else if (UNPACKED[arm] === undefined) {
      reader.skip();
      draft.choose(arm);
    } else {
      draft.choose(arm);
      collectValues(reader.message(), UNPACKED[arm], draft.values);
    }
  }
}

function decodeVectors(reader: WireReader, draft: Draft): void {
  if (draft.arm < Arm.Vector || draft.arm === Arm.Struct) {
    draft.choose(Arm.Vector);
    draft.dimension = 0;
  }
  while (reader.next()) {
    if (reader.is(1, VARINT)) {
      draft.dimension = Number(reader.int64());
    } else if (reader.is(2, BYTES)) {
      draft.choose(Arm.FloatVector);
      collectValues(reader.message(), FIXED32, draft.values);
    } else if (reader.is(6, BYTES)) {
      if (draft.arm !== Arm.SparseVector) draft.sparseDimension = 0;
      draft.choose(Arm.SparseVector);
      decodeSparse(reader.message(), draft);
    } else if (reader.is(8, BYTES)) {
      draft.choose(Arm.VectorArray);
      draft.vectorArrays.read(reader.message());
    } else if (reader.wireType === BYTES && VECTOR_BYTES.has(Arm.Vector + reader.field)) {
      // Not repeated: the last one counts.
      draft.choose(Arm.Vector + reader.field);
      draft.values.clear();
      collect(reader, draft.values);
    } else if (reader.wireType === BYTES && reader.field < 99) {
      draft.choose(Arm.Vector + reader.field);
      reader.skip();
    } else {
      reader.skip();
    }
  }
}

function decodeSparse(reader: WireReader, draft: Draft): void {
  while (reader.next()) {
    if (reader.is(1, BYTES)) collect(reader, draft.values);
    else if (reader.is(2, VARINT)) draft.sparseDimension = Number(reader.int64());
    else reader.skip();
  }
}

function materialize(bytes: Uint8Array, draft: Draft, mayOverwrite: boolean): WireColumn | null {
  const { values } = draft;
  switch (draft.arm) {
    case Arm.FloatVector:
      return {
        kind: "vector",
        type: DataType.FloatVector,
        dimension: draft.dimension,
        values: readFloats(bytes, values, mayOverwrite),
      };
    case Arm.SparseVector:
      return { kind: "sparse", dimension: draft.sparseDimension, ...readEntries(bytes, values) };
    case Arm.Array:
      return draft.arrays.finish(bytes);
    case Arm.VectorArray:
      return draft.vectorArrays.finish(bytes, mayOverwrite);
    default: {
      const type = VECTOR_BYTES.get(draft.arm);
      if (type === undefined) return readScalars(draft.arm, bytes, values);
      return {
        kind: "vector",
        type,
        dimension: draft.dimension,
        values: readVectors(bytes, values, type, mayOverwrite),
      };
    }
  }
}

function readVectors(bytes: Uint8Array, spans: Spans, type: DenseVectorType, mayOverwrite: boolean): VectorValues {
  const width = entryBytes(type);
  const isWhole = spans.byteLength() % width === 0;
  const run = readRun(bytes, spans, isWhole ? width : 1, mayOverwrite);
  return isWhole ? viewedVectors(type, run) : run;
}

/** A column of a result. */
export interface ResultField {
  readonly name: string;
  readonly fieldId: bigint;
  readonly isDynamic: boolean;
  readonly column: Column;
  /** Of an array of structs; `column` then only tells how many rows there are. */
  readonly subFields?: readonly ResultField[];
}

/**
 * The message as a writer. Scalars with nulls are padded, an entry for each row; vectors with nulls hold only the rows that are
 * there. Both carry `valid_data`.
 */
export function encodeFieldData(field: ResultField): WireWriter {
  const { column, subFields } = field;
  const writer = new WireWriter();
  writer.uint32(1, subFields === undefined ? column.type : DataType.ArrayOfStruct);
  writer.text(2, field.name);
  if (subFields !== undefined) return encodeStruct(writer, field, subFields);
  if (column.type === DataType.ArrayOfVector) writer.message(4, encodeVectorArrays(column as ArrayColumn));
  else if (column.kind === "vector") writer.message(4, encodeVectors(column));
  else if (column.type === DataType.SparseFloatVector) writer.message(4, encodeSparse(column as BytesColumn));
  else writer.message(3, encodeScalars(column));
  writer.int64(5, field.fieldId);
  writer.bool(6, field.isDynamic);
  if (column.valid !== null) writer.bytes(7, packFixed(column.valid));
  return writer;
}

function encodeStruct(writer: WireWriter, field: ResultField, subFields: readonly ResultField[]): WireWriter {
  writer.int64(5, field.fieldId);
  const struct = new WireWriter();
  for (const subField of subFields) struct.message(1, encodeFieldData(subField));
  writer.message(8, struct);
  return writer;
}

function encodeScalars(column: Exclude<Column, { kind: "vector" }>): WireWriter {
  const scalars = new WireWriter();
  const array = new WireWriter();
  if (column.kind === "bytes") {
    assert(
      isBytesType(column.type) || column.type === DataType.Timestamptz,
      `type ${column.type} has entries of bytes`,
    );
    array.entries(1, column.offsets, column.bytes);
    scalars.message(column.type === DataType.Timestamptz ? Arm.String : armOf(column.type), array);
    return scalars;
  }
  if (column.kind === "array") {
    scalars.message(Arm.Array, encodeArrays(column));
    return scalars;
  }
  array.bytes(1, packValues(column.values, column.type));
  scalars.message(armOf(column.type), array);
  return scalars;
}

function encodeVectors(column: VectorColumn): WireWriter {
  const { type, dimension } = column;
  assert(isDenseVectorType(type), `type ${type} has dense vectors`);
  return encodeVectorField(type, dimension, presentVectors(column));
}

function presentVectors({ type, dimension, values, valid }: VectorColumn): VectorValues {
  if (valid === null || valid.every((byte) => byte === 1)) return values;
  const stride = vectorStride(type, dimension);
  const there = valid.reduce((sum, byte) => sum + byte, 0);
  const compact = vectorValues(type, there * stride);
  let at = 0;
  for (let row = 0; row < valid.length; row += 1) {
    if (valid[row] === 0) continue;
    compact.set(values.subarray(row * stride, (row + 1) * stride), at);
    at += stride;
  }
  return compact;
}

function encodeSparse(column: BytesColumn): WireWriter {
  const dimension = BigInt(sparseDimension(column));
  const sparse = new WireWriter();
  const { offsets, bytes } = presentEntries(column);
  sparse.entries(1, offsets, bytes);
  sparse.int64(2, dimension);
  const vectors = new WireWriter();
  vectors.int64(1, dimension);
  vectors.message(6, sparse);
  return vectors;
}

/** Null entries have no bytes; here they have no offset either. */
function presentEntries({ offsets, bytes, valid }: BytesColumn): ByteEntries {
  if (valid === null) return { offsets, bytes };
  const kept = offsets.filter((_, at) => at === 0 || valid[at - 1] !== 0);
  assert(kept[kept.length - 1] === bytes.byteLength, "null entries have no bytes");
  return { offsets: kept, bytes };
}
