/**
 * A reader of JSON bytes that builds no values: it finds where a value begins and ends, of which class it is, and what number.
 *
 * Why not JSON.parse: it makes a string and an object tree of every row for one number out of it, and it rounds integers.
 *
 * Always true:
 *  - integers that int64 holds are exact: below 2^53 in `number`, above as class `Wide`, whose digits are read when needed;
 *  - depth costs no stack: containers are skipped by counting brackets;
 *  - nothing outside [start, limit) is read; malformed text gives `Malformed` or nonsense inside the row, never an endless loop.
 *
 * Not here: validation (whoever stores a document has validated it).
 */

import { PlaceClass } from "../kernel/filter-kernel.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

export class JsonReader {
  bytes: Uint8Array = new Uint8Array(0);
  limit = 0;
  /** Of the value read last. A text's extent is without its quotes. */
  class: PlaceClass = PlaceClass.Missing;
  start = 0;
  end = 0;
  number = 0;

  open(bytes: Uint8Array, limit: number): void {
    this.bytes = bytes;
    this.limit = limit;
  }

  /** The first byte at or after `at` that is not white space. */
  skipSpace(at: number): number {
    const { bytes, limit } = this;
    while (at < limit) {
      const byte = bytes[at]!;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
      at += 1;
    }
    return at;
  }

  /** Reads the value at `at` and returns where the text goes on. */
  read(at: number): number {
    const from = this.skipSpace(at);
    this.start = from;
    const first = from < this.limit ? this.bytes[from]! : 0;
    switch (first) {
      case QUOTE:
        return this.#text(from);
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        this.class = first === OPEN_OBJECT ? PlaceClass.Object : PlaceClass.Array;
        this.end = this.#containerEnd(from);
        return this.end;
      case 0x74:
        return this.#word(from, 4, PlaceClass.True);
      case 0x66:
        return this.#word(from, 5, PlaceClass.False);
      case 0x6e:
        return this.#word(from, 4, PlaceClass.Null);
      default:
        return this.#number(from);
    }
  }

  #word(from: number, length: number, kind: PlaceClass): number {
    this.class = from + length <= this.limit ? kind : PlaceClass.Malformed;
    this.end = Math.min(from + length, this.limit);
    return this.end;
  }

  #text(from: number): number {
    const { bytes, limit } = this;
    let at = from + 1;
    let isEscaped = false;
    while (at < limit && bytes[at] !== QUOTE) {
      if (bytes[at] === BACKSLASH) {
        isEscaped = true;
        at += 1;
      }
      at += 1;
    }
    this.start = from + 1;
    this.end = Math.min(at, limit);
    this.class = at >= limit ? PlaceClass.Malformed : isEscaped ? PlaceClass.EscapedText : PlaceClass.Text;
    return Math.min(at + 1, limit);
  }

  #containerEnd(from: number): number {
    const { bytes, limit } = this;
    let depth = 0;
    for (let at = from; at < limit; at += 1) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        at += 1;
        while (at < limit && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
      } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth += 1;
      else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
        depth -= 1;
        if (depth === 0) return at + 1;
      }
    }
    return limit;
  }

  #number(from: number): number {
    const { bytes, limit } = this;
    const isNegative = from < limit && bytes[from] === 0x2d;
    let at = isNegative ? from + 1 : from;
    let mantissa = 0;
    let digits = 0;
    let fraction = 0;
    while (at < limit && isDigit(bytes[at]!)) {
      mantissa = mantissa * 10 + bytes[at]! - 0x30;
      digits += 1;
      at += 1;
    }
    let isInteger = digits > 0;
    let isPlain = true;
    if (at < limit && bytes[at] === 0x2e) {
      isInteger = false;
      at += 1;
      while (at < limit && isDigit(bytes[at]!)) {
        mantissa = mantissa * 10 + bytes[at]! - 0x30;
        fraction += 1;
        at += 1;
      }
    }
    while (at < limit && isNumberByte(bytes[at]!)) {
      isInteger = false;
      isPlain = false;
      at += 1;
    }
    this.end = at;
    if (at === from) {
      this.class = PlaceClass.Malformed;
      // One byte further, so that a loop over elements ends.
      return Math.min(from + 1, limit);
    }
    if (digits + fraction <= 15 && isPlain) {
      // Both factors are exact doubles, so one division rounds correctly.
      const magnitude = fraction === 0 ? mantissa : mantissa / POWERS_OF_TEN[fraction]!;
      this.number = isNegative ? -magnitude : magnitude;
      this.class = isInteger ? PlaceClass.Integer : PlaceClass.Double;
      return at;
    }
    this.number = Number(latin1(bytes, from, at));
    if (Number.isNaN(this.number)) this.class = PlaceClass.Malformed;
    else if (!isInteger) this.class = PlaceClass.Double;
    else if (Number.isSafeInteger(this.number)) this.class = PlaceClass.Integer;
    else this.class = isInt64(wideInteger(bytes, from, at)) ? PlaceClass.Wide : PlaceClass.Double;
    return at;
  }
}

const POWERS_OF_TEN = Float64Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);

/** The integer of class `Wide` that stands in these bytes. */
export function wideInteger(bytes: Uint8Array, start: number, end: number): bigint {
  return BigInt(latin1(bytes, start, end));
}

/** The UTF-8 bytes that an escaped text stands for; null when it is malformed. */
export function unescaped(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  try {
    const literal = Buffer.from(bytes.buffer, bytes.byteOffset + start - 1, end - start + 2).toString("utf8");
    return Buffer.from(JSON.parse(literal) as string, "utf8");
  } catch {
    return null;
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

function isInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** What may follow the digits of a number: exponents, signs, more dots (then it is malformed). */
function isNumberByte(byte: number): boolean {
  return isDigit(byte) || byte === 0x65 || byte === 0x45 || byte === 0x2b || byte === 0x2d || byte === 0x2e;
}
