/**
 * `schema.TemplateValue`: what stands for `{name}` in a filter.
 *
 *   TemplateValue       1 bool  2 int64  3 double  4 string  5 array: TemplateArrayValue  6 bytes
 *   TemplateArrayValue  1 bool[]  2 int64[]  3 double[]  4 string[]  5 array[]  6 json: bytes[]
 *                       (each inside a message of its own, as its field 1)
 *
 * Always true: arrays lie at most `MAXIMUM_DEPTH` deep in each other; a deeper one is a `WireError`.
 */

import { readBools, readDoubles, readEntries, readInt64s, readStrings } from "./packed.ts";
import { BYTES, FIXED64, VARINT, type WireReader } from "./reader.ts";
import { Spans } from "./spans.ts";
import { WireError } from "./wire-error.ts";

export type TemplateValue =
  | { readonly kind: "none" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "int64"; readonly value: bigint }
  | { readonly kind: "double"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "bytes"; readonly value: Uint8Array }
  | { readonly kind: "array"; readonly value: TemplateArray };

export type TemplateArray =
  | { readonly kind: "none" }
  | { readonly kind: "bool"; readonly values: readonly boolean[] }
  | { readonly kind: "int64"; readonly values: BigInt64Array }
  | { readonly kind: "double"; readonly values: Float64Array }
  | { readonly kind: "string"; readonly values: readonly string[] }
  | { readonly kind: "json"; readonly values: readonly Uint8Array[] }
  | { readonly kind: "array"; readonly values: readonly TemplateArray[] };

export const MAXIMUM_DEPTH = 64;

/** One entry of `map<string, TemplateValue>`. */
export function decodeTemplateEntry(reader: WireReader): readonly [string, TemplateValue] {
  let key = "";
  let value: TemplateValue = { kind: "none" };
  while (reader.next()) {
    if (reader.is(1, BYTES)) key = reader.text();
    else if (reader.is(2, BYTES)) value = decodeTemplateValue(reader.message());
    else reader.skip();
  }
  return [key, value];
}

export function decodeTemplateValue(reader: WireReader): TemplateValue {
  let value: TemplateValue = { kind: "none" };
  while (reader.next()) {
    if (reader.is(1, VARINT)) value = { kind: "bool", value: reader.bool() };
    else if (reader.is(2, VARINT)) value = { kind: "int64", value: reader.int64() };
    else if (reader.is(3, FIXED64)) value = { kind: "double", value: reader.double() };
    else if (reader.is(4, BYTES)) value = { kind: "string", value: reader.text() };
    else if (reader.is(5, BYTES)) value = { kind: "array", value: decodeArray(reader.message(), 1) };
    else if (reader.is(6, BYTES)) value = { kind: "bytes", value: reader.view().slice() };
    else reader.skip();
  }
  return value;
}

function decodeArray(reader: WireReader, depth: number): TemplateArray {
  if (depth > MAXIMUM_DEPTH) throw new WireError(`arrays more than ${MAXIMUM_DEPTH} deep`, reader.offset);
  const spans = new Spans();
  let nested: TemplateArray[] = [];
  let member = 0;
  while (reader.next()) {
    if (reader.wireType !== BYTES || reader.field > 6) {
      reader.skip();
      continue;
    }
    if (member !== reader.field) {
      spans.clear();
      nested = [];
    }
    member = reader.field;
    const array = reader.message();
    while (array.next()) {
      if (member === 5 && array.is(1, BYTES)) {
        nested.push(decodeArray(array.message(), depth + 1));
        continue;
      }
      const isValue = array.is(1, BYTES) || (array.field === 1 && array.wireType === UNPACKED[member]);
      const start = array.skip();
      if (isValue) spans.add(start, array.offset);
    }
  }
  return arrayOf(reader.bytes, member, spans, nested);
}

const UNPACKED: Readonly<Record<number, number>> = { 1: VARINT, 2: VARINT, 3: FIXED64 };

function arrayOf(bytes: Uint8Array, member: number, spans: Spans, nested: readonly TemplateArray[]): TemplateArray {
  switch (member) {
    case 1:
      return { kind: "bool", values: Array.from(readBools(bytes, spans), (byte) => byte === 1) };
    case 2:
      return { kind: "int64", values: readInt64s(bytes, spans) };
    case 3:
      return { kind: "double", values: readDoubles(bytes, spans).slice() };
    case 4: {
      const { offsets, bytes: joined } = readStrings(bytes, spans);
      return { kind: "string", values: split(offsets, joined).map((entry) => Buffer.from(entry).toString("utf8")) };
    }
    case 5:
      return { kind: "array", values: nested };
    case 6: {
      const { offsets, bytes: joined } = readEntries(bytes, spans);
      return { kind: "json", values: split(offsets, joined) };
    }
    default:
      return { kind: "none" };
  }
}

function split(offsets: Uint32Array, bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: offsets.length - 1 }, (_, entry) => bytes.subarray(offsets[entry], offsets[entry + 1]));
}
