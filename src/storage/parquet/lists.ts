/**
 * Arrays as Parquet's lists, both ways.
 *
 *   schema   optional | required group <name> (LIST) { repeated group list { required <type> element } }
 *   page     repetition levels, 1 bit | definition levels | the elements of the page's rows, plain, as in `encode.ts`
 *   an entry of the levels is an element, or an array that has none
 *   repetition   0 the first of its row, 1 a further element
 *   definition   nullable: 0 null, 1 empty, 2 an element (2 bits); else: 0 empty, 1 an element (1 bit)
 *
 * Always true: a page holds whole rows, so that a reader never carries a row from one page to the next.
 */

import { assert } from "../../base/assert.ts";
import type { ArrayColumn, ElementColumn } from "../../model/columns.ts";
import { ColumnDecoder } from "./decode.ts";
import { type RowRange, encodeValues } from "./encode.ts";
import { packLevels, unpackLevels } from "./levels.ts";
import { type FileField, elementField, physicalOf } from "./physical.ts";

export interface ListPage {
  readonly body: Uint8Array;
  /** Entries of the levels: what a page header counts as values. */
  readonly entryCount: number;
}

export function encodeListPage(field: FileField, column: ArrayColumn, rows: RowRange): ListPage {
  const { offsets, valid } = column;
  const entryCount = countEntries(column, rows);
  const repetition = new Uint8Array(entryCount);
  const definition = new Uint8Array(entryCount);
  const empty = field.nullable ? 1 : 0;
  let entry = 0;
  for (let row = rows.from; row < rows.to; row += 1) {
    const isNull = valid !== null && valid[row] === 0;
    const length = offsets[row + 1]! - offsets[row]!;
    if (isNull) assert(field.nullable && length === 0, `field ${field.fieldId} may be null, and a null array is empty`);
    if (length === 0) definition[entry++] = isNull ? 0 : empty;
    for (let at = 0; at < length; at += 1) {
      repetition[entry] = at === 0 ? 0 : 1;
      definition[entry++] = empty + 1;
    }
  }
  const levels = [packLevels(repetition, 1), packLevels(definition, field.nullable ? 2 : 1)];
  const values = encodeValues(column.elements, { from: offsets[rows.from]!, to: offsets[rows.to]! });
  return { body: new Uint8Array(Buffer.concat([...levels, values])), entryCount };
}

export function countEntries({ offsets }: ArrayColumn, rows: RowRange): number {
  let entries = offsets[rows.to]! - offsets[rows.from]!;
  for (let row = rows.from; row < rows.to; row += 1) if (offsets[row] === offsets[row + 1]) entries += 1;
  return entries;
}

/** As many rows as have about `pageBytes` of elements; at least one. */
export function listPageEnd({ offsets, elements }: ArrayColumn, rows: RowRange, pageBytes: number): number {
  const bytesUntil = elementBytes(elements);
  const limit = bytesUntil(offsets[rows.from]!) + pageBytes;
  let to = rows.from + 1;
  while (to < rows.to && bytesUntil(offsets[to + 1]!) <= limit) to += 1;
  return to;
}

/** How many bytes the elements before one take. */
function elementBytes(elements: ElementColumn): (element: number) => number {
  if (elements.kind === "bytes") return (element) => elements.offsets[element]! + element * 4;
  const dimension = elements.kind === "vector" ? elements.dimension : 0;
  const width = Math.max(1, physicalOf({ dataType: elements.type, dimension }).width);
  return (element) => element * width;
}

/** Collects the pages of one column of arrays, in order. */
export class ListDecoder {
  readonly #field: FileField;
  readonly #offsets: Uint32Array;
  readonly #elements: ColumnDecoder;
  #valid: Uint8Array | null = null;
  #row = 0;
  #element = 0;

  /** `entryCount`: of all pages together. */
  constructor(field: FileField, rowCount: number, entryCount: number, plainBytes: number) {
    this.#field = field;
    this.#offsets = new Uint32Array(rowCount + 1);
    this.#elements = new ColumnDecoder(elementField(field), entryCount, plainBytes);
  }

  page(body: Uint8Array, entryCount: number): void {
    const { nullable } = this.#field;
    const repetition = unpackLevels(body, 1, entryCount);
    const definition = unpackLevels(body.subarray(repetition.byteLength), nullable ? 2 : 1, entryCount);
    const element = nullable ? 2 : 1;
    const first = this.#element;
    check(repetition.levels[0] === 0, "a page starts with a row");
    for (let entry = 0; entry < entryCount; entry += 1) {
      const level = definition.levels[entry]!;
      check(level <= element, "a definition level is known");
      if (repetition.levels[entry] === 0) this.#nextRow(nullable && level === 0);
      else check(level === element && this.#element > this.#offsets[this.#row - 1]!, "an array goes on by elements");
      if (level === element) this.#element += 1;
      this.#offsets[this.#row] = this.#element;
    }
    this.#elements.page(body.subarray(repetition.byteLength + definition.byteLength), this.#element - first);
  }

  finish(): ArrayColumn {
    check(this.#row === this.#offsets.length - 1, "the pages have the rows of the file");
    const { dataType: type, elementType } = this.#field;
    const elements = this.#elements.finish(this.#element) as ElementColumn;
    return { kind: "array", type, elementType, offsets: this.#offsets, elements, valid: this.#valid };
  }

  #nextRow(isNull: boolean): void {
    check(this.#row < this.#offsets.length - 1, "a page has no more rows than the file");
    if (isNull) {
      this.#valid ??= new Uint8Array(this.#offsets.length - 1).fill(1);
      this.#valid[this.#row] = 0;
    }
    this.#row += 1;
  }
}

function check(condition: boolean, rule: string): void {
  if (!condition) throw new RangeError(`${rule}, and this one does not`);
}
