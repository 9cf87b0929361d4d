import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemRuntime } from "../base/host/system.ts";
import { encodeJson } from "../base/json.ts";
import { MemoryMetaStore } from "../metastore/memory.ts";
import { Catalog } from "./catalog.ts";
import * as keys from "./meta-keys.ts";

test("the description of a collection is the same one until something of it changes, and then a new one", async () => {
  const catalog = await Catalog.load(new MemoryMetaStore(new SystemRuntime()));
  const put = (key: string, value: unknown): void => catalog.apply([{ put: key, value: encodeJson(value) }]);
  const database = { databaseId: 1n, name: "default", createdTimestamp: 1n, properties: [] };
  const collection = {
    collectionId: 7n,
    databaseId: 1n,
    databaseName: "default",
    schema: { name: "c" },
    properties: [],
  };
  put(keys.databaseKey(1n), database);
  put(keys.collectionKey(1n, 7n), collection);
  const described = () => catalog.describe(catalog.collection({ databaseName: "", collectionName: "c" }));
  const first = described();
  assert.deepEqual([first.aliases, first.indexes, first.load, first.databaseProperties], [[], [], null, []]);
  put(keys.deletesFlushedKey("channel"), 5n);
  assert.equal(described(), first);

  const properties = [{ key: "a", value: "b" }];
  const changes: [string, unknown, () => unknown, unknown][] = [
    [keys.aliasKey(1n, "x"), { databaseId: 1n, alias: "x", collectionId: 7n }, () => described().aliases, ["x"]],
    [keys.indexKey(7n, 9n), { indexId: 9n, collectionId: 7n }, () => described().indexes.length, 1],
    [keys.loadKey(7n), { collectionId: 7n, fieldIds: [100n] }, () => described().load?.fieldIds, [100n]],
    [keys.databaseKey(1n), { ...database, properties }, () => described().databaseProperties, properties],
    [keys.collectionKey(1n, 7n), { ...collection, properties }, () => described().collection.properties, properties],
  ];
  for (const [key, value, shown, expected] of changes) {
    const before = described();
    put(key, value);
    assert.notEqual(described(), before, key);
    assert.deepEqual(shown(), expected, key);
    assert.equal(described(), described());
  }
  catalog.apply([{ delete: keys.loadKey(7n) }]);
  assert.equal(described().load, null);
});
