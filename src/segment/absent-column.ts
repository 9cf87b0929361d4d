/** The column of a field that the collection got after a segment was written: its default everywhere, or null. */

import { assert } from "../base/assert.ts";
import { type Column, emptyArrays, fixedValues, isBytesType } from "../model/columns.ts";
import type { FieldSchema } from "../model/schema.ts";
import { isArrayType } from "../model/types.ts";
import { isDenseVectorType, vectorStride, vectorValues } from "../model/vectors.ts";

export function absentColumn(field: FieldSchema, rowCount: number): Column {
  const { dataType, defaultValue } = field;
  assert(
    defaultValue !== null || field.nullable || field.isDynamic,
    "a field added later is nullable or has a default",
  );
  const valid = defaultValue === null && !field.isDynamic ? new Uint8Array(rowCount) : null;
  if (isDenseVectorType(dataType)) {
    const { dimension } = field;
    const values = vectorValues(dataType, rowCount * vectorStride(dataType, dimension));
    return { kind: "vector", type: dataType, dimension, values, valid };
  }
  if (isArrayType(dataType)) return emptyArrays(field, rowCount, valid);
  if (isBytesType(dataType)) {
    const text = Buffer.from(field.isDynamic ? "{}" : String(defaultValue ?? ""), "utf8");
    const bytes = new Uint8Array(text.length * rowCount);
    if (text.length > 0) Buffer.from(bytes.buffer).fill(text);
    const offsets = Uint32Array.from({ length: rowCount + 1 }, (_, row) => row * text.length);
    return { kind: "bytes", type: dataType, offsets, bytes, valid };
  }
  const values = fixedValues(dataType, rowCount);
  if (values instanceof BigInt64Array) values.fill(BigInt(defaultValue ?? 0));
  else values.fill(Number(defaultValue ?? 0));
  return { kind: "fixed", type: dataType, values, valid };
}
