/** Which build of which index a segment is searched through, how its family reads parameters, and what a sample said of it. */

import type { IndexFamily, IndexParams } from "../index/family.ts";
import type { RecallSample } from "../model/explain.ts";

export interface SegmentIndexFacts {
  readonly segmentId: bigint;
  readonly indexId: bigint;
  readonly buildId: bigint;
  readonly version: bigint;
  readonly indexType: string;
  /** What the user said when the index was declared. */
  readonly params: IndexParams;
  readonly family: IndexFamily;
  readonly recall: readonly RecallSample[];
}
