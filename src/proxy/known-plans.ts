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
import type { OutputPlan } from "./output.ts";
import { jsonParams, numberParam } from "./params.ts";
import { queryVectors } from "./query-vectors.ts";
import type { SearchRequest } from "./requests.ts";
import type { TimeView } from "./shown-times.ts";
import { type Window, checkQueryCount, searchedField } from "./vector-plan.ts";

/** What a plain search says but for its filter and when it reads. */
export interface PlainTerms {
  readonly window: Window;
  readonly vector: VectorPlan;
  readonly output: OutputPlan;
  readonly times: TimeView;
}

interface KnownPlan {
  readonly described: DescribedCollection;
  readonly field: FieldSchema;
  readonly dropRatio: number;
  /** Without vectors. */
  readonly terms: PlainTerms;
}

const NO_VECTORS = new Float32Array();

export class KnownPlans {
  readonly #plans = new WeakMap<object, KnownPlan>();

  /** @throws what is wrong with the vectors of the request. */
  find(described: DescribedCollection, { shape, queries }: SearchRequest): PlainTerms | null {
    const known = shape === undefined ? undefined : this.#plans.get(shape);
    if (known?.described !== described) return null;
    const { field, dropRatio } = known;
    const { window, vector, output, times } = known.terms;
    checkQueryCount(queries.queryCount);
    const vectors = queryVectors(field, queries, dropRatio);
    return { window, vector: { ...vector, queries: vectors, queryCount: queries.queryCount }, output, times };
  }

  /** Of a search that neither groups, orders, weighs nor goes on: those are checked together with their vectors, or say more than a shape does. */
  keep(described: DescribedCollection, request: SearchRequest, { window, vector, output, times }: PlainTerms): void {
    const { shape, params } = request;
    if (shape === undefined || request.keys !== undefined) return;
    const field = searchedField(described.collection, params.get("anns_field") ?? "");
    // Lists of vectors are searched by other rules than single ones.
    if (field.dataType === DataType.ArrayOfVector) return;
    const dropRatio = numberParam(jsonParams(params), "drop_ratio_search") ?? 0;
    const terms = { window, vector: { ...vector, queries: NO_VECTORS, queryCount: 0 }, output, times };
    this.#plans.set(shape, { described, field, dropRatio, terms });
  }
}
