/**
 * RTREE: the boxes of geometries, packed by Sort-Tile-Recursive (Leutenegger, Lopez, Edgington 1997): sorted into slices from left to right,
 * each from bottom to top, sixteen to a node, and so on upwards.
 *
 *     facts     {indexType, kind: "boxes", rowCount, levels: nodes of each level, leaves first}
 *     rows      u32, the row of each box of the first level
 *     boxes     f64, left, bottom, right, top of every node, level after level
 *
 * Always true: a row for which the predicate is TRUE is among the rows of the match; whether it is, is left to be looked at. Rows that are
 * null, empty or damaged are in no box.
 */

import { wantedBox } from "../../expr/geometry/box.ts";
import { shapeOf, boxesMeet, type Box } from "../../expr/geometry/shape.ts";
import { type Bitset, setBit } from "../../model/bitset.ts";
import { type BytesColumn, bytesAt, columnRows } from "../../model/columns.ts";
import type { LeafFilter } from "../../model/filter.ts";
import { GeometryError } from "../../model/geometry.ts";
import { decodeWkb } from "../../model/wkb.ts";
import type { Match, ScalarIndex } from "./match.ts";
import { type SectionArray, type Sections, damaged } from "./sections.ts";

const NODE_ENTRIES = 16;
const BOX_NUMBERS = 4;

export interface BoxFacts {
  readonly kind: "boxes";
  readonly indexType: string;
  readonly rowCount: number;
  readonly levels: readonly number[];
}

export function buildBoxIndex(column: BytesColumn): Sections<BoxFacts> {
  const rowCount = columnRows(column);
  const entries: { readonly row: number; readonly box: Box }[] = [];
  for (let row = 0; row < rowCount; row += 1) {
    const box = column.valid?.[row] === 0 ? null : boxAt(column, row);
    if (box !== null) entries.push({ row, box });
  }
  const ordered = tiled(entries);
  const levels: Box[][] = [ordered.map(({ box }) => box)];
  while (levels.at(-1)!.length > 1) levels.push(parents(levels.at(-1)!));
  const boxes = Float64Array.from(levels.flat().flatMap(({ left, bottom, right, top }) => [left, bottom, right, top]));
  const arrays = new Map<string, SectionArray>([
    ["rows", Uint32Array.from(ordered, ({ row }) => row)],
    ["boxes", boxes],
  ]);
  return { facts: { kind: "boxes", indexType: "RTREE", rowCount, levels: levels.map(({ length }) => length) }, arrays };
}

export class BoxIndex implements ScalarIndex {
  readonly indexType: string;
  readonly rowCount: number;
  readonly memoryBytes: number;
  readonly #levels: readonly number[];
  readonly #rows: Uint32Array;
  readonly #boxes: Float64Array;

  constructor({ facts, arrays }: Sections<BoxFacts>) {
    const [rows, boxes] = [arrays.get("rows"), arrays.get("boxes")];
    if (!(rows instanceof Uint32Array) || !(boxes instanceof Float64Array)) throw damaged("it has no boxes");
    const nodes = facts.levels.reduce((sum, count) => sum + count, 0);
    const isTree = facts.levels.every((count, level) => level === 0 || count === parentCount(facts.levels[level - 1]!));
    if (rows.length !== facts.levels[0] || boxes.length !== nodes * BOX_NUMBERS || !isTree) {
      throw damaged("it has not the boxes that its levels say");
    }
    if (rows.some((row) => row >= facts.rowCount)) throw damaged("it names a row that is not there");
    this.indexType = facts.indexType;
    this.rowCount = facts.rowCount;
    this.memoryBytes = rows.byteLength + boxes.byteLength;
    this.#levels = facts.levels;
    this.#rows = rows;
    this.#boxes = boxes;
  }

  match(filter: LeafFilter, isNegated: boolean): Match | null {
    if (filter.kind !== "geometry" || isNegated) return null;
    const wanted = wantedBox(filter);
    if (wanted === null) return null;
    const places = this.#placesIn(wanted);
    return {
      count: places.length,
      isExact: false,
      addTo: (bits: Bitset) => {
        for (const place of places) setBit(bits, this.#rows[place]!);
      },
    };
  }

  /** Of the boxes that meet this one. */
  #placesIn(wanted: Box): number[] {
    let found = this.#levels.at(-1) === 1 ? [0] : [];
    let start = this.#levels.reduce((sum, count) => sum + count, 0);
    for (let level = this.#levels.length - 1; level >= 0; level -= 1) {
      start -= this.#levels[level]!;
      const met = found.filter((node) => this.#meets(start + node, wanted));
      if (level === 0) return met;
      const below = this.#levels[level - 1]!;
      found = met.flatMap((node) => {
        const first = node * NODE_ENTRIES;
        return Array.from({ length: Math.min(NODE_ENTRIES, below - first) }, (_, at) => first + at);
      });
    }
    return found;
  }

  #meets(node: number, wanted: Box): boolean {
    const at = node * BOX_NUMBERS;
    const boxes = this.#boxes;
    return boxesMeet({ left: boxes[at]!, bottom: boxes[at + 1]!, right: boxes[at + 2]!, top: boxes[at + 3]! }, wanted);
  }
}

function boxAt(column: BytesColumn, row: number): Box | null {
  try {
    const { box, dimension } = shapeOf(decodeWkb(bytesAt(column, row)));
    return dimension < 0 ? null : box;
  } catch (error) {
    if (error instanceof GeometryError) return null;
    throw error;
  }
}

function tiled<Entry extends { readonly box: Box }>(entries: readonly Entry[]): Entry[] {
  const nodes = Math.ceil(entries.length / NODE_ENTRIES);
  const sliceEntries = Math.ceil(Math.sqrt(nodes)) * NODE_ENTRIES;
  const middle = (low: number, high: number): number => low / 2 + high / 2;
  const byX = entries.toSorted(
    (one, other) => middle(one.box.left, one.box.right) - middle(other.box.left, other.box.right),
  );
  const ordered: Entry[] = [];
  for (let from = 0; from < byX.length; from += sliceEntries) {
    const slice = byX.slice(from, from + sliceEntries);
    ordered.push(
      ...slice.toSorted((one, other) => middle(one.box.bottom, one.box.top) - middle(other.box.bottom, other.box.top)),
    );
  }
  return ordered;
}

function parentCount(count: number): number {
  return Math.ceil(count / NODE_ENTRIES);
}

function parents(boxes: readonly Box[]): Box[] {
  return Array.from({ length: parentCount(boxes.length) }, (_, node) => {
    const own = boxes.slice(node * NODE_ENTRIES, (node + 1) * NODE_ENTRIES);
    return own.reduce((all, { left, bottom, right, top }) => ({
      left: Math.min(all.left, left),
      bottom: Math.min(all.bottom, bottom),
      right: Math.max(all.right, right),
      top: Math.max(all.top, top),
    }));
  });
}
