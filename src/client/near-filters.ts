/**
 * Filters over a lent collection: the rows of each segment that are visible and pass, found on the program's own thread and kept while the
 * collection is lent.
 *
 * Always true:
 *  - a filter means what it means to the proxy, whose parser this is, and passes the rows that the segment would find: the same program of the kernel, run over
 *    the same columns;
 *  - what is not one program over lent columns and places (geometries, structs, samples) is the engine's, and so is whatever is wrong with a text;
 *  - kept rows go with the lent collection: nothing here outlives a change; they take at most `KEPT_BYTES`.
 *
 * Not here: searching the rows (`near-collection.ts`).
 */

import type { FilterCode } from "../expr/compile.ts";
import { codeColumn } from "../expr/code-columns.ts";
import { filterCost } from "../expr/cost.ts";
import { planFilter } from "../expr/plan.ts";
import type { FilterColumn, FilterRun, PlaceColumn } from "../kernel/filter-kernel.ts";
import type { NativeKernel } from "../kernel/native.ts";
import { type Bitset, bitsetBytes, countBits } from "../model/bitset.ts";
import type { Column } from "../model/columns.ts";
import { type Filter, filterFieldIds } from "../model/filter.ts";
import { primaryKeyField } from "../model/schema.ts";
import { parsePlanFilter } from "../proxy/filters.ts";
import type { LentCollection } from "../proxy/lend.ts";
import { type LentPlace, type LentSegment, lentColumn, placeName } from "../segment/lent.ts";
import type { Selection } from "./read-options.ts";

/** Rows that may be hits. */
export interface Reachable {
  /** Null: all. */
  readonly allowed: Bitset | null;
  readonly count: number;
}

/** By segment. */
export type ReachableRows = readonly Reachable[];

const KEPT_BYTES = 8 << 20;
/** Longer texts and lists are evaluated each time. */
const MOST_TEXT = 1024;
const MOST_VALUES = 64;
/** Rows times what the filter costs each: up to here it is over sooner than a change of threads is worth, in some 300 µs. */
const WORK_AT_ONCE = 2_000_000;

export class NearFilters {
  readonly #kernel: NativeKernel;
  readonly #collection: LentCollection;
  readonly #keyFieldId: bigint;
  /** By text; the one that was used last stands last. */
  readonly #kept = new Map<string, ReachableRows>();
  #keptBytes = 0;
  readonly #missing = new Set<bigint>();
  readonly #missingPlaces = new Map<string, LentPlace>();

  constructor(kernel: NativeKernel, collection: LentCollection) {
    this.#kernel = kernel;
    this.#collection = collection;
    this.#keyFieldId = primaryKeyField(collection.described.collection.schema).fieldId;
  }

  /** Columns that filters would have needed. */
  get missing(): ReadonlySet<bigint> {
    return this.#missing;
  }

  /** The same of places in documents. */
  get missingPlaces(): ReadonlyMap<string, LentPlace> {
    return this.#missingPlaces;
  }

  /** Null: the engine has to be asked. @throws what is wrong with the filter. */
  rows(selection: Selection): ReachableRows | null | Promise<ReachableRows> {
    const text = textOf(selection);
    const kept = text === null ? undefined : this.#kept.get(text);
    if (kept !== undefined) {
      this.#kept.delete(text!);
      this.#kept.set(text!, kept);
      return kept;
    }
    const { expression, templates } = selection;
    const filter = parsePlanFilter("query", expression, this.#described, templates);
    if (filter === null) return this.#collection.segments.map((segment) => visibleRows(segment));
    if (hasSample(filter)) return null;
    const { part } = planFilter(filter);
    if (part.kind !== "code") return null;
    const runs: (FilterRun | null)[] = [];
    for (const segment of this.#collection.segments) {
      const columns = this.#columnsOf(segment, part.code, filter);
      if (columns === null) return null;
      const { rowCount, visible } = segment;
      runs.push(rowCount === 0 ? null : { program: part.code.program, columns, rowCount, wanted: visible });
    }
    const keep = (passing: readonly (Bitset | null)[]): ReachableRows => {
      const rows = passing.map((bits, at) => reachable(bits, this.#collection.segments[at]!));
      if (text !== null) this.#keep(text, rows);
      return rows;
    };
    const { filters, atOnce } = this.#kernel;
    const work = filterCost(filter) * this.#collection.segments.reduce((sum, { rowCount }) => sum + rowCount, 0);
    if (work <= WORK_AT_ONCE) {
      return keep(atOnce.spend(() => runs.map((run) => (run === null ? null : filters.filterNow(run)))));
    }
    return Promise.all(runs.map((run) => (run === null ? null : filters.filter(run)))).then(keep);
  }

  get #described(): Parameters<typeof parsePlanFilter>[2] {
    const { collection, indexes, load } = this.#collection.described;
    return { ...collection, indexes, load };
  }

  /** Null: not all of them are lent. */
  #columnsOf(segment: LentSegment, code: FilterCode, filter: Filter): FilterColumn[] | null {
    const columns: FilterColumn[] = [];
    for (const { fieldId, use, path } of code.columns) {
      const column =
        use === "place"
          ? segment.places.get(placeName({ fieldId, path }))
          : lentColumn(segment, fieldId, this.#keyFieldId);
      if (column === undefined) {
        this.#miss(code, filter);
        return null;
      }
      columns.push(use === "place" ? (column as PlaceColumn) : codeColumn(use, column as Column));
    }
    return columns;
  }

  #miss(code: FilterCode, filter: Filter): void {
    for (const fieldId of filterFieldIds(filter)) if (fieldId !== this.#keyFieldId) this.#missing.add(fieldId);
    for (const { fieldId, use, path } of code.columns) {
      if (use === "place") this.#missingPlaces.set(placeName({ fieldId, path }), { fieldId, path });
    }
  }

  #keep(text: string, rows: ReachableRows): void {
    this.#kept.set(text, rows);
    this.#keptBytes += bytesOf(rows) + 2 * text.length;
    for (const [oldest, its] of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= bytesOf(its) + 2 * oldest.length;
    }
  }
}

/** All rows of a segment that a read sees. */
export function visibleRows({ visible, rowCount }: LentSegment): Reachable {
  return { allowed: visible, count: visible === null ? rowCount : countBits(visible) };
}

/** Rows behind those that a graph is told to search have bits too, all 0. */
function reachable(passing: Bitset | null, { graph, rowCount }: LentSegment): Reachable {
  if (passing === null) return { allowed: null, count: 0 };
  const count = countBits(passing);
  const length = bitsetBytes(Math.max(rowCount, graph?.rowCount ?? 0));
  if (count === rowCount && length === passing.length && (graph?.rowCount ?? rowCount) === rowCount) {
    return { allowed: null, count };
  }
  if (passing.length >= length) return { allowed: passing, count };
  const allowed = new Uint8Array(length);
  allowed.set(passing);
  return { allowed, count };
}

function bytesOf(rows: ReachableRows): number {
  return rows.reduce((sum, { allowed }) => sum + (allowed?.length ?? 0), 0);
}

/** What tells filters apart; null: it is too long to be worth it. */
function textOf({ expression, templates }: Selection): string | null {
  if (expression.length > MOST_TEXT) return null;
  if (templates.size === 0) return expression;
  for (const value of templates.values()) if (Array.isArray(value) && value.length > MOST_VALUES) return null;
  // Values are no objects, so that one stands for a bigint. No filter begins so.
  const values = JSON.stringify([...templates], (_, value: unknown) =>
    typeof value === "bigint" ? { int64: String(value) } : value,
  );
  return values.length > MOST_TEXT ? null : `\0${JSON.stringify(expression)}${values}`;
}

/** Each time other rows. */
function hasSample(filter: Filter): boolean {
  if (filter.kind === "and" || filter.kind === "or") return filter.operands.some(hasSample);
  return filter.kind === "not" ? hasSample(filter.operand) : filter.kind === "sample";
}
