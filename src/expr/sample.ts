/**
 * `random_sample(p)`: each row by itself with probability p, by a hash of its number and the seed of the filter.
 *
 * Always true: the same filter gives the same rows of the same segment, so that the pages of one answer fit together; two filters have
 * different seeds, also of the same text.
 */

import { Op } from "../kernel/filter-kernel.ts";
import { hashOfRow } from "../kernel/row-hash.ts";
import type { SampleFilter } from "../model/filter.ts";
import { bitsOf } from "./bits.ts";
import type { CodeWriter } from "./code-writer.ts";
import type { Operation } from "./scan.ts";

export function compileSample({ factor, seed }: SampleFilter): Operation {
  const limit = factor * 2 ** 32;
  return (scan) => {
    const truth = bitsOf(scan.rowCount);
    for (let row = 0; row < scan.rowCount; row += 1) {
      truth[row >> 3]! |= +(hashOfRow(scan.from + row, seed) < limit) << (row & 7);
    }
    return { truth, known: null };
  };
}

export function compileSampleLeaf(writer: CodeWriter, { factor, seed }: SampleFilter): true {
  return writer.node(Op.Sample, [seed >>> 0, writer.integers([BigInt(Math.ceil(factor * 2 ** 32))])]);
}
