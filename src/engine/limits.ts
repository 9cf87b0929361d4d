/** Numbers that shape an engine, with their reasons. */

import type { CompactionLimits } from "../model/compaction.ts";
import type { SegmentLimits } from "../wal/shards.ts";
import type { SealLimits } from "../streaming/seal-policy.ts";

export interface EngineLimits extends SegmentLimits, SealLimits, CompactionLimits {
  /** Physical log channels. One journal carries them all, and each is one replay at a start, so a single process takes one. */
  readonly channelCount: number;
  /** As long as all indexes together take no more memory than this, graphs are built in the layout that is larger and quicker. */
  readonly roomyIndexBytes: number;
  /** Whether keys that a delete by filter finds count against `collection.deleteRate.max.mb`. */
  readonly limitsFoundDeletes: boolean;
}

export const DEFAULT_LIMITS: EngineLimits = {
  channelCount: 1,
  /** Milvus's `dataCoord.segment.maxSize` × `sealProportion`: 1024 MB × 0.12. */
  maxSegmentBytes: Math.floor(1024 * 0.12) << 20,
  /** Milvus's `dataNode.segment.syncPeriod`. */
  maxAgeMilliseconds: 600_000,
  /** Of a program that writes now and then each write of some thousands of rows becomes a segment, and those become one. */
  restMilliseconds: 20_000,
  /** Growing rows of all channels; Milvus's `streaming.flush.growingSegmentBytesHwmThreshold` of a 5 GB process. */
  highWaterBytes: 1024 << 20,
  checkMilliseconds: 10_000,
  refuseBytes: 2 * 1024 ** 3,
  /** Longer than any search with its leases and than an iterator rests between two pages. */
  retentionMilliseconds: 3_600_000,
  /** Milvus's `dataCoord.segment.maxSize`. */
  compactedBytes: 1024 << 20,
  compactedRows: 8_000_000,
  /** Milvus's `dataCoord.compaction.mix.triggerInterval`. */
  compactionCheckMilliseconds: 60_000,
  compactionSlots: 1,
  garbageMilliseconds: 3_600_000,
  /** A million rows of 384 dimensions packed, or four million lean. */
  roomyIndexBytes: 2 * 1024 ** 3,
  /** Milvus's `quotaAndLimits.limits.complexDeleteLimitEnable`. */
  limitsFoundDeletes: false,
};
