/**
 * The typing of arithmetic: two constants fold; one field and one constant become an operand of a comparison; the rest is refused.
 */

import type { CompareOperator, Constant } from "../model/filter.ts";
import { DataType, dataTypeName } from "../model/types.ts";
import { castTo, isFloatType, isIntegerType, isNumber } from "./cast.ts";
import { constantType, describeConstant, foldArithmetic, operatorName } from "./constants.ts";
import { FilterError } from "./failure.ts";
import type { ArithmeticSymbol, BitSymbol } from "./syntax.ts";
import type { Typed, TypedArithmetic, TypedConstant } from "./typed.ts";

export function typeArithmetic(
  operator: ArithmeticSymbol | BitSymbol,
  left: Typed,
  right: Typed,
  quote: () => readonly [string, string],
): Typed {
  if (left.kind === "constant" && right.kind === "constant") return foldTwo(operator, left, right);
  if (operator === "**") {
    const [leftText, rightText] = quote();
    throw new FilterError(`power can only apply on constants: ${leftText}**${rightText}`);
  }
  refuseOperand(operator, left, right, quote);
  if (left.kind === "arithmetic" || right.kind === "arithmetic" || left.kind === "length" || right.kind === "length") {
    throw new FilterError("complicated arithmetic operations are not supported");
  }
  if (left.kind === "field" && right.kind === "field") {
    throw new FilterError("not supported to do arithmetic operations between multiple fields");
  }
  const field = left.kind === "field" ? left.field : (right as Typed & { readonly kind: "field" }).field;
  const { value } = (left.kind === "constant" ? left : right) as TypedConstant;
  const { dataType } = field;
  if (left.kind === "constant" && !isCommutative(operator)) {
    throw new FilterError("module field is not yet supported");
  }
  if (operator === "%" && (isFloatType(dataType) || typeof value !== "bigint")) {
    throw new FilterError("modulo can only apply on integer types");
  }
  if (isIntegerType(dataType) && typeof value === "number") {
    throw new FilterError(`cannot perform arithmetic between ${dataTypeName(dataType)} field and Double`);
  }
  // Refused above: a float beside bits.
  const operand = castTo(dataType, value);
  if (operand === null || !isNumber(operand)) {
    throw new FilterError(`cannot cast value to ${dataTypeName(dataType)}, value: ${describeConstant(value)}`);
  }
  if ((operator === "/" || operator === "%") && Number(operand) === 0) {
    throw new FilterError("division or modulus by zero");
  }
  return { kind: "arithmetic", field, operator, operand, dataType };
}

export function compareArithmetic(comparison: CompareOperator, arithmetic: TypedArithmetic, value: Constant): Typed {
  if (!isNumber(value)) throw new FilterError(`cannot cast value to Double, value: ${describeConstant(value)}`);
  const { field, operator, operand } = arithmetic;
  return { kind: "filter", filter: { kind: "arithmetic", field, operator, operand, comparison, value } };
}

function foldTwo(operator: ArithmeticSymbol | BitSymbol, left: TypedConstant, right: TypedConstant): Typed {
  if (left.isTemplate || right.isTemplate) {
    throw new FilterError(`placeholder was not supported between two constants with operator: ${operator}`);
  }
  return { kind: "constant", value: foldArithmetic(operator, left.value, right.value), isTemplate: false };
}

function isCommutative(operator: ArithmeticSymbol | BitSymbol): boolean {
  return operator === "+" || operator === "*" || operator === "&" || operator === "|" || operator === "^";
}

/** Both operands must be numbers, or places in a document that may hold one. */
function refuseOperand(
  operator: ArithmeticSymbol | BitSymbol,
  left: Typed,
  right: Typed,
  quote: () => readonly [string, string],
): void {
  const isBit = operator === "&" || operator === "|" || operator === "^";
  for (const operand of [left, right]) {
    if (operand.kind !== "constant" && operand.kind !== "field" && operand.kind !== "arithmetic") {
      if (operand.kind === "length") continue;
      const [leftText, rightText] = quote();
      const family = isBit ? "bitwise" : "arithmetic";
      throw new FilterError(`invalid ${family} expression, left: ${leftText}, op: ${operator}, right: ${rightText}`);
    }
    const type = operand.kind === "constant" ? constantType(operand.value) : operand.field.dataType;
    if (isIntegerType(type) || type === DataType.JSON || (isFloatType(type) && !isBit)) continue;
    if (isBit) throw new FilterError("bitwise operations can only apply on integer types");
    if (operator === "%") throw new FilterError("modulo can only apply on integer types");
    if (type === DataType.Bool || type === DataType.VarChar) {
      const name = type === DataType.Bool ? "bool" : "string";
      throw new FilterError(`${operatorName(operator)} cannot apply on ${name} field`);
    }
    throw new FilterError(`filter on ${dataTypeName(type)} field is not supported`);
  }
}
