import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { QueryResults } from "../wire/generated/milvus_pb.js";
import { ok, params, service } from "./testing/messages.ts";
import { served } from "./testing/served.ts";
import { THINGS, type Thing, createThings, valuesOf } from "./testing/things.ts";

type Field = "id" | "color" | "size" | "big" | "flag" | "weight";
type Value = number | string | boolean | null;

const FILTERS: readonly { readonly text: string; readonly passes: (row: Thing) => boolean }[] = [
  { text: "", passes: () => true },
  { text: "size > 1", passes: ({ size }) => size > 1 },
  { text: "id in [0, 1, 2, 150, 151, 299]", passes: ({ id }) => [0, 1, 2, 150, 151, 299].includes(id) },
  { text: "size > 100", passes: () => false },
];

/** One aggregate of some rows, as a database tells it. */
function told(rows: readonly Thing[], operator: string, field: Field | "*"): Value {
  if (field === "*") return rows.length;
  const values = rows.map((row) => row[field]).filter((value) => value !== null);
  if (operator === "count") return values.length;
  if (values.length === 0) return null;
  const sorted = values.toSorted((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  if (operator === "min") return sorted[0]!;
  if (operator === "max") return sorted.at(-1)!;
  const sum = values.reduce<number>((total, value) => total + Number(value), 0);
  return operator === "sum" ? sum : sum / values.length;
}

describe("aggregates", () => {
  const db = served();
  let rows: readonly Thing[];

  before(async () => {
    rows = await createThings(db.client);
  });

  function query(
    expr: string,
    outputFields: readonly string[],
    given: Readonly<Record<string, string>> = {},
  ): Promise<QueryResults> {
    return db.client.call(service.query, {
      collectionName: THINGS,
      expr,
      outputFields: [...outputFields],
      queryParams: params(given),
      useDefaultConsistency: true,
    });
  }

  const WANTED: readonly (readonly [string, string, Field | "*"])[] = [
    ["count(*)", "count", "*"],
    ["count(color)", "count", "color"],
    ["count(flag)", "count", "flag"],
    ["SUM(size)", "sum", "size"],
    ["sum( big )", "sum", "big"],
    ["sum(weight)", "sum", "weight"],
    ["Avg(big)", "avg", "big"],
    ["avg(weight)", "avg", "weight"],
    ["min(color)", "min", "color"],
    ["max(color)", "max", "color"],
    ["min(weight)", "min", "weight"],
    ["max(big)", "max", "big"],
    ["min(size)", "min", "size"],
  ];

  const names = WANTED.map(([name]) => name);

  test("of everything are those of a look at every row", async () => {
    for (const { text, passes } of FILTERS) {
      for (const chosen of [WANTED, WANTED.slice(3)]) {
        const answer = await query(
          text,
          chosen.map(([name]) => name),
        );
        ok(answer);
        const passing = rows.filter(passes);
        for (const [name, operator, field] of chosen) {
          assert.deepEqual(valuesOf(answer.fieldsData, name), [told(passing, operator, field)], `${name} of ${text}`);
        }
        assert.deepEqual(
          answer.fieldsData.map(({ fieldName }) => fieldName),
          chosen.map(([name]) => name),
        );
      }
    }
  });

  function groupsOf(from: readonly Thing[], keys: readonly Field[]): (readonly Thing[])[] {
    const groups = new Map<string, Thing[]>();
    for (const row of from) {
      const name = JSON.stringify(keys.map((key) => row[key]));
      groups.set(name, [...(groups.get(name) ?? []), row]);
    }
    const compare = (left: Value, right: Value): number => {
      if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
      return left < right ? -1 : left > right ? 1 : 0;
    };
    return [...groups.values()].toSorted((left, right) =>
      keys.reduce((order, key) => order || compare(left[0]![key], right[0]![key]), 0),
    );
  }

  for (const keys of [["size"], ["color"], ["big"], ["color", "size"], ["big", "color"]] as const) {
    test(`in groups by ${keys.join(" and ")} are those of a look at every row`, async () => {
      for (const { text, passes } of FILTERS) {
        for (const window of [null, { offset: 0, limit: 4 }, { offset: 3, limit: 500 }]) {
          const limits: Readonly<Record<string, string>> =
            window === null ? {} : { limit: String(window.limit), offset: String(window.offset) };
          const answer = await query(text, [...names, ...keys], { group_by_fields: keys.join(", "), ...limits });
          ok(answer);
          const all = groupsOf(rows.filter(passes), keys);
          const groups = window === null ? all : all.slice(window.offset, window.offset + window.limit);
          for (const key of keys) {
            assert.deepEqual(
              valuesOf(answer.fieldsData, key),
              groups.map((group) => group[0]![key]),
            );
          }
          for (const [name, operator, field] of WANTED) {
            assert.deepEqual(
              valuesOf(answer.fieldsData, name),
              groups.map((group) => told(group, operator, field)),
              `${name} of ${text}`,
            );
          }
        }
      }
    });
  }

  test("groups alone are the different values, in any order", async () => {
    const answer = await query("", ["color"], { group_by_fields: "color", order_by_fields: "color:desc", limit: "9" });
    ok(answer);
    const colors = groupsOf(rows, ["color"]).map((group) => group[0]!.color);
    assert.deepEqual(valuesOf(answer.fieldsData, "color"), [null, ...colors.slice(0, -1).toReversed()]);
  });

  test("see deletes and what was written again", async () => {
    const before = await query("id < 3", ["sum(size)"]);
    ok(before);
    assert.deepEqual(valuesOf(before.fieldsData, "sum(size)"), [
      told(
        rows.filter(({ id }) => id < 3),
        "sum",
        "size",
      ),
    ]);
    const none = await query("id == 5", ["count(*)", "max(size)"]);
    ok(none);
    assert.deepEqual([valuesOf(none.fieldsData, "count(*)"), valuesOf(none.fieldsData, "max(size)")], [[0], [null]]);
  });

  test("are refused where they mean nothing", async () => {
    const refused = async (
      fields: readonly string[],
      given: Readonly<Record<string, string>>,
      text: string,
    ): Promise<void> => {
      const { status } = await query("id >= 0", fields, given);
      assert.deepEqual([status!.code, status!.reason], [1100, `${text}: invalid parameter`]);
    };
    await refused(["sum(color)"], {}, "aggregation operator sum does not support data type VarChar");
    await refused(["avg(flag)"], {}, "aggregation operator avg does not support data type Bool");
    await refused(["max(near)"], {}, "aggregation operator max does not support data type FloatVector");
    await refused(["min(more)"], {}, "aggregation operator min does not support data type JSON");
    await refused(["min(none)"], {}, "field none not exist");
    await refused(["sum(*)"], {}, "field * not exist");
    await refused(["count(*)"], { limit: "3" }, "count entities with pagination is not allowed");
    await refused(["count(*)", "max(size)"], { limit: "3" }, "count entities with pagination is not allowed");
    for (const [field, type] of Object.entries({
      weight: "Double",
      flag: "Bool",
      near: "FloatVector",
      more: "JSON",
    })) {
      const text = `group by field ${field} has unsupported data type ${type}`;
      await refused(["count(*)", field], { group_by_fields: field }, text);
    }
    await refused(["count(*)"], { group_by_fields: "none" }, "field none not exist");
    await refused(
      ["count(*)", "id"],
      {},
      "output field 'id' is not valid: only aggregation functions go together with aggregates",
    );
    await refused(
      ["count(*)", "id"],
      { group_by_fields: "color,size" },
      "output field 'id' is not valid: with GROUP BY it is one of its columns [color size] or an aggregation function",
    );
    const grouped = { group_by_fields: "color", limit: "3" };
    await refused(
      ["color", "count(*)"],
      { ...grouped, order_by_fields: "count(*):desc" },
      "ORDER BY on aggregate expression 'count(*)' is not yet supported",
    );
    await refused(
      ["color", "count(*)"],
      { ...grouped, order_by_fields: "size" },
      "ORDER BY field 'size' is not valid: when using GROUP BY or aggregates, ORDER BY can only reference GROUP BY columns. Valid targets are: [color]",
    );
    const free = await query("", ["color"], { group_by_fields: "color" });
    assert.equal(free.status!.reason, "empty expression should be used with limit: invalid parameter");
  });

  test("of a vector count rows", async () => {
    const answer = await query("size > 1", ["count(near)"]);
    ok(answer);
    assert.deepEqual(valuesOf(answer.fieldsData, "count(near)"), [rows.filter(({ size }) => size > 1).length]);
  });
});
