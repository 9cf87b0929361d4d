/**
 * `schema.IDs`, primary keys: 1 int_id: LongArray, 2 str_id: StringArray; each holds its values in field 1.
 */

import type { KeyColumn } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import { packInt64s, readInt64s, readStrings } from "./packed.ts";
import { BYTES, VARINT, type WireReader } from "./reader.ts";
import { Spans } from "./spans.ts";
import { WireWriter } from "./writer.ts";

/** Null when the message holds neither kind. */
export function decodeKeys(reader: WireReader): KeyColumn | null {
  const spans = new Spans();
  let member = 0;
  while (reader.next()) {
    if (!reader.is(1, BYTES) && !reader.is(2, BYTES)) {
      reader.skip();
      continue;
    }
    if (member !== reader.field) spans.clear();
    member = reader.field;
    const array = reader.message();
    while (array.next()) {
      const isValue = array.is(1, BYTES) || (member === 1 && array.is(1, VARINT));
      const start = array.skip();
      if (isValue) spans.add(start, array.offset);
    }
  }
  if (member === 0) return null;
  if (member === 1)
    return { kind: "fixed", type: DataType.Int64, values: readInt64s(reader.bytes, spans), valid: null };
  return { kind: "bytes", type: DataType.VarChar, ...readStrings(reader.bytes, spans), valid: null };
}

export function encodeKeys(keys: KeyColumn): WireWriter {
  const writer = new WireWriter();
  const array = new WireWriter();
  if (keys.kind === "fixed") {
    array.bytes(1, packInt64s(keys.values));
    writer.message(1, array);
  } else {
    array.entries(1, keys.offsets, keys.bytes);
    writer.message(2, array);
  }
  return writer;
}
