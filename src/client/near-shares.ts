/**
 * How many of the hits of a search are looked for in each of several segments.
 *
 * A segment with a tenth of the rows has about a tenth of the nearest ones. Looking for all of them there costs a walk as wide as in all
 * rows, for hits that are thrown away. So fewer are looked for, by a walk that is narrower in the same measure; where all that were found are
 * among the nearest there may be more, and the segment is asked for all.
 *
 * Always true: each segment was searched with at least as much of the width as it gave of the hits.
 */

import { isDistance, type Metric } from "../model/types.ts";

/** Rows that lie at random leave this out once in a thousand times. */
const DEVIATIONS = 3;

/** Of `limit` hits in a segment with `share` of the rows, with one more than there will be, so that more can be told. */
export function hitsExpected(limit: number, share: number): number {
  const mean = limit * share;
  return Math.min(limit, Math.ceil(mean + DEVIATIONS * Math.sqrt(mean * (1 - share)) + 1));
}

/** The part of the width that is for so many of the hits. */
export function narrowed(width: number, count: number, limit: number): number {
  return Math.max(count, Math.ceil((width * count) / limit));
}

/** Whether a segment whose first hits end with this score may have more among the nearest, the last of which has `worst`; null: they are too few. */
export function mayHaveMore(last: number, worst: number | null, metric: Metric): boolean {
  return worst === null || (isDistance(metric) ? last <= worst : last >= worst);
}
