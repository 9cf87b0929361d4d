/** A search aggregation from the wire. */

import type { AggregationSpec } from "../../model/buckets.ts";
import { decodeMessage } from "../wire/control.ts";
import { type SearchAggregationSpec, SearchAggregationSpecSchema } from "../wire/generated/common_pb.js";

/** Levels are as deep as the message is, which the decoder bounds. */
export function aggregationSpec(bytes: Uint8Array): AggregationSpec {
  return level(decodeMessage(SearchAggregationSpecSchema, bytes));
}

function level(sent: SearchAggregationSpec): AggregationSpec {
  const { topHits, subAggregation } = sent;
  const metrics = Object.entries(sent.metrics).map(
    ([alias, { op, fieldName }]) => [alias, { operator: op, fieldName }] as const,
  );
  return {
    fields: sent.fields,
    size: Number(sent.size),
    searchSize: Number(sent.searchSize),
    metrics: new Map(metrics),
    order: sent.order.map(({ key, direction }) => ({ key, direction })),
    topHits:
      topHits === undefined
        ? null
        : {
            size: Number(topHits.size),
            sort: topHits.sort.map(({ fieldName, direction, nullFirst }) => ({ fieldName, direction, nullFirst })),
          },
    sub: subAggregation === undefined ? null : level(subAggregation),
  };
}
