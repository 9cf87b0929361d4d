/**
 * Columns that grow at their end while readers look at what was there before.
 *
 * Always true:
 *  - what `view` gave stays as it was: growing copies into a new array, and entries once written never change;
 *  - room can be made ahead of an append, a few MiB at a time, with turns for others between them;
 *  - arrays grow by an eighth, so that at most a ninth of a column is room for later, and what is copied for it is eight times the column.
 */

import { assert } from "../base/assert.ts";
import {
  type ArrayColumn,
  type BytesColumn,
  type Column,
  columnRows,
  type ElementColumn,
  type FixedColumn,
  type FixedValues,
  fixedValues,
  isBytesType,
} from "../model/columns.ts";
import type { FieldSchema } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { drained } from "../base/turns.ts";

const FIRST_ROWS = 256;
const MAX_COLUMN_BYTES = 0xffffffff;
/** At once, when a column grows: about a millisecond. */
const COPIED_BYTES = 1 << 22;

export interface GrowableColumn {
  readonly rowCount: number;
  /** Bytes of the entries alone. */
  readonly rawBytes: number;
  /** Bytes of the arrays. */
  readonly memoryBytes: number;
  append(column: Column): void;
  /** Makes room for what is appended next; yields between pieces of what it copies. Until it has ended nobody appends. */
  reserve(column: Column): Generator<void, void>;
  view(): Column;
}

/** How long an array should be that must hold `needed` and now holds `capacity`. */
export function grownCapacity(capacity: number, needed: number, first: number): number {
  return Math.max(needed, first, Math.ceil(capacity * 1.125));
}

/** Copies the first `count` entries, in pieces. */
export function* copyInTurns<Values extends FixedValues | Uint32Array | BigUint64Array>(
  from: Values,
  count: number,
  to: Values,
): Generator<void, Values> {
  const step = COPIED_BYTES / from.BYTES_PER_ELEMENT;
  for (let at = 0; at < count; at += step) {
    if (at > 0) yield;
    (to as Float64Array).set(from.subarray(at, Math.min(count, at + step)) as Float64Array, at);
  }
  return to;
}

/** One byte an entry, 1 = present; nothing is stored while no entry is null. */
export class GrowableValidity {
  #bytes: Uint8Array | null = null;
  #rowCount = 0;

  get memoryBytes(): number {
    return this.#bytes?.byteLength ?? 0;
  }

  get rawBytes(): number {
    return this.#bytes === null ? 0 : this.#rowCount;
  }

  *reserve(valid: Uint8Array | null, rowCount: number): Generator<void, void> {
    const end = this.#rowCount + rowCount;
    const known = this.#bytes;
    if (known === null ? valid === null : known.length >= end) return;
    const grown = new Uint8Array(grownCapacity(known?.length ?? 0, end, FIRST_ROWS));
    if (known === null) grown.fill(1, 0, this.#rowCount);
    else yield* copyInTurns(known, this.#rowCount, grown);
    this.#bytes = grown;
  }

  append(valid: Uint8Array | null, rowCount: number): void {
    const end = this.#rowCount + rowCount;
    if (this.#bytes === null && valid === null) {
      this.#rowCount = end;
      return;
    }
    drained(this.reserve(valid, rowCount));
    if (valid === null) this.#bytes!.fill(1, this.#rowCount, end);
    else this.#bytes!.set(valid, this.#rowCount);
    this.#rowCount = end;
  }

  view(): Uint8Array | null {
    return this.#bytes?.subarray(0, this.#rowCount) ?? null;
  }
}

export class GrowableFixed implements GrowableColumn {
  readonly #type: DataType;
  readonly #valid = new GrowableValidity();
  #values: FixedValues;
  #rowCount = 0;

  constructor(type: DataType) {
    this.#type = type;
    this.#values = fixedValues(type, 0);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get rawBytes(): number {
    return this.#rowCount * this.#values.BYTES_PER_ELEMENT + this.#valid.rawBytes;
  }

  get memoryBytes(): number {
    return this.#values.byteLength + this.#valid.memoryBytes;
  }

  *reserve(column: Column): Generator<void, void> {
    const end = this.#rowCount + columnRows(column);
    yield* this.#valid.reserve(column.valid, columnRows(column));
    if (this.#values.length >= end) return;
    const grown = fixedValues(this.#type, grownCapacity(this.#values.length, end, FIRST_ROWS));
    this.#values = yield* copyInTurns(this.#values, this.#rowCount, grown);
  }

  append(column: Column): void {
    assert(column.kind === "fixed" && column.type === this.#type, "a column keeps its type");
    const end = this.#rowCount + column.values.length;
    drained(this.reserve(column));
    copyInto(this.#values, column.values, this.#rowCount);
    this.#valid.append(column.valid, column.values.length);
    this.#rowCount = end;
  }

  view(): FixedColumn {
    const values = this.#values.subarray(0, this.#rowCount);
    return { kind: "fixed", type: this.#type, values, valid: this.#valid.view() };
  }
}

export class GrowableBytes implements GrowableColumn {
  readonly #type: DataType;
  readonly #valid = new GrowableValidity();
  #offsets: Uint32Array = new Uint32Array(1);
  #bytes: Uint8Array = new Uint8Array(0);
  #rowCount = 0;

  constructor(type: DataType) {
    this.#type = type;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get rawBytes(): number {
    return (this.#rowCount + 1) * 4 + this.#offsets[this.#rowCount]! + this.#valid.rawBytes;
  }

  get memoryBytes(): number {
    return this.#offsets.byteLength + this.#bytes.byteLength + this.#valid.memoryBytes;
  }

  *reserve(column: Column): Generator<void, void> {
    assert(column.kind === "bytes", "a column of bytes grows by bytes");
    const added = column.offsets.length - 1;
    const start = this.#offsets[this.#rowCount]!;
    const end = start + column.offsets[added]!;
    yield* this.#valid.reserve(column.valid, added);
    this.#offsets = yield* offsetsFor(this.#offsets, this.#rowCount, added);
    if (this.#bytes.length >= end) return;
    const grown = new Uint8Array(grownCapacity(this.#bytes.length, end, FIRST_ROWS * 16));
    this.#bytes = yield* copyInTurns(this.#bytes, start, grown);
  }

  append(column: Column): void {
    assert(column.kind === "bytes" && column.type === this.#type, "a column keeps its type");
    const added = column.offsets.length - 1;
    const start = this.#offsets[this.#rowCount]!;
    const end = start + column.offsets[added]!;
    assert(end <= MAX_COLUMN_BYTES, "a segment is sealed before a column of bytes outgrows its offsets");
    drained(this.reserve(column));
    this.#bytes.set(column.bytes.subarray(0, column.offsets[added]!), start);
    for (let entry = 1; entry <= added; entry += 1) {
      this.#offsets[this.#rowCount + entry] = start + column.offsets[entry]!;
    }
    this.#valid.append(column.valid, added);
    this.#rowCount += added;
  }

  view(): BytesColumn {
    const offsets = this.#offsets.subarray(0, this.#rowCount + 1);
    const bytes = this.#bytes.subarray(0, offsets[this.#rowCount]!);
    return { kind: "bytes", type: this.#type, offsets, bytes, valid: this.#valid.view() };
  }
}

/** Arrays: offsets in elements, and the elements in a growable column of their own. */
export class GrowableArray implements GrowableColumn {
  readonly #type: DataType;
  readonly #elementType: DataType;
  readonly #valid = new GrowableValidity();
  readonly #elements: GrowableColumn;
  #offsets: Uint32Array = new Uint32Array(1);
  #rowCount = 0;

  constructor(type: DataType, elementType: DataType, elements: GrowableColumn) {
    this.#type = type;
    this.#elementType = elementType;
    this.#elements = elements;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get rawBytes(): number {
    return (this.#rowCount + 1) * 4 + this.#elements.rawBytes + this.#valid.rawBytes;
  }

  get memoryBytes(): number {
    return this.#offsets.byteLength + this.#elements.memoryBytes + this.#valid.memoryBytes;
  }

  *reserve(column: Column): Generator<void, void> {
    assert(column.kind === "array", "a column of arrays grows by arrays");
    const added = column.offsets.length - 1;
    yield* this.#valid.reserve(column.valid, added);
    yield* this.#elements.reserve(column.elements);
    this.#offsets = yield* offsetsFor(this.#offsets, this.#rowCount, added);
  }

  append(column: Column): void {
    assert(column.kind === "array" && column.type === this.#type, "a column keeps its type");
    assert(column.elementType === this.#elementType, "arrays keep the type of their elements");
    const added = column.offsets.length - 1;
    const start = this.#offsets[this.#rowCount]!;
    assert(start === this.#elements.rowCount, "the elements of all arrays lie end to end");
    const rowCount = this.#rowCount + added;
    drained(this.reserve(column));
    this.#elements.append(column.elements);
    for (let entry = 1; entry <= added; entry += 1) {
      this.#offsets[this.#rowCount + entry] = start + column.offsets[entry]!;
    }
    this.#valid.append(column.valid, added);
    this.#rowCount = rowCount;
  }

  view(): ArrayColumn {
    const offsets = this.#offsets.subarray(0, this.#rowCount + 1);
    const elements = this.#elements.view() as ElementColumn;
    const valid = this.#valid.view();
    return { kind: "array", type: this.#type, elementType: this.#elementType, offsets, elements, valid };
  }
}

/** Offsets with room for so many rows more. */
function* offsetsFor(offsets: Uint32Array, rowCount: number, added: number): Generator<void, Uint32Array> {
  const needed = rowCount + added + 1;
  if (offsets.length >= needed) return offsets;
  return yield* copyInTurns(offsets, rowCount + 1, new Uint32Array(grownCapacity(offsets.length, needed, FIRST_ROWS)));
}

/** The empty column of a field that is no vector. */
export function growableColumn({
  dataType,
  elementType,
}: Pick<FieldSchema, "dataType" | "elementType">): GrowableColumn {
  if (dataType === DataType.Array) {
    return new GrowableArray(dataType, elementType, growableColumn({ dataType: elementType, elementType }));
  }
  return isBytesType(dataType) ? new GrowableBytes(dataType) : new GrowableFixed(dataType);
}

function copyInto(to: FixedValues, from: FixedValues, at: number): void {
  if (to instanceof BigInt64Array) to.set(from as BigInt64Array, at);
  else to.set(from as Float64Array, at);
}
