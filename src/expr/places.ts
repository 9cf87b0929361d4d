/**
 * Reads several places of one JSON column in one pass over the bytes of each row.
 *
 * Always true:
 *  - a row is read once per stretch, however many leaves ask, but for leaves that want different rows: those cost a second
 *    reading of the stretch; reading stops when the last place was found;
 *  - of keys that occur twice in an object the first counts;
 *  - a key of decimal digits is an index where the document has an array.
 */

import { PlaceClass } from "../kernel/filter-kernel.ts";
import { type Bitset, hasBit } from "../model/bitset.ts";
import type { BytesColumn } from "../model/columns.ts";
import { JsonReader, unescaped } from "./json.ts";
import { equalBytes } from "./sets.ts";
import { type Scan, STRETCH_ROWS, textColumn } from "./scan.ts";

/** What stands at one place, row by row of a stretch. */
export interface PlaceValues {
  readonly classes: Uint8Array;
  readonly numbers: Float64Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

interface Branch {
  readonly key: Uint8Array;
  /** As an index of an array; -1 when it cannot be one. */
  readonly index: number;
  readonly children: Branch[];
  /** Number of the place that ends here, or -1. */
  place: number;
  /** The row in which the branch was met last, so that a second key of the same name is passed over. */
  metIn: number;
}

function branch(key: string): Branch {
  const index = /^(?:0|[1-9]\d{0,8})$/.test(key) ? Number(key) : -1;
  return { key: Buffer.from(key, "utf8"), index, children: [], place: -1, metIn: -1 };
}

function placeValues(capacity: number): PlaceValues {
  return {
    classes: new Uint8Array(capacity),
    numbers: new Float64Array(capacity),
    starts: new Uint32Array(capacity),
    ends: new Uint32Array(capacity),
  };
}

function isWithin(inner: Bitset | null, outer: Bitset | null): boolean {
  if (outer === null) return true;
  return inner !== null && inner.every((byte, at) => (byte & ~outer[at]!) === 0);
}

/** All the places of one field that a filter reads. */
export class PlaceReader {
  readonly #fieldId: bigint;
  readonly #root = branch("");
  readonly #values: PlaceValues[] = [];
  readonly #reader = new JsonReader();
  #capacity = 0;
  #remaining = 0;
  #serial = 0;

  constructor(fieldId: bigint) {
    this.#fieldId = fieldId;
  }

  /** The number of the place in the arrays that `read` returns; the same path gives the same number. */
  add(path: readonly string[]): number {
    let at = this.#root;
    for (const key of path) {
      const bytes = Buffer.from(key, "utf8");
      let child = at.children.find((candidate) => equalBytes(candidate.key, bytes, 0, bytes.length));
      if (child === undefined) at.children.push((child = branch(key)));
      at = child;
    }
    if (at.place < 0) {
      at.place = this.#values.length;
      this.#values.push(placeValues(0));
    }
    return at.place;
  }

  column(scan: Scan): BytesColumn {
    return textColumn(scan, this.#fieldId);
  }

  read(scan: Scan): readonly PlaceValues[] {
    const done = scan.documents.get(this);
    if (done !== undefined && isWithin(scan.wanted, done)) return this.#values;
    // Who comes second and wants other rows reads all of them, so that nobody reads a third time.
    const wanted = done === undefined ? scan.wanted : null;
    scan.documents.set(this, wanted);
    const { bytes, offsets, valid } = this.column(scan);
    this.#makeRoom(scan.rowCount);
    for (const place of this.#values) place.classes.fill(PlaceClass.Missing, 0, scan.rowCount);
    for (let row = 0; row < scan.rowCount; row += 1) {
      const at = scan.from + row;
      if (valid !== null && valid[at] === 0) continue;
      if (wanted !== null && !hasBit(wanted, row)) continue;
      this.#remaining = this.#values.length;
      this.#serial += 1;
      this.#reader.open(bytes, offsets[at + 1]!);
      this.#visit(offsets[at]!, this.#root, row);
    }
    return this.#values;
  }

  /** Small segments are common, so the arrays grow to what was needed. */
  #makeRoom(rowCount: number): void {
    if (rowCount <= this.#capacity) return;
    this.#capacity = Math.min(STRETCH_ROWS, rowCount * 2);
    for (let place = 0; place < this.#values.length; place += 1) this.#values[place] = placeValues(this.#capacity);
  }

  /** Reads the value at `at`, which stands at `branch`; returns where the text goes on. Recursion is as deep as the paths. */
  #visit(at: number, branch: Branch, row: number): number {
    const reader = this.#reader;
    if (branch.place >= 0) {
      const end = reader.read(at);
      const { place } = branch;
      const values = this.#values[place]!;
      values.classes[row] = reader.class;
      values.numbers[row] = reader.number;
      values.starts[row] = reader.start;
      values.ends[row] = reader.end;
      this.#remaining -= 1;
      if (branch.children.length > 0) this.#enter(reader.skipSpace(at), branch, row);
      return end;
    }
    return this.#enter(reader.skipSpace(at), branch, row);
  }

  #enter(at: number, branch: Branch, row: number): number {
    const reader = this.#reader;
    const first = at < reader.limit ? reader.bytes[at] : 0;
    if (first === 0x7b) return this.#object(at, branch, row);
    if (first === 0x5b) return this.#array(at, branch, row);
    return reader.read(at);
  }

  #object(open: number, branch: Branch, row: number): number {
    const reader = this.#reader;
    const { bytes, limit } = reader;
    let at = open + 1;
    while (at < limit) {
      at = reader.skipSpace(at);
      if (at >= limit || bytes[at] === 0x7d) return Math.min(at + 1, limit);
      if (bytes[at] === 0x2c) {
        at += 1;
        continue;
      }
      if (bytes[at] !== 0x22) return limit;
      at = reader.read(at);
      const child = this.#childByKey(branch);
      at = reader.skipSpace(at);
      if (at >= limit || bytes[at] !== 0x3a) return limit;
      if (child === null) at = reader.read(at + 1);
      else {
        child.metIn = this.#serial;
        at = this.#visit(at + 1, child, row);
        if (this.#remaining === 0) return limit;
      }
    }
    return limit;
  }

  #array(open: number, branch: Branch, row: number): number {
    const reader = this.#reader;
    const { bytes, limit } = reader;
    let at = open + 1;
    for (let index = 0; at < limit;) {
      at = reader.skipSpace(at);
      if (at >= limit || bytes[at] === 0x5d) return Math.min(at + 1, limit);
      if (bytes[at] === 0x2c) {
        at += 1;
        index += 1;
        continue;
      }
      let child: Branch | null = null;
      for (const candidate of branch.children) if (candidate.index === index) child = candidate;
      if (child === null) at = reader.read(at);
      else {
        at = this.#visit(at, child, row);
        if (this.#remaining === 0) return limit;
      }
    }
    return limit;
  }

  /** The child whose key the reader has just read, unless this row had it before. */
  #childByKey(branch: Branch): Branch | null {
    const { bytes, start, end } = this.#reader;
    const isEscaped = this.#reader.class === PlaceClass.EscapedText;
    for (const child of branch.children) {
      if (child.metIn === this.#serial) continue;
      if (!isEscaped) {
        if (equalBytes(child.key, bytes, start, end)) return child;
      } else {
        const key = unescaped(bytes, start, end);
        if (key !== null && equalBytes(child.key, key, 0, key.length)) return child;
      }
    }
    return null;
  }
}
