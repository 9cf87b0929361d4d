/**
 * Bands of signatures through TypeScript: hits against exact search, what a build is, refusals.
 *
 * Not here: the definition, filters, damaged files and sanitizers (native/test/verify_bands.cpp).
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { BandsBuild, IndexSearch } from "./index-kernel.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

const HASHES = 16;
const ROWS = 2_000;

/** Every row is one of 50 signatures of 16-bit hashes, of which one in `changedOneIn` was drawn anew. */
function signatures(rowCount: number, changedOneIn: number, seed: number): Uint8Array {
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8;
  const hashes = Uint16Array.from({ length: rowCount * HASHES }, (_, at) =>
    random() % changedOneIn === 0 ? random() : Math.imul(at % HASHES, 31) + (Math.floor(at / HASHES) % 50),
  );
  return new Uint8Array(hashes.buffer);
}

const kernel = loadKernel();
if (kernel instanceof NativeKernel) {
  const { indexes } = kernel;
  const directory = mkdtempSync(join(tmpdir(), "elanus-bands-"));
  after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "a.index");
  const plan = { kind: "bands", rowCount: ROWS, metric: "MHJACCARD", hashBits: 16, bands: 8, seed: 1, path } as const;
  const asked = {
    queries: signatures(20, 5, 9),
    k: 10,
    parameters: { kind: "bands", reorder: 200 },
    allowed: null,
    rank: null,
    range: null,
    timeLimitMicroseconds: null,
  } as const satisfies Partial<IndexSearch>;

  test("rows that share a band are found, with the scores of an exact search", async () => {
    const rows = kernel.createRows({ element: "binary", dimension: HASHES * 16 });
    kernel.appendRows(rows, signatures(ROWS, 4, 3));
    await indexes.buildIndex({ ...plan, rows }).done;
    const index = await indexes.openIndex(path, rows);
    const found = await indexes.searchIndex({ ...asked, index });
    const exact = await kernel.exactSearch({ rows, rowCount: ROWS, metric: "MHJACCARD", hashBits: 16, ...asked });
    let matched = 0;
    for (const [place, score] of found.scores.entries()) {
      const last = Math.floor(place / 10) * 10 + 9;
      if (score >= exact.scores[last]!) matched += 1;
      assert.ok(Number.isNaN(score) || score <= exact.scores[place]!);
    }
    assert.ok(matched >= 0.95 * exact.scores.length, `${matched} of ${exact.scores.length}`);
    // Told with 1, they are what the definition says, in the order of their numbers.
    const banded = { rows, rowCount: ROWS, metric: "MHJACCARD", hashBits: 16, bands: 8 } as const;
    const unscored = { kind: "bands", reorder: "none" } as const;
    const shared = await indexes.searchIndex({ ...asked, index, parameters: unscored });
    assert.deepEqual({ ...shared, work: null }, { ...(await kernel.exactSearch({ ...banded, ...asked })), work: null });
    assert.ok(shared.scores.some((score) => score === 1) && shared.tied.some((tied) => tied === 1));
    const rank = Uint32Array.from({ length: ROWS }, (_, row) => ROWS - row);
    const ranked = await indexes.searchIndex({ ...asked, index, parameters: unscored, rank });
    assert.deepEqual(ranked.rows, (await kernel.exactSearch({ ...banded, ...asked, rank })).rows);
    assert.deepEqual([found.work.probedLists, found.work.codeScans], [20 * 8, 0]);
    assert.ok(found.work.exactScores > 0 && found.work.exactScores <= 20 * 200);
    const about = indexes.describeIndex(index);
    assert.ok(about.kind === "bands");
    assert.deepEqual(
      [about.hashBits, about.bands, about.bandHashes, about.rowCount, about.layout.dimension],
      [16, 8, 2, ROWS, HASHES * 16],
    );
    assert.equal(about.memoryBytes, ROWS * 8 * 8);
    assert.ok(about.longestBucket > 1 && about.bucketCount > 8);
    indexes.closeIndex(index);
    kernel.close(rows);
  });

  test("what does not fit is refused with a reason", async () => {
    const rows = kernel.createRows({ element: "binary", dimension: HASHES * 16 });
    const numbers = kernel.createRows({ element: "float32", dimension: 8 });
    kernel.appendRows(rows, signatures(ROWS, 4, 3));
    const fits = { ...plan, rows } satisfies BandsBuild;
    assert.throws(() => indexes.buildIndex({ ...fits, bands: 17 }), /17 bands are not in 1..16/);
    assert.throws(() => indexes.buildIndex({ ...fits, hashBits: 24 as 32 }), /a hash of 24 bits/);
    assert.throws(() => indexes.buildIndex({ ...fits, metric: "HAMMING" }), /no bands of binary under HAMMING/);
    assert.throws(
      () => indexes.buildIndex({ ...fits, rows: numbers, rowCount: 0, metric: "L2" }),
      /no bands of float32/,
    );
    await indexes.buildIndex(fits).done;
    const index = await indexes.openIndex(path, rows);
    await assert.rejects(indexes.searchIndex({ ...asked, index, parameters: { kind: "bands", reorder: 9 } }), {
      name: "KernelError",
      message: /9 candidates/,
    });
    indexes.closeIndex(index);
    kernel.close(rows);
    kernel.close(numbers);
    assert.equal(kernel.openHandles(), 0);
  });
}
