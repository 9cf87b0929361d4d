import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { type Column, bytesColumn } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import * as arbitrary from "./testing/arbitrary.ts";
import { decodeFieldData, encodeFieldData } from "./field-data.ts";
import { FieldDataSchema } from "./generated/schema_pb.js";
import { WireReader } from "./reader.ts";
import { WireError } from "./wire-error.ts";
import { encodeMessage } from "./control.ts";
import { assertSameField, joined, plainOfOracle, plainResult } from "./testing/oracle.ts";

describe("FieldData", () => {
  test("is read as the generated code writes it", () => {
    fc.assert(
      fc.property(arbitrary.fieldData, (init) => {
        const bytes = encodeMessage(FieldDataSchema, init);
        assertSameField(decodeFieldData(new WireReader(bytes)), bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test("is merged like a protobuf when it comes in parts", () => {
    fc.assert(
      fc.property(arbitrary.fieldData, arbitrary.fieldData, (first, second) => {
        const bytes = joined([encodeMessage(FieldDataSchema, first), encodeMessage(FieldDataSchema, second)]);
        assertSameField(decodeFieldData(new WireReader(bytes)), bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test("is read from any place in a larger buffer", () => {
    fc.assert(
      fc.property(arbitrary.fieldData, fc.nat(9), (init, shift) => {
        const bytes = encodeMessage(FieldDataSchema, init);
        const buffer = Buffer.concat([Buffer.alloc(shift, 0xff), bytes, Buffer.alloc(3, 0xff)]);
        assertSameField(decodeFieldData(new WireReader(buffer, shift, shift + bytes.length)), bytes);
      }),
      { numRuns: 300 },
    );
  });

  test("is read unpacked as well as packed", () => {
    const floats = new BinaryWriter()
      .tag(1, 5)
      .float(1.5)
      .tag(1, 2)
      .fork()
      .float(2.5)
      .float(-3)
      .join()
      .tag(1, 5)
      .float(4);
    const vectors = new BinaryWriter().tag(1, 0).int64(2).tag(2, 2).bytes(floats.finish());
    const vector = decodeFieldData(new WireReader(new BinaryWriter().tag(4, 2).bytes(vectors.finish()).finish()));
    assert.deepEqual(vector.column, {
      kind: "vector",
      type: DataType.FloatVector,
      dimension: 2,
      values: Float32Array.of(1.5, 2.5, -3, 4),
    });
    assert.equal(vector.rowCount, 2);
    const longs = new BinaryWriter()
      .tag(1, 0)
      .int64(-1n)
      .tag(1, 2)
      .fork()
      .int64(300)
      .int64(2n ** 40n)
      .join()
      .tag(1, 0)
      .int64(7);
    const scalars = new BinaryWriter().tag(3, 2).bytes(longs.finish());
    const bytes = new BinaryWriter()
      .tag(7, 0)
      .bool(true)
      .tag(3, 2)
      .bytes(scalars.finish())
      .tag(7, 0)
      .bool(false)
      .finish();
    const long = decodeFieldData(new WireReader(bytes));
    assert.deepEqual(long.column, { kind: "fixed", values: BigInt64Array.of(-1n, 300n, 2n ** 40n, 7n) });
    assert.deepEqual(long.valid, Uint8Array.of(1, 0));
  });

  test("reads any bool that is not zero as true, in any number of bytes", () => {
    const run = (...bytes: number[]): Uint8Array => {
      const array = new BinaryWriter().tag(1, 2).bytes(Uint8Array.from(bytes)).finish();
      return new BinaryWriter().tag(3, 2).bytes(new BinaryWriter().tag(1, 2).bytes(array).finish()).finish();
    };
    const values = (...bytes: number[]): unknown => {
      const { column } = decodeFieldData(new WireReader(run(...bytes)));
      assert.ok(column?.kind === "fixed");
      return Array.from(column.values as Uint8Array);
    };
    assert.deepEqual(values(0, 5, 1, 127), [0, 1, 1, 1]);
    assert.deepEqual(values(0x80, 0x00, 0x80, 0x80, 0x01, 1), [0, 1, 1]);
    assert.deepEqual(values(0x80, 0x80, 0x80, 0x80, 0x80, 0x01), [1]);
  });

  test("views floats in place when they are aligned", () => {
    const init = {
      field: {
        case: "vectors" as const,
        value: { dim: 2n, data: { case: "floatVector" as const, value: { data: [1, 2, 3, 4] } } },
      },
    };
    const bytes = encodeMessage(FieldDataSchema, init);
    const runLength = 16;
    for (let shift = 0; shift < 4; shift += 1) {
      const buffer = new Uint8Array(shift + bytes.length);
      buffer.set(bytes, shift);
      const { column } = decodeFieldData(new WireReader(buffer, shift));
      assert.ok(column?.kind === "vector");
      assert.deepEqual([...column.values], [1, 2, 3, 4]);
      const start = shift + bytes.length - runLength;
      assert.equal(column.values.buffer === buffer.buffer, start % 4 === 0, `run at ${start}`);
    }
  });

  test("moves floats over their own head to where they are aligned, when nobody reads the message again", () => {
    const data = Array.from({ length: 300 }, (_, at) => at - 7.5);
    const vector = { dim: 3n, data: { case: "floatVector" as const, value: { data } } };
    const valid = [true, false, true];
    const init = { fieldName: "v", fieldId: 9n, validData: valid, field: { case: "vectors" as const, value: vector } };
    const bytes = encodeMessage(FieldDataSchema, init);
    for (let shift = 0; shift < 4; shift += 1) {
      const buffer = new Uint8Array(shift + bytes.length);
      buffer.set(bytes, shift);
      const field = decodeFieldData(new WireReader(buffer, shift), true);
      assert.ok(field.column?.kind === "vector");
      assert.deepEqual([...field.column.values], data);
      assert.equal(field.column.values.buffer, buffer.buffer);
      assert.deepEqual([field.fieldName, field.fieldId, [...field.valid!]], ["v", 9n, [1, 0, 1]]);
    }
  });

  test("keeps a vector column that its dimension does not divide, for the caller to refuse", () => {
    const value = { dim: 3n, data: { case: "floatVector" as const, value: { data: [1, 2, 3, 4] } } };
    const field = decodeFieldData(
      new WireReader(encodeMessage(FieldDataSchema, { field: { case: "vectors", value } })),
    );
    assert.equal(field.rowCount, 1);
    assert.ok(field.column?.kind === "vector" && field.column.values.length === 4);
  });

  test("refuses strings that are no UTF-8, each by itself", () => {
    const strings = (...entries: readonly Uint8Array[]): Uint8Array => {
      const array = new BinaryWriter();
      for (const entry of entries) array.tag(1, 2).bytes(entry);
      return new BinaryWriter().tag(3, 2).bytes(new BinaryWriter().tag(6, 2).bytes(array.finish()).finish()).finish();
    };
    const whole = strings(Buffer.from("ü"), Buffer.from("\u{1f600}"));
    assert.equal(decodeFieldData(new WireReader(whole)).rowCount, 2);
    // Valid together, not apart.
    const halves = strings(Uint8Array.of(0xc3), Uint8Array.of(0xbc));
    assert.throws(() => decodeFieldData(new WireReader(halves)), WireError);
    const lone = strings(Buffer.from("a"), Uint8Array.of(0xff));
    assert.throws(() => decodeFieldData(new WireReader(lone)), /UTF-8/);
    const name = new BinaryWriter()
      .tag(2, 2)
      .bytes(Uint8Array.of(0xed, 0xa0, 0x80))
      .finish();
    assert.throws(() => decodeFieldData(new WireReader(name)), /UTF-8/);
  });

  test("is written as the generated code reads it", () => {
    fc.assert(
      fc.property(fc.nat(12).chain(arbitrary.resultField), (field) => {
        const oracle = plainOfOracle(fromBinary(FieldDataSchema, encodeFieldData(field).finish()));
        assert.equal(oracle.fieldName, field.name);
        assert.equal(oracle.fieldId, field.fieldId);
        assert.equal(oracle.isDynamic, field.isDynamic);
        assert.equal(oracle.type, field.column.type);
        assert.deepEqual(
          oracle.valid,
          Array.from(field.column.valid ?? [], (byte) => byte === 1),
        );
        assert.deepEqual(oracle.values, plainResult(field.column));
      }),
      { numRuns: 2000 },
    );
  });

  test("is written as the hand-written reader reads it, large columns too", () => {
    const rows = 5000;
    const columns: Column[] = [
      {
        kind: "fixed",
        type: DataType.Int64,
        values: BigInt64Array.from({ length: rows }, (_, row) => BigInt(row) ** 4n),
        valid: null,
      },
      {
        kind: "fixed",
        type: DataType.Double,
        values: Float64Array.from({ length: rows }, (_, row) => row / 3),
        valid: null,
      },
      {
        kind: "vector",
        type: DataType.FloatVector,
        dimension: 4,
        values: Float32Array.from({ length: rows * 4 }, Math.sqrt),
        valid: null,
      },
      bytesColumn(
        DataType.VarChar,
        Array.from({ length: rows }, (_, row) => "é".repeat(row % 70)),
      ),
    ];
    for (const column of columns) {
      const writer = encodeFieldData({ name: "f", fieldId: 100n, isDynamic: false, column });
      const bytes = joined(writer.pieces());
      assert.equal(bytes.length, writer.byteLength);
      const field = decodeFieldData(new WireReader(bytes));
      assert.equal(field.rowCount, rows);
      if (column.kind === "bytes") {
        assert.ok(field.column?.kind === "bytes");
        assert.deepEqual(field.column.offsets, column.offsets);
        assert.ok(Buffer.from(field.column.bytes).equals(column.bytes));
      } else {
        assert.ok(column.kind !== "array" && field.column !== null);
        const { column: read } = field;
        assert.ok(read.kind === "fixed" || read.kind === "vector");
        assert.deepEqual(read.values, column.values);
      }
    }
  });
});
