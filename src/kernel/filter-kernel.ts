/**
 * What the kernel knows of filters: programs in a byte code, run over columns to one bit a row. `native/include/elanus_filter.h` draws
 * the words; `expr` writes programs; nobody else reads them.
 *
 * Always true:
 *  - columns are read where they lie, without copies; until a run has ended they must not change, nor their buffers be transferred;
 *  - rows for which the program is FALSE or UNKNOWN have no bit, nor have rows that are not wanted;
 *  - a damaged program or a column that is too short is a `KernelError`, found before anything is read.
 */

import type { Bitset } from "../model/bitset.ts";
import type { BytesColumn, FixedColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";

/** Operations, the lowest byte of a node's first word. */
export const Op = {
  Constant: 0,
  And: 1,
  Or: 2,
  Not: 3,
  Valid: 4,
  Integers: 5,
  Floats: 6,
  IntegerSet: 7,
  FloatSet: 8,
  IntegerMath: 9,
  FloatMath: 10,
  NumberPair: 11,
  TextPair: 12,
  TextRange: 13,
  TextSet: 14,
  Like: 15,
  PlaceRange: 16,
  PlaceText: 17,
  PlaceClass: 18,
  PlaceSet: 19,
  PlaceMath: 20,
  Merge: 21,
  Lengths: 22,
  Element: 23,
  Holder: 24,
  PlaceHolder: 25,
  PlaceArrays: 26,
  PlaceLengths: 27,
  Months: 28,
  Sample: 29,
  Regex: 30,
  Box: 31,
  PlaceNumber: 32,
} as const;

export const OPERATORS = ["+", "-", "*", "/", "%", "&", "|", "^"] as const;
export const COMPARISONS = ["==", "!=", "<", "<=", ">", ">="] as const;
export const MAX_PROGRAM_DEPTH = 128;
/** Units of a pattern that are no byte. */
export const ANY_CHARACTER = -1;
export const ANY_RUN = -2;

/** Classes of what stands at a place of a document. */
export const PlaceClass = {
  Missing: 0,
  Null: 1,
  False: 2,
  True: 3,
  /** Below 2^53. */
  Integer: 4,
  /** Any other int64. */
  Wide: 5,
  Double: 6,
  Text: 7,
  /** With backslashes. */
  EscapedText: 8,
  Array: 9,
  Object: 10,
  Malformed: 11,
} as const;
export type PlaceClass = (typeof PlaceClass)[keyof typeof PlaceClass];

export interface FilterProgram {
  readonly code: Uint32Array;
  readonly constants: Uint8Array;
}

/** What stands at one place of each document of a column. */
export interface PlaceColumn {
  readonly kind: "place";
  /** A `PlaceClass` a row. */
  readonly classes: Uint8Array;
  /** An int64; or the bits of a double; or where a text or an array begins in `bytes` and, in the upper half, where it ends. */
  readonly words: BigInt64Array;
  /** Of the documents. */
  readonly bytes: Uint8Array;
  /** Of the documents. */
  readonly valid: Uint8Array | null;
}

/** Of this column only nulls are asked for. */
export interface ValidColumn {
  readonly kind: "valid";
  readonly valid: Uint8Array | null;
}

/** Where the elements of each row's array begin and, for the last, end. */
export interface ArraysColumn {
  readonly kind: "arrays";
  readonly offsets: Uint32Array;
  readonly valid: Uint8Array | null;
}

/** The elements of all rows' arrays end to end. */
export interface ElementsColumn {
  readonly kind: "elements";
  readonly elements: FixedColumn | BytesColumn;
}

export type FilterColumn = FixedColumn | BytesColumn | PlaceColumn | ValidColumn | ArraysColumn | ElementsColumn;

export interface FilterRun {
  readonly program: FilterProgram;
  /** By the numbers that the program has for them; each has at least `rowCount` rows, or the elements of so many. */
  readonly columns: readonly FilterColumn[];
  readonly rowCount: number;
  /** Only these rows may pass; null means all. */
  readonly wanted: Bitset | null;
}

export interface FilterKernel {
  /**
   * The rows that pass. On the calling thread when that is over sooner than a change of threads, else on the kernel's own. Rejects with
   * the signal's reason soon after its abort.
   */
  filter(run: FilterRun, signal?: AbortSignal): Promise<Bitset>;
  /** The same on the calling thread. */
  filterNow(run: FilterRun): Bitset;
}

/** Documents of which places are read. */
export interface PlaceReading {
  readonly documents: BytesColumn;
  /** Rows from here to `rowCount` are read; what is before stays as it is. */
  readonly firstRow: number;
  readonly rowCount: number;
  /** No path comes twice. */
  readonly paths: readonly (readonly string[])[];
  /** For each path, with room for `rowCount` rows. */
  readonly into: readonly { readonly classes: Uint8Array; readonly words: BigInt64Array }[];
}

/** Reads JSON without building values, in one pass over each document for all paths. */
export interface PlaceKernel {
  readPlaces(reading: PlaceReading): Promise<void>;
}

const TEXT = 21;
const ARRAYS = 22;
const PLACE = 23;
const ANY = 100;
const ELEMENTS = 256;

/** The kernel's number for the type of a column. */
export function columnType(column: FilterColumn): number {
  switch (column.kind) {
    case "fixed":
      return column.type === DataType.Timestamptz ? DataType.Int64 : column.type;
    case "bytes":
      return TEXT;
    case "place":
      return PLACE;
    case "valid":
      return ANY;
    case "arrays":
      return ARRAYS;
    case "elements":
      return ELEMENTS | columnType(column.elements);
  }
}
