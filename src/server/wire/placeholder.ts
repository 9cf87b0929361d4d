/**
 * `common.PlaceholderGroup`: the query vectors of a search, inside a `bytes` field of the request.
 *
 *   PlaceholderGroup  1 placeholders[]
 *   PlaceholderValue  1 tag  2 type: enum, the numbers of `DataType`, 300 and more for lists  3 values: bytes[]  4 element_level: bool
 *
 * Always true: `queries` is there iff the values are dense vectors of one length that the bytes of an entry divide.
 */

import type { DataType } from "../../model/types.ts";
import { type VectorValues, entryBytes, isDenseVectorType, viewedVectors } from "../../model/vectors.ts";
import { type ByteEntries, readEntries, readRun } from "./packed.ts";
import { BYTES, VARINT, WireReader } from "./reader.ts";
import { Spans } from "./spans.ts";

export interface WirePlaceholder {
  readonly tag: string;
  readonly type: number;
  readonly elementLevel: boolean;
  /** Values: the `nq` of the search. */
  readonly count: number;
  /** Length of the first value; 0 without one. */
  readonly valueBytes: number;
  /** Length of the first value that differs from the first; null when all are alike. */
  readonly unevenBytes: number | null;
  /** The vectors end to end, or null: see above. */
  readonly queries: VectorValues | null;
  /** The values as they came, where they are no dense vectors: sparse ones, text. */
  readonly values: ByteEntries | null;
}

export function decodePlaceholderGroup(bytes: Uint8Array): WirePlaceholder[] {
  const reader = new WireReader(bytes);
  const placeholders: WirePlaceholder[] = [];
  while (reader.next()) {
    if (reader.is(1, BYTES)) placeholders.push(decodePlaceholder(reader.message()));
    else reader.skip();
  }
  return placeholders;
}

function decodePlaceholder(reader: WireReader): WirePlaceholder {
  const spans = new Spans();
  let tag = "";
  let type = 0;
  let elementLevel = false;
  while (reader.next()) {
    if (reader.is(1, BYTES)) tag = reader.text();
    else if (reader.is(2, VARINT)) type = reader.int32();
    else if (reader.is(3, BYTES)) {
      const start = reader.skip();
      spans.add(start, reader.offset);
    } else if (reader.is(4, VARINT)) elementLevel = reader.bool();
    else reader.skip();
  }
  const count = spans.count;
  const valueBytes = count === 0 ? 0 : spans.end(0) - spans.start(0);
  const unevenBytes = firstUneven(spans, valueBytes);
  const queries = unevenBytes === null ? readDense(reader.bytes, spans, type as DataType, valueBytes) : null;
  return {
    tag,
    type,
    elementLevel,
    count,
    valueBytes,
    unevenBytes,
    queries,
    values: queries === null ? readEntries(reader.bytes, spans) : null,
  };
}

function readDense(bytes: Uint8Array, spans: Spans, type: DataType, valueBytes: number): VectorValues | null {
  if (!isDenseVectorType(type)) return null;
  const width = entryBytes(type);
  return valueBytes % width === 0 ? viewedVectors(type, readRun(bytes, spans, width, false)) : null;
}

function firstUneven(spans: Spans, valueBytes: number): number | null {
  for (let index = 1; index < spans.count; index += 1) {
    const length = spans.end(index) - spans.start(index);
    if (length !== valueBytes) return length;
  }
  return null;
}
