import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import { type Column, bytesColumn } from "../model/columns.ts";
import { DataType } from "../model/types.ts";
import { columnOrder, documentOrder, firstRows, jointOrder } from "./row-order.ts";

const runtime = new SystemRuntime();
const directions = fc.record({ isDescending: fc.boolean(), nullsFirst: fc.boolean() });

function validOf(entries: readonly unknown[]): Uint8Array {
  return Uint8Array.from(entries, (entry) => (entry === null ? 0 : 1));
}

function numbers(entries: readonly (number | null)[]): Column {
  const values = Float64Array.from(entries, (entry) => entry ?? 0);
  return { kind: "fixed", type: DataType.Double, values, valid: validOf(entries) };
}

function words(entries: readonly (string | null)[]): Column {
  return bytesColumn(
    DataType.VarChar,
    entries.map((entry) => entry ?? ""),
    validOf(entries),
  );
}

/** As databases tell it: nulls at one end, whatever the direction. */
function told<T extends number | string>(
  left: T | null,
  right: T | null,
  direction: { isDescending: boolean; nullsFirst: boolean },
): number {
  if (left === null && right === null) return 0;
  if (left === null) return direction.nullsFirst ? -1 : 1;
  if (right === null) return direction.nullsFirst ? 1 : -1;
  const order = left < right ? -1 : left > right ? 1 : 0;
  return direction.isDescending ? -order : order;
}

test("the first rows are those of a whole stable sort, by several columns", async () => {
  const rows = fc.array(
    fc.tuple(fc.option(fc.integer({ min: -2, max: 2 })), fc.option(fc.constantFrom("", "a", "ab", "b"))),
  );
  await fc.assert(
    fc.asyncProperty(
      rows,
      directions,
      directions,
      fc.integer({ min: 1, max: 20 }),
      async (given, first, second, limit) => {
        const order = jointOrder([
          columnOrder(numbers(given.map(([number]) => number)), first),
          columnOrder(words(given.map(([, word]) => word)), second),
        ]);
        const wanted = [...given.keys()]
          .toSorted(
            (left, right) =>
              told(given[left]![0], given[right]![0], first) || told(given[left]![1], given[right]![1], second),
          )
          .slice(0, limit);
        assert.deepEqual([...(await firstRows(order, given.length, limit, runtime))], wanted);
      },
    ),
  );
});

test("many rows are looked at in slices, and an abort is noticed", async () => {
  const values = Array.from({ length: 50_000 }, (_, row) => (row * 7919) % 50_021);
  const order = columnOrder(numbers(values), { isDescending: false, nullsFirst: false });
  const wanted = [...values.keys()].toSorted((left, right) => values[left]! - values[right]!);
  assert.deepEqual([...(await firstRows(order, values.length, 30, runtime))], wanted.slice(0, 30));
  await assert.rejects(firstRows(order, values.length, 30, runtime, AbortSignal.abort(new Error("enough"))), /enough/);
});

test("text is ordered by its bytes, and places in documents by what is there", () => {
  const direction = { isDescending: false, nullsFirst: false };
  const sorted = (order: (left: number, right: number) => number, count: number): number[] =>
    Array.from({ length: count }, (_, row) => row).toSorted(order);
  // U+FF5A comes before U+1F600 in bytes, behind it in UTF-16.
  assert.deepEqual(sorted(columnOrder(words(["\u{1f600}", "\uff5a", "z"]), direction), 3), [2, 1, 0]);
  const documents = [
    { a: { b: 2 } },
    {},
    { a: { b: "x" } },
    { a: { b: 1 } },
    { a: { b: null } },
    { a: 3 },
    { a: { b: "1" } },
  ];
  const column = bytesColumn(
    DataType.JSON,
    documents.map((document) => JSON.stringify(document)),
  );
  // Numbers among themselves, then against text by the JSON of both: "1" begins with a quotation mark, which comes before digits.
  assert.deepEqual(sorted(documentOrder(column, ["a", "b"], direction), 7), [6, 2, 3, 0, 1, 4, 5]);
  assert.deepEqual(
    sorted(documentOrder(column, ["a", "b"], { isDescending: true, nullsFirst: true }), 7),
    [1, 4, 5, 0, 3, 2, 6],
  );
});
