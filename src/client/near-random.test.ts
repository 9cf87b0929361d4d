/** Random programs of writes and changes: after each step searches on the program's own thread find what the engine finds. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DIMENSION, type Opened, SKIP, opened, vectorOf } from "./testing/near-database.ts";

const KEYS = 900;

type Step =
  | { readonly kind: "insert" | "upsert"; readonly first: number; readonly count: number; readonly seed: number }
  | { readonly kind: "delete"; readonly filter: string }
  | { readonly kind: "flush" | "reload" | "truncate" | "add" | "drop" | "alter" };

const range = { first: fc.integer({ min: 0, max: KEYS }), count: fc.integer({ min: 1, max: 300 }) };
const seed = fc.integer({ min: 0, max: 1000 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("insert", "upsert"), ...range, seed }) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 0, max: 20 }).map((year): Step => ({ kind: "delete", filter: `year == ${year}` })),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: "flush" }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Step>(
      { kind: "reload" },
      { kind: "truncate" },
      { kind: "add" },
      { kind: "drop" },
      { kind: "alter" },
    ),
  },
);

const SEARCHES = [
  {},
  { filter: "year < 10" },
  { filter: "year >= {least} and word != 'w3'", filterParams: { least: 4 }, outputFields: ["word"] },
  { filter: 'colour == "c1" or id < 50', outputFields: ["colour", "year"] },
  { filter: "later is null", outputFields: ["later"] },
];

function rowsOf(first: number, count: number, number: number): object[] {
  return Array.from({ length: count }, (_, at) => {
    const id = (first + at) % KEYS;
    const value = id * 31 + number;
    const colour = value % 2 === 0 ? { colour: `c${value % 3}` } : {};
    return { id, year: value % 21, word: `w${value % 7}`, vector: vectorOf(value), ...colour };
  });
}

async function carryOut({ db }: Opened, one: Step): Promise<void> {
  switch (one.kind) {
    case "insert":
    case "upsert":
      await db[one.kind]("rows", rowsOf(one.first, one.count, one.seed));
      return;
    case "delete":
      await db.delete("rows", { filter: one.filter });
      return;
    case "flush":
      return db.flush("rows");
    case "reload":
      await db.release("rows");
      return db.load("rows");
    case "truncate":
      return db.truncateCollection("rows");
    case "alter":
      return db.alterCollection("rows", { timezone: "Asia/Tokyo" });
    case "add":
    case "drop": {
      const { fields } = await db.describeCollection("rows");
      const isThere = fields.some(({ name }) => name === "later");
      if (one.kind === "drop" && isThere) await db.dropField("rows", "later");
      if (one.kind === "add" && !isThere) {
        await db.addField("rows", { name: "later", type: "Int32", nullable: true, default: 3 });
      }
    }
  }
}

/** Searches before it is clear that the engine decides: of a key with several rows in one segment, or more that tie at the border. */
const MOST_SEARCHES = 25;

/** How many of the searches were made here. */
async function compare({ db, asked }: Opened, number: number): Promise<number> {
  let made = 0;
  for (const [at, more] of SEARCHES.entries()) {
    for (const limit of [3, 40]) {
      const search = { vector: vectorOf(100_000 + number + at), limit, params: { ef: 800 }, ...more };
      const { hits } = await db.search("rows", { ...search, explain: true });
      for (let again = 0; again < MOST_SEARCHES; again += 1) {
        const before = asked();
        assert.deepEqual(await db.search("rows", search), hits);
        if (asked() === before) {
          made += 1;
          break;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
  return made;
}

test("random programs", { skip: SKIP, timeout: 600_000 }, async (context) => {
  const all = await opened(context);
  const { db } = all;
  let [made, searches] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 10 }), async (steps) => {
      await db.createCollection({
        name: "rows",
        dynamicField: true,
        fields: [
          { name: "id", type: "Int64", primaryKey: true },
          { name: "year", type: "Int32" },
          { name: "word", type: "VarChar", maxLength: 20 },
          { name: "vector", type: "FloatVector", dimension: DIMENSION },
        ],
        indexes: [{ field: "vector", indexType: "HNSW", metricType: "L2", params: { M: 8, efConstruction: 64 } }],
      });
      for (const [number, one] of steps.entries()) {
        await carryOut(all, one);
        made += await compare(all, number);
        searches += 2 * SEARCHES.length;
      }
      await db.dropCollection("rows");
    }),
    { numRuns: 6 },
  );
  assert.ok(made > searches / 2, `${made} of ${searches} searches were made here`);
});
