import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { type MessageInitShape, create } from "@bufbuild/protobuf";
import { SearchAggregationSpecSchema } from "../wire/generated/common_pb.js";
import type { SearchResults } from "../wire/generated/milvus_pb.js";
import type { AggBucket } from "../wire/generated/schema_pb.js";
import { ok, searchFor, service } from "./testing/messages.ts";
import { served } from "./testing/served.ts";
import { THINGS, type Thing, createThings, ranked } from "./testing/things.ts";

type Spec = Exclude<MessageInitShape<typeof SearchAggregationSpecSchema>, { readonly $typeName: string }>;
type Name = "color" | "size" | "big" | "flag" | "weight" | "id" | "_score";
interface Found {
  readonly row: Thing;
  readonly score: number;
}
interface Plain {
  readonly key: readonly unknown[];
  readonly count: number;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly hits: readonly { readonly id: number; readonly score: number; readonly size?: number }[];
  readonly groups: readonly Plain[];
}

const QUERIES = [
  [1, 2, 0],
  [4, 0, 2],
];

describe("search aggregation", () => {
  const db = served();
  let rows: readonly Thing[];

  before(async () => {
    rows = await createThings(db.client);
  });

  function send(
    spec: Spec,
    given: Readonly<Record<string, string>> = {},
    more: Parameters<typeof searchFor>[3] = {},
  ): Promise<SearchResults> {
    const asked = { anns_field: "near", topk: "10", ...given };
    const searchAggregation = create(SearchAggregationSpecSchema, spec);
    return db.client.call(service.search, searchFor(THINGS, QUERIES, asked, { searchAggregation, ...more }));
  }

  function plain(bucket: AggBucket): Plain {
    const number = (value: unknown): unknown => (typeof value === "bigint" ? Number(value) : value);
    return {
      key: bucket.key.map(({ value }) => number(value.value) ?? null),
      count: Number(bucket.count),
      metrics: Object.fromEntries(
        Object.entries(bucket.metrics).map(([alias, { value }]) => [alias, number(value.value)]),
      ),
      hits: bucket.hits.map(({ pk, score, fields }) => ({
        id: Number(pk.value),
        score,
        ...Object.fromEntries(fields.map(({ fieldName, value }) => [fieldName, number(value.value)])),
      })),
      groups: bucket.subGroups.map(plain),
    };
  }

  function bucketsOf({ results }: SearchResults): Plain[][] {
    const all = results!.aggBuckets.map(plain);
    let start = 0;
    return results!.aggTopks.map((count) => all.slice(start, (start += Number(count))));
  }

  const valueOf = ({ row, score }: Found, name: string): unknown =>
    name === "_score" ? score : row[name as Exclude<Name, "_score">];

  function compare(left: unknown, right: unknown): number {
    if (left === right) return 0;
    if (left === null || left === undefined) return -1;
    if (right === null || right === undefined) return 1;
    return (left as number) < (right as number) ? -1 : 1;
  }

  /** As many groups by all fields together as the levels may show, each with as many rows as a level shows hits. */
  function candidates(spec: Spec, query: readonly number[], passes: (row: Thing) => boolean): Found[] {
    const levels: Spec[] = [];
    for (let at: Spec | undefined = spec; at !== undefined; at = at.subAggregation as Spec | undefined) levels.push(at);
    const fields = levels.flatMap((level) => level.fields!);
    const most = levels.reduce((product, { size, searchSize }) => product * Number(searchSize ?? size), 1);
    const each = Math.max(1, ...levels.map(({ topHits }) => Number(topHits?.size ?? 1)));
    const groups = new Map<string, Found[]>();
    for (const found of ranked(rows.filter(passes), "near", query)) {
      const name = JSON.stringify(fields.map((field) => valueOf(found, field)));
      if (!groups.has(name) && groups.size === most) continue;
      const own = groups.get(name) ?? [];
      groups.set(name, own);
      if (own.length < each) own.push(found);
    }
    return [...groups.values()].flat();
  }

  function told(spec: Spec, found: readonly Found[], shows: boolean): Plain[] {
    const groups = Map.groupBy(found, (one) => JSON.stringify(spec.fields!.map((field) => valueOf(one, field))));
    const all = Array.from(groups.values(), (own) => ({
      own,
      key: spec.fields!.map((field) => valueOf(own[0]!, field)),
      count: own.length,
      metrics: Object.fromEntries(
        Object.entries(spec.metrics ?? {}).flatMap(([alias, { op, fieldName }]) => {
          const values = own
            .map((one) => (fieldName === "*" ? 1 : valueOf(one, fieldName!)))
            .filter((value) => value !== null) as number[];
          if (op === "count") return [[alias, values.length]];
          if (values.length === 0) return [];
          const sum = values.reduce((total, value) => total + value, 0);
          if (op === "sum" || op === "avg") return [[alias, op === "sum" ? sum : sum / values.length]];
          return [[alias, values.toSorted(compare).at(op === "min" ? 0 : -1)]];
        }),
      ),
    }));
    const sorted = all.toSorted((left, right) => {
      for (const { key, direction } of spec.order ?? []) {
        let result = 0;
        if (key === "_count") result = left.count - right.count;
        else if (key === "_key") result = left.key.map((value, at) => compare(value, right.key[at])).find(Boolean) ?? 0;
        else result = compare(left.metrics[key!], right.metrics[key!]);
        if (result !== 0) return direction === "asc" ? result : -result;
      }
      return 0;
    });
    return sorted.slice(0, Number(spec.size)).map(({ own, key, count, metrics }) => ({
      key,
      count,
      metrics,
      hits:
        spec.topHits === undefined
          ? []
          : own
              .toSorted((left, right) => {
                for (const { fieldName, direction, nullFirst = false } of spec.topHits!.sort ?? []) {
                  const [a, b] = [valueOf(left, fieldName!), valueOf(right, fieldName!)];
                  if (a !== b && (a === null || b === null)) return (a === null) === nullFirst ? -1 : 1;
                  const result = compare(a, b);
                  if (result !== 0) return direction === "asc" ? result : -result;
                }
                return left.score - right.score || left.row.id - right.row.id;
              })
              .slice(0, Number(spec.topHits.size))
              .map(({ row, score }) => ({ id: row.id, score, ...(shows ? { size: row.size } : {}) })),
      groups: spec.subAggregation === undefined ? [] : told(spec.subAggregation as Spec, own, shows),
    }));
  }

  const METRICS = {
    all: { op: "count", fieldName: "*" },
    there: { op: "count", fieldName: "big" },
    total: { op: "sum", fieldName: "size" },
    mean: { op: "avg", fieldName: "weight" },
    least: { op: "min", fieldName: "weight" },
    last: { op: "max", fieldName: "color" },
    far: { op: "max", fieldName: "_score" },
  };
  const SPECS: Readonly<Record<string, Spec>> = {
    "one field": { fields: ["color"], size: 3n },
    "metrics and hits": {
      fields: ["size"],
      size: 5n,
      metrics: METRICS,
      order: [{ key: "_key", direction: "asc" }],
      topHits: { size: 6n },
    },
    "two fields, by their count": {
      fields: ["color", "flag"],
      size: 4n,
      searchSize: 9n,
      metrics: METRICS,
      order: [{ key: "_count" }, { key: "mean", direction: "asc" }, { key: "_key", direction: "desc" }],
      topHits: { size: 3n, sort: [{ fieldName: "_score", direction: "desc" }] },
    },
    "by a metric that may have no value": {
      fields: ["id"],
      size: 20n,
      metrics: METRICS,
      order: [{ key: "least", direction: "desc" }],
      topHits: { size: 1n },
    },
    levels: {
      fields: ["flag"],
      size: 2n,
      metrics: { all: METRICS.all },
      order: [{ key: "all", direction: "asc" }],
      topHits: { size: 4n, sort: [{ fieldName: "weight", direction: "asc", nullFirst: true }, { fieldName: "size" }] },
      subAggregation: {
        fields: ["color", "size"],
        size: 3n,
        searchSize: 8n,
        metrics: { far: METRICS.far },
        order: [{ key: "far" }],
        subAggregation: { fields: ["big"], size: 2n, topHits: { size: 5n } },
      },
    },
  };
  for (const [name, spec] of Object.entries(SPECS)) {
    test(`${name}: what a look at every row counts`, async () => {
      for (const [dsl, passes] of [
        ["", () => true],
        ["size > 1", ({ size }: Thing) => size > 1],
        ["size > 100", () => false],
      ] as const) {
        for (const shows of [false, true]) {
          const answer = await send(spec, {}, { dsl, outputFields: shows ? ["size", "id"] : [] });
          ok(answer);
          const wanted = QUERIES.map((query) => told(spec, candidates(spec, query, passes), shows));
          assert.deepEqual(bucketsOf(answer), wanted);
          assert.deepEqual(answer.results!.topks, [0n, 0n]);
        }
      }
    });
  }

  test("tells what its keys and hits are, by name and by id", async () => {
    const answer = await send(
      { fields: ["flag", "color"], size: 1n, topHits: { size: 1n } },
      { round_decimal: "2" },
      { outputFields: ["*"] },
    );
    ok(answer);
    const [bucket] = answer.results!.aggBuckets;
    assert.deepEqual(
      bucket!.key.map(({ fieldId, fieldName }) => [fieldId, fieldName]),
      [
        [106n, "flag"],
        [103n, "color"],
      ],
    );
    const kinds = bucket!.hits[0]!.fields.map(({ fieldName, value }) => [fieldName, value.case ?? null]);
    assert.deepEqual(Object.fromEntries(kinds.filter(([, kind]) => kind !== null)).near, "stringVal");
    assert.deepEqual(
      kinds.map(([field]) => field),
      ["near", "along", "color", "size", "big", "flag", "weight", "more", "$meta"],
    );
    assert.equal(kinds.find(([field]) => field === "more")![1], "bytesVal");
  });

  test("refuses what is no aggregation", async () => {
    const refused = async (
      spec: Spec,
      text: string,
      given: Readonly<Record<string, string>> = {},
      more: Parameters<typeof searchFor>[3] = {},
    ): Promise<void> => {
      const { status } = await send(spec, given, more);
      assert.deepEqual([status!.code, status!.reason], [1100, `${text}: invalid parameter`]);
    };
    const color: Spec = { fields: ["color"], size: 2n };
    await refused(color, "group_by_field and search_aggregation cannot be used simultaneously", {
      group_by_field: "size",
    });
    await refused(color, "group_by_fields and search_aggregation cannot be used simultaneously", {
      group_by_fields: "size,flag",
    });
    await refused(color, "offset is not supported with search_aggregation", { offset: "1" });
    await refused(color, "search iterator is not supported with search_aggregation", { iterator: "True" });
    await refused(color, "order_by_fields is not supported with search_aggregation", { order_by_fields: "size" });
    await refused({ size: 2n }, "group_by level has no fields");
    await refused({ fields: ["none[0]"] }, dynamicRefusal("group_by field", "none[0]"));
    await refused({ fields: ["kind"] }, dynamicRefusal("group_by field", "kind"));
    await refused({ fields: ['more["kind"]'] }, dynamicRefusal("group_by field", 'more["kind"]'));
    await refused({ fields: ["near"] }, "unsupported data type VECTOR_FLOAT for group by operator");
    await refused(
      { fields: ["weight"] },
      'group_by field "weight": FLOAT / DOUBLE fields are not supported with search_aggregation (BucketKeyEntry has no float variant; equality on floats is fragile)',
    );
    await refused({ fields: ["color", "color"] }, 'duplicated group_by field "color" in one level');
    await refused({ ...color, subAggregation: color }, 'duplicated group_by field "color" across levels');
    let deep: Spec = { fields: ["id"], size: 1n };
    for (const field of ["size", "flag", "color", "big"]) deep = { fields: [field], size: 1n, subAggregation: deep };
    await refused(deep, "search_aggregation nesting exceeds max 4 levels");
    await refused({ ...color, size: -1n }, "search_aggregation size must be non-negative");
    await refused({ ...color, searchSize: -1n }, "search_aggregation search_size must be non-negative");
    await refused({ ...color, searchSize: 1n }, "search_aggregation search_size must be greater than or equal to size");
    const large: Spec = { fields: ["id"], size: 2500n, topHits: { size: 3n } };
    await refused(large, "number of search_aggregation result entries is too large");
    ok(await send({ ...large, topHits: { size: 2n } }));
    await refused(
      { ...color, metrics: { a: { op: "median", fieldName: "size" } } },
      'invalid metric "a": unsupported metric op "median"',
    );
    await refused(
      { ...color, metrics: { a: { op: "sum", fieldName: "color" } } },
      'invalid metric "a": aggregation operator sum does not support data type VarChar',
    );
    await refused(
      { ...color, metrics: { a: { op: "sum", fieldName: "*" } } },
      "invalid metric \"a\": field_name '*' only supports count op",
    );
    await refused({ ...color, metrics: { a: { op: "sum" } } }, 'invalid metric "a": metric field_name is empty');
    await refused({ ...color, order: [{ key: "a" }] }, 'order key "a" is neither reserved key nor metric alias');
    await refused({ ...color, order: [{ key: "" }] }, "order key is empty");
    await refused(
      { ...color, order: [{ key: "_key", direction: "up" }] },
      'invalid order direction for key "_key": direction must be asc or desc',
    );
    await refused({ ...color, topHits: { size: -1n } }, "top_hits size must be non-negative");
    await refused({ ...color, topHits: { sort: [{}] } }, "top_hits.sort field_name is empty");
    await refused(
      { ...color, topHits: { sort: [{ fieldName: 'more["kind"]' }] } },
      'top_hits.sort JSON path is not yet supported: "more["kind"]"',
    );
    await refused(
      color,
      "highlighter and search_aggregation cannot be used simultaneously",
      {},
      {
        highlighter: { params: [{ key: "pre_tags", value: "x" }] },
      },
    );
  });

  function dynamicRefusal(usage: string, name: string): string {
    return `${usage} "${name}": JSON / dynamic fields are not yet supported with search_aggregation`;
  }
});
