/** What Milvus's parameters of inverted lists mean to the kernel. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType, Metric } from "../model/types.ts";
import { familyOf } from "./families.ts";
import { LISTS } from "./lists.ts";

const said = (params: Record<string, unknown>): ReadonlyMap<string, unknown> => new Map(Object.entries(params));

test("every type of lists says what stands for a row", () => {
  const build = (type: string, params: Record<string, unknown> = {}): unknown =>
    LISTS.build(type, said(params), 100, true);
  assert.deepEqual(build("IVF_FLAT"), { kind: "lists", lists: 128, codes: "none" });
  assert.deepEqual(build("IVF_SQ8", { nlist: "1024" }), { kind: "lists", lists: 1024, codes: "byte" });
  assert.deepEqual(build("IVF_PQ", { m: "20", nbits: "6", nlist: 5 }), {
    kind: "lists",
    lists: 5,
    codes: "book",
    subspaces: 20,
    bits: 6,
  });
  assert.deepEqual(build("IVF_PQ", { nbits: 24 }), {
    kind: "lists",
    lists: 128,
    codes: "book",
    subspaces: 32,
    bits: 12,
  });
  assert.deepEqual(build("SCANN"), { kind: "lists", lists: 128, codes: "nibble", subspaces: 50 });
  assert.deepEqual(build("IVF_RABITQ", { refine: "true" }), { kind: "lists", lists: 128, codes: "sign" });
  assert.deepEqual(build("BIN_IVF_FLAT"), { kind: "lists", lists: 128, codes: "none" });
});

test("how many lists are scanned, and how many candidates are looked at again", () => {
  const search = (type: string, params: Record<string, unknown> = {}): unknown => LISTS.search(type, said(params), 10);
  const plain = { kind: "lists", probes: 8, reorder: 10, queryBits: null };
  assert.deepEqual(search("IVF_FLAT"), plain);
  assert.deepEqual(search("IVF_SQ8", { nprobe: "16", reorder_k: 99 }), { ...plain, probes: 16 });
  assert.deepEqual(search("SCANN", { reorder_k: 50 }), { ...plain, reorder: 50 });
  assert.deepEqual(search("SCANN", { reorder_k: 50, with_raw_data: "false" }), plain);
  assert.deepEqual(search("IVF_RABITQ", { refine_k: 2.5 }), plain);
  assert.deepEqual(search("IVF_RABITQ", { refine: "true", refine_k: 2.55, rbq_query_bits: 4 }), {
    ...plain,
    reorder: 26,
    queryBits: 4,
  });
});

test("which vectors they hold", () => {
  assert.equal(familyOf("IVF_FLAT", DataType.BFloat16Vector, Metric.L2), LISTS);
  assert.equal(familyOf("BIN_IVF_FLAT", DataType.BinaryVector, Metric.HAMMING), LISTS);
  assert.equal(familyOf("IVF_FLAT", DataType.SparseFloatVector, Metric.IP), null);
  // Of bits, those metrics under which there are lists; the others are searched exactly.
  for (const type of ["AUTOINDEX", "BIN_IVF_FLAT"]) {
    assert.equal(familyOf(type, DataType.BinaryVector, Metric.JACCARD), LISTS);
    assert.equal(familyOf(type, DataType.BinaryVector, Metric.SUBSTRUCTURE), null);
    assert.equal(familyOf(type, DataType.BinaryVector, Metric.MHJACCARD), null);
  }
  assert.deepEqual(LISTS.build("AUTOINDEX", new Map(), 256, true), { kind: "lists", lists: 256, codes: "none" });
  const probes = (level: number): number => LISTS.width(LISTS.search("AUTOINDEX", new Map([["level", level]]), 10));
  assert.deepEqual([probes(1), probes(2), probes(10)], [24, 50, 256]);
});
