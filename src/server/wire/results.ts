/**
 * `SearchResults` and `QueryResults` from columns.
 *
 *   SearchResults     1 status  2 results: SearchResultData  3 collection_name  4 session_ts: uint64
 *   SearchResultData  1 num_queries  2 top_k  3 fields_data[]  4 scores: float[]  5 ids  6 topks: int64[]  7 output_fields[]
 *                     8 group_by_field_value  9 all_search_count  10 distances: float[]
 *                     11 search_iterator_v2_results? {1 token  2 last_bound: float}  12 recalls: float[]  13 primary_field_name
 *                     15 element_indices {1 int64[]}
 *                     17 group_by_field_values[]  18 agg_buckets[]  19 agg_topks: int64[]
 *   QueryResults      1 status  2 fields_data[]  3 collection_name  4 output_fields[]  5 session_ts  6 primary_field_name
 *                     7 element_indices[] {1 indices: {1 int64[]}}, one a row
 *
 * Always true: scores, ids and every column have one entry for each hit, sum(topks) in all.
 */

import { assert } from "../../base/assert.ts";
import { drained } from "../../base/turns.ts";
import { type KeyColumn, columnRows } from "../../model/columns.ts";
import type { Bucket } from "../../model/buckets.ts";
import { encodeBucket } from "./buckets.ts";
import { type ResultField, encodeFieldData } from "./field-data.ts";
import { encodeKeys } from "./keys.ts";
import { packFixed, packInt32s } from "./packed.ts";
import { type StatusInit, encodeStatus } from "./status.ts";
import { WireWriter } from "./writer.ts";

export interface SearchAnswer {
  readonly status: StatusInit;
  readonly collectionName: string;
  readonly sessionTimestamp: bigint;
  /** Null for an answer that is only its status. */
  readonly hits: SearchHits | null;
}

export interface SearchHits {
  /** As many as queries; each the number of its hits. */
  readonly topks: ArrayLike<number>;
  /** What was asked for. */
  readonly topK: number;
  readonly ids: KeyColumn;
  readonly scores: Float32Array;
  /** Of a search of elements: the place of each hit in its row's array. */
  readonly elements?: Uint32Array;
  /** Raw distances where reranking replaced the scores. */
  readonly distances: Float32Array | null;
  readonly recalls: Float32Array | null;
  readonly fields: readonly ResultField[];
  readonly outputFields: readonly string[];
  readonly primaryFieldName: string;
  readonly allSearchCount: number;
  readonly groupBy: { readonly fields: readonly ResultField[]; readonly isSingular: boolean } | null;
  /** Of each query, where buckets are answered instead of hits. */
  readonly buckets: readonly (readonly Bucket[])[] | null;
  readonly iterator: { readonly token: string; readonly lastBound: number } | null;
}

export interface QueryAnswer {
  readonly status: StatusInit;
  readonly collectionName: string;
  readonly sessionTimestamp: bigint;
  readonly fields: readonly ResultField[];
  readonly outputFields: readonly string[];
  readonly primaryFieldName: string;
  /** Of each row the places in an array that a filter picked: those from `offsets[row]` to `offsets[row + 1]`. */
  readonly elements?: { readonly offsets: Uint32Array; readonly places: Uint32Array };
}

export function encodeSearchResults(answer: SearchAnswer): readonly Uint8Array[] {
  return drained(searchResultsInTurns(answer));
}

/** Yields between fields: many rows with all fields are tens of milliseconds of work. */
export function* searchResultsInTurns(answer: SearchAnswer): Generator<void, readonly Uint8Array[]> {
  const writer = new WireWriter();
  writer.message(1, encodeStatus(answer.status));
  if (answer.hits !== null) writer.message(2, yield* encodeHits(answer.hits));
  writer.text(3, answer.collectionName);
  writer.int64(4, answer.sessionTimestamp);
  return writer.pieces();
}

function* encodeHits(hits: SearchHits): Generator<void, WireWriter> {
  const hitCount = checkedHitCount(hits);
  const writer = new WireWriter();
  writer.uint32(1, hits.topks.length);
  writer.uint32(2, hits.topK);
  for (const field of hits.fields) {
    writer.message(3, encodeFieldData(field));
    yield;
  }
  writer.bytes(4, packFixed(hits.scores));
  writer.message(5, encodeKeys(hits.ids));
  writer.bytes(6, packInt32s(hits.topks));
  for (const name of hits.outputFields) writer.textAlways(7, name);
  if (hits.groupBy?.isSingular === true) writer.message(8, encodeFieldData(hits.groupBy.fields[0]!));
  writer.int64(9, BigInt(hits.allSearchCount));
  if (hits.distances !== null) {
    assert(hits.distances.length === hitCount, "each hit has a distance");
    writer.bytes(10, packFixed(hits.distances));
  }
  if (hits.iterator !== null) {
    const iterator = new WireWriter();
    iterator.text(1, hits.iterator.token);
    iterator.floatAlways(2, hits.iterator.lastBound);
    writer.message(11, iterator);
  }
  if (hits.recalls !== null) writer.bytes(12, packFixed(hits.recalls));
  writer.text(13, hits.primaryFieldName);
  if (hits.elements !== undefined) {
    assert(hits.elements.length === hitCount, "each hit has an element");
    writer.message(15, longs(hits.elements));
  }
  if (hits.groupBy?.isSingular === false) {
    for (const field of hits.groupBy.fields) writer.message(17, encodeFieldData(field));
  }
  if (hits.buckets !== null) {
    for (const bucket of hits.buckets.flat()) writer.message(18, encodeBucket(bucket));
    writer.bytes(19, packInt32s(hits.buckets.map((buckets) => buckets.length)));
  }
  return writer;
}

/** `LongArray`. */
function longs(values: Uint32Array): WireWriter {
  const writer = new WireWriter();
  writer.bytes(1, packInt32s(values));
  return writer;
}

function checkedHitCount({ topks, scores, ids, fields, groupBy }: SearchHits): number {
  let hitCount = 0;
  for (let query = 0; query < topks.length; query += 1) hitCount += topks[query]!;
  assert(scores.length === hitCount, "each hit has a score");
  assert(columnRows(ids) === hitCount, "each hit has a key");
  for (const { name, column } of fields) assert(columnRows(column) === hitCount, `each hit has a value of ${name}`);
  for (const { column } of groupBy?.fields ?? []) assert(columnRows(column) === hitCount, "each hit has a group");
  return hitCount;
}

export function encodeQueryResults(answer: QueryAnswer): readonly Uint8Array[] {
  return drained(queryResultsInTurns(answer));
}

/** Yields between fields. */
export function* queryResultsInTurns(answer: QueryAnswer): Generator<void, readonly Uint8Array[]> {
  const rowCount = answer.fields[0] === undefined ? 0 : columnRows(answer.fields[0].column);
  const writer = new WireWriter();
  writer.message(1, encodeStatus(answer.status));
  for (const field of answer.fields) {
    assert(columnRows(field.column) === rowCount, `each row has a value of ${field.name}`);
    writer.message(2, encodeFieldData(field));
    yield;
  }
  writer.text(3, answer.collectionName);
  for (const name of answer.outputFields) writer.textAlways(4, name);
  writer.int64(5, answer.sessionTimestamp);
  writer.text(6, answer.primaryFieldName);
  if (answer.elements !== undefined) {
    const { offsets, places } = answer.elements;
    assert(offsets.length === rowCount + 1, "each row has its elements");
    for (let row = 0; row < rowCount; row += 1) {
      const picked = new WireWriter();
      picked.message(1, longs(places.subarray(offsets[row], offsets[row + 1])));
      writer.message(7, picked);
    }
  }
  return writer.pieces();
}
