/**
 * Page headers and the footer of a Parquet file, as bytes.
 *
 *   file:    "PAR1" | column chunks, gaps allowed | footer (thrift FileMetaData) | u32 length of the footer | "PAR1"
 *   chunk:   pages of one column in one row group, each: header (thrift PageHeader) | body
 *   body:    [u32 length, definition levels] where the column is optional | PLAIN values      compressed as one, with zstd, or not at all
 *
 * Always true: pages are data pages of version 1, PLAIN, with no dictionary, so that every reader reads them.
 */

import { assert } from "../../base/assert.ts";
import { arrowSchemaBase64 } from "./arrow-schema.ts";
import { type FileField, elementField, isList, physicalOf } from "./physical.ts";
import { ThriftWriter } from "./thrift.ts";

export const MAGIC = Buffer.from("PAR1", "latin1");
/** Readers look here for the writers whose statistics they must not trust: keep the form `name version x.y.z`. */
const CREATED_BY = "elanus version 1.0.0 (build 1)";

const REPETITION = { required: 0, optional: 1, repeated: 2 } as const;
const CONVERTED_LIST = 3;
const ENCODING = { plain: 0, rle: 3 } as const;
export const CODEC = { uncompressed: 0, zstd: 6 } as const;
export type Codec = (typeof CODEC)[keyof typeof CODEC];

export interface ChunkBounds {
  readonly minimum: Uint8Array;
  readonly maximum: Uint8Array;
}

export interface ChunkFacts {
  readonly field: FileField;
  readonly codec: Codec;
  /** Rows; of a list, entries of its levels. */
  readonly entryCount: number;
  /** Null rows. */
  readonly nullCount: number;
  readonly firstPageOffset: number;
  /** Headers and bodies. */
  readonly storedBytes: number;
  readonly plainBytes: number;
  readonly bounds: ChunkBounds | null;
}

export interface RowGroupFacts {
  readonly rowCount: number;
  readonly chunks: readonly ChunkFacts[];
}

export function pageHeader(page: {
  readonly entryCount: number;
  readonly plainBytes: number;
  readonly storedBytes: number;
  /** CRC-32 of the stored body; null where the body is not at hand. */
  readonly crc32: number | null;
}): Uint8Array {
  const writer = new ThriftWriter().i32(1, 0).i32(2, page.plainBytes).i32(3, page.storedBytes);
  if (page.crc32 !== null) writer.i32(4, page.crc32 | 0);
  writer.struct(5, (data) =>
    data.i32(1, page.entryCount).i32(2, ENCODING.plain).i32(3, ENCODING.rle).i32(4, ENCODING.rle),
  );
  return writer.finish();
}

export function footer(fields: readonly FileField[], groups: readonly RowGroupFacts[]): Uint8Array {
  const rowCount = groups.reduce((sum, group) => sum + group.rowCount, 0);
  const writer = new ThriftWriter().i32(1, 2);
  const root = (element: ThriftWriter): unknown => element.binary(4, "schema").i32(5, fields.length);
  writer.structList(2, [root, ...fields.flatMap(schemaElements)], (element, write) => write(element));
  writer.i64(3, rowCount);
  writer.structList(4, groups, rowGroup);
  writer.structList(5, [arrowSchemaBase64(fields)], (pair, value) => pair.binary(1, "ARROW:schema").binary(2, value));
  writer.binary(6, CREATED_BY);
  // The bounds of every column are in the order that its type defines.
  writer.structList(7, fields, (order) => order.struct(1, () => undefined));

  const metadata = writer.finish();
  const bytes = new Uint8Array(metadata.byteLength + 8);
  bytes.set(metadata);
  new DataView(bytes.buffer).setUint32(metadata.byteLength, metadata.byteLength, true);
  bytes.set(MAGIC, metadata.byteLength + 4);
  return bytes;
}

type ElementWriter = (element: ThriftWriter) => void;

/** A field is one element of the schema, a list three: the field, the repeated group, the element. */
function schemaElements(field: FileField): ElementWriter[] {
  if (!isList(field)) return [(element) => leafElement(element, field, field.fieldId)];
  return [
    (element) => {
      element
        .i32(3, field.nullable ? REPETITION.optional : REPETITION.required)
        .binary(4, field.name)
        .i32(5, 1);
      element.i32(6, CONVERTED_LIST).i32(9, Number(field.fieldId));
      element.struct(10, (logical) => logical.struct(3, () => undefined));
    },
    (element) => element.i32(3, REPETITION.repeated).binary(4, "list").i32(5, 1),
    (element) => leafElement(element, elementField(field), null),
  ];
}

function leafElement(element: ThriftWriter, field: FileField, fieldId: bigint | null): void {
  const physical = physicalOf(field);
  element.i32(1, physical.type);
  if (physical.arrow.kind === "fixed") element.i32(2, physical.width);
  element.i32(3, field.nullable ? REPETITION.optional : REPETITION.required).binary(4, field.name);
  // The old way to say UTF8, INT_8 and INT_16, for readers that know no logical types.
  if (physical.isText) element.i32(6, 0);
  if (physical.integerBits !== 0) element.i32(6, physical.integerBits === 8 ? 15 : 16);
  if (fieldId !== null) element.i32(9, Number(fieldId));
  if (physical.isText) element.struct(10, (logical) => logical.struct(1, () => undefined));
  if (physical.integerBits !== 0) {
    element.struct(10, (logical) => logical.struct(10, (integer) => integer.i8(1, physical.integerBits).bool(2, true)));
  }
}

function rowGroup(group: ThriftWriter, facts: RowGroupFacts): void {
  const first = facts.chunks[0];
  assert(first !== undefined, "a row group has columns");
  const plainBytes = facts.chunks.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
  const storedBytes = facts.chunks.reduce((sum, chunk) => sum + chunk.storedBytes, 0);
  group
    .structList(1, facts.chunks, (chunk, of) => chunk.i64(2, 0).struct(3, (metadata) => columnMetadata(metadata, of)))
    .i64(2, plainBytes)
    .i64(3, facts.rowCount)
    .i64(5, first.firstPageOffset)
    .i64(6, storedBytes);
}

function columnMetadata(metadata: ThriftWriter, chunk: ChunkFacts): void {
  const { field, nullCount } = chunk;
  const inList = isList(field);
  metadata
    .i32(1, physicalOf(inList ? elementField(field) : field).type)
    .i32List(2, [ENCODING.plain, ENCODING.rle])
    .binaryList(3, inList ? [field.name, "list", "element"] : [field.name])
    .i32(4, chunk.codec)
    .i64(5, chunk.entryCount)
    .i64(6, chunk.plainBytes)
    .i64(7, chunk.storedBytes)
    .i64(9, chunk.firstPageOffset);
  // Readers differ in what they count as the nulls of a list.
  if (inList) return;
  metadata.struct(12, (statistics) => {
    statistics.i64(3, nullCount);
    if (chunk.bounds === null) return;
    statistics.binary(5, chunk.bounds.maximum).binary(6, chunk.bounds.minimum).bool(7, true).bool(8, true);
  });
}
