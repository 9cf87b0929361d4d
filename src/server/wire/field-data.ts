/**
 * `schema.FieldData`, one column on the wire, to and from columns.
 *
 *   FieldData     1 type  2 field_name  3 scalars  4 vectors  8 struct_arrays  5 field_id  6 is_dynamic  7 valid_data: bool[]
 *   ScalarField   the members of `scalar-data.ts`  8 arrays, `array-data.ts`  (the other numbers: not decoded here)
 *   VectorField   1 dim  2 float_vector  (the other numbers: not decoded here)
 *
 * What is decoded is what was sent, before any schema: an Int8 column has 32-bit values, a column with nulls may hold only the rows
 * that are present, `rowCount` counts the entries that are there, a vector column may have a length that its dimension does not
 * divide. The caller checks that against the schema and answers in Milvus's words.
 *
 * Always true: string entries are valid UTF-8; JSON is bytes on the wire and is not checked; nothing decoded shares memory with the
 * request except floats and doubles that are aligned.
 */

import { type Column, isBytesType } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import { assert } from "../../base/assert.ts";
import { ArrayDraft, type WireArrays, encodeArrays } from "./array-data.ts";
import { packFixed, readBools, readFloats } from "./packed.ts";
import { BYTES, FIXED32, VARINT, type WireReader } from "./reader.ts";
import { ScalarArm, UNPACKED, type WireScalars, armOf, collectValues, packValues, readScalars } from "./scalar-data.ts";
import { Spans } from "./spans.ts";
import { WireWriter } from "./writer.ts";

export type WireColumn =
  | WireScalars
  | WireArrays
  | { readonly kind: "vector"; readonly dimension: number; readonly values: Float32Array };

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
  /** True when data came and its kind is not decoded: structs, vectors that are not of floats… */
  readonly unsupported: boolean;
  /** Entries in `column`; of a vector column, whole vectors. */
  readonly rowCount: number;
}

/** Which member of the nested oneofs holds the values: scalar kinds by their number, vector kinds 100 further up. */
const Arm = {
  None: 0,
  ...ScalarArm,
  Array: 8,
  /** Vectors, and nothing more is known yet. */
  Vector: 100,
  FloatVector: 102,
  Struct: 200,
} as const;

class Draft {
  arm: number = Arm.None;
  dimension = 0;
  readonly values = new Spans();
  readonly arrays = new ArrayDraft();

  /** A oneof keeps its last member; the same member again goes on where it was. */
  choose(arm: number): void {
    if (this.arm !== arm) {
      this.values.clear();
      this.arrays.clear();
    }
    this.arm = arm;
  }
}

/** `mayOverwrite`: nobody reads the message again, so its floats may be moved to where they can be viewed. */
export function decodeFieldData(reader: WireReader, mayOverwrite = false): WireField {
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
      reader.skip();
      draft.choose(Arm.Struct);
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
  };
}

function entriesOf(column: WireColumn): number {
  switch (column.kind) {
    case "fixed":
      return column.values.length;
    case "bytes":
    case "array":
      return column.offsets.length - 1;
    case "vector":
      return column.dimension > 0 ? Math.floor(column.values.length / column.dimension) : 0;
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
    } else if (reader.wireType === BYTES && reader.field < 99) {
      draft.choose(Arm.Vector + reader.field);
      reader.skip();
    } else {
      reader.skip();
    }
  }
}

function materialize(bytes: Uint8Array, draft: Draft, mayOverwrite: boolean): WireColumn | null {
  const { values } = draft;
  switch (draft.arm) {
    case Arm.FloatVector:
      return { kind: "vector", dimension: draft.dimension, values: readFloats(bytes, values, mayOverwrite) };
    case Arm.Array:
      return draft.arrays.finish(bytes);
    default:
      return readScalars(draft.arm, bytes, values);
  }
}

/** A column of a result. */
export interface ResultField {
  readonly name: string;
  readonly fieldId: bigint;
  readonly isDynamic: boolean;
  readonly column: Column;
}

/**
 * The message as a writer. Scalars with nulls are padded, an entry for each row; vectors with nulls hold only the rows that are
 * there. Both carry `valid_data`.
 */
export function encodeFieldData(field: ResultField): WireWriter {
  const { column } = field;
  const writer = new WireWriter();
  writer.uint32(1, column.type);
  writer.text(2, field.name);
  if (column.kind === "vector") writer.message(4, encodeVectors(column));
  else writer.message(3, encodeScalars(column));
  writer.int64(5, field.fieldId);
  writer.bool(6, field.isDynamic);
  if (column.valid !== null) writer.bytes(7, packFixed(column.valid));
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
    scalars.message(column.type === DataType.JSON ? Arm.Json : Arm.String, array);
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

function encodeVectors(column: Extract<Column, { kind: "vector" }>): WireWriter {
  const vectors = new WireWriter();
  const floats = new WireWriter();
  assert(column.values instanceof Float32Array, "the vectors are of floats");
  floats.bytes(1, packFixed(presentVectors(column, column.values)));
  vectors.int64(1, BigInt(column.dimension));
  vectors.message(2, floats);
  return vectors;
}

function presentVectors({ valid, dimension }: Extract<Column, { kind: "vector" }>, values: Float32Array): Float32Array {
  if (valid === null || valid.every((byte) => byte === 1)) return values;
  const there = valid.reduce((sum, byte) => sum + byte, 0);
  const compact = new Float32Array(there * dimension);
  let at = 0;
  for (let row = 0; row < valid.length; row += 1) {
    if (valid[row] === 0) continue;
    compact.set(values.subarray(row * dimension, (row + 1) * dimension), at);
    at += dimension;
  }
  return compact;
}
