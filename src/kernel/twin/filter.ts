/**
 * Filter programs in TypeScript, a row at a time, straight from the words: the oracle of the native kernel's filters. Where there is no native
 * kernel, filters are evaluated from their plan instead, which is quicker.
 */

import { assert } from "../../base/assert.ts";
import { type Bitset, emptyBitset, hasBit, setBit } from "../../model/bitset.ts";
import { type BytesColumn, bytesAt, columnRows, type FixedColumn } from "../../model/columns.ts";
import {
  ANY_CHARACTER,
  ANY_RUN,
  type ArraysColumn,
  COMPARISONS,
  type ElementsColumn,
  type FilterColumn,
  type FilterKernel,
  type FilterRun,
  Op,
  OPERATORS,
  type PlaceColumn,
} from "../filter-kernel.ts";
import { type Geometry, GeometryError, type Point } from "../../model/geometry.ts";
import { decodeWkb } from "../../model/wkb.ts";
import { addMonths } from "../../model/timestamptz.ts";
import { KernelError } from "../kernel.ts";
import { hashOfRow } from "../row-hash.ts";
import { TwinRegex } from "./regex.ts";
import { type PlaceValue, placeValueAt, textAsNumber } from "./place-values.ts";

const DAY_MICROSECONDS = 86_400_000_000n;

/** Null is UNKNOWN. */
type Truth = boolean | null;

export class TwinFilters implements FilterKernel {
  async filter(run: FilterRun, signal?: AbortSignal): Promise<Bitset> {
    signal?.throwIfAborted();
    return this.filterNow(run);
  }

  filterNow(run: FilterRun): Bitset {
    for (const column of run.columns) {
      if (rowsOf(column) < run.rowCount) throw new KernelError("a column has too few rows");
    }
    const bits = emptyBitset(run.rowCount);
    const interpreter = new Interpreter(run);
    for (let row = 0; row < run.rowCount; row += 1) {
      if (run.wanted !== null && !hasBit(run.wanted, row)) continue;
      if (interpreter.truth(0, row) === true) setBit(bits, row);
    }
    return bits;
  }
}

function rowsOf(column: FilterColumn): number {
  if (column.kind === "place") return Math.min(column.classes.length, column.words.length);
  if (column.kind === "valid") return column.valid?.length ?? Infinity;
  if (column.kind === "arrays") return column.offsets.length - 1;
  if (column.kind === "elements") return Infinity;
  return columnRows(column);
}

class Interpreter {
  /** Elements are a column as any other, whose rows are the elements. */
  readonly #columns: readonly Exclude<FilterColumn, ElementsColumn>[];
  readonly #code: Uint32Array;
  readonly #constants: DataView;
  readonly #bytes: Uint8Array;
  /** By the word of their node. */
  readonly #regexes = new Map<number, TwinRegex>();

  constructor({ program, columns }: FilterRun) {
    this.#columns = columns.map((column) => (column.kind === "elements" ? column.elements : column));
    this.#code = program.code;
    this.#bytes = program.constants;
    this.#constants = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  }

  truth(at: number, row: number): Truth {
    const op = this.#code[at]! & 0xff;
    const [a, b, c, d] = [1, 2, 3, 4].map((offset) => this.#code[at + offset] ?? 0) as [number, number, number, number];
    switch (op) {
      case Op.Constant:
        return a !== 0;
      case Op.Not: {
        const operand = this.truth(at + 1, row);
        return operand === null ? null : !operand;
      }
      case Op.And:
      case Op.Or: {
        const truths = this.#nodes(at, row);
        const deciding = op === Op.Or;
        if (truths.includes(deciding)) return deciding;
        return truths.includes(null) ? null : !deciding;
      }
      case Op.Merge: {
        const truths = this.#nodes(at, row);
        if (truths.includes(true)) return true;
        return truths.includes(false) ? false : null;
      }
      case Op.Valid:
        return this.#isValid(a, row);
      case Op.PlaceClass:
      case Op.PlaceRange:
      case Op.PlaceSet:
      case Op.PlaceMath:
      case Op.PlaceText:
      case Op.PlaceHolder:
      case Op.PlaceArrays:
      case Op.PlaceLengths:
      case Op.PlaceNumber:
        return this.#place(at, row);
      case Op.Sample:
        return BigInt(hashOfRow(row, a)) < this.#integer(b);
      case Op.TextPair:
      case Op.NumberPair: {
        if (!this.#isValid(a, row) || !this.#isValid(b, row)) return null;
        if (op === Op.TextPair) return holds(c, Buffer.compare(this.#textAt(a, row), this.#textAt(b, row)), 0);
        return holds(c, this.#numberAt(a, row), this.#numberAt(b, row));
      }
      default:
    }
    if (!this.#isValid(a, row)) return null;
    switch (op) {
      case Op.Lengths: {
        const [start, end] = this.#elementsOf(a, row);
        return this.#isWithin(c, BigInt(end - start)) !== (b !== 0);
      }
      case Op.Element: {
        const [start, end] = this.#elementsOf(a, row);
        return start + b < end ? this.truth(at + 3, start + b) : null;
      }
      case Op.Holder: {
        const [start, end] = this.#elementsOf(a, row);
        for (let element = start; element < end; element += 1) if (this.truth(at + 2, element) === true) return true;
        return false;
      }
      case Op.Months: {
        const border = this.#integer(d) * DAY_MICROSECONDS + this.#integer(d + 1);
        return holds(b, addMonths(BigInt(this.#numberAt(a, row)), c | 0), border);
      }
      case Op.Integers:
      case Op.Floats: {
        const value = this.#numberAt(a, row);
        const isInside =
          op === Op.Integers ? this.#isWithin(c, BigInt(value)) : this.#isWithinDoubles(c, Number(value));
        return isInside !== (b !== 0);
      }
      case Op.IntegerSet:
        return this.#hasInteger(b, c, BigInt(this.#numberAt(a, row)));
      case Op.FloatSet:
        return this.#hasDouble(b, c, Number(this.#numberAt(a, row)));
      case Op.IntegerMath: {
        const result = integerMath(b, BigInt(this.#numberAt(a, row)), this.#integer(d));
        return this.#isWithin(d + 1, result) !== (c !== 0);
      }
      case Op.FloatMath: {
        const result = floatMath(b, Number(this.#numberAt(a, row)), this.#double(d));
        const isFloat = (this.#columns[a] as FixedColumn).values instanceof Float32Array;
        return this.#isWithinDoubles(d + 1, isFloat ? Math.fround(result) : result) !== (c !== 0);
      }
      case Op.TextRange:
      case Op.TextSet:
      case Op.Like:
      case Op.Regex:
        return this.#textHolds(at, this.#textAt(a, row));
      case Op.Box:
        return this.#meetsBox(b, this.#textAt(a, row));
      default:
        throw new KernelError(`the program of the filter is damaged at word ${at}`);
    }
  }

  #meetsBox(place: number, bytes: Uint8Array): boolean {
    let points: readonly Point[];
    try {
      points = pointsOf(decodeWkb(bytes));
    } catch (error) {
      if (error instanceof GeometryError) return true;
      throw error;
    }
    const [left, bottom, right, top] = [0, 1, 2, 3].map((at) => this.#double(place + at)) as [
      number,
      number,
      number,
      number,
    ];
    const within = (axis: 0 | 1, low: number, high: number): boolean =>
      points.some((point) => point[axis] <= high) && points.some((point) => point[axis] >= low);
    return within(0, left, right) && within(1, bottom, top);
  }

  #nodes(at: number, row: number): Truth[] {
    return this.#children(at, 1).map((node) => this.truth(node, row));
  }

  /** Where its nodes are, behind so many words of its own. */
  #children(at: number, words: number): number[] {
    const nodes: number[] = [];
    const end = at + (this.#code[at]! >>> 8);
    for (let node = at + words; node < end; node += this.#code[node]! >>> 8) nodes.push(node);
    return nodes;
  }

  // Columns

  #isValid(column: number, row: number): boolean {
    const { valid } = this.#columns[column]!;
    return valid === null || valid[row] !== 0;
  }

  #numberAt(number: number, row: number): number | bigint {
    const column = this.#columns[number]!;
    assert(column.kind === "fixed", "the column has numbers");
    const value = column.values[row]!;
    return column.values instanceof Float32Array || column.values instanceof Float64Array ? value : BigInt(value);
  }

  #textAt(number: number, row: number): Uint8Array {
    return bytesAt(this.#columns[number] as BytesColumn, row);
  }

  #elementsOf(number: number, row: number): [start: number, end: number] {
    const { offsets } = this.#columns[number] as ArraysColumn;
    return [offsets[row]!, offsets[row + 1]!];
  }

  // Constants

  #integer(place: number): bigint {
    return this.#constants.getBigInt64(place * 8, true);
  }

  #double(place: number): number {
    return this.#constants.getFloat64(place * 8, true);
  }

  #isWithin(place: number, value: bigint): boolean {
    return value >= this.#integer(place) && value <= this.#integer(place + 1);
  }

  #isWithinDoubles(place: number, value: number): boolean {
    return value >= this.#double(place) && value <= this.#double(place + 1);
  }

  #hasInteger(place: number, count: number, value: bigint): boolean {
    for (let at = 0; at < count; at += 1) if (this.#integer(place + at) === value) return true;
    return false;
  }

  #hasDouble(place: number, count: number, value: number): boolean {
    for (let at = 0; at < count; at += 1) if (this.#double(place + at) === value) return true;
    return false;
  }

  #textHolds(at: number, text: Uint8Array): boolean {
    const [op, , a, b, c, d, e] = this.#code.subarray(at, at + 7) as unknown as number[] as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    switch (op & 0xff) {
      case Op.TextRange: {
        const lower = Buffer.compare(text, this.#bytes.subarray(b, b + c));
        const upper = Buffer.compare(text, this.#bytes.subarray(d, d + e));
        const isAbove = (a & 1) === 0 || lower > 0 || (lower === 0 && (a & 2) !== 0);
        return isAbove && ((a & 4) === 0 || upper < 0 || (upper === 0 && (a & 8) !== 0));
      }
      case Op.TextSet: {
        const start = a + (b + 1) * 4;
        for (let entry = 0; entry < b; entry += 1) {
          const from = start + this.#constants.getUint32(a + entry * 4, true);
          const to = start + this.#constants.getUint32(a + entry * 4 + 4, true);
          if (Buffer.compare(text, this.#bytes.subarray(from, to)) === 0) return true;
        }
        return false;
      }
      case Op.Like: {
        const units = Array.from({ length: b }, (_, unit) => this.#constants.getInt16(a + unit * 2, true));
        return isLike(text, units);
      }
      case Op.Regex: {
        let regex = this.#regexes.get(at);
        if (regex === undefined) {
          const words = Uint32Array.from({ length: b }, (_, word) => this.#constants.getUint32(a + word * 4, true));
          this.#regexes.set(at, (regex = new TwinRegex(words)));
        }
        return regex.matches(text);
      }
      default:
        throw new KernelError(`the program of the filter is damaged at word ${at}`);
    }
  }

  // Places

  #place(at: number, row: number): Truth {
    const number = this.#code[at + 1]!;
    const value = placeValueAt(this.#columns[number] as PlaceColumn, row);
    const isByValid = (this.#code[at]! & 0xff) === Op.PlaceClass && this.#code[at + 4] !== 0;
    if (!isByValid) return this.#judge(at, value);
    return this.#isValid(number, row) ? (this.#code[at + 2]! & (1 << value.kind)) !== 0 : null;
  }

  /** Of what stands at a place, or of an element of an array there. */
  #judge(at: number, { kind, value }: PlaceValue): Truth {
    const op = this.#code[at]! & 0xff;
    const [a, b, c] = [2, 3, 4].map((offset) => this.#code[at + offset] ?? 0) as [number, number, number];
    switch (op) {
      case Op.PlaceClass:
        return (b & (1 << kind)) === 0 ? null : (a & (1 << kind)) !== 0;
      case Op.PlaceText:
        return value instanceof Uint8Array ? this.#textHolds(at + 2, value) : null;
      case Op.PlaceNumber:
        return this.#judge(at + 2, textAsNumber({ kind, value }));
      case Op.PlaceLengths:
        return isArray(value) ? this.#isWithin(b, BigInt(value.length)) !== (a !== 0) : null;
      case Op.PlaceHolder: {
        const nodes = this.#children(at, 2);
        return isArray(value)
          ? value.some((element) => nodes.some((node) => this.#judge(node, element) === true))
          : null;
      }
      case Op.PlaceArrays: {
        const nodes = this.#children(at, 2);
        if (!isArray(value)) return null;
        return nodes.length === value.length && nodes.every((node, index) => this.#judge(node, value[index]!) === true);
      }
      case Op.PlaceSet: {
        const [fourth, fifth, sixth] = [5, 6, 7].map((offset) => this.#code[at + offset]!) as [number, number, number];
        if (typeof value === "number") return this.#hasDouble(fifth, sixth, value);
        if (typeof value !== "bigint") return null;
        return this.#hasInteger(a, b, value) || this.#hasDouble(c, fourth, Number(value));
      }
      case Op.PlaceRange:
        return typeof value === "bigint" || typeof value === "number" ? this.#placeWithin(value, a, b) : null;
      case Op.PlaceMath: {
        if (typeof value !== "bigint" && typeof value !== "number") return null;
        if (typeof value === "bigint" && (b & 4) !== 0) {
          return this.#placeWithin(integerMath(a, value, this.#integer(c)), b, c + 2);
        }
        if (a > OPERATORS.indexOf("/")) return null;
        return this.#placeWithin(floatMath(a, Number(value), this.#double(c + 1)), b, c + 2);
      }
      default:
        throw new KernelError(`the program of the filter is damaged at word ${at}`);
    }
  }

  #placeWithin(value: bigint | number, flags: number, place: number): boolean {
    const isExact = typeof value === "bigint" && (flags & 2) !== 0;
    const isInside = isExact ? this.#isWithin(place, value) : this.#isWithinDoubles(place + 2, Number(value));
    return isInside !== ((flags & 1) !== 0);
  }
}

function isArray(value: PlaceValue["value"]): value is readonly PlaceValue[] {
  return Array.isArray(value);
}

function holds(comparison: number, left: number | bigint, right: number | bigint): boolean {
  // Two integers compare exactly, any other pair as doubles.
  const [a, b] = typeof left === typeof right ? [left, right] : [Number(left), Number(right)];
  switch (COMPARISONS[comparison]) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    default:
      return a >= b;
  }
}

function integerMath(operator: number, left: bigint, right: bigint): bigint {
  switch (OPERATORS[operator]) {
    case "+":
      return BigInt.asIntN(64, left + right);
    case "-":
      return BigInt.asIntN(64, left - right);
    case "*":
      return BigInt.asIntN(64, left * right);
    case "/":
      return BigInt.asIntN(64, left / right);
    case "%":
      return left % right;
    case "&":
      return left & right;
    case "|":
      return left | right;
    default:
      return left ^ right;
  }
}

function floatMath(operator: number, left: number, right: number): number {
  switch (OPERATORS[operator]) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    default:
      return left / right;
  }
}

/** All places in the pattern where one can be after each byte of the text. */
function isLike(text: Uint8Array, units: readonly number[]): boolean {
  const spread = (states: Set<number>): Set<number> => {
    for (const state of states) if (units[state] === ANY_RUN) states.add(state + 1);
    return states;
  };
  let states = spread(new Set([0]));
  for (let at = 0; at < text.length;) {
    let end = at + 1;
    while (end < text.length && (text[end]! & 0xc0) === 0x80) end += 1;
    // One character; its bytes are literals or it is taken whole.
    const next = new Set<number>();
    for (const state of states) {
      if (units[state] === ANY_RUN) next.add(state);
      else if (units[state] === ANY_CHARACTER) next.add(state + 1);
      else if (text.subarray(at, end).every((byte, offset) => units[state + offset] === byte))
        next.add(state + end - at);
    }
    states = spread(next);
    at = end;
  }
  return states.has(units.length);
}

function pointsOf(geometry: Geometry): readonly Point[] {
  switch (geometry.kind) {
    case "Point":
      return geometry.point === null ? [] : [geometry.point];
    case "LineString":
      return geometry.points;
    case "Polygon":
      return geometry.rings.flat();
    default:
      return geometry.parts.flatMap(pointsOf);
  }
}
