import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type VectorColumn, columnBytes, columnRows, concatColumns, takeRows } from "./columns.ts";
import { sparseColumn, sparseDimension, sparseEntry, sparseFault } from "./sparse.ts";
import { DataType } from "./types.ts";
import { vectorRowBytes, viewedVectors } from "./vectors.ts";

const TYPES = [
  [DataType.FloatVector, 8, 32],
  [DataType.Float16Vector, 8, 16],
  [DataType.BFloat16Vector, 8, 16],
  [DataType.Int8Vector, 8, 8],
  [DataType.BinaryVector, 16, 2],
] as const;

describe("dense vectors", () => {
  for (const [type, dimension, rowBytes] of TYPES) {
    test(`of type ${type} are taken and joined by whole rows`, () => {
      assert.equal(vectorRowBytes(type, dimension), rowBytes);
      const raw = Uint8Array.from({ length: 3 * rowBytes }, (_, at) => at);
      const valid = Uint8Array.of(1, 0, 1);
      const column: VectorColumn = { kind: "vector", type, dimension, values: viewedVectors(type, raw), valid };
      assert.equal(columnRows(column), 3);
      assert.equal(columnBytes(column), 3 * rowBytes + 3);
      const taken = takeRows(column, Uint32Array.of(2, 0)) as VectorColumn;
      assert.equal(taken.values.constructor, column.values.constructor);
      const bytes = new Uint8Array(taken.values.buffer);
      assert.deepEqual(bytes, Uint8Array.of(...raw.subarray(2 * rowBytes), ...raw.subarray(0, rowBytes)));
      const joined = concatColumns([taken, column]) as VectorColumn;
      assert.deepEqual(new Uint8Array(joined.values.buffer), Uint8Array.of(...bytes, ...raw));
      assert.deepEqual(joined.valid, Uint8Array.of(1, 1, 1, 0, 1));
    });
  }
});

describe("sparse vectors", () => {
  const fault = (entry: Uint8Array, negative: "allowed" | "refused" = "allowed"): unknown =>
    sparseFault(new DataView(entry.buffer), 0, entry.byteLength, { negative });

  test("have a dimension behind their largest index", () => {
    const column = sparseColumn([sparseEntry([1, 900], [1, 2]), sparseEntry([], []), sparseEntry([7], [1])]);
    assert.equal(columnRows(column), 3);
    assert.equal(sparseDimension(column), 901);
    assert.equal(sparseDimension(sparseColumn([sparseEntry([], [])])), 0);
  });

  test("are checked for order, range and values", () => {
    assert.equal(fault(sparseEntry([0, 5, 0xffff_fffe], [1, -2, 0])), null);
    assert.equal(fault(sparseEntry([], [])), null);
    assert.deepEqual(fault(new Uint8Array(7)), { kind: "length", bytes: 7 });
    assert.deepEqual(fault(sparseEntry([5, 5], [1, 1])), { kind: "order" });
    assert.deepEqual(fault(sparseEntry([5, 4], [1, 1])), { kind: "order" });
    assert.deepEqual(fault(sparseEntry([0xffff_ffff], [1])), { kind: "index", index: 0xffff_ffff });
    assert.deepEqual(fault(sparseEntry([1], [Infinity])), { kind: "value", value: Infinity });
    assert.deepEqual(fault(sparseEntry([1], [NaN])), { kind: "value", value: NaN });
    assert.deepEqual(fault(sparseEntry([1], [-1]), "refused"), { kind: "negative", value: -1 });
  });
});
