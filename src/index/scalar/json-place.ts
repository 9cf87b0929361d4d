/**
 * One place of the documents of a column, as a column of one class: what the index of a JSON path is built from.
 *
 * A row has a value where the document has one of that class there, or a text that is cast to it; another class, JSON null and a missing key
 * are null, as they are UNKNOWN to a filter.
 */

import { numberAt } from "../../expr/cast-numbers.ts";
import { JsonReader, unescaped } from "../../expr/json.ts";
import { readPlaces } from "../../expr/place-columns.ts";
import { PlaceClass, type PlaceColumn } from "../../kernel/filter-kernel.ts";
import { type ArrayColumn, type BytesColumn, type FixedColumn, bytesColumn, columnRows } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";

/** `BOOL`, `DOUBLE` or `VARCHAR`: what the values at the place are taken for. */
export type CastType = "BOOL" | "DOUBLE" | "VARCHAR";

/** What stands at a place, row by row. */
export type ReadPlace = Pick<PlaceColumn, "classes" | "words">;

const DOUBLES = new Float64Array(1);
const WORDS = new BigInt64Array(DOUBLES.buffer);

export function columnOfPlace(
  documents: BytesColumn,
  path: readonly string[],
  castType: CastType,
  isTextCast = false,
): FixedColumn | BytesColumn {
  return valuesAt(documents, readPlaces(documents, [path], 0, columnRows(documents))[0]!, castType, isTextCast);
}

/** The same of a place that was read. */
export function valuesAt(
  documents: BytesColumn,
  { classes, words }: ReadPlace,
  castType: CastType,
  isTextCast = false,
): FixedColumn | BytesColumn {
  const rowCount = columnRows(documents);
  const valid = new Uint8Array(rowCount);
  if (castType === "VARCHAR") {
    const texts: Uint8Array[] = [];
    for (let row = 0; row < rowCount; row += 1) {
      const text = textAt(documents.bytes, classes[row] as PlaceClass, words[row]!);
      texts.push(text ?? EMPTY);
      if (text !== null) valid[row] = 1;
    }
    return bytesColumn(DataType.VarChar, texts, valid);
  }
  if (castType === "BOOL") {
    const values = new Uint8Array(rowCount);
    for (let row = 0; row < rowCount; row += 1) {
      const kind = classes[row] as PlaceClass;
      if (kind !== PlaceClass.True && kind !== PlaceClass.False) continue;
      values[row] = kind === PlaceClass.True ? 1 : 0;
      valid[row] = 1;
    }
    return { kind: "fixed", type: DataType.Bool, values, valid };
  }
  const values = new Float64Array(rowCount);
  for (let row = 0; row < rowCount; row += 1) {
    const kind = classes[row] as PlaceClass;
    if (isTextCast && (kind === PlaceClass.Text || kind === PlaceClass.EscapedText)) {
      const { start, end } = extentOf(words[row]!);
      const number = numberAt(documents.bytes, kind, start, end);
      if (number === null) continue;
      values[row] = number;
      valid[row] = 1;
      continue;
    }
    if (kind !== PlaceClass.Integer && kind !== PlaceClass.Wide && kind !== PlaceClass.Double) continue;
    values[row] = kind === PlaceClass.Double ? doubleOf(words[row]!) : Number(words[row]!);
    valid[row] = 1;
  }
  return { kind: "fixed", type: DataType.Double, values, valid };
}

/** The elements of that class of the arrays at the place. A row without an array has none. */
export function elementsOfPlace(documents: BytesColumn, path: readonly string[], castType: CastType): ArrayColumn {
  return elementsAt(documents, readPlaces(documents, [path], 0, columnRows(documents))[0]!, castType);
}

/** The same of a place that was read. */
export function elementsAt(documents: BytesColumn, { classes, words }: ReadPlace, castType: CastType): ArrayColumn {
  const rowCount = columnRows(documents);
  const offsets = new Uint32Array(rowCount + 1);
  const cells: Uint8Array[] = [];
  for (let row = 0; row < rowCount; row += 1) {
    if (classes[row] === PlaceClass.Array) {
      const { start, end } = extentOf(words[row]!);
      for (const cell of cellsOf(documents.bytes, start, end)) cells.push(cell);
    }
    offsets[row + 1] = cells.length;
  }
  // As if each element were a document of its own, whose root is the place.
  const elements = columnOfPlace(bytesColumn(DataType.JSON, cells), [], castType);
  return { kind: "array", type: DataType.Array, elementType: elements.type, offsets, elements, valid: null };
}

function* cellsOf(bytes: Uint8Array, start: number, end: number): Generator<Uint8Array> {
  const reader = new JsonReader();
  reader.open(bytes, end);
  for (let at = start + 1; at < end;) {
    at = reader.skipSpace(at);
    if (at >= end || bytes[at] === CLOSE_ARRAY) return;
    if (bytes[at] === COMMA) {
      at += 1;
      continue;
    }
    const next = reader.read(at);
    yield bytes.subarray(at, next);
    at = next;
  }
}

const COMMA = 0x2c;
const CLOSE_ARRAY = 0x5d;
const EMPTY = new Uint8Array(0);

function doubleOf(word: bigint): number {
  WORDS[0] = word;
  return DOUBLES[0]!;
}

/** Start and end of the text, without its quotes, are the halves of the word. */
function textAt(bytes: Uint8Array, kind: PlaceClass, word: bigint): Uint8Array | null {
  if (kind !== PlaceClass.Text && kind !== PlaceClass.EscapedText) return null;
  const { start, end } = extentOf(word);
  return kind === PlaceClass.Text ? bytes.subarray(start, end) : unescaped(bytes, start, end);
}

function extentOf(word: bigint): { readonly start: number; readonly end: number } {
  return { start: Number(word & 0xffffffffn), end: Number((word >> 32n) & 0xffffffffn) };
}
