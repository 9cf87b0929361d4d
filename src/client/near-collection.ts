/**
 * A collection that the engine has lent (`proxy/lend.ts`), searched on the program's own thread.
 *
 * Always true:
 *  - an answer is the engine's own: scores are exact, the order is by score and key, no key comes twice;
 *  - whatever cannot be answered so for sure (a tie at the border, too few hits, a search that is no small one) is not answered.
 *
 * Not here: whether the collection is as it was lent, which searches may come here (`near-searches.ts`).
 */

import { assert } from "../base/assert.ts";
import type { IndexParams } from "../index/family.ts";
import { GRAPH } from "../index/graph.ts";
import { searchParams } from "../index/parameters.ts";
import type { GraphParameters } from "../kernel/index-kernel.ts";
import { NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import type { NativeKernel } from "../kernel/native.ts";
import type { Hits } from "../model/plan.ts";
import { DataType } from "../model/types.ts";
import type { LentCollection } from "../proxy/lend.ts";
import { reduceFew } from "../rank/reduce.ts";
import type { LentGraph, LentSegment } from "../segment/lent.ts";
import { primaryKeyField } from "../model/schema.ts";
import type { Hit } from "./hits.ts";
import { NearFilters, type Reachable, type ReachableRows, visibleRows } from "./near-filters.ts";
import type { Selection } from "./read-options.ts";
import { hitsOf } from "./result-rows.ts";

/** Wider ones are no small searches. */
const MOST_HITS = 1024;
/** So few are scanned faster than a walk begins. */
const SCANNED_ROWS = 256;
/** All are forgotten beyond. */
const MOST_SAID = 64;

/** What searches say to the index, checked, and what that is to the kernel, by segment. */
interface Said {
  readonly params: IndexParams;
  readonly parameters: GraphParameters[];
}

export class NearCollection {
  readonly #kernel: NativeKernel;
  readonly #collection: LentCollection;
  readonly #filters: NearFilters;
  /** What an unfiltered search may find. */
  readonly #visible: ReachableRows;
  /** By the text of what a search says, and the hits it wants. */
  readonly #said = new Map<string, Said>();

  constructor(kernel: NativeKernel, collection: LentCollection) {
    this.#kernel = kernel;
    this.#collection = collection;
    this.#filters = new NearFilters(kernel, collection);
    this.#visible = collection.segments.map((segment) => visibleRows(segment));
  }

  /** Of columns that searches would have needed. */
  get missing(): ReadonlySet<bigint> {
    return this.#filters.missing;
  }

  /** Null: the engine has to be asked. @throws what is wrong with `params` or the filter. */
  search(
    vector: Float32Array,
    limit: number,
    params: Readonly<Record<string, unknown>>,
    selection: Selection | null,
  ): Hit[] | null | Promise<Hit[] | null> {
    if (vector.length !== this.#collection.dimension || !isFinite(vector)) return null;
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_HITS) return null;
    const said = this.#saying(params, limit);
    const rows = selection === null ? this.#visible : this.#filters.rows(selection);
    if (rows instanceof Promise) return rows.then((found) => this.#search(vector, limit, said, found));
    return rows === null ? null : this.#search(vector, limit, said, rows);
  }

  #search(vector: Float32Array, limit: number, said: Said, rows: ReachableRows): Hit[] | null {
    const { metric, segments, described } = this.#collection;
    const lists: Hits[] = [];
    for (let at = 0; at < segments.length; at += 1) {
      const reachable = rows[at]!;
      if (reachable.count === 0) continue;
      const wanted = Math.min(limit, reachable.count);
      const found = this.#searched(at, vector, wanted, said, reachable);
      const hits = found === null ? null : inKeyOrder(segments[at]!, found, wanted);
      if (hits === null) return null;
      lists.push(hits);
    }
    if (lists.length === 0) return [];
    const hits = reduceFew(lists, metric, { offset: 0, limit });
    const counts = Uint32Array.of(hits.rows.length);
    const primaryFieldName = primaryKeyField(described.collection.schema).name;
    return hitsOf({ keys: hits.keys, scores: hits.scores, counts, primaryFieldName, fields: [] })[0] as Hit[];
  }

  #searched(
    at: number,
    queries: Float32Array,
    k: number,
    said: Said,
    { allowed, count }: Reachable,
  ): SearchHits | null {
    const { rows, rowCount, graph } = this.#collection.segments[at]!;
    const [rank, range] = [null, null];
    if (graph === null || count <= SCANNED_ROWS || k >= count) {
      const { metric } = this.#collection;
      return this.#kernel.exactSearchNow({ rows, rowCount, queries, metric, k, allowed, rank, range });
    }
    const parameters = (said.parameters[at] ??= this.#parameters(graph, said.params, k));
    const ask = { index: graph.index, rowCount: graph.rowCount, queries, k, parameters, allowed, rank, range };
    return this.#kernel.indexes.searchIndexNow({ ...ask, timeLimitMicroseconds: null }, count);
  }

  #saying(params: Readonly<Record<string, unknown>>, limit: number): Said {
    const text = `${limit} ${JSON.stringify(params)}`;
    const known = this.#said.get(text);
    if (known !== undefined) return known;
    const checked = searchParams(this.#collection.indexType, new Map(Object.entries(params)), limit);
    const said: Said = { params: checked, parameters: [] };
    if (this.#said.size >= MOST_SAID) this.#said.clear();
    this.#said.set(text, said);
    return said;
  }

  #parameters({ params }: LentGraph, said: IndexParams, k: number): GraphParameters {
    const { indexType } = this.#collection;
    const parameters = GRAPH.search(indexType, new Map([...params, ...said]), k);
    assert(parameters.kind === "graph", "a graph is told what graphs are told");
    return parameters;
  }
}

function isFinite(vector: Float32Array): boolean {
  for (let at = 0; at < vector.length; at += 1) if (!Number.isFinite(vector[at])) return false;
  return true;
}

/** As one list; null where the kernel alone cannot tell which or in which order. */
function inKeyOrder(segment: LentSegment, { rows, scores, tied }: SearchHits, count: number): Hits | null {
  if (rows[count - 1] === NO_ROW) return null;
  const values = new BigInt64Array(count);
  for (let at = 0; at < count; at += 1) values[at] = segment.keys[rows[at]!]!;
  if (!segment.rowOrderIsKeyOrder) {
    if (tied[0] === 1 || new Set(values).size < count) return null;
    orderTies(values, rows, scores);
  }
  return {
    offsets: Uint32Array.of(0, count),
    keys: { kind: "fixed", type: DataType.Int64, values, valid: null },
    scores,
    rows,
    segmentIds: new BigInt64Array(count).fill(segment.segmentId),
  };
}

/** Rows of one score by key; they are few. */
function orderTies(keys: BigInt64Array, rows: Uint32Array, scores: Float32Array): void {
  for (let at = 1; at < keys.length; at += 1) {
    for (let place = at; place > 0 && scores[place] === scores[place - 1]; place -= 1) {
      if (keys[place - 1]! < keys[place]!) break;
      [keys[place - 1], keys[place]] = [keys[place]!, keys[place - 1]!];
      [rows[place - 1], rows[place]] = [rows[place]!, rows[place - 1]!];
    }
  }
}
