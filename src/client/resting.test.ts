/** What becomes of rows that were written again when nobody writes any more: searches are never slow meanwhile, and there is one segment in the end. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { loadKernel } from "../kernel/load.ts";
import { NativeKernel } from "../kernel/native.ts";
import { LEAST_ROWS } from "../segment/growing-graph.ts";
import { connect } from "./connect.ts";

const DIMENSION = 16;
const [ROWS, WRITTEN_AGAIN, BATCH] = [10_000, 5_000, 5_000];

function vectorOf(id: number, version: number): Float32Array {
  return Float32Array.from({ length: DIMENSION }, (_, at) => Math.sin(0.7131 * (id + 1) * (at + 1.37) + version));
}

test("rows written again are searched through graphs at any time, and become one segment with the rest", async (context) => {
  // Growing rows have no graphs in the other kernel.
  if (!(loadKernel() instanceof NativeKernel)) return context.skip("needs the native kernel");
  const path = await mkdtemp(join(tmpdir(), "elanus-resting-"));
  context.after(() => rm(path, { recursive: true, force: true }));
  const limits = { restMilliseconds: 500, checkMilliseconds: 100, compactionCheckMilliseconds: 100 };
  await using db = await connect(path, { limits });
  await db.createCollection({
    name: "docs",
    fields: [
      { name: "id", type: "Int64", primaryKey: true },
      { name: "vector", type: "FloatVector", dimension: DIMENSION },
    ],
    indexes: [{ field: "vector", indexType: "HNSW", metricType: "COSINE" }],
  });
  const write = async (how: "insert" | "upsert", first: number, version: number): Promise<void> => {
    const ids = Array.from({ length: BATCH }, (_, at) => first + at);
    await db[how](
      "docs",
      ids.map((id) => ({ id, vector: vectorOf(id, version) })),
    );
  };
  for (let first = 0; first < ROWS; first += BATCH) await write("insert", first, 0);
  await db.flush("docs");
  await write("upsert", 0, 1);
  assert.ok(WRITTEN_AGAIN >= LEAST_ROWS, "growing rows have a graph");
  let wasWalked = false;
  for (;;) {
    const ask = { vector: vectorOf(3, 1), limit: 5, params: { ef: 64 } };
    const { hits, explanation } = await db.search("docs", { ...ask, explain: true });
    assert.equal(hits[0]!.id, 3);
    const { segments } = explanation;
    const recent = segments.find(({ rowCount }) => rowCount === WRITTEN_AGAIN);
    if (recent !== undefined) {
      const isWalked = recent.strategy !== "exact";
      assert.ok(isWalked || !wasWalked, `a ${recent.state} segment is scanned after it was searched through a graph`);
      wasWalked ||= isWalked;
    }
    if (segments.length === 1 && segments[0]!.strategy !== "exact") break;
    await sleep(20);
  }
  assert.ok(wasWalked);
  assert.equal(await db.count("docs"), ROWS);
  for (const id of [0, 17, WRITTEN_AGAIN - 1, WRITTEN_AGAIN, ROWS - 1]) {
    const [hit] = await db.search("docs", { vector: vectorOf(id, id < WRITTEN_AGAIN ? 1 : 0), limit: 1 });
    assert.equal(hit!.id, id);
  }
});
