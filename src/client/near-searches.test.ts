/** Searches on the program's own thread: that there are any, that they say what the engine says, and that nothing is missing from them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Elanus } from "./elanus.ts";
import type { Hit } from "./hits.ts";
import { DIMENSION, type Opened, SKIP, opened, untilNear, vectorOf } from "./testing/near-database.ts";

function rowsFrom(first: number, count: number, seed = 0): object[] {
  return Array.from({ length: count }, (_, at) => ({ id: first + at, vector: vectorOf(first + at + seed) }));
}

const HNSW = [{ field: "vector", indexType: "HNSW", metricType: "L2" as const, params: { M: 8, efConstruction: 64 } }];

async function made(db: Elanus, name: string): Promise<void> {
  await db.createCollection({
    name,
    fields: [
      { name: "id", type: "Int64", primaryKey: true },
      { name: "vector", type: "FloatVector", dimension: DIMENSION },
    ],
    indexes: HNSW,
  });
}

/** What is explained is always the engine's. */
async function compare({ db }: Opened, name: string): Promise<void> {
  for (let query = 0; query < 20; query += 1) {
    const search = { vector: vectorOf(100_000 + query), limit: 1 + (query % 12), params: { ef: 32 + query } };
    const { hits } = await db.search(name, { ...search, explain: true });
    const near: Hit[] = await db.search(name, search);
    assert.deepEqual(near, hits);
  }
}

async function untilIndexed(db: Elanus, name: string): Promise<void> {
  for (;;) {
    const { explanation } = await db.search(name, { vector: vectorOf(0), limit: 5, explain: true });
    // So few rows are looked at by their codes, which only an index has.
    if (explanation.segments.some(({ state, strategy }) => state === "sealed" && strategy !== "exact")) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("growing, flushed, replaced and deleted rows are found here as in the engine", { skip: SKIP }, async (context) => {
  const all = await opened(context);
  const { db } = all;
  await made(db, "rows");
  await db.insert("rows", rowsFrom(0, 700));
  await untilNear(all, "rows");
  await compare(all, "rows");
  await db.insert("rows", rowsFrom(700, 2_000));
  await db.flush("rows");
  await untilIndexed(db, "rows");
  await untilNear(all, "rows");
  await compare(all, "rows");
  await db.upsert("rows", rowsFrom(100, 300, 50_000));
  // Again, so that keys have several rows in one segment.
  await db.upsert("rows", rowsFrom(200, 100, 60_000));
  await db.delete("rows", { ids: Array.from({ length: 50 }, (_, at) => 1_000 + at) });
  await untilNear(all, "rows");
  await compare(all, "rows");
  await db.insert("rows", rowsFrom(10_000, 6_000));
  for (let at = 0; at < 30; at += 1) await db.search("rows", { vector: vectorOf(at), limit: 5 });
  await untilNear(all, "rows");
  await db.delete("rows", { filter: "id >= 0" });
  await untilNear(all, "rows");
  assert.deepEqual(await db.search("rows", { vector: vectorOf(1), limit: 5 }), []);
});

test("rows that tie are in the order of their keys", { skip: SKIP }, async (context) => {
  const all = await opened(context);
  const { db, asked } = all;
  await made(db, "alike");
  const [one, other] = [vectorOf(1), vectorOf(2)];
  const rows = [9, 3, 7, 1, 8].map((id) => ({ id, vector: one }));
  await db.insert("alike", [...rows, { id: 5, vector: other }, { id: 6, vector: vectorOf(3) }]);
  await untilNear(all, "alike");
  const before = asked();
  const ids = async (limit: number): Promise<unknown[]> =>
    (await db.search("alike", { vector: one, limit })).map(({ id }) => id);
  assert.deepEqual((await ids(6)).slice(0, 5), [1, 3, 7, 8, 9]);
  assert.equal(asked(), before);
  // A tie at the border is the engine's.
  assert.deepEqual(await ids(2), [1, 3]);
  assert.equal(asked(), before + 1);
});

test("what was written or changed is seen by the next search", { skip: SKIP }, async (context) => {
  const all = await opened(context);
  const { db, link } = all;
  await made(db, "rows");
  await db.insert("rows", rowsFrom(0, 50));
  const nearest = async (seed: number): Promise<unknown> =>
    (await db.search("rows", { vector: vectorOf(seed), limit: 1 }))[0]?.id;
  for (let id = 1_000; id < 1_010; id += 1) {
    await untilNear(all, "rows");
    await db.insert("rows", rowsFrom(id, 1));
    assert.equal(await nearest(id), id);
    await untilNear(all, "rows");
    assert.equal(await nearest(id), id);
    await db.delete("rows", { ids: [id] });
    assert.notEqual(await nearest(id), id);
  }
  await untilNear(all, "rows");
  await db.truncateCollection("rows");
  assert.equal(await nearest(1), undefined);
  await db.insert("rows", rowsFrom(0, 50));
  await untilNear(all, "rows");
  await db.release("rows");
  await assert.rejects(nearest(1), { code: 101 });
  await db.load("rows");
  await untilNear(all, "rows");
  await db.alterCollection("rows", { "collection.ttl.seconds": 3_600 });
  await nearest(1);
  await db.dropCollection("rows");
  await assert.rejects(nearest(1), { code: 100 });
  await made(db, "rows");
  assert.equal(await nearest(1), undefined);
  await db.insert("rows", rowsFrom(0, 50));
  await untilNear(all, "rows");
  await link.kill();
  await assert.rejects(nearest(1));
});

test("what is wrong with a search is said by the engine", { skip: SKIP }, async (context) => {
  const all = await opened(context);
  const { db } = all;
  await made(db, "rows");
  await db.insert("rows", rowsFrom(0, 50));
  await untilNear(all, "rows");
  const wrong: readonly object[] = [
    { vector: new Float32Array(3), limit: 5 },
    { vector: Float32Array.from({ length: DIMENSION }, () => Number.NaN), limit: 5 },
    { vector: vectorOf(1), limit: 0 },
    { vector: vectorOf(1), limit: 20_000 },
    { vector: vectorOf(1), limit: 10, params: { ef: "wide" } },
    { vector: vectorOf(1), limit: 10, filter: "no_such_field > 1" },
    { vector: vectorOf(1), limit: 10, outputFields: ["no_such_field"] },
  ];
  for (const search of wrong) await assert.rejects(db.search("rows", search as never), { code: 1100 });
});

test("searches with all else that a search may say go to the engine", { skip: SKIP }, async (context) => {
  const all = await opened(context);
  const { db, asked } = all;
  await made(db, "rows");
  await db.insert("rows", rowsFrom(0, 50));
  await untilNear(all, "rows");
  const others: readonly object[] = [
    { filter: "random_sample(0.5)" },
    { offset: 3 },
    { partitions: ["_default"] },
    { outputFields: ["vector"] },
    { consistencyLevel: "Strong" },
    { params: { radius: 2 } },
    { roundDecimal: 2 },
  ];
  for (const other of others) {
    const before = asked();
    await db.search("rows", { vector: vectorOf(1), limit: 5, ...other });
    assert.equal(asked(), before + 1);
  }
});

test(
  "rows that rest and are searched through a graph become a sealed segment, which is searched here",
  { skip: SKIP },
  async (context) => {
    const all = await opened(context, { restMilliseconds: 50, checkMilliseconds: 20 });
    const { db } = all;
    await made(db, "rows");
    await db.insert("rows", rowsFrom(0, 4_200));
    await untilIndexed(db, "rows");
    await untilNear(all, "rows");
    await compare(all, "rows");
    const { growingSegmentCount, flushedSegmentCount } = await db.stats("rows");
    assert.deepEqual([growingSegmentCount, flushedSegmentCount], [0, 1]);
  },
);
