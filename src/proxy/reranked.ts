/** Carries out a rerank: on the hits of a search, and on what several searches give together. */

import type { Hits } from "../model/plan.ts";
import type { CollectionSchema } from "../model/schema.ts";
import { type Metric, isDistance } from "../model/types.ts";
import { fuseHits } from "../rank/fusion.ts";
import type { Window } from "../rank/reduce.ts";
import { rescored } from "../rank/rescore.ts";
import { boostedScores } from "./boost.ts";
import type { ProxyContext } from "./context.ts";
import { decayedScores } from "./decay.ts";
import type { Rerank } from "./rerank.ts";
import { type SearchedShard, fetchFields } from "./searched-shards.ts";

/** The hits of one search, weighed. */
export async function weighed(
  context: ProxyContext,
  schema: CollectionSchema,
  shards: readonly SearchedShard[],
  { boost }: Rerank,
  hits: Hits,
  metric: Metric,
  signal: AbortSignal,
): Promise<Hits> {
  if (boost === null) return hits;
  const fieldIds = boost.fields.map(({ fieldId }) => fieldId);
  const batch = await fetchFields(context, schema, shards, fieldIds, hits);
  const scores = await boostedScores(boost, hits, batch, context.runtime, signal);
  return rescored(hits, scores, !isDistance(metric), { offset: 0, limit: null }).hits;
}

/** The lists as one. */
export async function fused(
  context: ProxyContext,
  schema: CollectionSchema,
  shards: readonly SearchedShard[],
  { fusion, decay }: Rerank & { readonly fusion: NonNullable<Rerank["fusion"]> },
  lists: readonly Hits[],
  metrics: readonly Metric[],
  window: Window,
  signal: AbortSignal,
): Promise<Hits> {
  if (decay === null) return fuseHits(lists, metrics, fusion, window, context.runtime, signal);
  const hits = await fuseHits(lists, metrics, fusion, { offset: 0, limit: null }, context.runtime, signal);
  const { fieldId } = decay.field;
  const { columns } = await fetchFields(context, schema, shards, [fieldId], hits);
  return rescored(hits, decayedScores(decay, hits.scores, columns.get(fieldId)!), true, window).hits;
}
