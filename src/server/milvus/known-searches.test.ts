import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import {
  createQuick,
  int64s,
  load,
  ok,
  params,
  schemaBytes,
  KEY,
  searchFor,
  service,
  vectorField,
  vectors,
} from "./testing/messages.ts";
import { served } from "./testing/served.ts";
import { startServer } from "./testing/server.ts";

/** A request that was planned before is answered as a first one is, whatever has become of its collection or is wrong with its vectors. */
describe("the same search again", () => {
  // Plans are kept for descriptions of collections, which copies are not.
  const db = served(() => startServer({}, 0, { isolate: false }));
  const NAME = "again";

  const search = async (
    query: readonly number[],
    more: Readonly<Record<string, string>> = {},
    collection = NAME,
  ): Promise<string | bigint[]> => {
    const answer = await db.client.call(service.search, searchFor(collection, [query], more));
    if (answer.status!.code !== 0) return answer.status!.reason;
    assert.ok(answer.results?.ids?.idField.case === "intId");
    return answer.results.ids.idField.value.data;
  };

  const insert = async (name: string, ids: readonly number[], dimension = 4): Promise<void> => {
    const rows = ids.map((id) => [id, ...Array.from({ length: dimension - 1 }, () => 0)]);
    const fieldsData = [int64s("id", ids), vectors(rows)];
    ok(await db.client.call(service.insert, { collectionName: name, fieldsData, numRows: ids.length }));
  };

  before(async () => {
    await createQuick(db.client, NAME);
    await load(db.client, NAME);
    await insert(NAME, [1, 2, 3, 4]);
  });

  test("finds what each of its vectors is near to", async () => {
    assert.deepEqual(await search([1, 0, 0, 0]), [1n, 2n, 3n]);
    assert.deepEqual(await search([4, 0, 0, 0]), [4n, 3n, 2n]);
    await insert(NAME, [5]);
    assert.deepEqual(await search([5, 0, 0, 0]), [5n, 4n, 3n]);
  });

  test("is refused for its vectors in the words of a first one", async () => {
    for (const query of [[1, 2, 3], [], [Number.NaN, 0, 0, 0], [0, 0, 0, Number.POSITIVE_INFINITY]]) {
      const first = await search(query, { unknown: `said by nobody else ${query.join()}` });
      assert.equal(typeof first, "string");
      assert.equal(await search(query), first);
      assert.equal(await search(query), first);
    }
    const none = await db.client.call(service.search, searchFor(NAME, []));
    assert.match(none.status!.reason, /^nq \[0\] is invalid/);
    assert.deepEqual(await search([1, 0, 0, 0]), [1n, 2n, 3n]);
  });

  test("is refused while its collection is released, and answered when it is loaded again", async () => {
    ok(await db.client.call(service.releaseCollection, { collectionName: NAME }));
    assert.match(String(await search([1, 0, 0, 0])), /collection not loaded/);
    await load(db.client, NAME);
    assert.deepEqual(await search([1, 0, 0, 0]), [1n, 2n, 3n]);
  });

  test("follows an alias, and a name to another collection", async () => {
    await createQuick(db.client, "other");
    await load(db.client, "other");
    await insert("other", [7]);
    ok(await db.client.call(service.createAlias, { collectionName: NAME, alias: "either" }));
    assert.deepEqual(await search([1, 0, 0, 0], {}, "either"), [1n, 2n, 3n]);
    ok(await db.client.call(service.alterAlias, { collectionName: "other", alias: "either" }));
    assert.deepEqual(await search([1, 0, 0, 0], {}, "either"), [7n]);
    ok(await db.client.call(service.dropCollection, { collectionName: NAME }));
    assert.match(String(await search([1, 0, 0, 0])), /collection not found/);
    const schema = schemaBytes({ name: NAME, fields: [KEY, vectorField(2)] });
    ok(await db.client.call(service.createCollection, { collectionName: NAME, schema }));
    const extraParams = params({ index_type: "FLAT", metric_type: "L2" });
    ok(await db.client.call(service.createIndex, { collectionName: NAME, fieldName: "vector", extraParams }));
    await load(db.client, NAME);
    await insert(NAME, [8, 9], 2);
    assert.match(String(await search([1, 0, 0, 0])), /vector dimension mismatch/);
    assert.deepEqual(await search([9, 0]), [9n, 8n]);
  });
});
