import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ConsistencyLevelEnum, DataType, type MilvusClient } from "@zilliz/milvus2-sdk-node";
import { serveSuite } from "./node-fixture.ts";
import { cosines, drawnVectors, nearestRows } from "./nearest-rows.ts";
import { type Row, countRows, succeeded } from "./node-client.ts";
import { wordnetFolder } from "./wordnet.ts";

const COUNT = 20_000;
const DIMENSION = 384;
const QUERY_COUNT = 40;
const LIMIT = 10;
const BATCH_ROWS = 4_000;
const KEY_STEP = 3;
/** Scores in 32 bits may differ from the oracle's by this much; rows that are closer may change places. */
const TOLERANCE = 2e-6;
const LEVELS = ["Strong", "Session", "Bounded", "Eventually"] as const;
const FILTERS: Readonly<Record<string, (row: number) => boolean>> = {
  "": () => true,
  "number % 7 == 3": (row) => row % 7 === 3,
  'group in ["g1", "g4"] and number < 15000': (row) => (row % 11 === 1 || row % 11 === 4) && row < 15_000,
};
const collection_name = "wordnet";

async function readVectors(): Promise<{ readonly rows: Float32Array; readonly queries: Float32Array }> {
  const folder = wordnetFolder();
  if (folder === null) {
    const drawn = drawnVectors(COUNT + QUERY_COUNT, DIMENSION, 384);
    return { rows: drawn.subarray(0, COUNT * DIMENSION), queries: drawn.slice(COUNT * DIMENSION) };
  }
  return {
    rows: Float32Array.from(new Float16Array(await head(join(folder, "vectors.f16.bin"), COUNT * DIMENSION * 2))),
    queries: new Float32Array(await head(join(folder, "queries.f32.bin"), QUERY_COUNT * DIMENSION * 4)),
  };
}

async function head(path: string, byteCount: number): Promise<ArrayBuffer> {
  await using file = await open(path);
  const bytes = new Uint8Array(byteCount);
  const { bytesRead } = await file.read(bytes, 0, byteCount, 0);
  assert.equal(bytesRead, byteCount, `${path} is too short`);
  return bytes.buffer;
}

describe("Milvus SDK for Node: 20,000 rows of 384 against brute force, under every consistency level", () => {
  const served = serveSuite();
  const vectors = readVectors();
  const oracle = vectors.then(({ rows, queries }) => {
    const scores = cosines(queries, rows, DIMENSION);
    return (query: number): Float64Array => scores.subarray(query * COUNT, (query + 1) * COUNT);
  });

  /** Bounded and Eventually may lag behind what was written; the answer is determined once they have caught up. */
  async function settle(milvus: MilvusClient): Promise<void> {
    for (const level of ["Bounded", "Eventually"] as const) {
      while ((await countRows(milvus, collection_name, "", level)) !== COUNT) await sleep(20);
    }
  }

  async function check(): Promise<void> {
    const milvus = served.client;
    const { queries } = await vectors;
    const scoresOf = await oracle;
    await settle(milvus);
    const asked = Array.from({ length: QUERY_COUNT }, (_, query) => [
      ...queries.subarray(query * DIMENSION, (query + 1) * DIMENSION),
    ]);
    let same = 0;
    let ranks = 0;
    for (const [filter, passes] of Object.entries(FILTERS)) {
      const wanted = asked.map((_, query) => nearestRows(scoresOf(query), LIMIT, passes));
      for (const level of LEVELS) {
        const consistency_level = ConsistencyLevelEnum[level];
        const found = succeeded(
          await milvus.search({
            collection_name,
            data: asked,
            limit: LIMIT,
            filter,
            consistency_level,
            output_fields: ["id"],
          }),
        );
        (found.results as unknown as Row[][]).forEach((hits, query) => {
          const scores = scoresOf(query);
          const rows = hits.map((hit) => Number(hit["id"]) / KEY_STEP);
          assert.equal(new Set(rows).size, LIMIT, `${level}, ${filter}: as many rows as asked for, each once`);
          rows.forEach((row, rank) => {
            const place = `${level}, ${filter}, query ${query}, rank ${rank}`;
            assert.ok(passes(row), `${place}: row ${row} does not pass`);
            const gap = Math.abs(scores[row]! - scores[wanted[query]![rank]!]!);
            assert.ok(gap <= TOLERANCE, `${place}: expected ${wanted[query]![rank]}, saw ${row}, ${gap} apart`);
            assert.ok(Math.abs(scores[row]! - Number(hits[rank]!["score"])) <= TOLERANCE, `${place}: its score`);
            same += row === wanted[query]![rank] ? 1 : 0;
            ranks += 1;
          });
        });
        const counted = await countRows(milvus, collection_name, filter, level);
        assert.equal(counted, countWhere(passes), `${level}: count of ${filter}`);
      }
    }
    assert.equal(ranks, QUERY_COUNT * LIMIT * LEVELS.length * Object.keys(FILTERS).length);
    assert.ok(same >= 0.999 * ranks, `${same} of ${ranks} ranks are the same to the row`);
  }

  test("growing and sealed mixed, as written", async () => {
    const milvus = served.client;
    succeeded(
      await milvus.createCollection({
        collection_name,
        fields: [
          { name: "id", data_type: DataType.Int64, is_primary_key: true },
          { name: "vector", data_type: DataType.FloatVector, dim: DIMENSION },
          { name: "number", data_type: DataType.Int32 },
          { name: "group", data_type: DataType.VarChar, max_length: 16 },
        ],
        shards_num: 2,
        index_params: [{ field_name: "vector", index_type: "FLAT", metric_type: "COSINE" }],
      }),
    );
    const { rows } = await vectors;
    for (let first = 0; first < COUNT; first += BATCH_ROWS) {
      const batch = Array.from({ length: BATCH_ROWS }, (_, at) => {
        const row = first + at;
        const vector = [...rows.subarray(row * DIMENSION, (row + 1) * DIMENSION)];
        return { id: row * KEY_STEP, vector, number: row, group: `g${row % 11}` };
      });
      succeeded(await milvus.insert({ collection_name, data: batch }));
      if (first === 2 * BATCH_ROWS) succeeded(await milvus.flushSync({ collection_names: [collection_name] }));
    }
    await check();
  });

  test("after a restart", async () => {
    await served.restart();
    await check();
  });
});

function countWhere(passes: (row: number) => boolean): number {
  let count = 0;
  for (let row = 0; row < COUNT; row += 1) if (passes(row)) count += 1;
  return count;
}
