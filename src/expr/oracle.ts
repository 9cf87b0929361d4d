/**
 * The slow and obvious evaluator: one row at a time, values as JavaScript values, three-valued logic by the book. Tests hold the
 * fast one (`evaluate.ts`) against it; it shares no loop, no bit and no byte reader with it.
 */

import { assert } from "../base/assert.ts";
import { hashOfRow } from "../kernel/row-hash.ts";
import { type ArrayColumn, type Column, bytesAt, textAt } from "../model/columns.ts";
import type {
  ArithmeticOperator,
  CompareOperator,
  Constant,
  ContainsFilter,
  Element,
  FieldPlace,
  Filter,
  GeometryFilter,
} from "../model/filter.ts";
import { addMonths } from "../model/timestamptz.ts";
import { DataType } from "../model/types.ts";
import { parseWkt } from "../model/wkt.ts";
import { decodeWkb } from "../model/wkb.ts";
import { distanceMetres } from "./geometry/distance.ts";
import { holdsPredicate } from "./geometry/relate.ts";
import { shapeOf } from "./geometry/shape.ts";
import { isValidGeometry } from "./geometry/validity.ts";
import type { ColumnSource } from "./scan.ts";

/** Null is UNKNOWN. */
export type Truth = boolean | null;

/** A JSON document as values: integers that int64 holds are bigint, other numbers are number. */
type Json = Constant | null | readonly Json[] | { readonly [key: string]: Json };

const MISSING = Symbol("missing");

export function oracleTruth(filter: Filter, source: ColumnSource, row: number): Truth {
  switch (filter.kind) {
    case "constant":
      return filter.value;
    case "not": {
      const operand = oracleTruth(filter.operand, source, row);
      return operand === null ? null : !operand;
    }
    case "and": {
      const truths = filter.operands.map((operand) => oracleTruth(operand, source, row));
      if (truths.includes(false)) return false;
      return truths.includes(null) ? null : true;
    }
    case "or": {
      const truths = filter.operands.map((operand) => oracleTruth(operand, source, row));
      if (truths.includes(true)) return true;
      return truths.includes(null) ? null : false;
    }
    case "sample":
      return hashOfRow(row, filter.seed) < filter.factor * 2 ** 32;
    case "match": {
      const column = source.column(filter.field.fieldId);
      assert(column.kind === "array", "structs are arrays");
      if (column.valid !== null && column.valid[row] === 0) return null;
      const [from, to] = [column.offsets[row]!, column.offsets[row + 1]!];
      const elements = { column: (fieldId: bigint) => (source.column(fieldId) as ArrayColumn).elements };
      const places = Array.from({ length: to - from }, (_, at) => from + at);
      const passing = places.filter((at) => oracleTruth(filter.inner, elements, at) === true).length;
      const wanted = { any: passing > 0, element: passing > 0, all: passing === places.length };
      if (filter.mode === "any" || filter.mode === "all" || filter.mode === "element") return wanted[filter.mode];
      if (filter.mode === "exact") return passing === filter.count;
      return filter.mode === "least" ? passing >= filter.count : passing <= filter.count;
    }
    case "columns": {
      const left = valueAt(filter.left, source, row);
      const right = valueAt(filter.right, source, row);
      if (left === MISSING || right === MISSING) return null;
      return compare(filter.operator, left as Constant, right as Constant);
    }
    case "null":
    case "exists": {
      const value = valueAt(filter.field, source, row);
      const isNull = value === MISSING || value === null;
      if (filter.kind === "null") return isNull;
      const isNullDocument = valueAt({ ...filter.field, path: [] }, source, row) === MISSING;
      return isNullDocument ? null : !isNull;
    }
    default:
  }
  if (filter.kind === "geometry") return geometryTruth(filter, source, row);
  const { field } = filter;
  const value = valueAt(field, source, row);
  if (value === MISSING || value === null) return null;
  if (filter.kind === "contains") return contains(filter, value);
  if (filter.kind === "length") {
    return Array.isArray(value) ? compare(filter.operator, BigInt(value.length), filter.value) : null;
  }
  if (filter.kind === "interval") {
    return compare(filter.operator, addMonths(value as bigint, filter.months) + filter.microseconds, filter.value);
  }
  if (typeof value === "object") return filter.kind === "in" && filter.values.length === 0 ? false : null;
  switch (filter.kind) {
    case "compare":
      return compare(filter.operator, value, constantFor(field, filter.value));
    case "range": {
      const lower = compare(filter.lowerInclusive ? ">=" : ">", value, constantFor(field, filter.lower));
      const upper = compare(filter.upperInclusive ? "<=" : "<", value, constantFor(field, filter.upper));
      return lower === null || upper === null ? null : lower && upper;
    }
    case "in": {
      if (filter.values.length === 0) return false;
      const comparable = filter.values.filter((constant) => sameClass(value, constant));
      if (comparable.length === 0) return null;
      return comparable.some((constant) => compare("==", value, constantFor(field, constant)));
    }
    case "like":
      return typeof value === "string" ? like(value, filter.pattern) : null;
    case "regex":
      return typeof value === "string" ? new RegExp(filter.pattern, "u").test(value) : null;
    case "arithmetic": {
      if (typeof value !== "bigint" && typeof value !== "number") return null;
      const result = calculate(filter.operator, value, constantFor(field, filter.operand) as bigint | number);
      if (result === null) return null;
      const rounded = field.dataType === DataType.Float ? Math.fround(Number(result)) : result;
      return compare(filter.comparison, rounded, constantFor(field, filter.value));
    }
  }
}

/** By the same predicates, which have an oracle of their own; what is tested here is which rows they see. */
function geometryTruth({ field, operation, wkt, distance }: GeometryFilter, source: ColumnSource, row: number): Truth {
  const column = source.column(field.fieldId);
  assert(column.kind === "bytes", "geometries are bytes");
  if (column.valid !== null && column.valid[row] === 0) return null;
  const geometry = decodeWkb(bytesAt(column, row));
  if (operation === "isvalid") return isValidGeometry(geometry);
  const other = shapeOf(parseWkt(wkt));
  if (operation !== "dwithin") return holdsPredicate(operation, shapeOf(geometry), other);
  return other.points.length > 0 && distanceMetres(shapeOf(geometry), other.points[0]!) <= distance;
}

function valueAt(field: FieldPlace, source: ColumnSource, row: number): Json | typeof MISSING {
  const column = source.column(field.fieldId);
  if (column.valid !== null && column.valid[row] === 0) return MISSING;
  if (column.kind === "array") {
    const { offsets, elements } = column;
    const list = Array.from({ length: offsets[row + 1]! - offsets[row]! }, (_, at) =>
      scalarAt(elements, offsets[row]! + at),
    );
    const [index] = field.path;
    return index === undefined ? list : (list[Number(index)] ?? MISSING);
  }
  if (field.dataType !== DataType.JSON) return scalarAt(column, row);
  let value = parseJson(textAt(column as Column & { readonly kind: "bytes" }, row));
  for (const key of field.path) {
    if (typeof value !== "object" || value === null) return MISSING;
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(key)) return MISSING;
    if (!Object.hasOwn(value, key)) return MISSING;
    value = (value as Record<string, Json>)[key]!;
  }
  return field.cast !== undefined && typeof value === "string" ? (jsonNumber(value) ?? {}) : value;
}

/** Null: the text is no number. */
function jsonNumber(text: string): number | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "number" || !Number.isFinite(value)) return null;
    const isWhole = !/[.eE]/.test(text);
    return isWhole && (BigInt(text) >= 2n ** 64n || BigInt(text) < -(2n ** 63n)) ? null : value;
  } catch {
    return null;
  }
}

function scalarAt(column: Column, row: number): Constant {
  if (column.kind === "bytes") return textAt(column, row);
  assert(column.kind === "fixed", "a scalar is a number or text");
  const value = column.values[row]!;
  if (column.type === DataType.Bool) return value !== 0;
  return column.type === DataType.Float || column.type === DataType.Double ? Number(value) : BigInt(value);
}

function parseJson(text: string): Json {
  return JSON.parse(text, (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    if (typeof value !== "number" || !/^-?\d+$/.test(context?.source ?? "")) return value;
    const integer = BigInt(context!.source!);
    return integer >= -(2n ** 63n) && integer < 2n ** 63n ? integer : value;
  }) as Json;
}

function constantFor(field: FieldPlace, value: Constant): Constant {
  return field.dataType === DataType.Float ? Math.fround(Number(value)) : value;
}

function isNumeric(value: unknown): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}

function sameClass(left: Constant, right: Constant): boolean {
  return typeof left === typeof right || (isNumeric(left) && isNumeric(right));
}

function compare(operator: CompareOperator, left: Json, right: Constant): Truth {
  if (left === null || typeof left === "object" || !sameClass(left, right)) return null;
  let [a, b]: [Constant | Buffer, Constant | Buffer] = [left, right];
  if (typeof a === "string" && typeof b === "string") {
    const order = Buffer.compare(Buffer.from(a), Buffer.from(b));
    [a, b] = [order, 0];
  } else if (typeof a !== typeof b) [a, b] = [Number(a), Number(b)];
  switch (operator) {
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
    case ">=":
      return a >= b;
  }
}

function calculate(
  operator: ArithmeticOperator,
  left: bigint | number,
  right: bigint | number,
): bigint | number | null {
  if (typeof left === "bigint" && typeof right === "bigint") {
    const bits = { "&": left & right, "|": left | right, "^": left ^ right };
    if (operator === "&" || operator === "|" || operator === "^") return bits[operator];
    const result = { "+": left + right, "-": left - right, "*": left * right };
    if (operator === "/") return BigInt.asIntN(64, left / right);
    return BigInt.asIntN(64, operator === "%" ? left % right : result[operator]);
  }
  const [a, b] = [Number(left), Number(right)];
  const results = { "+": a + b, "-": a - b, "*": a * b, "/": a / b, "%": null, "&": null, "|": null, "^": null };
  return results[operator];
}

/** Over characters, by trying everything. */
function like(text: string, pattern: string): boolean {
  const units: (string | { readonly any: "one" | "run" })[] = [];
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at += 1) {
    if (characters[at] === "\\" && at + 1 < characters.length) units.push(characters[++at]!);
    else if (characters[at] === "%") units.push({ any: "run" });
    else if (characters[at] === "_") units.push({ any: "one" });
    else units.push(characters[at]!);
  }
  let states = new Set([0]);
  const spread = (): void => {
    for (const state of states) {
      const unit = units[state];
      if (typeof unit === "object" && unit.any === "run") states.add(state + 1);
    }
  };
  spread();
  for (const character of text) {
    const next = new Set<number>();
    for (const state of states) {
      const unit = units[state];
      if (unit === undefined) continue;
      if (typeof unit === "string") {
        if (unit === character) next.add(state + 1);
      } else next.add(unit.any === "one" ? state + 1 : state);
    }
    states = next;
    spread();
  }
  return states.has(units.length);
}

function contains(filter: ContainsFilter, value: Json): Truth {
  if (!Array.isArray(value)) return null;
  const { elementType } = filter.field;
  const sought = filter.elements.map((element) =>
    elementType === DataType.Float ? Math.fround(Number(element)) : element,
  );
  const found = sought.map((element) => value.some((candidate: Json) => equals(candidate, element)));
  return filter.mode === "all" ? !found.includes(false) : found.includes(true);
}

function equals(value: Json, element: Element): boolean {
  if (typeof element !== "object") return compare("==", value, element) === true;
  if (!Array.isArray(value) || value.length !== element.length) return false;
  return element.every((inner, at) => equals(value[at]!, inner));
}
