/**
 * Pages through an index: nearly everything that a scan would tell comes, in order, nothing twice, for a part of the distances.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { IndexKernel } from "../kernel/index-kernel.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { indexesOf, loadKernel } from "../kernel/load.ts";
import { type Bitset, emptyBitset, hasBit, setBit } from "../model/bitset.ts";
import { Metric, isDistance } from "../model/types.ts";
import type { SealedSegment } from "./sealed.ts";
import { adoptIndex, sealedVectors } from "./testing/indexed-segment.ts";
import { type Walk, walkPages } from "./testing/walk-pages.ts";

const ROWS = 16_000;
const DIMENSION = 24;
const PAGE = 100;
const TOLD = 1_000;
const LEAST_RECALL = 0.98;

const directory = mkdtempSync(join(tmpdir(), "elanus-iterated-"));
after(() => rmSync(directory, { recursive: true }));
const kernel = loadKernel();
const indexes = indexesOf(kernel);
if (indexes !== null) withIndexes(kernel, indexes);

/** Sums of drawn numbers around some centres. */
function drawn(count: number, seed: number): Float32Array {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const centres = Float32Array.from({ length: 50 * DIMENSION }, () => 2 * next());
  const values = new Float32Array(count * DIMENSION);
  for (let row = 0; row < count; row += 1) {
    const centre = Math.floor((next() + 0.5) * 50) * DIMENSION;
    for (let at = 0; at < DIMENSION; at += 1) {
      values[row * DIMENSION + at] = centres[centre + at]! + next() + next() + next();
    }
  }
  return values;
}

function withIndexes(native: Kernel, builder: IndexKernel): void {
  const values = drawn(ROWS, 1);
  const query = drawn(1, 1).map((value) => value + 0.01);

  const walk = async (segment: SealedSegment, metric: Metric, allowed: Bitset | null): Promise<Walk> => {
    const told = await walkPages(segment, metric, query, { pageRows: PAGE, rowCount: TOLD, allowed });
    assert.equal(told.rows.length, TOLD);
    return told;
  };

  for (const [indexType, given, metric, isRoomy] of [
    ["HNSW", { M: "16", efConstruction: "100" }, Metric.L2, false],
    ["AUTOINDEX", {}, Metric.COSINE, true],
    ["IVF_FLAT", { nlist: "64", nprobe: "16" }, Metric.IP, false],
    ["DISKANN", {}, Metric.L2, false],
  ] as const) {
    test(`${indexType} by ${metric}: pages find what a scan finds, for less`, async () => {
      const segment = await sealedVectors(native, values, DIMENSION);
      const some = emptyBitset(ROWS);
      for (let row = 0; row < ROWS; row += 2) setBit(some, row);
      const exact = [await walk(segment, metric, null), await walk(segment, metric, some)];
      const path = join(directory, indexType);
      const params = new Map<string, unknown>(Object.entries(given));
      await adoptIndex(segment, builder, {
        indexType,
        params,
        metric,
        dimension: DIMENSION,
        isRoomy,
        version: 1n,
        path,
      });
      for (const [at, allowed] of [null, some].entries()) {
        const found = await walk(segment, metric, allowed);
        assert.equal(new Set(found.rows).size, found.rows.length, "nothing twice");
        assert.ok(allowed === null || found.rows.every((row) => hasBit(allowed, row)));
        const sign = isDistance(metric) ? 1 : -1;
        assert.ok(found.scores.every((score, place) => place === 0 || sign * (score - found.scores[place - 1]!) >= 0));
        const wanted = new Set(exact[at]!.rows);
        const recall = found.rows.filter((row) => wanted.has(row)).length / TOLD;
        assert.ok(recall >= LEAST_RECALL, `${indexType}: ${recall} of ${TOLD}`);
        const share = found.distances / exact[at]!.distances;
        assert.ok(share < 0.5, `${share} of the distances of scans`);
      }
      segment.close();
    });
  }
}
