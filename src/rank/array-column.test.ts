/** Array columns through everything that moves rows: taking, joining, growing, gathering. Each against plain lists. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type ArrayColumn, bytesColumn, concatColumns, fixedValues, takeRows } from "../model/columns.ts";
import { scalarAt } from "../model/scalars.ts";
import { DataType } from "../model/types.ts";
import { gatherColumn } from "./gather.ts";
import { absentColumn } from "../segment/absent-column.ts";
import { growableColumn } from "../segment/growable-column.ts";
import { newDynamicField } from "../model/schema.ts";

type Lists = readonly (readonly (bigint | string)[] | null)[];

function columnOf(lists: Lists, elementType: DataType): ArrayColumn {
  const flat = lists.flatMap((list) => list ?? []);
  const offsets = new Uint32Array(lists.length + 1);
  for (const [row, list] of lists.entries()) offsets[row + 1] = offsets[row]! + (list?.length ?? 0);
  const valid = lists.includes(null) ? Uint8Array.from(lists, (list) => (list === null ? 0 : 1)) : null;
  if (elementType === DataType.VarChar) {
    const elements = bytesColumn(elementType, flat.map(String));
    return { kind: "array", type: DataType.Array, elementType, offsets, elements, valid };
  }
  const values = fixedValues(elementType, flat.length) as BigInt64Array;
  values.set(flat as readonly bigint[]);
  const elements = { kind: "fixed", type: elementType, values, valid: null } as const;
  return { kind: "array", type: DataType.Array, elementType, offsets, elements, valid };
}

function listsOf(column: ArrayColumn): Lists {
  return Array.from({ length: column.offsets.length - 1 }, (_, row) => {
    if (column.valid?.[row] === 0) return null;
    const start = column.offsets[row]!;
    return Array.from(
      { length: column.offsets[row + 1]! - start },
      (__, at) => scalarAt(column.elements, start + at) as bigint | string,
    );
  });
}

const shape = fc.constantFrom<DataType>(DataType.Int64, DataType.VarChar).chain((elementType) => {
  const integer = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n) as fc.Arbitrary<bigint | string>;
  const element = elementType === DataType.Int64 ? integer : fc.string({ maxLength: 9 });
  const lists = fc.array(fc.option(fc.array(element, { maxLength: 6 })), { maxLength: 12 });
  return fc.record({ elementType: fc.constant(elementType), parts: fc.array(lists, { minLength: 1, maxLength: 4 }) });
});

describe("array columns", () => {
  test("property: joined, and grown with views that stay", () => {
    fc.assert(
      fc.property(shape, ({ elementType, parts }) => {
        const columns = parts.map((lists) => columnOf(lists, elementType));
        assert.deepEqual(listsOf(concatColumns(columns) as ArrayColumn), parts.flat());
        const growable = growableColumn({ dataType: DataType.Array, elementType });
        const views: ArrayColumn[] = [];
        for (const column of columns) {
          growable.append(column);
          views.push(growable.view() as ArrayColumn);
        }
        for (const [at, view] of views.entries()) assert.deepEqual(listsOf(view), parts.slice(0, at + 1).flat());
        assert.ok(growable.memoryBytes >= growable.rawBytes - 4);
      }),
    );
  });

  test("property: taken and gathered rows", () => {
    fc.assert(
      fc.property(shape, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 20 }), ({ elementType, parts }, picks) => {
        const lists = parts.filter((part) => part.length > 0);
        if (lists.length === 0) return;
        const columns = lists.map((part) => columnOf(part, elementType));
        const sources = Uint32Array.from(picks, ([source]) => source % lists.length);
        const entries = Uint32Array.from(picks, ([, entry], at) => entry % lists[sources[at]!]!.length);
        const expected = Array.from(entries, (entry, at) => lists[sources[at]!]![entry]);
        assert.deepEqual(listsOf(gatherColumn(columns, sources, entries) as ArrayColumn), expected);
        const rows = Uint32Array.from(picks, ([, entry]) => entry % lists[0]!.length);
        const taken = takeRows(columns[0]!, rows) as ArrayColumn;
        assert.deepEqual(
          listsOf(taken),
          Array.from(rows, (row) => lists[0]![row]),
        );
      }),
    );
  });

  test("of a field that came later are null", () => {
    const field = { ...newDynamicField(107n), isDynamic: false, nullable: true };
    const column = absentColumn({ ...field, dataType: DataType.Array, elementType: DataType.VarChar }, 3);
    assert.deepEqual(listsOf(column as ArrayColumn), [null, null, null]);
  });
});
