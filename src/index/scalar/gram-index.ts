/**
 * NGRAM: which rows contain which short pieces of text, for LIKE patterns with a literal inside.
 *
 *     facts     {indexType, kind: "grams", rowCount, minGram, maxGram}
 *     offsets u32, bytes u8     the grams, ascending by their UTF-8 bytes
 *     starts    u32, grams + 1        rows  u32, ascending for each gram, each once
 *
 * A gram is `minGram` to `maxGram` characters (code points) in a row. A literal of at least `minGram` characters is cut into grams of the
 * largest length that fits; a row that contains the literal has all of them. Whether it does is left to be looked at.
 *
 * Always true: a row whose text matches the pattern is among the rows of the match.
 */

import { type Bitset, emptyBitset, intersectInto, setBit } from "../../model/bitset.ts";
import { type BytesColumn, bytesColumn, columnRows, textAt } from "../../model/columns.ts";
import type { LeafFilter } from "../../model/filter.ts";
import { DataType } from "../../model/types.ts";
import { type Dictionary, buildDictionary, firstEntry } from "./dictionary.ts";
import type { Match, ScalarIndex } from "./match.ts";
import { literalParts } from "./pattern.ts";
import { type SectionArray, type Sections, damaged } from "./sections.ts";

export interface GramFacts {
  readonly kind: "grams";
  readonly indexType: string;
  readonly rowCount: number;
  readonly minGram: number;
  readonly maxGram: number;
}

export function buildGramIndex(column: BytesColumn, minGram: number, maxGram: number): Sections<GramFacts> {
  const rowCount = columnRows(column);
  const grams: string[] = [];
  const rows: number[] = [];
  for (let row = 0; row < rowCount; row += 1) {
    if (column.valid !== null && column.valid[row] === 0) continue;
    for (const gram of gramsOf(textAt(column, row), minGram, maxGram)) {
      grams.push(gram);
      rows.push(row);
    }
  }
  const {
    values,
    starts,
    rows: postings,
  } = buildDictionary(bytesColumn(DataType.VarChar, grams), Uint32Array.from(rows));
  if (values.kind !== "text") throw damaged("grams are text");
  const arrays = new Map<string, SectionArray>([
    ["offsets", values.offsets],
    ["bytes", values.bytes],
    ["starts", starts],
    ["rows", postings],
  ]);
  return { facts: { kind: "grams", indexType: "NGRAM", rowCount, minGram, maxGram }, arrays };
}

export class GramIndex implements ScalarIndex {
  readonly indexType: string;
  readonly rowCount: number;
  readonly memoryBytes: number;
  readonly #facts: GramFacts;
  readonly #dictionary: Dictionary;

  constructor({ facts, arrays }: Sections<GramFacts>) {
    this.indexType = facts.indexType;
    this.rowCount = facts.rowCount;
    this.memoryBytes = arrays.values().reduce((sum, array) => sum + array.byteLength, 0);
    this.#facts = facts;
    const [offsets, bytes, starts, rows] = ["offsets", "bytes", "starts", "rows"].map((name) => arrays.get(name));
    if (!(offsets instanceof Uint32Array) || !(bytes instanceof Uint8Array)) throw damaged("it has no grams");
    if (!(starts instanceof Uint32Array) || !(rows instanceof Uint32Array)) throw damaged("it has no rows");
    if (offsets.length !== starts.length || rows.length !== starts.at(-1)) {
      throw damaged("it has not as many rows as its grams say");
    }
    if (rows.some((row) => row >= facts.rowCount)) throw damaged("it names a row that is not there");
    this.#dictionary = { values: { kind: "text", offsets, bytes }, starts, rows };
  }

  match(filter: LeafFilter, isNegated: boolean): Match | null {
    if (filter.kind !== "like" || isNegated) return null;
    const { minGram, maxGram } = this.#facts;
    const wanted = literalParts(filter.pattern).flatMap((part) => {
      const characters = [...part];
      const length = Math.min(characters.length, maxGram);
      return length < minGram ? [] : windows(characters, length);
    });
    if (wanted.length === 0) return null;
    const { starts } = this.#dictionary;
    const entries = [...new Set(wanted)].map((gram) => this.#entryOf(gram));
    if (entries.includes(null)) return { count: 0, isExact: true, addTo: () => undefined };
    const lists = (entries as number[]).map((entry) => ({ from: starts[entry]!, to: starts[entry + 1]! }));
    const rarest = lists.toSorted((left, right) => left.to - left.from - (right.to - right.from));
    return {
      count: rarest[0]!.to - rarest[0]!.from,
      isExact: false,
      addTo: (bits) => this.#intersect(rarest, bits),
    };
  }

  #entryOf(gram: string): number | null {
    const from = firstEntry(this.#dictionary, gram, false);
    return firstEntry(this.#dictionary, gram, true) === from ? null : from;
  }

  #intersect(lists: readonly { readonly from: number; readonly to: number }[], bits: Bitset): void {
    const all = this.#bitsOf(lists[0]!);
    for (const list of lists.slice(1)) intersectInto(all, this.#bitsOf(list));
    for (let at = 0; at < all.length; at += 1) bits[at]! |= all[at]!;
  }

  #bitsOf({ from, to }: { readonly from: number; readonly to: number }): Bitset {
    const bits = emptyBitset(this.rowCount);
    for (let at = from; at < to; at += 1) setBit(bits, this.#dictionary.rows[at]!);
    return bits;
  }
}

/** Each once. */
function gramsOf(text: string, minGram: number, maxGram: number): Set<string> {
  const characters = [...text];
  const grams = new Set<string>();
  for (let length = minGram; length <= Math.min(maxGram, characters.length); length += 1) {
    for (const gram of windows(characters, length)) grams.add(gram);
  }
  return grams;
}

function windows(characters: readonly string[], length: number): string[] {
  return Array.from({ length: characters.length - length + 1 }, (_, at) => characters.slice(at, at + length).join(""));
}
