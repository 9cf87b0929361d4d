/** What the parameters of DISKANN and HNSW_PQ mean to the kernel. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SLIM } from "./slim.ts";

const said = (params: Record<string, unknown>): ReadonlyMap<string, unknown> => new Map(Object.entries(params));

test("DISKANN: codes within the budget, candidates read from the rows", () => {
  const build = (params: Record<string, unknown>): unknown => SLIM.build("DISKANN", said(params), 768, true);
  const standard = { kind: "slim", degree: 56, beam: 100, subspaces: 192, bits: 8 };
  assert.deepEqual(build({}), standard);
  assert.deepEqual(build({ max_degree: "512", search_list_size: 30 }), { ...standard, degree: 256, beam: 30 });
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
    subspaces: 24,
    bits: 6,
  });
  const search = (given: Record<string, unknown>): unknown => SLIM.search("HNSW_PQ", said(given), 10);
  assert.deepEqual(search({ ef: 50, refine_k: 3 }), { kind: "slim", ef: 50, reorder: 10 });
  assert.deepEqual(search({ ef: 50, refine: "true", refine_k: 2.5 }), { kind: "slim", ef: 50, reorder: 25 });
});
