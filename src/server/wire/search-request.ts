/**
 * `SearchRequest` and `HybridSearchRequest` to plain values and arrays.
 *
 *   SearchRequest        2 db_name  3 collection_name  4 partition_names[]  5 dsl  6 placeholder_group: bytes  7 dsl_type
 *                        8 output_fields[]  9 search_params: KeyValuePair[]  10 travel_timestamp  11 guarantee_timestamp  12 nq: int64
 *                        13 not_return_all_meta  14 consistency_level  15 use_default_consistency  16 search_by_primary_keys
 *                        17 sub_reqs[]  18 expr_template_values: map  19 function_score  20 namespace?  21 highlighter  22 ids
 *                        23 search_aggregation  24 function_chains[]
 *   SubSearchRequest     1 dsl  2 placeholder_group  3 dsl_type  4 search_params  5 nq  6 expr_template_values  7 namespace?
 *   HybridSearchRequest  2 db_name  3 collection_name  4 partition_names[]  5 requests: SearchRequest[]  6 rank_params
 *                        7 travel_timestamp  8 guarantee_timestamp  9 not_return_all_meta  10 output_fields[]  11 consistency_level
 *                        12 use_default_consistency  13 function_score  14 namespace?  15 function_chains[]
 *
 * The rare nested messages (function_score, highlighter, search_aggregation, function_chains, sub_reqs) are left as their bytes, for
 * the generated code to decode; null or empty says that they were not sent.
 *
 * A placeholder group that is no protobuf is an error of the request, not of the call: `placeholderFault` tells it.
 */

import type { KeyColumn } from "../../model/columns.ts";
import { decodeKeys } from "./keys.ts";
import { type WirePlaceholder, decodePlaceholderGroup } from "./placeholder.ts";
import { BYTES, VARINT, WireReader } from "./reader.ts";
import { type TemplateValue, decodeTemplateEntry } from "./template-value.ts";
import { WireError } from "./wire-error.ts";

export interface WireSearch {
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionNames: readonly string[];
  /** The filter. */
  readonly expression: string;
  readonly templateValues: ReadonlyMap<string, TemplateValue>;
  /** Normally one; none in a search by ids. */
  readonly placeholders: readonly WirePlaceholder[];
  readonly placeholderFault: string | null;
  /** As the sender says; the placeholder has its own count. */
  readonly queryCount: bigint;
  readonly outputFields: readonly string[];
  /** The last value of a key that came twice. */
  readonly searchParams: ReadonlyMap<string, string>;
  readonly travelTimestamp: bigint;
  readonly guaranteeTimestamp: bigint;
  readonly notReturnAllMeta: boolean;
  readonly consistencyLevel: number;
  readonly useDefaultConsistency: boolean;
  readonly searchByPrimaryKeys: boolean;
  /** Null when the field was not sent; it may be sent without keys. */
  readonly ids: KeyColumn | null;
  readonly subRequests: readonly Uint8Array[];
  readonly functionScore: Uint8Array | null;
  readonly functionChains: readonly Uint8Array[];
  readonly highlighter: Uint8Array | null;
  readonly searchAggregation: Uint8Array | null;
  readonly namespace: string | null;
  /** The same one of requests that differ in their vectors alone; absent where nobody looked (`known-searches.ts`). */
  readonly shape?: object;
}

export interface WireHybridSearch {
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionNames: readonly string[];
  readonly requests: readonly WireSearch[];
  readonly rankParams: ReadonlyMap<string, string>;
  readonly outputFields: readonly string[];
  readonly travelTimestamp: bigint;
  readonly guaranteeTimestamp: bigint;
  readonly notReturnAllMeta: boolean;
  readonly consistencyLevel: number;
  readonly useDefaultConsistency: boolean;
  readonly functionScore: Uint8Array | null;
  readonly functionChains: readonly Uint8Array[];
  readonly namespace: string | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function decodeSearchRequest(bytes: Uint8Array): WireSearch {
  return decodeSearch(new WireReader(bytes));
}

function decodeSearch(reader: WireReader): WireSearch {
  const partitionNames: string[] = [];
  const outputFields: string[] = [];
  const subRequests: Uint8Array[] = [];
  const functionChains: Uint8Array[] = [];
  const searchParams = new Map<string, string>();
  const templateValues = new Map<string, TemplateValue>();
  let group: Uint8Array | null = null;
  const request: Mutable<WireSearch> = {
    dbName: "",
    collectionName: "",
    partitionNames,
    expression: "",
    templateValues,
    placeholders: [],
    placeholderFault: null,
    queryCount: 0n,
    outputFields,
    searchParams,
    travelTimestamp: 0n,
    guaranteeTimestamp: 0n,
    notReturnAllMeta: false,
    consistencyLevel: 0,
    useDefaultConsistency: false,
    searchByPrimaryKeys: false,
    ids: null,
    subRequests,
    functionScore: null,
    functionChains,
    highlighter: null,
    searchAggregation: null,
    namespace: null,
  };
  while (reader.next()) {
    if (reader.wireType === BYTES) {
      switch (reader.field) {
        case 2:
          request.dbName = reader.text();
          break;
        case 3:
          request.collectionName = reader.text();
          break;
        case 4:
          partitionNames.push(reader.text());
          break;
        case 5:
          request.expression = reader.text();
          break;
        case 6:
          // One of the two: the last that came.
          group = reader.view();
          request.ids = null;
          break;
        case 8:
          outputFields.push(reader.text());
          break;
        case 9:
          addPair(reader.message(), searchParams);
          break;
        case 17:
          subRequests.push(reader.view());
          break;
        case 18:
          templateValues.set(...decodeTemplateEntry(reader.message()));
          break;
        case 19:
          request.functionScore = reader.view();
          break;
        case 20:
          request.namespace = reader.text();
          break;
        case 21:
          request.highlighter = reader.view();
          break;
        case 22:
          request.ids = decodeKeys(reader.message());
          group = null;
          break;
        case 23:
          request.searchAggregation = reader.view();
          break;
        case 24:
          functionChains.push(reader.view());
          break;
        default:
          reader.skip();
      }
    } else if (reader.wireType === VARINT) {
      switch (reader.field) {
        case 10:
          request.travelTimestamp = reader.uint64();
          break;
        case 11:
          request.guaranteeTimestamp = reader.uint64();
          break;
        case 12:
          request.queryCount = reader.int64();
          break;
        case 13:
          request.notReturnAllMeta = reader.bool();
          break;
        case 14:
          request.consistencyLevel = reader.int32();
          break;
        case 15:
          request.useDefaultConsistency = reader.bool();
          break;
        case 16:
          request.searchByPrimaryKeys = reader.bool();
          break;
        default:
          reader.skip();
      }
    } else {
      reader.skip();
    }
  }
  if (group !== null) addPlaceholders(request, group);
  return request;
}

/** The request with other vectors. */
export function withPlaceholders(request: WireSearch, group: Uint8Array): WireSearch {
  const other: Mutable<WireSearch> = { ...request };
  addPlaceholders(other, group);
  return other;
}

function addPlaceholders(request: Mutable<WireSearch>, group: Uint8Array): void {
  try {
    request.placeholders = decodePlaceholderGroup(group);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    request.placeholderFault = error.message;
  }
}

/** `common.KeyValuePair`: 1 key, 2 value. */
function addPair(reader: WireReader, pairs: Map<string, string>): void {
  let key = "";
  let value = "";
  while (reader.next()) {
    if (reader.is(1, BYTES)) key = reader.text();
    else if (reader.is(2, BYTES)) value = reader.text();
    else reader.skip();
  }
  pairs.set(key, value);
}

export function decodeHybridSearchRequest(bytes: Uint8Array): WireHybridSearch {
  const reader = new WireReader(bytes);
  const partitionNames: string[] = [];
  const requests: WireSearch[] = [];
  const outputFields: string[] = [];
  const functionChains: Uint8Array[] = [];
  const rankParams = new Map<string, string>();
  const request: Mutable<WireHybridSearch> = {
    dbName: "",
    collectionName: "",
    partitionNames,
    requests,
    rankParams,
    outputFields,
    travelTimestamp: 0n,
    guaranteeTimestamp: 0n,
    notReturnAllMeta: false,
    consistencyLevel: 0,
    useDefaultConsistency: false,
    functionScore: null,
    functionChains,
    namespace: null,
  };
  while (reader.next()) {
    if (reader.is(2, BYTES)) request.dbName = reader.text();
    else if (reader.is(3, BYTES)) request.collectionName = reader.text();
    else if (reader.is(4, BYTES)) partitionNames.push(reader.text());
    else if (reader.is(5, BYTES)) requests.push(decodeSearch(reader.message()));
    else if (reader.is(6, BYTES)) addPair(reader.message(), rankParams);
    else if (reader.is(7, VARINT)) request.travelTimestamp = reader.uint64();
    else if (reader.is(8, VARINT)) request.guaranteeTimestamp = reader.uint64();
    else if (reader.is(9, VARINT)) request.notReturnAllMeta = reader.bool();
    else if (reader.is(10, BYTES)) outputFields.push(reader.text());
    else if (reader.is(11, VARINT)) request.consistencyLevel = reader.int32();
    else if (reader.is(12, VARINT)) request.useDefaultConsistency = reader.bool();
    else if (reader.is(13, BYTES)) request.functionScore = reader.view();
    else if (reader.is(14, BYTES)) request.namespace = reader.text();
    else if (reader.is(15, BYTES)) functionChains.push(reader.view());
    else reader.skip();
  }
  return request;
}
