import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { SearchResults } from "../wire/generated/milvus_pb.js";
import { ok, searchFor, service } from "./testing/messages.ts";
import { served } from "./testing/served.ts";
import { THINGS, type Thing, columnsOf, createThings, hitsOf, ranked, valuesOf } from "./testing/things.ts";

const QUERIES = [
  [1, 2, 0],
  [4, 0, 2],
  [0, 3, 1],
];

describe("search in groups", () => {
  const db = served();
  let rows: readonly Thing[];

  before(async () => {
    rows = await createThings(db.client, 600);
  });

  function send(
    given: Readonly<Record<string, string>>,
    more: Parameters<typeof searchFor>[3] = {},
    queries: readonly (readonly number[])[] = QUERIES,
  ): Promise<SearchResults> {
    return db.client.call(service.search, searchFor(THINGS, queries, { anns_field: "near", ...given }, more));
  }

  /** Looks at every row: groups by their best row, each with its best rows. */
  function grouped(
    from: readonly Thing[],
    query: readonly number[],
    groupOf: (row: Thing) => unknown,
    { size, offset, limit }: { readonly size: number; readonly offset: number; readonly limit: number },
  ): { readonly id: number; readonly score: number; readonly group: unknown }[] {
    const groups = new Map<string, { id: number; score: number; group: unknown }[]>();
    for (const { row, score } of ranked(from, "near", query)) {
      const group = groupOf(row);
      const name = JSON.stringify(group);
      const members = groups.get(name) ?? [];
      groups.set(name, members);
      if (members.length < size) members.push({ id: row.id, score, group });
    }
    return [...groups.values()].slice(offset, offset + limit).flat();
  }

  /** In groups and hits: a few, and more than there are. */
  const SIZES = [
    [1, 3, 0],
    [3, 4, 1],
    [10, 100, 0],
    [2, 2, 5],
    [10, 600, 0],
  ] as const;

  /** With the values of each hit's group. */
  function withGroups(answer: SearchResults): unknown[][] {
    const { groupByFieldValue, groupByFieldValues } = answer.results!;
    const fields = groupByFieldValue === undefined ? groupByFieldValues : [groupByFieldValue];
    const columns = fields.map((field) => valuesOf([field], field.fieldName));
    let at = 0;
    return hitsOf(answer).map((hits) =>
      hits.map((hit) => {
        const group = columns.map((column) => column[at]);
        at += 1;
        return { ...hit, group };
      }),
    );
  }

  const FILTERS: readonly { readonly text: string; readonly passes: (row: Thing) => boolean }[] = [
    { text: "", passes: () => true },
    { text: "size > 2", passes: ({ size }) => size > 2 },
    { text: "flag == true and id < 450", passes: ({ flag, id }) => flag && id < 450 },
    { text: "size > 100", passes: () => false },
    { text: "1 == 1", passes: () => true },
  ];

  for (const field of ["color", "size", "big", "flag", "id"] as const) {
    test(`by ${field}: the groups of a look at every row, at every size and filter`, async () => {
      for (const { text, passes } of FILTERS) {
        for (const [size, limit, offset] of SIZES) {
          const given = {
            group_by_field: field,
            topk: String(limit),
            offset: String(offset),
            group_size: String(size),
          };
          const answer = await send(given, { dsl: text, outputFields: ["size", "color"] });
          ok(answer);
          const wanted = QUERIES.map((query) =>
            grouped(rows.filter(passes), query, (row) => row[field], { size, offset, limit }),
          );
          const groups = valuesOf([answer.results!.groupByFieldValue!], field);
          let at = 0;
          const actual = hitsOf(answer).map((hits) => hits.map((hit) => ({ ...hit, group: groups[at++] })));
          assert.deepEqual(actual, wanted, `${text} ${size} ${limit} ${offset}`);
          const byId = new Map(rows.map((row) => [row.id, row]));
          for (const name of ["size", "color"] as const) {
            assert.deepEqual(
              valuesOf(answer.results!.fieldsData, name),
              wanted.flat().map(({ id }) => byId.get(id)![name]),
            );
          }
        }
      }
    });
  }

  for (const [fields, given] of [
    [["color", "flag"], { group_by_fields: "color,flag" }],
    [["color", "big", "size"], { group_by_fields: " color , big,size" }],
    [["flag", "id"], { group_by_fields: "flag,id" }],
    [["big", "kind"], { group_by_fields: 'big,more["kind"]' }],
  ] as const) {
    test(`by ${fields.join(" and ")}: the groups of a look at every row`, async () => {
      for (const { text, passes } of FILTERS.slice(0, 2)) {
        for (const [size, limit, offset] of SIZES) {
          const sizes = { topk: String(limit), offset: String(offset), group_size: String(size) };
          const answer = await send({ ...given, ...sizes }, { dsl: text });
          ok(answer);
          const groupOf = (row: Thing): unknown =>
            fields.map((field) => (field === "kind" ? JSON.stringify(row.kind) : row[field]));
          const wanted = QUERIES.map((query) => grouped(rows.filter(passes), query, groupOf, { size, offset, limit }));
          assert.deepEqual(withGroups(answer), wanted, `${text} ${size} ${limit} ${offset}`);
          assert.equal(answer.results!.groupByFieldValue, undefined);
        }
      }
    });
  }

  const places = {
    'more["deep"]["mix"]': ({ mix }: Thing) => mix ?? null,
    kind: ({ kind }: Thing) => kind,
    '$meta["double"]': ({ size }: Thing) => size * 2,
    nothing: () => null,
  };
  const casts: Readonly<Record<string, (value: unknown) => unknown>> = {
    "": (value) => (value === null ? null : JSON.stringify(value)),
    VarChar: (value) => (typeof value === "string" ? value : null),
    Bool: (value) => (typeof value === "boolean" ? value : null),
    Int64: (value) => (Number.isSafeInteger(value) ? value : null),
    Int8: (value) => (Number.isSafeInteger(value) ? Number(BigInt.asIntN(8, BigInt(value as number))) : null),
  };
  for (const [name, valueOf] of Object.entries(places)) {
    test(`by the place ${name}: the groups of a look at every row, whatever it is cast to`, async () => {
      for (const [type, cast] of Object.entries(casts)) {
        for (const [size, limit, offset] of SIZES.slice(1, 4)) {
          const sizes = { topk: String(limit), offset: String(offset), group_size: String(size) };
          const answer = await send({ group_by_field: name, json_type: type, ...sizes }, { dsl: "id < 450" });
          ok(answer);
          const few = rows.filter(({ id }) => id < 450);
          const groupOf = (row: Thing): unknown => [cast(valueOf(row))];
          const wanted = QUERIES.map((query) => grouped(few, query, groupOf, { size, offset, limit }));
          assert.deepEqual(withGroups(answer), wanted, `${type} ${size} ${limit} ${offset}`);
        }
      }
    });
  }

  test("a path beside the field is the same place; a strict cast refuses other values", async () => {
    const byName = await send({ group_by_field: 'more["deep"]["mix"]', topk: "5" });
    ok(byName);
    for (const json_path of ["/deep/mix", '["deep"]["mix"]', 'more["deep"]["mix"]']) {
      assert.deepEqual(withGroups(await send({ group_by_field: "more", json_path, topk: "5" })), withGroups(byName));
    }
    const strict = { group_by_field: 'more["deep"]["mix"]', json_type: "Int64", strict_cast: "true", topk: "500" };
    const { status } = await send(strict);
    assert.deepEqual(
      [status!.code, status!.reason],
      [1100, "failed to cast json value, wrong json data inner type: invalid parameter"],
    );
  });

  test("one field wins over several, and is told as several where both are sent", async () => {
    const single = await send({ group_by_field: "color", topk: "4" });
    const both = await send({ group_by_field: "color", group_by_fields: "size,flag", topk: "4" });
    assert.deepEqual(withGroups(both), withGroups(single));
    assert.equal(single.results!.groupByFieldValues.length, 0);
    assert.equal(both.results!.groupByFieldValues.length, 1);
  });

  test("tells what was done for all its questions together", async () => {
    for (const given of [
      { group_by_field: "color", topk: "6", group_size: "10" },
      { group_by_field: 'more["deep"]["mix"]', topk: "20", group_size: "10" },
    ]) {
      const plain = await send(given, {}, QUERIES.slice(0, 1));
      const answer = await send({ ...given, explain: "true" }, {}, QUERIES.slice(0, 1));
      ok(answer);
      assert.deepEqual(hitsOf(answer), hitsOf(plain));
      const told = JSON.parse(answer.status!.extraInfo["explain"]!) as {
        readonly questions: number;
        readonly segments: readonly {
          readonly segmentId: string;
          readonly exactScores: number;
          readonly reason: string;
        }[];
        readonly exactScores: number;
      };
      assert.ok(told.questions > 1);
      assert.equal(new Set(told.segments.map(({ segmentId }) => segmentId)).size, told.segments.length);
      assert.ok(told.segments.some(({ reason }) => reason.startsWith(`asked ${told.questions} times; first: `)));
      assert.equal(
        told.exactScores,
        told.segments.reduce((sum, { exactScores }) => sum + exactScores, 0),
      );
      assert.ok(told.exactScores > rows.length);
      assert.equal(plain.status!.extraInfo["explain"], undefined);
    }
  });

  test("a strict size finds the same, since no row is left out anyway", async () => {
    const given = { group_by_field: "color", topk: "4", group_size: "5" };
    const [strict, loose] = [await send({ ...given, strict_group_size: "True" }), await send(given)];
    ok(strict);
    assert.deepEqual(hitsOf(strict), hitsOf(loose));
    assert.deepEqual(
      hitsOf(strict)[0]!.map(({ id }) => id),
      grouped(rows, QUERIES[0]!, ({ color }) => color, { size: 5, offset: 0, limit: 4 }).map(({ id }) => id),
    );
  });

  test("a search of one partition has its groups", async () => {
    const answer = await send({ group_by_field: "color", topk: "4" }, { partitionNames: ["_default"] });
    ok(answer);
    assert.deepEqual(
      hitsOf(answer).map((hits) => hits.length),
      [4, 4, 4],
    );
  });

  test("stays right while the same rows are written again and flushed", async () => {
    const state = { isWriting: true };
    const write = async (): Promise<void> => {
      for (let round = 0; round < 6; round += 1) {
        const again = rows.slice(round * 40, round * 40 + 80);
        const request = { collectionName: THINGS, fieldsData: columnsOf(again), numRows: again.length };
        ok(await db.client.call(service.upsert, request));
        if (round % 2 === 1) ok(await db.client.call(service.flush, { collectionNames: [THINGS] }));
      }
    };
    const writing = write().finally(() => (state.isWriting = false));
    const sizes = { size: 4, offset: 1, limit: 4 };
    const wanted = QUERIES.map((query) => grouped(rows, query, ({ color }) => color, sizes).map(({ id }) => id));
    for (let rounds = 0; rounds < 5 || state.isWriting; rounds += 1) {
      const answer = await send({ group_by_field: "color", topk: "4", offset: "1", group_size: "4" });
      ok(answer);
      assert.deepEqual(
        hitsOf(answer).map((hits) => hits.map(({ id }) => id)),
        wanted,
      );
    }
    await writing;
  });

  test("refuses what cannot be grouped", async () => {
    const refused = async (given: Readonly<Record<string, string>>, text: string, code = 1100): Promise<void> => {
      const { status } = await send({ topk: "3", ...given }, {}, QUERIES.slice(0, 1));
      assert.deepEqual([status!.code, status!.reason], [code, text]);
    };
    const invalid = ": invalid parameter";
    for (const [field, type] of Object.entries({ weight: "DOUBLE", more: "JSON", near: "VECTOR_FLOAT" })) {
      await refused({ group_by_field: field }, `unsupported data type ${type} for group by operator${invalid}`);
    }
    const group = { group_by_field: "color" };
    await refused(
      { ...group, group_size: "-1" },
      `input group size:-1 is negative, failed to do search_groupby${invalid}`,
    );
    await refused({ ...group, group_size: "11" }, `input group size:11 exceeds configured max group size:10${invalid}`);
    await refused({ ...group, group_size: "two" }, `failed to parse input group size:two${invalid}`);
    await refused(
      { ...group, params: '{"radius": 5}' },
      `Not allowed to do range-search when doing search-group-by${invalid}`,
    );
    await refused({ ...group, iterator: "True" }, `Not allowed to do groupBy when doing iteration${invalid}`);
    const page = { iterator: "True", search_iter_v2: "True", search_iter_batch_size: "3" };
    await refused({ ...group, ...page }, `Not allowed to do groupBy when doing iteration${invalid}`);
    await refused(
      { group_by_field: 'color["a"]' },
      'groupBy field not found in schema: field not found[field=color["a"]]',
      1700,
    );
    await refused({ group_by_fields: "kind,more['kind']" }, `group_by_fields takes at most one JSON field${invalid}`);
    await refused({ group_by_fields: "color,weight" }, `unsupported data type DOUBLE for group by operator${invalid}`);
    await refused(
      { group_by_field: "kind", json_type: "Double" },
      `unsupported json cast type for json field group_by operations: Double${invalid}`,
    );
    await refused(
      { group_by_field: "more", json_path: "kind" },
      `invalid json_path kind of group by field more${invalid}`,
    );
  });
});
