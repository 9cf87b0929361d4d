/**
 * Which rows of a segment pass a filter: the kernel's parts by the kernel, the others evaluated over columns.
 *
 * Always true:
 *  - every column is asked for once, so that all parts and slices see the same rows;
 *  - what is evaluated here runs in slices with turns of the event loop between them, and an abort is noticed there;
 *  - rows that are not wanted do not pass, and cost little.
 */

import type { Runtime } from "../base/host/runtime.ts";
import { codeColumn } from "../expr/code-columns.ts";
import type { CompiledFilter } from "../expr/evaluate.ts";
import type { FilterCode } from "../expr/compile.ts";
import { filterCost } from "../expr/cost.ts";
import { type FilterPart, type FilterPlan, planFilter } from "../expr/plan.ts";
import { type ColumnSource, STRETCH_ROWS } from "../expr/scan.ts";
import { type IndexedFilter, type ScalarIndex, planIndexes, rowsOfMatch } from "../index/scalar/match.ts";
import type { FilterColumn, FilterKernel, PlaceColumn } from "../kernel/filter-kernel.ts";
import { type Bitset, emptyBitset, fullBitset, intersectInto, subtractInto } from "../model/bitset.ts";
import type { Column } from "../model/columns.ts";
import type { FilterExplanation } from "../model/explain.ts";
import type { Filter, LeafFilter } from "../model/filter.ts";
import { Pace } from "../storage/pace.ts";

export interface Reading {
  readonly runtime: Runtime;
  readonly signal?: AbortSignal;
  /** Told how a filter was carried out. */
  readonly explainFilter?: (explanation: FilterExplanation) => void;
}

/** What a filter reads of a segment. */
export interface FilterSource {
  /** The indexes that may know something of the filter. */
  indexesOver(filter: LeafFilter): readonly ScalarIndex[];
  /** Null: everything is evaluated here. */
  readonly filters: FilterKernel | null;
  column(fieldId: bigint): Column;
  /** What stands at these paths of a field's documents, for at least `rowCount` rows; null when the segment has no such columns. */
  places(
    fieldId: bigint,
    paths: readonly (readonly string[])[],
    rowCount: number,
  ): Promise<readonly PlaceColumn[] | null>;
}

/** A new bitset. `wanted` null: all rows. */
export async function passingRows(
  source: FilterSource,
  plan: FilterPlan,
  rowCount: number,
  wanted: Bitset | null,
  reading: Reading,
): Promise<Bitset> {
  const indexed = planIndexes(plan.filter, (leaf) => source.indexesOver(leaf));
  if (indexed !== null && helps(indexed, plan.filter, rowCount)) {
    const { match, rest, indexTypes } = indexed;
    reading.explainFilter?.({ indexTypes, foundRows: match.count, isLookedAt: rest !== null });
    const rows = rowsOfMatch(match, rowCount);
    if (wanted !== null) intersectInto(rows, wanted);
    if (rest === null) return rows;
    return await looked(source, rest === plan.filter ? plan : planFilter(rest), rowCount, rows, reading);
  }
  reading.explainFilter?.({ indexTypes: [], foundRows: null, isLookedAt: true });
  return await looked(source, plan, rowCount, wanted, reading);
}

/** A row out of an index costs as much as comparing so many numbers one after the other. */
const FOUND_ROW_COST = 10;
/** A row here and there costs so many times what it does in passing. */
const SCATTERED = 4;

/** An index that leaves many rows may cost more than looking at all of them. */
function helps({ match, rest }: IndexedFilter, whole: Filter, rowCount: number): boolean {
  const foundCost = FOUND_ROW_COST + (rest === null ? 0 : SCATTERED * filterCost(rest));
  return match.count * foundCost <= rowCount * filterCost(whole);
}

/** Without indexes. */
async function looked(
  source: FilterSource,
  plan: FilterPlan,
  rowCount: number,
  wanted: Bitset | null,
  reading: Reading,
): Promise<Bitset> {
  const columns = columnsOnce((fieldId) => source.column(fieldId));
  if (source.filters === null || rowCount === 0) {
    return await evaluateInSlices(plan.evaluate(), columns, rowCount, wanted, reading);
  }
  const run: Run = { source, filters: source.filters, columns, rowCount, reading };
  return await passing(run, plan.part, wanted);
}

interface Run {
  readonly source: FilterSource;
  readonly filters: FilterKernel;
  readonly columns: ColumnSource;
  readonly rowCount: number;
  readonly reading: Reading;
}

async function passing(run: Run, part: FilterPart, wanted: Bitset | null): Promise<Bitset> {
  const { rowCount, reading } = run;
  switch (part.kind) {
    case "evaluate":
      return await evaluateInSlices(part.evaluate(), run.columns, rowCount, wanted, reading);
    case "code": {
      const columns = await codeColumns(run, part.code);
      if (columns === null) return await evaluateInSlices(part.evaluate(), run.columns, rowCount, wanted, reading);
      return await run.filters.filter({ program: part.code.program, columns, rowCount, wanted }, reading.signal);
    }
    case "and": {
      let left = wanted;
      for (const inner of part.parts) left = await passing(run, inner, left);
      return left!;
    }
    case "or": {
      const passed = emptyBitset(rowCount);
      const open = wanted === null ? fullBitset(rowCount) : wanted.slice(0, passed.length);
      for (const inner of part.parts) {
        const more = await passing(run, inner, open);
        for (let at = 0; at < passed.length; at += 1) passed[at]! |= more[at]!;
        subtractInto(open, more);
      }
      return passed;
    }
  }
}

/** Null when the segment cannot provide a place. */
async function codeColumns(run: Run, code: FilterCode): Promise<FilterColumn[] | null> {
  const places = new Map<bigint, (readonly string[])[]>();
  for (const { fieldId, use, path } of code.columns) {
    if (use !== "place") continue;
    const paths = places.get(fieldId);
    if (paths === undefined) places.set(fieldId, [path]);
    else paths.push(path);
  }
  const found = new Map<readonly string[], PlaceColumn>();
  for (const [fieldId, paths] of places) {
    const columns = await run.source.places(fieldId, paths, run.rowCount);
    if (columns === null) return null;
    for (let at = 0; at < paths.length; at += 1) found.set(paths[at]!, columns[at]!);
  }
  return code.columns.map(({ fieldId, use, path }) => {
    if (use === "place") return found.get(path)!;
    return codeColumn(use, run.columns.column(fieldId));
  });
}

async function evaluateInSlices(
  filter: CompiledFilter,
  source: ColumnSource,
  rowCount: number,
  wanted: Bitset | null,
  { runtime, signal }: Reading,
): Promise<Bitset> {
  if (rowCount <= STRETCH_ROWS) return filter(source, rowCount, 0, wanted);
  const pace = new Pace(runtime);
  const result = emptyBitset(rowCount);
  for (let from = 0; from < rowCount; from += STRETCH_ROWS) {
    const to = Math.min(from + STRETCH_ROWS, rowCount);
    result.set(filter(source, to, from, wanted).subarray(from / 8), from / 8);
    await pace.pause();
    signal?.throwIfAborted();
  }
  return result;
}

/** Asks for every column once, so that all slices see the same one. */
export function columnsOnce(column: (fieldId: bigint) => Column): ColumnSource {
  const known = new Map<bigint, Column>();
  return {
    column(fieldId) {
      let found = known.get(fieldId);
      if (found === undefined) known.set(fieldId, (found = column(fieldId)));
      return found;
    },
  };
}

/** Rows picked out of a segment, as if they were one. */
export async function passingPicked(
  plan: FilterPlan,
  column: (fieldId: bigint) => Column,
  rowCount: number,
  reading: Reading,
): Promise<Bitset> {
  return await evaluateInSlices(plan.evaluate(), columnsOnce(column), rowCount, null, reading);
}
