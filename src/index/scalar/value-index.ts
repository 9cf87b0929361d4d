/**
 * The index over single values: STL_SORT, INVERTED, TRIE and BITMAP. Each is a dictionary; a bitmap has a set of rows for each entry where
 * the others have a list.
 *
 *     facts     {indexType, kind: "values", dataType, rowCount, hasNaN, isArray}
 *     values    the entries: i64, f64, or `offsets` u32 and `bytes` u8
 *     starts    u32, entries + 1        rows  u32        or, of a bitmap, bits  u8, a bitset for each entry
 *     valid     u8, a bitset of the rows that are not null; absent when all are
 *
 * Always true: what it says of a filter is what the filter language says, null and NaN included, or it says nothing.
 */

import type { Bitset } from "../../model/bitset.ts";
import { bitsetBytes, countBits, emptyBitset, fullBitset, setBit } from "../../model/bitset.ts";
import type { BytesColumn, FixedColumn } from "../../model/columns.ts";
import type { Constant, LeafFilter } from "../../model/filter.ts";
import { DataType } from "../../model/types.ts";
import { type Dictionary, buildDictionary, entryCount, firstEntry } from "./dictionary.ts";
import type { Match, ScalarIndex } from "./match.ts";
import { type SectionArray, type Sections, damaged } from "./sections.ts";
import { literalPrefix } from "./pattern.ts";
import { valueSections, valuesOf } from "./value-sections.ts";

export interface ValueFacts {
  readonly kind: "values";
  readonly indexType: string;
  readonly dataType: DataType;
  readonly rowCount: number;
  readonly hasNaN: boolean;
  /**
   * Over a place of documents: a filter may mean values of other classes, and its numbers, integers beyond 2^53 among them, stand here as
   * doubles. Then some rows may be found that do not pass.
   */
  readonly isPlace: boolean;
}

/** Above so many different values a bitmap would be larger than a list: as Milvus's `bitmap_cardinality_limit`. */
const MOST_BITMAP_ENTRIES = 100;

/** Entries from `from` up to, but not including, `to`. */
interface Interval {
  readonly from: number;
  readonly to: number;
}

export function buildValueIndex(
  indexType: string,
  column: FixedColumn | BytesColumn,
  isPlace = false,
): Sections<ValueFacts> {
  const rowCount = column.kind === "bytes" ? column.offsets.length - 1 : column.values.length;
  const dictionary = buildDictionary(column);
  const arrays = new Map<string, SectionArray>([...valueSections(dictionary.values), ["starts", dictionary.starts]]);
  if ((indexType === "BITMAP" || indexType === "AUTOINDEX") && entryCount(dictionary) <= MOST_BITMAP_ENTRIES) {
    arrays.set("bits", bitmaps(dictionary, rowCount));
  } else arrays.set("rows", dictionary.rows);
  if (column.valid?.includes(0) === true) arrays.set("valid", bitsOfFlags(column.valid));
  const hasNaN = column.kind === "fixed" && column.values.some((value) => Number.isNaN(value));
  return { facts: { kind: "values", indexType, dataType: column.type, rowCount, hasNaN, isPlace }, arrays };
}

export class ValueIndex implements ScalarIndex {
  readonly indexType: string;
  readonly rowCount: number;
  readonly memoryBytes: number;
  readonly #facts: ValueFacts;
  readonly #dictionary: Dictionary;
  readonly #bits: Uint8Array | null;
  readonly #valid: Bitset | null;
  readonly #presentRows: number;

  constructor({ facts, arrays }: Sections<ValueFacts>) {
    this.#facts = facts;
    this.indexType = facts.indexType;
    this.rowCount = facts.rowCount;
    this.memoryBytes = arrays.values().reduce((sum, array) => sum + array.byteLength, 0);
    this.#bits = (arrays.get("bits") as Uint8Array | undefined) ?? null;
    this.#valid = (arrays.get("valid") as Bitset | undefined) ?? null;
    this.#presentRows = this.#valid === null ? facts.rowCount : countBits(this.#valid);
    const rows = (arrays.get("rows") as Uint32Array | undefined) ?? new Uint32Array(0);
    this.#dictionary = { values: valuesOf(arrays), starts: arrays.get("starts") as Uint32Array, rows };
    this.#check();
  }

  match(filter: LeafFilter, isNegated: boolean): Match | null {
    if (this.#facts.isPlace) {
      if (!this.#isOfClass(filter)) return null;
    } else if (filter.kind === "null") return this.#matchNull(isNegated);
    // NaN is in no entry, and yet `not (x > 1)` is TRUE for it.
    if (this.#facts.hasNaN && (isNegated || (filter.kind === "compare" && filter.operator === "!="))) return null;
    const found = this.#intervals(filter);
    if (found === null || (isNegated && !found.isExact)) return null;
    const intervals = isNegated ? this.#outside(found.intervals) : found.intervals;
    const { starts } = this.#dictionary;
    return {
      count: intervals.reduce((sum, { from, to }) => sum + starts[to]! - starts[from]!, 0),
      isExact: found.isExact,
      addTo: (bits) => {
        for (const interval of intervals) this.#add(interval, bits);
      },
    };
  }

  /** Whether the filter is about values of this class only. */
  #isOfClass(filter: LeafFilter): boolean {
    const wanted = { integer: "boolean", double: "number", text: "string" }[this.#dictionary.values.kind];
    const isOne = (value: Constant): boolean => (typeof value === "bigint" ? "number" : typeof value) === wanted;
    switch (filter.kind) {
      case "compare":
        return isOne(filter.value);
      case "range":
        return isOne(filter.lower) && isOne(filter.upper);
      case "in":
        // An empty list is about values of every class.
        return filter.values.length > 0 && filter.values.every(isOne);
      case "like":
        return wanted === "string";
      default:
        return false;
    }
  }

  #matchNull(isNegated: boolean): Match {
    const wanted = isNegated ? this.#presentRows : this.rowCount - this.#presentRows;
    return {
      count: wanted,
      isExact: true,
      addTo: (bits) => {
        if (wanted === 0) return;
        const all = fullBitset(this.rowCount);
        for (let at = 0; at < all.length; at += 1) {
          const valid = this.#valid === null ? all[at]! : this.#valid[at]!;
          bits[at]! |= isNegated ? valid : all[at]! & ~valid;
        }
      },
    };
  }

  /** Ascending and apart. */
  #intervals(filter: LeafFilter): { readonly intervals: readonly Interval[]; readonly isExact: boolean } | null {
    const dictionary = this.#dictionary;
    // Rounding keeps the order, but may make two of one: the ends count as inside, and what is found is looked at.
    const isRounded = this.#facts.isPlace && dictionary.values.kind === "double";
    const first = (value: Constant, above: boolean): number => firstEntry(dictionary, this.#asStored(value), above);
    const exactly = (value: Constant): Interval => ({ from: first(value, false), to: first(value, true) });
    switch (filter.kind) {
      case "compare": {
        const { from, to } = exactly(filter.value);
        const end = entryCount(dictionary);
        if (isRounded && filter.operator === "!=") return null;
        const intervals = {
          "==": [{ from, to }],
          "!=": [
            { from: 0, to: from },
            { from: to, to: end },
          ],
          "<": [{ from: 0, to: isRounded ? to : from }],
          "<=": [{ from: 0, to }],
          ">": [{ from: isRounded ? from : to, to: end }],
          ">=": [{ from, to: end }],
        }[filter.operator];
        return { intervals, isExact: !isRounded };
      }
      case "range": {
        const from = first(filter.lower, !filter.lowerInclusive && !isRounded);
        const to = first(filter.upper, filter.upperInclusive || isRounded);
        return { intervals: from < to ? [{ from, to }] : [], isExact: !isRounded };
      }
      case "in": {
        const found = filter.values.map(exactly).filter(({ from, to }) => from < to);
        const sorted = found.toSorted((left, right) => left.from - right.from);
        return { intervals: sorted.filter(({ from }, at) => from !== sorted[at - 1]?.from), isExact: !isRounded };
      }
      case "like": {
        if (dictionary.values.kind !== "text") return null;
        const { prefix, rest } = literalPrefix(filter.pattern);
        if (rest === "nothing") return { intervals: [exactly(prefix)], isExact: true };
        if (prefix === "" && rest !== "anything") return null;
        const from = firstEntry(dictionary, prefix, false);
        return { intervals: [{ from, to: this.#endOfPrefix(prefix, from) }], isExact: rest === "anything" };
      }
      default:
        return null;
    }
  }

  /** A Float field compares in single precision. */
  #asStored(value: Constant): Constant {
    return this.#facts.dataType === DataType.Float ? Math.fround(Number(value)) : value;
  }

  /** The first entry that is above all texts with the prefix. */
  #endOfPrefix(prefix: string, from: number): number {
    const { values } = this.#dictionary;
    if (values.kind !== "text") return from;
    const wanted = Buffer.from(prefix, "utf8");
    let low = from;
    let high = entryCount(this.#dictionary);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = values.offsets[middle]!;
      const end = Math.min(values.offsets[middle + 1]!, start + wanted.length);
      if (wanted.compare(values.bytes, start, end) === 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #outside(intervals: readonly Interval[]): Interval[] {
    const outside: Interval[] = [];
    let from = 0;
    for (const interval of intervals) {
      outside.push({ from, to: interval.from });
      from = interval.to;
    }
    outside.push({ from, to: entryCount(this.#dictionary) });
    return outside.filter((interval) => interval.from < interval.to);
  }

  #add({ from, to }: Interval, bits: Bitset): void {
    if (this.#bits !== null) {
      const stride = bitsetBytes(this.rowCount);
      for (let entry = from; entry < to; entry += 1) {
        const start = entry * stride;
        for (let at = 0; at < stride; at += 1) bits[at]! |= this.#bits[start + at]!;
      }
      return;
    }
    const { starts, rows } = this.#dictionary;
    for (let at = starts[from]!; at < starts[to]!; at += 1) setBit(bits, rows[at]!);
  }

  /** Checksums hold; this is about a file of another kind, or of another program. */
  #check(): void {
    const { starts, rows } = this.#dictionary;
    if (!(starts instanceof Uint32Array) || starts.length === 0) throw damaged("it has no list of starts");
    const entries = entryCount(this.#dictionary);
    const bitmapBytes = entries * bitsetBytes(this.rowCount);
    if (this.#bits === null ? rows.length !== starts[entries] : this.#bits.length !== bitmapBytes) {
      throw damaged("it has not as many rows as its entries say");
    }
    for (let entry = 0; entry < entries; entry += 1) {
      if (starts[entry]! > starts[entry + 1]!) throw damaged("its entries do not ascend");
    }
    for (let at = 0; at < rows.length; at += 1) {
      if (rows[at]! >= this.rowCount) throw damaged(`it names row ${rows[at]} of ${this.rowCount}`);
    }
    if (this.#valid !== null && this.#valid.length !== bitsetBytes(this.rowCount))
      throw damaged("its nulls are cut off");
  }
}

function bitmaps(dictionary: Dictionary, rowCount: number): Uint8Array {
  const stride = bitsetBytes(rowCount);
  const bits = new Uint8Array(entryCount(dictionary) * stride);
  for (let entry = 0; entry < entryCount(dictionary); entry += 1) {
    const own = bits.subarray(entry * stride, (entry + 1) * stride);
    for (let at = dictionary.starts[entry]!; at < dictionary.starts[entry + 1]!; at += 1) {
      setBit(own, dictionary.rows[at]!);
    }
  }
  return bits;
}

export function bitsOfFlags(flags: Uint8Array): Bitset {
  const bits = emptyBitset(flags.length);
  for (let row = 0; row < flags.length; row += 1) if (flags[row] !== 0) setBit(bits, row);
  return bits;
}
