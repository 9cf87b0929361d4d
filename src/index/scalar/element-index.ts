/**
 * The index over the elements of arrays, of a field or of a place in documents: which rows have an array that contains a value.
 *
 *     facts     {indexType, kind: "elements", dataType (of the elements), rowCount}
 *     values, or offsets and bytes; starts; rows        as of an index over single values (value-index.ts)
 *
 * Always true: a row that passes is among the rows of the match. Whether it does is left to be looked at, because arrays of documents may
 * hold other classes and wider numbers.
 */

import { emptyBitset, intersectInto, setBit } from "../../model/bitset.ts";
import type { ArrayColumn, BytesColumn, FixedColumn } from "../../model/columns.ts";
import type { Element, LeafFilter } from "../../model/filter.ts";
import { DataType } from "../../model/types.ts";
import { type Dictionary, buildDictionary, firstEntry } from "./dictionary.ts";
import type { Match, ScalarIndex } from "./match.ts";
import { type SectionArray, type Sections, damaged } from "./sections.ts";
import { valueSections, valuesOf } from "./value-sections.ts";

export interface ElementFacts {
  readonly kind: "elements";
  readonly indexType: string;
  readonly dataType: DataType;
  readonly rowCount: number;
}

export function buildElementIndex(indexType: string, column: ArrayColumn): Sections<ElementFacts> {
  const { offsets, elements, valid } = column;
  const rowCount = offsets.length - 1;
  const rowOf = new Uint32Array(offsets[rowCount]!);
  for (let row = 0; row < rowCount; row += 1) {
    if (valid === null || valid[row] !== 0) rowOf.fill(row, offsets[row], offsets[row + 1]);
  }
  const { values, starts, rows } = buildDictionary(elements as FixedColumn | BytesColumn, rowOf);
  const arrays = new Map<string, SectionArray>([...valueSections(values), ["starts", starts], ["rows", rows]]);
  return { facts: { kind: "elements", indexType, dataType: elements.type, rowCount }, arrays };
}

export class ElementIndex implements ScalarIndex {
  readonly indexType: string;
  readonly rowCount: number;
  readonly memoryBytes: number;
  readonly #dictionary: Dictionary;
  readonly #dataType: DataType;

  constructor({ facts, arrays }: Sections<ElementFacts>) {
    this.indexType = facts.indexType;
    this.rowCount = facts.rowCount;
    this.memoryBytes = arrays.values().reduce((sum, array) => sum + array.byteLength, 0);
    this.#dataType = facts.dataType;
    const [starts, rows] = [arrays.get("starts"), arrays.get("rows")];
    if (!(starts instanceof Uint32Array) || !(rows instanceof Uint32Array)) throw damaged("it has no rows");
    if (rows.length !== starts.at(-1) || rows.some((row) => row >= facts.rowCount)) {
      throw damaged("it has not the rows that its entries say");
    }
    this.#dictionary = { values: valuesOf(arrays), starts, rows };
  }

  match(filter: LeafFilter, isNegated: boolean): Match | null {
    if (filter.kind !== "contains" || isNegated || filter.elements.length === 0) return null;
    const entries = filter.elements.map((element) => this.#entryOf(element));
    if (!entries.every((entry) => entry !== null)) return null;
    const { starts } = this.#dictionary;
    const counts = entries.map(({ from, to }) => starts[to]! - starts[from]!);
    const isAll = filter.mode === "all";
    return {
      count: isAll ? Math.min(...counts) : counts.reduce((sum, count) => sum + count, 0),
      isExact: false,
      addTo: (bits) => {
        const sets = entries.map((entry) => this.#bitsOf(entry));
        const found = sets[0]!;
        for (const set of sets.slice(1)) {
          if (isAll) intersectInto(found, set);
          else for (let at = 0; at < found.length; at += 1) found[at]! |= set[at]!;
        }
        for (let at = 0; at < found.length; at += 1) bits[at]! |= found[at]!;
      },
    };
  }

  /** An empty interval where it is not there; null: not a value of this class. */
  #entryOf(element: Element): { readonly from: number; readonly to: number } | null {
    const { kind } = this.#dictionary.values;
    if (typeof element === "object") return null;
    const isNumber = typeof element === "number" || typeof element === "bigint";
    const fits =
      kind === "text"
        ? typeof element === "string"
        : kind === "double"
          ? isNumber
          : typeof element === (this.#dataType === DataType.Bool ? "boolean" : "bigint");
    if (!fits) return null;
    const value = this.#dataType === DataType.Float ? Math.fround(Number(element)) : element;
    return { from: firstEntry(this.#dictionary, value, false), to: firstEntry(this.#dictionary, value, true) };
  }

  #bitsOf({ from, to }: { readonly from: number; readonly to: number }): Uint8Array {
    const { starts, rows } = this.#dictionary;
    const bits = emptyBitset(this.rowCount);
    for (let at = starts[from]!; at < starts[to]!; at += 1) setBit(bits, rows[at]!);
    return bits;
  }
}
