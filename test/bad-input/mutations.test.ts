/**
 * Good requests with bytes changed, cut, doubled and swapped: whatever comes of it, the answer is an answer of Milvus or INTERNAL, no
 * role takes a fault, and the server goes on.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type DescMessage, type MessageInitShape, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { int64s, ok, params, quickSchema, searchFor, service } from "../../src/server/milvus/testing/messages.ts";
import { MilvusService } from "../../src/server/wire/generated/milvus_pb.js";
import { BOOKS, type Fixture, goodColumns, openFixture } from "./fixture.ts";

const INTERNAL = 13;

function bytesOf<Schema extends DescMessage>(schema: Schema, init: MessageInitShape<Schema>): Uint8Array {
  return toBinary(schema, create(schema, init));
}

const collectionName = BOOKS;
const REQUESTS = [
  {
    method: service.insert,
    bytes: bytesOf(service.insert.input, { collectionName, fieldsData: goodColumns(), numRows: 3 }),
  },
  {
    method: service.upsert,
    bytes: bytesOf(service.upsert.input, { collectionName, fieldsData: goodColumns(), numRows: 3 }),
  },
  {
    method: service.delete,
    bytes: bytesOf(service.delete.input, {
      collectionName,
      expr: "id in {ids} and pages > 3",
      exprTemplateValues: {
        ids: { val: { case: "arrayVal", value: { data: { case: "longData", value: { data: [900n] } } } } },
      },
    }),
  },
  {
    method: service.search,
    bytes: bytesOf(service.search.input, {
      ...searchFor(BOOKS, [[1, 0, 0, 0]], { params: '{"radius":9}', offset: "1" }),
      dsl: 'title like "t%" or pages < 20',
      outputFields: ["*"],
    }),
  },
  {
    method: service.query,
    bytes: bytesOf(service.query.input, {
      collectionName,
      expr: 'id in [1, 2] or title == "three"',
      outputFields: ["vector", "title"],
      queryParams: params({ limit: "10", offset: "1" }),
    }),
  },
  {
    method: service.createCollection,
    bytes: bytesOf(service.createCollection.input, {
      collectionName: "made",
      schema: quickSchema("made"),
      properties: params({ "collection.ttl.seconds": "60" }),
    }),
  },
  {
    method: service.createIndex,
    bytes: bytesOf(service.createIndex.input, {
      collectionName,
      fieldName: "pages",
      extraParams: params({ index_type: "INVERTED" }),
    }),
  },
  { method: service.describeCollection, bytes: bytesOf(service.describeCollection.input, { collectionName }) },
  {
    method: service.createPartition,
    bytes: bytesOf(service.createPartition.input, { collectionName, partitionName: "p" }),
  },
  { method: service.createAlias, bytes: bytesOf(service.createAlias.input, { collectionName, alias: "b" }) },
  { method: service.createDatabase, bytes: bytesOf(service.createDatabase.input, { dbName: "d" }) },
] as const;

type Mutation =
  | { readonly kind: "set"; readonly at: number; readonly byte: number }
  | { readonly kind: "cut" | "drop" | "double"; readonly at: number };

const mutations = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("set" as const), at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }),
    fc.record({ kind: fc.constantFrom("cut" as const, "drop" as const, "double" as const), at: fc.nat() }),
  ),
  { minLength: 1, maxLength: 4 },
);

function mutate(bytes: Uint8Array, list: readonly Mutation[]): Uint8Array {
  let result = Buffer.from(bytes);
  for (const mutation of list) {
    if (result.length === 0) break;
    const at = mutation.at % result.length;
    switch (mutation.kind) {
      case "set":
        result[at] = mutation.byte;
        break;
      case "cut":
        result = result.subarray(0, at);
        break;
      case "drop":
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + 1)]);
        break;
      case "double":
        result = Buffer.concat([result, result.subarray(at)]);
    }
  }
  return result;
}

describe("good requests, damaged", () => {
  let fixture: Fixture;
  before(async () => void (fixture = await openFixture()));
  after(() => fixture.close());

  for (const { method, bytes } of REQUESTS) {
    test(method.name, { timeout: 60_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(mutations, async (list) => {
          const path = `/${MilvusService.typeName}/${method.name}`;
          const reply = await fixture.client.raw(path, mutate(bytes, list));
          if (reply.error !== null) return assert.equal(reply.error.code, INTERNAL, reply.error.details);
          const answer: object = fromBinary(method.output, reply.bytes!);
          const status = ("status" in answer ? answer.status : answer) as { code: number; reason: string };
          assert.equal(status.code === 0, status.reason === "", "an error has a text");
          assert.notEqual(status.code, 65_535, status.reason);
          assert.deepEqual(fixture.server.faults, []);
        }),
        { numRuns: 300 },
      );
    });
  }

  test("and the server goes on", async () => {
    const fieldsData = goodColumns(int64s("id", [701, 702, 703]));
    ok(await fixture.client.call(service.insert, { collectionName, fieldsData, numRows: 3 }));
  });
});
