/** Numbers that shape an engine, with their reasons. */

import type { SegmentLimits } from "../wal/shards.ts";
import type { SealLimits } from "../streaming/seal-policy.ts";

export interface EngineLimits extends SegmentLimits, SealLimits {
  /** Physical log channels. One journal carries them all, and each is one replay at a start, so a single process takes one. */
  readonly channelCount: number;
}

export const DEFAULT_LIMITS: EngineLimits = {
  channelCount: 1,
  /** Milvus's `dataCoord.segment.maxSize` × `sealProportion`: 1024 MB × 0.12. */
  maxSegmentBytes: Math.floor(1024 * 0.12) << 20,
  /** Milvus's `dataNode.segment.syncPeriod`. */
  maxAgeMilliseconds: 600_000,
  /** Growing rows of all channels; Milvus's `streaming.flush.growingSegmentBytesHwmThreshold` of a 5 GB process. */
  highWaterBytes: 1024 << 20,
  checkMilliseconds: 10_000,
  refuseBytes: 2 * 1024 ** 3,
};
