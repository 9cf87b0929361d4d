/**
 * Several searches for the same rows become one list: reciprocal ranks, weighted scores, or scores merged for a function to work on.
 *
 *   rrf       sum of 1 / (k + rank), rank from 1 in each list
 *   weighted  sum of weight * score; scores that point in different directions, or that are to be normalized, are made comparable
 *             first: COSINE (1 + s) / 2, IP 0.5 + atan(s) / pi, L2 1 - 2 atan(d) / pi
 *   merge     the largest, the sum or the mean of the scores of the lists that have the row; distances are always turned round
 *
 * Always true:
 *  - sums are float32, added in the order of the lists, so that the same lists give the same bits;
 *  - larger is better, but for weighted distances that nobody turned round: smaller is better there;
 *  - ties are ordered by key; each key comes once, at the place where the first list that has it found it.
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Hits } from "../model/plan.ts";
import { Metric, isDistance } from "../model/types.ts";
import type { KeyReader } from "../segment/key-reader.ts";
import { gatherHits } from "./gather-hits.ts";
import { KeyIndex } from "./key-index.ts";
import { type Window, keysOfHits, sameQueryCount } from "./reduce.ts";

/** Entries looked at between two turns of the event loop: a few milliseconds. */
const SLICE_ENTRIES = 16_384;

export type Fusion =
  | { readonly kind: "rrf"; readonly k: number }
  | { readonly kind: "weighted"; readonly weights: readonly number[]; readonly normalize: boolean }
  | { readonly kind: "merge"; readonly mode: "max" | "sum" | "avg"; readonly normalize: boolean };

/** What the entry of a list adds to the score of its key; `rank` counts from 1. */
export type Contribution = (score: number, rank: number) => number;

/**
 * The lists answer the same queries with keys of one type, at least one; all with elements or none. `metrics` are theirs.
 */
export async function fuseHits(
  lists: readonly Hits[],
  metrics: readonly Metric[],
  fusion: Fusion,
  window: Window,
  runtime: Runtime,
  signal?: AbortSignal,
): Promise<Hits> {
  const queryCount = sameQueryCount(lists);
  const keys = lists.map(keysOfHits);
  const contributions = contributionsOf(fusion, metrics);
  const sign = isDescending(fusion, metrics) ? -1 : 1;
  const offsets = new Uint32Array(queryCount + 1);
  const sources: number[] = [];
  const entries: number[] = [];
  const scores: number[] = [];
  let looked = 0;
  for (let query = 0; query < queryCount; query += 1) {
    const fused = fuseQuery(lists, keys, contributions, query, fusion);
    looked += fused.looked;
    const { index, sums } = fused;
    const order = inOrder(index, keys, sums, sign);
    const end = window.limit === null ? order.length : Math.min(order.length, window.offset + window.limit);
    for (let at = window.offset; at < end; at += 1) {
      sources.push(index.sourceOf(order[at]!));
      entries.push(index.entryOf(order[at]!));
      scores.push(sums[order[at]!]!);
    }
    offsets[query + 1] = entries.length;
    if (looked < SLICE_ENTRIES) continue;
    looked = 0;
    await runtime.yield();
    signal?.throwIfAborted();
  }
  const hits = gatherHits(lists, offsets, Uint32Array.from(sources), Uint32Array.from(entries));
  return { ...hits, scores: Float32Array.from(scores) };
}

/** Whether larger is better in what comes out. */
export function isDescending(fusion: Fusion, metrics: readonly Metric[]): boolean {
  return fusion.kind !== "weighted" || fusion.normalize || metrics.some((metric) => !isDistance(metric));
}

/** One for every list. */
export function contributionsOf(fusion: Fusion, metrics: readonly Metric[]): Contribution[] {
  if (fusion.kind === "rrf") return metrics.map(() => (_score, rank) => Math.fround(1 / Math.fround(fusion.k + rank)));
  if (fusion.kind === "merge") {
    return metrics.map(
      (metric) => (score) => (fusion.normalize || isDistance(metric) ? normalized(metric, score) : score),
    );
  }
  assert(fusion.weights.length === metrics.length, "every list has a weight");
  const isMixed = metrics.some(isDistance) && !metrics.every(isDistance);
  return metrics.map((metric, list) => {
    const weight = Math.fround(fusion.weights[list]!);
    // Nothing, also of an infinite score.
    if (weight === 0) return () => 0;
    const turned = fusion.normalize || (isMixed && isDistance(metric));
    return (score) => Math.fround(weight * (turned ? normalized(metric, score) : score));
  });
}

/** Between 0 and 1, larger is better. */
export function normalized(metric: Metric, score: number): number {
  switch (metric) {
    case Metric.COSINE:
      return Math.fround((1 + score) / 2);
    case Metric.IP:
    case Metric.MHJACCARD:
    case Metric.MAX_SIM:
    case Metric.MAX_SIM_COSINE:
    case Metric.MAX_SIM_IP:
      return Math.fround(0.5 + Math.atan(score) / Math.PI);
    case Metric.L2:
    case Metric.HAMMING:
    case Metric.JACCARD:
    case Metric.SUBSTRUCTURE:
    case Metric.SUPERSTRUCTURE:
    case Metric.MAX_SIM_L2:
    case Metric.MAX_SIM_HAMMING:
    case Metric.MAX_SIM_JACCARD:
      return Math.fround(1 - (2 * Math.atan(score)) / Math.PI);
  }
}

function fuseQuery(
  lists: readonly Hits[],
  keys: readonly KeyReader[],
  contributions: readonly Contribution[],
  query: number,
  fusion: Fusion,
): { readonly index: KeyIndex; readonly sums: Float32Array; readonly looked: number } {
  const looked = lists.reduce((sum, { offsets }) => sum + offsets[query + 1]! - offsets[query]!, 0);
  const index = new KeyIndex(keys, looked);
  const sums = new Float32Array(looked);
  const mode = fusion.kind === "merge" ? fusion.mode : "sum";
  const counts = mode === "avg" ? new Uint32Array(looked) : null;
  for (const [list, { offsets, scores }] of lists.entries()) {
    const contribution = contributions[list]!;
    const start = offsets[query]!;
    for (let entry = start; entry < offsets[query + 1]!; entry += 1) {
      const known = index.size;
      const place = index.placeOf(list, entry);
      const added = contribution(scores[entry]!, entry - start + 1);
      if (place === known) sums[place] = added;
      else sums[place] = mode === "max" ? Math.max(sums[place]!, added) : sums[place]! + added;
      if (counts !== null) counts[place]! += 1;
    }
  }
  if (counts !== null) for (let place = 0; place < index.size; place += 1) sums[place]! /= counts[place]!;
  return { index, sums: sums.subarray(0, index.size), looked };
}

/** The numbers of the keys, best first. */
function inOrder(index: KeyIndex, keys: readonly KeyReader[], sums: Float32Array, sign: 1 | -1): Uint32Array {
  return Uint32Array.from(sums.keys()).toSorted((left, right) => {
    const leftSum = sums[left]!;
    const rightSum = sums[right]!;
    if (leftSum !== rightSum) return leftSum < rightSum ? -sign : sign;
    const other = keys[index.sourceOf(right)]!;
    return keys[index.sourceOf(left)]!.compare(index.entryOf(left), other, index.entryOf(right));
  });
}
