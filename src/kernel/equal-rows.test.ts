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
import type { GraphLayout } from "./index-kernel.ts";
import type { Handle } from "./kernel.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

const DIMENSION = 192;
/** Each is there so often. */
const COPIES = 2;
const KINDS = 30_000;
const CLUSTERS = 100;
/** Or, of these, each a thousand times. */
const FEW_KINDS = 60;
const ROWS = COPIES * KINDS;
const QUERIES = 40;
const K = 10;
/** Both by chance. */
const MORE_VISITS = 1.25;
const LESS_RECALL = 0.02;

const GRAPHS = ["lean", "packed", "growing", "slim"] as const satisfies readonly (GraphLayout | "growing" | "slim")[];
type GraphName = (typeof GRAPHS)[number];

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

/** Rows, `copies` times the same, and how each kind of graph over them is made. */
class CopiedRows {
  readonly rows: Handle;
  readonly queries = made(QUERIES, 2);
  readonly #native: NativeKernel;
  readonly #kinds: number;
  readonly #rowCount: number;
  readonly #path: string;

  constructor(native: NativeKernel, kinds: number, copies: number, path: string) {
    this.rows = native.createRows({ element: "float32", dimension: DIMENSION });
    const values = made(kinds, 1);
    for (let copy = 0; copy < copies; copy += 1) native.appendRows(this.rows, values);
    this.#native = native;
    this.#kinds = kinds;
    this.#rowCount = kinds * copies;
    this.#path = path;
    after(() => native.close(this.rows));
  }

  async open(graph: GraphName): Promise<Handle> {
    const { indexes } = this.#native;
    const plan = { rows: this.rows, metric: "L2", degree: 32, beam: 80, seed: 1 } as const;
    if (graph === "growing") {
      const growing = indexes.createGrowing(plan);
      after(() => indexes.closeGrowing(growing));
      // What came first has been published when the others come.
      indexes.closeIndex(await indexes.extendGrowing(growing, this.#kinds));
      return indexes.extendGrowing(growing, this.#rowCount);
    }
    const build = { ...plan, rowCount: this.#rowCount, path: this.#path };
    if (graph === "slim") {
      await indexes.buildIndex({ ...build, kind: "slim", codes: "scalar", bits: 8 }).done;
    } else {
      await indexes.buildIndex({ ...build, kind: "graph", layout: graph }).done;
    }
    return indexes.openIndex(this.#path, this.rows);
  }

  /** How many of the hits are as near as the exact ones, and what was done. */
  async search(graph: GraphName, index: Handle, allowed: Bitset): Promise<Found> {
    const plan = { queries: this.queries, k: K, allowed, rank: null, range: null } as const;
    const exact = await this.#native.exactSearch({ ...plan, rows: this.rows, rowCount: this.#rowCount, metric: "L2" });
    const found = await this.#native.indexes.searchIndex({
      ...plan,
      index,
      parameters: graph === "slim" ? { kind: "slim", ef: 64, reorder: null } : { kind: "graph", ef: 64 },
      isUnfiltered: true,
      timeLimitMicroseconds: null,
    });
    let hits = 0;
    for (let at = 0; at < found.rows.length; at += 1) {
      assert.ok(hasBit(allowed, found.rows[at]!), `row ${found.rows[at]} is barred`);
      const last = at - (at % K) + K - 1;
      if (found.scores[at]! <= exact.scores[last]!) hits += 1;
    }
    const { visitedRows: visits, codeScans } = found.work;
    return { recall: hits / found.rows.length, visits, walked: codeScans === 0 };
  }
}

interface Found {
  readonly recall: number;
  readonly visits: number;
  readonly walked: boolean;
}

function withGraphs(native: NativeKernel): void {
  const directory = mkdtempSync(join(tmpdir(), "elanus-equal-"));
  after(() => rmSync(directory, { recursive: true }));
  const twice = new CopiedRows(native, KINDS, COPIES, join(directory, "twice.index"));
  const often = new CopiedRows(native, FEW_KINDS, ROWS / FEW_KINDS, join(directory, "often.index"));

  describe("equal rows", () => {
    for (const graph of GRAPHS) {
      test(`${graph}: rows that stand for others are barred`, async () => {
        const index = await twice.open(graph);
        const first = await twice.search(
          graph,
          index,
          oneOfEach(() => 0),
        );
        assert.ok(first.walked, "the ones that stand for others are walked to");
        assert.ok(first.recall > 0.95, String(first.recall));
        for (const [what, choose] of [
          ["the second ones", () => 1],
          ["some of each", (kind: number) => (kind * 7919) % COPIES],
        ] as const) {
          const { recall, visits, walked } = await twice.search(graph, index, oneOfEach(choose));
          assert.ok(walked, `${what}: a walk`);
          assert.ok(recall >= first.recall - LESS_RECALL, `${what}: ${recall}, ${first.recall} of the first ones`);
          assert.ok(visits <= MORE_VISITS * first.visits, `${what}: ${visits} visits, ${first.visits}`);
        }
        native.indexes.closeIndex(index);
      });

      test(`${graph}: whole chains are barred, and all of a chain but its last row`, async () => {
        const index = await often.open(graph);
        const lasts = ROWS - FEW_KINDS;
        for (const isAllowed of [
          (row: number) => (row % FEW_KINDS) % 2 === 0,
          (row: number) => (row % FEW_KINDS) % 2 === 0 || row >= lasts,
          (row: number) => row % FEW_KINDS > 3,
        ]) {
          const allowed = emptyBitset(ROWS);
          for (let row = 0; row < ROWS; row += 1) if (isAllowed(row)) setBit(allowed, row);
          const { recall } = await often.search(graph, index, allowed);
          assert.ok(recall > 0.98, String(recall));
        }
        native.indexes.closeIndex(index);
      });
    }
  });
}

const kernel = loadKernel();
if (kernel instanceof NativeKernel) withGraphs(kernel);
