/**
 * What each index type promises to find: the least share of the exact hits, under each condition, at the parameters that stand beside it.
 * `test/recall` holds every type that is built to it; a type that is built and not here fails there.
 *
 * The rows are few thousands in clusters, the questions from outside, ten hits each.
 */

export const CONDITIONS = [
  "plain",
  "half",
  "tenth",
  "hundredth",
  "thousandth",
  "deleted",
  "mixed",
  "reopened",
  "compacted",
] as const;
/** Unfiltered; filters that let 50 %, 10 %, 1 % and .1 % through; 30 % deleted; growing rows beside; after a kill; after compaction. */
export type RecallCondition = (typeof CONDITIONS)[number];

export interface RecallPromise {
  readonly build: Readonly<Record<string, string>>;
  readonly search: Readonly<Record<string, number | boolean>>;
  /** Of every condition that `besides` does not name. */
  readonly least: number;
  readonly besides?: Partial<Record<RecallCondition, number>>;
}

const LISTS = { nlist: "64" };
const GRAPH = { M: "16", efConstruction: "120" };
/** Few survivors are looked at one by one. */
const FEW = { hundredth: 1, thousandth: 1 };

export const RECALL_PROMISES: Readonly<Record<string, RecallPromise>> = {
  AUTOINDEX: { build: {}, search: { level: 1 }, least: 0.98, besides: FEW },
  FLAT: { build: {}, search: {}, least: 1 },
  BIN_FLAT: { build: {}, search: {}, least: 1 },
  HNSW: { build: GRAPH, search: { ef: 64 }, least: 0.98, besides: FEW },
  HNSW_PQ: {
    build: { ...GRAPH, m: "16", nbits: "8", refine: "true", refine_type: "FP32" },
    search: { ef: 64, refine_k: 5 },
    least: 0.9,
    besides: FEW,
  },
  HNSW_PRQ: {
    build: { ...GRAPH, m: "8", nbits: "8", nrq: "2", refine: "true", refine_type: "FP32" },
    search: { ef: 64, refine_k: 5 },
    least: 0.9,
    besides: FEW,
  },
  HNSW_SQ: { build: { ...GRAPH, sq_type: "SQ8" }, search: { ef: 64 }, least: 0.96, besides: FEW },
  DISKANN: {
    build: { max_degree: "32", search_list_size: "100" },
    search: { search_list: 100 },
    least: 0.95,
    besides: FEW,
  },
  IVF_FLAT: { build: LISTS, search: { nprobe: 16 }, least: 0.95, besides: FEW },
  IVF_SQ8: { build: LISTS, search: { nprobe: 16 }, least: 0.9, besides: FEW },
  IVF_PQ: { build: { ...LISTS, m: "16", nbits: "8" }, search: { nprobe: 16 }, least: 0.65, besides: FEW },
  IVF_RABITQ: {
    build: { ...LISTS, refine: "true", refine_type: "FP32" },
    search: { nprobe: 16, refine_k: 6 },
    least: 0.85,
    besides: FEW,
  },
  SCANN: { build: LISTS, search: { nprobe: 16, reorder_k: 100 }, least: 0.95, besides: FEW },
  BIN_IVF_FLAT: { build: LISTS, search: { nprobe: 32 }, least: 0.9, besides: FEW },
  // Signatures of four hashes here, each in a band of its own: rows that share none are no hits anyway. Wider bands find fewer by design.
  MINHASH_LSH: {
    build: { mh_element_bit_width: "8", mh_lsh_band: "4" },
    search: { mh_search_with_jaccard: true, refine_k: 100 },
    least: 0.99,
    besides: FEW,
  },
};

/** Of the nearest lists, through an index over their vectors; where nothing is said, and each list has a few vectors. */
export const LIST_RECALL = 0.95;
