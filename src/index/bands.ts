/**
 * Bands of MinHash signatures: MINHASH_LSH.
 *
 * `mh_element_bit_width` is the width of a hash, `mh_lsh_band` into how many bands the hashes of a signature are cut: as many in each, those
 * that are left over are in none. Rows that share a whole band with the query are its candidates, those that share more bands first. With
 * `mh_search_with_jaccard` the best `refine_k` of them are scored, and never fewer than hits are wanted; without, as many as are wanted.
 *
 * Always true: a hit has its share of equal hashes as its score, whatever was asked for; and where too few rows share a band, there are
 * fewer hits than were wanted, for that is what the type means.
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

export const BANDS: IndexFamily = {
  kind: "bands",
  dataTypes: [DataType.BinaryVector],
  mayFindFewer: true,

  build(_indexType, params, dimension) {
    const hashBits = hashBitsOf(params);
    const bands = wholeNumber(params, "mh_lsh_band", defaultOf(BUILD, "mh_lsh_band"));
    return { kind: "bands", hashBits, bands: within(bands, 1, Math.floor(dimension / hashBits)) };
  },

  /** There is one layout. */
  roomyBytes: () => 0,

  search(_indexType, params, k) {
    const candidates = isOn(params, "mh_search_with_jaccard", false) ? wholeNumber(params, "refine_k", k) : k;
    return { kind: "bands", reorder: within(candidates, k, MAX_REORDER) };
  },

  sampled: () => SAMPLED_CANDIDATES.map((reorder) => ({ kind: "bands", reorder })),

  width: (parameters) => (parameters.kind === "bands" ? (parameters.reorder ?? MAX_REORDER) : 1),
};
