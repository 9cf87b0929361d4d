/**
 * The members of `schema.ScalarField` that hold one value a row: which type has which, and values to and from them.
 *
 *   1 bool[]  2 int32[]  3 int64[]  4 float[]  5 double[]  6 string[]  9 json: bytes[]  10 geometry: bytes[]  11 timestamptz: int64[]  12 geometry_wkt: string[]
 *   each inside a message of its own, as its field 1
 */

import { assert } from "../../base/assert.ts";
import type { FixedValues } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import {
  packFixed,
  packInt32s,
  packInt64s,
  readBools,
  readDoubles,
  readEntries,
  readFloats,
  readInt32s,
  readInt64s,
  readStrings,
} from "./packed.ts";
import { BYTES, FIXED32, FIXED64, VARINT, type WireReader } from "./reader.ts";
import type { Spans } from "./spans.ts";

export const ScalarArm = {
  Bool: 1,
  Int: 2,
  Long: 3,
  Float: 4,
  Double: 5,
  String: 6,
  Json: 9,
  GeometryWkb: 10,
  Timestamptz: 11,
  GeometryWkt: 12,
} as const;

/** The wire type of one value, for senders that do not pack. */
export const UNPACKED: Readonly<Record<number, number>> = {
  [ScalarArm.Bool]: VARINT,
  [ScalarArm.Int]: VARINT,
  [ScalarArm.Long]: VARINT,
  [ScalarArm.Float]: FIXED32,
  [ScalarArm.Double]: FIXED64,
  [ScalarArm.String]: BYTES,
  [ScalarArm.Json]: BYTES,
  [ScalarArm.GeometryWkb]: BYTES,
  [ScalarArm.Timestamptz]: VARINT,
  [ScalarArm.GeometryWkt]: BYTES,
};

export type WireScalars =
  | { readonly kind: "fixed"; readonly values: FixedValues }
  | { readonly kind: "bytes"; readonly offsets: Uint32Array; readonly bytes: Uint8Array };

/** `BoolArray`, `IntArray`… all hold their values in field 1. */
export function collectValues(reader: WireReader, unpacked: number, values: Spans): void {
  while (reader.next()) {
    if (reader.field === 1 && (reader.wireType === BYTES || reader.wireType === unpacked)) {
      const start = reader.skip();
      values.add(start, reader.offset);
    } else reader.skip();
  }
}

/** Null for a member that is not decoded. */
export function readScalars(arm: number, bytes: Uint8Array, values: Spans): WireScalars | null {
  switch (arm) {
    case ScalarArm.Bool:
      return { kind: "fixed", values: readBools(bytes, values) };
    case ScalarArm.Int:
      return { kind: "fixed", values: readInt32s(bytes, values) };
    case ScalarArm.Long:
    case ScalarArm.Timestamptz:
      return { kind: "fixed", values: readInt64s(bytes, values) };
    case ScalarArm.Float:
      return { kind: "fixed", values: readFloats(bytes, values) };
    case ScalarArm.Double:
      return { kind: "fixed", values: readDoubles(bytes, values) };
    case ScalarArm.String:
    case ScalarArm.GeometryWkt:
      return { kind: "bytes", ...readStrings(bytes, values) };
    case ScalarArm.Json:
    case ScalarArm.GeometryWkb:
      return { kind: "bytes", ...readEntries(bytes, values) };
    default:
      return null;
  }
}

/** The packed run of a repeated field. */
export function packValues(values: FixedValues, type: DataType): Uint8Array {
  if (values instanceof BigInt64Array) return packInt64s(values);
  if (values instanceof Float32Array || values instanceof Float64Array) return packFixed(values);
  return type === DataType.Bool && values instanceof Uint8Array ? packFixed(values) : packInt32s(values);
}

export function armOf(type: DataType): number {
  switch (type) {
    case DataType.Bool:
      return ScalarArm.Bool;
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
      return ScalarArm.Int;
    case DataType.Int64:
      return ScalarArm.Long;
    case DataType.Float:
      return ScalarArm.Float;
    case DataType.Double:
      return ScalarArm.Double;
    case DataType.Timestamptz:
      return ScalarArm.Timestamptz;
    case DataType.JSON:
      return ScalarArm.Json;
    case DataType.Geometry:
      return ScalarArm.GeometryWkt;
    case DataType.VarChar:
    case DataType.String:
    case DataType.Text:
      return ScalarArm.String;
    default:
      assert(false, `type ${type} is a scalar`);
  }
}
