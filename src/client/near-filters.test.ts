/** Filtered searches on the program's own thread: that they are made there, and find what the engine finds, whatever was written before. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Elanus } from "./elanus.ts";
import type { FilterParams } from "./read-options.ts";
import type { Hit } from "./hits.ts";
import { DIMENSION, type Opened, SKIP, opened, untilNear, vectorOf } from "./testing/near-database.ts";

interface Asked {
  readonly filter: string;
  readonly filterParams?: FilterParams;
}

/** Programs of the kernel over scalars, texts and arrays. */
const HERE: readonly Asked[] = [
  { filter: "year < 50" },
  { filter: "year >= 98" },
  { filter: "year == 1000" },
  { filter: "year is null" },
  { filter: "not (year > 30) or price > 0.9" },
  { filter: "id % 7 == 3" },
  { filter: "id in [1, 2, 3, 500, 900]" },
  { filter: 'word like "w1%" and isSold == true' },
  { filter: 'word in ["w3", "w17"]' },
  { filter: "year in {years}", filterParams: { years: [3, 4, 5] } },
  { filter: "{low} <= price and price < {high}", filterParams: { low: 0.25, high: 0.5 } },
  { filter: "array_contains(tags, 2)" },
  { filter: "array_length(tags) == 3" },
  { filter: "tags[0] == 1" },
  { filter: 'more["a"] == 3' },
  { filter: 'more["a"] in [1, 4] and year < 80' },
  { filter: 'more["b"] like "x1%" or more["c"]["d"] > 0.5' },
  { filter: 'not exists more["c"]' },
  { filter: 'json_contains(more["e"], [1])' },
  { filter: 'colour == "c3"' },
  { filter: "size > {least}", filterParams: { least: 20 } },
  { filter: "  " },
];

/** What only the engine can say. */
const THERE: readonly Asked[] = [{ filter: "random_sample(0.9999)" }, { filter: "year <" }];

async function made(db: Elanus, dynamicField = true): Promise<void> {
  await db.createCollection({
    name: "rows",
    dynamicField,
    fields: [
      { name: "id", type: "Int64", primaryKey: true },
      { name: "year", type: "Int32", nullable: true },
      { name: "price", type: "Double" },
      { name: "word", type: "VarChar", maxLength: 20 },
      { name: "isSold", type: "Bool" },
      { name: "tags", type: "Array", elementType: "Int64", maxCapacity: 8 },
      { name: "more", type: "JSON" },
      { name: "vector", type: "FloatVector", dimension: DIMENSION },
    ],
    indexes: [{ field: "vector", indexType: "HNSW", metricType: "L2", params: { M: 8, efConstruction: 64 } }],
  });
}

function rowsFrom(first: number, count: number, seed = 0, isDynamic = true): object[] {
  return Array.from({ length: count }, (_, at) => {
    const number = (first + at + seed) * 37;
    return {
      id: first + at,
      year: number % 11 === 0 ? null : number % 101,
      price: (number % 997) / 997,
      word: `w${number % 23}`,
      isSold: number % 3 === 0,
      tags: Array.from({ length: number % 5 }, (__, place) => (number + place) % 4),
      more: {
        a: number % 6 === 0 ? `${number % 5}` : number % 5,
        b: `x${number % 19}`,
        e: [[1], number],
        ...(number % 4 === 0 ? { c: { d: (number % 10) / 10 } } : {}),
      },
      ...(!isDynamic ? {} : number % 2 === 0 ? { colour: `c${number % 6}` } : { size: number % 40 }),
      vector: vectorOf(first + at + seed),
    };
  });
}

/** What is explained is always the engine's. */
async function compare(all: Opened, filters: readonly Asked[]): Promise<void> {
  for (const [at, filter] of filters.entries()) {
    for (const limit of [1, 10, 300]) {
      const search = { ...filter, vector: vectorOf(100_000 + at), limit, params: { ef: 400 } };
      const { hits } = await all.db.search("rows", { ...search, explain: true });
      await untilNear(all, "rows", search, (near: Hit[]) => assert.deepEqual(near, hits, filter.filter));
    }
  }
}

async function lendAll(all: Opened): Promise<void> {
  for (const filter of HERE) await untilNear(all, "rows", filter);
}

test(
  "every filter that is a program of the kernel is run here, over growing, flushed, replaced and deleted rows",
  { skip: SKIP },
  async (context) => {
    const all = await opened(context);
    const { db } = all;
    await made(db);
    await db.insert("rows", rowsFrom(0, 700));
    await lendAll(all);
    await compare(all, HERE);
    await db.flush("rows");
    await lendAll(all);
    await compare(all, HERE);
    await db.insert("rows", rowsFrom(700, 300));
    await db.upsert("rows", rowsFrom(100, 300, 50_000));
    // Again, so that keys have several rows in one segment.
    await db.upsert("rows", rowsFrom(200, 100, 60_000));
    await db.delete("rows", { filter: "id > 400 and year < 20" });
    await lendAll(all);
    await compare(all, HERE);
    await db.delete("rows", { filter: "id >= 0" });
    await lendAll(all);
    await compare(all, HERE);
  },
);

test("what a filter finds is never older than a write", { skip: SKIP }, async (context) => {
  const all = await opened(context);
  const { db } = all;
  await made(db);
  await db.insert("rows", rowsFrom(0, 60));
  const search = { vector: vectorOf(1), filter: "year == 77 and id >= {id}", filterParams: { id: 5_000 }, limit: 10 };
  const found = async (): Promise<unknown[]> => (await db.search("rows", search)).map(({ id }) => id);
  for (let id = 5_000; id < 5_004; id += 1) {
    await untilNear(all, "rows", search);
    await db.insert("rows", [{ ...rowsFrom(id, 1)[0], year: 77 }]);
    assert.deepEqual(await found(), [id]);
    await untilNear(all, "rows", search);
    assert.deepEqual(await found(), [id]);
    await db.upsert("rows", [{ ...rowsFrom(id, 1)[0], year: 78 }]);
    assert.deepEqual(await found(), []);
  }
});

test("a field that is dropped, added again and filled is another one here too", { skip: SKIP }, async (context) => {
  const all = await opened(context);
  const { db } = all;
  await made(db, false);
  await db.insert("rows", rowsFrom(0, 100, 0, false));
  await db.flush("rows");
  const search = { vector: vectorOf(1), filter: "year >= 0", limit: 200 };
  const count = async (): Promise<number> => (await db.search("rows", search)).length;
  const present = rowsFrom(0, 100, 0, false).filter((row) => (row as { year: unknown }).year !== null).length;
  await untilNear(all, "rows", search);
  assert.equal(await count(), present);
  await db.dropField("rows", "year");
  await assert.rejects(count(), { code: 1100 });
  await db.addField("rows", { name: "year", type: "Int32", nullable: true });
  await untilNear(all, "rows", search);
  assert.equal(await count(), 0);
  await db.insert("rows", rowsFrom(200, 1, 0, false));
  await untilNear(all, "rows", search);
  assert.equal(await count(), 1);
  await db.release("rows");
  await assert.rejects(count(), { code: 101 });
  await db.load("rows");
  await untilNear(all, "rows", search);
  assert.equal(await count(), 1);
});

test("what only the engine can say goes there", { skip: SKIP }, async (context) => {
  const all = await opened(context);
  const { db, asked } = all;
  await made(db);
  await db.insert("rows", rowsFrom(0, 60));
  await untilNear(all, "rows");
  for (const filter of THERE) {
    for (let again = 0; again < 8; again += 1) {
      const before = asked();
      await db
        .search("rows", { vector: vectorOf(1), limit: 3, ...filter })
        .catch(({ code }) => assert.equal(code, 1100));
      assert.equal(asked(), before + 1, filter.filter);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const near = { vector: vectorOf(1), limit: 3 };
  const before = asked();
  await db.search("rows", near);
  assert.equal(asked(), before);
});
