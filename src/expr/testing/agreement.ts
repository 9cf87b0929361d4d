/**
 * Filters held to the row-by-row oracle: the evaluator, and the programs of every kernel and of every instruction set that this processor has.
 *
 * Not here: where filters and tables come from (`random-filter.ts`, `random-table.ts`).
 */

import assert from "node:assert/strict";
import type { FilterColumn, FilterKernel } from "../../kernel/filter-kernel.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { filtersOf } from "../../kernel/load.ts";
import { NativeKernel } from "../../kernel/native.ts";
import { TwinFilters } from "../../kernel/twin/filter.ts";
import { bitsetBytes, hasBit } from "../../model/bitset.ts";
import type { Filter } from "../../model/filter.ts";
import { codeColumn } from "../code-columns.ts";
import { compileCode, type FilterCode } from "../compile.ts";
import { evaluateFilter } from "../evaluate.ts";
import { oracleTruth } from "../oracle.ts";
import { readPlaces } from "../place-columns.ts";
import { printFilter } from "../print.ts";
import type { ColumnSource } from "../scan.ts";
import { SCHEMA } from "./random-table.ts";

/** Who answers for rows; `use` is called before. */
export interface ProgramRunner {
  readonly name: string;
  readonly filters: FilterKernel;
  readonly use: () => void;
}

const SETS = ["portable", "avx2", "avx512", "neon"];

/** The twin, and the native kernel once with each instruction set that is to be had here. */
export function programRunners(kernel: Kernel): ProgramRunner[] {
  const runners: ProgramRunner[] = [{ name: "twin", filters: new TwinFilters(), use: () => {} }];
  if (!(kernel instanceof NativeKernel)) return runners;
  const before = kernel.instructionSet;
  for (const set of SETS) {
    try {
      kernel.useInstructionSet(set);
    } catch {
      continue;
    }
    runners.push({ name: set, filters: filtersOf(kernel)!, use: () => kernel.useInstructionSet(set) });
  }
  kernel.useInstructionSet(before);
  return runners;
}

/** The rows that the oracle passes. */
export function oracleRows(filter: Filter, source: ColumnSource, rowCount: number): boolean[] {
  return Array.from({ length: rowCount }, (_, row) => oracleTruth(filter, source, row) === true);
}

export function assertSameRows(bits: Uint8Array, expected: readonly boolean[], filter: Filter, where: string): void {
  assert.equal(bits.length, bitsetBytes(expected.length), where);
  // Bits behind the last row are 0.
  for (let row = 0; row < bits.length * 8; row += 1) {
    if (hasBit(bits, row) === (expected[row] ?? false)) continue;
    assert.fail(`${where}, row ${row}: expected ${expected[row] ?? "nothing"}: ${printFilter(filter, SCHEMA)}`);
  }
}

export function assertEvaluated(
  filter: Filter,
  source: ColumnSource,
  expected: readonly boolean[],
  where: string,
): void {
  assertSameRows(evaluateFilter(filter, source, expected.length), expected, filter, `${where}, evaluated`);
}

/** False: no kernel can say all of the filter, so that none was asked. */
export function assertPrograms(
  filter: Filter,
  source: ColumnSource,
  expected: readonly boolean[],
  runners: readonly ProgramRunner[],
  where: string,
): boolean {
  const code = compileCode(filter);
  if (code === null) return false;
  const run = { program: code.program, columns: columnsOf(code, source, expected.length), rowCount: expected.length };
  for (const { name, filters, use } of runners) {
    use();
    assertSameRows(filters.filterNow({ ...run, wanted: null }), expected, filter, `${where}, ${name}`);
  }
  return true;
}

export function columnsOf(code: FilterCode, source: ColumnSource, rowCount: number): FilterColumn[] {
  return code.columns.map(({ fieldId, use, path }) => {
    const column = source.column(fieldId);
    if (use !== "place") return codeColumn(use, column);
    assert.ok(column.kind === "bytes");
    return readPlaces(column, [path], 0, rowCount)[0]!;
  });
}
