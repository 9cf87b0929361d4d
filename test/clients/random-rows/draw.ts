/**
 * Random values of a field, in plain form, full of borders: the least and the most of each type, both zeros, subnormal numbers, texts as
 * long as they may be and of every kind of character.
 *
 * Always true: what is drawn is what the server takes, and what the client carries there and back without a change (`Carried`).
 */

import { Random } from "../../../src/expr/testing/random.ts";
import { type Plain, doubleOf } from "./plain.ts";
import { ANCHOR, type Field, KEY, type Table, type TypeName } from "./fields.ts";

/** What a client loses by itself, and is therefore not sent by it. */
export interface Carried {
  /** Zeros with a sign, in tables with undeclared keys. */
  readonly signsBesideUndeclared: boolean;
  /** Whole numbers in documents. */
  readonly documentIntegers: "53 bits" | "64 bits" | "any";
  /** Floats in documents: which of them come back as floats. */
  readonly documentFloats: "any" | "not safe integers" | "fractions";
  /** Entries of sparse vectors that are zero. */
  readonly sparseZeros: boolean;
  /** Milliseconds, no less, in defaults of Timestamptz. */
  readonly coarseDefaults: boolean;
  readonly coarseTimes?: boolean;
}

export function drawValue(random: Random, field: Field, carried: Carried, signs = true): Plain {
  const { type } = field;
  const width = INTEGER_BITS[type];
  if (width !== undefined) return drawInteger(random, width);
  const layout = FLOATS[type];
  if (layout !== undefined) {
    if (field.name === ANCHOR) return wholeFloats(random, field.dimension!);
    if (type === "Float" || type === "Double") return hex(drawFloat(random, layout, signs));
    return Array.from({ length: field.dimension! }, () => littleEndian(drawFloat(random, layout, signs))).join("");
  }
  switch (type) {
    case "Bool":
      return random.chance(0.5);
    case "VarChar":
      return drawText(random, field.maxLengthBytes!);
    case "Timestamptz":
      return drawTime(random, carried.coarseTimes === true);
    case "Geometry":
      return random.pick(GEOMETRIES)(() => coordinate(random));
    case "JSON":
      return drawDocument(random, carried, 3, true);
    case "Int8Vector":
      return hex(Uint8Array.from({ length: field.dimension! }, () => byte(random)));
    case "BinaryVector":
      return hex(Uint8Array.from({ length: field.dimension! / 8 }, () => byte(random)));
    case "SparseFloatVector":
      return drawSparse(random, carried);
    case "Array":
      return listOf(random, field.capacity!, () => drawValue(random, field.element!, carried, signs));
    case "Struct":
      return listOf(random, field.capacity!, () =>
        Object.fromEntries(field.fields!.map((sub) => [sub.name, drawValue(random, sub, carried, signs)])),
      );
    default:
      throw new Error(`no values of type ${type}`);
  }
}

/** A row without its key. What is left out has its default, or is null: `expected` says so. */
export function drawRow(random: Random, table: Table, carried: Carried): Record<string, Plain> {
  const row: Record<string, Plain> = {};
  const signs = carried.signsBesideUndeclared || !table.dynamic;
  for (const field of table.fields) {
    if (field.nullable || field.default !== undefined) {
      if (random.chance(0.15)) continue;
      if (random.chance(0.15)) {
        row[field.name] = null;
        continue;
      }
    }
    row[field.name] = drawValue(random, field, carried, signs);
  }
  if (table.dynamic) {
    // More than 64 bits are sent as a text that spells a whole document, and undeclared keys are parts of one.
    const within =
      carried.documentIntegers === "any" ? ({ ...carried, documentIntegers: "64 bits" } as const) : carried;
    for (const key of UNDECLARED) if (random.chance(0.3)) row[key] = drawDocument(random, within, 2, false);
  }
  return row;
}

export function drawKeys(random: Random, table: Table, count: number): string[] {
  const keys = new Set<string>(table.keyType === "Int64" ? ["-9223372036854775808", "9223372036854775807", "0"] : []);
  while (keys.size < count) {
    keys.add(table.keyType === "Int64" ? drawInteger(random, 64) : drawKeyText(random, keys.size));
  }
  return [...keys];
}

// `get` of both clients puts keys between quotes as they are: none that would end a text, none that a text of a filter does not have.
const KEY_LETTERS = [..."abcXYZ019 _-.%/:ü漢字🪁éñßЖع\u{10fffe}"];

function drawKeyText(random: Random, at: number): string {
  return `${Array.from({ length: random.below(10) }, () => random.pick(KEY_LETTERS)).join("")}${at}`;
}

/** Undeclared keys: each is a document of its own. */
const UNDECLARED = ["extra", "ключ", "with space", "quote\"'", "🪁", `${KEY}2`];

const INTEGER_BITS: Partial<Record<TypeName, number>> = { Int8: 8, Int16: 16, Int32: 32, Int64: 64 };

function drawInteger(random: Random, bits: number): string {
  const most = 2n ** BigInt(bits - 1) - 1n;
  if (random.chance(0.25)) return String(random.pick([0n, 1n, -1n, most, -most - 1n, most - 1n]));
  if (bits === 64 && random.chance(0.2))
    return String(random.pick([2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 31n, 2n ** 32n]));
  return String(BigInt.asIntN(bits, BigInt(`0x${hex(drawBytes(random, 8))}`)));
}

interface FloatLayout {
  readonly bytes: number;
  /** The high bits, all of which are set in what is no number. */
  readonly exponent: bigint;
  readonly borders: readonly bigint[];
}

const SINGLE: FloatLayout = {
  bytes: 4,
  exponent: 0x7f80_0000n,
  borders: [0n, 0x8000_0000n, 1n, 0x807f_ffffn, 0x0080_0000n, 0x7f7f_ffffn, 0xff7f_ffffn, 0x3f80_0000n, 0x3dcc_cccdn],
};
const FLOATS: Partial<Record<TypeName, FloatLayout>> = {
  Float: SINGLE,
  FloatVector: SINGLE,
  Double: {
    bytes: 8,
    exponent: 0x7ff0n << 48n,
    borders: [
      0n,
      1n << 63n,
      1n,
      0x800f_ffff_ffff_ffffn,
      0x0010n << 48n,
      0x7fef_ffff_ffff_ffffn,
      0x3fb9_9999_9999_999an,
    ],
  },
  Float16Vector: {
    bytes: 2,
    exponent: 0x7c00n,
    borders: [0n, 0x8000n, 1n, 0x83ffn, 0x0400n, 0x7bffn, 0xfbffn, 0x3c00n],
  },
  BFloat16Vector: {
    bytes: 2,
    exponent: 0x7f80n,
    borders: [0n, 0x8000n, 1n, 0x807fn, 0x0080n, 0x7f7fn, 0xff7fn, 0x3f80n],
  },
};

/** Big endian. Finite: what is no number, or infinite, is refused. */
function drawFloat(random: Random, { bytes, exponent, borders }: FloatLayout, signs: boolean): Uint8Array {
  let bits = random.chance(0.3) ? random.pick(borders) : BigInt(`0x${hex(drawBytes(random, bytes))}`);
  if ((bits & exponent) === exponent) bits ^= exponent & -exponent;
  if (!signs && bits === 1n << BigInt(bytes * 8 - 1)) bits = 0n;
  return Uint8Array.from({ length: bytes }, (_, at) => Number((bits >> BigInt(8 * (bytes - 1 - at))) & 0xffn));
}

function wholeFloats(random: Random, dimension: number): string {
  return Array.from({ length: dimension }, () =>
    littleEndian(Uint8Array.from([0x40, 16 * random.below(8), 0, 0])),
  ).join("");
}

const CHARACTERS = [..."aZ 0~\t\n\r\u0000\u007f\\\"'`%_ü߿ࠀ漢\u2028\ufeff\ufffd\uffff🪁\u{10ffff}\u0301\u200d"];

/** As many bytes as it may have, no more; now and then exactly as many. */
function drawText(random: Random, mostBytes: number): string {
  const length = random.chance(0.2) ? mostBytes : random.below(Math.min(mostBytes, 30) + 1);
  let text = "";
  let left = length;
  while (left > 0) {
    const next = random.chance(0.5) ? random.pick(CHARACTERS) : String.fromCodePoint(drawCodePoint(random));
    const size = Buffer.byteLength(next);
    text += size <= left ? next : "x".repeat(left);
    left -= Math.min(size, left);
  }
  return text;
}

/** No halves of pairs: they are no characters of UTF-8. */
function drawCodePoint(random: Random): number {
  const point = random.below(random.pick([0x80, 0x800, 0x1_0000, 0x11_0000]));
  return point >= 0xd800 && point <= 0xdfff ? 0x40 : point;
}

const FIRST_MILLISECOND = Date.parse("0001-01-01T00:00:00Z");
const LAST_MILLISECOND = Date.parse("9999-12-31T23:59:59.999Z");

function drawTime(random: Random, isCoarse: boolean): string {
  const between = FIRST_MILLISECOND + random.below(LAST_MILLISECOND - FIRST_MILLISECOND);
  const milliseconds = random.pick([between, between, FIRST_MILLISECOND, LAST_MILLISECOND, 0, -1, 951_782_400_000]);
  const micros = isCoarse ? 0 : random.pick([0, 1, 500, 999, random.below(1_000)]);
  const [whole, fraction] = new Date(milliseconds).toISOString().slice(0, -1).split(".");
  const digits = `${fraction}${String(micros).padStart(3, "0")}`.replace(/0+$/, "");
  return `${whole!.replace(/^[+-]0*(?=\d{4})/, "")}${digits === "" ? "" : `.${digits}`}Z`;
}

type Coordinate = () => string;
const GEOMETRIES: readonly ((next: Coordinate) => string)[] = [
  (next) => `POINT (${next()} ${next()})`,
  () => "POINT EMPTY",
  (next) => `LINESTRING (${next()} ${next()}, ${next()} ${next()}, ${next()} ${next()})`,
  (next) => `MULTIPOINT ((${next()} ${next()}), (${next()} ${next()}))`,
  (next) => `MULTILINESTRING ((${next()} ${next()}, ${next()} ${next()}), (${next()} ${next()}, 1 2))`,
  () => "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 2 4, 4 4, 4 2, 2 2))",
  () => "MULTIPOLYGON (((20 20, 22 20, 22 22, 20 20)), ((30 30, 31 30, 31 31, 30 30)))",
  (next) => `GEOMETRYCOLLECTION (POINT (${next()} 2), LINESTRING (0 0, ${next()} 3))`,
];

function coordinate(random: Random): string {
  return String(random.pick([0, -1, 0.1, 1e-7, -122.4194, random.next() * 360 - 180, random.next() * 1e12]));
}

function drawSparse(random: Random, { sparseZeros }: Carried): Plain {
  const entries = new Map<number, string>();
  for (let count = random.below(6); count > 0; count -= 1) {
    const index = random.pick([0, 1, 4_294_967_294, 2_147_483_648, random.below(4_294_967_295)]);
    const value = drawFloat(random, SINGLE, false);
    // None below zero: they are refused.
    value[0]! &= 0x7f;
    if (!sparseZeros && value.every((part) => part === 0)) value[3] = 1;
    entries.set(index, hex(value));
  }
  return [...entries].toSorted(([left], [right]) => left - right).map(([index, value]) => [String(index), value]);
}

/** A list of JSON's values, as deep as `depth`; the outermost is no null, which would be no document. */
function drawDocument(random: Random, carried: Carried, depth: number, isOuter: boolean): Plain {
  const kind = random.below(depth > 0 ? 8 : 5);
  if (kind === 0) return isOuter ? { keys: [] } : null;
  if (kind === 1) return random.chance(0.5);
  if (kind === 2) return { int: drawDocumentInteger(random, carried) };
  if (kind === 3) return { float: drawDocumentFloat(random, carried) };
  if (kind === 4) return { text: drawText(random, 24) };
  const many = random.below(4);
  if (kind === 5) return Array.from({ length: many }, () => drawDocument(random, carried, depth - 1, false));
  // No "__proto__", which is no key of an object's own in JavaScript.
  const keys = new Set(Array.from({ length: many }, () => drawText(random, 8)));
  return { keys: [...keys].map((key) => [key, drawDocument(random, carried, depth - 1, false)]) };
}

function drawDocumentInteger(random: Random, { documentIntegers }: Carried): string {
  if (documentIntegers === "53 bits") {
    return String(random.pick([0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, random.below(1_000_000)]));
  }
  // More than 64 bits come back as the nearest float, as from any parser of JSON without such numbers.
  if (documentIntegers === "any" && random.chance(0.2)) return "123456789012345678901234567890";
  return random.pick([drawInteger(random, 64), "18446744073709551615", "9007199254740993"]);
}

function drawDocumentFloat(random: Random, { documentFloats }: Carried): string {
  for (;;) {
    const bits = hex(drawFloat(random, FLOATS.Double!, true));
    const value = doubleOf(bits);
    if (documentFloats === "any") return bits;
    if (!(documentFloats === "fractions" ? Number.isInteger(value) : Number.isSafeInteger(value))) return bits;
  }
}

function listOf(random: Random, capacity: number, draw: () => Plain): Plain {
  const length = random.pick([0, 1, capacity, random.below(capacity + 1)]);
  return Array.from({ length }, draw);
}

function drawBytes(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256));
}

function byte(random: Random): number {
  return random.chance(0.3) ? random.pick([0, 1, 0x7f, 0x80, 0xff]) : random.below(256);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function littleEndian(bytes: Uint8Array): string {
  return hex(bytes.toReversed());
}
