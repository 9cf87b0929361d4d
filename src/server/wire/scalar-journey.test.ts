/** Scalars, arrays, times and geometries from the wire to a column, to the log, to a segment, to a file, and back to the wire: the same. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../../base/host/system.ts";
import { TwinKernel } from "../../kernel/twin/twin.ts";
import { decodeBatch, encodeBatch } from "../../model/batch-codec.ts";
import { type Column, type ElementColumn, bytesColumn, columnRows, fixedValues } from "../../model/columns.ts";
import { parseTimestamptz } from "../../model/timestamptz.ts";
import { DataType } from "../../model/types.ts";
import { encodeWkb } from "../../model/wkb.ts";
import { parseWkt } from "../../model/wkt.ts";
import { checkedColumns } from "../../proxy/input.ts";
import { readTexts } from "../../proxy/input-texts.ts";
import { outputField } from "../../proxy/output.ts";
import { growableColumn } from "../../segment/growable-column.ts";
import { segmentFiles } from "../../storage/segment-reader.ts";
import { writeSegment } from "../../storage/segment-writer.ts";
import { MapStore } from "../../storage/testing/map-store.ts";
import { collectionSchema, descriptorOf, fieldSchema, int64Keys } from "../../storage/testing/random-segment.ts";
import { decodeFieldData, encodeFieldData } from "./field-data.ts";
import { WireReader } from "./reader.ts";

const runtime = new SystemRuntime();
const kernel = new TwinKernel(runtime, null);
const FIELD = 101n;
const int64 = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(2n ** 53n + 1n, -(2n ** 63n)));
const range = (bits: number): fc.Arbitrary<number> => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
const finite = { noNaN: true, noDefaultInfinity: true } as const;
const LEAST = parseTimestamptz("0001-01-01T00:00:00Z", "UTC")!;
const MOST = parseTimestamptz("9999-12-31T23:59:59.999999Z", "UTC")!;
const WKT = [
  "POINT (1 -0.5)",
  "POINT EMPTY",
  "LINESTRING (0 0, 1e-7 3)",
  "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 1, 1 2, 2 2, 1 1))",
  "MULTIPOINT ((1 1), EMPTY)",
  "GEOMETRYCOLLECTION (POINT (1 2), MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0))))",
];

const NUMBERS = new Map<DataType, fc.Arbitrary<number | bigint>>([
  [DataType.Bool, fc.nat(1)],
  [DataType.Int8, range(8)],
  [DataType.Int16, range(16)],
  [DataType.Int32, range(32)],
  [DataType.Int64, int64],
  [DataType.Float, fc.float(finite)],
  [DataType.Double, fc.double(finite)],
  [DataType.Timestamptz, fc.bigInt(LEAST, MOST)],
]);
const TEXTS = new Map<DataType, fc.Arbitrary<string | Uint8Array>>([
  [DataType.VarChar, fc.string({ unit: "binary", maxLength: 20 })],
  [DataType.JSON, fc.jsonValue().map((value) => JSON.stringify(value))],
  [DataType.Geometry, fc.constantFrom(...WKT).map((text) => encodeWkb(parseWkt(text)))],
]);
const ELEMENTS = [...NUMBERS.keys(), DataType.VarChar].filter((type) => type !== DataType.Timestamptz);

/** Entries that are not there are zeros or nothing. */
function columnOf(type: DataType, rowCount: number, valid: Uint8Array | null): fc.Arbitrary<ElementColumn> {
  const exactly = { minLength: rowCount, maxLength: rowCount };
  const numbers = NUMBERS.get(type);
  if (numbers === undefined) {
    return fc.array(TEXTS.get(type)!, exactly).map((entries) =>
      bytesColumn(
        type,
        entries.map((entry, row) => (valid?.[row] === 0 ? "" : entry)),
        valid,
      ),
    );
  }
  return fc.array(numbers, exactly).map((entries) => {
    const values = fixedValues(type, rowCount);
    for (const [row, entry] of entries.entries()) if (valid?.[row] !== 0) values[row] = entry;
    return { kind: "fixed", type, values, valid };
  });
}

interface Sent {
  readonly column: Column;
  readonly nullable: boolean;
}

const sent: fc.Arbitrary<Sent> = fc
  .record({
    type: fc.constantFrom<DataType>(...NUMBERS.keys(), ...TEXTS.keys(), DataType.Array, DataType.Array),
    elementType: fc.constantFrom<DataType>(...ELEMENTS),
    nullable: fc.boolean(),
    lengths: fc.array(fc.tuple(fc.nat(5), fc.nat(1)), { minLength: 1, maxLength: 12 }),
  })
  .chain(({ type, elementType, nullable, lengths }): fc.Arbitrary<Sent> => {
    const rowCount = lengths.length;
    const valid = nullable ? Uint8Array.from(lengths, ([, flag]) => flag) : null;
    if (type !== DataType.Array) return columnOf(type, rowCount, valid).map((column) => ({ column, nullable }));
    const offsets = new Uint32Array(rowCount + 1);
    for (const [row, [length]] of lengths.entries())
      offsets[row + 1] = offsets[row]! + (valid?.[row] === 0 ? 0 : length);
    return columnOf(elementType, offsets[rowCount]!, null).map((elements) => ({
      column: { kind: "array", type, elementType, offsets, elements, valid },
      nullable,
    }));
  });

test("property: wire → column → log → segment → file → wire", async () => {
  await fc.assert(
    fc.asyncProperty(sent, async ({ column, nullable }) => {
      const rowCount = columnRows(column);
      const elementType = column.kind === "array" ? column.elementType : DataType.None;
      const typeParams = [{ key: "max_capacity", value: "5" }];
      const field = fieldSchema({
        fieldId: FIELD,
        name: "f",
        dataType: column.type,
        elementType,
        nullable,
        typeParams,
        maxLengthBytes: 100,
      });
      const schema = collectionSchema([
        fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true, name: "id" }),
        field,
      ]);
      const onTheWire = (stored: Column): Uint8Array => encodeFieldData(outputField(field, stored)).finish();
      const keys = int64Keys(Array.from({ length: rowCount }, (_, row) => BigInt(row)));
      const key = { name: "id", fieldId: 100n, isDynamic: false, column: keys };
      const expected = onTheWire(column);
      const inputs = [encodeFieldData(key).finish(), expected.slice()].map((bytes) =>
        decodeFieldData(new WireReader(bytes)),
      );
      const read = await readTexts({ schema, properties: [] }, inputs, null);
      const checked = await checkedColumns(schema, read, rowCount, true, kernel);
      const same = (where: string, seen: Column): void => assert.deepEqual(onTheWire(seen), expected, where);
      same("the column that was checked", checked.get(FIELD)!);

      const batch = decodeBatch(new Uint8Array(Buffer.concat(encodeBatch({ rowCount, columns: checked }))));
      const growing = growableColumn(field);
      growing.append(batch.columns.get(FIELD)!);
      same("the segment", growing.view());

      const store = new MapStore();
      const source = {
        rowCount,
        timestamps: new BigUint64Array(rowCount).fill(7n),
        rowIds: BigInt64Array.from({ length: rowCount }, (_, row) => BigInt(row)),
        column: async (fieldId: bigint) => (fieldId === FIELD ? growing.view() : keys),
      };
      const manifest = await writeSegment(store, runtime, descriptorOf(schema), source);
      same("the file", await segmentFiles(store, runtime, manifest).readScalar(FIELD));
    }),
    { numRuns: 400 },
  );
});
