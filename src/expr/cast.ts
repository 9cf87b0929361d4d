/**
 * Constants to the class of a field: integers widen to floats, nothing else changes its class.
 *
 * Always true: null means that the field cannot hold the constant; integers out of the range of a narrow field stay as they are,
 * a comparison with them is decided by their value.
 */

import type { Constant } from "../model/filter.ts";
import { DataType } from "../model/types.ts";

export function castTo(dataType: DataType, value: Constant): Constant | null {
  switch (dataType) {
    case DataType.JSON:
      return value;
    case DataType.Bool:
      return typeof value === "boolean" ? value : null;
    case DataType.VarChar:
    case DataType.String:
      return typeof value === "string" ? value : null;
    case DataType.Float:
    case DataType.Double:
      return isNumber(value) ? Number(value) : null;
    case DataType.Geometry:
      return null;
    default:
      return typeof value === "bigint" ? value : null;
  }
}

export function isNumber(value: Constant): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}

export function isIntegerType(type: DataType): boolean {
  return type >= DataType.Int8 && type <= DataType.Int64;
}

export function isFloatType(type: DataType): boolean {
  return type === DataType.Float || type === DataType.Double;
}

export function isNumberType(type: DataType): boolean {
  return type >= DataType.Int8 && type <= DataType.Double;
}
