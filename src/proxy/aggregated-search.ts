/** Searches that answer with buckets of rows instead of hits. */

import { inTurns } from "../base/turns.ts";
import type { Bucket } from "../model/buckets.ts";
import type { Hits, SearchPlan } from "../model/plan.ts";
import { type CollectionInfo, primaryKeyField } from "../model/schema.ts";
import { pauseOf } from "../segment/execute.ts";
import { bucketsOf } from "./buckets.ts";
import type { ProxyContext } from "./context.ts";
import { type GroupedHits, groupedSearch } from "./grouped-search.ts";
import { type OutputPlan, outputFieldsInTurns } from "./output.ts";
import type { ReadTime } from "./read-time.ts";
import type { AggregationPlan } from "./search-aggregation.ts";
import type { TimeView } from "./shown-times.ts";

export async function aggregatedSearch(
  context: ProxyContext,
  collection: CollectionInfo,
  plan: SearchPlan,
  { levels, parts, groupSize, groupCount, fields }: AggregationPlan,
  /** What hits show, how, and how their scores are told. */
  shown: {
    readonly output: OutputPlan;
    readonly times: TimeView;
    readonly told: (scores: Hits["scores"]) => Hits["scores"];
  },
  time: ReadTime,
  signal: AbortSignal,
): Promise<{ readonly buckets: Bucket[][]; readonly found: GroupedHits }> {
  const key = primaryKeyField(collection.schema);
  // A hit has its key anyway.
  const output = { ...shown.output, fields: shown.output.fields.filter((field) => field !== key) };
  const all = [...parts.map(({ field }) => field), ...fields, ...output.fields];
  const fieldIds = [...new Set(all.map(({ fieldId }) => fieldId))];
  const grouping = { parts, size: groupSize, isSingular: false };
  const window = { offset: 0, limit: groupCount };
  const found = await groupedSearch(context, collection, plan, grouping, window, fieldIds, time, signal);
  const { hits, batch } = found;
  const outputs = await inTurns(outputFieldsInTurns(output, batch, shown.times), pauseOf(context));
  const buckets = bucketsOf(levels, {
    hits,
    scores: shown.told(hits.scores),
    metric: plan.vector.metric,
    batch,
    shown: outputs.toSorted((left, right) => Number(left.fieldId - right.fieldId)),
  });
  return { buckets, found };
}
