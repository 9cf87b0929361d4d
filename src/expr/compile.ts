/**
 * Typed filters to programs of the kernel.
 *
 * Always true:
 *  - a program says of each row what `evaluate.ts` says, TRUE, FALSE or UNKNOWN; what the kernel cannot say is null here, and evaluated;
 *  - a place in a document is a column of its own, that who runs the program provides.
 *
 * Not here: splitting a filter of which the kernel can do a part (`plan.ts`).
 */

import { type FilterProgram, MAX_PROGRAM_DEPTH, Op } from "../kernel/filter-kernel.ts";
import type { Filter, GeometryFilter, LeafFilter } from "../model/filter.ts";
import { DataType } from "../model/types.ts";
import { CodeWriter, type CodeColumn } from "./code-writer.ts";
import { compileArrayLeaf } from "./compile-arrays.ts";
import { compilePlaceLeaf } from "./compile-places.ts";
import { compilePair, compileScalarLeaf } from "./compile-scalars.ts";
import { filterCost } from "./cost.ts";
import { wantedBox } from "./geometry/box.ts";
import { compileSampleLeaf } from "./sample.ts";
import { compileIntervalLeaf } from "./times.ts";

/** A program and where its columns come from. */
export interface FilterCode {
  readonly program: FilterProgram;
  readonly columns: readonly CodeColumn[];
}

/** Null when the kernel cannot run all of it. */
export function compileCode(filter: Filter): FilterCode | null {
  const writer = new CodeWriter();
  return write(writer, filter, 1) ? { program: writer.program(), columns: writer.columns } : null;
}

/** The rows whose boxes meet that of the predicate, or those whose do not; null when there is none. */
export function compileBox(filter: GeometryFilter, isNegated: boolean): FilterCode | null {
  const wanted = wantedBox(filter);
  if (wanted === null) return null;
  const writer = new CodeWriter();
  const { left, bottom, right, top } = wanted;
  const column = writer.column(filter.field);
  const box = (): boolean => writer.node(Op.Box, [column, writer.doubles([left, bottom, right, top])]);
  if (isNegated) writer.parent(Op.Not, box);
  else box();
  return { program: writer.program(), columns: writer.columns };
}

function write(writer: CodeWriter, filter: Filter, depth: number): boolean {
  // Leaves may write a node or two below themselves.
  if (depth > MAX_PROGRAM_DEPTH - 4) return false;
  switch (filter.kind) {
    case "constant":
      return writer.node(Op.Constant, [+filter.value]);
    case "not":
      return writer.parent(Op.Not, () => write(writer, filter.operand, depth + 1));
    case "and":
    case "or": {
      const operands = filter.operands.toSorted((left, right) => filterCost(left) - filterCost(right));
      const op = filter.kind === "and" ? Op.And : Op.Or;
      return writer.parent(op, () => operands.every((operand) => write(writer, operand, depth + 1)));
    }
    default:
      return writeLeaf(writer, filter);
  }
}

function writeLeaf(writer: CodeWriter, filter: LeafFilter): boolean {
  if (filter.kind === "columns") return compilePair(writer, filter);
  if (filter.kind === "sample") return compileSampleLeaf(writer, filter);
  if (filter.kind === "match") return false;
  const { field } = filter;
  if (filter.kind === "null" && field.path.length === 0) {
    return writer.parent(Op.Not, () => writer.node(Op.Valid, [writer.column(field, "valid")]));
  }
  if (field.dataType === DataType.JSON) return compilePlaceLeaf(writer, filter);
  if (field.dataType === DataType.Array || field.path.length > 0) return compileArrayLeaf(writer, filter);
  if (filter.kind === "interval") return compileIntervalLeaf(writer, filter);
  return compileScalarLeaf(writer, writer.column(field), filter);
}
