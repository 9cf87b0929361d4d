/**
 * Searches of a sealed segment through its index keep what an exact search promises but completeness: exact scores, order by score and key,
 * each key once, as many hits; also while the index is replaced.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { IndexKernel } from "../kernel/index-kernel.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { indexesOf, loadKernel } from "../kernel/load.ts";
import { type Bitset, emptyBitset, setBit } from "../model/bitset.ts";
import { Metric } from "../model/types.ts";
import type { SealedSegment } from "./sealed.ts";
import type { SegmentHits, VectorSearch } from "./segment.ts";
import { VECTOR, adoptIndex, sealedVectors } from "./testing/indexed-segment.ts";

const ROWS = 6_000;
const DIMENSION = 16;
const directory = mkdtempSync(join(tmpdir(), "elanus-segment-index-"));
after(() => rmSync(directory, { recursive: true }));
const kernel = loadKernel();
const indexes = indexesOf(kernel);
if (indexes !== null) withIndexes(kernel, indexes);

/** Small whole numbers: many scores are equal, and every one is exact. */
function valueAt(at: number): number {
  return (Math.imul(at ^ (at >>> 7), 2_654_435_761) >>> 28) - 8;
}

function withIndexes(native: Kernel, builder: IndexKernel): void {
  const VALUES = Float32Array.from({ length: ROWS * DIMENSION }, (_, at) => valueAt(at));
  const sealed = (versions: number): Promise<SealedSegment> => sealedVectors(native, VALUES, DIMENSION, versions);

  function adopt(segment: SealedSegment, version: bigint): Promise<void> {
    const params = new Map([
      ["M", "8"],
      ["efConstruction", "60"],
    ]);
    const path = join(directory, `index-${version}`);
    const shape = { indexType: "HNSW", params, metric: Metric.L2, dimension: DIMENSION, version, path };
    return adoptIndex(segment, builder, shape);
  }

  function asked(queryCount: number, k: number, more: Partial<VectorSearch> = {}): VectorSearch {
    const queries = Float32Array.from({ length: queryCount * DIMENSION }, (_, at) => valueAt(at * 31 + 7) + 0.5);
    return { fieldId: VECTOR, queries, queryCount, metric: Metric.L2, k, range: null, ...more };
  }

  function check(segment: SealedSegment, found: SegmentHits, exact: SegmentHits): number {
    assert.deepEqual(found.offsets, exact.offsets, "as many hits as an exact search");
    const keys = segment.keys();
    assert.ok(keys.kind === "fixed");
    const keyOf = (row: number): bigint => keys.values[row]! as bigint;
    let same = 0;
    for (let query = 0; query + 1 < found.offsets.length; query += 1) {
      const [start, end] = [found.offsets[query]!, found.offsets[query + 1]!];
      const seen = new Set<bigint>();
      const right = new Map<number, number>();
      for (let at = start; at < end; at += 1) right.set(exact.rows[at]!, exact.scores[at]!);
      for (let at = start; at < end; at += 1) {
        const [row, score] = [found.rows[at]!, found.scores[at]!];
        assert.ok(!seen.has(keyOf(row)), "each key once");
        seen.add(keyOf(row));
        if (right.has(row)) assert.equal(score, right.get(row), "scores are those of an exact search");
        if (score <= exact.scores[end - 1]!) same += 1;
        if (at === start) continue;
        const before = found.scores[at - 1]!;
        const isOrdered = before < score || (before === score && keyOf(found.rows[at - 1]!) < keyOf(row));
        assert.ok(isOrdered, "by score, then by key");
      }
    }
    return found.rows.length === 0 ? 1 : same / found.rows.length;
  }

  for (const versions of [1, 3]) {
    test(`what an exact search promises holds through an index, ${versions} rows a key`, async () => {
      const segment = await sealed(versions);
      const shares: number[] = [];
      const cases: [number, number, Partial<VectorSearch>, Bitset | null][] = [];
      for (const k of [1, 10, 100, 1_500]) cases.push([4, k, { indexParams: new Map([["ef", 100]]) }, null]);
      for (const every of [2, 20, 700, ROWS + 1]) {
        const allowed = emptyBitset(ROWS);
        for (let row = 1; row < ROWS; row += every) setBit(allowed, row);
        cases.push([4, 10, {}, allowed]);
      }
      cases.push([2, ROWS, {}, null]);
      const view = segment.view(1_000n);
      const exact: SegmentHits[] = [];
      for (const [count, k, more, allowed] of cases)
        exact.push(await segment.search(asked(count, k, more), view, allowed));
      await adopt(segment, 1n);
      for (const [at, [count, k, more, allowed]] of cases.entries()) {
        const found = await segment.search(asked(count, k, more), view, allowed);
        shares.push(check(segment, found, exact[at]!));
      }
      assert.ok(
        shares.every((share) => share >= 0.9),
        `found ${shares.map((share) => share.toFixed(3)).join(" ")}`,
      );
      segment.close();
      assert.equal(native.openHandles(), 0);
    });
  }

  test("an index that is replaced is closed when the last search through it has ended", async () => {
    const segment = await sealed(1);
    await adopt(segment, 1n);
    const before = builder.memoryUsed().indexBytes;
    const view = segment.view(1_000n);
    const running = Array.from({ length: 40 }, () => segment.search(asked(20, 50), view, null));
    await adopt(segment, 2n);
    for (const hits of await Promise.all(running)) assert.equal(hits.rows.length, 20 * 50);
    assert.equal(segment.indexOf(VECTOR)?.facts.version, 2n);
    assert.equal(builder.memoryUsed().indexBytes, before, "one index is in memory");
    const last = segment.search(asked(20, 50), view, null);
    segment.acquire();
    segment.close();
    await last;
    assert.equal(builder.memoryUsed().indexBytes, before, "somebody holds the segment");
    segment.release();
    assert.equal(builder.memoryUsed().indexBytes, 0);
  });

  test("one that cannot be opened changes nothing", async () => {
    const segment = await sealed(1);
    await adopt(segment, 1n);
    await assert.rejects(
      segment.adoptIndex(VECTOR, () => Promise.reject(new Error("torn"))),
      /torn/,
    );
    assert.equal(segment.indexOf(VECTOR)?.facts.version, 1n);
    assert.equal(await segment.adoptIndex(999n, () => Promise.reject(new Error("not asked"))), false);
    segment.close();
    assert.equal(builder.memoryUsed().indexBytes, 0);
  });
}
