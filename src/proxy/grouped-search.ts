/**
 * Search in groups: for each query the groups whose best rows are nearest, best group first, each with its best rows.
 *
 * The shards know nothing of groups; they are asked again, at the same timestamps, until nothing can be missing. By fields:
 *
 *   1. groups     the nearest rows outside the groups that are known, until enough groups are known or no rows are left
 *   2. members    the nearest rows inside the groups that are not full, until they are full or no rows are left
 *
 * By a place in a document, which filters cannot tell apart as groups do: the nearest rows, then those behind them, and so on.
 *
 * Always true:
 *  - groups are found in the order of their best rows: whoever is not among the hits of a question is worse than all of them;
 *  - every question of the first kind finds a group, every one of the second fills a group, or is the last;
 *  - null is a group of its own;
 *  - a walk goes on where scores differ, so that nothing is lost on the way, unless more rows than the widest search finds have one and
 *    the same score.
 */

import type { Timestamp } from "../base/timestamp.ts";
import { assert } from "../base/assert.ts";
import { joined } from "../expr/logic.ts";
import type { Column, ColumnBatch } from "../model/columns.ts";
import type { Filter } from "../model/filter.ts";
import type { Hits, SearchPlan, VectorPlan } from "../model/plan.ts";
import { chosenQueries } from "../model/queries.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { type Scalar, scalarAt } from "../model/scalars.ts";
import { gatherColumn } from "../rank/gather.ts";
import { gatherHits } from "../rank/gather-hits.ts";
import { scatterRows } from "../rank/places.ts";
import { emptyBatch } from "../rank/read-segments.ts";
import { reduceHits } from "../rank/reduce.ts";
import { pauseOf } from "../segment/execute.ts";
import type { ProxyContext } from "./context.ts";
import { insideGroups, outsideGroups } from "./group-filters.ts";
import { groupColumns, groupNames } from "./group-values.ts";
import type { Grouping } from "./grouping.ts";
import { behind } from "./iterate.ts";
import { type SearchedShard, fetchFields, releaseShards, searchShards, sessionTimestamp } from "./searched-shards.ts";
import type { ReadTime } from "./read-time.ts";

/** The widest search. */
const MAX_HITS = 16_384;
const LEAST_HITS = 64;

/** One question, and what came back; the shards are held. */
interface Answer {
  readonly shards: readonly SearchedShard[];
  readonly hits: Hits;
  /** The group of each hit, a column for each part. */
  readonly values: readonly Column[];
  /** Its name. */
  readonly names: readonly string[];
  /** Hits a query was asked for. */
  readonly k: number;
}

interface Member {
  readonly answer: number;
  readonly entry: number;
}

interface Group {
  readonly values: readonly Scalar[];
  members: Member[];
  /** It has as many members as it may show, or there are no others. */
  isComplete: boolean;
}

export interface GroupedHits {
  /** Of each query: group after group. */
  readonly hits: Hits;
  /** The group of each hit, a column for each part. */
  readonly values: readonly Column[];
  readonly batch: ColumnBatch;
  readonly sessionTimestamp: Timestamp;
  /** What the shards answered to each question, for explanations; without hits. */
  readonly questions: readonly (readonly Hits[])[];
  /** Of the first question. They are let go; another search may read what they read. */
  readonly shards: readonly SearchedShard[];
}

/** `previous`: each shard is read as of its snapshot there. */
export async function groupedSearch(
  context: ProxyContext,
  collection: CollectionInfo,
  plan: SearchPlan,
  grouping: Grouping,
  window: { readonly offset: number; readonly limit: number },
  fieldIds: readonly bigint[],
  time: ReadTime,
  signal: AbortSignal,
  previous: readonly SearchedShard[] | null = null,
): Promise<GroupedHits> {
  const search = new GroupedSearch(context, collection, plan, grouping, time, signal, previous);
  try {
    return await search.run(window, fieldIds);
  } finally {
    search.release();
  }
}

class GroupedSearch {
  readonly #context: ProxyContext;
  readonly #collection: CollectionInfo;
  readonly #plan: SearchPlan;
  readonly #grouping: Grouping;
  readonly #time: ReadTime;
  readonly #signal: AbortSignal;
  readonly #previous: readonly SearchedShard[] | null;
  readonly #answers: Answer[] = [];
  readonly #questions: (readonly Hits[])[] = [];

  constructor(
    context: ProxyContext,
    collection: CollectionInfo,
    plan: SearchPlan,
    grouping: Grouping,
    time: ReadTime,
    signal: AbortSignal,
    previous: readonly SearchedShard[] | null,
  ) {
    this.#context = context;
    this.#collection = collection;
    this.#plan = plan;
    this.#grouping = grouping;
    this.#time = time;
    this.#signal = signal;
    this.#previous = previous;
  }

  release(): void {
    for (const { shards } of this.#answers) releaseShards(this.#context, shards);
  }

  async run(
    window: { readonly offset: number; readonly limit: number },
    fieldIds: readonly bigint[],
  ): Promise<GroupedHits> {
    const { vector } = this.#plan;
    const wanted = window.offset + window.limit;
    const k = hitCount(wanted * this.#grouping.size);
    const first = await this.#ask({ ...vector, k }, this.#plan.filter);
    const hasPlace = this.#grouping.parts.some(({ place }) => place !== null);
    const offsets = new Uint32Array(vector.queryCount + 1);
    const members: Member[] = [];
    // One query after the other: each may take several questions.
    for (let query = 0; query < vector.queryCount; query += 1) {
      const groups = hasPlace ? await this.#walk(query, first, wanted) : await this.#groups(query, first, wanted);
      for (const group of groups.slice(window.offset, wanted)) members.push(...group.members);
      offsets[query + 1] = members.length;
    }
    return this.#gathered(offsets, members, fieldIds);
  }

  /** The first `wanted` groups of a query. */
  async #groups(query: number, first: number, wanted: number): Promise<Group[]> {
    const fields = this.#grouping.parts.map(({ field }) => field);
    const groups = new Map<string, Group>();
    const vector = oneQuery(this.#plan.vector, query);
    let { k } = this.#answers[first]!;
    let isLast = this.#addGroups(groups, first, query);
    while (!isLast && groups.size < wanted) {
      k = hitCount(k * 4);
      const others = outsideGroups(fields, valuesOf([...groups.values()]));
      const answer = await this.#ask({ ...vector, k }, this.#and(others));
      isLast = this.#addGroups(groups, answer, 0);
    }
    const chosen = [...groups].slice(0, wanted);
    const { size } = this.#grouping;
    const most = Math.floor(MAX_HITS / size);
    for (let open = chosen.filter(([, group]) => !group.isComplete); open.length > 0;) {
      const some = new Map(open.slice(0, most));
      const within = insideGroups(fields, valuesOf([...some.values()]));
      const answer = await this.#ask({ ...vector, k: hitCount(some.size * size) }, this.#and(within));
      this.#fillGroups(some, answer);
      const before = open.length;
      open = open.filter(([, group]) => !group.isComplete);
      assert(open.length < before, "every question completes a group");
    }
    return chosen.map(([, group]) => group);
  }

  /** The first `wanted` groups of a query, found by looking at its hits one after the other. */
  async #walk(query: number, first: number, wanted: number): Promise<Group[]> {
    const groups = new Map<string, Group>();
    const vector = oneQuery(this.#plan.vector, query);
    for (let [answer, at] = [first, query]; ; at = 0) {
      const { hits, k } = this.#answers[answer]!;
      const [start, end] = [hits.offsets[at]!, hits.offsets[at + 1]!];
      const isLast = end - start < k;
      const stop = isLast ? end : start + wholeScores(hits.scores.subarray(start, end));
      const taken = this.#take(groups, answer, start, stop, wanted);
      if (taken === 0 && answer !== first) this.#letGo(answer);
      const found = [...groups.values()];
      if (isLast || (found.length === wanted && found.every((group) => group.isComplete))) return found;
      const range = behind(vector, hits.scores[stop - 1]!);
      answer = await this.#ask({ ...vector, range, k: hitCount(k * 4) }, this.#plan.filter);
    }
  }

  /** The hits that went into one of the first `wanted` groups. */
  #take(groups: Map<string, Group>, answer: number, start: number, end: number, wanted: number): number {
    const { values, names } = this.#answers[answer]!;
    let taken = 0;
    for (let entry = start; entry < end; entry += 1) {
      const name = names[entry]!;
      let group = groups.get(name);
      if (group === undefined) {
        if (groups.size === wanted) continue;
        groups.set(name, (group = newGroup(values, entry)));
      }
      if (group.isComplete) continue;
      group.members.push({ answer, entry });
      group.isComplete = group.members.length === this.#grouping.size;
      taken += 1;
    }
    return taken;
  }

  /** An answer that nothing was taken from; it keeps its number. */
  #letGo(answer: number): void {
    const { shards, hits, values, k } = this.#answers[answer]!;
    releaseShards(this.#context, shards);
    const none = new Uint32Array();
    this.#answers[answer] = {
      shards: [],
      hits: withoutHits(hits),
      values: values.map((column) => gatherColumn([column], none, none)),
      names: [],
      k,
    };
  }

  /** Takes the groups of an answer that are new; true when no rows are left outside. */
  #addGroups(groups: Map<string, Group>, answer: number, query: number): boolean {
    const found = new Map<string, Group>();
    const isLast = this.#collect(found, answer, query, true);
    for (const [name, group] of found) groups.set(name, group);
    return isLast;
  }

  /** Begins the members of these groups anew. */
  #fillGroups(groups: Map<string, Group>, answer: number): void {
    for (const group of groups.values()) group.members = [];
    this.#collect(groups, answer, 0, false);
  }

  #collect(groups: Map<string, Group>, answer: number, query: number, makes: boolean): boolean {
    const { hits, values, names, k } = this.#answers[answer]!;
    const start = hits.offsets[query]!;
    const end = hits.offsets[query + 1]!;
    for (let entry = start; entry < end; entry += 1) {
      const name = names[entry]!;
      let group = groups.get(name);
      if (group === undefined) {
        assert(makes, "only groups that were asked for are found");
        groups.set(name, (group = newGroup(values, entry)));
      }
      if (group.members.length < this.#grouping.size) group.members.push({ answer, entry });
    }
    const isLast = end - start < k;
    for (const group of groups.values()) group.isComplete = isLast || group.members.length === this.#grouping.size;
    return isLast;
  }

  /** The number of the answer. */
  async #ask(vector: VectorPlan, filter: Filter | null): Promise<number> {
    const { runtime } = this.#context;
    const previous = this.#answers[0]?.shards ?? this.#previous;
    const plan = { ...this.#plan, vector, filter };
    const shards = await searchShards(this.#context, this.#collection, [plan], this.#time, this.#signal, { previous });
    try {
      const lists = shards.map((shard) => shard.hits[0]!);
      if (vector.explain === true) this.#questions.push(lists.map(withoutHits));
      const part = { offset: 0, limit: vector.k };
      const hits = await reduceHits(lists, vector.metric, part, runtime, this.#signal);
      const { parts } = this.#grouping;
      const fieldIds = [...new Set(parts.map(({ field }) => field.fieldId))];
      const batch = await fetchFields(this.#context, this.#collection.schema, shards, fieldIds, hits);
      const values = groupColumns(parts, batch);
      this.#answers.push({ shards, hits, values, names: groupNames(values), k: vector.k });
      return this.#answers.length - 1;
    } catch (error) {
      releaseShards(this.#context, shards);
      throw error;
    }
  }

  async #gathered(offsets: Uint32Array, members: readonly Member[], fieldIds: readonly bigint[]): Promise<GroupedHits> {
    const { schema } = this.#collection;
    const sources = Uint32Array.from(members, ({ answer }) => answer);
    const entries = Uint32Array.from(members, ({ entry }) => entry);
    const lists = this.#answers.map(({ hits }) => hits);
    const hits = gatherHits(lists, offsets, sources, entries);
    const parts = await Promise.all(
      this.#answers.map(async ({ shards }, answer) => {
        const positions = Uint32Array.from(members.keys().filter((at) => sources[at] === answer));
        const places = {
          segmentIds: BigInt64Array.from(positions, (at) => hits.segmentIds[at]!),
          rows: Uint32Array.from(positions, (at) => hits.rows[at]!),
        };
        return { positions, batch: await fetchFields(this.#context, schema, shards, fieldIds, places) };
      }),
    );
    const filled = parts.filter(({ positions }) => positions.length > 0);
    return {
      hits,
      values: this.#grouping.parts.map((_, part) =>
        gatherColumn(
          this.#answers.map((answer) => answer.values[part]!),
          sources,
          entries,
        ),
      ),
      batch: filled.length === 0 ? emptyBatch(schema, fieldIds) : await scatterRows(filled, pauseOf(this.#context)),
      questions: this.#questions,
      sessionTimestamp: sessionTimestamp(this.#answers[0]!.shards),
      shards: this.#answers[0]!.shards,
    };
  }

  #and(filter: Filter): Filter {
    const own = this.#plan.filter;
    return own === null ? filter : joined("and", [own, filter]);
  }
}

function newGroup(values: readonly Column[], entry: number): Group {
  return { values: values.map((column) => scalarAt(column, entry)), members: [], isComplete: false };
}

function valuesOf(groups: readonly Group[]): (readonly Scalar[])[] {
  return groups.map(({ values }) => values);
}

function withoutHits(hits: Hits): Hits {
  const none = new Uint32Array();
  const { explanations = [] } = hits;
  return { ...gatherHits([hits], new Uint32Array(hits.offsets.length), none, none), explanations };
}

/** The scores before those that are equal to the last, which may go on behind it; all where all are equal. */
function wholeScores(scores: Float32Array): number {
  const start = scores.indexOf(scores.at(-1)!);
  return start === 0 ? scores.length : start;
}

function oneQuery(vector: VectorPlan, query: number): VectorPlan {
  return { ...vector, queries: chosenQueries(vector.queries, vector.queryCount, [query]), queryCount: 1 };
}

function hitCount(wanted: number): number {
  return Math.min(MAX_HITS, Math.max(LEAST_HITS, wanted));
}
