/** Which build of which index a segment is searched through, how its family reads parameters, and what a sample said of it. */

import type { IndexFamily } from "../index/family.ts";
import type { RecallSample } from "../model/explain.ts";

export interface SegmentIndexFacts {
  readonly segmentId: bigint;
  readonly indexId: bigint;
  readonly buildId: bigint;
  readonly version: bigint;
  readonly indexType: string;
  readonly family: IndexFamily;
  readonly recall: readonly RecallSample[];
}
