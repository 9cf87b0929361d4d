/**
 * Values as a program has them, and the one rule about 64-bit integers.
 *
 * Int64 values (keys, fields, integers inside JSON) are given back as `number` when that is exact, that is between -(2^53 - 1) and
 * 2^53 - 1, and as `bigint` beyond; both are taken everywhere. Keys that programs choose are small: as numbers they print, compare with
 * `===`, and fit JSON; and nothing is ever rounded. Keys that the engine makes (`autoId`) are beyond and so bigints, all of them;
 * `JSON.stringify` refuses those, `String(hit.id)` does not. A program with keys of both sizes writes `BigInt(hit.id)`.
 */

import type { VectorValues } from "../model/vectors.ts";

/** An integer of 64 bits: a `number` where that is exact, else a `bigint`. */
export type Int64 = number | bigint;

/** A primary key: Int64 or VarChar, as the collection says. */
export type Key = Int64 | string;

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** What a field of a row holds: a scalar, null, JSON, or a vector (Float32Array, or the array of its type). */
export type FieldValue = JsonValue | VectorValues;

/** A row whose fields nobody has told the compiler. */
export type AnyRow = Record<string, FieldValue>;

const HIGH_UNIT = 2 ** 32;
const SAFE_HIGH = 2 ** 21;

/** The words of an Int64 column, lower one first; reading and writing by words makes no bigint a row. */
export function wordsOf(values: BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2);
}

export function int64At(values: BigInt64Array, words: Int32Array, row: number): Int64 {
  const high = words[row * 2 + 1]!;
  const low = words[row * 2]! >>> 0;
  // -2^53 itself is no safe integer.
  const isSafe = high < SAFE_HIGH && (high > -SAFE_HIGH || (high === -SAFE_HIGH && low > 0));
  return isSafe ? high * HIGH_UNIT + low : values[row]!;
}

export function int64(value: bigint): Int64 {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** False: it is no integer of 64 bits, or a number that is not exact. */
export function putInt64(values: BigInt64Array, words: Int32Array, row: number, value: unknown): boolean {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) return false;
    words[row * 2] = value | 0;
    words[row * 2 + 1] = Math.floor(value / HIGH_UNIT);
    return true;
  }
  if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) return false;
  values[row] = value;
  return true;
}

/** JSON with exact integers: those that a number cannot hold are read and written as bigints. */
export function parseJson(text: string): JsonValue {
  // Only a long run of digits can be such an integer; the reviver is ten times slower.
  if (!/\d{16}/.test(text)) return JSON.parse(text) as JsonValue;
  return JSON.parse(text, (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
    const source = context?.source ?? "";
    return /^-?\d+$/.test(source) ? BigInt(source) : value;
  }) as JsonValue;
}

/** Undefined for what JSON has no word for (a function, undefined). @throws TypeError for a circle, and for numbers that would become null. */
export function jsonText(value: unknown): string | undefined {
  return JSON.stringify(value, jsonReplacer);
}

interface RawJson {
  rawJSON(text: string): unknown;
}

function jsonReplacer(_key: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`${value} is no number in JSON`);
  if (typeof value === "bigint") return (JSON as unknown as RawJson).rawJSON(String(value));
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return Array.from(value as unknown as ArrayLike<unknown>);
  return value;
}
