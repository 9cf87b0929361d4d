import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { QueryResults, SearchResults } from "../wire/generated/milvus_pb.js";
import { ok, params, searchFor, service } from "./testing/messages.ts";
import { served } from "./testing/served.ts";
import { THINGS, type Thing, createThings, hitsOf, ranked, valuesOf } from "./testing/things.ts";

type Field = "id" | "color" | "size" | "big" | "flag" | "weight";

interface Key {
  readonly field: Field;
  readonly isDescending?: boolean;
  readonly nullsFirst?: boolean;
}

/** The order of Milvus: nulls last, or first when descending, unless told. */
function compare(keys: readonly Key[]): (left: Thing, right: Thing) => number {
  return (left, right) => {
    for (const { field, isDescending = false, nullsFirst = isDescending } of keys) {
      const [one, other] = [left[field], right[field]];
      if (one === null || other === null) {
        if (one === other) continue;
        return (one === null) === nullsFirst ? -1 : 1;
      }
      if (one !== other) return one < other === isDescending ? 1 : -1;
    }
    return 0;
  };
}

const ORDERS: readonly { readonly text: string; readonly keys: readonly Key[] }[] = [
  { text: "size", keys: [{ field: "size" }] },
  { text: "size:desc", keys: [{ field: "size", isDescending: true }] },
  { text: "color", keys: [{ field: "color" }] },
  { text: "color:DESC, weight:asc", keys: [{ field: "color", isDescending: true }, { field: "weight" }] },
  {
    text: "weight:desc:nulls_last,id:desc",
    keys: [
      { field: "weight", isDescending: true, nullsFirst: false },
      { field: "id", isDescending: true },
    ],
  },
  {
    text: "flag:desc,big::nulls_first",
    keys: [
      { field: "flag", isDescending: true },
      { field: "big", nullsFirst: true },
    ],
  },
];

describe("reading in an order", () => {
  const db = served();
  let rows: readonly Thing[];

  before(async () => {
    rows = await createThings(db.client);
  });

  const invalid = ": invalid parameter";

  function query(expr: string, given: Readonly<Record<string, string>>, outputFields = ["id"]): Promise<QueryResults> {
    const queryParams = params(given);
    return db.client.call(service.query, {
      collectionName: THINGS,
      expr,
      outputFields,
      queryParams,
      useDefaultConsistency: true,
    });
  }

  for (const { text, keys } of ORDERS) {
    test(`queries by ${text}, page by page`, async () => {
      const sorted = rows.filter(({ id }) => id < 250).toSorted(compare(keys));
      for (const [offset, limit] of [
        [0, 10],
        [17, 40],
        [0, 1000],
        [1000, 5],
      ] as const) {
        const page = sorted.slice(offset, offset + limit);
        for (const fields of [["id"], ["size", "color", "weight", "flag"], ["near", "kind"]]) {
          const window = { limit: String(limit), offset: String(offset) };
          const answer = await query("id < 250", { order_by_fields: text, ...window }, fields);
          ok(answer);
          assert.deepEqual(
            valuesOf(answer.fieldsData, "id"),
            page.map(({ id }) => id),
          );
          for (const name of ["size", "color", "weight", "flag"] as const) {
            if (!fields.includes(name)) continue;
            assert.deepEqual(
              valuesOf(answer.fieldsData, name),
              page.map((row) => row[name]),
            );
          }
          if (!fields.includes("near")) continue;
          const near = answer.fieldsData.find(({ fieldName }) => fieldName === "near")!.field;
          assert.ok(near.case === "vectors" && near.value.data.case === "floatVector");
          assert.deepEqual(
            near.value.data.value.data,
            page.flatMap((row) => row.near),
          );
        }
      }
    });
  }

  test("queries by keys in an order", async () => {
    const ids = [299, 3, 150, 0, 23, 203, 7];
    const answer = await query(`id in [${ids.join(",")}]`, { order_by_fields: "size:desc", limit: "5" }, ["near"]);
    ok(answer);
    const wanted = rows.filter(({ id }) => ids.includes(id)).toSorted(compare([{ field: "size", isDescending: true }]));
    assert.deepEqual(
      valuesOf(answer.fieldsData, "id"),
      wanted.slice(0, 5).map(({ id }) => id),
    );
  });

  test("queries without an expression", async () => {
    const answer = await query("", { order_by_fields: "size,id:desc", limit: "7" });
    ok(answer);
    const wanted = rows.toSorted(compare([{ field: "size" }, { field: "id", isDescending: true }])).slice(0, 7);
    assert.deepEqual(
      valuesOf(answer.fieldsData, "id"),
      wanted.map(({ id }) => id),
    );
  });

  test("queries refuse orders that mean nothing", async () => {
    const refused = async (given: Readonly<Record<string, string>>, text: string): Promise<void> => {
      const { status } = await query("id >= 0", given);
      assert.deepEqual([status!.code, status!.reason], [1100, `${text}${invalid}`]);
    };
    const limit = "3";
    await refused({ order_by_fields: "size" }, "ORDER BY requires explicit limit");
    await refused({ order_by_fields: "size", limit, iterator: "True" }, "ORDER BY with iterator is not supported");
    await refused({ order_by_fields: "none", limit }, "order_by field 'none' does not exist in collection schema");
    await refused({ order_by_fields: "double", limit }, "order_by field 'double' does not exist in collection schema");
    await refused(
      { order_by_fields: "near", limit },
      "order_by field 'near' has type FloatVector which is not sortable",
    );
    await refused({ order_by_fields: "more", limit }, "order_by field 'more' has type JSON which is not sortable");
    await refused(
      { order_by_fields: "size:up", limit },
      "invalid order direction 'up' for field 'size', must be 'asc' or 'desc'",
    );
    await refused(
      { order_by_fields: "size:asc:first", limit },
      "invalid null ordering 'first', must be 'nulls_first' or 'nulls_last'",
    );
  });

  const QUERIES = [
    [1, 2, 0],
    [4, 0, 2],
  ];

  function search(
    given: Readonly<Record<string, string>>,
    outputFields: readonly string[] = [],
  ): Promise<SearchResults> {
    const asked = { anns_field: "near", topk: "40", ...given };
    return db.client.call(service.search, searchFor(THINGS, QUERIES, asked, { outputFields: [...outputFields] }));
  }

  for (const { text, keys } of ORDERS) {
    test(`searches order the nearest by ${text}`, async () => {
      for (const offset of [0, 7]) {
        const answer = await search({ order_by_fields: text, offset: String(offset) }, ["color"]);
        ok(answer);
        const wanted = QUERIES.map((vector) =>
          ranked(rows, "near", vector)
            .slice(offset, offset + 40)
            .toSorted((left, right) => compare(keys)(left.row, right.row)),
        );
        assert.deepEqual(
          hitsOf(answer),
          wanted.map((hits) => hits.map(({ row, score }) => ({ id: row.id, score }))),
        );
        assert.deepEqual(
          valuesOf(answer.results!.fieldsData, "color"),
          wanted.flat().map(({ row }) => row.color),
        );
        assert.deepEqual(answer.results!.outputFields, ["color"]);
      }
    });
  }

  test("searches order by keys of documents", async () => {
    for (const [text, isDescending] of [
      ['more["kind"]', false],
      ["$meta['kind']:desc", true],
      ["kind", false],
    ] as const) {
      const answer = await search({ order_by_fields: `${text},size` });
      ok(answer);
      const wanted = QUERIES.map((vector) =>
        ranked(rows, "near", vector)
          .slice(0, 40)
          .toSorted(
            ({ row: left }, { row: right }) =>
              (left.kind === right.kind ? 0 : left.kind < right.kind === isDescending ? 1 : -1) ||
              left.size - right.size,
          ),
      );
      assert.deepEqual(
        hitsOf(answer).map((hits) => hits.map(({ id }) => id)),
        wanted.map((hits) => hits.map(({ row }) => row.id)),
        text,
      );
    }
  });

  test("searches refuse orders that mean nothing", async () => {
    const refused = async (given: Readonly<Record<string, string>>, text: string): Promise<void> => {
      const { status } = await search(given);
      assert.deepEqual([status!.code, status!.reason], [1100, `${text}${invalid}`]);
    };
    await refused(
      { order_by_fields: "near" },
      `order_by field 'near' has unsortable type FloatVector; supported types: bool, int8/16/32/64, float, double, string, varchar; for JSON fields use path syntax like field["key"]`,
    );
    await refused(
      { order_by_fields: "size:up" },
      "invalid order direction 'up' for field 'size', expected 'asc' or 'desc'",
    );
    await refused({ order_by_fields: 'size["a"]' }, `order_by field 'size["a"]' has brackets but is not a JSON type`);
    await refused({ order_by_fields: "more[a]" }, "invalid JSON path in order_by field 'more[a]'");
    await refused(
      { order_by_fields: "size", iterator: "True" },
      "order_by is not supported when using search iterator",
    );
    await refused(
      { order_by_fields: "size", group_by_field: "color" },
      "order_by is not supported yet with group_by_field",
    );
  });
});
