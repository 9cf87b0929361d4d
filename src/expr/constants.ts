/**
 * Constants while a filter is typed: their data types, how messages print them, arithmetic and comparison of two of them.
 *
 * Always true: int64 arithmetic wraps at 64 bits, as it does in a row; a fold that has no meaning throws a `FilterError`.
 */

import type { ArithmeticOperator, BitOperator, CompareOperator, Constant, Element } from "../model/filter.ts";
import { DataType } from "../model/types.ts";
import { FilterError } from "./failure.ts";
import type { ArithmeticSymbol, BitSymbol } from "./syntax.ts";

export function constantType(value: Constant): DataType {
  switch (typeof value) {
    case "bigint":
      return DataType.Int64;
    case "number":
      return DataType.Double;
    case "string":
      return DataType.VarChar;
    case "boolean":
      return DataType.Bool;
  }
}

/** As protobuf's text format writes it: `int64_val:1`, `string_val:"a"`. */
export function describeConstant(value: Element): string {
  switch (typeof value) {
    case "bigint":
      return `int64_val:${value}`;
    case "number":
      return `float_val:${describeFloat(value)}`;
    case "string":
      return `string_val:${JSON.stringify(value)}`;
    case "boolean":
      return `bool_val:${value}`;
    default:
      return `array_val:{${value.map((element) => `array:{${describeConstant(element)}}`).join(" ")}}`;
  }
}

const SHORTEST_EXPONENT = 6;

function describeFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  // As Go prints the shortest form: an exponent, of two digits at least, below 1e-4 and from 1e6 on.
  const [mantissa, exponent] = value.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < SHORTEST_EXPONENT) return String(value);
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

const NAMES: Readonly<Record<ArithmeticSymbol | BitSymbol, string>> = {
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "/": "divide",
  "%": "modulo",
  "**": "power",
  "&": "bitand",
  "|": "bitor",
  "^": "bitxor",
};

export function operatorName(operator: ArithmeticSymbol | BitSymbol): string {
  return NAMES[operator];
}

export function foldArithmetic(operator: ArithmeticSymbol | BitSymbol, left: Constant, right: Constant): Constant {
  for (const operand of [left, right]) {
    if (typeof operand === "bigint" || (typeof operand === "number" && isArithmetic(operator))) continue;
    if (!isArithmetic(operator)) throw new FilterError(`${NAMES[operator]} can only apply on integer fields`);
    if (operator === "%") throw new FilterError("modulo can only apply on integer");
    throw new FilterError(
      `${NAMES[operator]} cannot apply on ${typeof operand === "boolean" ? "bool" : "string"} field`,
    );
  }
  if (typeof left === "bigint" && typeof right === "bigint") {
    return operator === "**" ? foldPower(left, right) : foldIntegers(operator, left, right);
  }
  if (operator === "%") throw new FilterError("modulo can only apply on integer");
  if (operator === "/" && Number(right) === 0) throw new FilterError("cannot divide by zero");
  return foldFloats(operator, Number(left), Number(right));
}

function isArithmetic(operator: ArithmeticSymbol | BitSymbol): operator is ArithmeticSymbol {
  return operator !== "&" && operator !== "|" && operator !== "^";
}

function foldIntegers(operator: ArithmeticOperator | BitSymbol, left: bigint, right: bigint): bigint {
  switch (operator) {
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
      if (right === 0n && operator === "/") throw new FilterError("cannot divide by zero");
      if (right === 0n && operator === "%") throw new FilterError("cannot modulo by zero");
      return wrappingArithmetic(operator, left, right);
    default:
      return wrappingArithmetic(operator, left, right);
  }
}

/** Whole powers stay integers where int64 holds them, so that they compare with integer fields. */
function foldPower(base: bigint, exponent: bigint): Constant {
  const exact = exponent >= 0n && exponent < 64n ? base ** exponent : null;
  return exact !== null && BigInt.asIntN(64, exact) === exact ? exact : Number(base) ** Number(exponent);
}

function foldFloats(operator: ArithmeticSymbol | BitSymbol, left: number, right: number): number {
  return isFloatOperator(operator) ? floatArithmetic(operator, left, right) : left ** right;
}

type FloatOperator = "+" | "-" | "*" | "/";

function isFloatOperator(operator: string): operator is FloatOperator {
  return operator === "+" || operator === "-" || operator === "*" || operator === "/";
}

export function floatArithmetic(operator: FloatOperator, left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
  }
}

export function isBitOperator(operator: string): operator is BitOperator {
  return operator === "&" || operator === "|" || operator === "^";
}

/** The arithmetic of integer rows: 64 bits, wrapping, division towards zero. */
export function wrappingArithmetic(operator: ArithmeticOperator, left: bigint, right: bigint): bigint {
  switch (operator) {
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
    case "^":
      return left ^ right;
  }
}

/** Negative, zero, positive; NaN when one is NaN; null when the two have no order. */
export function compareConstants(left: Constant, right: Constant): number | null {
  if (typeof left === "string" && typeof right === "string")
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  if (typeof left === "string" || typeof left === "boolean") return null;
  if (typeof right === "string" || typeof right === "boolean") return null;
  if (typeof left === "bigint" && typeof right === "bigint") return left < right ? -1 : Number(left > right);
  const a = Number(left);
  const b = Number(right);
  return a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.NaN;
}

/** What `operator` says of an order as `compareConstants` gives it. */
export function holds(operator: CompareOperator, order: number): boolean {
  switch (operator) {
    case "==":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

const MIRRORED: Readonly<Record<CompareOperator, CompareOperator>> = {
  "==": "==",
  "!=": "!=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

/** The operator with its sides exchanged. */
export function mirrored(operator: CompareOperator): CompareOperator {
  return MIRRORED[operator];
}
