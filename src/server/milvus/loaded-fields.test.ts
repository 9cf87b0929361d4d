/** A load that names some fields: what is not loaded is not to be had in any way, also while growing rows still hold it. */

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { DataType } from "../../model/types.ts";
import { SearchRequestSchema } from "../wire/generated/milvus_pb.js";
import { IDsSchema } from "../wire/generated/schema_pb.js";
import {
  KEY,
  int64s,
  ok,
  params,
  schemaBytes,
  searchFor,
  service,
  vectorField,
  vectors,
  whenLoaded,
} from "./testing/messages.ts";
import { served } from "./testing/served.ts";

const NAME = "part";
const NEAR = [1, 0, 0, 0];

describe("fields that are not loaded", () => {
  const db = served();

  before(async () => {
    const fields = [KEY, vectorField(), vectorField(4, "other"), { name: "size", dataType: DataType.Int64 }];
    const schema = schemaBytes({ name: NAME, fields });
    ok(await db.client.call(service.createCollection, { collectionName: NAME, schema }));
    for (const fieldName of ["vector", "other"]) {
      const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
      ok(await db.client.call(service.createIndex, { collectionName: NAME, fieldName, extraParams }));
    }
    ok(await db.client.call(service.loadCollection, { collectionName: NAME, loadFields: ["id", "vector"] }));
    await whenLoaded(db.client, NAME);
    const fieldsData = [
      int64s("id", [1, 2]),
      vectors([NEAR, NEAR]),
      vectors([NEAR, NEAR], "other"),
      int64s("size", [3, 4]),
    ];
    ok(await db.client.call(service.insert, { collectionName: NAME, fieldsData, numRows: 2 }));
  });

  const on = (field: string, more: Readonly<Record<string, string>> = {}) =>
    searchFor(NAME, [NEAR], { anns_field: field, topk: "2", ...more });
  const notLoaded = 'failed to create query plan: ann field "other" not loaded: invalid parameter';

  test("a vector is not searched: alone, in a hybrid search, or for the rows of keys", async () => {
    ok(await db.client.call(service.search, on("vector")));
    const alone = await db.client.call(service.search, on("other"));
    assert.deepEqual([alone.status!.reason, alone.status!.code], [notLoaded, 1100]);
    const requests = ["vector", "other"].map((field) => create(SearchRequestSchema, on(field)));
    const rankParams = params({ strategy: "rrf", params: '{"k":60}', limit: "1" });
    const hybrid = await db.client.call(service.hybridSearch, { collectionName: NAME, requests, rankParams });
    assert.deepEqual([hybrid.status!.reason, hybrid.status!.code], [notLoaded, 1100]);
    const value = create(IDsSchema, { idField: { case: "intId", value: { data: [1n] } } });
    const byKeys = (field: string) =>
      db.client.call(service.search, {
        ...on(field),
        searchInput: { case: "ids", value },
        searchByPrimaryKeys: true,
        nq: 1n,
      });
    ok(await byKeys("vector"));
    const named = await byKeys("other");
    assert.deepEqual([named.status!.reason, named.status!.code], [notLoaded, 1100]);
  });

  test("a search is not ordered by one", async () => {
    ok(await db.client.call(service.search, on("vector", { order_by_fields: "id:desc" })));
    const ordered = await db.client.call(service.search, on("vector", { order_by_fields: "size:desc" }));
    assert.equal(ordered.status!.reason, "field size is not loaded: invalid parameter");
  });
});
