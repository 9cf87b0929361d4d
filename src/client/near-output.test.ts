/** Fields of hits on the program's own thread: that they are had there, and are the engine's. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Elanus } from "./elanus.ts";
import type { Hit } from "./hits.ts";
import { DIMENSION, type Opened, SKIP, opened, untilNear, vectorOf } from "./testing/near-database.ts";

const HERE: readonly (readonly string[])[] = [
  ["id"],
  ["year"],
  ["word", "score", "id"],
  ["tags", "at"],
  ["more"],
  ["colour"],
  ["$meta"],
  ['$meta["colour"]', "size", "year"],
  [" word "],
];

async function made(db: Elanus): Promise<void> {
  await db.createCollection({
    name: "rows",
    dynamicField: true,
    fields: [
      { name: "id", type: "Int64", primaryKey: true },
      { name: "year", type: "Int32", nullable: true },
      { name: "score", type: "Double" },
      { name: "word", type: "VarChar", maxLength: 20, nullable: true },
      { name: "tags", type: "Array", elementType: "VarChar", maxCapacity: 8, maxLength: 8 },
      { name: "at", type: "Timestamptz", nullable: true },
      { name: "more", type: "JSON" },
      { name: "vector", type: "FloatVector", dimension: DIMENSION },
    ],
    indexes: [{ field: "vector", indexType: "HNSW", metricType: "L2", params: { M: 8, efConstruction: 64 } }],
  });
}

function rowsFrom(first: number, count: number, seed = 0): object[] {
  return Array.from({ length: count }, (_, at) => {
    const number = (first + at + seed) * 37;
    return {
      id: first + at,
      year: number % 3 === 0 ? null : number % 101,
      score: number / 7,
      word: number % 5 === 0 ? null : `wörd ${number}`,
      tags: Array.from({ length: number % 4 }, (__, place) => `t${(number + place) % 9}`),
      at: number % 7 === 0 ? null : `2025-01-0${1 + (number % 9)}T00:00:00Z`,
      more: { a: [number % 5, null], b: "x" },
      ...(number % 2 === 0 ? { colour: `c${number % 6}`, id2: number } : { size: number }),
      vector: vectorOf(first + at + seed),
    };
  });
}

async function compare(all: Opened): Promise<void> {
  for (const [at, outputFields] of HERE.entries()) {
    for (const more of [{ limit: 1 }, { limit: 30 }, { limit: 10, filter: "id >= 50" }]) {
      const search = { outputFields, vector: vectorOf(100_000 + at), params: { ef: 400 }, ...more };
      const { hits } = await all.db.search("rows", { ...search, explain: true });
      await untilNear(all, "rows", search, (near: Hit[]) => assert.deepEqual(near, hits, outputFields.join()));
    }
  }
}

test(
  "fields and keys of documents are read here, of growing, flushed and replaced rows",
  { skip: SKIP },
  async (context) => {
    const all = await opened(context);
    const { db } = all;
    await made(db);
    await db.insert("rows", rowsFrom(0, 100));
    await compare(all);
    await db.flush("rows");
    await db.insert("rows", rowsFrom(100, 60));
    await db.upsert("rows", rowsFrom(20, 40, 5_000));
    await db.delete("rows", { ids: [1, 2, 3] });
    await compare(all);
    await db.alterCollection("rows", { timezone: "Asia/Tokyo" });
    await compare(all);
    await db.addField("rows", { name: "later", type: "Int64", nullable: true, default: 7 });
    const later = { vector: vectorOf(1), outputFields: ["later"] };
    await untilNear(all, "rows", later, (hits) =>
      assert.deepEqual(new Set(hits.map(({ later: value }) => value)), new Set([7])),
    );
    await db.delete("rows", { filter: "id >= 0" });
    await untilNear(all, "rows", later, (hits) => assert.deepEqual(hits, []));
  },
);

test("vectors and all fields are the engine's, and so is what is wrong", { skip: SKIP }, async (context) => {
  const all = await opened(context);
  const { db, asked } = all;
  await made(db);
  await db.insert("rows", rowsFrom(0, 60));
  await untilNear(all, "rows", { outputFields: ["year"] });
  for (const outputFields of [["vector"], ["*"], ["vector", "year"]]) {
    const before = asked();
    const [hit] = await db.search("rows", { vector: vectorOf(7), limit: 3, outputFields });
    assert.deepEqual(hit!.vector, vectorOf(7));
    assert.equal(asked(), before + 1);
  }
});
