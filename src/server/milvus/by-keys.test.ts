import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConsistencyLevel } from "../wire/generated/common_pb.js";
import type { SearchResults } from "../wire/generated/milvus_pb.js";
import {
  load,
  ok,
  params,
  schemaBytes,
  searchFor,
  service,
  textField,
  texts,
  vectorField,
  vectors,
} from "./testing/messages.ts";
import { IDsSchema } from "../wire/generated/schema_pb.js";
import { served } from "./testing/served.ts";
import { THINGS, type Thing, createThings, hitsOf, ranked } from "./testing/things.ts";

describe("search by keys", () => {
  const db = served();
  let rows: readonly Thing[];

  before(async () => {
    rows = await createThings(db.client);
  });

  function send(
    ids: readonly number[] | readonly string[],
    given: Readonly<Record<string, string>> = {},
    more: Parameters<typeof searchFor>[3] = {},
    collectionName = THINGS,
  ): Promise<SearchResults> {
    const idField =
      typeof ids[0] === "string"
        ? { case: "strId" as const, value: { data: [...ids] as string[] } }
        : { case: "intId" as const, value: { data: ids.map(BigInt) } };
    const searchInput = { case: "ids", value: create(IDsSchema, { idField }) } as const;
    const asked = { anns_field: "near", topk: "6", ...given };
    return db.client.call(
      service.search,
      searchFor(collectionName, [], asked, { searchInput, searchByPrimaryKeys: true, nq: BigInt(ids.length), ...more }),
    );
  }

  // One of each part: flushed twice, in memory, written again.
  const KEYS = [299, 3, 150, 0, 23, 203];

  for (const field of ["near", "along"] as const) {
    test(`finds what the rows' own vectors find, in the order of the keys: ${field}`, async () => {
      const byId = new Map(rows.map((row) => [row.id, row]));
      const keys = KEYS.filter((id) => byId.has(id));
      assert.ok(keys.length >= 5);
      const answer = await send(keys, { anns_field: field }, { dsl: "size > -2" });
      ok(answer);
      const passing = rows.filter(({ size }) => size > -2);
      assert.deepEqual(
        hitsOf(answer),
        keys.map((id) =>
          ranked(passing, field, byId.get(id)![field])
            .slice(0, 6)
            .map(({ row, score }) => ({ id: row.id, score })),
        ),
      );
    });
  }

  test("goes together with groups", async () => {
    const id = rows[10]!.id;
    const answer = await send([id], { group_by_field: "flag", topk: "2" });
    ok(answer);
    const best = ranked(rows, "near", rows[10]!.near);
    const wanted = [true, false].map((flag) => best.find(({ row }) => row.flag === flag)!.row.id);
    assert.deepEqual(
      hitsOf(answer)[0]!
        .map((hit) => hit.id)
        .toSorted(),
      wanted.toSorted(),
    );
  });

  test("takes VarChar keys", async () => {
    const collectionName = "named";
    const name = { ...textField("name", 8), isPrimaryKey: true };
    const schema = schemaBytes({ name: collectionName, fields: [name, vectorField(2)] });
    ok(
      await db.client.call(service.createCollection, {
        collectionName,
        schema,
        consistencyLevel: ConsistencyLevel.Strong,
      }),
    );
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await db.client.call(service.createIndex, { collectionName, fieldName: "vector", extraParams }));
    await load(db.client, collectionName);
    const points = [
      [0, 0],
      [1, 0],
      [5, 5],
    ];
    const fieldsData = [texts("name", ["a", "ä", "z"]), vectors(points)];
    ok(await db.client.call(service.insert, { collectionName, fieldsData, numRows: 3 }));
    const answer = await send(["z", "ä"], { anns_field: "vector", topk: "2" }, {}, collectionName);
    ok(answer);
    assert.deepEqual(answer.results!.ids!.idField.value!.data, ["z", "ä", "ä", "a"]);
    assert.deepEqual(answer.results!.scores, [0, 41, 0, 1]);
    const { status } = await send([1], { anns_field: "vector" }, {}, collectionName);
    assert.deepEqual(
      [status!.code, status!.reason],
      [1100, "primary key is varchar, but IDs type mismatch: invalid parameter"],
    );
    const gone = await send(["q", "a", "p"], { anns_field: "vector" }, {}, collectionName);
    assert.equal(
      gone.status!.reason,
      "some of the provided primary key IDs do not exist: missing IDs = [q p]: invalid parameter",
    );
  });

  test("refuses keys that are missing, deleted, repeated, of another type, or elsewhere", async () => {
    const refused = async (answer: Promise<SearchResults>, text: string): Promise<void> => {
      const { status } = await answer;
      assert.deepEqual([status!.code, status!.reason], [1100, `${text}: invalid parameter`]);
    };
    const missing = "some of the provided primary key IDs do not exist: missing IDs =";
    await refused(send([1000, 0, -4]), `${missing} [1000 -4]`);
    await refused(send([0, 5]), `${missing} [5]`);
    await refused(send([0, 1, 0]), "duplicate IDs found in search request");
    await refused(send(["a"]), "primary key is int64, but IDs type mismatch");
    ok(await db.client.call(service.createPartition, { collectionName: THINGS, partitionName: "empty" }));
    ok(await db.client.call(service.loadPartitions, { collectionName: THINGS, partitionNames: ["empty"] }));
    await refused(send([0, 1], {}, { partitionNames: ["empty"] }), `${missing} [0 1]`);
    const nothing = { searchInput: { case: undefined } } as Parameters<typeof searchFor>[3];
    await refused(send([0], {}, nothing), "a search by primary keys takes IDs");
    await refused(
      send([]),
      "nq [0] is invalid, nq (number of search vector per search request) should be in range [1, 16384], but got 0",
    );
  });
});
