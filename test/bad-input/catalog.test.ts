import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  KEY,
  createQuick,
  ok,
  params,
  schemaBytes,
  service,
  vectorField,
} from "../../src/server/milvus/testing/messages.ts";
import { BOOKS, type Fixture, type Refusal, checkRefusal, openFixture, snapshot } from "./fixture.ts";

const INVALID = ": invalid parameter";
const MISSING = "collection not found[database=default][collection=nothing]";
const collectionName = "nothing";

const REFUSALS: readonly Refusal[] = [
  {
    name: "describing a collection that is not there, in words of its own",
    code: 100,
    text: "can't find collection[database=default][collection=nothing]",
    send: (client) => client.call(service.describeCollection, { collectionName }),
  },
  {
    name: "describing an id that is not there",
    code: 100,
    text: "collection not found[collection=12]",
    send: (client) => client.call(service.describeCollection, { collectionID: 12n }),
  },
  {
    name: "describing nothing",
    code: 1100,
    text: `collection name should not be empty${INVALID}`,
    send: (client) => client.call(service.describeCollection, {}),
  },
  {
    name: "describing in a database that is not there",
    code: 800,
    text: "database not found[database=nowhere]",
    send: (client) => client.call(service.describeCollection, { collectionName: BOOKS, dbName: "nowhere" }),
  },
  {
    name: "loading what is not there",
    code: 100,
    text: MISSING,
    send: (client) => client.call(service.loadCollection, { collectionName }),
  },
  {
    name: "releasing what is not there",
    code: 100,
    text: MISSING,
    send: (client) => client.call(service.releaseCollection, { collectionName }),
  },
  {
    name: "flushing what is not there",
    code: 100,
    text: MISSING,
    send: (client) => client.call(service.flush, { collectionNames: [BOOKS, collectionName] }),
  },
  {
    name: "counting what is not there",
    code: 100,
    text: MISSING,
    send: (client) => client.call(service.getCollectionStatistics, { collectionName }),
  },
  {
    name: "the progress of what is not there",
    code: 100,
    text: MISSING,
    send: (client) => client.call(service.getLoadingProgress, { collectionName }),
  },
  {
    name: "partitions of what is not there",
    code: 100,
    text: MISSING,
    send: (client) => client.call(service.showPartitions, { collectionName }),
  },
  {
    name: "renaming what is not there",
    code: 100,
    text: MISSING,
    send: (client) => client.call(service.renameCollection, { oldName: collectionName, newName: "other" }),
  },
  {
    name: "renaming to the same name",
    code: 1100,
    text: `collection name or database name should be different${INVALID}`,
    send: (client) => client.call(service.renameCollection, { oldName: BOOKS, newName: BOOKS }),
  },
  {
    name: "renaming an alias",
    code: 1100,
    text: `unsupported use an alias to rename collection, alias:read${INVALID}`,
    send: (client) => client.call(service.renameCollection, { oldName: "read", newName: "other" }),
  },
  {
    name: "renaming to an alias",
    code: 1100,
    text: `cannot rename collection to an existing alias: read${INVALID}`,
    send: (client) => client.call(service.renameCollection, { oldName: BOOKS, newName: "read" }),
  },
  {
    name: "altering nothing",
    code: 1100,
    text: `no properties or delete keys provided${INVALID}`,
    send: (client) => client.call(service.alterCollection, { collectionName: BOOKS }),
  },
  {
    name: "dropping a collection that has an alias",
    code: 1100,
    text: `unable to drop the collection [books] because it has associated aliases [read], please remove all aliases before dropping the collection${INVALID}`,
    send: (client) => client.call(service.dropCollection, { collectionName: BOOKS }),
  },
  {
    name: "dropping through an alias",
    code: 1100,
    text: `cannot drop the collection via alias = read${INVALID}`,
    send: (client) => client.call(service.dropCollection, { collectionName: "read" }),
  },
  {
    name: "an index on a field that is not there",
    code: 1100,
    text: `cannot create index on non-exist field: nothing${INVALID}`,
    send: (client) => client.call(service.createIndex, { collectionName: BOOKS, fieldName: "nothing" }),
  },
  {
    name: "an index of a kind that is not there",
    code: 1100,
    text: "invalid parameter[expected=valid index][actual=invalid index type: MAGIC]",
    send: (client) =>
      client.call(service.createIndex, {
        collectionName: BOOKS,
        fieldName: "vector",
        extraParams: params({ index_type: "MAGIC", metric_type: "L2" }),
      }),
  },
  {
    name: "an index with a metric of other vectors",
    code: 1100,
    text: `float vector index does not support metric type: HAMMING${INVALID}`,
    send: (client) =>
      client.call(service.createIndex, {
        collectionName: BOOKS,
        fieldName: "vector",
        extraParams: params({ index_type: "FLAT", metric_type: "HAMMING" }),
      }),
  },
  {
    name: "a second index on a field",
    code: 1100,
    text: `CreateIndex failed: at most one distinct index is allowed per field${INVALID}`,
    send: (client) =>
      client.call(service.createIndex, {
        collectionName: BOOKS,
        fieldName: "vector",
        extraParams: params({ index_type: "HNSW", metric_type: "L2", M: "8", efConstruction: "40" }),
      }),
  },
  {
    name: "an index that is not there",
    code: 700,
    text: "index not found[indexName=nothing]",
    send: (client) => client.call(service.describeIndex, { collectionName: BOOKS, indexName: "nothing" }),
  },
  {
    name: "dropping the vector index of a loaded collection",
    code: 1100,
    text: /^vector index cannot be dropped on loaded collection: \d+: invalid parameter$/,
    send: (client) => client.call(service.dropIndex, { collectionName: BOOKS, indexName: "vector" }),
  },
  {
    name: "a partition with a bad name",
    code: 1100,
    text: `Invalid partition name: a b. Partition name can only contain numbers, letters and underscores.${INVALID}`,
    send: (client) => client.call(service.createPartition, { collectionName: BOOKS, partitionName: "a b" }),
  },
  {
    name: "dropping the default partition",
    code: 1100,
    text: `default partition cannot be deleted${INVALID}`,
    send: (client) => client.call(service.dropPartition, { collectionName: BOOKS, partitionName: "_default" }),
  },
  {
    name: "loading no partition",
    code: 1100,
    text: `failed to load partition, due to no partition specified${INVALID}`,
    send: (client) => client.call(service.loadPartitions, { collectionName: BOOKS }),
  },
  {
    name: "an alias with a bad name",
    code: 1100,
    text: `Invalid collection alias: 1st. the first character of a collection alias must be an underscore or letter${INVALID}`,
    send: (client) => client.call(service.createAlias, { collectionName: BOOKS, alias: "1st" }),
  },
  {
    name: "an alias named like a collection",
    code: 1601,
    text: "alias and collection name conflict[database=default][alias=books]",
    send: (client) => client.call(service.createAlias, { collectionName: BOOKS, alias: BOOKS }),
  },
  {
    name: "an alias that is not there",
    code: 1600,
    text: "alias not found[database=default][alias=nothing]",
    send: (client) => client.call(service.describeAlias, { alias: "nothing" }),
  },
  {
    name: "a database with a bad name",
    code: 802,
    text: "the first character of a database name must be an underscore or letter: invalid database name[database=1st]",
    send: (client) => client.call(service.createDatabase, { dbName: "1st" }),
  },
  {
    name: "a database that is there",
    code: 1100,
    text: `database already exist: default${INVALID}`,
    send: (client) => client.call(service.createDatabase, { dbName: "default" }),
  },
  {
    name: "dropping the default database",
    code: 1100,
    text: `can not drop default database${INVALID}`,
    send: (client) => client.call(service.dropDatabase, { dbName: "default" }),
  },
  {
    name: "a database that is not there",
    code: 800,
    text: "database not found[database=nowhere]",
    send: (client) => client.call(service.describeDatabase, { dbName: "nowhere" }),
  },
  {
    name: "another number of replicas while loaded",
    code: 1100,
    text: /^can't change the replica number for loaded collection.*: invalid parameter$/,
    send: (client) => client.call(service.loadCollection, { collectionName: BOOKS, replicaNumber: 2 }),
  },
  {
    name: "a resource group that is not there",
    code: 300,
    text: "resource group not found[rg=big]",
    send: (client) => client.call(service.loadCollection, { collectionName: BOOKS, resourceGroups: ["big"] }),
  },
];

describe("the catalogue refuses", () => {
  let fixture: Fixture;
  before(async () => void (fixture = await openFixture()));
  after(() => fixture.close());

  for (const refusal of REFUSALS) test(refusal.name, () => checkRefusal(fixture, refusal));

  test("loading without an index", async () => {
    const { client } = fixture;
    const schema = schemaBytes({ name: "bare", fields: [KEY, vectorField()] });
    ok(await client.call(service.createCollection, { collectionName: "bare", schema }));
    await checkRefusal(fixture, {
      name: "",
      code: 700,
      text: "index not found[collection=bare]",
      send: () => client.call(service.loadCollection, { collectionName: "bare" }),
    });
    const two = schemaBytes({ name: "two", fields: [KEY, vectorField(), vectorField(4, "second")] });
    ok(await client.call(service.createCollection, { collectionName: "two", schema: two }));
    ok(await client.call(service.createIndex, { collectionName: "two", fieldName: "vector" }));
    await checkRefusal(fixture, {
      name: "",
      code: 1100,
      text: `there is no vector index on field: [second], please create index firstly${INVALID}`,
      send: () => client.call(service.loadCollection, { collectionName: "two" }),
    });
  });

  test("partitions by name where rows choose theirs", async () => {
    const { client } = fixture;
    const key = { ...vectorField(), name: "v" };
    const tenant = {
      name: "tenant",
      dataType: KEY.dataType!,
      isPartitionKey: true,
    };
    const schema = schemaBytes({ name: "tenants", fields: [KEY, key, tenant] });
    ok(await client.call(service.createCollection, { collectionName: "tenants", schema, numPartitions: 4n }));
    for (const [action, descriptor] of [
      ["create", service.createPartition],
      ["drop", service.dropPartition],
    ] as const) {
      await checkRefusal(fixture, {
        name: "",
        code: 1100,
        text: `disable ${action} partition if partition key mode is used${INVALID}`,
        send: () => client.call(descriptor, { collectionName: "tenants", partitionName: "p" }),
      });
    }
    for (const [action, descriptor] of [
      ["load", service.loadPartitions],
      ["release", service.releasePartitions],
    ] as const) {
      await checkRefusal(fixture, {
        name: "",
        code: 1100,
        text: `disable ${action} partition if partition key mode is used${INVALID}`,
        send: () => client.call(descriptor, { collectionName: "tenants", partitionNames: ["p"] }),
      });
    }
  });

  test("dropping a database that is not empty", async () => {
    const { client } = fixture;
    ok(await client.call(service.createDatabase, { dbName: "full" }));
    await createQuick(client, "inside", { dbName: "full" });
    await checkRefusal(fixture, {
      name: "",
      code: 1100,
      text: `database:full not empty, must drop all collections before drop database${INVALID}`,
      send: () => client.call(service.dropDatabase, { dbName: "full" }),
    });
  });
});

describe("what is not there may be dropped, and what is there made again", () => {
  let fixture: Fixture;
  before(async () => void (fixture = await openFixture()));
  after(() => fixture.close());

  test("without an error and without an effect", async () => {
    const { client } = fixture;
    const before = await snapshot(client);
    ok(await client.call(service.dropCollection, { collectionName }));
    ok(await client.call(service.dropPartition, { collectionName: BOOKS, partitionName: "nothing" }));
    ok(await client.call(service.dropIndex, { collectionName: BOOKS, indexName: "nothing" }));
    ok(await client.call(service.dropAlias, { alias: "nothing" }));
    ok(await client.call(service.dropDatabase, { dbName: "nowhere" }));
    ok(await client.call(service.createPartition, { collectionName: BOOKS, partitionName: "_default" }));
    ok(await client.call(service.createAlias, { collectionName: BOOKS, alias: "read" }));
    ok(await client.call(service.loadCollection, { collectionName: BOOKS }));
    assert.deepEqual(await snapshot(client), before);
    const has = await client.call(service.hasCollection, { collectionName });
    ok(has);
    assert.equal(has.value, false);
  });
});
