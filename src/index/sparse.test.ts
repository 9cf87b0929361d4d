/** What the parameters of sparse indexes mean to the kernel. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType, Metric } from "../model/types.ts";
import { familyOf } from "./families.ts";
import { SPARSE } from "./sparse.ts";

const said = (params: Record<string, unknown>): ReadonlyMap<string, unknown> => new Map(Object.entries(params));

test("sparse indexes: which lists are read, and how far bounds are trusted", () => {
  for (const type of ["SPARSE_INVERTED_INDEX", "SPARSE_WAND", "AUTOINDEX"]) {
    assert.equal(familyOf(type, DataType.SparseFloatVector, Metric.IP), SPARSE);
  }
  assert.equal(familyOf("SPARSE_WAND", DataType.FloatVector, Metric.L2), null);
  const search = (type: string, params: Record<string, unknown>): unknown => SPARSE.search(type, said(params), 10);
  const standard = { kind: "postings", algorithm: "maxscore", boundRatio: 1.05 };
  assert.deepEqual(search("SPARSE_INVERTED_INDEX", {}), standard);
  assert.deepEqual(search("AUTOINDEX", { drop_ratio_build: "0.3" }), standard);
  assert.deepEqual(search("SPARSE_WAND", {}), { ...standard, algorithm: "wand" });
  for (const [name, algorithm] of [
    ["TAAT_NAIVE", "all"],
    ["DAAT_WAND", "wand"],
    ["block_max_maxscore", "maxscore"],
  ]) {
    assert.deepEqual(search("SPARSE_WAND", { inverted_index_algo: name }), { ...standard, algorithm });
  }
  const ratio = { dim_max_score_ratio: "0.7" };
  assert.deepEqual(search("SPARSE_INVERTED_INDEX", ratio), { ...standard, boundRatio: 0.7 });
});
