/** Milvus's terms in the client: full schemas, partitions, aliases, defaults and nulls, names that clash, what a reader sees. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { type Elanus, type FieldOptions, connect } from "./connect.ts";

async function opened(context: TestContext): Promise<Elanus> {
  const path = await mkdtemp(join(tmpdir(), "elanus-client-"));
  const db = await connect(path);
  context.after(async () => {
    await db.close();
    await rm(path, { recursive: true, force: true });
  });
  return db;
}

const VECTOR = [1, 0, 0, 0];
const FIELDS: readonly FieldOptions[] = [
  { name: "isbn", type: "VarChar", maxLength: 13, primaryKey: true },
  { name: "embedding", type: "FloatVector", dimension: 4 },
  { name: "year", type: "Int32", nullable: true },
  { name: "stock", type: "Int64", default: 7n },
  { name: "price", type: "Double", default: 9.5 },
  { name: "facts", type: "JSON", nullable: true },
  { name: "used", type: "Bool", default: false },
];

test("a full schema: keys of text, nulls, defaults, indexes", async (context) => {
  const db = await opened(context);
  await db.createCollection({
    name: "books",
    fields: FIELDS,
    indexes: [
      {
        field: "embedding",
        indexName: "near",
        indexType: "HNSW",
        metricType: "IP",
        params: { M: 8, efConstruction: 64 },
      },
    ],
  });
  const described = await db.describeCollection("books");
  assert.equal(described.loaded, true);
  assert.equal(described.dynamicField, false);
  assert.deepEqual(
    described.fields.map(({ name, type, nullable }) => [name, type, nullable]),
    FIELDS.map(({ name, type, nullable }) => [name, type, nullable ?? false]),
  );
  assert.equal(described.fields[0]!.maxLength, 13);
  const [index] = described.indexes;
  assert.deepEqual([index?.indexName, index?.indexType, index?.metricType], ["near", "HNSW", "IP"]);

  const written = await db.insert("books", [
    {
      isbn: "a",
      embedding: VECTOR,
      year: 1999,
      stock: 2n ** 60n,
      price: 1,
      facts: { big: 2n ** 61n, list: [1, null] },
      used: true,
    },
    { isbn: "b", embedding: VECTOR },
  ]);
  assert.deepEqual(written.ids, ["a", "b"]);
  const expected = [
    { year: 1999, stock: 2n ** 60n, price: 1, facts: { big: 2n ** 61n, list: [1, null] }, used: true, isbn: "a" },
    { year: null, stock: 7, price: 9.5, facts: null, used: false, isbn: "b" },
  ];
  const outputFields = ["year", "stock", "price", "facts", "used"];
  assert.deepEqual(await db.query("books", { ids: ["b", "a"], outputFields }), expected);
  await db.flush("books");
  assert.deepEqual(await db.query("books", { filter: 'isbn in ["a", "b"]', outputFields }), expected);
  assert.deepEqual(
    (await db.search("books", { vector: [2, 0, 0, 0], limit: 2 })).map(({ id, score }) => [id, score]),
    [
      ["a", 2],
      ["b", 2],
    ],
  );
  await assert.rejects(db.insert("books", [{ isbn: "c", embedding: VECTOR, other: 1 }]), /no field other/);
  await assert.rejects(db.insert("books", [{ isbn: "x".repeat(14), embedding: VECTOR }]), /exceeds max length/);
  await assert.rejects(db.insert("books", [{ isbn: "c", embedding: [Number.NaN, 0, 0, 0] }]), /'NaN' is not a number/);
  await assert.rejects(db.search("books", { vector: [1, 2] }), /vector dimension mismatch/);
  await assert.rejects(db.search("books", { vector: VECTOR, metricType: "L2" }), /metric type not match/);
  await assert.rejects(db.query("books", { ids: [5] }), /the keys of isbn are strings, not number 5/);
  assert.equal(await db.count("books"), 2);
});

test("keys that the engine makes", async (context) => {
  const db = await opened(context);
  await db.createCollection({ name: "docs", dimension: 4, autoId: true });
  const { ids } = await db.insert("docs", [
    { vector: VECTOR, title: "x" },
    { vector: VECTOR, title: "y" },
  ]);
  assert.equal(new Set(ids).size, 2);
  assert.equal(typeof ids[0], "bigint", "keys that the engine makes are beyond 2^53");
  assert.deepEqual(await db.query("docs", { ids: [ids[1]!], outputFields: ["title"] }), [{ id: ids[1], title: "y" }]);
  await assert.rejects(db.insert("docs", { id: [1n], vector: [VECTOR] }), /gives the key id itself \(autoId\)/);
  assert.equal((await db.delete("docs", { ids })).count, 2);
  assert.equal(await db.count("docs"), 0);
});

test("words of the wrong kind are told as such", async (context) => {
  const db = await opened(context);
  const fields = { id: { type: "Int64" } } as never;
  await assert.rejects(db.createCollection({ name: "docs", fields }), /fields are a list of objects/);
  await db.createCollection({ name: "docs", dimension: 4 });
  await assert.rejects(db.query("docs", { filter: 5 as never }), /a filter is a text, not number/);
});

test("partitions and aliases", async (context) => {
  const db = await opened(context);
  await db.createCollection({ name: "docs", dimension: 4 });
  await db.createPartition("docs", "old");
  assert.deepEqual((await db.listPartitions("docs")).toSorted(), ["_default", "old"]);
  await db.insert("docs", [{ id: 1, vector: VECTOR }]);
  await db.insert("docs", [{ id: 2, vector: VECTOR }], { partition: "old" });
  assert.equal(await db.count("docs", { partitions: ["old"] }), 1);
  const hits = await db.search("docs", { vector: VECTOR, partitions: ["old"] });
  assert.deepEqual(
    hits.map((hit) => hit.id),
    [2],
  );
  await db.createAlias("docs", "current");
  assert.deepEqual(await db.listAliases("docs"), ["current"]);
  await db.insert("current", [{ id: 3, vector: VECTOR }]);
  assert.equal(await db.count("docs"), 3, "a write by an alias is seen by the name");
  await db.createCollection({ name: "next", dimension: 8 });
  await db.alterAlias("next", "current");
  await db.insert("current", [{ id: 1, vector: new Float32Array(8).fill(1) }]);
  assert.equal(await db.count("next"), 1, "what was known of the alias is forgotten");
  await db.release("docs");
  await assert.rejects(db.search("docs", { vector: VECTOR }), /collection not loaded/);
  await db.load("docs");
  assert.equal(await db.count("docs"), 3);
});

test("names of fields that a hit has already", async (context) => {
  const db = await opened(context);
  await db.createCollection({ name: "docs", dimension: 4, primaryField: "key" });
  await db.insert("docs", [{ key: 5, vector: VECTOR, score: "mine", id: "mine too", __proto__x: 1 }]);
  const [hit] = await db.search("docs", { vector: VECTOR, outputFields: ["key", "score", "id", "__proto__x"] });
  assert.deepEqual(hit, { id: 5, score: 1, key: 5, $score: "mine", $id: "mine too", __proto__x: 1 });
  assert.deepEqual(await db.query("docs", { filter: "key == 5", outputFields: ["score", "id"] }), [
    { key: 5, score: "mine", id: "mine too" },
  ]);
});

test("a client reads its own writes, many at once", async (context) => {
  const db = await opened(context);
  await db.createCollection({ name: "docs", dimension: 4 });
  await Promise.all(
    Array.from({ length: 20 }, async (_, writer) => {
      for (let at = 0; at < 10; at += 1) {
        const id = writer * 10 + at;
        await db.insert("docs", [{ id, vector: VECTOR }]);
        assert.equal((await db.query("docs", { ids: [id] })).length, 1);
        if (at % 3 !== 0) continue;
        await db.delete("docs", { ids: [id] });
        assert.equal((await db.query("docs", { ids: [id] })).length, 0);
      }
    }),
  );
  assert.equal(await db.count("docs"), 20 * 6);
});

test("a collection made anew under its old name", async (context) => {
  const db = await opened(context);
  for (const dimension of [4, 8]) {
    await db.createCollection({ name: "docs", dimension });
    const vector = new Float32Array(dimension).fill(1);
    await db.insert("docs", { id: [1], vector });
    const handed = new Float32Array(dimension).fill(1);
    await db.insert("docs", { id: [2], vector: handed }, { transfer: true });
    assert.deepEqual([vector.length, handed.length], [dimension, 0]);
    assert.equal(await db.count("docs"), 2);
    await db.dropCollection("docs");
  }
  assert.deepEqual(await db.listCollections(), []);
});
