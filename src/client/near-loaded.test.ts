/** Collections of which some fields are loaded: the program's own thread gives and refuses what the engine does, and holds back nothing that is loaded. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { MilvusError } from "../base/errors.ts";
import { Engine } from "../engine/engine.ts";
import type { Hit } from "./hits.ts";
import { DIMENSION, type Opened, SKIP, opened, untilNear, vectorOf } from "./testing/near-database.ts";

interface Asked {
  readonly filter?: string;
  readonly outputFields?: readonly string[];
}

/** Of what is loaded. */
const HERE: readonly Asked[] = [
  {},
  { filter: "year < 50" },
  { filter: "id >= 20 and year is not null", outputFields: ["year"] },
  { outputFields: ["id", "year"] },
  { filter: "id % 3 == 1", outputFields: [" year "] },
];

/** Of undeclared keys, which a load may leave out too. */
const UNDECLARED: readonly Asked[] = [
  { filter: 'colour == "c3"' },
  { outputFields: ["colour"] },
  { outputFields: ["$meta"] },
  { filter: '$meta["colour"] like "c%" and year > 3', outputFields: ["year"] },
];

/** Of what is not loaded, alone or beside what is. */
const REFUSED: readonly Asked[] = [
  { filter: 'word == "w3"' },
  { filter: 'year < 50 and word like "w%"' },
  { filter: 'more["a"] == 3' },
  { filter: "year < 50", outputFields: ["word"] },
  { outputFields: ["year", "more"] },
  { filter: 'word == "w3"', outputFields: ["more"] },
];

function rowsFrom(first: number, count: number): object[] {
  return Array.from({ length: count }, (_, at) => {
    const number = first + at;
    return {
      id: number,
      year: number % 5 === 0 ? null : (number * 37) % 101,
      word: `w${number % 20}`,
      more: { a: number % 5 },
      colour: `c${number % 6}`,
      vector: vectorOf(number),
    };
  });
}

/** A load by some fields is a server's: the embedded client loads all. What a server loaded is loaded when the program opens the directory. */
async function loadedInPart(context: TestContext, skipDynamicField: boolean): Promise<Opened> {
  const path = await mkdtemp(join(tmpdir(), "elanus-loaded-"));
  const { db } = await opened(context, {}, path);
  await db.createCollection({
    name: "rows",
    dynamicField: true,
    fields: [
      { name: "id", type: "Int64", primaryKey: true },
      { name: "year", type: "Int32", nullable: true },
      { name: "word", type: "VarChar", maxLength: 20 },
      { name: "more", type: "JSON" },
      { name: "vector", type: "FloatVector", dimension: DIMENSION },
    ],
    indexes: [{ field: "vector", indexType: "HNSW", metricType: "L2", params: { M: 8, efConstruction: 64 } }],
  });
  await db.insert("rows", rowsFrom(0, 100));
  await db.release("rows");
  await db.close();
  const engine = await Engine.open({ directory: path });
  const target = { databaseName: "", collectionName: "rows" };
  const fieldNames = ["id", "year", "vector"];
  await engine.proxy.loadCollection(target, { replicaNumber: 1, partitionNames: null, fieldNames, skipDynamicField });
  while ((await engine.proxy.loadProgress(target, [])) < 100) await engine.runtime.sleep(5);
  await engine.close();
  const again = await opened(context, {}, path);
  // After it was closed: what the test's end does, it does in this order.
  context.after(() => rm(path, { recursive: true, force: true }));
  return again;
}

/** Hits, or what is wrong. What is explained is always the engine's. */
async function engineSays({ db }: Opened, search: Asked & { readonly vector: Float32Array }): Promise<unknown> {
  return db.search("rows", { ...search, explain: true }).then(({ hits }) => hits, wordsOf);
}

function wordsOf(error: unknown): unknown {
  assert.ok(error instanceof MilvusError, String(error));
  return { code: error.code, message: error.message };
}

async function compare(all: Opened, given: readonly Asked[], refused: readonly Asked[]): Promise<void> {
  const { db, asked } = all;
  // In turns, so that what is refused is asked for while the rest is lent.
  for (let at = 0; at < Math.max(given.length, refused.length); at += 1) {
    const good = { vector: vectorOf(1_000 + at), limit: 12, ...given[at % given.length] };
    const hits = await engineSays(all, good);
    assert.ok(Array.isArray(hits), JSON.stringify({ ...given[at % given.length], hits }));
    const same = (near: Hit[]): void => assert.deepEqual(near, hits, JSON.stringify(given[at % given.length]));
    await untilNear(all, "rows", good, same);
    const bad = { vector: vectorOf(2_000 + at), limit: 12, ...refused[at % refused.length] };
    const words = await engineSays(all, bad);
    assert.equal((words as { readonly code?: number }).code, 1100, JSON.stringify(bad));
    for (let again = 0; again < 8; again += 1) {
      const before = asked();
      assert.deepEqual(await db.search("rows", bad).catch(wordsOf), words);
      assert.equal(asked(), before + 1, "what is wrong is said by the engine");
      await new Promise((resolve) => setImmediate(resolve));
    }
    await untilNear(all, "rows", good, same);
  }
}

for (const skipDynamicField of [false, true]) {
  const name = `some fields, ${skipDynamicField ? "without" : "and"} undeclared keys: of growing rows, which have every field, of rows from files, of both`;
  test(name, { skip: SKIP }, async (context) => {
    const all = await loadedInPart(context, skipDynamicField);
    const given = skipDynamicField ? HERE : [...HERE, ...UNDECLARED];
    const refused = skipDynamicField ? [...REFUSED, ...UNDECLARED] : REFUSED;
    await compare(all, given, refused);
    await all.db.flush("rows");
    await compare(all, given, refused);
    await all.db.insert("rows", rowsFrom(100, 60));
    await compare(all, given, refused);
  });
}

test("what is loaded anew is had here, whatever was refused before", { skip: SKIP }, async (context) => {
  const all = await loadedInPart(context, true);
  const { db } = all;
  await compare(all, HERE, [...REFUSED, ...UNDECLARED]);
  await db.release("rows");
  await db.load("rows");
  for (const more of [...HERE, ...UNDECLARED, ...REFUSED]) {
    const search = { vector: vectorOf(3), limit: 12, ...more };
    const hits = await engineSays(all, search);
    assert.ok(Array.isArray(hits) && hits.length > 0, JSON.stringify(hits));
    await untilNear(all, "rows", search, (near) => assert.deepEqual(near, hits));
  }
});
