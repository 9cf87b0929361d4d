/** The typing of `st_…` calls. */

import { type GeometryOperation, type GeometryFilter } from "../model/filter.ts";
import { GeometryError } from "../model/geometry.ts";
import { DataType } from "../model/types.ts";
import { parseWkt } from "../model/wkt.ts";
import { isNumber } from "./cast.ts";
import { FilterError } from "./failure.ts";
import type { Syntax } from "./syntax.ts";
import type { Typed } from "./typed.ts";

const OPERATIONS: ReadonlySet<string> = new Set([
  "equals",
  "touches",
  "overlaps",
  "crosses",
  "contains",
  "intersects",
  "within",
  "dwithin",
  "isvalid",
]);

/** Null for a call of something else. */
export function typeGeometryCall(
  { name, operands }: Syntax & { readonly kind: "call" },
  type: (syntax: Syntax) => Typed,
  quote: (syntax: Syntax) => string,
): Typed | null {
  const operation = name.slice("st_".length);
  if (!name.startsWith("st_") || !OPERATIONS.has(operation)) return null;
  const wanted = operation === "isvalid" ? 1 : operation === "dwithin" ? 3 : 2;
  if (operands.length !== wanted) throw new FilterError(`function ${name} with ${operands.length} arguments not found`);
  const left = type(operands[0]!);
  if (left.kind !== "field" || left.field.dataType !== DataType.Geometry) {
    throw new FilterError(`${name} operation are only supported on geometry fields now, got: ${quote(operands[0]!)}`);
  }
  const filter = {
    kind: "geometry" as const,
    field: left.field,
    operation: operation as GeometryOperation,
    wkt: operands[1] === undefined ? "" : wktOf(operands[1], type, quote),
    distance: operands[2] === undefined ? 0 : distanceOf(operands[2], type, quote),
  };
  checkDistance(filter);
  return { kind: "filter", filter };
}

function wktOf(syntax: Syntax, type: (syntax: Syntax) => Typed, quote: (syntax: Syntax) => string): string {
  const typed = type(syntax);
  if (typed.kind !== "constant" || typeof typed.value !== "string") {
    if (syntax.kind === "template") {
      throw new FilterError(`the value of GIS WKT template variable {${syntax.name}} is not string`);
    }
    throw new FilterError(`a geometry must be a WKT string literal or template variable, got: ${quote(syntax)}`);
  }
  try {
    parseWkt(typed.value);
  } catch (thrown) {
    if (!(thrown instanceof GeometryError)) throw thrown;
    throw new FilterError(`invalid WKT: ${thrown.message}`, thrown);
  }
  return typed.value;
}

function distanceOf(syntax: Syntax, type: (syntax: Syntax) => Typed, quote: (syntax: Syntax) => string): number {
  const typed = type(syntax);
  if (typed.kind !== "constant" || !isNumber(typed.value)) {
    throw new FilterError(`distance parameter must be a numeric value (int or float), got: ${quote(syntax)}`);
  }
  const distance = Number(typed.value);
  if (distance < 0) throw new FilterError(`distance parameter must be non-negative, got: ${distance}`);
  return distance;
}

function checkDistance({ operation, wkt }: GeometryFilter): void {
  if (operation !== "dwithin" || parseWkt(wkt).kind === "Point") return;
  throw new FilterError(`st_dwithin only supports POINT geometry, got: ${wkt}`);
}
