/**
 * `random_sample(p)`: each row by itself with probability p, by a hash of its number and the seed of the filter.
 *
 * Always true: the same filter gives the same rows of the same segment, so that the pages of one answer fit together; two filters have
 * different seeds, also of the same text.
 */

import type { SampleFilter } from "../model/filter.ts";
import { bitsOf } from "./bits.ts";
import type { Operation } from "./scan.ts";

export function compileSample({ factor, seed }: SampleFilter): Operation {
  const limit = factor * 2 ** 32;
  return (scan) => {
    const truth = bitsOf(scan.rowCount);
    for (let row = 0; row < scan.rowCount; row += 1) {
      truth[row >> 3]! |= +(mixed(scan.from + row, seed) < limit) << (row & 7);
    }
    return { truth, known: null };
  };
}

/** 32 bits that depend on all of both numbers. */
export function mixed(row: number, seed: number): number {
  let hash = Math.imul(row ^ seed, 0x9e3779b1) ^ (seed >>> 16);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
