/**
 * Writes the words and constants of a filter program.
 *
 *   node      operation | words of the node << 8, operands…          (native/include/elanus_filter.h has all of them)
 *   constants pieces of 8 bytes, each piece of constants where the one before ended
 *
 * Always true: a parent's length covers its nodes; a column is named once, however often it is used.
 */

import { assert } from "../base/assert.ts";
import { ANY_CHARACTER, ANY_RUN, type FilterProgram, Op } from "../kernel/filter-kernel.ts";
import type { CompareOperator, Constant, FieldPlace } from "../model/filter.ts";
import { escapePattern } from "./like.ts";
import { literalOf } from "./regex.ts";
import { compileRegexSyntax } from "./regex-syntax.ts";
import { regexWords } from "./regex-words.ts";
import { type Interval, MAX_INT64, MIN_INT64 } from "./bounds.ts";

/**
 * `valid`: only its nulls are asked for; `place`: what stands at `path` of its documents; `arrays`: where its elements begin; `elements`:
 * the elements of all rows.
 */
export interface CodeColumn {
  readonly fieldId: bigint;
  readonly use: "values" | "valid" | "place" | "arrays" | "elements";
  readonly path: readonly string[];
}

/** Null: open on that side. Constants are taken as texts. */
export interface TextEnds {
  readonly lower: Constant | null;
  readonly lowerInclusive: boolean;
  readonly upper: Constant | null;
  readonly upperInclusive: boolean;
}

const MAX_NODE_WORDS = 2 ** 24 - 1;
const MAX_CONSTANT_BYTES = 2 ** 30;

export class CodeWriter {
  readonly columns: CodeColumn[] = [];
  readonly #columnNumbers = new Map<string, number>();
  readonly #words: number[] = [];
  readonly #constants: Uint8Array[] = [];
  #constantBytes = 0;

  program(): FilterProgram {
    const constants = new Uint8Array(this.#constantBytes);
    let at = 0;
    for (const piece of this.#constants) {
      constants.set(piece, at);
      at += padded(piece.length);
    }
    return { code: Uint32Array.from(this.#words), constants };
  }

  column({ fieldId, path }: FieldPlace, use: CodeColumn["use"] = "values"): number {
    const name = use === "place" ? JSON.stringify([String(fieldId), path]) : `${use} ${fieldId}`;
    let number = this.#columnNumbers.get(name);
    if (number === undefined) {
      number = this.columns.length;
      this.columns.push({ fieldId, use, path: use === "place" ? path : [] });
      this.#columnNumbers.set(name, number);
    }
    return number;
  }

  /** Always true, as what the writers of leaves answer. */
  node(op: number, operands: readonly number[]): true {
    this.#words.push(op | ((operands.length + 1) << 8), ...operands);
    return true;
  }

  /** False when `writeNodes` says so; what it wrote is then of no use. */
  parent(op: number, writeNodes: () => boolean, operands: readonly number[] = []): boolean {
    const at = this.#words.length;
    this.#words.push(0, ...operands);
    if (!writeNodes()) return false;
    const length = this.#words.length - at;
    if (length > MAX_NODE_WORDS) return false;
    this.#words[at] = (op | (length << 8)) >>> 0;
    return true;
  }

  integers(values: readonly bigint[]): number {
    return this.#add(new Uint8Array(BigInt64Array.from(values).buffer)) / 8;
  }

  doubles(values: readonly number[]): number {
    return this.#add(new Uint8Array(Float64Array.from(values).buffer)) / 8;
  }

  /** An end beside int64 makes the interval empty. */
  integerEnds({ lower, upper }: Interval<bigint>): number {
    const isEmpty = lower > upper || lower > MAX_INT64 || upper < MIN_INT64;
    return this.integers(isEmpty ? [1n, 0n] : [clamped(lower), clamped(upper)]);
  }

  textRange(column: number, range: TextEnds): true {
    const { lower, upper, lowerInclusive, upperInclusive } = range;
    const flags = +(lower !== null) | (+lowerInclusive << 1) | (+(upper !== null) << 2) | (+upperInclusive << 3);
    return this.node(Op.TextRange, [
      column,
      flags,
      ...this.#text(String(lower ?? "")),
      ...this.#text(String(upper ?? "")),
    ]);
  }

  /** A comparison as a range, or as all but one value. */
  textCompare(operator: CompareOperator, value: string, writeRange: (range: TextEnds) => boolean): boolean {
    const range = (lower: string | null, upper: string | null, isInclusive: boolean): boolean =>
      writeRange({ lower, lowerInclusive: isInclusive, upper, upperInclusive: isInclusive });
    switch (operator) {
      case "==":
        return range(value, value, true);
      case "!=":
        return this.parent(Op.Not, () => range(value, value, true));
      case "<":
      case "<=":
        return range(null, value, operator === "<=");
      case ">":
      case ">=":
        return range(value, null, operator === ">=");
    }
  }

  textSet(column: number, values: readonly string[]): true {
    const joined = values.join("");
    const offsets = new Uint32Array(values.length + 1);
    let bytes: Uint8Array = Buffer.from(joined, "utf8");
    // Texts of ASCII have as many bytes as characters. Of others each has to be written by itself: the end of one and the beginning of the
    // next may be two halves of a character.
    const isAscii = bytes.length === joined.length;
    if (!isAscii) bytes = Buffer.concat(values.map((value) => Buffer.from(value, "utf8")));
    for (let at = 0; at < values.length; at += 1) {
      offsets[at + 1] = offsets[at]! + (isAscii ? values[at]!.length : Buffer.byteLength(values[at]!));
    }
    const piece = new Uint8Array(offsets.byteLength + bytes.length);
    piece.set(new Uint8Array(offsets.buffer));
    piece.set(bytes, offsets.byteLength);
    return this.node(Op.TextSet, [column, this.#add(piece), values.length]);
  }

  like(column: number, pattern: string): true {
    const units = likeUnits(pattern);
    return this.node(Op.Like, [column, this.#add(new Uint8Array(units.buffer, 0, units.byteLength)), units.length]);
  }

  /** False where the kernel has no room for it. */
  regex(column: number, pattern: string): boolean {
    const program = compileRegexSyntax(pattern);
    const literal = literalOf(program);
    if (literal !== null) return this.like(column, `%${escapePattern(literal.toString())}%`);
    const words = regexWords(program);
    if (words === null) return false;
    return this.node(Op.Regex, [column, this.#add(new Uint8Array(words.buffer)), words.length]);
  }

  #text(value: string): [number, number] {
    const bytes = Buffer.from(value, "utf8");
    return [this.#add(bytes), bytes.length];
  }

  /** Where the piece begins, in bytes. */
  #add(piece: Uint8Array): number {
    const at = this.#constantBytes;
    this.#constants.push(piece);
    this.#constantBytes += padded(piece.length);
    assert(this.#constantBytes <= MAX_CONSTANT_BYTES, "the constants of a filter have room");
    return at;
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function clamped(value: bigint): bigint {
  return value < MIN_INT64 ? MIN_INT64 : value > MAX_INT64 ? MAX_INT64 : value;
}

/** Bytes of literals, and marks for `_` and `%`. */
function likeUnits(pattern: string): Int16Array {
  const units: number[] = [];
  let literal = "";
  const flush = (): void => {
    for (const byte of Buffer.from(literal, "utf8")) units.push(byte);
    literal = "";
  };
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    if (character === "\\" && at + 1 < pattern.length) {
      at += 1;
      literal += pattern[at]!;
    } else if (character === "%" || character === "_") {
      flush();
      units.push(character === "%" ? ANY_RUN : ANY_CHARACTER);
    } else literal += character;
  }
  flush();
  return Int16Array.from(units);
}
