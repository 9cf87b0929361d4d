/** Rows out of several columns of one type, put together in a wanted order. */

import { assert } from "../base/assert.ts";
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
import { type VectorValues, vectorStride, vectorValues } from "../model/vectors.ts";

/** Row `at` of the result is row `entries[at]` of `parts[sources[at]]`. */
export function gatherColumn(parts: readonly Column[], sources: Uint32Array, entries: Uint32Array): Column {
  const first = parts[0];
  assert(first !== undefined, "there is something to gather from");
  assert(sources.length === entries.length, "every row has a source and a place in it");
  assert(
    parts.every((part) => part.kind === first.kind && part.type === first.type),
    "the columns have one type",
  );
  const valid = gatherValid(parts, sources, entries);
  switch (first.kind) {
    case "fixed":
      return { ...first, values: gatherFixed(parts as readonly FixedColumn[], sources, entries), valid };
    case "bytes":
      return { ...first, ...gatherBytes(parts as readonly BytesColumn[], sources, entries), valid };
    case "vector": {
      const values = gatherVectors(parts as readonly VectorColumn[], first, sources, entries);
      return { ...first, values, valid };
    }
    case "array":
      return { ...first, ...gatherArrays(parts as readonly ArrayColumn[], sources, entries), valid };
  }
}

/** The same for every column of the batches, which have the same fields. */
export function gatherBatch(batches: readonly ColumnBatch[], sources: Uint32Array, entries: Uint32Array): ColumnBatch {
  assert(batches[0] !== undefined, "there is something to gather from");
  const columns = new Map<bigint, Column>();
  for (const fieldId of batches[0].columns.keys()) {
    const parts = batches.map((batch) => {
      const column = batch.columns.get(fieldId);
      assert(column !== undefined, "the batches have the same fields");
      return column;
    });
    columns.set(fieldId, gatherColumn(parts, sources, entries));
  }
  return { rowCount: entries.length, columns };
}

function gatherValid(parts: readonly Column[], sources: Uint32Array, entries: Uint32Array): Uint8Array | null {
  if (parts.every((part) => part.valid === null)) return null;
  const valid = new Uint8Array(entries.length);
  for (let at = 0; at < entries.length; at += 1) valid[at] = parts[sources[at]!]!.valid?.[entries[at]!] ?? 1;
  return valid;
}

function gatherFixed(parts: readonly FixedColumn[], sources: Uint32Array, entries: Uint32Array): FixedColumn["values"] {
  const values = fixedValues(parts[0]!.type, entries.length);
  for (let at = 0; at < entries.length; at += 1) values[at] = parts[sources[at]!]!.values[entries[at]!]!;
  return values;
}

function gatherBytes(
  parts: readonly BytesColumn[],
  sources: Uint32Array,
  entries: Uint32Array,
): Pick<BytesColumn, "offsets" | "bytes"> {
  const offsets = new Uint32Array(entries.length + 1);
  let end = 0;
  for (let at = 0; at < entries.length; at += 1) {
    const part = parts[sources[at]!]!;
    end += part.offsets[entries[at]! + 1]! - part.offsets[entries[at]!]!;
    assert(end <= 0xffffffff, "a result's column of bytes is below 4 GiB");
    offsets[at + 1] = end;
  }
  const bytes = new Uint8Array(end);
  for (let at = 0; at < entries.length; at += 1) {
    const part = parts[sources[at]!]!;
    bytes.set(part.bytes.subarray(part.offsets[entries[at]!]!, part.offsets[entries[at]! + 1]!), offsets[at]!);
  }
  return { offsets, bytes };
}

function gatherArrays(
  parts: readonly ArrayColumn[],
  sources: Uint32Array,
  entries: Uint32Array,
): Pick<ArrayColumn, "offsets" | "elements"> {
  const offsets = new Uint32Array(entries.length + 1);
  for (let at = 0; at < entries.length; at += 1) {
    const part = parts[sources[at]!]!;
    offsets[at + 1] = offsets[at]! + part.offsets[entries[at]! + 1]! - part.offsets[entries[at]!]!;
  }
  const elementSources = new Uint32Array(offsets[entries.length]!);
  const elementEntries = new Uint32Array(elementSources.length);
  for (let at = 0; at < entries.length; at += 1) {
    const shift = parts[sources[at]!]!.offsets[entries[at]!]! - offsets[at]!;
    elementSources.fill(sources[at]!, offsets[at]!, offsets[at + 1]!);
    for (let element = offsets[at]!; element < offsets[at + 1]!; element += 1)
      elementEntries[element] = element + shift;
  }
  const columns = parts.map((part) => part.elements);
  return { offsets, elements: gatherColumn(columns, elementSources, elementEntries) as ElementColumn };
}

function gatherVectors(
  parts: readonly VectorColumn[],
  { type, dimension }: VectorColumn,
  sources: Uint32Array,
  entries: Uint32Array,
): VectorValues {
  const stride = vectorStride(type, dimension);
  const values = vectorValues(type, entries.length * stride);
  for (let at = 0; at < entries.length; at += 1) {
    const part = parts[sources[at]!]!;
    assert(part.dimension === dimension, "the vectors have one dimension");
    const start = entries[at]! * stride;
    values.set(part.values.subarray(start, start + stride), at * stride);
  }
  return values;
}
