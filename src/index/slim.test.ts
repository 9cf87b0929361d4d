/** What the parameters of DISKANN, HNSW_PQ, HNSW_PRQ and HNSW_SQ mean to the kernel. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SLIM } from "./slim.ts";

const said = (params: Record<string, unknown>): ReadonlyMap<string, unknown> => new Map(Object.entries(params));

test("DISKANN: codes within the budget, candidates read from the rows", () => {
  const build = (params: Record<string, unknown>): unknown => SLIM.build("DISKANN", said(params), 768, true);
  const standard = { kind: "slim", degree: 56, beam: 100, codes: "book", subspaces: 192, bits: 8 };
  assert.deepEqual(build({}), standard);
  assert.deepEqual(build({ max_degree: "512", search_list_size: 30 }), { ...standard, degree: 512, beam: 30 });
  assert.deepEqual(build({ pq_code_budget_gb_ratio: "0.03" }), { ...standard, subspaces: 92 });
  const search = (params: Record<string, unknown>): unknown => SLIM.search("DISKANN", said(params), 10);
  assert.deepEqual(search({}), { kind: "slim", ef: 64, reorder: null });
  assert.deepEqual(search({ search_list: 30 }), { kind: "slim", ef: 30, reorder: null });
});

test("HNSW_PQ: its own codes, and a second look where it is asked for", () => {
  const params = said({ M: 16, efConstruction: 80, m: 24, nbits: 6 });
  assert.deepEqual(SLIM.build("HNSW_PQ", params, 96, true), {
    kind: "slim",
    degree: 32,
    beam: 80,
    codes: "book",
    subspaces: 24,
    bits: 6,
  });
  const search = (given: Record<string, unknown>): unknown => SLIM.search("HNSW_PQ", said(given), 10);
  assert.deepEqual(search({ ef: 50, refine_k: 3 }), { kind: "slim", ef: 50, reorder: 10 });
  assert.deepEqual(search({ ef: 50, refine: "true", refine_k: 2.5 }), { kind: "slim", ef: 50, reorder: 25 });
});

test("DISKANN keeps rows in memory: a share of them, or so many gigabytes, a tenth where nothing is said", () => {
  const kept = (type: string, params: Record<string, unknown>): number =>
    SLIM.keptBytes!(type, said(params), 3_000_000);
  assert.equal(kept("DISKANN", {}), 300_000);
  assert.equal(kept("DISKANN", { search_cache_budget_gb_ratio: "0.25" }), 750_000);
  assert.equal(kept("DISKANN", { search_cache_budget_gb_ratio: 0 }), 0);
  assert.equal(kept("DISKANN", { search_cache_budget_gb: "0.001" }), 1_073_741);
  assert.equal(kept("DISKANN", { search_cache_budget_gb: 5 }), 3_000_000);
  assert.equal(kept("HNSW_SQ", { search_cache_budget_gb_ratio: 0.25 }), 0);
});

test("HNSW_PRQ: stages of codes; HNSW_SQ: bits a dimension, or halves", () => {
  const graph = { kind: "slim", degree: 60, beam: 360 };
  const build = (type: string, params: Record<string, unknown>): unknown => SLIM.build(type, said(params), 96, true);
  assert.deepEqual(build("HNSW_PRQ", { m: "8", nrq: "3", nbits: "6" }), {
    ...graph,
    codes: "stages",
    subspaces: 8,
    bits: 6,
    stages: 3,
  });
  assert.deepEqual(build("HNSW_PRQ", { nbits: 24 }), { ...graph, codes: "stages", subspaces: 2, bits: 12, stages: 2 });
  assert.deepEqual(build("HNSW_SQ", {}), { ...graph, codes: "scalar", bits: 8 });
  assert.deepEqual(build("HNSW_SQ", { sq_type: "SQ6" }), { ...graph, codes: "scalar", bits: 6 });
  assert.deepEqual(build("HNSW_SQ", { sq_type: "sq4u" }), { ...graph, codes: "scalar", bits: 4 });
  assert.deepEqual(build("HNSW_SQ", { sq_type: "FP16" }), { ...graph, codes: "float16" });
  assert.deepEqual(build("HNSW_SQ", { sq_type: "bf16" }), { ...graph, codes: "bfloat16" });
  const search = (params: Record<string, unknown>): unknown => SLIM.search("HNSW_SQ", said(params), 10);
  assert.deepEqual(search({ ef: 40 }), { kind: "slim", ef: 40, reorder: 10 });
  assert.deepEqual(search({ ef: 40, refine: true, refine_k: 2 }), { kind: "slim", ef: 40, reorder: 20 });
});
