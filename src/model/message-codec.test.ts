import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MilvusError } from "../base/errors.ts";
import { decodeBatch, encodeBatch } from "./batch-codec.ts";
import {
  type Column,
  type ColumnBatch,
  type ElementColumn,
  type KeyColumn,
  bytesColumn,
  fixedValues,
  isBytesType,
} from "./columns.ts";
import { type LogMessages, type Message, MessageType } from "./message.ts";
import { decodeRecord, encodeMessages, encodeRecord } from "./message-codec.ts";
import { DataType } from "./types.ts";
import { bytesOfVectors, isDenseVectorType, vectorStride, vectorValues } from "./vectors.ts";

const HEAD = {
  channel: "dml_0_7v0",
  timeTick: 5n,
  confirmed: 3n,
  lastConfirmed: 2n,
  transactionId: 0n,
  idempotencyKey: "k",
};

function encode(messages: readonly Message[], head: Omit<LogMessages, "messages"> = HEAD): Uint8Array {
  return new Uint8Array(Buffer.concat(encodeRecord(head, encodeMessages(messages))));
}

/** Groups of 16 bytes, so that a change of the format is a change of few lines. */
function hex(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString("hex");
  return text.match(/.{1,32}/g) ?? [];
}

function keys(...values: bigint[]): KeyColumn {
  return { kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(values), valid: null };
}

const INSERT: Message = {
  type: MessageType.Insert,
  collectionId: 7n,
  partitionId: 8n,
  segmentId: 9n,
  schemaVersion: 1,
  rowIds: BigInt64Array.of(1n, 2n),
  batch: {
    rowCount: 2,
    columns: new Map<bigint, Column>([
      [100n, keys(-1n, 258n)],
      [101n, bytesColumn(DataType.VarChar, ["a", "bcd"], Uint8Array.of(1, 0))],
      [102n, { kind: "vector", type: DataType.FloatVector, dimension: 1, values: Float32Array.of(1, -2), valid: null }],
    ]),
  },
};
const DELETE: Message = {
  type: MessageType.Delete,
  collectionId: 7n,
  partitionId: -1n,
  upperBound: 4n,
  keys: bytesColumn(DataType.VarChar, ["pk"]),
};
const DROP: Message = { type: MessageType.DropCollection, collectionId: 7n };

describe("log records", () => {
  test("golden: an insert", () => {
    assert.deepEqual(hex(encode([INSERT])), GOLDEN_INSERT);
  });

  test("golden: a delete", () => {
    assert.deepEqual(hex(encode([DELETE])), GOLDEN_DELETE);
  });

  test("golden: a change of what exists", () => {
    assert.deepEqual(hex(encode([DROP])), GOLDEN_DROP);
  });

  test("what was encoded is decoded, wherever the bytes lie", () => {
    const bytes = encode([DELETE, INSERT, DROP]);
    for (let offset = 0; offset < 9; offset += 1) {
      const pool = Buffer.alloc(bytes.length + offset, 0xff);
      pool.set(bytes, offset);
      assert.deepEqual(decodeRecord(pool.subarray(offset)), { ...HEAD, messages: [DELETE, INSERT, DROP] });
    }
  });

  test("a record that is cut short anywhere is an error that says so", () => {
    const bytes = encode([DELETE, INSERT, DROP]);
    for (let length = 0; length < bytes.length - 8; length += 1) {
      assert.throws(
        () => decodeRecord(bytes.slice(0, length)),
        (error: unknown) => error instanceof MilvusError && error.kind === "DataIntegrity",
        `cut at ${length}`,
      );
    }
  });

  test("another magic or version is refused", () => {
    for (const [at, pattern] of [
      [0, /does not begin like one/],
      [1, /format 7/],
    ] as const) {
      const bytes = encode([DROP]);
      bytes[at] = 7;
      assert.throws(() => decodeRecord(bytes), pattern);
    }
  });
});

const FIXED = [
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Timestamptz,
  DataType.Float,
  DataType.Double,
] as const;
const BYTES = [DataType.VarChar, DataType.JSON, DataType.String, DataType.Text, DataType.SparseFloatVector] as const;
const VECTORS = [
  DataType.FloatVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.Int8Vector,
  DataType.BinaryVector,
] as const;

function columnOf(type: DataType, rowCount: number, dice: fc.Random, hasNulls: boolean): Column {
  const valid = hasNulls ? Uint8Array.from({ length: rowCount }, () => dice.nextInt(0, 1)) : null;
  if (type === DataType.Array || type === DataType.ArrayOfVector) {
    const offsets = new Uint32Array(rowCount + 1);
    for (let row = 0; row < rowCount; row += 1) {
      offsets[row + 1] = offsets[row]! + (valid !== null && valid[row] === 0 ? 0 : dice.nextInt(0, 4));
    }
    const types = type === DataType.Array ? [...FIXED, DataType.VarChar] : VECTORS;
    const elementType = types[dice.nextInt(0, types.length - 1)]!;
    const elements = columnOf(elementType, offsets[rowCount]!, dice, false) as ElementColumn;
    return { kind: "array", type, elementType, offsets, elements, valid };
  }
  const byte = (): number => dice.nextInt(0, 255);
  if (isBytesType(type)) {
    const entries = Array.from({ length: rowCount }, () => Uint8Array.from({ length: dice.nextInt(0, 20) }, byte));
    return bytesColumn(type, entries, valid);
  }
  if (isDenseVectorType(type)) {
    const dimension = dice.nextInt(1, 9) * (type === DataType.BinaryVector ? 8 : 1);
    const values = vectorValues(type, rowCount * vectorStride(type, dimension));
    bytesOfVectors(values).forEach((_, at, bytes) => (bytes[at] = byte()));
    return { kind: "vector", type, dimension, values, valid };
  }
  const values = fixedValues(type, rowCount);
  const view = new Uint8Array(values.buffer);
  for (let at = 0; at < view.length; at += 1) view[at] = byte();
  return { kind: "fixed", type, values, valid };
}

interface RandomBatch {
  readonly batch: ColumnBatch;
}

const randomBatch = fc
  .tuple(
    fc.integer({ min: 0, max: 20 }),
    fc.array(
      fc.tuple(
        fc.constantFrom<DataType>(...FIXED, ...BYTES, ...VECTORS, DataType.Array, DataType.ArrayOfVector),
        fc.boolean(),
      ),
      { maxLength: 6 },
    ),
    fc.noShrink(fc.infiniteStream(fc.integer())),
  )
  .map(([rowCount, shapes, stream]): RandomBatch => {
    const numbers = stream[Symbol.iterator]();
    const dice = {
      nextInt: (low: number, high: number): number =>
        low + (Math.abs(numbers.next().value as number) % (high - low + 1)),
    } as unknown as fc.Random;
    const columns = shapes.map(
      ([type, hasNulls], at) => [BigInt(100 + at), columnOf(type, rowCount, dice, hasNulls)] as const,
    );
    return { batch: { rowCount, columns: new Map(columns) } };
  });

/** By bytes, so that every NaN counts. */
function shown({ rowCount, columns }: ColumnBatch): unknown {
  return [rowCount, ...[...columns].map(([fieldId, column]) => [fieldId, shownColumn(column)])];
}

function shownColumn(column: Column): unknown {
  const raw = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string =>
    Buffer.from(buffer, byteOffset, byteLength).toString("hex");
  const common = [column.kind, column.type, column.valid === null ? null : raw(column.valid)];
  switch (column.kind) {
    case "fixed":
      return [...common, raw(column.values)];
    case "bytes":
      return [...common, raw(column.offsets), raw(column.bytes)];
    case "vector":
      return [...common, column.dimension, raw(column.values)];
    case "array":
      return [...common, column.elementType, raw(column.offsets), shownColumn(column.elements)];
  }
}

describe("batches of columns", () => {
  test("property: every kind of column comes back as it was", () => {
    fc.assert(
      fc.property(randomBatch, ({ batch }) => {
        const bytes = new Uint8Array(Buffer.concat(encodeBatch(batch)));
        assert.deepEqual(shown(decodeBatch(bytes)), shown(batch));
      }),
    );
  });

  test("property: bytes that end too early are an error of integrity, nothing worse", () => {
    fc.assert(
      fc.property(randomBatch, fc.double({ min: 0, max: 0.999, noNaN: true }), ({ batch }, share) => {
        const bytes = new Uint8Array(Buffer.concat(encodeBatch(batch)));
        try {
          decodeBatch(bytes.slice(0, Math.floor(bytes.length * share)));
        } catch (error) {
          assert.ok(error instanceof MilvusError && error.kind === "DataIntegrity", String(error));
        }
      }),
    );
  });
});

const GOLDEN_INSERT: readonly string[] = [
  "e1010100090000000500000000000000",
  "03000000000000000200000000000000",
  "00000000000000000100000000000000",
  "646d6c5f305f3776306b000000000000",
  "020000006c000000b000000000000000",
  "7b22636f6c6c656374696f6e4964223a",
  "7b2224696e74223a2237227d2c227061",
  "72746974696f6e4964223a7b2224696e",
  "74223a2238227d2c227365676d656e74",
  "4964223a7b2224696e74223a2239227d",
  "2c22736368656d6156657273696f6e22",
  "3a312c22726f7773223a327d00000000",
  "01000000000000000200000000000000",
  "02000000030000006400000000000000",
  "00050000000000001000000000000000",
  "0000000000000000ffffffffffffffff",
  "02010000000000006500000000000000",
  "01150100000000000c00000000000000",
  "04000000000000000100000000000000",
  "00000000010000000400000000000000",
  "61626364000000006600000000000000",
  "02650000010000000800000000000000",
  "00000000000000000000803f000000c0",
];
const GOLDEN_DELETE: readonly string[] = [
  "e1010100090000000500000000000000",
  "03000000000000000200000000000000",
  "00000000000000000100000000000000",
  "646d6c5f305f3776306b000000000000",
  "03000000530000003800000000000000",
  "7b22636f6c6c656374696f6e4964223a",
  "7b2224696e74223a2237227d2c227061",
  "72746974696f6e4964223a7b2224696e",
  "74223a222d31227d2c22757070657242",
  "6f756e64223a7b2224696e74223a2234",
  "227d7d00000000000100000001000000",
  "00000000000000000115000000000000",
  "08000000000000000200000000000000",
  "0000000002000000706b000000000000",
];
const GOLDEN_DROP: readonly string[] = [
  "e1010100090000000500000000000000",
  "03000000000000000200000000000000",
  "00000000000000000100000000000000",
  "646d6c5f305f3776306b000000000000",
  "060000001d0000000000000000000000",
  "7b22636f6c6c656374696f6e4964223a",
  "7b2224696e74223a2237227d7d000000",
];
