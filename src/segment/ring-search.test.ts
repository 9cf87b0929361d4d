/**
 * Pages of a search through something that finds most of what is nearest: what comes is in the rings that are asked for, in order, each row
 * once, as many as there are; and little is asked for again.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { NO_ROW, type SearchHits } from "../kernel/kernel.ts";
import { type Bitset, emptyBitset, fullBitset, hasBit, setBit } from "../model/bitset.ts";
import { Metric, isDistance } from "../model/types.ts";
import type { VectorAsk } from "./field-vectors.ts";
import { RingSearch, type RingSource, deepParameters } from "./ring-search.ts";

/** Rows have scores; an index misses some of them. */
class Rows implements RingSource {
  readonly scores: readonly number[];
  readonly isMissed: (row: number) => boolean;
  deepest = 0;
  found = 0;
  scanned = 0;
  kept = 0;

  constructor(scores: readonly number[], isMissed: (row: number) => boolean = () => false) {
    this.scores = scores;
    this.isMissed = isMissed;
  }

  answeredBefore(): void {
    this.kept += 1;
  }

  async nearest(ask: VectorAsk): Promise<SearchHits> {
    assert.equal(ask.range?.inner ?? null, null);
    assert.ok(ask.k > this.deepest, "nothing is looked for twice");
    this.deepest = ask.k;
    this.found += ask.k;
    return this.#hits(ask, (row) => !this.isMissed(row));
  }

  async exact(ask: VectorAsk): Promise<SearchHits> {
    this.scanned += this.scores.length;
    return this.#hits(ask, () => true);
  }

  #hits({ k, allowed, rank, range, metric }: VectorAsk, isFound: (row: number) => boolean): SearchHits {
    const sign = isDistance(metric) ? 1 : -1;
    const rows = [...this.scores.keys()]
      .filter((row) => allowed === null || hasBit(allowed, row))
      .filter(isFound)
      .filter((row) => {
        const score = sign * this.scores[row]!;
        if (range === null) return true;
        return (range.inner === null || score >= sign * range.inner) && score < sign * range.outer;
      })
      .toSorted(
        (left, right) =>
          sign * (this.scores[left]! - this.scores[right]!) ||
          (rank === null ? left - right : rank[left]! - rank[right]!),
      );
    const hits = {
      rows: new Uint32Array(k).fill(NO_ROW),
      scores: new Float32Array(k).fill(Number.NaN),
      tied: Uint8Array.of(rows.length > k && this.scores[rows[k]!] === this.scores[rows[k - 1]!] ? 1 : 0),
    };
    hits.rows.set(rows.slice(0, k));
    hits.scores.set(rows.slice(0, k).map((row) => this.scores[row]!));
    return hits;
  }
}

function asked(rows: Rows, metric: Metric, k: number, inner: number, more: Partial<VectorAsk> = {}): VectorAsk {
  const outer = isDistance(metric) ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return {
    queries: Float32Array.of(1, 2),
    queryCount: 1,
    rowCount: rows.scores.length,
    metric,
    k,
    allowed: null,
    rank: null,
    range: { outer, inner },
    ...more,
  };
}

function foundBy(hits: SearchHits): number[] {
  return Array.from(hits.rows).filter((row) => row !== NO_ROW);
}

async function page(ring: RingSearch, rows: Rows, ask: VectorAsk): Promise<SearchHits> {
  const { allowed } = ask;
  const reachable = allowed === null ? rows.scores.length : rows.scores.filter((_, row) => hasBit(allowed, row)).length;
  return ring.search(ask, reachable, rows);
}

describe("rings through an index", () => {
  test("pages cost little more than one search as deep, and no scan", async () => {
    const rows = new Rows(Array.from({ length: 20_000 }, (_, row) => (row * 7919) % 20_011));
    const ring = new RingSearch();
    const order = [...rows.scores.keys()].toSorted((left, right) => rows.scores[left]! - rows.scores[right]!);
    for (let told = 100; told < 2_000; told += 100) {
      const inner = rows.scores[order[told - 1]!]! + 0.5;
      const hits = await page(ring, rows, asked(rows, Metric.L2, 100, inner));
      assert.deepEqual(foundBy(hits), order.slice(told, told + 100));
    }
    assert.equal(rows.scanned, 0);
    assert.ok(rows.found <= 4 * 2_000, `${rows.found} hits were asked for`);
    assert.ok(rows.kept >= 14);
  });

  test("deep in the rows they are scanned, many pages at a time", async () => {
    const rows = new Rows(Array.from({ length: 5_000 }, (_, row) => (row * 7919) % 5_003));
    const ring = new RingSearch();
    const order = [...rows.scores.keys()].toSorted((left, right) => rows.scores[right]! - rows.scores[left]!);
    for (let told = 100; told < 5_000; told += 100) {
      const hits = await page(ring, rows, asked(rows, Metric.IP, 100, rows.scores[order[told - 1]!]! - 0.5));
      assert.deepEqual(foundBy(hits), order.slice(told, told + 100));
    }
    assert.ok(rows.scanned <= 5 * 5_000, `${rows.scanned} rows were scanned`);
  });

  test("whatever is missed, asked and alike: hits are of the ring, in order, and as many as there are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(Metric.L2, Metric.IP),
        fc.integer({ min: 300, max: 3_000 }),
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 2, max: 100 }),
        fc.array(
          fc.record({
            k: fc.integer({ min: 1, max: 60 }),
            inner: fc.integer({ min: -1, max: 420 }),
            outer: fc.option(fc.integer({ min: 0, max: 500 })),
            isRanked: fc.boolean(),
            filter: fc.constantFrom(1, 2, 3),
          }),
          { minLength: 1, maxLength: 12 },
        ),
        async (metric, count, values, missedEvery, asks) => {
          const sign = isDistance(metric) ? 1 : -1;
          const scores = Array.from({ length: count }, (_, row) => sign * ((row * 7919) % values));
          const ring = new RingSearch();
          const ranks = Uint32Array.from(scores.keys(), (row) => (row * 31) % 3_001);
          for (const { k, inner, outer, isRanked, filter } of asks) {
            const rows = new Rows(scores, (row) => row % missedEvery === 1);
            const allowed: Bitset | null = filter === 1 ? null : emptyBitset(count);
            for (let row = 0; row < count; row += filter) if (allowed !== null) setBit(allowed, row);
            const end = outer === null || outer <= inner ? Number.POSITIVE_INFINITY : outer;
            const range = { outer: sign * end, inner: sign * inner };
            const ask = asked(rows, metric, k, inner, { range, allowed, rank: isRanked ? ranks : null });
            const hits = await page(ring, rows, ask);
            const found = foundBy(hits);
            const bits = allowed ?? fullBitset(count);
            const inRing = [...scores.keys()].filter(
              (row) => hasBit(bits, row) && sign * scores[row]! >= inner && sign * scores[row]! < end,
            );
            assert.equal(new Set(found).size, found.length);
            assert.ok(found.every((row) => inRing.includes(row)));
            for (const [at, row] of found.entries()) {
              assert.equal(hits.scores[at], scores[row]);
              if (at > 0) assert.ok(sign * scores[found[at - 1]!]! <= sign * scores[row]!);
              if (at > 0 && isRanked && scores[found[at - 1]!] === scores[row]) {
                assert.ok(ranks[found[at - 1]!]! <= ranks[row]!);
              }
            }
            const known = inRing.filter((row) => row % missedEvery !== 1).length;
            assert.ok(found.length >= Math.min(k, known), `${found.length} of ${known}`);
            if (end === Number.POSITIVE_INFINITY) assert.equal(found.length, Math.min(k, inRing.length));
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test("another query, other rows and a deleted row are other searches", async () => {
    const rows = new Rows(Array.from({ length: 4_000 }, (_, row) => row));
    const ring = new RingSearch();
    const first = asked(rows, Metric.L2, 10, 100);
    await page(ring, rows, first);
    await page(ring, rows, { ...first, range: { ...first.range!, inner: 150 } });
    assert.equal(rows.kept, 1);
    const fewer = fullBitset(4_000);
    fewer[13]! &= 0xfe;
    rows.deepest = 0;
    const hits = await page(ring, rows, { ...first, allowed: fewer });
    assert.deepEqual(foundBy(hits), [100, 101, 102, 103, 105, 106, 107, 108, 109, 110]);
    rows.deepest = 0;
    await page(ring, rows, { ...first, queries: Float32Array.of(1, 3) });
    assert.equal(rows.kept, 1);
    for (let query = 0; query < 10; query += 1) {
      rows.deepest = 0;
      await page(ring, rows, { ...first, queries: Float32Array.of(9, query) });
    }
    rows.deepest = 0;
    await page(ring, rows, first);
    assert.equal(rows.kept, 1, "few are kept");
  });

  test("a search goes as wide as it goes deep", () => {
    assert.deepEqual(deepParameters({ kind: "graph", ef: 64 }, 10, 1_000), { kind: "graph", ef: 4_000 });
    assert.deepEqual(deepParameters({ kind: "graph", ef: 5_000 }, 10, 1_000), { kind: "graph", ef: 5_000 });
    assert.deepEqual(deepParameters({ kind: "slim", ef: 64, reorder: null }, 10, 100), {
      kind: "slim",
      ef: 400,
      reorder: null,
    });
    assert.deepEqual(deepParameters({ kind: "lists", probes: 8, reorder: 20, queryBits: null }, 100, 400), {
      kind: "lists",
      probes: 32,
      reorder: 1_600,
      queryBits: null,
    });
  });
});
