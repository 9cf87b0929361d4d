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
import type { GraphParameters, IndexSearch } from "../kernel/index-kernel.ts";
import { NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import type { NativeKernel } from "../kernel/native.ts";
import type { LentCollection } from "../proxy/lend.ts";
import type { OutputPlan } from "../proxy/output.ts";
import type { LentGraph, LentSegment, WantedColumns } from "../segment/lent.ts";
import type { Hit } from "./hits.ts";
import { NearFilters, type Reachable, type ReachableRows, visibleRows } from "./near-filters.ts";
import { type Merged, type NearList, mergeLists } from "./near-merge.ts";
import { NearOutput } from "./near-output.ts";
import { hitsExpected, mayHaveMore, narrowed } from "./near-shares.ts";
import type { Selection } from "./read-options.ts";
import { type Key, int64At, wordsOf } from "./values.ts";

/** Most searches ask for none, and their hits are made quicker. */
const NO_FIELDS: OutputPlan = { fields: [], dynamicKeys: null, names: [] };
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

interface Asked {
  readonly vector: Float32Array;
  readonly limit: number;
  readonly said: Said;
  readonly isUnfiltered: boolean;
}

/** What of a segment is looked at, and how many hits are wanted of it. */
interface Part {
  readonly at: number;
  readonly count: number;
  readonly reachable: Reachable;
}

export class NearCollection {
  readonly #kernel: NativeKernel;
  readonly #collection: LentCollection;
  readonly #filters: NearFilters;
  readonly #output: NearOutput;
  /** What an unfiltered search may find. */
  readonly #visible: ReachableRows;
  /** By the text of what a search says, and the hits it wants. */
  readonly #said = new Map<string, Said>();

  constructor(kernel: NativeKernel, collection: LentCollection) {
    this.#kernel = kernel;
    this.#collection = collection;
    this.#filters = new NearFilters(kernel, collection);
    this.#output = new NearOutput(collection);
    this.#visible = collection.segments.map((segment) => visibleRows(segment));
  }

  /** What searches would have needed. */
  get missing(): WantedColumns {
    const { missing, missingPlaces } = this.#filters;
    return { columnIds: [...missing, ...this.#output.missing], places: [...missingPlaces.values()] };
  }

  /** Null: the engine has to be asked. @throws what is wrong with `params`, the filter or the names of fields. */
  search(
    vector: Float32Array,
    limit: number,
    params: Readonly<Record<string, unknown>>,
    selection: Selection | null,
    outputFields: readonly string[],
  ): Hit[] | null | Promise<Hit[] | null> {
    if (vector.length !== this.#collection.dimension || !isFinite(vector)) return null;
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_HITS) return null;
    const asked = { vector, limit, said: this.#saying(params, limit), isUnfiltered: selection === null };
    const output = outputFields.length === 0 ? NO_FIELDS : this.#output.plan(outputFields);
    if (output === null) return null;
    const rows = selection === null ? this.#visible : this.#filters.rows(selection);
    if (rows instanceof Promise) return rows.then((found) => this.#search(asked, found, output));
    return rows === null ? null : this.#search(asked, rows, output);
  }

  #search(asked: Asked, rows: ReachableRows, output: OutputPlan): Hit[] | null {
    const { limit } = asked;
    const { metric, segments } = this.#collection;
    let all = 0;
    for (const { count } of rows) all += count;
    const parts: Part[] = [];
    for (let at = 0; at < segments.length; at += 1) {
      const { count } = rows[at]!;
      if (count > 0) parts.push({ at, count: hitsExpected(limit, count / all), reachable: rows[at]! });
    }
    const lists = this.#found(asked, parts);
    if (lists === null) return null;
    let merged = mergeLists(lists, limit, metric);
    const worst = merged.entries.length < limit ? null : scoreOf(merged, limit - 1);
    for (const [place, { segment, ids, scores }] of lists.entries()) {
      const wanted = Math.min(limit, rows[segment]!.count);
      if (ids.length === wanted || !mayHaveMore(scores.at(-1)!, worst, metric)) continue;
      const found = this.#found(asked, [{ at: segment, count: wanted, reachable: rows[segment]! }]);
      if (found === null) return null;
      lists[place] = found[0]!;
      merged = mergeLists(lists, limit, metric);
    }
    if (output !== NO_FIELDS) return this.#output.hits(merged, output);
    return merged.entries.map((entry, at): Hit => ({ id: idOf(merged, entry, at), score: scoreOf(merged, at) }));
  }

  /** Of each part the first of its hits, or all of those that are scored one by one. Null: the engine has to be asked. */
  #found(asked: Asked, parts: readonly Part[]): NearList[] | null {
    const lists: NearList[] = [];
    const walks: { readonly place: number; readonly part: Part; readonly search: IndexSearch }[] = [];
    for (const [place, part] of parts.entries()) {
      const search = this.#walk(asked, part);
      if (search !== null) {
        walks.push({ place, part, search });
        continue;
      }
      const list = this.#scan(asked, part);
      if (list === null) return null;
      lists[place] = list;
    }
    if (walks.length === 0) return lists;
    const found = this.#kernel.indexes.searchIndexesNow(
      walks.map(({ search }) => search),
      walks.map(({ part }) => part.reachable.count),
    );
    if (found === null) return null;
    for (const [at, { place, part }] of walks.entries()) {
      const list = this.#inKeyOrder(part, found[at]!, part.count);
      if (list === null) return null;
      lists[place] = list;
    }
    return lists;
  }

  /** Null: its rows are scored one by one. */
  #walk({ vector, limit, said, isUnfiltered }: Asked, { at, count, reachable }: Part): IndexSearch | null {
    const { graph } = this.#collection.segments[at]!;
    if (graph === null || reachable.count <= SCANNED_ROWS || limit >= reachable.count) return null;
    const whole = (said.parameters[at] ??= this.#parameters(graph, said.params, limit));
    const parameters = count === limit ? whole : { ...whole, ef: narrowed(whole.ef, count, limit) };
    const [rank, range, timeLimitMicroseconds] = [null, null, null];
    const { index, rowCount } = graph;
    const { allowed } = reachable;
    return {
      index,
      rowCount,
      queries: vector,
      k: count,
      parameters,
      allowed,
      isUnfiltered,
      rank,
      range,
      timeLimitMicroseconds,
    };
  }

  #scan({ vector: queries, limit }: Asked, part: Part): NearList | null {
    const { rows, rowCount } = this.#collection.segments[part.at]!;
    const { metric } = this.#collection;
    const { allowed, count } = part.reachable;
    const k = Math.min(limit, count);
    const exact = this.#kernel.exactSearchNow({ rows, rowCount, queries, metric, k, allowed, rank: null, range: null });
    return exact === null ? null : this.#inKeyOrder(part, exact, k);
  }

  #inKeyOrder({ at }: Part, hits: SearchHits, count: number): NearList | null {
    return inKeyOrder(at, this.#collection.segments[at]!, hits, count);
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
function inKeyOrder(
  segment: number,
  { keys, rowOrderIsKeyOrder }: LentSegment,
  { rows, scores, tied }: SearchHits,
  count: number,
): NearList | null {
  if (rows[count - 1] === NO_ROW) return null;
  const words = wordsOf(keys);
  const ids: Key[] = [];
  for (let at = 0; at < count; at += 1) ids.push(int64At(keys, words, rows[at]!));
  if (!rowOrderIsKeyOrder) {
    if (tied[0] === 1 || new Set(ids).size < count) return null;
    orderTies(ids, rows, scores);
  }
  return { segment, ids, rows, scores };
}

/** Rows of one score by key; they are few. */
function orderTies(ids: Key[], rows: Uint32Array, scores: Float32Array): void {
  for (let at = 1; at < ids.length; at += 1) {
    for (let place = at; place > 0 && scores[place] === scores[place - 1]; place -= 1) {
      if (ids[place - 1]! < ids[place]!) break;
      [ids[place - 1], ids[place]] = [ids[place]!, ids[place - 1]!];
      [rows[place - 1], rows[place]] = [rows[place]!, rows[place - 1]!];
    }
  }
}

function idOf({ lists, sources }: Merged, entry: number, at: number): Key {
  return lists[sources[at]!]!.ids[entry]!;
}

function scoreOf({ lists, sources, entries }: Merged, at: number): number {
  return lists[sources[at]!]!.scores[entries[at]!]!;
}
