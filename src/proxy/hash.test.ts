import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesColumn, type KeyColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { bucketsOf } from "./hash.ts";

function int64(values: readonly bigint[]): KeyColumn {
  return { kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(values), valid: null };
}

// Computed with the Python package mmh3 (seed 0, little-endian bytes, without the sign bit, modulo 16).
test("int64 keys go where Murmur3 puts them", () => {
  const keys = int64([0n, 1n, -1n, 100n, 2n ** 40n + 7n, -(2n ** 63n), 2n ** 63n - 1n]);
  assert.deepEqual([...bucketsOf(keys, 16)], [12, 4, 8, 0, 2, 5, 15]);
});

// Computed with Python's zlib.crc32, modulo 16.
test("text keys go where CRC-32 of their first hundred bytes puts them", () => {
  const keys = bytesColumn(DataType.VarChar, ["", "a", "é", "x".repeat(150)]);
  assert.deepEqual([...bucketsOf(keys, 16)], [0, 3, 14, 15]);
  assert.deepEqual(bucketsOf(bytesColumn(DataType.VarChar, ["x".repeat(100)]), 16)[0], 15);
});

test("a column that does not start at the beginning of its buffer hashes the same", () => {
  const buffer = BigInt64Array.of(9n, 1n, 100n);
  const keys: KeyColumn = { kind: "fixed", type: DataType.Int64, values: buffer.subarray(1), valid: null };
  assert.deepEqual([...bucketsOf(keys, 16)], [4, 0]);
});
