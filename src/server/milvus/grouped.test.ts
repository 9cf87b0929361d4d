import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { SearchResults } from "../wire/generated/milvus_pb.js";
import { ok, searchFor, service } from "./testing/messages.ts";
import { type Running, TestClient, startServer } from "./testing/server.ts";
import { THINGS, type Thing, columnsOf, createThings, hitsOf, ranked, valuesOf } from "./testing/things.ts";

const QUERIES = [
  [1, 2, 0],
  [4, 0, 2],
  [0, 3, 1],
];

type GroupField = "color" | "size" | "big" | "flag" | "id";

describe("search in groups", () => {
  let server: Running;
  let client: TestClient;
  let rows: readonly Thing[];

  before(async () => {
    server = await startServer();
    client = new TestClient(server.port);
    rows = await createThings(client, 600);
  });

  after(async () => {
    client.close();
    await server.close();
    assert.deepEqual(server.faults, []);
  });

  function send(
    given: Readonly<Record<string, string>>,
    more: Parameters<typeof searchFor>[3] = {},
    queries: readonly (readonly number[])[] = QUERIES,
  ): Promise<SearchResults> {
    return client.call(service.search, searchFor(THINGS, queries, { anns_field: "near", ...given }, more));
  }

  /** Looks at every row: groups by their best row, each with its best rows. */
  function grouped(
    from: readonly Thing[],
    query: readonly number[],
    field: GroupField,
    { size, offset, limit }: { readonly size: number; readonly offset: number; readonly limit: number },
  ): { readonly id: number; readonly score: number; readonly group: unknown }[] {
    const groups = new Map<unknown, { id: number; score: number; group: unknown }[]>();
    for (const { row, score } of ranked(from, "near", query)) {
      const members = groups.get(row[field]) ?? [];
      groups.set(row[field], members);
      if (members.length < size) members.push({ id: row.id, score, group: row[field] });
    }
    return [...groups.values()].slice(offset, offset + limit).flat();
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
        for (const [size, limit, offset] of [
          [1, 3, 0],
          [3, 4, 1],
          [10, 100, 0],
          [2, 2, 5],
          [10, 600, 0],
        ] as const) {
          const given = {
            group_by_field: field,
            topk: String(limit),
            offset: String(offset),
            group_size: String(size),
          };
          const answer = await send(given, { dsl: text, outputFields: ["size", "color"] });
          ok(answer);
          const wanted = QUERIES.map((query) => grouped(rows.filter(passes), query, field, { size, offset, limit }));
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

  test("a strict size finds the same, since no row is left out anyway", async () => {
    const given = { group_by_field: "color", topk: "4", group_size: "5" };
    const [strict, loose] = [await send({ ...given, strict_group_size: "True" }), await send(given)];
    ok(strict);
    assert.deepEqual(hitsOf(strict), hitsOf(loose));
    assert.deepEqual(
      hitsOf(strict)[0]!.map(({ id }) => id),
      grouped(rows, QUERIES[0]!, "color", { size: 5, offset: 0, limit: 4 }).map(({ id }) => id),
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
        ok(await client.call(service.upsert, request));
        if (round % 2 === 1) ok(await client.call(service.flush, { collectionNames: [THINGS] }));
      }
    };
    const writing = write().finally(() => (state.isWriting = false));
    const sizes = { size: 4, offset: 1, limit: 4 };
    const wanted = QUERIES.map((query) => grouped(rows, query, "color", sizes).map(({ id }) => id));
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
    await refused({ group_by_field: "none" }, "groupBy field not found in schema: field not found[field=none]", 1700);
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
    await refused({ ...group, json_path: '$["a"]' }, `json_path of a group by is not supported yet${invalid}`);
    await refused({ group_by_fields: "color,size" }, `group_by_fields is not supported yet${invalid}`);
  });
});
