/**
 * Orders of rows by their values, and the first rows of many in such an order.
 *
 *  - numbers and booleans by value, text by its UTF-8 bytes;
 *  - places in documents: values of one type as above, of different types by their JSON text; missing and JSON null are null;
 *  - rows that an order calls alike keep the order in which they came.
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { type Column, bytesAt, columnRows, textAt } from "../model/columns.ts";

/** Negative: the left row comes first. */
export type CompareRows = (left: number, right: number) => number;

export interface Direction {
  readonly isDescending: boolean;
  readonly nullsFirst: boolean;
}

/** Rows looked at between two turns of the event loop. */
const SLICE_ROWS = 16_384;

export function columnOrder(column: Column, direction: Direction): CompareRows {
  const { valid } = column;
  const isNull = (row: number): boolean => valid !== null && valid[row] === 0;
  if (column.kind === "bytes") {
    return directed(direction, isNull, (left, right) => Buffer.compare(bytesAt(column, left), bytesAt(column, right)));
  }
  assert(column.kind !== "array", "arrays have no order");
  const { values } = column;
  return directed(direction, isNull, (left, right) => compareValues(values[left]!, values[right]!));
}

export function documentOrder(column: Column, path: readonly string[], direction: Direction): CompareRows {
  const values = Array.from({ length: columnRows(column) }, (_, row) => valueAt(column, row, path));
  return directed(
    direction,
    (row) => values[row] === null,
    (left, right) => compareDocuments(values[left], values[right]),
  );
}

/** The first order decides, then the second… */
export function jointOrder(orders: readonly CompareRows[]): CompareRows {
  return (left, right) => {
    for (const order of orders) {
      const result = order(left, right);
      if (result !== 0) return result;
    }
    return 0;
  };
}

/** The first `limit` of rows 0 … `rowCount` - 1. */
export async function firstRows(
  order: CompareRows,
  rowCount: number,
  limit: number,
  runtime: Runtime,
  signal?: AbortSignal,
): Promise<Uint32Array> {
  const whole: CompareRows = (left, right) => order(left, right) || left - right;
  let best: number[] = [];
  for (let from = 0; from < rowCount; from += SLICE_ROWS) {
    const to = Math.min(from + SLICE_ROWS, rowCount);
    const candidates: number[] = [];
    const worst = best.length < limit ? null : best[best.length - 1]!;
    for (let row = from; row < to; row += 1) if (worst === null || whole(row, worst) < 0) candidates.push(row);
    if (candidates.length > 0) best = [...best, ...candidates].toSorted(whole).slice(0, limit);
    await runtime.yield();
    signal?.throwIfAborted();
  }
  return Uint32Array.from(best);
}

function directed(
  { isDescending, nullsFirst }: Direction,
  isNull: (row: number) => boolean,
  order: CompareRows,
): CompareRows {
  const sign = isDescending ? -1 : 1;
  const nullSign = nullsFirst ? -1 : 1;
  return (left, right) => {
    const leftIsNull = isNull(left);
    const rightIsNull = isNull(right);
    if (leftIsNull || rightIsNull) return leftIsNull === rightIsNull ? 0 : leftIsNull ? nullSign : -nullSign;
    return sign * order(left, right);
  };
}

function compareValues(left: number | bigint | boolean, right: number | bigint | boolean): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

function compareDocuments(left: unknown, right: unknown): number {
  if (typeof left === typeof right) {
    if (typeof left === "number" || typeof left === "boolean") return compareValues(left, right as number | boolean);
    if (typeof left === "string") return Buffer.compare(Buffer.from(left), Buffer.from(right as string));
  }
  return Buffer.compare(Buffer.from(JSON.stringify(left)), Buffer.from(JSON.stringify(right)));
}

/** Null when the place is missing or holds JSON null. */
function valueAt(column: Column, row: number, path: readonly string[]): unknown {
  if (column.kind !== "bytes" || (column.valid !== null && column.valid[row] === 0)) return null;
  let value = JSON.parse(textAt(column, row)) as unknown;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return null;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value ?? null;
}
