/**
 * Columns that grow at their end while readers look at what was there before.
 *
 * Always true:
 *  - what `view` gave stays as it was: growing copies into a new array, and entries once written never change;
 *  - arrays grow by a quarter, so that at most a fifth of a column is room for later.
 */

import { assert } from "../base/assert.ts";
import {
  type ArrayColumn,
  type BytesColumn,
  type Column,
  type ElementColumn,
  type FixedColumn,
  type FixedValues,
  fixedValues,
  isBytesType,
} from "../model/columns.ts";
import type { FieldSchema } from "../model/schema.ts";
import { DataType } from "../model/types.ts";

const FIRST_ROWS = 256;
const MAX_COLUMN_BYTES = 0xffffffff;

export interface GrowableColumn {
  readonly rowCount: number;
  /** Bytes of the entries alone. */
  readonly rawBytes: number;
  /** Bytes of the arrays. */
  readonly memoryBytes: number;
  append(column: Column): void;
  view(): Column;
}

/** How long an array should be that must hold `needed` and now holds `capacity`. */
export function grownCapacity(capacity: number, needed: number, first: number): number {
  return Math.max(needed, first, Math.ceil(capacity * 1.25));
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

  append(valid: Uint8Array | null, rowCount: number): void {
    const end = this.#rowCount + rowCount;
    if (this.#bytes === null && valid === null) {
      this.#rowCount = end;
      return;
    }
    const known = this.#bytes;
    if (known === null || known.length < end) {
      const grown = new Uint8Array(grownCapacity(known?.length ?? 0, end, FIRST_ROWS));
      if (known === null) grown.fill(1, 0, this.#rowCount);
      else grown.set(known.subarray(0, this.#rowCount));
      this.#bytes = grown;
    }
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

  append(column: Column): void {
    assert(column.kind === "fixed" && column.type === this.#type, "a column keeps its type");
    const end = this.#rowCount + column.values.length;
    if (this.#values.length < end) {
      const grown = fixedValues(this.#type, grownCapacity(this.#values.length, end, FIRST_ROWS));
      copyInto(grown, this.#values.subarray(0, this.#rowCount), 0);
      this.#values = grown;
    }
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

  append(column: Column): void {
    assert(column.kind === "bytes" && column.type === this.#type, "a column keeps its type");
    const added = column.offsets.length - 1;
    const start = this.#offsets[this.#rowCount]!;
    const end = start + column.offsets[added]!;
    assert(end <= MAX_COLUMN_BYTES, "a segment is sealed before a column of bytes outgrows its offsets");
    if (this.#offsets.length < this.#rowCount + added + 1) {
      const capacity = grownCapacity(this.#offsets.length, this.#rowCount + added + 1, FIRST_ROWS);
      const grown = new Uint32Array(capacity);
      grown.set(this.#offsets.subarray(0, this.#rowCount + 1));
      this.#offsets = grown;
    }
    if (this.#bytes.length < end) {
      const grown = new Uint8Array(grownCapacity(this.#bytes.length, end, FIRST_ROWS * 16));
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
    }
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

  append(column: Column): void {
    assert(column.kind === "array" && column.type === this.#type, "a column keeps its type");
    assert(column.elementType === this.#elementType, "arrays keep the type of their elements");
    const added = column.offsets.length - 1;
    const start = this.#offsets[this.#rowCount]!;
    assert(start === this.#elements.rowCount, "the elements of all arrays lie end to end");
    const rowCount = this.#rowCount + added;
    if (this.#offsets.length < rowCount + 1) {
      const grown = new Uint32Array(grownCapacity(this.#offsets.length, rowCount + 1, FIRST_ROWS));
      grown.set(this.#offsets.subarray(0, this.#rowCount + 1));
      this.#offsets = grown;
    }
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
