/**
 * Graphs: HNSW, and AUTOINDEX, which is the graph with the numbers that are best here.
 *
 * HNSW's base layer has 2·M neighbours a row, so that is the degree; `efConstruction` is how many candidates the construction looks at for a
 * row, `ef` how many a search does. There are no upper layers: the kernel's graph is entered at a few rows far apart.
 */

import { MAX_BEAM, MAX_DEGREE, MAX_WIDTH, MIN_DEGREE } from "../kernel/index-kernel.ts";
import { DataType } from "../model/types.ts";
import { type IndexFamily, type IndexParams, within, wholeNumber } from "./family.ts";
import { INDEX_TYPES, defaultOf } from "./types.ts";

/** Where recall over build time and memory is best (`docs/performance.md`). */
const BEST_DEGREE = 32;
const BEST_BEAM = 100;
/** AUTOINDEX at its first level: what finds 95 % and more of ten hits where rows are hard to tell apart. */
const BEST_WIDTH = 96;
/** A search that says nothing. Narrower ones cost hardly less. */
const LEAST_WIDTH = 64;
/** Hits at the end of the list are found less surely than those at its head, so the list is kept longer than what is wanted. */
const WIDTH_A_HIT = 1.5;
/** What each level of effort above the first adds, in widths of the first. */
const WIDTH_A_LEVEL = 0.75;
/** Besides its bits: of a neighbour in a block of a packed graph, and of a row's sketch. */
const NEIGHBOUR_BYTES = 8;
const SKETCH_BYTES = 8;
const SAMPLED_WIDTHS = [16, 32, 64, 128, 256];

export const GRAPH: IndexFamily = {
  kind: "graph",
  dataTypes: [DataType.FloatVector, DataType.Float16Vector, DataType.BFloat16Vector, DataType.Int8Vector],

  build(indexType, params, _dimension, isRoomy) {
    const layout = isRoomy ? "packed" : "lean";
    if (indexType === "AUTOINDEX") return { kind: "graph", layout, degree: BEST_DEGREE, beam: BEST_BEAM };
    const rules = INDEX_TYPES[indexType]!.build;
    return {
      kind: "graph",
      layout,
      degree: degreeOf(indexType, params),
      beam: within(wholeNumber(params, "efConstruction", defaultOf(rules, "efConstruction")), 1, MAX_BEAM),
    };
  },

  /** Codes, a sketch, and for every neighbour its number, two factors and one bit a dimension (`docs/formats/graph-index.md`). */
  roomyBytes(indexType, params, dimension) {
    const degree = indexType === "AUTOINDEX" ? BEST_DEGREE : degreeOf(indexType, params);
    const bitBytes = Math.ceil(dimension / 8);
    return dimension + bitBytes + SKETCH_BYTES + degree * (NEIGHBOUR_BYTES + bitBytes);
  },

  /** A sketch; codes have a multiple of 64 dimensions. */
  madeBytes: (dimension) => Math.ceil(dimension / 64) * 8 + SKETCH_BYTES,

  search(indexType, params, k) {
    const unasked = Math.max(LEAST_WIDTH, Math.ceil(WIDTH_A_HIT * k));
    if (indexType === "AUTOINDEX") {
      const first = Math.max(BEST_WIDTH, Math.ceil(WIDTH_A_HIT * k));
      const level = within(wholeNumber(params, "level", 1), 1, 10);
      return { kind: "graph", ef: within(Math.ceil(first * (1 + (level - 1) * WIDTH_A_LEVEL)), 1, MAX_WIDTH) };
    }
    return { kind: "graph", ef: within(wholeNumber(params, "ef", unasked), 1, MAX_WIDTH) };
  },

  sampled: () => SAMPLED_WIDTHS.map((ef) => ({ kind: "graph", ef })),

  width: (parameters) => (parameters.kind === "graph" ? parameters.ef : 1),
};

function degreeOf(indexType: string, params: IndexParams): number {
  const standard = defaultOf(INDEX_TYPES[indexType]!.build, "M");
  return within(2 * wholeNumber(params, "M", standard), MIN_DEGREE, MAX_DEGREE);
}
