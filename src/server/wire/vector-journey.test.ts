/** Vectors of every type from the wire to a column, to the log, to a file, and back to the wire: the same, bit by bit, with nulls. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../../base/host/system.ts";
import { TwinKernel } from "../../kernel/twin/twin.ts";
import { decodeBatch, encodeBatch } from "../../model/batch-codec.ts";
import { type Column, bytesColumn } from "../../model/columns.ts";
import { sparseColumn, sparseEntry } from "../../model/sparse.ts";
import { DataType } from "../../model/types.ts";
import { isDenseVectorType, vectorRowBytes, viewedVectors } from "../../model/vectors.ts";
import { checkedColumns } from "../../proxy/input.ts";
import { createFieldVectors } from "../../segment/create-field-vectors.ts";
import { segmentFiles } from "../../storage/segment-reader.ts";
import { writeSegment } from "../../storage/segment-writer.ts";
import { MapStore } from "../../storage/testing/map-store.ts";
import { collectionSchema, descriptorOf, fieldSchema, int64Keys } from "../../storage/testing/random-segment.ts";
import { decodeFieldData, encodeFieldData } from "./field-data.ts";
import { WireReader } from "./reader.ts";

const runtime = new SystemRuntime();
const kernel = new TwinKernel(runtime, null);
const FIELD = 101n;

const DENSE = [
  DataType.FloatVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.Int8Vector,
  DataType.BinaryVector,
] as const;

interface Sent {
  readonly type: DataType;
  readonly dimension: number;
  readonly nullable: boolean;
  readonly column: Column;
}

const validity = (rowCount: number): fc.Arbitrary<Uint8Array> =>
  fc.array(fc.nat(1), { minLength: rowCount, maxLength: rowCount }).map((flags) => Uint8Array.from(flags));

/** Finite: what is no number is refused. */
function finite(type: DataType, raw: Uint8Array): Uint8Array {
  const exponents = { [DataType.FloatVector]: 4, [DataType.Float16Vector]: 2, [DataType.BFloat16Vector]: 2 };
  const width = (exponents as Record<number, number>)[type];
  if (width === undefined) return raw;
  // The lowest bit of every exponent is 0, so that none is full.
  const mask = type === DataType.Float16Vector ? [1, 0xfb] : width === 4 ? [2, 0x7f] : [0, 0x7f];
  for (let at = 0; at < raw.length; at += width) raw[at + mask[0]!]! &= mask[1]!;
  return raw;
}

const dense: fc.Arbitrary<Sent> = fc
  .record({
    type: fc.constantFrom(...DENSE),
    size: fc.integer({ min: 2, max: 9 }),
    rowCount: fc.integer({ min: 1, max: 12 }),
    nullable: fc.boolean(),
  })
  .chain(({ type, size, rowCount, nullable }) => {
    const dimension = type === DataType.BinaryVector ? size * 8 : size;
    const rowBytes = vectorRowBytes(type, dimension);
    const bytes = fc.uint8Array({ minLength: rowCount * rowBytes, maxLength: rowCount * rowBytes });
    return fc.tuple(bytes, validity(rowCount)).map(([raw, flags]): Sent => {
      const own = finite(type, new Uint8Array(raw));
      const valid = nullable ? flags : null;
      for (let row = 0; row < rowCount; row += 1) {
        if (valid?.[row] === 0) own.fill(0, row * rowBytes, (row + 1) * rowBytes);
      }
      const column = { kind: "vector", type, dimension, values: viewedVectors(type, own), valid } as const;
      return { type, dimension, nullable, column };
    });
  });

const pairs = fc.array(fc.tuple(fc.nat(0xffff_fffe), fc.float({ min: 0, noNaN: true, noDefaultInfinity: true })), {
  maxLength: 5,
});

const sparse: fc.Arbitrary<Sent> = fc
  .record({ rows: fc.array(pairs, { minLength: 1, maxLength: 12 }), nullable: fc.boolean() })
  .chain(({ rows, nullable }) =>
    validity(rows.length).map((flags): Sent => {
      const valid = nullable ? flags : null;
      const entries = rows.map((row, at) => {
        const sorted = [...new Map(valid?.[at] === 0 ? [] : row)].toSorted(([left], [right]) => left - right);
        return sparseEntry(
          sorted.map(([index]) => index),
          sorted.map(([, value]) => value),
        );
      });
      return { type: DataType.SparseFloatVector, dimension: 0, nullable, column: sparseColumn(entries, valid) };
    }),
  );

function onTheWire(column: Column): Uint8Array {
  return encodeFieldData({ name: "v", fieldId: FIELD, isDynamic: false, column }).finish();
}

/** Nullable fields always say which rows there are. */
function told(column: Column, rowCount: number, nullable: boolean): Column {
  return nullable && column.valid === null ? { ...column, valid: new Uint8Array(rowCount).fill(1) } : column;
}

test("property: wire → column → log → segment → file → wire", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(dense, sparse), fc.boolean(), async ({ type, dimension, nullable, column }, inPlace) => {
      const rowCount = column.valid?.length ?? rowsOf(column);
      const sent = onTheWire(column);
      const schema = collectionSchema([
        fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true, name: "id" }),
        fieldSchema({ fieldId: FIELD, dataType: type, dimension, nullable, name: "v" }),
      ]);
      const keys = int64Keys(Array.from({ length: rowCount }, (_, row) => BigInt(row)));
      const id = decodeFieldData(
        new WireReader(encodeFieldData({ name: "id", fieldId: 100n, isDynamic: false, column: keys }).finish()),
      );
      const input = decodeFieldData(new WireReader(sent.slice()), inPlace);
      const checked = await checkedColumns(schema, [id, input], rowCount, true, kernel);
      const same = (where: string, seen: Column): void => {
        assert.deepEqual(onTheWire(told(seen, rowCount, nullable)), sent, where);
      };
      same("the column that was checked", checked.get(FIELD)!);

      const batch = decodeBatch(new Uint8Array(Buffer.concat(encodeBatch({ rowCount, columns: checked }))));
      const logged = batch.columns.get(FIELD)!;
      same("the log", logged);

      const vectors = createFieldVectors(kernel, schema.fields[1]!);
      const half = Math.floor(rowCount / 2);
      vectors.append(logged, 0, half);
      vectors.append(logged, half, rowCount);
      const every = Uint32Array.from({ length: rowCount }, (_, row) => row);
      const taken = await vectors.take(every, logged.valid, async () => {});
      vectors.close();
      same("the segment", taken);

      const store = new MapStore();
      const source = {
        rowCount,
        timestamps: new BigUint64Array(rowCount).fill(7n),
        rowIds: BigInt64Array.from({ length: rowCount }, (_, row) => BigInt(row)),
        column: async (fieldId: bigint) => (fieldId === FIELD ? taken : keys),
      };
      const manifest = await writeSegment(store, runtime, descriptorOf(schema), source);
      const files = segmentFiles(store, runtime, manifest);
      same("the file", isDenseVectorType(type) ? await files.readVector(FIELD) : await files.readScalar(FIELD));
    }),
    { numRuns: 300 },
  );
  assert.equal(kernel.openHandles(), 0);
});

function rowsOf(column: Column): number {
  if (column.kind === "bytes") return column.offsets.length - 1;
  assert.ok(column.kind === "vector");
  return column.values.byteLength / vectorRowBytes(column.type, column.dimension);
}

test("what the sender of a nullable field put into rows that are null is not kept", async () => {
  const schema = collectionSchema([
    fieldSchema({ fieldId: 100n, dataType: DataType.Int64, isPrimaryKey: true, name: "id" }),
    fieldSchema({ fieldId: FIELD, dataType: DataType.SparseFloatVector, nullable: true, name: "v" }),
  ]);
  const entry = sparseEntry([1], [1]);
  const { offsets, bytes } = bytesColumn(DataType.SparseFloatVector, [entry, entry, entry]);
  const base = { isDynamic: false, unsupported: false, rowCount: 3 };
  const checked = await checkedColumns(
    schema,
    [
      {
        ...base,
        type: DataType.Int64,
        fieldName: "id",
        valid: null,
        column: { kind: "fixed", values: BigInt64Array.of(1n, 2n, 3n) },
      },
      {
        ...base,
        type: DataType.SparseFloatVector,
        fieldName: "v",
        valid: Uint8Array.of(1, 0, 1),
        column: { kind: "sparse", dimension: 2, offsets, bytes },
      },
    ],
    3,
    true,
    kernel,
  );
  assert.deepEqual(checked.get(FIELD), sparseColumn([entry, new Uint8Array(), entry], Uint8Array.of(1, 0, 1)));
});
