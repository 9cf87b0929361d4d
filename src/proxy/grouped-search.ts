/**
 * Search in groups: for each query the groups whose best rows are nearest, best group first, each with its best rows.
 *
 * The shards know nothing of groups; they are asked again, at the same timestamps, until nothing can be missing:
 *
 *   1. groups     the nearest rows outside the groups that are known, until enough groups are known or no rows are left
 *   2. members    the nearest rows inside the groups that are not full, until they are full or no rows are left
 *
 * Always true:
 *  - groups are found in the order of their best rows: whoever is not among the hits of a question is worse than all of them;
 *  - every question of the first kind finds a group, every one of the second fills a group, or is the last;
 *  - null is a group of its own.
 */

import type { Timestamp } from "../base/timestamp.ts";
import { assert } from "../base/assert.ts";
import type { Column, ColumnBatch } from "../model/columns.ts";
import type { Constant, FieldPlace, Filter } from "../model/filter.ts";
import type { Hits, SearchPlan, VectorPlan } from "../model/plan.ts";
import { chosenQueries } from "../model/queries.ts";
import type { CollectionInfo, FieldSchema } from "../model/schema.ts";
import { type Scalar, scalarAt } from "../model/scalars.ts";
import { gatherColumn } from "../rank/gather.ts";
import { gatherHits } from "../rank/gather-hits.ts";
import { scatterRows } from "../rank/places.ts";
import { emptyBatch } from "../rank/read-segments.ts";
import { reduceHits } from "../rank/reduce.ts";
import type { ProxyContext } from "./context.ts";
import type { Grouping } from "./grouping.ts";
import { type SearchedShard, fetchFields, releaseShards, searchShards, sessionTimestamp } from "./searched-shards.ts";
import type { ReadTime } from "./read-time.ts";

/** The widest search. */
const MAX_HITS = 16_384;
const LEAST_HITS = 64;

/** One question, and what came back; the shards are held. */
interface Answer {
  readonly shards: readonly SearchedShard[];
  readonly hits: Hits;
  /** The group of each hit. */
  readonly values: Column;
  /** Hits a query was asked for. */
  readonly k: number;
}

interface Member {
  readonly answer: number;
  readonly entry: number;
}

interface Group {
  readonly value: Scalar;
  members: Member[];
  /** It has as many members as it may show, or there are no others. */
  isComplete: boolean;
}

export interface GroupedHits {
  /** Of each query: group after group. */
  readonly hits: Hits;
  /** The group of each hit. */
  readonly values: Column;
  readonly batch: ColumnBatch;
  readonly sessionTimestamp: Timestamp;
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
    const offsets = new Uint32Array(vector.queryCount + 1);
    const members: Member[] = [];
    // One query after the other: each may take several questions.
    for (let query = 0; query < vector.queryCount; query += 1) {
      const groups = await this.#groups(query, first, wanted);
      for (const group of groups.slice(window.offset, wanted)) members.push(...group.members);
      offsets[query + 1] = members.length;
    }
    return this.#gathered(offsets, members, fieldIds);
  }

  /** The first `wanted` groups of a query. */
  async #groups(query: number, first: number, wanted: number): Promise<Group[]> {
    const groups = new Map<Scalar, Group>();
    const vector = oneQuery(this.#plan.vector, query);
    let { k } = this.#answers[first]!;
    let isLast = this.#addGroups(groups, first, query);
    while (!isLast && groups.size < wanted) {
      k = hitCount(k * 4);
      const answer = await this.#ask({ ...vector, k }, this.#outside([...groups.keys()]));
      isLast = this.#addGroups(groups, answer, 0);
    }
    const chosen = [...groups.values()].slice(0, wanted);
    const { size } = this.#grouping;
    const most = Math.floor(MAX_HITS / size);
    for (let open = chosen.filter((group) => !group.isComplete); open.length > 0;) {
      const some = open.slice(0, most);
      const values = some.map((group) => group.value);
      const answer = await this.#ask({ ...vector, k: hitCount(some.length * size) }, this.#inside(values));
      this.#fillGroups(new Map(some.map((group) => [group.value, group])), answer);
      const before = open.length;
      open = open.filter((group) => !group.isComplete);
      assert(open.length < before, "every question completes a group");
    }
    return chosen;
  }

  /** Takes the groups of an answer that are new; true when no rows are left outside. */
  #addGroups(groups: Map<Scalar, Group>, answer: number, query: number): boolean {
    const found = new Map<Scalar, Group>();
    const isLast = this.#collect(found, answer, query, true);
    for (const [value, group] of found) groups.set(value, group);
    return isLast;
  }

  /** Begins the members of these groups anew. */
  #fillGroups(groups: Map<Scalar, Group>, answer: number): void {
    for (const group of groups.values()) group.members = [];
    this.#collect(groups, answer, 0, false);
  }

  #collect(groups: Map<Scalar, Group>, answer: number, query: number, makes: boolean): boolean {
    const { hits, values, k } = this.#answers[answer]!;
    const start = hits.offsets[query]!;
    const end = hits.offsets[query + 1]!;
    for (let entry = start; entry < end; entry += 1) {
      const value = scalarAt(values, entry);
      let group = groups.get(value);
      if (group === undefined) {
        assert(makes, "only groups that were asked for are found");
        groups.set(value, (group = { value, members: [], isComplete: false }));
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
    const shards = await searchShards(this.#context, this.#collection, [plan], this.#time, this.#signal, previous);
    try {
      const lists = shards.map((shard) => shard.hits[0]!);
      const part = { offset: 0, limit: vector.k };
      const hits = await reduceHits(lists, vector.metric, part, runtime, this.#signal);
      const { fieldId } = this.#grouping.field;
      const { columns } = await fetchFields(this.#context, this.#collection.schema, shards, [fieldId], hits);
      this.#answers.push({ shards, hits, values: columns.get(fieldId)!, k: vector.k });
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
    const values = this.#answers.map((answer) => answer.values);
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
      values: gatherColumn(values, sources, entries),
      batch: filled.length === 0 ? emptyBatch(schema, fieldIds) : scatterRows(filled),
      sessionTimestamp: sessionTimestamp(this.#answers[0]!.shards),
      shards: this.#answers[0]!.shards,
    };
  }

  #outside(values: readonly Scalar[]): Filter | null {
    const { field } = this.#grouping;
    const [isListed, hasNull] = [listed(field, values), values.includes(null)];
    const isNull: Filter = { kind: "null", field: place(field) };
    if (!field.nullable) return this.#and(isListed === null ? null : { kind: "not", operand: isListed });
    if (isListed === null) return this.#and(hasNull ? { kind: "not", operand: isNull } : null);
    // A null is neither in a list nor outside of it.
    const isOther: Filter = { kind: "not", operand: isListed };
    return this.#and(hasNull ? isOther : { kind: "or", operands: [isOther, isNull] });
  }

  #inside(values: readonly Scalar[]): Filter | null {
    const { field } = this.#grouping;
    const isListed = listed(field, values);
    if (!values.includes(null)) return this.#and(isListed);
    const isNull: Filter = { kind: "null", field: place(field) };
    return this.#and(isListed === null ? isNull : { kind: "or", operands: [isListed, isNull] });
  }

  #and(filter: Filter | null): Filter | null {
    const own = this.#plan.filter;
    if (own === null || filter === null) return own ?? filter;
    if (own.kind === "constant") return own.value ? filter : own;
    return { kind: "and", operands: own.kind === "and" ? [...own.operands, filter] : [own, filter] };
  }
}

function listed(field: FieldSchema, values: readonly Scalar[]): Filter | null {
  const constants = values.filter((value): value is Constant => value !== null);
  return constants.length === 0 ? null : { kind: "in", field: place(field), values: constants };
}

function place(field: FieldSchema): FieldPlace {
  return { fieldId: field.fieldId, dataType: field.dataType, path: [] };
}

function oneQuery(vector: VectorPlan, query: number): VectorPlan {
  return { ...vector, queries: chosenQueries(vector.queries, vector.queryCount, [query]), queryCount: 1 };
}

function hitCount(wanted: number): number {
  return Math.min(MAX_HITS, Math.max(LEAST_HITS, wanted));
}
