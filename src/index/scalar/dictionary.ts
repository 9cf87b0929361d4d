/**
 * The different values of a column, ascending, and the rows that have each: what every index over single values is made of.
 *
 * Always true:
 *  - entry `e` has the rows `rows[starts[e] .. starts[e + 1]]`, ascending, each once; a row without a value has no entry;
 *  - integers, booleans and times are ordered as int64, Float and Double as doubles (-0 is 0), text by its UTF-8 bytes.
 *
 * A row with an array is among the rows of each of its different elements.
 */

import { assert } from "../../base/assert.ts";
import { type BytesColumn, type FixedColumn, columnRows } from "../../model/columns.ts";
import type { Constant } from "../../model/filter.ts";
import { DataType } from "../../model/types.ts";
import { sortDoubles, sortIntegers, sortTexts } from "./argsort.ts";

export type DictionaryValues =
  | { readonly kind: "integer"; readonly values: BigInt64Array }
  | { readonly kind: "double"; readonly values: Float64Array }
  | { readonly kind: "text"; readonly offsets: Uint32Array; readonly bytes: Uint8Array };

export interface Dictionary {
  readonly values: DictionaryValues;
  readonly starts: Uint32Array;
  readonly rows: Uint32Array;
}

/** How the values of a column are ordered, and what its dictionary holds of them. */
interface Ordering {
  readonly order: Uint32Array;
  readonly isSame: (left: number, right: number) => boolean;
  readonly take: (places: Uint32Array) => DictionaryValues;
}

/** `rowOf`: the row of each value, ascending; null: the values are the rows'. */
export function buildDictionary(column: FixedColumn | BytesColumn, rowOf: Uint32Array | null = null): Dictionary {
  const places = presentPlaces(column);
  const { order, isSame, take } = column.kind === "bytes" ? textOrder(column, places) : numberOrder(column, places);
  const rows = new Uint32Array(order.length);
  const firsts = new Uint32Array(order.length);
  const starts = new Uint32Array(order.length + 1);
  let entries = 0;
  let end = 0;
  for (let at = 0; at < order.length; at += 1) {
    const place = order[at]!;
    const row = rowOf === null ? place : rowOf[place]!;
    if (at === 0 || !isSame(order[at - 1]!, place)) {
      firsts[entries] = place;
      starts[entries] = end;
      entries += 1;
    } else if (rows[end - 1] === row) continue;
    rows[end] = row;
    end += 1;
  }
  starts[entries] = end;
  return { values: take(firsts.subarray(0, entries)), starts: starts.slice(0, entries + 1), rows: rows.slice(0, end) };
}

export function entryCount({ starts }: Dictionary): number {
  return starts.length - 1;
}

/** The first entry that is not below `value` (with `above`: that is above it). */
export function firstEntry({ values, starts }: Dictionary, value: Constant, above: boolean): number {
  const order = comparer(values, value);
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const compared = order(middle);
    if (compared < 0 || (above && compared === 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Entry against value: negative, zero, positive. */
function comparer(values: DictionaryValues, value: Constant): (entry: number) => number {
  if (values.kind === "text") {
    const wanted = Buffer.from(String(value), "utf8");
    const { offsets, bytes } = values;
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return (entry) => view.compare(wanted, 0, wanted.length, offsets[entry]!, offsets[entry + 1]!);
  }
  if (values.kind === "integer") {
    const wanted = BigInt(value);
    return (entry) => (values.values[entry]! < wanted ? -1 : values.values[entry] === wanted ? 0 : 1);
  }
  const wanted = Number(value);
  return (entry) => (values.values[entry]! < wanted ? -1 : values.values[entry] === wanted ? 0 : 1);
}

function presentPlaces(column: FixedColumn | BytesColumn): Uint32Array {
  const places = new Uint32Array(columnRows(column));
  let count = 0;
  for (let at = 0; at < places.length; at += 1) {
    if (column.valid !== null && column.valid[at] === 0) continue;
    // NaN equals nothing and is in no range.
    if (column.kind === "fixed" && Number.isNaN(column.values[at])) continue;
    places[count] = at;
    count += 1;
  }
  return places.subarray(0, count);
}

function numberOrder(column: FixedColumn, places: Uint32Array): Ordering {
  if (column.type === DataType.Float || column.type === DataType.Double) {
    const values = column.values as Float32Array | Float64Array;
    return {
      order: sortDoubles(values, places),
      isSame: (left, right) => values[left] === values[right],
      take: (firsts) => ({ kind: "double", values: Float64Array.from(firsts, (at) => values[at]! + 0) }),
    };
  }
  const values = column.values instanceof BigInt64Array ? column.values : BigInt64Array.from(column.values, BigInt);
  return {
    order: sortIntegers(values, places),
    isSame: (left, right) => values[left] === values[right],
    take: (firsts) => ({ kind: "integer", values: BigInt64Array.from(firsts, (at) => values[at]!) }),
  };
}

function textOrder(column: BytesColumn, places: Uint32Array): Ordering {
  const { offsets, bytes } = column;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lengthOf = (place: number): number => offsets[place + 1]! - offsets[place]!;
  return {
    order: sortTexts(column, places),
    isSame: (left, right) =>
      lengthOf(left) === lengthOf(right) &&
      view.compare(view, offsets[right]!, offsets[right + 1]!, offsets[left]!, offsets[left + 1]!) === 0,
    take: (firsts) => {
      const ends = new Uint32Array(firsts.length + 1);
      for (const [entry, place] of firsts.entries()) {
        ends[entry + 1] = ends[entry]! + offsets[place + 1]! - offsets[place]!;
      }
      const taken = new Uint8Array(ends[firsts.length]!);
      for (const [entry, place] of firsts.entries()) {
        taken.set(bytes.subarray(offsets[place]!, offsets[place + 1]!), ends[entry]!);
      }
      return { kind: "text", offsets: ends, bytes: taken };
    },
  };
}

assert(new Uint8Array(Uint32Array.of(1).buffer)[0] === 1, "the machine is little-endian");
