/**
 * The index types of Milvus: for which fields, with which parameters, ranges and defaults. One table; checks, help and documentation
 * come from it.
 *
 * Here are names and numbers. What is built for a type, and how it is searched, is told by what builds it.
 */

import { assert } from "../base/assert.ts";

import { DataType } from "../model/types.ts";

export interface IntegerRule {
  readonly kind: "integer";
  readonly least: number;
  readonly most: number;
  readonly default: number | null;
}

export interface FloatRule {
  readonly kind: "float";
  readonly least: number;
  readonly most: number;
  /** `most` itself is refused. */
  readonly below?: boolean;
  readonly default: number | null;
}

export interface BooleanRule {
  readonly kind: "boolean";
  readonly default: boolean;
}

export interface ChoiceRule {
  readonly kind: "choice";
  /** Compared without regard to case. */
  readonly values: readonly string[];
  readonly default: string | null;
  /** The sentence for anything else; `{}` stands for what was given. */
  readonly refusal: string;
}

export type ParamRule = IntegerRule | FloatRule | BooleanRule | ChoiceRule;

/** A search parameter that must be at least the number of hits wanted: `ef(10) should be larger than k(100)`. */
export type SearchRule = ParamRule & { readonly atLeastHits?: string };

const FLOATS = [DataType.FloatVector, DataType.Float16Vector, DataType.BFloat16Vector];
const FIELDS = {
  "float vector": FLOATS,
  "float or int8 vector": [...FLOATS, DataType.Int8Vector],
  "binary vector": [DataType.BinaryVector],
  "sparse vector": [DataType.SparseFloatVector],
  vector: [...FLOATS, DataType.Int8Vector, DataType.BinaryVector, DataType.SparseFloatVector],
} as const satisfies Record<string, readonly DataType[]>;

/** Whether an index of this type can be made over vectors of that type. */
export function fitsVectors({ fields }: IndexType, type: DataType): boolean {
  return fields !== "scalar" && (FIELDS[fields] as readonly DataType[]).includes(type);
}

export interface IndexType {
  readonly fields: keyof typeof FIELDS | "scalar";
  readonly build: Readonly<Record<string, ParamRule>>;
  readonly search: Readonly<Record<string, SearchRule>>;
}

const INT_MAX = 2_147_483_647;

function integer(least: number, most: number, standard: number | null): IntegerRule {
  return { kind: "integer", least, most, default: standard };
}

const REFINE_TYPES = ["sq6", "sq8", "fp16", "bf16", "fp32", "flat"];

function refine(types: readonly string[]): Readonly<Record<"refine" | "refine_type", ParamRule>> {
  const refusal = `invalid refine type : {}, optional types are [${types.join(", ")}]`;
  return {
    refine: { kind: "boolean", default: false },
    refine_type: { kind: "choice", values: types, default: null, refusal },
  };
}

const REFINE = refine(REFINE_TYPES);
const REFINE_SEARCH = { refine_k: { kind: "float", least: 1, most: INT_MAX, default: 1 } } as const;

const LISTS = { nlist: integer(1, 65_536, 128) };
const PROBES = { nprobe: integer(1, 65_536, 8) };
const GRAPH = { M: integer(2, 2_048, 30), efConstruction: integer(1, INT_MAX, 360) };
const WIDTH = { ef: { ...integer(1, INT_MAX, null), atLeastHits: "ef" } };
const QUANTIZER = { m: integer(1, 65_536, null), nbits: integer(1, 24, 8) };

const SPARSE: IndexType = {
  fields: "sparse vector",
  build: {
    inverted_index_algo: {
      kind: "choice",
      values: ["TAAT_NAIVE", "DAAT_WAND", "DAAT_MAXSCORE", "BLOCK_MAX_MAXSCORE", "BLOCK_MAX_WAND", "SINDI"],
      default: "DAAT_MAXSCORE",
      refusal: "sparse inverted index algo {} not found or not supported",
    },
    drop_ratio_build: { kind: "float", least: 0, most: 1, below: true, default: 0 },
  },
  search: {
    drop_ratio_search: { kind: "float", least: 0, most: 1, below: true, default: 0 },
    dim_max_score_ratio: { kind: "float", least: 0.5, most: 1.3, default: 1.05 },
  },
};

export const INDEX_TYPES: Readonly<Record<string, IndexType>> = {
  AUTOINDEX: { fields: "vector", build: {}, search: { level: integer(1, 10, 1) } },
  FLAT: { fields: "float vector", build: {}, search: {} },
  IVF_FLAT: { fields: "float vector", build: LISTS, search: PROBES },
  IVF_SQ8: { fields: "float vector", build: LISTS, search: PROBES },
  IVF_PQ: { fields: "float vector", build: { ...LISTS, ...QUANTIZER }, search: PROBES },
  IVF_RABITQ: {
    fields: "float vector",
    build: { ...LISTS, ...REFINE },
    search: { ...PROBES, rbq_query_bits: integer(0, 8, 0), ...REFINE_SEARCH },
  },
  SCANN: {
    fields: "float vector",
    build: { ...LISTS, with_raw_data: { kind: "boolean", default: true } },
    search: { ...PROBES, reorder_k: { ...integer(1, INT_MAX, null), atLeastHits: "reorder_k" } },
  },
  HNSW: { fields: "float or int8 vector", build: GRAPH, search: WIDTH },
  HNSW_SQ: {
    fields: "float vector",
    build: {
      ...GRAPH,
      sq_type: {
        kind: "choice",
        values: ["SQ4U", "SQ6", "SQ8", "BF16", "FP16"],
        default: "SQ8",
        refusal: "invalid scalar quantizer type",
      },
      ...refine(["sq4u", ...REFINE_TYPES]),
    },
    search: { ...WIDTH, ...REFINE_SEARCH },
  },
  HNSW_PQ: {
    fields: "float vector",
    build: { ...GRAPH, ...QUANTIZER, ...REFINE },
    search: { ...WIDTH, ...REFINE_SEARCH },
  },
  HNSW_PRQ: {
    fields: "float vector",
    build: { ...GRAPH, ...QUANTIZER, nrq: integer(1, 16, 2), ...REFINE },
    search: { ...WIDTH, ...REFINE_SEARCH },
  },
  DISKANN: {
    fields: "float vector",
    build: {
      max_degree: integer(1, 512, 56),
      search_list_size: integer(1, INT_MAX, 100),
      pq_code_budget_gb_ratio: { kind: "float", least: 0, most: 0.25, default: 0.125 },
      search_cache_budget_gb_ratio: { kind: "float", least: 0, most: 0.3, default: 0.1 },
    },
    search: { search_list: { ...integer(1, INT_MAX, null), atLeastHits: "search_list_size" } },
  },
  BIN_FLAT: { fields: "binary vector", build: {}, search: {} },
  BIN_IVF_FLAT: { fields: "binary vector", build: LISTS, search: PROBES },
  MINHASH_LSH: {
    fields: "binary vector",
    build: {
      mh_element_bit_width: {
        kind: "choice",
        values: ["8", "16", "32", "64"],
        default: "8",
        refusal: "mh_element_bit_width should be one of [8, 16, 32, 64], but got {}",
      },
      mh_lsh_band: integer(1, INT_MAX, 1),
      mh_lsh_aligned_block_size: integer(4_096, INT_MAX, 4_096),
      mh_lsh_code_in_mem: {
        kind: "choice",
        values: ["true", "false", "1", "0"],
        default: "true",
        refusal: `Type conflict in json: param 'mh_lsh_code_in_mem' ("{}") should be a boolean`,
      },
      mh_lsh_shared_bloom_filter: { kind: "boolean", default: false },
      with_raw_data: { kind: "boolean", default: false },
      mh_lsh_bloom_false_positive_prob: { kind: "float", least: 0, most: 1, default: 0.01 },
    },
    search: {
      mh_search_with_jaccard: { kind: "boolean", default: false },
      mh_lsh_batch_search: { kind: "boolean", default: false },
      refine_k: integer(1, INT_MAX, null),
    },
  },
  SPARSE_INVERTED_INDEX: SPARSE,
  SPARSE_WAND: SPARSE,
  INVERTED: { fields: "scalar", build: {}, search: {} },
  STL_SORT: { fields: "scalar", build: {}, search: {} },
  TRIE: { fields: "scalar", build: {}, search: {} },
  BITMAP: { fields: "scalar", build: {}, search: {} },
  RTREE: { fields: "scalar", build: {}, search: {} },
  // Its lengths are checked together (`parameters.ts`).
  NGRAM: { fields: "scalar", build: {}, search: {} },
};

/** Of searches by lists, whatever the type: how many times as many elements each vector of a list looks for. */
export const LIST_SEARCH: Readonly<Record<string, SearchRule>> = {
  retrieval_ann_ratio: { kind: "float", least: 0.01, most: 100, default: 1 },
};

/** The default of a whole-numbered parameter that has one. */
export function defaultOf(rules: Readonly<Record<string, ParamRule>>, key: string): number {
  const rule = rules[key];
  assert(rule?.kind === "integer" && rule.default !== null, "the parameter has a default");
  return rule.default;
}

/** What was given of a parameter that is one of some, as the table spells it, or its default. */
export function choiceOf(rules: Readonly<Record<string, ParamRule>>, key: string, given: unknown): string {
  const rule = rules[key];
  assert(rule?.kind === "choice" && rule.default !== null, "the parameter is a choice with a default");
  const text = String(given ?? "").toLowerCase();
  return rule.values.find((value) => value.toLowerCase() === text) ?? rule.default;
}

/** Index types of a GPU, with the one of this machine that does the same. */
export const GPU_INDEX_TYPES: Readonly<Record<string, string>> = {
  GPU_BRUTE_FORCE: "FLAT",
  GPU_IVF_FLAT: "IVF_FLAT",
  GPU_IVF_PQ: "IVF_PQ",
  GPU_CAGRA: "HNSW",
};
