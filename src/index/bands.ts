/**
 * Bands of MinHash signatures: MINHASH_LSH.
 *
 * `mh_element_bit_width` is the width of a hash, `mh_lsh_band` into how many bands the hashes of a signature are cut: as many in each, those
 * that are left over are in none. Rows that share a whole band with the query are its candidates. With `mh_search_with_jaccard` those that
 * share most bands are scored, `refine_k` of them and never fewer than hits are wanted, and a hit has its share of equal hashes. Without,
 * all candidates are alike: each has the score 1, and the first by key are the hits. Rows without an index are told the same way.
 *
 * Always true: where too few rows share a band, there are fewer hits than were wanted, for that is what the type means.
 *
 * Keys are in memory, and raw rows lie on disk once, with the segment. So there are no blocks of a file to align or to spare a look into:
 * `mh_lsh_aligned_block_size`, `mh_lsh_code_in_mem`, `mh_lsh_shared_bloom_filter`, `mh_lsh_bloom_false_positive_prob` and
 * `mh_lsh_batch_search` are taken and change nothing, and `with_raw_data` is always so.
 */

import { MAX_REORDER } from "../kernel/index-kernel.ts";
import type { HashBits } from "../kernel/kernel.ts";
import { DataType } from "../model/types.ts";
import { type IndexFamily, type IndexParams, isOn, within, wholeNumber } from "./family.ts";
import { INDEX_TYPES, choiceOf, defaultOf } from "./types.ts";

const { build: BUILD } = INDEX_TYPES["MINHASH_LSH"]!;
const SAMPLED_CANDIDATES = [16, 64, 256];

export function hashBitsOf(params: IndexParams): HashBits {
  return Number(choiceOf(BUILD, "mh_element_bit_width", params.get("mh_element_bit_width"))) as HashBits;
}

/** The bands of such an index whose hits say only that they share one; null: they have shares. */
export function bandsAlone(params: IndexParams, dimension: number): number | null {
  return isOn(params, "mh_search_with_jaccard", false) ? null : bandsOf(params, dimension);
}

function bandsOf(params: IndexParams, dimension: number): number {
  const bands = wholeNumber(params, "mh_lsh_band", defaultOf(BUILD, "mh_lsh_band"));
  return within(bands, 1, Math.floor(dimension / hashBitsOf(params)));
}

export const BANDS: IndexFamily = {
  kind: "bands",
  dataTypes: [DataType.BinaryVector],
  mayFindFewer: true,

  build(_indexType, params, dimension) {
    return { kind: "bands", hashBits: hashBitsOf(params), bands: bandsOf(params, dimension) };
  },

  /** There is one layout. */
  roomyBytes: () => 0,

  search(_indexType, params, k) {
    if (!isOn(params, "mh_search_with_jaccard", false)) return { kind: "bands", reorder: "none" };
    return { kind: "bands", reorder: within(wholeNumber(params, "refine_k", k), k, MAX_REORDER) };
  },

  sampled: () => SAMPLED_CANDIDATES.map((reorder) => ({ kind: "bands", reorder })),

  width(parameters) {
    if (parameters.kind !== "bands") return 1;
    return typeof parameters.reorder === "number" ? parameters.reorder : MAX_REORDER;
  },
};
