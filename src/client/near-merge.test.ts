import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Metric } from "../model/types.ts";
import { type NearList, mergeLists } from "./near-merge.ts";
import { hitsExpected, mayHaveMore, narrowed } from "./near-shares.ts";

const METRICS = [Metric.L2, Metric.IP] as const;

interface One {
  readonly id: number;
  readonly score: number;
}

const order =
  (metric: Metric) =>
  (left: One, right: One): number =>
    (metric === Metric.L2 ? left.score - right.score : right.score - left.score) || left.id - right.id;

/** Each key once in a list, as segments tell them. */
function listsOf(segments: readonly (readonly One[])[], metric: Metric): NearList[] {
  return segments.map((hits, segment) => {
    const sorted = [...new Map(hits.map((hit) => [hit.id, hit])).values()].toSorted(order(metric));
    return {
      segment,
      ids: sorted.map(({ id }) => id),
      rows: Uint32Array.from(sorted.keys()),
      scores: Float32Array.from(sorted, ({ score }) => score),
    };
  });
}

const hit = fc.record({ id: fc.integer({ min: 0, max: 12 }), score: fc.integer({ min: 0, max: 5 }) });
const segments = fc.array(fc.array(hit, { maxLength: 8 }), { minLength: 1, maxLength: 4 });

test("lists are merged as if all hits were sorted and each key kept once", () => {
  fc.assert(
    fc.property(segments, fc.constantFrom(...METRICS), fc.integer({ min: 1, max: 10 }), (given, metric, limit) => {
      const lists = listsOf(given, metric);
      const all = lists.flatMap(({ ids, scores }) => ids.map((id, at) => ({ id: Number(id), score: scores[at]! })));
      const wanted = new Map<number, One>();
      for (const one of all.toSorted(order(metric))) if (!wanted.has(one.id)) wanted.set(one.id, one);
      const { sources, entries } = mergeLists(lists, limit, metric);
      const found = entries.map((entry, at) => {
        const { ids, scores } = lists[sources[at]!]!;
        return { id: ids[entry], score: scores[entry] };
      });
      assert.deepEqual(found, [...wanted.values()].slice(0, limit));
    }),
  );
});

test("whole numbers and those beyond them are in one order", () => {
  const scores = Float32Array.of(1, 1);
  const rows = Uint32Array.of(0, 1);
  const lists = [
    { segment: 0, ids: [-(2n ** 60n), 7], rows, scores },
    { segment: 1, ids: [3, 2n ** 60n], rows, scores },
  ];
  const { sources, entries } = mergeLists(lists, 10, Metric.L2);
  const ids = entries.map((entry, at) => lists[sources[at]!]!.ids[entry]);
  assert.deepEqual(ids, [-(2n ** 60n), 3, 7, 2n ** 60n]);
});

test("no segment that may have more of the nearest is left with its first hits", () => {
  fc.assert(
    fc.property(segments, fc.constantFrom(...METRICS), fc.integer({ min: 1, max: 10 }), (given, metric, limit) => {
      const whole = listsOf(given, metric);
      const all = whole.reduce((sum, { ids }) => sum + ids.length, 0);
      const first = whole.map((list): NearList => {
        const count = Math.min(list.ids.length, hitsExpected(limit, all === 0 ? 1 : list.ids.length / all));
        return { ...list, ids: list.ids.slice(0, count), scores: list.scores.slice(0, count) };
      });
      const merged = mergeLists(first, limit, metric);
      const last = merged.entries.length - 1;
      const worst = merged.entries.length < limit ? null : first[merged.sources[last]!]!.scores[merged.entries[last]!]!;
      const again = first.map((list, at) => {
        const isWhole = list.ids.length === Math.min(limit, whole[at]!.ids.length);
        return !isWhole && mayHaveMore(list.scores.at(-1)!, worst, metric) ? whole[at]! : list;
      });
      const idsOf = (lists: readonly NearList[]): unknown[] => {
        const { sources, entries } = mergeLists(lists, limit, metric);
        return entries.map((entry, at) => lists[sources[at]!]!.ids[entry]);
      };
      assert.deepEqual(idsOf(again), idsOf(whole));
    }),
  );
});

test("a small share of the rows is asked for few hits by a narrow walk, the only segment for all", () => {
  assert.equal(hitsExpected(10, 1), 10);
  assert.equal(hitsExpected(10, 0.9), 10);
  assert.equal(hitsExpected(10, 0.1), 5);
  assert.equal(hitsExpected(100, 0.1), 20);
  assert.equal(hitsExpected(1, 0.01), 1);
  assert.equal(narrowed(24, 5, 10), 12);
  assert.equal(narrowed(64, 10, 10), 64);
  assert.equal(narrowed(4, 9, 10), 9);
});
