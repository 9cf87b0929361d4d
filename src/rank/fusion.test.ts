import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import { type KeyColumn, bytesColumn, textAt } from "../model/columns.ts";
import type { Hits } from "../model/plan.ts";
import { DataType, Metric } from "../model/types.ts";
import { type Fusion, fuseHits, isDescending, normalized } from "./fusion.ts";

const runtime = new SystemRuntime();
const QUERIES = 2;
const ALL = { offset: 0, limit: null };

interface Hit {
  readonly key: number;
  readonly score: number;
}

/** By query, best first. */
type List = readonly (readonly Hit[])[];

function keyColumn(keys: readonly number[], isText: boolean): KeyColumn {
  if (isText) {
    return bytesColumn(
      DataType.VarChar,
      keys.map((key) => `k${key}`),
    );
  }
  return { kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(keys, BigInt), valid: null };
}

function keyAt(column: KeyColumn, row: number): number {
  return column.kind === "bytes" ? Number(textAt(column, row).slice(1)) : Number(column.values[row]);
}

function hitsOf(list: List, at: number, isText: boolean): Hits {
  const flat = list.flat();
  const offsets = new Uint32Array(QUERIES + 1);
  for (let query = 0; query < QUERIES; query += 1) offsets[query + 1] = offsets[query]! + list[query]!.length;
  return {
    offsets,
    keys: keyColumn(
      flat.map(({ key }) => key),
      isText,
    ),
    scores: Float32Array.from(flat, ({ score }) => score),
    segmentIds: new BigInt64Array(flat.length).fill(BigInt(at)),
    rows: Uint32Array.from(flat, ({ key }) => key),
  };
}

/** The rows of one query, as the formulas say it, one map at a time. */
function told(lists: readonly (readonly Hit[])[], metrics: readonly Metric[], fusion: Fusion): Hit[] {
  const hasDistance = metrics.includes(Metric.L2);
  const hasSimilarity = metrics.includes(Metric.IP) || metrics.includes(Metric.COSINE);
  const parts = new Map<number, number[]>();
  for (const [at, list] of lists.entries()) {
    for (const [place, { key, score }] of list.entries()) {
      let added: number;
      if (fusion.kind === "rrf") added = 1 / (fusion.k + place + 1);
      else if (fusion.kind === "merge") {
        added = fusion.normalize || metrics[at] === Metric.L2 ? normalized(metrics[at]!, score) : score;
      } else {
        const turned = fusion.normalize || (hasDistance && hasSimilarity && metrics[at] === Metric.L2);
        added = Math.fround(fusion.weights[at]!) * (turned ? normalized(metrics[at]!, score) : score);
      }
      parts.set(key, [...(parts.get(key) ?? []), Math.fround(added)]);
    }
  }
  const mode = fusion.kind === "merge" ? fusion.mode : "sum";
  const whole = (given: readonly number[]): number => {
    if (mode === "max") return Math.max(...given);
    const sum = given.reduce((total, one) => Math.fround(total + one), 0);
    return mode === "avg" ? Math.fround(sum / given.length) : sum;
  };
  const smallerIsBetter = fusion.kind === "weighted" && !fusion.normalize && !hasSimilarity;
  return [...parts]
    .map(([key, given]) => ({ key, score: whole(given) }))
    .toSorted((left, right) =>
      left.score === right.score
        ? left.key - right.key
        : (left.score < right.score ? -1 : 1) * (smallerIsBetter ? 1 : -1),
    );
}

/** One-digit keys: the order of text is that of numbers. Each once a query. */
const queryHits = fc
  .uniqueArray(fc.nat({ max: 9 }), { maxLength: 8 })
  .chain((keys) =>
    fc.tuple(...keys.map((key) => fc.record({ key: fc.constant(key), score: fc.constantFrom(0, 0.5, 1, 3) }))),
  );
const list = fc.tuple(queryHits, queryHits) as fc.Arbitrary<List>;
const metric = fc.constantFrom(Metric.L2, Metric.IP, Metric.COSINE);
const cases = fc.array(fc.tuple(list, metric, fc.constantFrom(0, 0.25, 0.5, 1)), { minLength: 1, maxLength: 4 });
const shape = fc.constantFrom("rrf", "raw", "normalized", "max", "sum", "avg");

function fusionOf(kind: string, weights: readonly number[]): Fusion {
  if (kind === "max" || kind === "sum" || kind === "avg")
    return { kind: "merge", mode: kind, normalize: weights[0] === 1 };
  return kind === "rrf" ? { kind: "rrf", k: 60 } : { kind: "weighted", weights, normalize: kind === "normalized" };
}

test("fused lists are what the formulas say, in order, each key once, page by page", async () => {
  await fc.assert(
    fc.asyncProperty(
      cases,
      shape,
      fc.boolean(),
      fc.nat({ max: 5 }),
      fc.nat({ max: 6 }),
      async (given, kind, isText, offset, limit) => {
        const metrics = given.map(([, one]) => one);
        const fusion = fusionOf(
          kind,
          given.map(([, , weight]) => weight),
        );
        const lists = given.map(([one], at) => hitsOf(one, at, isText));
        const window = { offset, limit };
        const fused = await fuseHits(lists, metrics, fusion, window, runtime);
        for (let query = 0; query < QUERIES; query += 1) {
          const wanted = told(
            given.map(([one]) => one[query]!),
            metrics,
            fusion,
          ).slice(offset, offset + limit);
          const actual = wanted.map((_, at) => fused.offsets[query]! + at);
          assert.equal(fused.offsets[query + 1]! - fused.offsets[query]!, wanted.length);
          assert.deepEqual(
            actual.map((at) => ({ key: keyAt(fused.keys, at), score: fused.scores[at]! })),
            wanted,
          );
          for (const at of actual) {
            const key = keyAt(fused.keys, at);
            const first = given.findIndex(([one]) => one[query]!.some((hit) => hit.key === key));
            assert.deepEqual([Number(fused.segmentIds[at]), fused.rows[at]], [first, key]);
          }
        }
      },
    ),
  );
});

test("the order of the lists changes nothing in reciprocal ranks but the last bits", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (given) => {
      const fuse = (from: typeof given): Promise<Hits> =>
        fuseHits(
          from.map(([one], at) => hitsOf(one, at, false)),
          from.map(([, one]) => one),
          { kind: "rrf", k: 60 },
          ALL,
          runtime,
        );
      const scoresOf = (hits: Hits): Map<string, number> => {
        const scores = new Map<string, number>();
        for (let query = 0; query < QUERIES; query += 1) {
          for (let at = hits.offsets[query]!; at < hits.offsets[query + 1]!; at += 1) {
            scores.set(`${query} ${keyAt(hits.keys, at)}`, hits.scores[at]!);
          }
        }
        return scores;
      };
      const forward = scoresOf(await fuse(given));
      const backward = scoresOf(await fuse(given.toReversed()));
      assert.equal(forward.size, backward.size);
      for (const [key, score] of forward) assert.ok(Math.abs(score - backward.get(key)!) < 1e-6);
    }),
  );
});

test("normalized scores are in [0, 1] and keep the order of their metric", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true }), fc.float({ noNaN: true }), (left, right) => {
      for (const one of [Metric.IP, Metric.L2]) {
        const [low, high] = [Math.min(left, right), Math.max(left, right)];
        if (one === Metric.L2 && low < 0) continue;
        const [first, second] = one === Metric.L2 ? [high, low] : [low, high];
        assert.ok(normalized(one, first) <= normalized(one, second));
        assert.ok(normalized(one, first) >= 0 && normalized(one, second) <= 1);
      }
    }),
  );
  assert.deepEqual(
    [-1, 0, 1].map((score) => normalized(Metric.COSINE, score)),
    [0, 0.5, 1],
  );
  assert.equal(normalized(Metric.IP, 0), 0.5);
  assert.equal(normalized(Metric.L2, 0), 1);
  assert.equal(normalized(Metric.L2, 1), 0.5);
});

test("weighted distances stay distances unless something turns them round", () => {
  const raw: Fusion = { kind: "weighted", weights: [1, 1], normalize: false };
  assert.equal(isDescending(raw, [Metric.L2, Metric.L2]), false);
  assert.equal(isDescending(raw, [Metric.L2, Metric.IP]), true);
  assert.equal(isDescending(raw, [Metric.COSINE, Metric.IP]), true);
  assert.equal(isDescending({ ...raw, normalize: true }, [Metric.L2, Metric.L2]), true);
  assert.equal(isDescending({ kind: "rrf", k: 1 }, [Metric.L2]), true);
});
