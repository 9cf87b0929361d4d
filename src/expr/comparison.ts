/**
 * The typing of comparisons, ranges and lists: which pairs of operands have a meaning, and the constants in the class of the field.
 */

import type { CompareOperator, ConstantFilter, FieldPlace, Filter } from "../model/filter.ts";
import { DataType, dataTypeName, isVectorType } from "../model/types.ts";
import { compareArithmetic } from "./arithmetic.ts";
import { castTo, isNumberType } from "./cast.ts";
import { compareConstants, constantType, describeConstant, holds, mirrored } from "./constants.ts";
import { FilterError, notSupportedYet } from "./failure.ts";
import { negation } from "./logic.ts";
import type { Syntax } from "./syntax.ts";
import type { Typed, TypedConstant } from "./typed.ts";

/** A piece of the filter as messages show it. */
export type Quote = (syntax: Syntax) => string;

export function compareTyped(
  operator: CompareOperator,
  left: Typed,
  right: Typed,
  syntax: Syntax,
  quote: Quote,
): Typed {
  if (left.kind === "constant" && right.kind === "constant") {
    if (left.isTemplate || right.isTemplate) {
      throw new FilterError(`placeholder was not supported between two constants with operator: ${operator}`);
    }
    const order = compareConstants(left.value, right.value);
    const isRangeOfBooleans = typeof left.value === "boolean" && operator !== "==" && operator !== "!=";
    if (order === null || isRangeOfBooleans) throw incompatible(quote(syntax));
    return constantFilter(holds(operator, order));
  }
  refuseVectors(left, right);
  const isTemplate = (left.kind === "constant" && left.isTemplate) || (right.kind === "constant" && right.isTemplate);
  if (!isTemplate && !areComparable(typeOf(left), typeOf(right))) {
    const [leftName, rightName] = [dataTypeName(typeOf(left)), dataTypeName(typeOf(right))];
    throw new FilterError(`comparisons between ${leftName} and ${rightName} are not supported`);
  }
  if (left.kind === "list" || right.kind === "list") throw notSupportedYet("comparison with a list");
  if (left.kind === "filter" || right.kind === "filter") throw incompatible(quote(syntax));
  if (left.kind === "length" && right.kind === "constant") return compareLength(operator, left, right);
  if (right.kind === "length" && left.kind === "constant") return compareLength(mirrored(operator), right, left);
  if (left.kind === "constant") return compareWith(mirrored(operator), right as FieldOrArithmetic, left);
  if (right.kind === "constant") return compareWith(operator, left as FieldOrArithmetic, right);
  if (left.kind !== "field" || right.kind !== "field" || isElement(left.field) || isElement(right.field)) {
    if ([left, right].some((operand) => operand.kind === "field" && isElement(operand.field))) {
      throw new FilterError("field-to-field comparison involving ARRAY fields is not supported");
    }
    throw new FilterError("only comparison between two fields is supported");
  }
  const types = [left.field.dataType, right.field.dataType];
  if (types.includes(DataType.JSON)) throw new FilterError("two column comparison with JSON type is not supported");
  if (types[0] === DataType.Geometry)
    throw new FilterError("comparisons between Geometry and Geometry are not supported");
  if (types[0] === DataType.Bool) refuseRangeOfBooleans(operator);
  return { kind: "filter", filter: { kind: "columns", left: left.field, operator, right: right.field } };
}

function isElement({ dataType, path }: FieldPlace): boolean {
  return dataType !== DataType.JSON && path.length > 0;
}

function compareLength(
  operator: CompareOperator,
  { field }: Typed & { readonly kind: "length" },
  constant: TypedConstant,
): Typed {
  const value = cast(DataType.Int64, constant.value) as bigint;
  return { kind: "filter", filter: { kind: "length", field, operator, value } };
}

export function rangeTyped(
  syntax: Syntax & { readonly kind: "range" },
  typed: readonly [Typed, Typed, Typed],
  quote: Quote,
): Typed {
  const [left, middle, right] = typed;
  if (middle.kind !== "field") {
    throw new FilterError(`range operations are only supported on single fields now, got: ${quote(syntax.middle)}`);
  }
  refuseVectors(middle);
  const { field } = middle;
  if (left.kind !== "constant" || right.kind !== "constant") {
    const [name, culprit] =
      (left.kind === "constant") === syntax.isAscending
        ? ["upperbound", left.kind === "constant" ? syntax.right : syntax.left]
        : ["lowerbound", left.kind === "constant" ? syntax.right : syntax.left];
    throw new FilterError(`${name} cannot be a non-const expression: ${quote(culprit)}`);
  }
  if (field.dataType === DataType.Bool) throw new FilterError("invalid range operations on boolean expr");
  const [lowerBound, upperBound] = syntax.isAscending ? [left, right] : [right, left];
  const [lowerInclusive, upperInclusive] = syntax.isAscending
    ? [syntax.leftInclusive, syntax.rightInclusive]
    : [syntax.rightInclusive, syntax.leftInclusive];
  const lower = cast(field.dataType, lowerBound.value);
  const upper = cast(field.dataType, upperBound.value);
  const order = compareConstants(lower, upper);
  if (order === null || typeof lower === "boolean") throw new FilterError("invalid range operations");
  if (order > 0 || (order === 0 && !(lowerInclusive && upperInclusive))) {
    throw new FilterError("invalid range: lowerbound is greater than upperbound");
  }
  return { kind: "filter", filter: { kind: "range", field, lower, lowerInclusive, upper, upperInclusive } };
}

export function memberTyped(
  syntax: Syntax & { readonly kind: "in" },
  left: Typed,
  right: () => Typed,
  quote: Quote,
): Typed {
  if (left.kind === "constant" || left.kind === "list") {
    throw new FilterError(`'term' can only be used on non-const expression, but got: ${quote(syntax.left)}`);
  }
  if (left.kind !== "field") {
    throw new FilterError(`'term' can only be used on single field, but got: ${quote(syntax.left)}`);
  }
  refuseVectors(left);
  const list = right();
  if (list.kind !== "list") {
    if (list.kind !== "constant") {
      throw new FilterError(`value '${quote(syntax.right)}' in list cannot be a non-const expression`);
    }
    if (list.isTemplate) {
      throw new FilterError(`the value of term expression template variable ${quote(syntax.right)} is not array`);
    }
    throw new FilterError(`the right-hand side of 'in' must be a list, but got: ${quote(syntax.right)}`);
  }
  const { field } = left;
  const values = list.values.map((value) => {
    const casted = typeof value === "object" ? null : castTo(field.dataType, value);
    if (casted === null) {
      const typeName = dataTypeName(field.dataType);
      throw new FilterError(`value '${describeConstant(value)}' in list cannot be casted to ${typeName}`);
    }
    return casted;
  });
  const filter: Filter = { kind: "in", field, values };
  return { kind: "filter", filter: syntax.isNegated ? negation(filter) : filter };
}

function refuseVectors(...operands: readonly Typed[]): void {
  for (const operand of operands) {
    if (operand.kind !== "field" || !isVectorType(operand.field.dataType)) continue;
    throw new FilterError(`filter on ${dataTypeName(operand.field.dataType)} field is not supported`);
  }
}

function incompatible(quoted: string): FilterError {
  return new FilterError(`comparison operations cannot be applied to two incompatible operands: ${quoted}`);
}

type FieldOrArithmetic = Typed & { readonly kind: "field" | "arithmetic" };

function compareWith(operator: CompareOperator, operand: FieldOrArithmetic, constant: TypedConstant): Typed {
  const { field } = operand;
  if (field.dataType === DataType.Bool || typeof constant.value === "boolean") refuseRangeOfBooleans(operator);
  const value = cast(field.dataType, constant.value);
  if (operand.kind === "arithmetic") return compareArithmetic(operator, operand, value);
  return { kind: "filter", filter: { kind: "compare", field, operator, value } };
}

function cast(dataType: DataType, value: TypedConstant["value"]): TypedConstant["value"] {
  const casted = castTo(dataType, value);
  if (casted !== null) return casted;
  throw new FilterError(`cannot cast value to ${dataTypeName(dataType)}, value: ${describeConstant(value)}`);
}

function refuseRangeOfBooleans(operator: CompareOperator): void {
  if (operator !== "==" && operator !== "!=") throw new FilterError("invalid range operations on boolean expr");
}

function constantFilter(value: boolean): Typed {
  const filter: ConstantFilter = { kind: "constant", value };
  return { kind: "filter", filter };
}

export function typeOf(typed: Typed): DataType {
  switch (typed.kind) {
    case "constant":
      return constantType(typed.value);
    case "list":
      return DataType.Array;
    case "field":
      return typed.field.dataType;
    case "length":
      return DataType.Int64;
    case "time":
    case "interval":
    case "shifted":
      return DataType.Timestamptz;
    case "arithmetic":
      return typed.dataType;
    case "filter":
      return DataType.Bool;
  }
}

export function areComparable(left: DataType, right: DataType): boolean {
  if (left === DataType.JSON || right === DataType.JSON) return true;
  return left === right || (isNumberType(left) && isNumberType(right));
}
