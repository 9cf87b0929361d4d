import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { KeyValuePair } from "../wire/generated/common_pb.js";
import {
  createQuick,
  int64s,
  load,
  ok,
  params,
  searchFor,
  service,
  textField,
  texts,
  vectors,
} from "./testing/messages.ts";
import { served } from "./testing/served.ts";

type Properties = Readonly<Record<string, string>>;

function pairs(properties: readonly KeyValuePair[]): [string, string][] {
  return properties.map(({ key, value }) => [key, value]);
}

describe("properties that change", () => {
  const db = served();

  async function created(collectionName: string): Promise<void> {
    await createQuick(db.client, collectionName, { fields: [textField("name", 5)] });
  }

  async function put(collectionName: string, id: number, name: string): Promise<string> {
    const fieldsData = [int64s("id", [id]), vectors([[id, 0, 0, 0]]), texts("name", [name])];
    return (await db.client.call(service.insert, { collectionName, fieldsData, numRows: 1 })).status!.reason;
  }

  type Answer = [code: number, reason: string];

  async function alter(collectionName: string, set: Properties, deleteKeys: string[] = []): Promise<Answer> {
    const request = { collectionName, properties: params(set), deleteKeys };
    const { code, reason } = await db.client.call(service.alterCollection, request);
    return [code, reason];
  }

  async function alterField(
    collectionName: string,
    fieldName: string,
    set: Properties,
    deleteKeys: string[] = [],
  ): Promise<Answer> {
    const request = { collectionName, fieldName, properties: params(set), deleteKeys };
    const { code, reason } = await db.client.call(service.alterCollectionField, request);
    return [code, reason];
  }

  async function alterIndex(
    collectionName: string,
    indexName: string,
    set: Properties,
    deleteKeys: string[] = [],
  ): Promise<Answer> {
    const request = { collectionName, indexName, extraParams: params(set), deleteKeys };
    const { code, reason } = await db.client.call(service.alterIndex, request);
    return [code, reason];
  }

  function refused(answer: Answer, code: number, beginning: string): void {
    assert.equal(answer[0], code, answer[1]);
    assert.ok(answer[1].startsWith(beginning), answer[1]);
  }

  const DONE: Answer = [0, ""];

  test("of a field: how long its texts may be, at once and with rows that are there", async () => {
    const collectionName = "lengths";
    await created(collectionName);
    await load(db.client, collectionName);
    assert.equal(await put(collectionName, 1, "short"), "");
    assert.match(await put(collectionName, 2, "longer"), /exceeds max length/);
    assert.deepEqual(await alterField(collectionName, "name", { max_length: "10" }), DONE);
    assert.equal(await put(collectionName, 2, "longer"), "");
    assert.deepEqual(await alterField(collectionName, "name", { max_length: "3" }), DONE);
    assert.match(await put(collectionName, 3, "four"), /exceeds max length/);
    const found = await db.client.call(
      service.search,
      searchFor(collectionName, [[0, 0, 0, 0]], {}, { outputFields: ["name"] }),
    );
    ok(found);
    const { field } = found.results!.fieldsData[0]!;
    assert.ok(field.case === "scalars" && field.value.data.case === "stringData");
    assert.deepEqual(field.value.data.value.data, ["short", "longer"]);
    const told = await db.client.call(service.describeCollection, { collectionName });
    assert.deepEqual(pairs(told.schema!.fields.find(({ name }) => name === "name")!.typeParams), [["max_length", "3"]]);
  });

  test("of a field: what is kept, described and deleted", async () => {
    const collectionName = "fields";
    await created(collectionName);
    const set = { "mmap.enabled": "true", warmup: "sync", "field.description": "who it is" };
    const before = await db.client.call(service.describeCollection, { collectionName });
    assert.deepEqual(await alterField(collectionName, "name", set), DONE);
    const told = await db.client.call(service.describeCollection, { collectionName });
    const field = told.schema!.fields.find(({ name }) => name === "name")!;
    assert.equal(field.description, "who it is");
    assert.deepEqual(pairs(field.typeParams), [
      ["max_length", "5"],
      ["mmap.enabled", "true"],
      ["warmup", "sync"],
    ]);
    assert.ok(told.updateTimestamp > before.updateTimestamp);
    assert.deepEqual(await alterField(collectionName, "name", {}, ["mmap.enabled", "warmup"]), DONE);
    const later = await db.client.call(service.describeCollection, { collectionName });
    const after = later.schema!.fields.find(({ name }) => name === "name")!;
    assert.deepEqual(pairs(after.typeParams), [["max_length", "5"]]);
  });

  test("of a field: refusals", async () => {
    const collectionName = "field_refusals";
    await created(collectionName);
    const field = (name: string, set: Properties, deleteKeys: string[] = []): Promise<Answer> =>
      alterField(collectionName, name, set, deleteKeys);
    refused(await field("name", {}), 1100, "no properties or delete keys provided");
    refused(
      await field("name", { nullable: "true" }),
      1100,
      "nullable does not allow update in collection field param",
    );
    refused(
      await field("name", { element_type: "1" }),
      1100,
      "element_type does not allow update in collection field param",
    );
    const lengths = await field("vector", { max_length: "5" });
    assert.equal(lengths[0], 1100);
    assert.match(lengths[1], /can not modify the maxlength for non-string types/);
    for (const length of ["0", "-1"]) {
      refused(await field("name", { max_length: length }), 1100, "the maximum length specified for the field(name)");
    }
    for (const length of ["1.5", "long"]) {
      refused(await field("name", { max_length: length }), 1100, "max_length should be an integer, but got string");
    }
    refused(await field("name", { max_length: "65536" }), 1100, "65536 exceeds the maximum allowed value 65535");
    const capacities = await field("name", { max_capacity: "5" });
    assert.match(capacities[1], /can not modify the maxcapacity for non-array types/);
    refused(await field("name", { "mmap.enabled": "perhaps" }), 1100, "invalid mmap.enabled value: perhaps");
    refused(await field("name", { warmup: "hot" }), 1100, "invalid warmup policy");
    refused(await field("name", {}, ["max_length"]), 1100, "max_length is not allowed to drop");
    refused(await field("nothing", { max_length: "5" }), 1700, "field not found");
    refused(await field("$meta", { "mmap.enabled": "true" }), 1700, "field not found");
    refused(await alterField("nothing", "name", { max_length: "5" }), 100, "collection not found");
    await load(db.client, collectionName);
    refused(
      await field("name", { "mmap.enabled": "true" }),
      104,
      "can not alter collection field properties if collection loaded",
    );
    refused(await field("name", { warmup: "sync" }), 104, "can not alter warmup if collection loaded");
    refused(
      await field("name", {}, ["mmap_enabled"]),
      104,
      "can not drop collection field properties if collection loaded",
    );
    assert.deepEqual(await field("name", { "field.description": "fine" }), DONE);
  });

  test("of an index", async () => {
    const collectionName = "indexes";
    await created(collectionName);
    const index = (name: string, set: Properties, deleteKeys: string[] = []): Promise<Answer> =>
      alterIndex(collectionName, name, set, deleteKeys);
    const told = async (): Promise<[string, string][]> => {
      const answer = await db.client.call(service.describeIndex, { collectionName, indexName: "vector" });
      ok(answer);
      return pairs(answer.indexDescriptions[0]!.params);
    };
    assert.deepEqual(await index("vector", { "mmap.enabled": "true" }), DONE);
    const built: [string, string][] = [
      ["index_type", "FLAT"],
      ["metric_type", "L2"],
    ];
    assert.deepEqual(await told(), [...built, ["mmap.enabled", "true"]]);
    assert.deepEqual(await index("vector", { "mmap.enabled": "false" }), DONE);
    assert.deepEqual(await told(), [...built, ["mmap.enabled", "false"]]);
    assert.deepEqual(await index("vector", {}, ["mmap.enabled"]), DONE);
    assert.deepEqual(await told(), built);
    refused(await index("vector", {}), 1100, "no properties or delete keys provided");
    refused(await index("vector", { nlist: "5" }), 1100, "nlist is not a configable index property");
    refused(await index("vector", {}, ["metric_type"]), 1100, "metric_type is not a configable index property");
    refused(await index("vector", { "mmap.enabled": "5" }), 1100, "invalid mmap.enabled value: 5");
    refused(await index("vector", { "mmap.enabled": "true" }, ["warmup"]), 1100, "cannot provide both DeleteKeys");
    refused(await index("nothing", { "mmap.enabled": "true" }), 700, "index not found[indexName=nothing]");
    await load(db.client, collectionName);
    refused(
      await index("vector", { "mmap.enabled": "true" }),
      104,
      "can't alter index on loaded collection, please release the collection first",
    );
  });

  test("of a collection", async () => {
    const collectionName = "collections";
    await created(collectionName);
    const set = { "mmap.enabled": "true", "warmup.vectorIndex": "sync", unknown: "kept" };
    assert.deepEqual(await alter(collectionName, set), DONE);
    assert.deepEqual(await alter(collectionName, {}, ["mmap.enabled", "warmup.vectorIndex"]), DONE);
    const told = await db.client.call(service.describeCollection, { collectionName });
    assert.deepEqual(pairs(told.properties), [["unknown", "kept"]]);
    assert.deepEqual(await alter(collectionName, { consistency_level: "Eventually" }), DONE);
    const later = await db.client.call(service.describeCollection, { collectionName });
    assert.deepEqual([later.consistencyLevel, pairs(later.properties)], [3, [["unknown", "kept"]]]);
    refused(await alter(collectionName, { consistency_level: "Never" }), 1100, "invalid consistency level: Never");
    refused(await alter(collectionName, {}), 1100, "no properties or delete keys provided");
    refused(await alter(collectionName, { "mmap.enabled": "x" }), 1100, "invalid mmap.enabled value: x");
    refused(await alter(collectionName, { "warmup.vectorField": "x" }), 1100, "invalid warmup policy");
    refused(
      await alter(collectionName, { query_mode: "small" }),
      1100,
      'invalid query_mode value "small", valid values: [large_topk]',
    );
    refused(
      await alter(collectionName, { querymode: "x" }),
      1100,
      'invalid property key "querymode", did you mean "query_mode"?',
    );
    refused(
      await alter(collectionName, { query_mode: "large_topk" }),
      702,
      "can not alter query_mode if the collection already has a vector index. Please drop the index first: index duplicates[indexName=vector]",
    );
    // It is not isolated, and stays so.
    assert.deepEqual(await alter(collectionName, { "partitionkey.isolation": "false" }), DONE);
    assert.deepEqual(await alter(collectionName, {}, ["partitionkey.isolation"]), DONE);
    refused(
      await alter(collectionName, { "partitionkey.isolation": "true" }),
      105,
      "partition key isolation mode is enabled but no partition key field is set. Please set the partition key first: illegal collection schema[collection=collections]",
    );
    refused(await alter(collectionName, { a: "b" }, ["c"]), 1100, "cannot provide both DeleteKeys and ExtraParams");
    refused(
      await alter(collectionName, { warmup: "sync" }),
      1100,
      "warmup key 'warmup' is only allowed at field level",
    );
    refused(
      await alter(collectionName, { allow_insert_auto_id: "true" }),
      1100,
      "the value for allow_insert_auto_id must be false when autoID is false",
    );
    refused(
      await alter(collectionName, { "collection.external_source": "x" }),
      1100,
      "cannot alter collection.external_source via alter_collection_properties; use RefreshExternalCollection instead",
    );
    refused(
      await alter(collectionName, {}, ["collection.external_spec"]),
      1100,
      "cannot delete collection.external_spec; external source/spec are immutable post-create",
    );
    assert.deepEqual(await alter(collectionName, { "mmap.enabled": "true" }), DONE);
    await load(db.client, collectionName);
    refused(
      await alter(collectionName, { "mmap.enabled": "false" }),
      104,
      "can not alter mmap properties if collection loaded",
    );
    refused(
      await alter(collectionName, {}, ["mmap.enabled"]),
      104,
      "can not delete mmap properties if collection loaded",
    );
    refused(
      await alter(collectionName, { "warmup.vectorField": "sync" }),
      104,
      "can not alter warmup properties if collection loaded",
    );
    refused(
      await alter(collectionName, {}, ["warmup.vectorField"]),
      104,
      "can not delete warmup.vectorField properties if collection loaded",
    );
    assert.deepEqual(await alter(collectionName, { "collection.ttl.seconds": "60" }), DONE);
  });
});
