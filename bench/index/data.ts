/**
 * Rows and queries for the bench of indexes: WordNet's glosses, embedded, if the folder lies beside the repository, else clusters.
 */

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Metric } from "../../src/model/types.ts";

export interface BenchData {
  readonly name: string;
  readonly metric: Metric;
  readonly dimension: number;
  readonly rows: Float32Array;
  readonly queries: Float32Array;
}

const WORDNET = resolve(import.meta.dirname, "../../../shared/data/wordnet");

export function benchData(): BenchData {
  return existsSync(join(WORDNET, "vectors.f16.bin")) ? wordnet() : clusters();
}

function wordnet(): BenchData {
  const halves = readFileSync(join(WORDNET, "vectors.f16.bin"));
  const queries = readFileSync(join(WORDNET, "queries.f32.bin"));
  return {
    name: "WordNet glosses",
    metric: "COSINE",
    dimension: 384,
    rows: Float32Array.from(new Float16Array(halves.buffer, halves.byteOffset, halves.length / 2)),
    queries: new Float32Array(queries.buffer.slice(queries.byteOffset, queries.byteOffset + queries.length)),
  };
}

/** Points around 1,000 centres, of a seed; queries are not among the rows. */
function clusters(): BenchData {
  const [rowCount, queryCount, dimension, centreCount] = [100_000, 1000, 128, 1000];
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const centres = Float32Array.from({ length: centreCount * dimension }, normal);
  const points = (count: number): Float32Array => {
    const values = new Float32Array(count * dimension);
    for (let first = 0; first < values.length; first += dimension) {
      const centre = Math.floor(random() * centreCount) * dimension;
      for (let at = 0; at < dimension; at += 1) values[first + at] = centres[centre + at]! + 0.7 * normal();
    }
    return values;
  };
  return { name: "clusters", metric: "L2", dimension, rows: points(rowCount), queries: points(queryCount) };
}
