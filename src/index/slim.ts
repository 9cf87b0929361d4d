/**
 * Slim graphs: DISKANN, HNSW_PQ, HNSW_PRQ and HNSW_SQ.
 *
 * DISKANN: `max_degree` neighbours a row, `search_list_size` candidates for each at construction, `search_list` in a search, all of which
 * are read from the raw rows. Of the budget for codes, `pq_code_budget_gb_ratio` of the rows' bytes, a byte for every four dimensions is
 * used at most, or 64 of them: candidates are read again anyway, and longer codes hardly change which they are; shorter ones do. Of the budget for
 * rows, `search_cache_budget_gb_ratio` of their bytes or `search_cache_budget_gb` for each segment, the rows that most others have for a neighbour
 * are kept in memory: they are candidates most often.
 *
 * The others: `M`, `efConstruction` and `ef` as of HNSW. What stands for a row is what the name says: PQ `m` codes of `nbits` bits; PRQ `nrq`
 * times as many, each of what those before have left; SQ 4, 6 or 8 bits a dimension, or halves, by `sq_type`. With `refine`, `refine_k` times
 * as many candidates as hits are wanted are looked at again; without, the best by codes are the hits, and only they are. Every score is exact.
 */

import { MAX_BEAM, MAX_BOOK_BITS, MAX_DEGREE, MAX_STAGES, MAX_WIDTH, MIN_DEGREE } from "../kernel/index-kernel.ts";
import type { SlimCodes } from "../kernel/index-kernel.ts";
import { DataType } from "../model/types.ts";
import { type IndexFamily, type IndexParams, isOn, within, wholeNumber } from "./family.ts";
import { INDEX_TYPES, choiceOf, defaultOf } from "./types.ts";

const BYTES_OF_A_DIMENSION = 4;
const DIMENSIONS_OF_A_CODE = 4;
const FEWEST_CODES = 64;
const CODE_BUDGET = 0.125;
const CACHE_BUDGET = 0.1;
const CODE_BITS = 8;
/** What HNSW_PQ and HNSW_PRQ have where no `m` is given. */
const SUBSPACES = 32;
const SPLITS = 2;
const SCALARS: Readonly<Record<string, SlimCodes>> = {
  SQ4U: { codes: "scalar", bits: 4 },
  SQ6: { codes: "scalar", bits: 6 },
  SQ8: { codes: "scalar", bits: 8 },
  FP16: { codes: "float16" },
  BF16: { codes: "bfloat16" },
};
const LEAST_WIDTH = 64;
const SAMPLED_WIDTHS = [16, 32, 64, 128, 256];

export const SLIM: IndexFamily = {
  kind: "slim",
  dataTypes: [DataType.FloatVector, DataType.Float16Vector, DataType.BFloat16Vector],

  build(indexType, params, dimension) {
    const number = (key: string): number => wholeNumber(params, key, defaultOf(INDEX_TYPES[indexType]!.build, key));
    if (indexType !== "DISKANN") {
      return {
        kind: "slim",
        degree: within(2 * number("M"), MIN_DEGREE, MAX_DEGREE),
        beam: within(number("efConstruction"), 1, MAX_BEAM),
        ...codesOf(indexType, params, dimension),
      };
    }
    const budget = Number(params.get("pq_code_budget_gb_ratio") ?? CODE_BUDGET);
    const allowed = Math.floor((budget > 0 ? budget : CODE_BUDGET) * BYTES_OF_A_DIMENSION * dimension);
    return {
      kind: "slim",
      degree: within(number("max_degree"), MIN_DEGREE, MAX_DEGREE),
      beam: within(number("search_list_size"), 1, MAX_BEAM),
      codes: "book",
      subspaces: within(
        Math.min(allowed, Math.max(FEWEST_CODES, Math.ceil(dimension / DIMENSIONS_OF_A_CODE))),
        1,
        dimension,
      ),
      bits: CODE_BITS,
    };
  },

  roomyBytes: () => 0,

  keptBytes(indexType, params, rowBytes) {
    if (indexType !== "DISKANN") return 0;
    const gigabytes = Number(params.get("search_cache_budget_gb") ?? Number.NaN);
    if (gigabytes >= 0) return Math.min(Math.floor(gigabytes * 2 ** 30), rowBytes);
    const ratio = Number(params.get("search_cache_budget_gb_ratio") ?? CACHE_BUDGET);
    return Math.floor((ratio >= 0 ? ratio : CACHE_BUDGET) * rowBytes);
  },

  search(indexType, params, k) {
    if (indexType === "DISKANN") {
      const width = Math.max(k, wholeNumber(params, "search_list", Math.max(LEAST_WIDTH, k)));
      return { kind: "slim", ef: within(width, 1, MAX_WIDTH), reorder: null };
    }
    const refined = isOn(params, "refine", false) ? Number(params.get("refine_k") ?? 1) : 1;
    return {
      kind: "slim",
      ef: within(wholeNumber(params, "ef", Math.max(LEAST_WIDTH, k)), 1, MAX_WIDTH),
      reorder: within(Math.ceil(k * (Number.isFinite(refined) ? refined : 1)), k, MAX_WIDTH),
    };
  },

  sampled: () => SAMPLED_WIDTHS.map((ef) => ({ kind: "slim", ef, reorder: null })),

  width: (parameters) => (parameters.kind === "slim" ? parameters.ef : 1),
};

function codesOf(indexType: string, params: IndexParams, dimension: number): SlimCodes {
  const rules = INDEX_TYPES[indexType]!.build;
  if (indexType === "HNSW_SQ") return SCALARS[choiceOf(rules, "sq_type", params.get("sq_type"))]!;
  const subspaces = within(wholeNumber(params, "m", indexType === "HNSW_PQ" ? SUBSPACES : SPLITS), 1, dimension);
  const bits = within(wholeNumber(params, "nbits", defaultOf(rules, "nbits")), 1, MAX_BOOK_BITS);
  if (indexType === "HNSW_PQ") return { codes: "book", subspaces, bits };
  const stages = within(wholeNumber(params, "nrq", defaultOf(rules, "nrq")), 1, MAX_STAGES);
  return { codes: "stages", subspaces, bits, stages };
}
