/**
 * Packed lists of sparse vectors: SPARSE_INVERTED_INDEX, SPARSE_WAND, and AUTOINDEX over them.
 *
 * They are exact, so `inverted_index_algo` says which lists a search may leave unread, never what it finds: TAAT_NAIVE reads all of them; the WANDs
 * leave out windows of rows in which no row can be a hit; the MAXSCOREs read the promising terms first besides, where few rows are allowed.
 * `dim_max_score_ratio` scales what a block of a list is thought to add at most: from 1 on nothing is lost, below hits may be missed.
 * `drop_ratio_build` has no effect, as in Milvus from 2.5.4 on; `drop_ratio_search` is taken from the query before it comes here (proxy).
 */

import type { PostingsParameters } from "../kernel/index-kernel.ts";
import { DataType } from "../model/types.ts";
import type { IndexFamily } from "./family.ts";
import { INDEX_TYPES } from "./types.ts";

const ALGORITHMS: Readonly<Record<string, PostingsParameters["algorithm"]>> = {
  TAAT_NAIVE: "all",
  SINDI: "all",
  DAAT_WAND: "wand",
  BLOCK_MAX_WAND: "wand",
  DAAT_MAXSCORE: "maxscore",
  BLOCK_MAX_MAXSCORE: "maxscore",
};
const BOUND_RATIO = "dim_max_score_ratio";

export const SPARSE: IndexFamily = {
  kind: "postings",
  dataTypes: [DataType.SparseFloatVector],

  build: () => ({ kind: "postings" }),

  roomyBytes: () => 0,

  search(indexType, params) {
    const given = params.get("inverted_index_algo");
    const algorithm = ALGORITHMS[typeof given === "string" ? given.toUpperCase() : ""];
    const rule = INDEX_TYPES["SPARSE_INVERTED_INDEX"]!.search[BOUND_RATIO];
    const standard = rule?.kind === "float" ? (rule.default ?? 1) : 1;
    const ratio = Number(params.get(BOUND_RATIO) ?? standard);
    return {
      kind: "postings",
      algorithm: algorithm ?? (indexType === "SPARSE_WAND" ? "wand" : "maxscore"),
      boundRatio: Number.isFinite(ratio) && ratio > 0 ? ratio : standard,
    };
  },

  sampled: () => [],

  width: () => 1,
};
