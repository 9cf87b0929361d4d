/**
 * Inverted lists: the IVF types, SCANN, BIN_IVF_FLAT, and AUTOINDEX over bits, which is the last with the numbers that are best here.
 *
 * `nlist` is how many lists there are, `nprobe` how many a search scans; the kernel scans more where a filter leaves too few rows in them.
 * What stands for a row in its list is what the name says: nothing but its number (FLAT), a byte a dimension (SQ8), a product quantiser
 * (PQ), one of four bits over pairs of dimensions (SCANN), signs (RABITQ).
 *
 * Always true: codes choose the candidates. `reorder_k` or `refine_k` of them are looked at again in the raw rows, which lie on disk
 * anyway; without that the best by codes are the hits, and only they are, so that every score is exact. A refine type is therefore never
 * less precise than it was asked to be (ADR 20).
 */

import { MAX_BOOK_BITS, MAX_LISTS, MAX_QUERY_BITS, MAX_REORDER } from "../kernel/index-kernel.ts";
import type { ListCodes } from "../kernel/index-kernel.ts";
import { DataType } from "../model/types.ts";
import { type IndexFamily, type IndexParams, isOn, within, wholeNumber } from "./family.ts";
import { INDEX_TYPES, defaultOf } from "./types.ts";

/** What IVF_PQ has where no `m` is given. */
const SUBSPACES = 32;
const DIMENSIONS_OF_A_NIBBLE = 2;
/** AUTOINDEX over bits: what finds 98 % and more of ten hits where rows are in groups as embeddings are (`npm run recall -- AUTOINDEX BinaryVector`). */
const BEST_LISTS = 256;
const BEST_PROBES = 24;
/** The tenth level scans every list. */
const PROBES_A_LEVEL = 26;
const LEVELS = 10;
const SAMPLED_PROBES = [1, 4, 8, 16, 32, 64, 128];
/** Little more than the hits of a sample: searches that look at more candidates again find more. */
const SAMPLED_REORDER = 16;

export const LISTS: IndexFamily = {
  kind: "lists",
  dataTypes: [DataType.FloatVector, DataType.Float16Vector, DataType.BFloat16Vector, DataType.BinaryVector],

  build(indexType, params, dimension) {
    if (indexType === "AUTOINDEX") return { kind: "lists", lists: BEST_LISTS, codes: "none" };
    const lists = wholeNumber(params, "nlist", defaultOf(INDEX_TYPES[indexType]!.build, "nlist"));
    return { kind: "lists", lists: within(lists, 1, MAX_LISTS), ...codesOf(indexType, params, dimension) };
  },

  /** There is one layout. */
  roomyBytes: () => 0,

  search(indexType, params, k) {
    if (indexType === "AUTOINDEX") {
      const level = within(wholeNumber(params, "level", 1), 1, LEVELS);
      const probes = Math.min(BEST_PROBES + (level - 1) * PROBES_A_LEVEL, BEST_LISTS);
      return { kind: "lists", probes, reorder: k, queryBits: null };
    }
    const probes = wholeNumber(params, "nprobe", defaultOf(INDEX_TYPES[indexType]!.search, "nprobe"));
    const queryBits = indexType === "IVF_RABITQ" ? wholeNumber(params, "rbq_query_bits", 0) : 0;
    return {
      kind: "lists",
      probes: within(probes, 1, MAX_LISTS),
      reorder: within(candidates(indexType, params, k), k, MAX_REORDER),
      queryBits: queryBits === 0 ? null : within(queryBits, 1, MAX_QUERY_BITS),
    };
  },

  sampled: () => SAMPLED_PROBES.map((probes) => ({ kind: "lists", probes, reorder: SAMPLED_REORDER, queryBits: null })),

  width: (parameters) => (parameters.kind === "lists" ? parameters.probes : 1),
};

function codesOf(indexType: string, params: IndexParams, dimension: number): ListCodes {
  switch (indexType) {
    case "IVF_SQ8":
      return { codes: "byte" };
    case "IVF_PQ":
      return {
        codes: "book",
        subspaces: within(wholeNumber(params, "m", SUBSPACES), 1, dimension),
        bits: within(wholeNumber(params, "nbits", defaultOf(INDEX_TYPES[indexType]!.build, "nbits")), 1, MAX_BOOK_BITS),
      };
    case "SCANN":
      return { codes: "nibble", subspaces: within(Math.floor(dimension / DIMENSIONS_OF_A_NIBBLE), 1, dimension) };
    case "IVF_RABITQ":
      return { codes: "sign" };
    default:
      return { codes: "none" };
  }
}

/** How many are looked at again. */
function candidates(indexType: string, params: IndexParams, k: number): number {
  if (indexType === "SCANN" && isOn(params, "with_raw_data", true)) return wholeNumber(params, "reorder_k", k);
  if (indexType === "IVF_RABITQ" && isOn(params, "refine", false)) {
    const wanted = Number(params.get("refine_k") ?? 1);
    return Math.ceil(k * (Number.isFinite(wanted) ? wanted : 1));
  }
  return k;
}
