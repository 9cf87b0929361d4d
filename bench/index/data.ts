/**
 * Rows and queries for the bench of indexes.
 *
 *   wordnet=<folder>   vectors.f16.bin and queries.f32.bin, 384 dimensions, COSINE: sentences asked of definitions
 *   clusters=<rows>    made here of a seed, 128 dimensions, L2: 1,000 clusters, each spread along 24 directions of its own
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metric } from "../../src/model/types.ts";

export interface BenchData {
  readonly name: string;
  readonly metric: Metric;
  readonly dimension: number;
  readonly rows: Float32Array;
  readonly queries: Float32Array;
}

export function wordnet(folder: string): BenchData {
  const halves = readFileSync(join(folder, "vectors.f16.bin"));
  const queries = readFileSync(join(folder, "queries.f32.bin"));
  return {
    name: "WordNet glosses",
    metric: "COSINE",
    dimension: 384,
    rows: Float32Array.from(new Float16Array(halves.buffer, halves.byteOffset, halves.length / 2)),
    queries: new Float32Array(queries.buffer.slice(queries.byteOffset, queries.byteOffset + queries.length)),
  };
}

/** Queries are drawn as the rows are, and not among them. */
export function clusters(rowCount: number): BenchData {
  const [queryCount, dimension, clusterCount, directionCount] = [1000, 128, 1000, 24];
  let state = 1;
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const centres = Float32Array.from({ length: clusterCount * dimension }, () => 0.6 * normal());
  const spread = 1 / Math.sqrt(directionCount);
  const directions = Float32Array.from({ length: clusterCount * directionCount * dimension }, () => spread * normal());
  const points = (count: number): Float32Array => {
    const values = new Float32Array(count * dimension);
    for (let first = 0; first < values.length; first += dimension) {
      const cluster = Math.floor(random() * clusterCount);
      const point = values.subarray(first, first + dimension);
      for (let at = 0; at < dimension; at += 1) point[at] = centres[cluster * dimension + at]! + 0.1 * normal();
      for (let number = 0; number < directionCount; number += 1) {
        const along = normal();
        const from = (cluster * directionCount + number) * dimension;
        for (let at = 0; at < dimension; at += 1) point[at]! += along * directions[from + at]!;
      }
    }
    return values;
  };
  return { name: "clusters", metric: "L2", dimension, rows: points(rowCount), queries: points(queryCount) };
}
