/**
 * `common.PlaceholderGroup`: the query vectors of a search, inside a `bytes` field of the request.
 *
 *   PlaceholderGroup  1 placeholders[]
 *   PlaceholderValue  1 tag  2 type: enum, the numbers of `DataType`, 300 and more for lists  3 values: bytes[]  4 element_level: bool
 *
 * Always true: `queries` is there iff the values are float vectors of one length that four divides.
 */

import { DataType } from "../../model/types.ts";
import { type ByteEntries, readEntries, readFloats } from "./packed.ts";
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
  readonly dimension: number;
  /** `count * dimension` floats, or null: see above. */
  readonly queries: Float32Array | null;
  /** The values as they came, where they are no float vectors. */
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
  const areFloats = type === DataType.FloatVector && unevenBytes === null && valueBytes % 4 === 0;
  return {
    tag,
    type,
    elementLevel,
    count,
    valueBytes,
    unevenBytes,
    dimension: areFloats ? valueBytes / 4 : 0,
    queries: areFloats ? readFloats(reader.bytes, spans) : null,
    values: areFloats ? null : readEntries(reader.bytes, spans),
  };
}

function firstUneven(spans: Spans, valueBytes: number): number | null {
  for (let index = 1; index < spans.count; index += 1) {
    const length = spans.end(index) - spans.start(index);
    if (length !== valueBytes) return length;
  }
  return null;
}
