import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesColumn } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import { compareScalars, scalarAt, scalarColumn } from "../../model/scalars.ts";
import type { Constant } from "../../model/filter.ts";
import type { BytesColumn, FixedColumn } from "../../model/columns.ts";
import { Random } from "../../expr/testing/random.ts";
import { buildDictionary, entryCount, firstEntry } from "./dictionary.ts";

const POOLS: readonly (readonly [DataType, (random: Random) => Constant])[] = [
  [DataType.Bool, (random) => random.chance(0.5)],
  [DataType.Int8, (random) => BigInt(random.below(256) - 128)],
  [DataType.Int32, (random) => BigInt(random.below(2 ** 32) - 2 ** 31)],
  [
    DataType.Int64,
    (random) => random.pick([0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, BigInt(random.below(40))]),
  ],
  [DataType.Double, (random) => random.pick([0, -0, -1.5, Infinity, -Infinity, 5e-324, 1e308, random.next() * 8 - 4])],
  [DataType.Float, (random) => Math.fround(random.next() * 4 - 2)],
  [
    DataType.VarChar,
    (random) =>
      random.pick(["", "a", "abcdefgh", "abcdefghi", "abcdefgh\0", "\0", "zürich", "😀", "￿", `k${random.below(30)}`]),
  ],
];

for (const [type, draw] of POOLS) {
  test(`entries ascend and have exactly their rows: type ${type}`, () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const random = new Random(seed * 31 + type);
      const rowCount = seed === 19 ? 20_000 : random.pick([0, 1, 7, 500]);
      const nulls = random.pick([0, 0.2, 1]);
      const cells = Array.from({ length: rowCount }, () => (random.chance(nulls) ? null : draw(random)));
      const column = scalarColumn(type, cells) as FixedColumn | BytesColumn;
      const dictionary = buildDictionary(column);
      const expected = new Map<Constant, number[]>();
      for (const [row, cell] of cells.entries()) {
        if (cell === null) continue;
        // As the column holds it: -0 is 0.
        const key = typeof cell === "number" ? cell + 0 : cell;
        const rows = expected.get(key);
        if (rows === undefined) expected.set(key, [row]);
        else rows.push(row);
      }
      const values = [...expected.keys()].toSorted(compareScalars);
      assert.equal(entryCount(dictionary), values.length);
      for (const [entry, value] of values.entries()) {
        const rows = dictionary.rows.subarray(dictionary.starts[entry], dictionary.starts[entry + 1]);
        assert.deepEqual([...rows], expected.get(value));
        assert.equal(firstEntry(dictionary, value, false), entry);
        assert.equal(firstEntry(dictionary, value, true), entry + 1);
      }
      for (let probe = 0; probe < 10; probe += 1) {
        const value = draw(random);
        assert.equal(
          firstEntry(dictionary, value, false),
          values.filter((one) => compareScalars(one, value) < 0).length,
        );
      }
      if (rowCount > 0 && cells[0] !== null) assert.notEqual(scalarAt(column, 0), null);
    }
  });
}

test("a row with an array is among the rows of each of its elements once", () => {
  const elements = bytesColumn(DataType.VarChar, ["b", "a", "b", "c", "a"]);
  const dictionary = buildDictionary(elements, Uint32Array.of(0, 0, 0, 2, 2));
  assert.deepEqual([...dictionary.starts], [0, 2, 3, 4]);
  assert.deepEqual([...dictionary.rows], [0, 2, 0, 2]);
});
