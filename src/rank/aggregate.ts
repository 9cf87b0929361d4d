/**
 * Counts, sums and extremes of rows in groups: of segments, and merged.
 *
 * Always true:
 *  - nulls are neither counted nor summed, and are a key of their own; a sum or extreme of nothing is null;
 *  - a sum of integers is an int64 that wraps, of Float and Double a double;
 *  - without group fields there is one group, also of no rows;
 *  - merging in any tree of steps gives what one pass over all rows gives, but for the last bits of sums of doubles.
 */

import { invalidParameter } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { planFilter } from "../expr/plan.ts";
import type { Column } from "../model/columns.ts";
import { NOTHING_EXPIRED } from "../model/expiry.ts";
import type { Constant } from "../model/filter.ts";
import type { AggregateOperator, AggregatePlan, AggregateState, GroupTable } from "../model/plan.ts";
import { type Scalar, compareScalars, scalarAt, scalarColumn } from "../model/scalars.ts";
import type { CollectionSchema } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { visitSegment } from "../segment/execute.ts";
import { missingField } from "../segment/missing-field.ts";
import type { Segment } from "../segment/segment.ts";

export const MAX_GROUPS = 100_000;
/** Rows looked at between two turns of the event loop. */
const SLICE_ROWS = 8_192;

export async function aggregateRows(
  segments: readonly Segment[],
  plan: AggregatePlan,
  schema: CollectionSchema,
  timestamp: Timestamp,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<GroupTable> {
  const groups = new Groups(plan, schema);
  const filter = plan.filter === null ? null : planFilter(plan.filter);
  for (const segment of segments) {
    await visitSegment(
      segment,
      { filter, keys: null, timestamp, expiry: plan.expiry ?? NOTHING_EXPIRED },
      async (rows, source) => {
        const keys = plan.groupFieldIds.map((fieldId) => source.column(fieldId));
        const values = plan.aggregates.map(({ fieldId }) => (fieldId === null ? null : source.column(fieldId)));
        for (let from = 0; from < rows.length; from += SLICE_ROWS) {
          groups.addRows(keys, values, rows.subarray(from, from + SLICE_ROWS));
          await runtime.yield();
          signal.throwIfAborted();
        }
      },
      { runtime, signal },
    );
  }
  return groups.table();
}

export async function mergeTables(
  tables: readonly GroupTable[],
  plan: AggregatePlan,
  schema: CollectionSchema,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<GroupTable> {
  const groups = new Groups(plan, schema);
  for (const table of tables) {
    for (let from = 0; from < table.groupCount; from += SLICE_ROWS) {
      groups.addTable(table, from, Math.min(from + SLICE_ROWS, table.groupCount));
      await runtime.yield();
      signal.throwIfAborted();
    }
  }
  return groups.table();
}

/** The type of what an aggregate gives, of a field of this type. */
export function aggregateType(operator: AggregateOperator, type: DataType): DataType {
  switch (operator) {
    case "count":
      return DataType.Int64;
    case "sum":
      return type === DataType.Float || type === DataType.Double ? DataType.Double : DataType.Int64;
    default:
      return type;
  }
}

interface Group {
  readonly keys: readonly Scalar[];
  readonly counts: number[];
  /** Sums and extremes so far; null before the first value. */
  readonly values: Scalar[];
}

class Groups {
  readonly #plan: AggregatePlan;
  readonly #keyTypes: readonly DataType[];
  readonly #valueTypes: readonly DataType[];
  readonly #groups = new Map<Scalar, Group>();

  constructor(plan: AggregatePlan, schema: CollectionSchema) {
    this.#plan = plan;
    const typeOf = (fieldId: bigint): DataType => {
      const field = schema.fields.find((candidate) => candidate.fieldId === fieldId);
      if (field === undefined) throw missingField(fieldId);
      return field.dataType;
    };
    this.#keyTypes = plan.groupFieldIds.map(typeOf);
    this.#valueTypes = plan.aggregates.map(({ operator, fieldId }) =>
      aggregateType(operator, fieldId === null ? DataType.Int64 : typeOf(fieldId)),
    );
    if (this.#keyTypes.length === 0) this.#groupOf([]);
  }

  addRows(keys: readonly Column[], values: readonly (Column | null)[], rows: Uint32Array): void {
    for (const row of rows) {
      const group = this.#groupOf(keys.map((column) => scalarAt(column, row)));
      for (const [at, column] of values.entries()) {
        if (column === null) {
          group.counts[at]! += 1;
          continue;
        }
        const value = scalarAt(column, row);
        if (value !== null) this.#add(group, at, value, 1);
      }
    }
  }

  addTable({ keys, states }: GroupTable, from: number, to: number): void {
    for (let row = from; row < to; row += 1) {
      const group = this.#groupOf(keys.map((column) => scalarAt(column, row)));
      for (const [at, { counts, values }] of states.entries()) {
        const value = values === null ? null : scalarAt(values, row);
        if (value === null) group.counts[at]! += Number(counts[row]!);
        else this.#add(group, at, value, Number(counts[row]!));
      }
    }
  }

  table(): GroupTable {
    const groups = [...this.#groups.values()];
    return {
      groupCount: groups.length,
      keys: this.#keyTypes.map((type, at) =>
        scalarColumn(
          type,
          groups.map(({ keys }) => keys[at]!),
        ),
      ),
      states: this.#plan.aggregates.map(({ operator }, at): AggregateState => ({
        counts: BigInt64Array.from(groups, ({ counts }) => BigInt(counts[at]!)),
        values:
          operator === "count"
            ? null
            : scalarColumn(
                this.#valueTypes[at]!,
                groups.map(({ values }) => values[at]!),
              ),
      })),
    };
  }

  #add(group: Group, at: number, value: Constant, count: number): void {
    group.counts[at]! += count;
    const known = group.values[at] ?? null;
    switch (this.#plan.aggregates[at]!.operator) {
      case "count":
        return;
      case "sum":
        group.values[at] = known === null ? value : sum(known, value);
        return;
      case "min":
        if (known === null || compareScalars(value, known) < 0) group.values[at] = value;
        return;
      case "max":
        if (known === null || compareScalars(value, known) > 0) group.values[at] = value;
    }
  }

  #groupOf(keys: readonly Scalar[]): Group {
    const name = keys.length === 1 ? keys[0]! : nameOf(keys);
    let group = this.#groups.get(name);
    if (group !== undefined) return group;
    if (this.#groups.size === MAX_GROUPS) {
      throw invalidParameter(`the number of groups exceeds the limit ${MAX_GROUPS}`);
    }
    const aggregates = this.#plan.aggregates.length;
    group = {
      keys,
      counts: Array.from<number>({ length: aggregates }).fill(0),
      values: Array.from<Scalar>({ length: aggregates }).fill(null),
    };
    this.#groups.set(name, group);
    return group;
  }
}

/** Different keys have different names. */
function nameOf(keys: readonly Scalar[]): string {
  return JSON.stringify(keys.map((key) => (typeof key === "bigint" ? String(key) : key)));
}

function sum(left: Constant, right: Constant): Constant {
  if (typeof left === "bigint") return BigInt.asIntN(64, left + (right as bigint));
  return (left as number) + (right as number);
}
