/** Numbers that shape compaction and the collection of garbage, shared by who decides and who reads; and what can be asked for. */

export interface CompactionLimits {
  /**
   * How long a row can still be read as of an earlier time after it was deleted or expired. Compaction leaves such rows out only when
   * they are hidden from everything later than this.
   */
  readonly retentionMilliseconds: number;
  /** No merged segment is planned to be larger. */
  readonly compactedBytes: number;
  /** No merged segment is planned with more rows: their keys and order are in memory while they are merged. */
  readonly compactedRows: number;
  /** Where nothing was flushed for so long, and nothing waits to be, nobody writes. */
  readonly restMilliseconds: number;
  /** How often everything is looked at, beside the flushes that make something new. */
  readonly compactionCheckMilliseconds: number;
  /** Compactions at once, over all channels; 0: none is made but those that somebody asks for. */
  readonly compactionSlots: number;
  /** Files that no metadata name are removed when they are at least so old. Longer than any upload with its commit. */
  readonly garbageMilliseconds: number;
}

/** What somebody who asks for a compaction wants compacted. */
export interface CompactionScope {
  /** Only give deletes to their segments. */
  readonly onlyDeletes: boolean;
  /** Null: all. */
  readonly partitionId: bigint | null;
  readonly virtualChannel: string | null;
  readonly segmentIds: readonly bigint[] | null;
  /** How large merged segments may become, within the limits; null: as large as those allow. */
  readonly targetBytes: number | null;
}

export const WHOLE_COLLECTION: CompactionScope = {
  onlyDeletes: false,
  partitionId: null,
  virtualChannel: null,
  segmentIds: null,
  targetBytes: null,
};
