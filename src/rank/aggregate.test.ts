import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import type { AggregatePlan, GroupTable } from "../model/plan.ts";
import { scalarAt, scalarColumn } from "../model/scalars.ts";
import type { CollectionSchema } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { MAX_GROUPS, aggregateRows, mergeTables } from "./aggregate.ts";

const runtime = new SystemRuntime();
const { signal } = new AbortController();
const schema = {
  fields: [
    { fieldId: 100n, name: "group", dataType: DataType.VarChar },
    { fieldId: 101n, name: "value", dataType: DataType.Int64 },
  ],
} as unknown as CollectionSchema;

const plan: AggregatePlan = {
  collectionId: 1n,
  partitionIds: null,
  filter: null,
  groupFieldIds: [100n],
  aggregates: [
    { operator: "count", fieldId: null },
    { operator: "sum", fieldId: 101n },
    { operator: "min", fieldId: 101n },
    { operator: "max", fieldId: 101n },
  ],
  ignoreGrowing: false,
};

interface Row {
  readonly group: string | null;
  readonly value: bigint | null;
}

/** A table of one row. */
function tableOf({ group, value }: Row): GroupTable {
  const counts = BigInt64Array.of(value === null ? 0n : 1n);
  const values = scalarColumn(DataType.Int64, [value]);
  const state = { counts, values };
  return {
    groupCount: 1,
    keys: [scalarColumn(DataType.VarChar, [group])],
    states: [{ counts: BigInt64Array.of(1n), values: null }, state, state, state],
  };
}

const merge = (tables: readonly GroupTable[]): Promise<GroupTable> =>
  mergeTables(tables, plan, schema, runtime, signal);

function read({ groupCount, keys, states }: GroupTable): Map<unknown, unknown> {
  return new Map(
    Array.from({ length: groupCount }, (_, row) => [
      scalarAt(keys[0]!, row),
      states.map(({ counts, values }) => [counts[row], values === null ? null : scalarAt(values, row)]),
    ]),
  );
}

const row = fc.record({
  group: fc.option(fc.constantFrom("a", "b", "ä", "")),
  value: fc.option(fc.oneof(fc.bigInt({ min: -9n, max: 9n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
});

test("tables merged in any tree are those of one look at every row", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 30 }), fc.nat({ max: 30 }), async (rows, cut) => {
      const tables = rows.map(tableOf);
      const [left, right] = [await merge(tables.slice(0, cut)), await merge(tables.slice(cut))];
      const wanted = new Map<unknown, unknown>();
      for (const group of new Set(rows.map((one) => one.group))) {
        const own = rows.filter((one) => one.group === group);
        const values = own.map(({ value }) => value).filter((value) => value !== null);
        const count = BigInt(values.length);
        const sorted = values.toSorted((one, other) => (one < other ? -1 : one > other ? 1 : 0));
        const total = BigInt.asIntN(
          64,
          values.reduce((sum, value) => sum + value, 0n),
        );
        wanted.set(group, [
          [BigInt(own.length), null],
          [count, values.length === 0 ? null : total],
          [count, sorted[0] ?? null],
          [count, sorted.at(-1) ?? null],
        ]);
      }
      assert.deepEqual(read(await merge([right, left])), wanted);
      assert.deepEqual(read(await merge(tables)), wanted);
    }),
  );
});

test("without group fields there is one group, also of nothing", async () => {
  const whole = await aggregateRows([], { ...plan, groupFieldIds: [] }, schema, 1n, runtime, signal);
  assert.equal(whole.groupCount, 1);
  assert.deepEqual(
    whole.states.map(({ counts, values }) => [counts[0], values === null ? null : scalarAt(values, 0)]),
    [
      [0n, null],
      [0n, null],
      [0n, null],
      [0n, null],
    ],
  );
  assert.equal((await aggregateRows([], plan, schema, 1n, runtime, signal)).groupCount, 0);
});

test("more groups than the limit are an error", async () => {
  const count = MAX_GROUPS + 1;
  const keys = scalarColumn(
    DataType.VarChar,
    Array.from({ length: count }, (_, at) => String(at)),
  );
  const counts = new BigInt64Array(count).fill(1n);
  const table = { groupCount: count, keys: [keys], states: [{ counts, values: null }] };
  const counting = { ...plan, aggregates: plan.aggregates.slice(0, 1) };
  await assert.rejects(mergeTables([table], counting, schema, runtime, signal), /exceeds the limit 100000/);
});
