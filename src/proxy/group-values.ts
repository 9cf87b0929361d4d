/**
 * The group that a row belongs to: the values of fields, and of places in documents as what they are cast to.
 *
 *   no type      any value but null, as its JSON text: 1, 1.0 and "1" are three groups
 *   VarChar      text
 *   Bool         booleans
 *   Int8 … 64    integers written without a point or an exponent, wrapped to the width
 *
 * Always true: whatever is missing, null, or no value of the type is null, and an error where the cast is strict.
 */

import { assert } from "../base/assert.ts";
import { invalidParameter } from "../base/errors.ts";
import { unescaped, wideInteger } from "../expr/json.ts";
import { PlaceReader, type PlaceValues } from "../expr/places.ts";
import { STRETCH_ROWS } from "../expr/scan.ts";
import { PlaceClass } from "../kernel/filter-kernel.ts";
import { type BytesColumn, type Column, type ColumnBatch, columnRows } from "../model/columns.ts";
import { type Scalar, scalarAt, scalarColumn } from "../model/scalars.ts";
import { DataType } from "../model/types.ts";
import type { GroupPart } from "./grouping.ts";
import { outputField } from "./output.ts";
import type { OutputField } from "./requests.ts";
import type { TimeView } from "./shown-times.ts";

type Cast = (bytes: Uint8Array, values: PlaceValues, row: number) => Scalar;

/** One column a part, with the rows of the batch. */
export function groupColumns(parts: readonly GroupPart[], batch: ColumnBatch): Column[] {
  return parts.map(({ field, place }) => {
    const column = batch.columns.get(field.fieldId)!;
    return place === null ? column : placeColumn(column, field.fieldId, place);
  });
}

/** A name for the group of every row: equal for equal groups, null included. */
export function groupNames(columns: readonly Column[]): string[] {
  return Array.from({ length: columnRows(columns[0]!) }, (_, row) =>
    columns.map((column) => nameOf(scalarAt(column, row))).join(),
  );
}

/** Begins with its kind, or its length: no value is the beginning of another. */
function nameOf(value: Scalar): string {
  if (value === null) return "-";
  return typeof value === "string" ? `${value.length}"${value}` : String(value);
}

function placeColumn(column: Column, fieldId: bigint, place: NonNullable<GroupPart["place"]>): Column {
  assert(column.kind === "bytes", "documents are text");
  const reader = new PlaceReader(fieldId);
  const number = reader.add(place.path);
  const cast = castTo(place.type);
  const source = { column: () => column };
  const entries: Scalar[] = [];
  const total = columnRows(column);
  for (let from = 0; from < total; from += STRETCH_ROWS) {
    const rowCount = Math.min(STRETCH_ROWS, total - from);
    const values = reader.read({ source, from, rowCount, wanted: null, documents: new Map() })[number]!;
    for (let row = 0; row < rowCount; row += 1) entries.push(valueAt(column, values, row, cast, place.isStrict));
  }
  return scalarColumn(place.type ?? DataType.VarChar, entries);
}

function valueAt({ bytes }: BytesColumn, values: PlaceValues, row: number, cast: Cast, isStrict: boolean): Scalar {
  const value = values.classes[row]! <= PlaceClass.Null ? null : cast(bytes, values, row);
  if (value === null && isStrict) throw invalidParameter("failed to cast json value, wrong json data inner type");
  return value;
}

function castTo(type: DataType | null): Cast {
  switch (type) {
    case null:
      return jsonText;
    case DataType.VarChar:
      return text;
    case DataType.Bool:
      return (_bytes, { classes }, row) => {
        const kind = classes[row];
        return kind === PlaceClass.True ? true : kind === PlaceClass.False ? false : null;
      };
    default:
      return wrappedInteger(BITS[type]!);
  }
}

const BITS: Readonly<Record<number, number>> = {
  [DataType.Int8]: 8,
  [DataType.Int16]: 16,
  [DataType.Int32]: 32,
  [DataType.Int64]: 64,
};

function wrappedInteger(bits: number): Cast {
  return (bytes, { classes, numbers, starts, ends }, row) => {
    const kind = classes[row];
    if (kind === PlaceClass.Integer) return BigInt.asIntN(bits, BigInt(numbers[row]!));
    return kind === PlaceClass.Wide ? BigInt.asIntN(bits, wideInteger(bytes, starts[row]!, ends[row]!)) : null;
  };
}

function text(bytes: Uint8Array, { classes, starts, ends }: PlaceValues, row: number): Scalar {
  const [start, end] = [starts[row]!, ends[row]!];
  if (classes[row] === PlaceClass.Text) return Buffer.from(bytes.subarray(start, end)).toString();
  if (classes[row] !== PlaceClass.EscapedText) return null;
  const plain = unescaped(bytes, start, end);
  return plain === null ? null : Buffer.from(plain).toString();
}

/** A text's extent is without its quotes. */
function jsonText(bytes: Uint8Array, values: PlaceValues, row: number): Scalar {
  const kind = values.classes[row];
  const quote = kind === PlaceClass.Text || kind === PlaceClass.EscapedText ? 1 : 0;
  return Buffer.from(bytes.subarray(values.starts[row]! - quote, values.ends[row]! + quote)).toString();
}

/** The columns as an answer tells them; a place is named by its field. */
export function groupFields(parts: readonly GroupPart[], columns: readonly Column[], times: TimeView): OutputField[] {
  return parts.map(({ field, place }, at) => {
    const column = columns[at]!;
    if (place === null) return outputField(field, column, times);
    const valid = column.valid ?? new Uint8Array(columnRows(column)).fill(1);
    return {
      name: field.name,
      fieldId: field.fieldId,
      type: column.type,
      isDynamic: false,
      column: { ...column, valid },
    };
  });
}
