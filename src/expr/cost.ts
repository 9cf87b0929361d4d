/** What a leaf of a filter costs a row, relative to a comparison of numbers: the cheap ones go first. */

import type { Filter, LeafFilter } from "../model/filter.ts";
import { DataType } from "../model/types.ts";

export function leafCost(filter: LeafFilter): number {
  if (filter.kind === "columns") return filter.left.dataType === DataType.VarChar ? 20 : 3;
  if (filter.kind === "sample") return 5;
  if (filter.kind === "match") return 30 * (1 + filterCost(filter.inner));
  const { dataType, path } = filter.field;
  if (filter.kind === "null" && path.length === 0) return 1;
  if (dataType === DataType.JSON) return 300;
  if (filter.kind === "geometry") return 2000;
  if (path.length > 0 || dataType === DataType.Array) return 30;
  if (dataType !== DataType.VarChar) return filter.kind === "in" ? 5 : 1;
  return filter.kind === "like" ? 20 : filter.kind === "regex" ? 100 : 10;
}

/** Of all its leaves. */
export function filterCost(filter: Filter): number {
  switch (filter.kind) {
    case "constant":
      return 0;
    case "not":
      return filterCost(filter.operand);
    case "and":
    case "or":
      return filter.operands.reduce((sum, operand) => sum + filterCost(operand), 0);
    default:
      return leafCost(filter);
  }
}
