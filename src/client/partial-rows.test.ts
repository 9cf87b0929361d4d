import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "./connect.ts";

test("partial updates, and reads of the past", async (context) => {
  const path = await mkdtemp(join(tmpdir(), "elanus-partial-"));
  context.after(() => rm(path, { recursive: true, force: true }));
  await using db = await connect(path);
  await db.createCollection({
    name: "books",
    fields: [
      { name: "isbn", type: "VarChar", maxLength: 13, primaryKey: true },
      { name: "embedding", type: "FloatVector", dimension: 2 },
      { name: "year", type: "Int32", nullable: true },
    ],
    dynamicField: true,
    indexes: [{ field: "embedding", indexType: "FLAT", metricType: "L2" }],
  });
  const first = await db.insert("books", [
    { isbn: "a", embedding: [1, 0], year: 1990, title: "old", pages: 10 },
    { isbn: "b", embedding: [0, 1], year: 2000, title: "other" },
  ]);
  const second = await db.upsert("books", [{ isbn: "a", year: null, title: "new" }], { partial: true });
  assert.ok(second.timestamp > first.timestamp);
  const rows = await db.query("books", { ids: ["a", "b"] });
  assert.deepEqual(
    rows.map((row) => ({ ...row, embedding: [...(row as { embedding: Float32Array }).embedding] })),
    [
      { isbn: "a", embedding: [1, 0], year: null, title: "new", pages: 10 },
      { isbn: "b", embedding: [0, 1], year: 2000, title: "other" },
    ],
  );

  await assert.rejects(
    db.upsert(
      "books",
      [
        { isbn: "a", year: 1 },
        { isbn: "b", embedding: [1, 1] },
      ],
      { partial: true },
    ),
    /changes the same fields of all its rows, but row 1 has embedding and row 0 has not/,
  );
  await assert.rejects(db.upsert("books", [{ isbn: "c", year: 1 }], { partial: true }), /embedding/);

  await db.flush("books");
  await db.delete("books", { ids: ["b"] });
  const at = { asOf: first.timestamp, outputFields: ["title"] };
  assert.deepEqual(await db.query("books", { filter: 'isbn < "z"', ...at }), [
    { isbn: "a", title: "old" },
    { isbn: "b", title: "other" },
  ]);
  assert.deepEqual(
    (await db.search("books", { vector: [0, 1], ...at })).map(({ id, title }) => [id, title]),
    [
      ["b", "other"],
      ["a", "old"],
    ],
  );
  assert.equal(await db.count("books", { asOf: second.timestamp }), 2);
  assert.equal(await db.count("books"), 1);
  assert.equal(await db.count("books", { asOf: new Date() }).catch(() => 1), 1, "this millisecond may not be over yet");
  await assert.rejects(db.count("books", { asOf: first.timestamp + (1n << 40n) }), /lies in the future/);
  await assert.rejects(db.count("books", { asOf: 1n }), /before the collection was created/);
  await assert.rejects(db.count("books", { asOf: new Date(Number.NaN) }), /asOf is a timestamp/);
});

test("elements appended to arrays and removed from them", async (context) => {
  const path = await mkdtemp(join(tmpdir(), "elanus-arrays-"));
  context.after(() => rm(path, { recursive: true, force: true }));
  await using db = await connect(path);
  await db.createCollection({
    name: "books",
    fields: [
      { name: "id", type: "Int64", primaryKey: true },
      { name: "embedding", type: "FloatVector", dimension: 2 },
      { name: "tags", type: "Array", elementType: "VarChar", maxLength: 20, maxCapacity: 3, nullable: true },
    ],
    indexes: [{ field: "embedding", indexType: "FLAT", metricType: "L2" }],
  });
  await db.insert("books", [
    { id: 1, embedding: [1, 0], tags: ["old"] },
    { id: 2, embedding: [0, 1], tags: null },
  ]);
  const change = (tags: string[], operation: "append" | "remove"): Promise<unknown> =>
    db.upsert(
      "books",
      [
        { id: 1, tags },
        { id: 2, tags },
      ],
      { partial: true, arrayOperations: { tags: operation } },
    );
  const tags = async (): Promise<unknown[]> => {
    return (await db.query("books", { ids: [1, 2], outputFields: ["tags"] })).map((row) => row["tags"]);
  };
  await change(["new", "red"], "append");
  assert.deepEqual(await tags(), [
    ["old", "new", "red"],
    ["new", "red"],
  ]);
  await change(["old", "red"], "remove");
  assert.deepEqual(await tags(), [["new"], ["new"]]);
  await assert.rejects(change(["a", "b", "c"], "append"), /array length 4 exceeds max_capacity 3/);
  await assert.rejects(change(["a"], "prepend" as never), /"append" or "remove", not "prepend"/);
  await assert.rejects(
    db.upsert("books", [{ id: 1, embedding: [0, 0], tags: [] }], { arrayOperations: { tags: "append" } }),
    /part of a partial update/,
  );
  const gone = await db.delete("books", { ids: [1] });
  assert.equal(await db.count("books", { asOf: gone.timestamp! }), 1);
  assert.equal(await db.count("books", { asOf: gone.timestamp! - 1n }), 2);
  assert.deepEqual(await db.delete("books", { ids: [] }), { count: 0, timestamp: null });
});
