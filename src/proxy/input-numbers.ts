/** What numbers may be inserted, and what is said of those that may not. */

import { type MilvusError, invalidParameter } from "../base/errors.ts";
import { DataType } from "../model/types.ts";

export type IntegerRange = readonly [number, number];

/** Of the types that travel as 32 bits. */
export const INTEGER_RANGES: Readonly<Record<number, IntegerRange>> = {
  [DataType.Int8]: [-128, 127],
  [DataType.Int16]: [-32_768, 32_767],
  [DataType.Int32]: [-2_147_483_648, 2_147_483_647],
};

export function outOfRange(at: number, value: number, [least, most]: IntegerRange): MilvusError {
  return invalidParameter(`the ${at}th element (${value}) out of range: [${least}, ${most}]`);
}

export function notFinite(value: number): MilvusError {
  return invalidParameter(notFiniteText(value));
}

export function notFiniteText(value: number): string {
  return `value '${Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"}' is not a number or infinity`;
}
