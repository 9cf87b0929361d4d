/** What a search did, segment by segment, as plain data: for people who ask why. */

/**
 * How rows of a segment were looked for. `index` walked or read lists; `codes` looked at the index's code of every allowed row; `kept`: they
 * had been found for an earlier page.
 */
export type SearchStrategy = "none" | "exact" | "index" | "codes" | "kept" | "mixed";

export interface SegmentExplanation {
  readonly segmentId: bigint;
  readonly state: "growing" | "sealed";
  readonly rowCount: number;
  /** Rows that were visible and passed the filter. */
  readonly allowedRows: number;
  /** How the filter was carried out; null: there was none. */
  readonly filter: FilterExplanation | null;
  readonly strategy: SearchStrategy;
  /** Why that strategy. */
  readonly reason: string;
  /** What the index was told, `ef=64`; empty without one. */
  readonly parameters: string;
  /** Nodes of a graph, or rows of lists, that were visited. */
  readonly visitedRows: number;
  /** Distances to codes. */
  readonly codeDistances: number;
  /** Distances to rows themselves. */
  readonly exactScores: number;
  /**
   * Of what an exact search would have found, by a sample that was taken when the index was built, or as it grew; 1 for exact searches; null
   * where nobody has measured.
   */
  readonly estimatedRecall: number | null;
}

export interface FilterExplanation {
  /** Types of the scalar indexes that were asked; none: it did without. */
  readonly indexTypes: readonly string[];
  /** Rows that the indexes named at most; null without. */
  readonly foundRows: number | null;
  /** Whether rows were looked at besides: those found, or all. */
  readonly isLookedAt: boolean;
}

/** A point of the curve that tells what a width of search finds. */
export interface RecallSample {
  readonly width: number;
  readonly recall: number;
}

/** The recall at a width, on the line through its neighbours among the samples (ascending by width), by the logarithm of the width. */
export function recallAt(samples: readonly RecallSample[], width: number): number {
  const after = samples.findIndex((sample) => sample.width >= width);
  const high = samples[after];
  // Beyond the samples nothing is known but their ends.
  if (high === undefined) return samples.at(-1)?.recall ?? 0;
  const low = samples[after - 1];
  if (low === undefined) return high.recall;
  const share = Math.log(width / low.width) / Math.log(high.width / low.width);
  return low.recall + (high.recall - low.recall) * share;
}
