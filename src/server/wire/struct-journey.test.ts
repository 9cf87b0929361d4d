/** Arrays of structs from the wire to columns, to the log, to a segment, to a file, and back to the wire: the same. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../../base/host/system.ts";
import { TwinKernel } from "../../kernel/twin/twin.ts";
import { decodeBatch, encodeBatch } from "../../model/batch-codec.ts";
import { type ArrayColumn, type Column, type ElementColumn, bytesColumn } from "../../model/columns.ts";
import type { CollectionSchema, FieldSchema } from "../../model/schema.ts";
import { DataType } from "../../model/types.ts";
import { vectorStride, vectorValues } from "../../model/vectors.ts";
import { withoutStructs } from "../../proxy/input-structs.ts";
import { checkedColumns } from "../../proxy/input.ts";
import { outputFields, planOutput } from "../../proxy/output.ts";
import { UTC_TEXTS } from "../../proxy/shown-times.ts";
import { createFieldVectors } from "../../segment/create-field-vectors.ts";
import { growableColumn } from "../../segment/growable-column.ts";
import { segmentFiles } from "../../storage/segment-reader.ts";
import { writeSegment } from "../../storage/segment-writer.ts";
import { MapStore } from "../../storage/testing/map-store.ts";
import { collectionSchema, descriptorOf, fieldSchema, int64Keys } from "../../storage/testing/random-segment.ts";
import { decodeFieldData, encodeFieldData } from "./field-data.ts";
import { WireReader } from "./reader.ts";

const runtime = new SystemRuntime();
const kernel = new TwinKernel(runtime, null);
const DIMENSION = 8;
const VECTORS = [
  DataType.FloatVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.Int8Vector,
  DataType.BinaryVector,
] as const;
const ELEMENTS = [DataType.Int64, DataType.VarChar, ...VECTORS];

/** Of numbers from 0 to 63: no type has trouble with them, and no bits of them are NaN. */
function elementsOf(type: DataType, numbers: readonly number[]): ElementColumn {
  if (type === DataType.VarChar)
    return bytesColumn(
      type,
      numbers.map((number) => "é".repeat(number % 5)),
    );
  if (type === DataType.Int64) {
    return { kind: "fixed", type, values: BigInt64Array.from(numbers, BigInt), valid: null };
  }
  const stride = vectorStride(type, DIMENSION);
  const values = vectorValues(type, numbers.length * stride);
  for (const [at, number] of numbers.entries()) values.fill(number, at * stride, (at + 1) * stride);
  return { kind: "vector", type, dimension: DIMENSION, values, valid: null };
}

function schemaOf(nullable: boolean): CollectionSchema {
  const subFields = ELEMENTS.map((elementType, at) => {
    const isVector = (VECTORS as readonly DataType[]).includes(elementType);
    return fieldSchema({
      fieldId: BigInt(102 + at),
      name: `s[f${at}]`,
      dataType: isVector ? DataType.ArrayOfVector : DataType.Array,
      elementType,
      nullable,
      typeParams: [{ key: "max_capacity", value: "5" }],
      dimension: isVector ? DIMENSION : 0,
      maxLengthBytes: 100,
    });
  });
  const key = fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true, name: "id" });
  const fieldIds = subFields.map(({ fieldId }) => fieldId);
  const struct = { fieldId: 101n, name: "s", description: "", nullable, typeParams: [], fieldIds };
  return { ...collectionSchema([key, ...subFields]), structs: [struct] };
}

async function throughSegment(field: FieldSchema, column: Column): Promise<Column> {
  if (field.dataType === DataType.Array) {
    const growing = growableColumn(field);
    growing.append(column);
    return growing.view();
  }
  const rowCount = (column as ArrayColumn).offsets.length - 1;
  const vectors = createFieldVectors(kernel, field);
  try {
    for (let row = 0; row < rowCount; row += 1) vectors.append(column, row, row + 1);
    assert.equal(vectors.rowCount, rowCount);
    return await vectors.take(
      Uint32Array.from({ length: rowCount }, (_, row) => row),
      column.valid,
    );
  } finally {
    vectors.close();
  }
}

const rows = fc.array(fc.record({ isThere: fc.boolean(), numbers: fc.array(fc.nat(63), { maxLength: 5 }) }), {
  minLength: 1,
  maxLength: 10,
});

test("property: wire → columns → log → segment → file → wire", async () => {
  await fc.assert(
    fc.asyncProperty(rows, fc.boolean(), async (given, nullable) => {
      const rowCount = given.length;
      const schema = schemaOf(nullable);
      const valid = nullable ? Uint8Array.from(given, ({ isThere }) => (isThere ? 1 : 0)) : null;
      const numbers = given.map((row) => (nullable && !row.isThere ? [] : row.numbers));
      const offsets = new Uint32Array(rowCount + 1);
      for (const [row, own] of numbers.entries()) offsets[row + 1] = offsets[row]! + own.length;
      const columns = new Map<bigint, Column>([[100n, int64Keys(given.map((_, row) => BigInt(row)))]]);
      for (const { fieldId, dataType: type, elementType } of schema.fields.slice(1)) {
        const elements = elementsOf(elementType, numbers.flat());
        columns.set(fieldId, { kind: "array", type, elementType, offsets, elements, valid });
      }
      const plan = planOutput(schema, ["*"], true);
      assert.deepEqual(plan.names, ["id", "s"]);
      const onTheWire = (stored: Map<bigint, Column>): Uint8Array[] =>
        outputFields(plan, { rowCount, columns: stored }, UTC_TEXTS).map((field) => encodeFieldData(field).finish());
      const expected = onTheWire(columns);
      const same = (where: string, seen: Map<bigint, Column>): void =>
        assert.deepEqual(onTheWire(seen), expected, where);

      const inputs = expected.map((bytes) => decodeFieldData(new WireReader(bytes.slice())));
      assert.deepEqual(
        inputs.map(({ fieldName }) => fieldName),
        ["id", "s"],
      );
      const checked = await checkedColumns(schema, withoutStructs(schema, inputs), rowCount, true, kernel);
      same("the columns that were checked", checked);

      const batch = decodeBatch(new Uint8Array(Buffer.concat(encodeBatch({ rowCount, columns: checked }))));
      const growing = new Map(batch.columns);
      for (const field of schema.fields.slice(1)) {
        growing.set(field.fieldId, await throughSegment(field, growing.get(field.fieldId)!));
      }
      same("the segment", growing);

      const store = new MapStore();
      const source = {
        rowCount,
        timestamps: new BigUint64Array(rowCount).fill(7n),
        rowIds: BigInt64Array.from({ length: rowCount }, (_, row) => BigInt(row)),
        column: async (fieldId: bigint) => growing.get(fieldId)!,
      };
      const manifest = await writeSegment(store, runtime, descriptorOf(schema), source);
      const fieldIds = schema.fields.slice(1).map(({ fieldId }) => fieldId);
      const read = new Map(await segmentFiles(store, runtime, manifest).readScalars(fieldIds));
      same("the file", read.set(100n, columns.get(100n)!));
    }),
    { numRuns: 200 },
  );
});
