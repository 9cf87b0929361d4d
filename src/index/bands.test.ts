/** What Milvus's parameters of MINHASH_LSH mean to the kernel. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType, Metric } from "../model/types.ts";
import { BANDS, bandsAlone, hashBitsOf } from "./bands.ts";
import { familyOf } from "./families.ts";

const said = (params: Record<string, unknown>): ReadonlyMap<string, unknown> => new Map(Object.entries(params));

test("hashes are cut into bands: as many as there are hashes at most", () => {
  const build = (params: Record<string, unknown>): unknown => BANDS.build("MINHASH_LSH", said(params), 512, true);
  assert.deepEqual(build({}), { kind: "bands", hashBits: 8, bands: 1 });
  assert.deepEqual(build({ mh_element_bit_width: "32", mh_lsh_band: "4" }), { kind: "bands", hashBits: 32, bands: 4 });
  assert.deepEqual(build({ mh_element_bit_width: "64", mh_lsh_band: 99 }), { kind: "bands", hashBits: 64, bands: 8 });
  assert.equal(hashBitsOf(said({ mh_element_bit_width: 16 })), 16);
});

test("rows that share a band are told as bands without Jaccard, on rows without an index too", () => {
  const alone = (params: Record<string, unknown>): unknown => bandsAlone(said(params), 512);
  assert.equal(alone({}), 1);
  assert.equal(alone({ mh_element_bit_width: "64", mh_lsh_band: 99, mh_search_with_jaccard: "false" }), 8);
  assert.equal(alone({ mh_lsh_band: 4, mh_search_with_jaccard: true }), null);
});

test("candidates are scored with Jaccard alone: as many as are wanted or more", () => {
  const search = (params: Record<string, unknown>): unknown => BANDS.search("MINHASH_LSH", said(params), 10);
  assert.deepEqual(search({}), { kind: "bands", reorder: "none" });
  assert.deepEqual(search({ refine_k: 50 }), { kind: "bands", reorder: "none" });
  assert.deepEqual(search({ mh_search_with_jaccard: true }), { kind: "bands", reorder: 10 });
  assert.deepEqual(search({ mh_search_with_jaccard: "true", refine_k: 50 }), { kind: "bands", reorder: 50 });
  assert.deepEqual(search({ mh_search_with_jaccard: true, refine_k: 5 }), { kind: "bands", reorder: 10 });
});

test("they are of binary vectors", () => {
  assert.equal(familyOf("MINHASH_LSH", DataType.BinaryVector, Metric.MHJACCARD), BANDS);
  assert.equal(familyOf("MINHASH_LSH", DataType.FloatVector, Metric.L2), null);
  assert.equal(familyOf("MINHASH_LSH", DataType.BinaryVector, Metric.HAMMING), null);
});
