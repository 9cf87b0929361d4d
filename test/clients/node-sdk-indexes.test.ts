/** Indexes that are built, through Milvus's SDK for Node: each type over rows that are there, searched through its own parameters, explained. */

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { DataType, type RowData } from "@zilliz/milvus2-sdk-node";
import { serveSuite } from "./node-fixture.ts";
import { cosines, drawnVectors, nearestRows } from "./nearest-rows.ts";
import { type Row, createKeyed, refused, succeeded } from "./node-client.ts";

const DIMENSION = 32;
const ROWS = 2_000;
const QUERIES = 10;
const LIMIT = 10;

interface Kind {
  readonly build: Row;
  readonly search: Row;
  /** Of what brute force finds. */
  readonly least: number;
}

const KINDS: Readonly<Record<string, Kind>> = {
  AUTOINDEX: { build: {}, search: { level: 2 }, least: 0.95 },
  HNSW: { build: { M: 12, efConstruction: 100 }, search: { ef: 80 }, least: 0.95 },
  HNSW_PQ: {
    build: { M: 12, efConstruction: 100, m: 16, nbits: 8, refine: true, refine_type: "SQ8" },
    search: { ef: 80, refine_k: 5 },
    least: 0.85,
  },
  HNSW_PRQ: {
    build: { M: 12, efConstruction: 100, m: 8, nrq: 2, nbits: 8, refine: true, refine_type: "FP32" },
    search: { ef: 80, refine_k: 5 },
    least: 0.85,
  },
  HNSW_SQ: {
    build: { M: 12, efConstruction: 100, sq_type: "SQ4U", refine: true, refine_type: "SQ8" },
    search: { ef: 80, refine_k: 3 },
    least: 0.95,
  },
  DISKANN: { build: { max_degree: 32, search_list_size: 100 }, search: { search_list: 100 }, least: 0.95 },
  IVF_FLAT: { build: { nlist: 16 }, search: { nprobe: 16 }, least: 0.95 },
  IVF_SQ8: { build: { nlist: 16 }, search: { nprobe: 16 }, least: 0.95 },
  // Codes without a second look at the rows find less.
  IVF_PQ: { build: { nlist: 16, m: 16, nbits: 8 }, search: { nprobe: 16 }, least: 0.5 },
  IVF_RABITQ: {
    build: { nlist: 16, refine: true, refine_type: "SQ8" },
    search: { nprobe: 16, refine_k: 6 },
    least: 0.75,
  },
  SCANN: { build: { nlist: 16 }, search: { nprobe: 16, reorder_k: 100 }, least: 0.85 },
};

describe("Milvus SDK for Node: indexes", () => {
  const served = serveSuite();
  const collection_name = "indexed";
  const drawn = drawnVectors(ROWS + QUERIES, DIMENSION, 3);
  const rows = drawn.subarray(0, ROWS * DIMENSION);
  const queries = drawn.slice(ROWS * DIMENSION);

  before(async () => {
    await createKeyed(served.client, collection_name, [
      { name: "vector", data_type: DataType.FloatVector, dim: DIMENSION },
    ]);
    const vectorOf = (row: number): number[] => [...rows.subarray(row * DIMENSION, (row + 1) * DIMENSION)];
    const all = Array.from({ length: ROWS }, (_, row) => ({ id: row, vector: vectorOf(row) }));
    succeeded(await served.client.insert({ collection_name, data: all }));
    succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
  });

  test("every type is built, searched through its own parameters, and explained", async (context) => {
    for (const [index_type, kind] of Object.entries(KINDS))
      await context.test(index_type, () => checkKind(index_type, kind));
  });

  async function checkKind(index_type: string, { build, search, least }: Kind): Promise<void> {
    const index = {
      collection_name,
      field_name: "vector",
      index_type,
      metric_type: "COSINE",
      params: build as object,
    };
    succeeded(await served.client.createIndex(index));
    for (;;) {
      const [told] = succeeded(await served.client.describeIndex({ collection_name })).index_descriptions;
      assert.notEqual(told!.state, "Failed", told!.index_state_fail_reason);
      if (told!.state === "Finished") break;
    }
    const progress = succeeded(await served.client.getIndexBuildProgress({ collection_name, field_name: "vector" }));
    assert.deepEqual([progress.indexed_rows, progress.total_rows].map(Number), [ROWS, ROWS]);
    succeeded(await served.client.loadCollectionSync({ collection_name }));
    const scores = cosines(queries, rows, DIMENSION);
    let matched = 0;
    for (let query = 0; query < QUERIES; query += 1) {
      const found = succeeded(
        await served.client.search({
          collection_name,
          data: [...queries.subarray(query * DIMENSION, (query + 1) * DIMENSION)],
          limit: LIMIT,
          params: { ...search, explain: true },
        }),
      );
      const exact = new Set(
        nearestRows(scores.subarray(query * ROWS, (query + 1) * ROWS), LIMIT, () => true).map(String),
      );
      matched += (found.results as readonly { id: string }[]).filter(({ id }) => exact.has(String(id))).length;
      const { explain } = found.status.extra_info as { explain: string };
      const told = JSON.parse(explain) as { indexType: string; segments: { rowCount: number; strategy: string }[] };
      assert.equal(told.indexType, index_type);
      assert.deepEqual(
        told.segments.map(({ rowCount }) => rowCount),
        [ROWS],
      );
    }
    assert.ok(matched / (QUERIES * LIMIT) >= least, `${index_type} found ${matched} of ${QUERIES * LIMIT}`);
    succeeded(await served.client.releaseCollection({ collection_name }));
    succeeded(await served.client.dropIndex({ collection_name, field_name: "vector", index_name: "vector" }));
  }

  test("MINHASH_LSH finds rows that share a band", async () => {
    const collection = { collection_name: "signatures" };
    const hashes = 16;
    succeeded(
      await served.client.createCollection({
        ...collection,
        consistency_level: "Strong",
        fields: [
          { name: "id", data_type: DataType.Int64, is_primary_key: true },
          { name: "signature", data_type: DataType.BinaryVector, dim: hashes * 8 },
        ],
      }),
    );
    // Row r has the hashes of row 7 in its first r % 16 places, and others behind.
    const signature = (row: number): number[] =>
      Array.from({ length: hashes }, (_, at) => (row === 7 || at < row % hashes ? at : (row * 31 + at * 7 + 97) % 256));
    const data = Array.from({ length: ROWS }, (_, id) => ({ id, signature: signature(id) }));
    succeeded(await served.client.insert({ ...collection, data }));
    succeeded(await served.client.flushSync({ collection_names: [collection.collection_name] }));
    succeeded(
      await served.client.createIndex({
        ...collection,
        field_name: "signature",
        index_type: "MINHASH_LSH",
        metric_type: "MHJACCARD",
        params: { mh_element_bit_width: 8, mh_lsh_band: 4, with_raw_data: true },
      }),
    );
    succeeded(await served.client.loadCollectionSync(collection));
    const found = succeeded(
      await served.client.search({
        ...collection,
        data: signature(7),
        limit: 100,
        params: { mh_search_with_jaccard: true, refine_k: 1_000, explain: true },
      }),
    );
    const scores = (found.results as readonly { id: string; score: number }[]).map(({ score }) => score);
    assert.equal(scores[0], 1);
    assert.deepEqual(
      scores,
      scores.toSorted((left, right) => right - left),
    );
    assert.equal(scores.filter((score) => score >= 15 / 16).length, 100, "one in sixteen shares fifteen hashes");
    const told = JSON.parse((found.status.extra_info as { explain: string }).explain) as { indexType: string };
    assert.equal(told.indexType, "MINHASH_LSH");
    const banded = succeeded(await served.client.search({ ...collection, data: signature(7), limit: 100 })).results;
    assert.ok(banded.length > 0);
    assert.ok(
      banded.every(({ score }) => score === 1),
      "without Jaccard a hit says that a band is shared",
    );
  });

  test("AUTOINDEX over bits, and over lists of vectors, is an index and finds what a scan finds", async () => {
    const collection_name = "bits_and_lists";
    const bytes = 8;
    // Rows in groups of a hundred; in a group, row r has some bits and steps of its own.
    const bitsOf = (row: number): number[] =>
      Array.from(
        { length: bytes },
        (_, at) => (((row % 20) * 37 + at * 59) % 256) ^ (at === row % bytes ? 1 << (row % 7) : 0),
      );
    const pointOf = (row: number, at: number): number[] => [
      (row % 20) * 50 + (row % 9) + at,
      (row % 20) * 30 - (row % 5),
    ];
    const listOf = (row: number): { v: number[] }[] =>
      Array.from({ length: 1 + (row % 3) }, (_, at) => ({ v: pointOf(row, at) }));
    await createKeyed(served.client, collection_name, [
      { name: "bits", data_type: DataType.BinaryVector, dim: bytes * 8 },
      {
        name: "s",
        data_type: DataType.Array,
        element_type: DataType.Struct,
        max_capacity: 4,
        fields: [{ name: "v", data_type: DataType.FloatVector, dim: 2 }],
      },
    ]);
    const data = Array.from({ length: ROWS }, (_, id) => ({ id, bits: bitsOf(id), s: listOf(id) }));
    succeeded(await served.client.insert({ collection_name, data: data as RowData[] }));
    succeeded(await served.client.flushSync({ collection_names: [collection_name] }));
    const fields = { bits: "HAMMING", "s[v]": "MAX_SIM_L2" };
    for (const [field_name, metric_type] of Object.entries(fields))
      succeeded(await served.client.createIndex({ collection_name, field_name, index_type: "AUTOINDEX", metric_type }));
    for (;;) {
      const told = succeeded(await served.client.describeIndex({ collection_name })).index_descriptions;
      assert.equal(told.length, 2);
      if (told.every(({ state }) => state === "Finished")) break;
    }
    succeeded(await served.client.loadCollectionSync({ collection_name }));
    const apart = (left: number[], right: number[]): number =>
      left.reduce((sum, byte, at) => sum + (byte ^ right[at]!).toString(2).replaceAll("0", "").length, 0);
    const list = [pointOf(3, 0), pointOf(3, 1)];
    const distance = (row: number): number =>
      list.reduce((sum, [x, y]) => {
        const far = listOf(row).map(({ v }) => (v[0]! - x!) ** 2 + (v[1]! - y!) ** 2);
        return sum + Math.min(...far);
      }, 0);
    const check = async (anns_field: string, asked: unknown, score: (row: number) => number): Promise<void> => {
      const answer = succeeded(
        await served.client.search({
          collection_name,
          anns_field,
          data: asked as number[],
          limit: 10,
          params: { explain: true },
        }),
      );
      const found = (answer.results.flat() as { id: string; score: number }[]).map((hit) => [
        Number(hit.id),
        hit.score,
      ]);
      const all = Array.from({ length: ROWS }, (_, row) => [row, score(row)] as const);
      const exact = all.toSorted((left, right) => left[1] - right[1] || left[0] - right[0]).slice(0, 10);
      assert.deepEqual(found, exact, anns_field);
      const told = JSON.parse((answer.status.extra_info as { explain: string }).explain) as {
        indexType: string;
        segments: { strategy: string; reason: string }[];
      };
      assert.equal(told.indexType, "AUTOINDEX");
      assert.doesNotMatch(told.segments[0]!.strategy, /exact|none/, told.segments[0]!.reason);
    };
    await check("bits", bitsOf(5), (row) => apart(bitsOf(5), bitsOf(row)));
    await check("s[v]", [list], distance);
  });

  test("lists of sparse vectors are packed, mapped where that is said, and give every hit", async () => {
    const name = "sparse_indexed";
    const count = 1_200;
    const rowOf = (row: number): Record<string, number> => {
      const indices = Array.from({ length: 8 }, (_, at) => (row * 7 + at * at * 13) % 300);
      return Object.fromEntries(indices.map((index, at) => [String(index), 1 + ((row + at) % 9)]));
    };
    const dot = (left: Record<string, number>, right: Record<string, number>): number =>
      Object.entries(left).reduce((sum, [index, value]) => sum + value * (right[index] ?? 0), 0);
    succeeded(
      await served.client.createCollection({
        collection_name: name,
        consistency_level: "Strong",
        fields: [
          { name: "id", data_type: DataType.Int64, is_primary_key: true },
          { name: "vector", data_type: DataType.SparseFloatVector },
        ],
      }),
    );
    const data = Array.from({ length: count }, (_, row) => ({ id: row, vector: rowOf(row) }));
    succeeded(await served.client.insert({ collection_name: name, data }));
    succeeded(await served.client.flushSync({ collection_names: [name] }));
    for (const [index_type, mapped] of [
      ["SPARSE_INVERTED_INDEX", "true"],
      ["SPARSE_WAND", "false"],
    ] as const) {
      const params = { inverted_index_algo: "DAAT_WAND", "mmap.enabled": mapped };
      const index = { collection_name: name, field_name: "vector", index_type, metric_type: "IP", params };
      succeeded(await served.client.createIndex(index));
      for (;;) {
        const [told] = succeeded(await served.client.describeIndex({ collection_name: name })).index_descriptions;
        assert.notEqual(told!.state, "Failed", told!.index_state_fail_reason);
        if (told!.state === "Finished") break;
      }
      succeeded(await served.client.loadCollectionSync({ collection_name: name }));
      const query = rowOf(5_003);
      const found = succeeded(await served.client.search({ collection_name: name, data: query, limit: 10 }));
      const best = data.map(({ vector }) => dot(query, vector)).toSorted((left, right) => right - left);
      assert.deepEqual(
        (found.results as readonly { score: number }[]).map(({ score }) => score),
        best.slice(0, 10),
      );
      succeeded(await served.client.releaseCollection({ collection_name: name }));
      succeeded(await served.client.dropIndex({ collection_name: name, field_name: "vector", index_name: "vector" }));
    }
  });

  test("types of a GPU are refused with the type to use", async () => {
    const answer = await served.client.createIndex({
      collection_name,
      field_name: "vector",
      index_type: "GPU_CAGRA",
      metric_type: "COSINE",
    });
    refused(answer, "create the index as HNSW", 701);
  });
});
