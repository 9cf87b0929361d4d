/**
 * Each limit of Milvus, at the limit and one past it: what is at the limit works, what is past it is refused with Milvus's words.
 *
 * Not here: 1,024 partitions and 65,536 collections made one by one, which takes too long.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { DataType } from "../../src/model/types.ts";
import type { Status } from "../../src/server/wire/generated/common_pb.js";
import { SearchRequestSchema } from "../../src/server/wire/generated/milvus_pb.js";
import {
  KEY,
  int64s,
  ok,
  params,
  schemaBytes,
  searchFor,
  service,
  textField,
  texts,
  vectorField,
  vectors,
} from "../../src/server/milvus/testing/messages.ts";
import type { TestClient } from "../../src/server/milvus/testing/server.ts";
import { type Fixture, openWith } from "./fixture.ts";

type Answer = Promise<{ readonly status?: Status | undefined } | Status>;

/** `send` at the limit and past it; what is made there is dropped by whoever runs it. */
interface Limit {
  readonly name: string;
  readonly send: (client: TestClient, isPast: boolean) => Answer;
  readonly text: RegExp;
  readonly code?: number;
}

const ROWS = "rows";
const COUNT = 3;

function making(name: string, more: Parameters<typeof schemaBytes>[0]["fields"], rest: object = {}) {
  return (client: TestClient): Answer =>
    client.call(service.createCollection, {
      collectionName: name,
      schema: schemaBytes({ name, fields: [KEY, ...more!], ...rest }),
    });
}

function fieldsOf(count: number, dataType: DataType): { name: string; dataType: DataType }[] {
  return Array.from({ length: count }, (_, at) => ({ name: `f${at}`, dataType }));
}

function dense(dataType: DataType, dim: number) {
  return { name: "v", dataType, typeParams: params({ dim: String(dim) }) };
}

function putting(columns: Record<string, unknown>[]) {
  return (client: TestClient): Answer =>
    client.call(service.insert, {
      collectionName: ROWS,
      fieldsData: [int64s("id", [1]), vectors([[1, 0, 0, 0]]), ...columns] as never,
      numRows: 1,
    });
}

function document(bytes: number) {
  const data = [new TextEncoder().encode(JSON.stringify("x".repeat(bytes - 2)))];
  return {
    type: DataType.JSON,
    fieldName: "document",
    field: { case: "scalars", value: { data: { case: "jsonData", value: { data } } } },
  };
}

function array(count: number) {
  const one = { data: { case: "intData", value: { data: Array.from({ length: count }, () => 1) } } };
  return {
    type: DataType.Array,
    fieldName: "list",
    field: {
      case: "scalars",
      value: { data: { case: "arrayData", value: { data: [one], elementType: DataType.Int8 } } },
    },
  };
}

const text = (value: string) => texts("text", [value]) as Record<string, unknown>;
const past = (isPast: boolean, limit: number): number => limit + (isPast ? 1 : 0);
const near = [1, 0, 0, 0];

const LIMITS: readonly Limit[] = [
  {
    name: "a name of a collection",
    send: (client, isPast) => making("n".repeat(past(isPast, 255)), [vectorField()])(client),
    text: /the length of a collection name must be less than 255 characters/,
  },
  {
    name: "a name of a field",
    send: (client, isPast) => making("made", [vectorField(), textField("f".repeat(past(isPast, 255)), 3)])(client),
    text: /The length of a field name must be less than 255 characters\./,
    code: 1701,
  },
  {
    name: "a name of an alias",
    send: async (client, isPast) => {
      const alias = "a".repeat(past(isPast, 255));
      const answer = await client.call(service.createAlias, { collectionName: ROWS, alias });
      ok(await client.call(service.dropAlias, { alias: "a".repeat(255) }));
      return answer;
    },
    text: /the length of a collection alias must be less than 255 characters/,
  },
  {
    name: "a name of a partition",
    send: async (client, isPast) => {
      const partitionName = "p".repeat(past(isPast, 255));
      return client.call(service.createPartition, { collectionName: ROWS, partitionName });
    },
    text: /^Invalid partition name: p+\. The length of a partition name must be less than 255 characters\./,
  },
  {
    name: "a name of a database",
    send: async (client, isPast) => {
      const dbName = "d".repeat(past(isPast, 255));
      const answer = await client.call(service.createDatabase, { dbName });
      if (!isPast) ok(await client.call(service.dropDatabase, { dbName }));
      return answer;
    },
    text: /^the length of a database name must be less than 255 characters/,
    code: 802,
  },
  {
    name: "a description",
    // Bytes, not characters.
    send: (client, isPast) =>
      making("made", [vectorField()], { description: "ü".repeat(512) + "x".repeat(past(isPast, 0)) })(client),
    text: /^the length of a collection description must be at most 1024 bytes, but got 1025/,
  },
  {
    name: "fields",
    send: (client, isPast) => making("made", [vectorField(), ...fieldsOf(past(isPast, 62), DataType.Int8)])(client),
    text: /^maximum field's number should be limited to 64/,
  },
  {
    name: "vector fields",
    send: (client, isPast) =>
      making(
        "made",
        Array.from({ length: past(isPast, 10) }, (_, at) => vectorField(4, `v${at}`)),
      )(client),
    text: /^maximum vector field's number should be limited to 10/,
  },
  {
    name: "shards",
    send: (client, isPast) =>
      client.call(service.createCollection, {
        collectionName: "made",
        schema: schemaBytes({ name: "made", fields: [KEY, vectorField()] }),
        shardsNum: past(isPast, 16),
      }),
    text: /^maximum shards's number should be limited to 16/,
  },
  ...[DataType.FloatVector, DataType.Float16Vector, DataType.BFloat16Vector, DataType.Int8Vector].map(
    (type): Limit => ({
      name: `dimensions of type ${type}`,
      send: (client, isPast) => making("made", [dense(type, past(isPast, 32_768))])(client),
      text: /^invalid dimension: 32769 of field v\. float vector dimension should be in range 2 ~ 32768/,
    }),
  ),
  {
    name: "fewest dimensions",
    send: (client, isPast) => making("made", [dense(DataType.FloatVector, isPast ? 1 : 2)])(client),
    text: /^invalid dimension: 1\. should be in range 2 ~ 32768/,
  },
  {
    name: "dimensions of binary vectors",
    send: (client, isPast) => making("made", [dense(DataType.BinaryVector, 262_144 + (isPast ? 8 : 0))])(client),
    text: /^invalid dimension: 262152 of field v\. binary vector dimension should be in range 2 ~ 262144/,
  },
  {
    name: "max_length",
    send: (client, isPast) => making("made", [vectorField(), textField("t", past(isPast, 65_535))])(client),
    text: /^the maximum length specified for the field\(t\) should be in \(0, 65535\], but got 65536 instead/,
  },
  {
    name: "max_capacity",
    send: (client, isPast) => {
      const typeParams = params({ max_capacity: String(past(isPast, 4_096)) });
      const list = { name: "list", dataType: DataType.Array, elementType: DataType.Int8, typeParams };
      return making("made", [vectorField(), list])(client);
    },
    text: /^the maximum capacity specified for a Array should be in \(0, 4096\]/,
  },
  {
    name: "num_partitions",
    send: (client, isPast) =>
      client.call(service.createCollection, {
        collectionName: "made",
        schema: schemaBytes({
          name: "made",
          fields: [KEY, vectorField(), { name: "tenant", dataType: DataType.Int64, isPartitionKey: true }],
        }),
        numPartitions: BigInt(past(isPast, 1_024)),
      }),
    text: /^partition number \(1025\) exceeds max configuration \(1024\)/,
  },
  {
    name: "a text",
    send: (client, isPast) => putting([text("x".repeat(past(isPast, 65_535))), document(9), array(1)])(client),
    text: /^length of varchar field text exceeds max length, row number: 0, length: 65536, max length: 65535/,
  },
  {
    name: "a document",
    send: (client, isPast) => putting([text(""), document(past(isPast, 65_536)), array(1)])(client),
    text: /^the length \(65537\) of json field \(document\) exceeds max length \(65536\)/,
  },
  {
    name: "an array",
    send: (client, isPast) => putting([text(""), document(9), array(past(isPast, 4_096))])(client),
    text: /^the length \(4097\) of 0th array exceeds max capacity \(4096\)/,
  },
  {
    name: "hits of a search",
    send: (client, isPast) => client.call(service.search, searchFor(ROWS, [near], { topk: `${past(isPast, 16_384)}` })),
    text: /^topk \[16385\] is invalid, it should be in range \[1, 16384\], but got 16385/,
  },
  {
    name: "hits and offset of a search",
    send: (client, isPast) =>
      client.call(service.search, searchFor(ROWS, [near], { topk: "384", offset: `${past(isPast, 16_000)}` })),
    text: /^offset\+topk \[16385\] is invalid, it should be in range \[1, 16384\], but got 16385/,
  },
  {
    name: "queries of a search",
    send: (client, isPast) =>
      client.call(
        service.search,
        searchFor(
          ROWS,
          Array.from({ length: past(isPast, 16_384) }, () => near),
          { topk: "1" },
        ),
      ),
    text: /^nq \[16385\] is invalid, nq \(number of search vector per search request\) should be in range \[1, 16384\]/,
  },
  {
    name: "digits of scores",
    send: (client, isPast) =>
      client.call(service.search, searchFor(ROWS, [near], { round_decimal: `${past(isPast, 6)}` })),
    text: /^round_decimal \[7\] is invalid, should be -1 or an integer in range \[0, 6\]/,
  },
  {
    name: "rows of a group",
    send: (client, isPast) =>
      client.call(
        service.search,
        searchFor(ROWS, [near], { group_by_field: "text", group_size: `${past(isPast, 10)}` }),
      ),
    text: /^input group size:11 exceeds configured max group size:10/,
  },
  {
    name: "rows and offset of a query",
    send: (client, isPast) =>
      client.call(service.query, {
        collectionName: ROWS,
        expr: "id > 0",
        queryParams: params({ limit: "384", offset: `${past(isPast, 16_000)}` }),
      }),
    text: /^invalid max query result window, \(offset\+limit\) should be in range \[1, 16384\], but got 16385/,
  },
  {
    name: "searches of a hybrid one",
    send: (client, isPast) =>
      client.call(service.hybridSearch, {
        collectionName: ROWS,
        requests: Array.from({ length: past(isPast, 1_024) }, () =>
          create(SearchRequestSchema, searchFor(ROWS, [near], { topk: "1" })),
        ),
        rankParams: params({ strategy: "rrf", params: '{"k":60}', limit: "1" }),
      }),
    text: /^maximum of ann search requests is 1024/,
  },
  {
    name: "seconds to live",
    send: (client, isPast) =>
      client.call(service.alterCollection, {
        collectionName: ROWS,
        properties: params({ "collection.ttl.seconds": String(past(isPast, 3_155_760_000)) }),
      }),
    text: /^collection TTL is out of range, expect \[-1, 3155760000\], got 3155760001/,
  },
];

describe("limits", () => {
  let fixture: Fixture;
  let client: TestClient;

  before(async () => {
    const list = { name: "list", dataType: DataType.Array, elementType: DataType.Int8 };
    const fields = [
      KEY,
      vectorField(),
      textField("text", 65_535),
      { name: "document", dataType: DataType.JSON },
      { ...list, typeParams: params({ max_capacity: "4096" }) },
    ];
    fixture = await openWith({ name: ROWS, fields });
    ({ client } = fixture);
  });

  after(() => fixture.close());

  for (const { name, send, text: expected, code = 1100 } of LIMITS) {
    test(name, async () => {
      const at = await send(client, false);
      ok(at);
      for (const collectionName of (await client.call(service.showCollections, {})).collectionNames) {
        if (collectionName !== ROWS) ok(await client.call(service.dropCollection, { collectionName }));
      }
      const answer = await send(client, true);
      const status = "code" in answer ? answer : answer.status!;
      assert.match(status.reason, expected);
      assert.equal(status.code, code);
    });
  }

  test("databases: 64 of them, and as many collections in one as it says", async () => {
    const creating = (dbName: string, most?: number): Answer =>
      client.call(service.createDatabase, {
        dbName,
        properties: most === undefined ? [] : params({ "database.max.collections": String(most) }),
      });
    for (let count = 1; count < 64; count += 1) ok(await creating(`d${count}`, COUNT));
    const refused = (await creating("one_more")) as Status;
    assert.deepEqual([refused.code, refused.reason], [801, "exceeded the limit number of database[limit=64]"]);
    const making3 = (collectionName: string, dbName: string): Promise<Status> =>
      client.call(service.createCollection, {
        dbName,
        collectionName,
        schema: schemaBytes({ name: collectionName, fields: [KEY, vectorField()] }),
      });
    for (let at = 0; at < COUNT; at += 1) ok(await making3(`c${at}`, "d1"));
    const full = "exceeded the limit number of collections[dbName=d1][limit=3]";
    const fourth = await making3("c9", "d1");
    assert.deepEqual([fourth.code, fourth.reason], [102, full]);
    ok(await making3("c9", "d2"));
    const renaming = { dbName: "d2", oldName: "c9", newName: "c9", newDBName: "d1" };
    const moved = await client.call(service.renameCollection, renaming);
    assert.deepEqual([moved.code, moved.reason], [102, full]);
    ok(await client.call(service.dropCollection, { dbName: "d1", collectionName: "c0" }));
    ok(await client.call(service.renameCollection, renaming));
  });

  test("partitions of shards: 65,536 in all", async () => {
    const create1024 = (collectionName: string, shardsNum: number): Promise<Status> =>
      client.call(service.createCollection, {
        collectionName,
        schema: schemaBytes({
          name: collectionName,
          fields: [KEY, vectorField(), { name: "tenant", dataType: DataType.Int64, isPartitionKey: true }],
        }),
        shardsNum,
        numPartitions: 1_024n,
      });
    for (let at = 0; at < 3; at += 1) ok(await create1024(`wide${at}`, 16));
    const fourth = await create1024("wide3", 16);
    assert.equal(fourth.code, 250);
    assert.match(fourth.reason, /^general capacity exceeded\[newGeneralCapacity=16384\]/);
    ok(await client.call(service.dropCollection, { collectionName: "wide0" }));
    ok(await create1024("wide3", 16));
    for (let at = 0; at < 3; at += 1) {
      ok(await client.call(service.dropCollection, { collectionName: `wide${at + 1}` }));
    }
  });
});
