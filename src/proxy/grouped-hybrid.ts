/**
 * Hybrid search in groups: every sub-search finds its nearest groups, their hits are fused, and the groups are put in order by what their
 * hits add up to.
 *
 * Always true:
 *  - all sub-searches see one snapshot of each shard;
 *  - a group shows its best hits by fused score, at most `group_size` of them, and counts with those;
 *  - groups of equal score are in the order of their best hits.
 */

import { inTurns } from "../base/turns.ts";
import { invalidParameter } from "../base/errors.ts";
import { type Column, type ColumnBatch, takeBatch, takeRows } from "../model/columns.ts";
import type { Hits, SearchPlan } from "../model/plan.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { type Fusion, fuseHits, isDescending } from "../rank/fusion.ts";
import { gatherBatch, gatherBatchInTurns, gatherColumn } from "../rank/gather.ts";
import { gatherHits } from "../rank/gather-hits.ts";
import { rescored } from "../rank/rescore.ts";
import { pauseOf } from "../segment/execute.ts";
import type { ProxyContext } from "./context.ts";
import { decayedScores } from "./decay.ts";
import { type GroupedHits, groupedSearch } from "./grouped-search.ts";
import { groupNames } from "./group-values.ts";
import type { Grouping } from "./grouping.ts";
import type { ReadTime } from "./read-time.ts";
import type { Rerank } from "./rerank.ts";

type Scorer = (scores: readonly number[]) => number;

const SCORERS: Readonly<Record<string, Scorer>> = {
  max: (scores) => scores[0]!,
  sum: (scores) => scores.reduce((sum, score) => sum + score, 0),
  avg: (scores) => scores.reduce((sum, score) => sum + score, 0) / scores.length,
};

/** @throws 1100 for a name that is none. */
export function groupScorer(rankParams: ReadonlyMap<string, string>): Scorer {
  const name = rankParams.get("rank_group_scorer") ?? "max";
  const scorer = SCORERS[name];
  if (scorer !== undefined) return scorer;
  throw invalidParameter(
    `unsupported rank_group_scorer ${name}, it should be one of ${Object.keys(SCORERS).join(", ")}`,
  );
}

export interface GroupedHybrid {
  readonly collection: CollectionInfo;
  readonly plans: readonly SearchPlan[];
  readonly rerank: Rerank & { readonly fusion: Fusion };
  readonly grouping: Grouping;
  readonly scorer: Scorer;
  /** In groups. */
  readonly window: { readonly offset: number; readonly limit: number };
  readonly fieldIds: readonly bigint[];
}

export async function groupedHybrid(
  context: ProxyContext,
  asked: GroupedHybrid,
  time: ReadTime,
  signal: AbortSignal,
): Promise<GroupedHits & { readonly asked: readonly GroupedHits["questions"][] }> {
  const { collection, plans, rerank, grouping, window } = asked;
  const { fusion, decay } = rerank;
  const fieldIds = [...new Set([...asked.fieldIds, ...(decay === null ? [] : [decay.field.fieldId])])];
  const wanted = { offset: 0, limit: window.offset + window.limit };
  const found: GroupedHits[] = [];
  for (const plan of plans) {
    const previous = found[0]?.shards ?? null;
    found.push(await groupedSearch(context, collection, plan, grouping, wanted, fieldIds, time, signal, previous));
  }
  const lists = found.map(({ hits }) => hits);
  const metrics = plans.map(({ vector }) => vector.metric);
  const whole = { offset: 0, limit: null };
  const fused = await fuseHits(lists, metrics, fusion, whole, context.runtime, signal);
  const { sources, entries } = placesOf(fused, lists);
  const values = grouping.parts.map((_, part) =>
    gatherColumn(
      found.map((one) => one.values[part]!),
      sources,
      entries,
    ),
  );
  const batches = found.map((one) => one.batch);
  const batch = await inTurns(gatherBatchInTurns(batches, sources, entries), pauseOf(context));
  const sign = isDescending(fusion, metrics) ? -1 : 1;
  let ranked = { hits: fused, values, batch };
  if (decay !== null) {
    const scores = decayedScores(decay, fused.scores, batch.columns.get(decay.field.fieldId)!);
    const { hits, entries: order } = rescored(fused, scores, true, whole);
    const moved = (column: Column): Column => takeRows(column, order);
    ranked = { hits, values: values.map(moved), batch: takeBatch(batch, order) };
  }
  return {
    ...inGroups(ranked.hits, ranked.values, ranked.batch, asked, sign),
    questions: found[0]!.questions,
    asked: found.map(({ questions }) => questions),
    sessionTimestamp: found[0]!.sessionTimestamp,
    shards: found[0]!.shards,
  };
}

/** Where each fused hit stands in the lists: the first that has its row. */
function placesOf(
  fused: Hits,
  lists: readonly Hits[],
): { readonly sources: Uint32Array; readonly entries: Uint32Array } {
  const places = new Map<string, readonly [number, number]>();
  const nameOf = ({ segmentIds, rows, elements }: Hits, at: number): string =>
    `${segmentIds[at]}/${rows[at]}/${elements?.[at] ?? ""}`;
  for (const [list, hits] of lists.entries()) {
    for (let entry = 0; entry < hits.rows.length; entry += 1) {
      const name = nameOf(hits, entry);
      if (!places.has(name)) places.set(name, [list, entry]);
    }
  }
  const sources = new Uint32Array(fused.rows.length);
  const entries = new Uint32Array(fused.rows.length);
  for (let at = 0; at < fused.rows.length; at += 1) {
    [sources[at], entries[at]] = places.get(nameOf(fused, at))! as [number, number];
  }
  return { sources, entries };
}

function inGroups(
  fused: Hits,
  values: readonly Column[],
  batch: ColumnBatch,
  { grouping, scorer, window }: GroupedHybrid,
  sign: 1 | -1,
): Pick<GroupedHits, "hits" | "values" | "batch"> {
  const names = groupNames(values);
  const chosen: number[] = [];
  const offsets = new Uint32Array(fused.offsets.length);
  for (let query = 0; query + 1 < fused.offsets.length; query += 1) {
    const groups = new Map<string, number[]>();
    for (let at = fused.offsets[query]!; at < fused.offsets[query + 1]!; at += 1) {
      const members = groups.get(names[at]!);
      if (members === undefined) groups.set(names[at]!, [at]);
      else if (members.length < grouping.size) members.push(at);
    }
    const ordered = Array.from(groups.values(), (members) => ({
      members,
      score: scorer(members.map((at) => fused.scores[at]!)),
    })).toSorted((left, right) => (left.score - right.score) * sign);
    for (const { members } of ordered.slice(window.offset, window.offset + window.limit)) chosen.push(...members);
    offsets[query + 1] = chosen.length;
  }
  const entries = Uint32Array.from(chosen);
  const sources = new Uint32Array(entries.length);
  return {
    hits: gatherHits([fused], offsets, sources, entries),
    values: values.map((column) => gatherColumn([column], sources, entries)),
    batch: gatherBatch([batch], sources, entries),
  };
}
