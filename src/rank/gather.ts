/**
 * Rows out of several columns of one type, put together in a wanted order. Many rows are tens of milliseconds of work: what ends in
 * `InTurns` yields every few of them.
 *
 * Always true: rows that stand one behind the other in a part are copied together.
 */

import { assert } from "../base/assert.ts";
import { drained } from "../base/turns.ts";
import {
  type ArrayColumn,
  type BytesColumn,
  type Column,
  type ColumnBatch,
  type ElementColumn,
  type FixedColumn,
  fixedValues,
  type VectorColumn,
} from "../model/columns.ts";
import { copyValues, runEnd } from "../model/row-runs.ts";
import { type VectorValues, unfilledVectors, vectorRowBytes, vectorStride } from "../model/vectors.ts";

/** Rows between two yields, for what is a few numbers a row. */
const STEP_ROWS = 8192;
/** Bytes between two yields, where rows are copied. */
const STEP_BYTES = 1 << 20;

/** Row `at` of the result is row `entries[at]` of `parts[sources[at]]`. */
interface Order {
  readonly sources: Uint32Array;
  readonly entries: Uint32Array;
}

export function gatherColumn(parts: readonly Column[], sources: Uint32Array, entries: Uint32Array): Column {
  return drained(gatherColumnInTurns(parts, sources, entries));
}

/** The same for every column of the batches, which have the same fields. */
export function gatherBatch(batches: readonly ColumnBatch[], sources: Uint32Array, entries: Uint32Array): ColumnBatch {
  return drained(gatherBatchInTurns(batches, sources, entries));
}

export function* gatherBatchInTurns(
  batches: readonly ColumnBatch[],
  sources: Uint32Array,
  entries: Uint32Array,
): Generator<void, ColumnBatch> {
  assert(batches[0] !== undefined, "there is something to gather from");
  const columns = new Map<bigint, Column>();
  for (const fieldId of batches[0].columns.keys()) {
    const parts = batches.map((batch) => {
      const column = batch.columns.get(fieldId);
      assert(column !== undefined, "the batches have the same fields");
      return column;
    });
    columns.set(fieldId, yield* gatherColumnInTurns(parts, sources, entries));
    yield;
  }
  return { rowCount: entries.length, columns };
}

function* gatherColumnInTurns(
  parts: readonly Column[],
  sources: Uint32Array,
  entries: Uint32Array,
): Generator<void, Column> {
  const first = parts[0];
  assert(first !== undefined, "there is something to gather from");
  assert(sources.length === entries.length, "every row has a source and a place in it");
  assert(
    parts.every((part) => part.kind === first.kind && part.type === first.type),
    "the columns have one type",
  );
  const order = { sources, entries };
  const valid = yield* gatherValid(parts, order);
  switch (first.kind) {
    case "fixed":
      return { ...first, values: yield* gatherFixed(parts as readonly FixedColumn[], order), valid };
    case "bytes":
      return { ...first, ...(yield* gatherBytes(parts as readonly BytesColumn[], order)), valid };
    case "vector":
      return { ...first, values: yield* gatherVectors(parts as readonly VectorColumn[], first, order), valid };
    case "array":
      return { ...first, ...(yield* gatherArrays(parts as readonly ArrayColumn[], order)), valid };
  }
}

function* gatherValid(parts: readonly Column[], { sources, entries }: Order): Generator<void, Uint8Array | null> {
  if (parts.every((part) => part.valid === null)) return null;
  const valid = new Uint8Array(entries.length);
  for (let at = 0; at < entries.length; at += 1) {
    valid[at] = parts[sources[at]!]!.valid?.[entries[at]!] ?? 1;
    if ((at + 1) % STEP_ROWS === 0) yield;
  }
  return valid;
}

function* gatherFixed(parts: readonly FixedColumn[], order: Order): Generator<void, FixedColumn["values"]> {
  const { sources, entries } = order;
  const values = fixedValues(parts[0]!.type, entries.length);
  let step = 0;
  for (let at = 0; at < entries.length;) {
    const from = parts[sources[at]!]!.values;
    const end = runEnd(entries, at, Math.min(entries.length, at + STEP_ROWS), sources);
    copyValues(from, entries[at]!, end - at, values, at);
    step += end - at;
    at = end;
    if (step < STEP_ROWS) continue;
    step = 0;
    yield;
  }
  return values;
}

function* gatherBytes(
  parts: readonly BytesColumn[],
  order: Order,
): Generator<void, Pick<BytesColumn, "offsets" | "bytes">> {
  const { sources, entries } = order;
  const offsets = new Uint32Array(entries.length + 1);
  let total = 0;
  for (let at = 0; at < entries.length; at += 1) {
    const part = parts[sources[at]!]!;
    total += part.offsets[entries[at]! + 1]! - part.offsets[entries[at]!]!;
    assert(total <= 0xffffffff, "a result's column of bytes is below 4 GiB");
    offsets[at + 1] = total;
    if ((at + 1) % STEP_ROWS === 0) yield;
  }
  const bytes = new Uint8Array(total);
  let yielded = 0;
  let step = 0;
  for (let at = 0; at < entries.length;) {
    const part = parts[sources[at]!]!;
    const end = runEnd(entries, at, Math.min(entries.length, at + STEP_ROWS), sources);
    const entry = entries[at]!;
    bytes.set(part.bytes.subarray(part.offsets[entry]!, part.offsets[entry + end - at]!), offsets[at]!);
    at = end;
    step += 1;
    if (step < STEP_ROWS && offsets[at]! - yielded < STEP_BYTES) continue;
    yielded = offsets[at]!;
    step = 0;
    yield;
  }
  return { offsets, bytes };
}

function* gatherArrays(
  parts: readonly ArrayColumn[],
  { sources, entries }: Order,
): Generator<void, Pick<ArrayColumn, "offsets" | "elements">> {
  const offsets = new Uint32Array(entries.length + 1);
  for (let at = 0; at < entries.length; at += 1) {
    const part = parts[sources[at]!]!;
    offsets[at + 1] = offsets[at]! + part.offsets[entries[at]! + 1]! - part.offsets[entries[at]!]!;
  }
  const elementSources = new Uint32Array(offsets[entries.length]!);
  const elementEntries = new Uint32Array(elementSources.length);
  let yielded = 0;
  for (let at = 0; at < entries.length; at += 1) {
    const shift = parts[sources[at]!]!.offsets[entries[at]!]! - offsets[at]!;
    for (let element = offsets[at]!; element < offsets[at + 1]!; element += 1) {
      elementSources[element] = sources[at]!;
      elementEntries[element] = element + shift;
    }
    if (offsets[at + 1]! - yielded < STEP_ROWS) continue;
    yielded = offsets[at + 1]!;
    yield;
  }
  const columns = parts.map((part) => part.elements);
  const elements = yield* gatherColumnInTurns(columns, elementSources, elementEntries);
  return { offsets, elements: elements as ElementColumn };
}

function* gatherVectors(
  parts: readonly VectorColumn[],
  { type, dimension }: VectorColumn,
  order: Order,
): Generator<void, VectorValues> {
  const { sources, entries } = order;
  assert(
    parts.every((part) => part.dimension === dimension),
    "the vectors have one dimension",
  );
  const stride = vectorStride(type, dimension);
  const stepRows = Math.max(1, Math.floor(STEP_BYTES / vectorRowBytes(type, dimension)));
  const values = unfilledVectors(type, entries.length * stride);
  let step = 0;
  for (let at = 0; at < entries.length;) {
    const end = runEnd(entries, at, Math.min(entries.length, at + stepRows), sources);
    const start = entries[at]! * stride;
    values.set(parts[sources[at]!]!.values.subarray(start, start + (end - at) * stride), at * stride);
    step += end - at;
    at = end;
    if (step < stepRows) continue;
    step = 0;
    yield;
  }
  return values;
}
