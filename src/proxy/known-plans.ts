/**
 * What requests of one shape were planned to: a program asks the same again and again, with other vectors.
 *
 * Always true:
 *  - a plan counts only for the very description of the collection that it was made of, which changes with whatever is said of it;
 *  - only what depends on nothing else is kept, and nothing that was refused; the vectors of each request are checked anew;
 *  - a plan lives no longer than the shape of its requests.
 *
 * Not here: shapes (server), filters, which know their own ways, and when a search reads.
 */

import type { VectorPlan } from "../model/plan.ts";
import type { FieldSchema } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import type { DescribedCollection } from "../rpc/services.ts";
import type { Grouping } from "./grouping.ts";
import type { SearchPage } from "./iterate.ts";
import type { OrderKey } from "./ordering.ts";
import type { OutputPlan } from "./output.ts";
import { jsonParams, numberParam } from "./params.ts";
import { queryVectors } from "./query-vectors.ts";
import type { SearchRequest } from "./requests.ts";
import type { Rerank } from "./rerank.ts";
import type { AggregationPlan } from "./search-aggregation.ts";
import type { TimeView } from "./shown-times.ts";
import { type Window, checkQueryCount, searchedField } from "./vector-plan.ts";

/** All that a search says but for its filter and when it reads. */
export interface SearchTerms {
  readonly window: Window;
  /** Of an iterator; null: it is none, or none whose pages the server knows. */
  readonly page: SearchPage | null;
  readonly isIterator: boolean;
  readonly vector: VectorPlan;
  readonly aggregation: AggregationPlan | null;
  readonly grouping: Grouping | null;
  readonly order: readonly OrderKey[];
  readonly rerank: Rerank;
  readonly output: OutputPlan;
  readonly times: TimeView;
}

interface KnownPlan {
  readonly described: DescribedCollection;
  readonly field: FieldSchema;
  readonly dropRatio: number;
  /** Without vectors. */
  readonly terms: SearchTerms;
}

const NO_VECTORS = new Float32Array();

export class KnownPlans {
  readonly #plans = new WeakMap<object, KnownPlan>();

  /** @throws what is wrong with the vectors of the request. */
  find(described: DescribedCollection, { shape, queries }: SearchRequest): SearchTerms | null {
    const known = shape === undefined ? undefined : this.#plans.get(shape);
    if (known?.described !== described) return null;
    const { terms, field, dropRatio } = known;
    checkQueryCount(queries.queryCount);
    const vectors = queryVectors(field, queries, dropRatio);
    return { ...terms, vector: { ...terms.vector, queries: vectors, queryCount: queries.queryCount } };
  }

  keep(described: DescribedCollection, request: SearchRequest, terms: SearchTerms): void {
    const { shape, params } = request;
    if (shape === undefined || request.keys !== undefined || !isPlain(terms)) return;
    const field = searchedField(described.collection, params.get("anns_field") ?? "");
    // Lists of vectors are searched by other rules than single ones.
    if (field.dataType === DataType.ArrayOfVector) return;
    const dropRatio = numberParam(jsonParams(params), "drop_ratio_search") ?? 0;
    const vector = { ...terms.vector, queries: NO_VECTORS, queryCount: 0 };
    this.#plans.set(shape, { described, field, dropRatio, terms: { ...terms, vector } });
  }
}

/** Iterators have pages; what groups, orders or weighs is checked together with the vectors, or may be sent beside the shape. */
function isPlain({ page, isIterator, aggregation, grouping, order, rerank }: SearchTerms): boolean {
  const isRanked = rerank.boost !== null || rerank.fusion !== null || rerank.decay !== null;
  return page === null && !isIterator && aggregation === null && grouping === null && order.length === 0 && !isRanked;
}
