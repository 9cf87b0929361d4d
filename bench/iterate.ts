/**
 * Iterators over a segment: ten pages of a hundred rows, through an index and by scans of all rows, in the same run: distances, processor time, and
 * how many of the nearest thousand come.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { indexesOf, loadKernel } from "../src/kernel/load.ts";
import { Metric } from "../src/model/types.ts";
import type { SealedSegment } from "../src/segment/sealed.ts";
import { adoptIndex, sealedVectors } from "../src/segment/testing/indexed-segment.ts";
import { type Walk, walkPages } from "../src/segment/testing/walk-pages.ts";
import { rowsOf } from "./growing-graph.ts";

const DIMENSION = 128;
const QUERIES = 20;
const PAGES = { pageRows: 100, rowCount: 1_000 };
const KINDS = [
  ["HNSW", { M: "16", efConstruction: "100" }],
  ["AUTOINDEX", {}],
  ["IVF_FLAT", { nlist: "256", nprobe: "32" }],
  ["DISKANN", {}],
] as const;

interface Measured {
  readonly walks: readonly Walk[];
  readonly milliseconds: number;
}

export async function iterateBench(rowCount: number): Promise<void> {
  const kernel = loadKernel();
  const indexes = indexesOf(kernel);
  if (indexes === null) {
    console.log(`iterate: nothing to measure, ${kernel.reason}`);
    return;
  }
  const all = rowsOf(rowCount + QUERIES, DIMENSION, 1);
  const values = all.subarray(0, rowCount * DIMENSION);
  const segment = await sealedVectors(kernel, values, DIMENSION);
  const folder = mkdtempSync(join(tmpdir(), "elanus-iterate-"));
  const measure = async (): Promise<Measured> => {
    const walks: Walk[] = [];
    const before = process.cpuUsage();
    for (let query = 0; query < QUERIES; query += 1) {
      const at = (rowCount + query) * DIMENSION;
      walks.push(await walkPages(segment, Metric.L2, all.subarray(at, at + DIMENSION), PAGES));
    }
    const { user, system } = process.cpuUsage(before);
    return { walks, milliseconds: (user + system) / 1000 / QUERIES };
  };
  try {
    const scans = await measure();
    print("scan", scans, scans);
    for (const [at, [indexType, given]] of KINDS.entries()) {
      const params = new Map<string, unknown>(Object.entries(given));
      const path = join(folder, indexType);
      const shape = { indexType, params, metric: Metric.L2, dimension: DIMENSION, isRoomy: true, path };
      await adoptIndex(segment, indexes, { ...shape, version: BigInt(at + 1) });
      print(indexType, await measure(), scans);
    }
  } finally {
    closeAll(segment, folder);
  }
}

function closeAll(segment: SealedSegment, folder: string): void {
  segment.close();
  rmSync(folder, { recursive: true });
}

function print(name: string, { walks, milliseconds }: Measured, scans: Measured): void {
  let found = 0;
  let [distances, scanned] = [0, 0];
  for (const [at, { rows, distances: own }] of walks.entries()) {
    const exact = new Set(scans.walks[at]!.rows);
    found += rows.filter((row) => exact.has(row)).length;
    distances += own;
    scanned += scans.walks[at]!.distances;
  }
  const recall = (found / (QUERIES * PAGES.rowCount)).toFixed(4);
  const share = ((100 * distances) / scanned).toFixed(1);
  const strategies = walks[0]!.strategies.join(" ");
  console.log(
    `${name.padEnd(10)} recall ${recall}  distances ${share} %  processor ${milliseconds.toFixed(1)} ms  ${strategies}`,
  );
}
