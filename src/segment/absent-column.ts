/** The column of a field that the collection got after a segment was written: its default everywhere, or null. */

import { assert } from "../base/assert.ts";
import { bytesColumn, type Column, fixedValues, isBytesType } from "../model/columns.ts";
import type { FieldSchema } from "../model/schema.ts";
import { isVectorType } from "../model/types.ts";

export function absentColumn(field: FieldSchema, rowCount: number): Column {
  const { dataType, defaultValue } = field;
  assert(
    defaultValue !== null || field.nullable || field.isDynamic,
    "a field added later is nullable or has a default",
  );
  const valid = defaultValue === null && !field.isDynamic ? new Uint8Array(rowCount) : null;
  if (isVectorType(dataType)) {
    const { dimension } = field;
    return { kind: "vector", type: dataType, dimension, values: new Float32Array(rowCount * dimension), valid };
  }
  if (isBytesType(dataType)) {
    const text = field.isDynamic ? "{}" : String(defaultValue ?? "");
    return bytesColumn(dataType, Array.from<string>({ length: rowCount }).fill(text), valid);
  }
  const values = fixedValues(dataType, rowCount);
  if (values instanceof BigInt64Array) values.fill(BigInt(defaultValue ?? 0));
  else values.fill(Number(defaultValue ?? 0));
  return { kind: "fixed", type: dataType, values, valid };
}
