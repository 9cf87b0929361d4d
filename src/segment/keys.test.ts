/** Key readers, the key table, sorting and order: against BigInt and Buffer comparison. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_ROW } from "../kernel/kernel.ts";
import { bytesAt, bytesColumn, type KeyColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { KeyOrder, MERGE_STEPS, SORT_ROWS, STEPS_A_TURN } from "./key-order.ts";
import { keyReader, type KeyReader } from "./key-reader.ts";
import { sortByKey } from "./key-sort.ts";
import { KeyTable, MOVED_SLOTS } from "./key-table.ts";
import { PIECE_ROWS } from "./row-run.ts";
import { drained } from "../base/turns.ts";

const EDGES = [0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 32n), 2n ** 31n, 0xffffffffn];

const integers: fc.Arbitrary<KeyColumn> = fc
  .array(
    fc.oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: -40n, max: 40n }), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
    {
      minLength: 1,
      maxLength: 200,
      size: "max",
    },
  )
  .map((keys) => ({ kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(keys), valid: null }));

/** Shared beginnings of different lengths, prefixes of each other, zero bytes at the end, bytes above 127. */
const texts: fc.Arbitrary<KeyColumn> = fc
  .record({
    beginning: fc.constantFrom("", "k", "a common beginning of some length/"),
    endings: fc.array(
      fc.oneof(
        fc.string({ unit: fc.constantFrom("a", "b", "\0", "ü", "€", "😀"), maxLength: 14 }),
        fc.constantFrom("aaaaaaaa", "aaaaaaaaa", "aaaaaaaa\0", "aaaaaaaa\0\0", "aaaaaaaabbbbbbbb", "aaaaaaaabbbbbbbbb"),
      ),
      { minLength: 1, maxLength: 200, size: "max" },
    ),
  })
  .map(({ beginning, endings }) =>
    bytesColumn(
      DataType.VarChar,
      endings.map((ending) => beginning + ending),
    ),
  );

function compare(column: KeyColumn, left: number, right: number): number {
  if (column.kind === "bytes") return Buffer.compare(bytesAt(column, left), bytesAt(column, right));
  const [a, b] = [column.values[left]!, column.values[right]!];
  return a < b ? -1 : a > b ? 1 : 0;
}

function rowsUpTo(count: number): number[] {
  return Array.from({ length: count }, (_, row) => row);
}

for (const [name, columns] of [
  ["int64", integers],
  ["varchar", texts],
] as const) {
  test(`keys compare, are equal and hash alike: ${name}`, () => {
    fc.assert(
      fc.property(columns, (column) => {
        const keys = keyReader(column);
        for (let left = 0; left < keys.rowCount; left += 7) {
          for (let right = 0; right < keys.rowCount; right += 1) {
            const expected = compare(column, left, right);
            assert.equal(Math.sign(keys.compare(left, keys, right)), expected);
            assert.equal(keys.equals(left, keys, right), expected === 0);
            if (expected === 0) assert.equal(keys.hash(left), keys.hash(right));
          }
        }
      }),
    );
  });

  test(`rows are sorted by key, equal ones as given: ${name}`, () => {
    fc.assert(
      fc.property(columns, (column) => {
        const keys = keyReader(column);
        const rows = rowsUpTo(keys.rowCount).filter((row) => row % 5 !== 4);
        const expected = rows.toSorted((left, right) => compare(column, left, right) || left - right);
        assert.deepEqual([...sortByKey(keys, Uint32Array.from(rows))], expected);
      }),
      { numRuns: 200 },
    );
  });

  test(`order and rank follow rows that keep coming: ${name}`, () => {
    fc.assert(
      fc.property(columns, fc.array(fc.nat({ max: 60 }), { maxLength: 6, size: "max" }), (column, steps) => {
        const order = new KeyOrder();
        const { rowCount } = keyReader(column);
        let known = 0;
        for (const step of [...steps, rowCount]) {
          known = Math.min(rowCount, known + step);
          const keys = keyReader(firstRows(column, known));
          const rows = rowsUpTo(known);
          const byAge = rows.toSorted((left, right) => compare(column, left, right) || left - right);
          assert.deepEqual([...order.order(keys)], byAge);
          const newestFirst = rows.toSorted((left, right) => compare(column, left, right) || right - left);
          const rank = drained(order.rankInTurns(keys));
          assert.deepEqual(
            newestFirst.map((row) => rank[row]),
            rows,
          );
        }
      }),
    );
  });

  test(`the key table finds every version, the newest first: ${name}`, () => {
    fc.assert(
      fc.property(columns, columns, fc.nat(), (column, others, border) => {
        const table = new KeyTable();
        const { rowCount } = keyReader(column);
        const first = border % (rowCount + 1);
        table.extend(keyReader(firstRows(column, first)), first);
        const keys = keyReader(column);
        table.extend(keys, rowCount);
        const versions = (wanted: KeyColumn, at: number): number[] => {
          const found: number[] = [];
          for (let row = table.newest(keys, keyReader(wanted), at); row !== NO_ROW; row = table.older(row))
            found.push(row);
          return found;
        };
        for (let row = 0; row < rowCount; row += 1) {
          const expected = rowsUpTo(rowCount).filter((other) => compare(column, row, other) === 0);
          assert.deepEqual(versions(column, row), expected.toReversed());
        }
        const other = keyReader(others);
        for (let at = 0; at < other.rowCount; at += 1) {
          const expected = rowsUpTo(rowCount).filter((row) => keys.equals(row, other, at));
          assert.deepEqual(versions(others, at), expected.toReversed());
        }
        const distinct = rowsUpTo(rowCount).filter((row) => versions(column, row)[0] === row).length;
        assert.equal(table.distinctKeys, distinct);
        assert.equal(table.hasRepeatedKeys, distinct < rowCount);
      }),
    );
  });
}

test("the key table grows past its first size with all keys in place", () => {
  const count = 20_000;
  // Strides that leave the low bits equal, so that only mixing spreads them.
  const values = BigInt64Array.from({ length: count }, (_, row) => BigInt(row % 15_000) << 20n);
  const keys = keyReader({ kind: "fixed", type: DataType.Int64, values, valid: null });
  const table = new KeyTable();
  for (let end = 500; end <= count; end += 500) table.extend(keys, end);
  assert.equal(table.distinctKeys, 15_000);
  for (let row = 0; row < count; row += 1) {
    const newest = row < 5000 ? row + 15_000 : row;
    assert.equal(table.newest(keys, keys, row), newest);
  }
  assert.ok(table.memoryBytes < count * 16);
});

test("no append moves more slots of the key table than its rows pay for, and no key is lost between two tables", () => {
  const count = 30_000;
  const values = BigInt64Array.from({ length: count }, (_, row) => BigInt(row % 11 === 10 ? row >> 1 : row) << 20n);
  const column: KeyColumn = { kind: "fixed", type: DataType.Int64, values, valid: null };
  const keys = keyReader(column);
  const table = new KeyTable();
  const newest = new Map<bigint, number>();
  let [moved, atOnce, whileMoving] = [0, 0, 0];
  for (let end = 100; end <= count; end += 100) {
    const known = keyReader(firstRows(column, end - 100));
    // Whoever looks something up between two turns finds what is in by then.
    for (const _ of [...table.reserve(known, 100), undefined]) {
      whileMoving += 1;
      for (let row = end % 97; row < end - 100; row += 97) {
        assert.equal(table.newest(known, keys, row), newest.get(values[row]!), `row ${row} before ${end}`);
      }
      assert.equal(table.newest(known, keys, end - 1), newest.get(values[end - 1]!) ?? NO_ROW);
    }
    table.extend(keyReader(firstRows(column, end)), end);
    // Slots are moved some at once, for rows to come.
    assert.ok(table.movedSlots <= (end + 16) * MOVED_SLOTS, `${table.movedSlots} slots moved for ${end} rows`);
    atOnce = Math.max(atOnce, table.movedSlots - moved);
    moved = table.movedSlots;
    for (let row = end - 100; row < end; row += 1) newest.set(values[row]!, row);
    for (let row = end % 700; row < end; row += 701) {
      assert.equal(table.newest(keys, keys, row), newest.get(values[row]!), `row ${row} of ${end}`);
    }
  }
  assert.equal(table.distinctKeys, newest.size);
  assert.ok(atOnce <= 116 * MOVED_SLOTS && moved > count * 3, `${atOnce} slots at most, ${moved} in all`);
  assert.ok(whileMoving >= 300);
});

test("a key table of twice as many keys is twice as large, whenever one looks", () => {
  for (const kind of ["int64", "varchar"]) {
    const count = 60_000;
    const names = Array.from({ length: count }, (_, row) => `key ${Math.imul(row, 0x9e3779b1) >>> 0}`);
    const column: KeyColumn =
      kind === "int64"
        ? {
            kind: "fixed",
            type: DataType.Int64,
            values: BigInt64Array.from({ length: count }, (_, row) => BigInt(row)),
            valid: null,
          }
        : bytesColumn(DataType.VarChar, names);
    const slotBytes = kind === "int64" ? 4 : 8;
    const table = new KeyTable();
    for (let end = 20; end <= count; end += 20) {
      table.extend(keyReader(firstRows(column, end)), end);
      // Three fifths of the slots are taken, and three pieces are there in part: the last of one table, the first and the last of another.
      const mostSlots = end / 0.62 + 1536 + end / 16;
      assert.ok(table.memoryBytes <= mostSlots * slotBytes, `${table.memoryBytes} bytes for ${end} keys of ${kind}`);
    }
    const keys = keyReader(column);
    for (let row = 0; row < count; row += 1) assert.equal(table.newest(keys, keys, row), row);
  }
});

test("a key table finds keys of one hash, in the last slots too, and knows those it never had", () => {
  // A reader whose keys all go to few homes: the last ones, behind which there is no slot but those for such.
  const count = 2_000;
  const values = BigInt64Array.from({ length: count + 100 }, (_, row) => BigInt(row));
  const crowded = (end: number): KeyReader => {
    const keys = keyReader({ kind: "fixed", type: DataType.Int64, values: values.subarray(0, end), valid: null });
    return {
      kind: keys.kind,
      column: keys.column,
      rowCount: keys.rowCount,
      compare: (row, other, at) => keys.compare(row, keyReader(other.column), at),
      equals: (row, other, at) => keys.equals(row, keyReader(other.column), at),
      hash: (row) => 0xffffffff - (Number(values[row]!) % 3) * 32,
    };
  };
  const table = new KeyTable();
  const all = crowded(count + 100);
  for (let end = 150; end <= count; end += 150) {
    table.extend(crowded(end), end);
    for (let row = end % 13; row < end; row += 41) assert.equal(table.newest(all, all, row), row);
    assert.equal(table.newest(all, all, count + 50), NO_ROW);
  }
  assert.ok(table.movedSlots > 0);
});

test("no append sorts and merges more than its rows pay for, and all rows are in order at the end", () => {
  const batch = 5_000;
  const count = 60 * batch;
  for (const keyOf of [(row: number) => (row * 70_001) % count, (row: number) => row]) {
    const values = BigInt64Array.from({ length: count }, (_, row) => BigInt(keyOf(row)));
    const column: KeyColumn = { kind: "fixed", type: DataType.Int64, values, valid: null };
    const order = new KeyOrder();
    let steps = 0;
    for (let end = batch; end <= count; end += batch) {
      drained(order.keepUp(keyReader(firstRows(column, end))));
      // At most one run more is sorted than the rows of this append fill, of rows that came before.
      assert.ok(order.steps - steps <= SORT_ROWS + batch * (MERGE_STEPS + 1), `${order.steps - steps} steps at ${end}`);
      steps = order.steps;
      // Four bytes a row, and no more for what is being merged than a few pieces.
      assert.ok(order.memoryBytes <= end * 4 + 4 * PIECE_ROWS * 4, `${order.memoryBytes} bytes for ${end} rows`);
    }
    assert.ok(order.steps > count, "rows were merged on the way");
    const rows = order.orderInTurns(keyReader(column));
    let turns = 0;
    let result = rows.next();
    for (; result.done !== true; result = rows.next()) {
      assert.ok(order.steps - steps <= STEPS_A_TURN, `${order.steps - steps} steps in a turn`);
      steps = order.steps;
      turns += 1;
    }
    assert.ok(turns > 1 && result.value.length === count);
    assert.ok(result.value.every((row, at) => at === 0 || values[result.value[at - 1]!]! < values[row]!));
  }
});

test("an order that is asked for in turns is right although rows come between the turns", () => {
  const count = 200_000;
  const values = BigInt64Array.from({ length: count }, (_, row) => BigInt((row * 70_001) % 49_999));
  const column: KeyColumn = { kind: "fixed", type: DataType.Int64, values, valid: null };
  const order = new KeyOrder();
  let known = 100_000;
  drained(order.keepUp(keyReader(firstRows(column, known))));
  const asked = [
    order.orderInTurns(keyReader(firstRows(column, known))),
    order.rankInTurns(keyReader(firstRows(column, known))),
  ];
  const results: Uint32Array[] = [];
  while (asked.length > 0) {
    known = Math.min(count, known + 3_001);
    drained(order.keepUp(keyReader(firstRows(column, known))));
    const { done, value } = asked[0]!.next();
    if (done === true) {
      results.push(value);
      asked.shift();
    } else asked.push(asked.shift()!);
  }
  const [rows, rank] = results as [Uint32Array, Uint32Array];
  assert.ok(rows.length >= 100_000 && rank.length >= 100_000);
  const isBefore = (left: number, right: number, isNewestFirst: boolean): boolean =>
    values[left] === values[right] ? left < right !== isNewestFirst : values[left]! < values[right]!;
  for (let at = 1; at < rows.length; at += 1) assert.ok(isBefore(rows[at - 1]!, rows[at]!, false), `place ${at}`);
  const byRank = new Uint32Array(rank.length);
  for (let row = 0; row < rank.length; row += 1) byRank[rank[row]!] = row;
  for (let at = 1; at < byRank.length; at += 1) assert.ok(isBefore(byRank[at - 1]!, byRank[at]!, true), `rank ${at}`);
});

function firstRows(column: KeyColumn, count: number): KeyColumn {
  if (column.kind === "fixed") return { ...column, values: column.values.subarray(0, count) };
  return { ...column, offsets: column.offsets.subarray(0, count + 1) };
}
