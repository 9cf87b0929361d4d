/**
 * Leaves over array columns, as nodes of a program. What the rules are stands in `arrays.ts`; for the kernel the elements of all rows
 * are one column, and where each row's begin another.
 */

import { assert } from "../base/assert.ts";
import { Op } from "../kernel/filter-kernel.ts";
import type { Constant, ContainsFilter, FieldPlace, LengthFilter, PlaceFilter } from "../model/filter.ts";
import type { DataType } from "../model/types.ts";
import { integerInterval, type Interval, MAX_INT64 } from "./bounds.ts";
import type { CodeWriter } from "./code-writer.ts";
import { compileScalarLeaf } from "./compile-scalars.ts";

/** Of a list that must be held as a whole, each is a node of its own. */
export const MAX_HELD = 1024;
/** True of every array. */
export const ANY_LENGTH: Interval<bigint> = { lower: 0n, upper: MAX_INT64, isOutside: false };

/** False when the kernel cannot. */
export function compileArrayLeaf(writer: CodeWriter, filter: PlaceFilter): boolean {
  const { fieldId, dataType, path, elementType } = filter.field;
  // Below an element stands one test; its opposite is that of the element.
  if (filter.kind === "compare" && filter.operator === "!=") {
    return writer.parent(Op.Not, () => compileArrayLeaf(writer, { ...filter, operator: "==" }));
  }
  const arrays = writer.column(filter.field, "arrays");
  if (path.length > 0) {
    const index = Number(path[0]);
    const element: FieldPlace = { fieldId, dataType, path: [] };
    if (index > 0xffffffff) return false;
    const column = writer.column(element, "elements");
    return writer.parent(Op.Element, () => compileScalarLeaf(writer, column, { ...filter, field: element }), [
      arrays,
      index,
    ]);
  }
  switch (filter.kind) {
    case "length":
      return writeLengths(writer, Op.Lengths, arrays, filter);
    case "contains":
      assert(elementType !== undefined, "an array says what it holds");
      return writeHeld(writer, arrays, filter, { fieldId, dataType: elementType as DataType, path: [] });
    default:
      return false;
  }
}

export function writeLengths(
  writer: CodeWriter,
  op: typeof Op.Lengths | typeof Op.PlaceLengths,
  column: number,
  { operator, value }: Pick<LengthFilter, "operator" | "value">,
): true {
  return writeInterval(writer, op, column, integerInterval(operator, value));
}

export function writeInterval(
  writer: CodeWriter,
  op: typeof Op.Lengths | typeof Op.PlaceLengths,
  column: number,
  interval: Interval<bigint>,
): true {
  return writer.node(op, [column, +interval.isOutside, writer.integerEnds(interval)]);
}

function writeHeld(writer: CodeWriter, arrays: number, filter: ContainsFilter, element: FieldPlace): boolean {
  const column = writer.column(element, "elements");
  const sought = filter.elements as readonly Constant[];
  const oneOf = (values: readonly Constant[]): boolean =>
    writer.parent(Op.Holder, () => compileScalarLeaf(writer, column, { kind: "in", field: element, values }), [arrays]);
  return writeAll(writer, filter, sought, oneOf, () => writeInterval(writer, Op.Lengths, arrays, ANY_LENGTH));
}

/** `all`: one of each; else: one of any of them. */
export function writeAll<Sought>(
  writer: CodeWriter,
  { mode }: ContainsFilter,
  sought: readonly Sought[],
  oneOf: (some: readonly Sought[]) => boolean,
  always: () => boolean,
): boolean {
  if (mode !== "all") return oneOf(sought);
  if (sought.length === 0) return always();
  if (sought.length > MAX_HELD) return false;
  return writer.parent(Op.And, () => sought.every((one) => oneOf([one])));
}
