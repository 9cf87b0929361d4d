/**
 * The value of the `ARROW:schema` key: base64 of an Arrow IPC schema message, so that Arrow readers get the very types and field ids.
 *
 *   u32 0xffffffff | u32 length of what follows | flatbuffer Message { version V5, header Schema, body length 0 }
 *
 *   Message 0 version short · 1 header type byte · 2 header · 3 body length long
 *   Schema  0 endianness short (little) · 1 fields
 *   Field   0 name · 1 nullable byte · 2 type's type byte · 3 type · 5 children · 6 metadata
 */

import { type ArrowType, type FileField, elementField, isList, physicalOf } from "./physical.ts";
import { FlatBufferWriter, type Position, type TableField } from "./flatbuffer.ts";

const METADATA_VERSION_5 = 4;
const HEADER_SCHEMA = 1;
const TYPE_NUMBER = { int: 2, float: 3, binary: 4, utf8: 5, bool: 6, fixed: 15 } as const;
const TYPE_LIST = 12;

export function arrowSchemaBase64(fields: readonly FileField[]): string {
  const writer = new FlatBufferWriter();
  const list = writer.offsets(fields.map((field) => fieldTable(writer, field)));
  const schema = writer.table([
    { slot: 0, kind: "short", value: 0 },
    { slot: 1, kind: "offset", value: list },
  ]);
  const message = writer.table([
    { slot: 0, kind: "short", value: METADATA_VERSION_5 },
    { slot: 1, kind: "byte", value: HEADER_SCHEMA },
    { slot: 2, kind: "offset", value: schema },
    { slot: 3, kind: "long", value: 0 },
  ]);
  const body = writer.finish(message);
  const bytes = new Uint8Array(8 + body.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xffffffff, true);
  view.setUint32(4, body.byteLength, true);
  bytes.set(body, 8);
  return Buffer.from(bytes.buffer).toString("base64");
}

function fieldTable(writer: FlatBufferWriter, field: FileField): Position {
  const inList = isList(field);
  const arrow = inList ? null : physicalOf(field).arrow;
  const metadata = writer.table([
    { slot: 0, kind: "offset", value: writer.string("PARQUET:field_id") },
    { slot: 1, kind: "offset", value: writer.string(field.fieldId.toString()) },
  ]);
  return writer.table([
    { slot: 0, kind: "offset", value: writer.string(field.name) },
    { slot: 1, kind: "byte", value: field.nullable ? 1 : 0 },
    { slot: 2, kind: "byte", value: arrow === null ? TYPE_LIST : TYPE_NUMBER[arrow.kind] },
    { slot: 3, kind: "offset", value: writer.table(arrow === null ? [] : typeFields(arrow)) },
    { slot: 5, kind: "offset", value: writer.offsets(inList ? [elementTable(writer, elementField(field))] : []) },
    { slot: 6, kind: "offset", value: writer.offsets([metadata]) },
  ]);
}

function elementTable(writer: FlatBufferWriter, element: FileField): Position {
  const { arrow } = physicalOf(element);
  return writer.table([
    { slot: 0, kind: "offset", value: writer.string(element.name) },
    { slot: 1, kind: "byte", value: 0 },
    { slot: 2, kind: "byte", value: TYPE_NUMBER[arrow.kind] },
    { slot: 3, kind: "offset", value: writer.table(typeFields(arrow)) },
    { slot: 5, kind: "offset", value: writer.offsets([]) },
  ]);
}

function typeFields(type: ArrowType): TableField[] {
  switch (type.kind) {
    case "int":
      return [
        { slot: 0, kind: "int", value: type.bits },
        { slot: 1, kind: "byte", value: 1 },
      ];
    case "float":
      return [{ slot: 0, kind: "short", value: type.bits === 32 ? 1 : 2 }];
    case "fixed":
      return [{ slot: 0, kind: "int", value: type.bytes }];
    case "bool":
    case "utf8":
    case "binary":
      return [];
  }
}
