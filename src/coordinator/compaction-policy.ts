/**
 * What to compact next on one channel: a pure decision over its segments.
 *
 *  - spread: deletes of L0 segments go to the segments that they concern, when there are many, much, or old ones;
 *  - rewrite: a segment of which much is deleted or expired is written again without it;
 *  - merge: small segments of a partition become one. Of sizes that differ much only the small ones, until they are as much together:
 *    so a row is rewritten about as often as its segment doubles. Where nobody writes, and searches would go on looking into each of them,
 *    sooner: when the small ones are a part of the large one that is worth it.
 *
 * Always true:
 *  - a plan is for one partition, or, for deletes, has every segment that they may concern;
 *  - only what brings something is planned: carried out, the same plan is not made again;
 *  - a plan fits into one transaction of the metadata.
 */

import type { Timestamp } from "../base/timestamp.ts";
import type { SegmentInfo } from "../model/catalog.ts";
import type { CompactionLimits } from "../model/compaction.ts";
import { expiredUntil, expiryAt } from "../model/expiry.ts";
import { expiredShare } from "../model/expiry-times.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { SegmentLevel } from "../model/types.ts";

/** Milvus's `dataCoord.segment.smallProportion` and `compactableProportion`. */
const SMALL_PROPORTION = 0.5;
const FULL_PROPORTION = 0.85;
/** Milvus's `dataCoord.compaction.single.ratio.threshold`, for expired rows too. */
const WORN_PROPORTION = 0.2;
/** Milvus's `single.deltalog.maxnum`. */
const MOST_DELTAS = 200;
/** Milvus's `levelzero.forceTrigger.minSize`, `deltalogMinNum` and `maxSize`. */
const SPREAD_BYTES = 8 << 20;
const SPREAD_SEGMENTS = 10;
const SPREAD_MOST_BYTES = 64 << 20;
/** Two operations each in a transaction that holds at least 128. */
const MOST_INPUTS = 48;
/** Deletes that nothing else makes spread are, after so long. */
const SPREAD_AGE = 600_000n << 18n;
/** Fewer small segments are left alone. */
const LEAST_MERGED = 4;
/** Where nobody writes: the smaller ones are at least such a part of the largest that is merged with them. */
const RESTING_PART = 1 / 16;
/** Segments below this count as equally small. */
const TINY_BYTES = 16 << 20;

export type CompactionPlan =
  | { readonly kind: "spread"; readonly deltas: readonly SegmentInfo[]; readonly segments: readonly SegmentInfo[] }
  | { readonly kind: "merge"; readonly segments: readonly SegmentInfo[]; readonly deltas: readonly SegmentInfo[] };

export interface PolicyInput {
  readonly collection: CollectionInfo;
  /** All flushed segments of the channel. */
  readonly segments: readonly SegmentInfo[];
  readonly safeTimestamp: Timestamp;
  readonly now: Timestamp;
  readonly limits: Pick<CompactionLimits, "compactedBytes" | "compactedRows">;
  /** Somebody asked: everything that can be had is. */
  readonly isForced: boolean;
  /** Nobody has written for a while, and somebody may search. */
  readonly isResting: boolean;
  /** Segments to leave alone. */
  readonly avoided: ReadonlySet<bigint>;
}

/** The most urgent first; each by itself, they may share segments. */
export function compactionPlans(input: PolicyInput): CompactionPlan[] {
  const rows = input.segments.filter(({ level }) => level !== SegmentLevel.L0);
  const deltas = input.segments.filter(({ level }) => level === SegmentLevel.L0);
  const spread = spreadPlan(input, rows, deltas);
  const merges = [...Map.groupBy(rows, ({ partitionId }) => partitionId)].flatMap(([partitionId, segments]) => {
    const free = segments.filter(({ segmentId }) => !input.avoided.has(segmentId));
    const groups = [...(input.isForced ? fullGroups(input, free) : smallGroups(input, free))];
    if (groups.length === 0 && input.isResting) groups.push(...restingGroups(input, free));
    const taken = new Set(groups.flat());
    groups.push(...free.filter((segment) => !taken.has(segment) && isWorn(input, segment)).map((segment) => [segment]));
    const concerning = deltas.filter((delta) => delta.partitionId === -1n || delta.partitionId === partitionId);
    return groups.map((group): CompactionPlan => ({ kind: "merge", segments: group, deltas: concerning }));
  });
  return spread === null ? merges : [spread, ...merges];
}

function spreadPlan(
  { isForced, now, avoided }: PolicyInput,
  rows: readonly SegmentInfo[],
  deltas: readonly SegmentInfo[],
): CompactionPlan | null {
  const free = deltas
    .filter(({ segmentId }) => !avoided.has(segmentId))
    .toSorted((left, right) => (left.flushTimestamp < right.flushTimestamp ? -1 : 1));
  const bytes = free.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const oldest = free[0];
  if (oldest === undefined) return null;
  const isDue = free.length >= SPREAD_SEGMENTS || bytes >= SPREAD_BYTES || now - oldest.flushTimestamp > SPREAD_AGE;
  if (!isForced && !isDue) return null;
  const chosen: SegmentInfo[] = [];
  let room = SPREAD_MOST_BYTES;
  for (const delta of free) {
    if (chosen.length === MOST_INPUTS || (chosen.length > 0 && delta.sizeBytes > room)) break;
    chosen.push(delta);
    room -= delta.sizeBytes;
  }
  const concerned = rows.filter((segment) =>
    chosen.some(
      ({ partitionId, timestampTo }) =>
        (partitionId === -1n || partitionId === segment.partitionId) && timestampTo > segment.timestampFrom,
    ),
  );
  return { kind: "spread", deltas: chosen, segments: concerned };
}

/** Much of it is deleted or expired for every read that is still possible. */
function isWorn(input: PolicyInput, segment: SegmentInfo): boolean {
  const { safeTimestamp, isForced } = input;
  const deltas = segment.deltas ?? [];
  const dead = deltas
    .filter(({ timestampTo }) => timestampTo <= safeTimestamp)
    .reduce((sum, { rowCount }) => sum + rowCount, 0);
  const worn = Math.max(dead / Math.max(1, segment.rowCount), shareOfExpired(input, segment));
  return isForced ? worn > 0 : worn >= WORN_PROPORTION || (deltas.length >= MOST_DELTAS && dead > 0);
}

/** Of rows that are too old, or whose own time has come. A segment that says nothing of that time is looked at when somebody asks. */
function shareOfExpired({ collection, safeTimestamp, isForced }: PolicyInput, segment: SegmentInfo): number {
  const byAge = shareByAge(collection, segment, safeTimestamp);
  const { field } = expiryAt(collection, safeTimestamp);
  if (field === null) return byAge;
  const summary = segment.times?.find(({ fieldId }) => fieldId === field.fieldId);
  if (summary === undefined) return isForced ? 1 : byAge;
  return Math.max(byAge, expiredShare(summary, field.untilMicroseconds));
}

/** As if its rows had come evenly over time. */
function shareByAge(collection: CollectionInfo, segment: SegmentInfo, safeTimestamp: Timestamp): number {
  const until = expiredUntil(collection, safeTimestamp);
  const { timestampFrom, timestampTo } = segment;
  if (timestampTo <= until) return 1;
  if (timestampFrom > until) return 0;
  return Number(until - timestampFrom + 1n) / Number(timestampTo - timestampFrom + 1n);
}

/** The smallest first. */
function smallOnes({ limits }: PolicyInput, segments: readonly SegmentInfo[]): SegmentInfo[] {
  return segments
    .filter(({ sizeBytes }) => sizeBytes < limits.compactedBytes * SMALL_PROPORTION)
    .toSorted((left, right) => left.sizeBytes - right.sizeBytes);
}

function smallGroups(input: PolicyInput, segments: readonly SegmentInfo[]): SegmentInfo[][] {
  const { limits } = input;
  const small = smallOnes(input, segments);
  const groups: SegmentInfo[][] = [];
  let group = new Group(limits);
  for (const segment of small) {
    if (segment.sizeBytes <= Math.max(group.bytes, TINY_BYTES) && group.add(segment)) continue;
    groups.push(group.segments);
    group = new Group(limits);
    group.add(segment);
  }
  groups.push(group.segments);
  return groups.filter(({ length }) => length >= LEAST_MERGED);
}

/** At most one: as many of the smallest as are worth writing the largest of them again. */
function restingGroups(input: PolicyInput, segments: readonly SegmentInfo[]): SegmentInfo[][] {
  const group = new Group(input.limits);
  let worthWhile: SegmentInfo[] = [];
  for (const segment of smallOnes(input, segments)) {
    const bytes = group.bytes;
    if (!group.add(segment)) break;
    if (bytes > 0 && bytes >= segment.sizeBytes * RESTING_PART) worthWhile = [...group.segments];
  }
  return worthWhile.length === 0 ? [] : [worthWhile];
}

/** The largest first, each into the first group with room. */
function fullGroups({ limits }: PolicyInput, segments: readonly SegmentInfo[]): SegmentInfo[][] {
  const groups: Group[] = [];
  const open = segments
    .filter(({ sizeBytes }) => sizeBytes < limits.compactedBytes * FULL_PROPORTION)
    .toSorted((left, right) => right.sizeBytes - left.sizeBytes);
  for (const segment of open) {
    if (groups.some((group) => group.add(segment))) continue;
    const group = new Group(limits);
    group.add(segment);
    groups.push(group);
  }
  return groups.map((group) => group.segments).filter(({ length }) => length >= 2);
}

class Group {
  readonly segments: SegmentInfo[] = [];
  readonly #limits: PolicyInput["limits"];
  bytes = 0;
  #rows = 0;

  constructor(limits: PolicyInput["limits"]) {
    this.#limits = limits;
  }

  /** False when there is no room. */
  add(segment: SegmentInfo): boolean {
    const { compactedBytes, compactedRows } = this.#limits;
    const isFull =
      this.bytes + segment.sizeBytes > compactedBytes ||
      this.#rows + segment.rowCount > compactedRows ||
      this.segments.length === MOST_INPUTS;
    if (isFull && this.segments.length > 0) return false;
    this.segments.push(segment);
    this.bytes += segment.sizeBytes;
    this.#rows += segment.rowCount;
    return true;
  }
}
