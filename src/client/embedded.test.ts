/** The whole life of an embedded database, on a real directory. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { MilvusError, connect } from "./connect.ts";
import type { Elanus } from "./connect.ts";

const DIMENSION = 16;
const ROWS = 5_000;

async function folder(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "elanus-client-"));
  context.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** The same floats for the same number, spread over all directions. */
function vectorOf(seed: number): Float32Array {
  let state = (seed + 1) * 2_654_435_761;
  return Float32Array.from({ length: DIMENSION }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

interface Doc {
  readonly id: number;
  readonly vector: Float32Array;
  readonly title: string;
  readonly year: number;
}

function docs(first: number, count: number): Doc[] {
  return Array.from({ length: count }, (_, at) => {
    const id = first + at;
    return { id, vector: vectorOf(id), title: `doc ${id} é`, year: 1900 + (id % 100) };
  });
}

/** Ids by ascending squared distance, ties by id. */
function nearest(rows: Iterable<Doc>, query: Float32Array, count: number): number[] {
  const distance = ({ vector }: Doc): number => vector.reduce((sum, x, at) => sum + (x - query[at]!) ** 2, 0);
  return [...rows]
    .map((row) => ({ id: row.id, distance: distance(row) }))
    .toSorted((a, b) => a.distance - b.distance || a.id - b.id)
    .slice(0, count)
    .map(({ id }) => id);
}

async function assertSame(db: Elanus, model: ReadonlyMap<number, Doc>): Promise<void> {
  assert.equal(await db.count("docs"), model.size);
  const vectors = [1, 77_777, 88_888].map(vectorOf);
  const lists = await db.search<Doc>("docs", { vectors, limit: 10, outputFields: ["title", "year"] });
  for (const [query, hits] of lists.entries()) {
    assert.deepEqual(
      hits.map((hit) => hit.id),
      nearest(model.values(), vectors[query]!, 10),
    );
    for (const hit of hits) {
      const { title, year } = model.get(hit.id)!;
      assert.deepEqual({ title: hit.title, year: hit.year }, { title, year });
    }
  }
  const recent = [...model.values()].filter((row) => row.year > 1990);
  const filtered = await db.search("docs", { vector: vectors[1]!, limit: 20, filter: "year > 1990" });
  assert.deepEqual(
    filtered.map((hit) => hit.id),
    nearest(recent, vectors[1]!, 20),
  );
  assert.equal(await db.count("docs", { filter: "year > {least}", filterParams: { least: 1990 } }), recent.length);
}

test("a collection from its making to a second opening", async (context) => {
  const path = await folder(context);
  const model = new Map<number, Doc>();
  {
    await using db = await connect(path);
    await db.createCollection({ name: "docs", dimension: DIMENSION, metricType: "L2" });
    for (let first = 0; first < ROWS; first += 1_000) {
      const rows = docs(first, 1_000);
      const { count, ids } = await db.insert("docs", rows);
      assert.equal(count, 1_000);
      assert.deepEqual(
        ids,
        rows.map((row) => row.id),
      );
      for (const row of rows) model.set(row.id, row);
    }
    await assertSame(db, model);

    assert.equal((await db.delete("docs", { ids: [1, 2, 3] })).count, 3);
    for (const id of [1, 2, 3]) model.delete(id);
    const gone = [...model.values()].filter((row) => row.year < 1905);
    assert.equal((await db.delete("docs", { filter: "year < 1905" })).count, gone.length);
    for (const row of gone) model.delete(row.id);
    await assertSame(db, model);

    const changed = docs(4_900, 200).map((row) => ({ ...row, vector: vectorOf(row.id + 50_000), title: "changed" }));
    await db.upsert("docs", changed);
    for (const row of changed) model.set(row.id, row);
    await assertSame(db, model);

    await db.flush("docs");
    const stats = await db.stats("docs");
    assert.equal(stats.growingSegmentCount, 0);
    assert.ok(stats.flushedSegmentCount > 0);
    await assertSame(db, model);
    // Some rows stay in the log alone.
    const late = docs(6_000, 10);
    await db.insert("docs", late);
    for (const row of late) model.set(row.id, row);
  }
  await using db = await connect(path);
  await assertSame(db, model);
  assert.deepEqual(await db.listCollections(), ["docs"]);
});

test("a refused call says why, and changes nothing", async (context) => {
  await using db = await connect(await folder(context));
  await assert.rejects(db.search("docs", { vector: vectorOf(0) }), (error) => {
    assert.ok(error instanceof MilvusError);
    assert.equal(error.code, 100);
    assert.match(error.message, /docs/);
    assert.match(error.stack ?? "", /embedded\.test/, "the stack shows who called");
    return true;
  });
  await assert.rejects(
    db.createCollection({
      name: "docs",
      fields: [
        { name: "id", type: "Int64", primaryKey: true },
        { name: "vector", type: "FloatVector", dimension: DIMENSION },
      ],
      indexes: [{ field: "vector", indexType: "TRIE" }],
    }),
    /data type FloatVector can't build with this index TRIE/,
  );
  assert.equal(await db.hasCollection("docs"), false, "what was begun is taken back");
});

test("an explained search tells what was done in each segment", async (context) => {
  await using db = await connect(await folder(context));
  await db.createCollection({ name: "docs", dimension: DIMENSION });
  await db.insert("docs", [
    { id: 1, vector: vectorOf(1) },
    { id: 2, vector: vectorOf(2) },
  ]);
  const { hits, explanation } = await db.search("docs", { vector: vectorOf(2), limit: 1, explain: true });
  assert.equal(hits[0]!.id, 2);
  assert.deepEqual([explanation.indexType, explanation.k, explanation.estimatedRecall], ["AUTOINDEX", 1, 1]);
  const [segment] = explanation.segments;
  assert.deepEqual([segment?.state, segment?.strategy, segment?.exactScores], ["growing", "exact", 2]);
});
