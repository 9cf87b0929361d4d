/**
 * Rows of equal codes, as when a row is written again with other scalars: one of them stands for all in a graph. Where it is barred the others are
 * found as surely as if it were not, through no more visits.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { emptyBitset, hasBit, setBit } from "../model/bitset.ts";
import type { Bitset } from "../model/bitset.ts";
import type { GraphLayout, IndexSearch } from "./index-kernel.ts";
import type { Handle } from "./kernel.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

const DIMENSION = 192;
/** Each is there so often. */
const COPIES = 2;
const KINDS = 30_000;
const CLUSTERS = 100;
const ROWS = COPIES * KINDS;
const QUERIES = 40;
const K = 10;
/** Both by chance. */
const MORE_VISITS = 1.25;
const LESS_RECALL = 0.02;

const kernel = loadKernel();
if (kernel instanceof NativeKernel) withGraphs(kernel);

function numbersOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

/** Around centres. */
function made(count: number, seed: number): Float32Array {
  const [ofCentres, random] = [numbersOf(5), numbersOf(seed)];
  const centres = Float32Array.from({ length: CLUSTERS * DIMENSION }, ofCentres);
  const values = new Float32Array(count * DIMENSION);
  for (let first = 0; first < values.length; first += DIMENSION) {
    const centre = Math.floor((random() + 0.5) * CLUSTERS) * DIMENSION;
    for (let at = 0; at < DIMENSION; at += 1) values[first + at] = centres[centre + at]! + random() + random();
  }
  return values;
}

/** Of each kind the copy that `choose` names: row 0 stands for row 30,000. */
function oneOfEach(choose: (kind: number) => number): Bitset {
  const bits = emptyBitset(ROWS);
  for (let kind = 0; kind < KINDS; kind += 1) setBit(bits, choose(kind) * KINDS + kind);
  return bits;
}

function withGraphs(native: NativeKernel): void {
  const { indexes } = native;
  const directory = mkdtempSync(join(tmpdir(), "elanus-equal-"));
  after(() => rmSync(directory, { recursive: true }));
  const rows = native.createRows({ element: "float32", dimension: DIMENSION });
  after(() => native.close(rows));
  const kinds = made(KINDS, 1);
  for (let copy = 0; copy < COPIES; copy += 1) native.appendRows(rows, kinds);
  const queries = made(QUERIES, 2);

  const path = join(directory, "a.index");
  const built = { rows, rowCount: ROWS, metric: "L2", seed: 1, path } as const;
  const ofLayout = (layout: GraphLayout) => async (): Promise<Handle> => {
    await indexes.buildIndex({ ...built, kind: "graph", layout, degree: 32, beam: 80 }).done;
    return indexes.openIndex(path, rows);
  };
  const graphs: readonly (readonly [string, IndexSearch["parameters"], () => Promise<Handle>])[] = [
    ["lean", { kind: "graph", ef: 64 }, ofLayout("lean")],
    ["packed", { kind: "graph", ef: 64 }, ofLayout("packed")],
    [
      "growing",
      { kind: "graph", ef: 64 },
      async () => {
        const graph = indexes.createGrowing({ rows, metric: "L2", degree: 32, beam: 80, seed: 1 });
        after(() => indexes.closeGrowing(graph));
        // What came first has been published when the others come.
        indexes.closeIndex(await indexes.extendGrowing(graph, KINDS));
        return indexes.extendGrowing(graph, ROWS);
      },
    ],
    [
      "slim",
      { kind: "slim", ef: 64, reorder: null },
      async () => {
        await indexes.buildIndex({ ...built, kind: "slim", degree: 32, beam: 80, codes: "scalar", bits: 8 }).done;
        return indexes.openIndex(path, rows);
      },
    ],
  ];

  describe("equal rows", () => {
    for (const [name, parameters, open] of graphs) {
      test(name, async () => {
        const index = await open();
        const searched = async (
          allowed: Bitset | null,
        ): Promise<{ recall: number; visits: number; walked: boolean }> => {
          const plan = { queries, k: K, allowed, rank: null, range: null } as const;
          const exact = await native.exactSearch({ ...plan, rows, rowCount: ROWS, metric: "L2" });
          const found = await indexes.searchIndex({
            ...plan,
            index,
            parameters,
            isUnfiltered: true,
            timeLimitMicroseconds: null,
          });
          let hits = 0;
          for (let at = 0; at < found.rows.length; at += 1) {
            const first = at - (at % K);
            // Copies are as near as each other.
            const isKind = exact.rows.subarray(first, first + K).some((row) => (row - found.rows[at]!) % KINDS === 0);
            if (isKind) hits += 1;
            assert.ok(allowed === null || hasBit(allowed, found.rows[at]!), `row ${found.rows[at]} is barred`);
          }
          return {
            recall: hits / found.rows.length,
            visits: found.work.visitedRows,
            walked: found.work.codeScans === 0,
          };
        };
        const first = await searched(oneOfEach(() => 0));
        assert.ok(first.walked, "the ones that stand for others are walked to");
        for (const [what, choose] of [
          ["the second ones", () => 1],
          ["some of each", (kind: number) => (kind * 7919) % COPIES],
        ] as const) {
          const { recall, visits, walked } = await searched(oneOfEach(choose));
          assert.ok(walked, `${what}: a walk`);
          assert.ok(recall >= first.recall - LESS_RECALL, `${what}: ${recall}, ${first.recall} of the first ones`);
          assert.ok(visits <= MORE_VISITS * first.visits, `${what}: ${visits} visits, ${first.visits}`);
        }
        assert.ok(first.recall > 0.95, String(first.recall));
        indexes.closeIndex(index);
      });
    }
  });
}
