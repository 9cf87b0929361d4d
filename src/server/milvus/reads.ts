/** Search and query: requests from the wire to the proxy, columns back to the wire. */

import { invalidParameter } from "../../base/errors.ts";
import { inTurns } from "../../base/turns.ts";
import { DataType } from "../../model/types.ts";
import type { ConsistencyLevel } from "../../model/types.ts";
import type { Freshness, FunctionScore, SearchResponse, SubSearch } from "../../proxy/requests.ts";
import { decodeMessage } from "../wire/control.ts";
import { MilvusService, QueryRequestSchema } from "../wire/generated/milvus_pb.js";
import { FunctionScoreSchema } from "../wire/generated/schema_pb.js";
import { encodeQueryResults, encodeSearchResults, queryResultsInTurns, searchResultsInTurns } from "../wire/results.ts";
import { KnownSearches } from "../wire/known-searches.ts";
import { type WireSearch, decodeHybridSearchRequest } from "../wire/search-request.ts";
import { statusOf } from "../wire/status.ts";
import { refuseNamespace } from "./data.ts";
import { aggregationSpec } from "./aggregation.ts";
import { type Method, encoded, targetOf } from "./method.ts";
import { generatedTemplateValues, templateValues } from "./templates.ts";

const service = MilvusService.method;
const NO_FLOATS = new Float32Array();
const searches = new KnownSearches();

export const READS: readonly Method[] = [
  encoded(service.search, {
    decode: (bytes) => searches.decode(bytes),
    run: async (request, scope) => {
      if (isSent(request.searchAggregation) && isSent(request.highlighter)) {
        throw invalidParameter("highlighter and search_aggregation cannot be used simultaneously");
      }
      refuseUnsupported(request);
      if (request.searchByPrimaryKeys && request.ids === null) {
        throw invalidParameter("a search by primary keys takes IDs");
      }
      const found = await scope.proxy.search(
        {
          ...targetOf(request, scope),
          ...freshness(request),
          ...subSearch(request),
          ...(request.shape === undefined ? {} : { shape: request.shape }),
          ...(request.ids === null ? {} : { keys: request.ids }),
          partitionNames: request.partitionNames,
          outputFields: request.outputFields,
          rerank: functionScore(request.functionScore),
          ...(isSent(request.searchAggregation) ? { aggregation: aggregationSpec(request.searchAggregation!) } : {}),
        },
        scope.call.signal,
      );
      return await inTurns(foundInTurns(found), scope.call.pause);
    },
    refuse: (status, request) =>
      encodeSearchResults({ status, collectionName: request.collectionName, sessionTimestamp: 0n, hits: null }),
  }),

  encoded(service.hybridSearch, {
    decode: decodeHybridSearchRequest,
    run: async (request, scope) => {
      refuseNamespace(request.namespace);
      if (request.functionChains.length > 0) refuse("function chains");
      for (const search of request.requests) {
        refuseUnsupported(search);
        if (isSent(search.searchAggregation)) {
          throw invalidParameter("search aggregation is not supported for hybrid search");
        }
        if (search.searchByPrimaryKeys || search.ids !== null) refuse("search by primary keys in a hybrid search");
      }
      const found = await scope.proxy.hybridSearch(
        {
          ...targetOf(request, scope),
          ...freshness(request),
          partitionNames: request.partitionNames,
          outputFields: request.outputFields,
          searches: request.requests.map(subSearch),
          rankParams: request.rankParams,
          rerank: functionScore(request.functionScore),
        },
        scope.call.signal,
      );
      return await inTurns(foundInTurns(found), scope.call.pause);
    },
    refuse: (status, request) =>
      encodeSearchResults({ status, collectionName: request.collectionName, sessionTimestamp: 0n, hits: null }),
  }),

  encoded(service.query, {
    decode: (bytes) => decodeMessage(QueryRequestSchema, bytes),
    run: async (request, scope) => {
      refuseNamespace(request.namespace);
      const found = await scope.proxy.query(
        {
          ...targetOf(request, scope),
          ...freshness(request),
          partitionNames: request.partitionNames,
          expression: request.expr,
          templates: generatedTemplateValues(request.exprTemplateValues),
          outputFields: request.outputFields,
          params: pairs(request.queryParams),
        },
        scope.call.signal,
      );
      return await inTurns(queryResultsInTurns({ ...found, status: statusOf(null) }), scope.call.pause);
    },
    refuse: (status, request) =>
      encodeQueryResults({
        status,
        collectionName: request.collectionName,
        sessionTimestamp: 0n,
        fields: [],
        outputFields: [],
        primaryFieldName: "",
      }),
  }),
];

/** An explanation goes into the status, whose extra facts no client takes amiss, and its estimate where clients look for recalls. */
function foundInTurns(found: SearchResponse): Generator<void, readonly Uint8Array[]> {
  const { explanation } = found;
  const asText = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? value.toString() : value);
  return searchResultsInTurns({
    status: statusOf(null, explanation === null ? {} : { explain: JSON.stringify(explanation, asText) }),
    collectionName: found.collectionName,
    sessionTimestamp: found.sessionTimestamp,
    hits: {
      topks: found.counts,
      topK: found.limit,
      ids: found.keys,
      scores: found.scores,
      ...(found.elements === undefined ? {} : { elements: found.elements }),
      distances: null,
      recalls: recallsOf(found),
      fields: found.fields,
      outputFields: found.outputFields,
      primaryFieldName: found.primaryFieldName,
      allSearchCount: 0,
      groupBy: found.groupBy,
      buckets: found.buckets,
      iterator: found.iterator,
    },
  });
}

/** One a query; null where nobody knows. */
function recallsOf({ explanation, counts }: SearchResponse): Float32Array | null {
  const recall = explanation?.estimatedRecall ?? null;
  return recall === null ? null : new Float32Array(counts.length).fill(recall);
}

function subSearch(request: WireSearch): SubSearch {
  return {
    expression: request.expression,
    templates: templateValues(request.templateValues),
    queries: queriesOf(request),
    params: request.searchParams,
  };
}

function functionScore(bytes: Uint8Array | null): FunctionScore | null {
  if (!isSent(bytes)) return null;
  const score = decodeMessage(FunctionScoreSchema, bytes!);
  const functions = score.functions.map((sent) => ({
    type: sent.type,
    inputFieldNames: sent.inputFieldNames,
    outputFieldNames: sent.outputFieldNames,
    params: pairs(sent.params),
  }));
  return { functions, params: pairs(score.params) };
}

function pairs(sent: readonly { readonly key: string; readonly value: string }[]): Map<string, string> {
  return new Map(sent.map(({ key, value }) => [key, value]));
}

function freshness(request: {
  readonly consistencyLevel: number;
  readonly useDefaultConsistency: boolean;
  readonly guaranteeTimestamp: bigint;
  readonly travelTimestamp: bigint;
}): Freshness {
  return {
    consistencyLevel: request.consistencyLevel as ConsistencyLevel,
    useDefaultConsistency: request.useDefaultConsistency,
    guaranteeTimestamp: request.guaranteeTimestamp,
    asOf: request.travelTimestamp,
  };
}

/** Placeholders from this number on hold lists of vectors, each as the bytes of its vectors. */
const FIRST_LIST_TYPE = 300;

/** Vectors of one length as they are; of others only what the proxy needs to say what is wrong with them. */
function queriesOf(request: WireSearch): SubSearch["queries"] {
  if (request.placeholderFault !== null) {
    throw invalidParameter(`failed to parse the placeholder group: ${request.placeholderFault}`);
  }
  const [placeholder, second] = request.placeholders;
  if (placeholder === undefined) return { type: DataType.FloatVector, values: NO_FLOATS, queryCount: 0, valueBytes: 0 };
  if (second !== undefined) throw invalidParameter("a search takes exactly one placeholder");
  const isOfLists = placeholder.type >= FIRST_LIST_TYPE;
  if ((placeholder.type === DataType.SparseFloatVector || isOfLists) && placeholder.values !== null) {
    const column = { kind: "bytes", type: DataType.SparseFloatVector, ...placeholder.values, valid: null } as const;
    return { type: placeholder.type, values: column, queryCount: placeholder.count };
  }
  return {
    type: placeholder.type,
    values: placeholder.queries ?? NO_FLOATS,
    queryCount: placeholder.count,
    valueBytes: placeholder.unevenBytes ?? placeholder.valueBytes,
  };
}

function refuseUnsupported(request: WireSearch): void {
  refuseNamespace(request.namespace);
  if (request.subRequests.length > 0) refuse("a search of several requests");
  if (request.functionChains.length > 0) refuse("function chains");
  if (isSent(request.highlighter)) refuse("highlighter");
}

function refuse(what: string): never {
  throw invalidParameter(`${what} is not supported yet`);
}

function isSent(message: Uint8Array | null): boolean {
  return message !== null && message.length > 0;
}
