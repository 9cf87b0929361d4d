/**
 * Answers as columns to rows as a program wants them: one pass, one object a row.
 *
 * The keys of `$meta` stand beside the fields. Int64 follows the rule of `values.ts`; Bool is a boolean, VarChar a string, JSON the
 * value, FloatVector, Float16Vector and BFloat16Vector a Float32Array of its own, Int8Vector an Int8Array,
 * BinaryVector its bytes, SparseFloatVector an object from index to value, Array a list, ArrayOfStruct a list of objects; null is null.
 */

import { type ArrayColumn, type Column, bytesAt, textAt } from "../model/columns.ts";
import { numberOfBfloat16, numberOfFloat16 } from "../base/half.ts";
import { SPARSE_PAIR_BYTES } from "../model/sparse.ts";
import { DataType } from "../model/types.ts";
import type { KeyColumn } from "../model/columns.ts";
import { vectorStride } from "../model/vectors.ts";
import type { OutputField, SearchResponse } from "../proxy/requests.ts";
import { type FieldValue, type JsonValue, type Key, int64At, parseJson, wordsOf } from "./values.ts";

type Mutable = Record<string, unknown>;
type Reader = (row: number) => FieldValue;

/** One row of an answer for each of `rowCount`. */
export function rowsOf(fields: readonly OutputField[], rowCount: number): object[] {
  const rows = Array.from({ length: rowCount }, (): Mutable => ({}));
  fillRows(rows, fields, RESERVED_BY_NOBODY);
  return rows;
}

/** The hits of every query, best first. */
export function hitsOf(
  response: Pick<SearchResponse, "keys" | "scores" | "counts" | "fields" | "primaryFieldName" | "elements">,
): object[][] {
  const { keys, scores, counts, fields, primaryFieldName, elements } = response;
  const key = keyReader(keys);
  const all = Array.from(scores, (score, at): Mutable => ({
    id: key(at),
    score,
    ...(elements === undefined ? {} : { element: elements[at]! }),
  }));
  const reserved = new Set(["id", "score", ...(elements === undefined ? [] : ["element"])]);
  // The key is there already, under its own name or beside it.
  if (primaryFieldName === "id") reserved.delete("id");
  fillRows(all, fields, reserved);
  const lists: object[][] = [];
  let start = 0;
  for (const count of counts) lists.push(all.slice(start, (start += count)));
  return lists;
}

/** Every key of a column. */
export function keysOf(keys: KeyColumn): Key[] {
  const rowCount = keys.kind === "bytes" ? keys.offsets.length - 1 : keys.values.length;
  const read = keyReader(keys);
  return Array.from({ length: rowCount }, (_, row) => read(row));
}

const RESERVED_BY_NOBODY: ReadonlySet<string> = new Set();

function fillRows(rows: readonly Mutable[], fields: readonly OutputField[], reserved: ReadonlySet<string>): void {
  // Fields before keys of `$meta`: a field of a hit is never hidden by a key of the same name.
  for (const { name, isDynamic, column, subFields } of fields.toSorted(
    (left, right) => Number(left.isDynamic) - Number(right.isDynamic),
  )) {
    const read = subFields === undefined ? readerOf(column) : structReader(subFields);
    const target = reserved.has(name) ? `$${name}` : name;
    for (let row = 0; row < rows.length; row += 1) {
      if (isDynamic) addKeys(rows[row]!, read(row) as FieldValue, reserved);
      else setOwn(rows[row]!, target, read(row));
    }
  }
}

function addKeys(row: Mutable, document: FieldValue, reserved: ReadonlySet<string>): void {
  for (const [key, value] of Object.entries(document ?? {})) {
    const target = reserved.has(key) ? `$${key}` : key;
    if (!Object.hasOwn(row, target)) setOwn(row, target, value);
  }
}

function setOwn(row: Mutable, name: string, value: unknown): void {
  if (name !== "__proto__") row[name] = value;
  else Object.defineProperty(row, name, { value, writable: true, enumerable: true, configurable: true });
}

function keyReader(keys: KeyColumn): (row: number) => Key {
  return readerOf(keys) as (row: number) => Key;
}

function readerOf(column: Column): Reader {
  const read = presentReader(column);
  const { valid } = column;
  return valid === null ? read : (row) => (valid[row] === 0 ? null : read(row));
}

/** An object for each element, of what its sub-fields have there. */
function structReader(subFields: readonly OutputField[]): (row: number) => unknown {
  const parts = subFields.map(({ name, column }) => {
    const { elements } = column as ArrayColumn;
    return { name, read: presentReader(elements) };
  });
  const { offsets, valid } = subFields[0]!.column as ArrayColumn;
  return (row) => {
    if (valid?.[row] === 0) return null;
    const start = offsets[row]!;
    return Array.from({ length: offsets[row + 1]! - start }, (_, at) => {
      const made: Mutable = {};
      for (const { name, read } of parts) setOwn(made, name, read(start + at));
      return made;
    });
  };
}

/** Keys that are integers come in ascending order. */
function sparseOf(entry: Uint8Array): Record<number, number> {
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  const vector: Record<number, number> = {};
  for (let at = 0; at < entry.byteLength; at += SPARSE_PAIR_BYTES) {
    vector[view.getUint32(at, true)] = view.getFloat32(at + 4, true);
  }
  return vector;
}

function presentReader(column: Column): Reader {
  switch (column.kind) {
    case "vector": {
      const { values, type, dimension } = column;
      const stride = vectorStride(type, dimension);
      if (values instanceof Uint16Array) {
        const numberOf = type === DataType.Float16Vector ? numberOfFloat16 : numberOfBfloat16;
        return (row) => Float32Array.from(values.subarray(row * stride, (row + 1) * stride), numberOf);
      }
      return (row) => values.slice(row * stride, (row + 1) * stride);
    }
    case "bytes":
      if (column.type === DataType.SparseFloatVector) return (row) => sparseOf(bytesAt(column, row));
      if (column.type === DataType.JSON) return (row) => parseJson(textAt(column, row));
      return (row) => textAt(column, row);
    case "array": {
      const { offsets } = column;
      const element = presentReader(column.elements);
      return (row) => {
        const start = offsets[row]!;
        return Array.from({ length: offsets[row + 1]! - start }, (_, at) => element(start + at) as JsonValue);
      };
    }
    case "fixed": {
      const { values } = column;
      if (column.type === DataType.Bool) return (row) => values[row] !== 0;
      if (!(values instanceof BigInt64Array)) return (row) => values[row] as number;
      const words = wordsOf(values);
      return (row) => int64At(values, words, row);
    }
  }
}
