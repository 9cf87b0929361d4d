/**
 * What a search of a graph spends because rows are barred: by counts, which are the same on every machine (`docs/performance.md` has the times).
 *
 *  - where a filter bars just the rows that are near, a tenth of a scan at most before it scans, on average over queries;
 *  - where rows were deleted, hardly more than without, and what is left is found as surely.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { clearBit, emptyBitset, hasBit, setBit } from "../model/bitset.ts";
import type { Bitset } from "../model/bitset.ts";
import type { GraphLayout } from "./index-kernel.ts";
import type { Handle } from "./kernel.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

const ROWS = 90_000;
const DIMENSION = 128;
const CLUSTERS = 200;
const QUERIES = 20;
const K = 10;
/** How many rows are scanned in the time of a visit: one of those with which a walk begins, on a machine whose caches hold nothing of the graph. */
const ROWS_A_VISIT: Readonly<Record<GraphLayout, number>> = { lean: 300, packed: 120 };
/** As soon as a walk can know anything. */
const FIRST_VISITS = 8;
/** As many hits as are wanted are farther away by as many rows as were deleted before them. */
const MORE_VISITS = 1.3;
/** By chance: a few hits of two hundred. */
const LESS_RECALL = 0.015;

const kernel = loadKernel();
if (kernel instanceof NativeKernel) withIndexes(kernel);

function numbersOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Sums of four uniform numbers around centres. */
function made(count: number, seed: number): Float32Array {
  const [ofCentres, random] = [numbersOf(5), numbersOf(seed)];
  const centres = Float32Array.from({ length: CLUSTERS * DIMENSION }, () => ofCentres() - 0.5);
  const values = new Float32Array(count * DIMENSION);
  for (let row = 0; row < count; row += 1) {
    const centre = Math.floor(random() * CLUSTERS) * DIMENSION;
    for (let at = 0; at < DIMENSION; at += 1) {
      values[row * DIMENSION + at] = centres[centre + at]! + 0.4 * (random() + random() + random() + random() - 2);
    }
  }
  return values;
}

function atRandom(share: number): Bitset {
  const random = numbersOf(7);
  const bits = emptyBitset(ROWS);
  for (let row = 0; row < ROWS; row += 1) if (random() < share) setBit(bits, row);
  return bits;
}

function withIndexes(native: NativeKernel): void {
  const directory = mkdtempSync(join(tmpdir(), "elanus-barred-"));
  const opened: Handle[] = [];
  after(() => {
    for (const rows of opened) native.close(rows);
    rmSync(directory, { recursive: true });
  });
  const rows = native.createRows({ element: "float32", dimension: DIMENSION });
  opened.push(rows);
  native.appendRows(rows, made(ROWS, 1));
  const queries = made(QUERIES, 2);

  const nearestOf = async (query: Float32Array, k: number, allowed: Bitset | null): Promise<Uint32Array> =>
    (
      await native.exactSearch({
        rows,
        rowCount: ROWS,
        metric: "L2",
        queries: query,
        k,
        allowed,
        rank: null,
        range: null,
      })
    ).rows;

  describe("barred rows", () => {
    for (const layout of ["lean", "packed"] as const) {
      test(`${layout}: hardly more than a scan`, async () => {
        const path = join(directory, `${layout}.index`);
        const graph = { kind: "graph", layout, degree: 32, beam: 50, metric: "L2", seed: 1 } as const;
        await native.indexes.buildIndex({ ...graph, rows, rowCount: ROWS, path }).done;
        const index = await native.indexes.openIndex(path, rows);
        let scans = 0;
        for (const [share, barred] of [
          [1, 10],
          [1, 50],
          [1, 100],
          [1, 200],
          [1, 1000],
          [0.3, 100],
        ] as const) {
          let [visits, scanned, matched] = [0, 0, 0];
          for (let at = 0; at < QUERIES; at += 1) {
            const query = queries.subarray(at * DIMENSION, (at + 1) * DIMENSION);
            const allowed = atRandom(share);
            for (const row of await nearestOf(query, barred, null)) clearBit(allowed, row);
            const exact = new Set(await nearestOf(query, K, allowed));
            const found = await native.indexes.searchIndex({
              index,
              queries: query,
              k: K,
              parameters: { kind: "graph", ef: 64 },
              allowed,
              rank: null,
              range: null,
              timeLimitMicroseconds: null,
            });
            matched += found.rows.filter((row) => exact.has(row)).length;
            if (found.work.codeScans === 0) continue;
            scanned += 1;
            visits += found.work.visitedRows;
          }
          const line = `${100 * share} %, less the ${barred} nearest`;
          assert.ok(matched >= 0.98 * QUERIES * K, `${line}: ${matched} of ${QUERIES * K}`);
          scans += scanned;
          if (scanned === 0) continue;
          const most = Math.max(FIRST_VISITS, (0.1 * share * ROWS) / ROWS_A_VISIT[layout]);
          assert.ok(visits / scanned <= most, `${line}: ${visits / scanned} visits for nothing, ${most} at most`);
        }
        assert.ok(scans > QUERIES, "walks were given up");
        native.indexes.closeIndex(index);
      });

      test(`${layout}: rows that were deleted make walks hardly wider`, async () => {
        const index = await native.indexes.openIndex(join(directory, `${layout}.index`), rows);
        const searched = async (
          allowed: Bitset | null,
          isUnfiltered: boolean,
        ): Promise<[recall: number, visits: number]> => {
          const exact = await nearestOf(queries, K, allowed);
          const plan = {
            index,
            queries,
            k: K,
            parameters: { kind: "graph", ef: 64 },
            rank: null,
            range: null,
          } as const;
          const found = await native.indexes.searchIndex({
            ...plan,
            allowed,
            isUnfiltered,
            timeLimitMicroseconds: null,
          });
          let matched = 0;
          for (let at = 0; at < found.rows.length; at += 1) {
            const first = at - (at % K);
            if (exact.subarray(first, first + K).includes(found.rows[at]!)) matched += 1;
            assert.ok(allowed === null || hasBit(allowed, found.rows[at]!), "what was deleted is no hit");
          }
          return [matched / found.rows.length, found.work.visitedRows];
        };
        const [plainRecall, plainVisits] = await searched(null, true);
        for (const left of [0.99, 0.9, 0.7]) {
          const allowed = atRandom(left);
          const [recall, visits] = await searched(allowed, true);
          assert.ok(
            visits <= MORE_VISITS * plainVisits,
            `${left}: ${visits} visits, ${plainVisits} where nothing was deleted`,
          );
          assert.ok(
            recall >= plainRecall - LESS_RECALL,
            `${left}: ${recall}, ${plainRecall} where nothing was deleted`,
          );
          const [, filteredVisits] = await searched(allowed, false);
          assert.ok(filteredVisits > 1.2 * visits, `${left}: a filter is surer, with ${filteredVisits} visits`);
        }
        native.indexes.closeIndex(index);
      });
    }
  });
}
