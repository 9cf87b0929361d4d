import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_BEAM, MAX_DEGREE, MAX_WIDTH } from "../kernel/index-kernel.ts";
import { recallAt } from "../model/explain.ts";
import type { IndexParams } from "./family.ts";
import { GRAPH } from "./graph.ts";

const said = (params: Readonly<Record<string, unknown>>): IndexParams => new Map(Object.entries(params));
const width = (type: string, params: Readonly<Record<string, unknown>>, k: number): number =>
  GRAPH.width(GRAPH.search(type, said(params), k));

test("M is half the degree, efConstruction the beam; what is not said has Milvus's default", () => {
  const build = (params: Readonly<Record<string, unknown>>): unknown => GRAPH.build("HNSW", said(params), 768, false);
  assert.deepEqual(build({ M: "16", efConstruction: "200" }), { kind: "graph", layout: "lean", degree: 32, beam: 200 });
  assert.deepEqual(build({}), { kind: "graph", layout: "lean", degree: 60, beam: 360 });
  assert.deepEqual(build({ M: "2", efConstruction: "1" }), { kind: "graph", layout: "lean", degree: 4, beam: 1 });
  assert.deepEqual(build({ M: "2048", efConstruction: "2147483647" }), {
    kind: "graph",
    layout: "lean",
    degree: MAX_DEGREE,
    beam: MAX_BEAM,
  });
});

test("AUTOINDEX takes no numbers of the user", () => {
  assert.deepEqual(GRAPH.build("AUTOINDEX", said({ M: "4" }), 768, true), {
    kind: "graph",
    layout: "packed",
    degree: 32,
    beam: 100,
  });
});

test("there is room for a packed graph by what its blocks take", () => {
  assert.equal(GRAPH.roomyBytes("AUTOINDEX", said({}), 384), 384 + (8 + 48) + 32 * (8 + 48));
  assert.equal(GRAPH.roomyBytes("HNSW", said({ M: 8 }), 100), 100 + (8 + 13) + 16 * (8 + 13));
});

test("ef is the width as it is said, as a number or as text; unsaid it grows with the hits wanted", () => {
  assert.equal(width("HNSW", { ef: 12 }, 10), 12);
  assert.equal(width("HNSW", { ef: "300" }, 10), 300);
  assert.equal(width("HNSW", { ef: 2_147_483_647 }, 10), MAX_WIDTH);
  assert.equal(width("HNSW", {}, 10), 64);
  assert.ok(width("HNSW", {}, 1_000) >= 1_000);
});

test("each level is wider than the one below, and all hold the hits", () => {
  for (const k of [1, 10, 100, 5_000]) {
    const widths = Array.from({ length: 10 }, (_, at) => width("AUTOINDEX", { level: at + 1 }, k));
    assert.equal(widths[0], width("AUTOINDEX", {}, k));
    for (const [at, value] of widths.entries()) {
      assert.ok(value >= k);
      assert.ok(at === 0 || value > widths[at - 1]! || value === MAX_WIDTH);
    }
  }
});

test("recall between two samples lies between theirs; beyond the samples it is that of their ends", () => {
  const samples = [
    { width: 16, recall: 0.8 },
    { width: 64, recall: 0.9 },
    { width: 256, recall: 1 },
  ];
  assert.equal(recallAt(samples, 64), 0.9);
  assert.ok(Math.abs(recallAt(samples, 32) - 0.85) < 1e-9, "half-way by the logarithm");
  assert.equal(recallAt(samples, 1), 0.8);
  assert.equal(recallAt(samples, 10_000), 1);
  assert.equal(recallAt([], 64), 0);
});
