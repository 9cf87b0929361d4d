/** Rows and their nearest neighbours by brute force in 64 bits: the oracle of the Node suites, kept as plain as it can be. */

import { assert } from "../../src/base/assert.ts";

/** `count * dimension` floats around a few dozen centres, the same for the same seed. */
export function drawnVectors(count: number, dimension: number, seed: number): Float32Array {
  let state = seed * 2_654_435_761 + 1;
  const next = (): number => {
    // Mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const spread = (): number => next() + next() + next() - 1.5;
  const centreCount = 50;
  const centres = Float32Array.from({ length: centreCount * dimension }, spread);
  const vectors = new Float32Array(count * dimension);
  for (let row = 0; row < count; row += 1) {
    const centre = Math.floor(next() * centreCount) * dimension;
    for (let at = 0; at < dimension; at += 1) vectors[row * dimension + at] = centres[centre + at]! + spread() / 2;
  }
  return vectors;
}

/** Cosines of every query with every row, query after query. */
export function cosines(queries: Float32Array, rows: Float32Array, dimension: number): Float64Array {
  const queryCount = queries.length / dimension;
  const rowCount = rows.length / dimension;
  assert(Number.isInteger(queryCount) && Number.isInteger(rowCount), "whole vectors");
  const norms = Float64Array.from({ length: rowCount }, (_, row) => norm(rows, row * dimension, dimension));
  const scores = new Float64Array(queryCount * rowCount);
  for (let query = 0; query < queryCount; query += 1) {
    const queryNorm = norm(queries, query * dimension, dimension);
    for (let row = 0; row < rowCount; row += 1) {
      let product = 0;
      for (let at = 0; at < dimension; at += 1) {
        product += queries[query * dimension + at]! * rows[row * dimension + at]!;
      }
      scores[query * rowCount + row] = product / queryNorm / norms[row]!;
    }
  }
  return scores;
}

function norm(values: Float32Array, start: number, dimension: number): number {
  let sum = 0;
  for (let at = start; at < start + dimension; at += 1) sum += values[at]! * values[at]!;
  return Math.sqrt(sum);
}

/** Rows that pass, best first. */
export function nearestRows(scores: Float64Array, limit: number, passes: (row: number) => boolean): number[] {
  return Array.from(scores.keys())
    .filter(passes)
    .toSorted((left, right) => scores[right]! - scores[left]! || left - right)
    .slice(0, limit);
}
