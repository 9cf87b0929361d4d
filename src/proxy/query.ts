/**
 * Query: rows by filter or key, a page of them, or their count.
 */

import { invalidParameter } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { inTurns } from "../base/turns.ts";
import type { ColumnBatch, KeyColumn } from "../model/columns.ts";
import { type Filter, filterKeys } from "../model/filter.ts";
import type { RetrievePlan } from "../model/plan.ts";
import { type CollectionInfo, primaryKeyField } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { gatherBatchInTurns } from "../rank/gather.ts";
import { pauseOf } from "../segment/execute.ts";
import { type Aggregation, aggregateQuery, planAggregation } from "./aggregates.ts";
import type { ProxyContext } from "./context.ts";
import { keyColumn } from "./key-column.ts";
import { elementFields, pickedElements } from "./element-indices.ts";
import { parsePlanFilter } from "./filters.ts";
import { checkIteratedCollection } from "./iterate.ts";
import { orderedPage } from "./ordered-query.ts";
import { orderSpecs, planOrder } from "./ordering.ts";
import { outputFieldsInTurns, planOutput } from "./output.ts";
import { booleanParam, integerParam } from "./params.ts";
import { partitionsOfFilter } from "./partition-pruning.ts";
import type { QueryRequest, QueryResponse } from "./requests.ts";
import { type ReadTime, readTime } from "./read-time.ts";
import { timeView } from "./shown-times.ts";
import { retrieve } from "./retrieve.ts";
import { requireLoaded, requireLoadedFields } from "./loaded.ts";
import { MAX_WINDOW } from "./vector-plan.ts";
import { sessionTimestamp } from "./searched-shards.ts";

const COUNT = "count(*)";
const NEVER = new AbortController().signal;

export async function query(context: ProxyContext, request: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
  const described = await context.describeAll(request);
  context.quotas.take(described, "queries", 1);
  const { collection } = described;
  const { schema } = collection;
  const filter = parsePlanFilter(
    "query",
    request.expression,
    { ...collection, indexes: described.indexes, load: described.load },
    request.templates,
    request.params,
  );
  const partitionIds = partitionsOfFilter(collection, request.partitionNames, filter);
  const aggregation = planAggregation(schema, request.outputFields, request.params);
  // Much faster than the way of other aggregates: nothing is looked at but bits.
  const isCount =
    aggregation?.hasCountOfRows === true && aggregation.outputs.length === 1 && aggregation.groupBy.length === 0;
  const window = queryWindow(request, filter, aggregation);
  const order = aggregation === null ? planOrder(schema, request.params, "query") : [];
  if (order.length > 0 && booleanParam(request.params, "iterator")) {
    throw invalidParameter("ORDER BY with iterator is not supported");
  }
  checkIteratedCollection(
    collection,
    request.params,
    () => "Input collection id is not consistent to collectionID in the context, alias or database may have changed",
  );
  requireLoaded(described, "query", partitionIds);
  const now = await context.timestamp();
  const plan: RetrievePlan = {
    collectionId: collection.collectionId,
    partitionIds,
    filter,
    keys: null,
    fieldIds: [],
    limit: null,
    ignoreGrowing: booleanParam(request.params, "ignore_growing"),
  };
  const time = readTime(collection, request, now);
  if (isCount) return countRows(context, collection, plan, time, signal);
  if (aggregation !== null) {
    requireLoadedFields(described, { fields: aggregation.fields, dynamicKeys: null, names: [] });
    return aggregateQuery(context, collection, aggregation, plan, window, time, signal);
  }

  const output = planOutput(schema, request.outputFields, true, described.load?.fieldIds);
  const times = timeView(collection, request.params);
  requireLoadedFields(described, output);
  const key = primaryKeyField(schema);
  const listed = filter === null ? null : filterKeys(filter, key.fieldId);
  // Keys are looked up; the filter that named them says nothing more.
  const byKeys = listed === null ? {} : { keys: keyColumn(key.dataType, listed), filter: null };
  const limit = window === null ? null : window.offset + window.limit;
  const fieldIds = [...new Set([...output.fields.map((field) => field.fieldId), ...elementFields(filter)])];
  const asked = { ...plan, ...byKeys, fieldIds, limit };
  const answer = async (page: ColumnBatch, timestamp: Timestamp): Promise<QueryResponse> => {
    const elements = pickedElements(filter, page);
    return {
      collectionName: schema.name,
      fields: await inTurns(outputFieldsInTurns(output, page, times), pauseOf(context)),
      outputFields: output.names,
      primaryFieldName: key.name,
      sessionTimestamp: timestamp,
      ...(elements === null ? {} : { elements }),
    };
  };
  if (order.length > 0) {
    requireLoadedFields(described, { ...output, fields: order.map(({ field }) => field) });
    const page = await orderedPage(context, collection, asked, order, window!, time, signal);
    return await answer(page.batch, page.timestamp);
  }
  const { batch, timestamp } = await retrieve(context, collection, asked, time.guarantee, signal, time.timestamp);
  if (window === null || window.offset === 0) return await answer(batch, timestamp);
  const rows = range(window.offset, batch.rowCount);
  const page = await inTurns(gatherBatchInTurns([batch], new Uint32Array(rows.length), rows), pauseOf(context));
  return await answer(page, timestamp);
}

/** The keys that a filter names, for a delete, and the timestamp at which it was asked. */
export async function queryKeys(
  context: ProxyContext,
  collection: CollectionInfo,
  filter: Filter,
  partitionIds: readonly bigint[] | null,
): Promise<{ readonly keys: KeyColumn; readonly timestamp: Timestamp }> {
  const described = await context.describeAll({
    databaseName: collection.databaseName,
    collectionName: collection.schema.name,
  });
  requireLoaded(described, "query", partitionIds);
  const key = primaryKeyField(collection.schema);
  const plan: RetrievePlan = {
    collectionId: collection.collectionId,
    partitionIds,
    filter,
    keys: null,
    fieldIds: [key.fieldId],
    limit: null,
    ignoreGrowing: false,
  };
  // A delete must not miss what its client has written, whatever level the client reads with. All shards are read at one timestamp,
  // which is the upper bound of what is deleted.
  const now = await context.timestamp();
  const { batch } = await retrieve(context, collection, plan, now, NEVER, now);
  return { keys: batch.columns.get(key.fieldId) as KeyColumn, timestamp: now };
}

async function countRows(
  context: ProxyContext,
  collection: CollectionInfo,
  plan: RetrievePlan,
  time: ReadTime,
  signal: AbortSignal,
): Promise<QueryResponse> {
  const answers = await Promise.all(
    collection.virtualChannels.map((virtualChannel) =>
      context.streaming.count({ virtualChannel, plan, ...time }, { signal }),
    ),
  );
  const count = answers.reduce((sum, answer) => sum + answer.count, 0);
  const values = BigInt64Array.of(BigInt(count));
  return {
    collectionName: collection.schema.name,
    fields: [
      {
        name: COUNT,
        fieldId: 0n,
        type: DataType.Int64,
        isDynamic: false,
        column: { kind: "fixed", type: DataType.Int64, values, valid: null },
      },
    ],
    outputFields: [COUNT],
    primaryFieldName: primaryKeyField(collection.schema).name,
    sessionTimestamp: sessionTimestamp(answers),
  };
}

/** Null: no limit was asked for. */
function queryWindow(
  request: QueryRequest,
  filter: Filter | null,
  aggregation: Aggregation | null,
): { readonly limit: number; readonly offset: number } | null {
  const hasLimit = (request.params.get("limit") ?? "") !== "";
  const limit = integerParam(request.params, "limit", 0);
  const offset = integerParam(request.params, "offset", 0);
  if (hasLimit && aggregation?.hasCountOfRows === true && aggregation.groupBy.length === 0) {
    throw invalidParameter("count entities with pagination is not allowed");
  }
  if (!hasLimit) {
    if (orderSpecs(request.params).length > 0) throw invalidParameter("ORDER BY requires explicit limit");
    const hasAggregates = aggregation !== null && aggregation.aggregates.length > 0;
    if (filter === null && !hasAggregates) throw invalidParameter("empty expression should be used with limit");
    return null;
  }
  const window = "invalid max query result window";
  if (offset < 0) throw invalidParameter(`${window}, offset [${offset}] is invalid, should be gte than 0`);
  if (limit < 1) throw invalidParameter(`${window}, limit [${limit}] is invalid, should be greater than 0`);
  if (offset + limit > MAX_WINDOW) {
    throw invalidParameter(
      `${window}, (offset+limit) should be in range [1, ${MAX_WINDOW}], but got ${offset + limit}`,
    );
  }
  return { limit, offset };
}

function range(start: number, end: number): Uint32Array {
  return Uint32Array.from({ length: Math.max(0, end - start) }, (_, at) => start + at);
}
