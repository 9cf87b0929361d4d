/**
 * Sparse vectors: the kernel's search beside the plainest one, lists of exact values added to one sum a row, on the same machine in the same
 * run, and packed lists beside those that grow. A round measures all of them one after the other on one thread; medians of the rounds are
 * printed, on processor time.
 *
 * Rows are made up: indices as words have them, a few frequent and most rare; values as learned models give them, many small.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "../src/base/assert.ts";
import type { PostingsParameters } from "../src/kernel/index-kernel.ts";
import { emptyBitset, hasBit, setBit } from "../src/model/bitset.ts";
import type { Bitset } from "../src/model/bitset.ts";
import { sparseColumn, sparseEntry } from "../src/model/sparse.ts";
import type { BytesColumn } from "../src/model/columns.ts";
import { loadKernel } from "../src/kernel/load.ts";
import { NativeKernel } from "../src/kernel/native.ts";
import { median, ownProcessorSeconds, printLoad, printTable, secondsOf, thousands } from "./measure.ts";

const ROWS = 100_000;
const VALUES_A_ROW = 60;
const TERMS = 30_000;
const QUERIES = 40;
const TERMS_A_QUERY = 30;
const ROUNDS = 7;
const K = 10;
const ALGORITHMS = ["all", "wand", "maxscore"] as const satisfies readonly PostingsParameters["algorithm"][];
type Algorithm = (typeof ALGORITHMS)[number];

export async function sparseBench(): Promise<void> {
  const kernel = loadKernel();
  if (!(kernel instanceof NativeKernel)) {
    console.log(`sparse: nothing to measure, ${kernel.reason}`);
    return;
  }
  printLoad();
  const random = generator(20_261);
  const rows = randomColumn(random, ROWS, VALUES_A_ROW);
  const queries = randomColumn(random, QUERIES, TERMS_A_QUERY);
  const sparse = kernel.sparse.create();
  const seconds = await secondsOf(() => {
    for (let from = 0; from < ROWS; from += 512) {
      kernel.sparse.append(sparse, {
        offsets: rows.offsets.subarray(from, Math.min(ROWS, from + 512) + 1),
        bytes: rows.bytes,
      });
    }
  });
  const pairs = kernel.sparse.pairCount(sparse);
  const memory = kernel.sparse.residentBytes(sparse);
  console.log(
    `${thousands(ROWS)} rows of ${Math.round(pairs / ROWS)} values: appended at ${thousands(ROWS / seconds)} rows/s; ` +
      `${(memory / pairs).toFixed(1)} bytes a value, 8 of them the value itself`,
  );
  const folder = mkdtempSync(join(tmpdir(), "elanus-bench-sparse-"));
  const path = join(folder, "packed");
  const buildStart = ownProcessorSeconds();
  await kernel.indexes.buildIndex({ kind: "postings", rows: sparse, rowCount: ROWS, metric: "IP", seed: 1, path }).done;
  const buildSeconds = ownProcessorSeconds() - buildStart;
  const index = await kernel.indexes.openIndex(path, sparse);
  const described = kernel.indexes.describeIndex(index);
  assert(described.kind === "postings", "packed lists were built");
  const { postingCount, listBytes, termCount } = described;
  const raw = kernel.sparse.create({ lists: false });
  kernel.sparse.append(raw, rows);
  const listsThatGrow = memory - kernel.sparse.residentBytes(raw);
  kernel.sparse.close(raw);
  console.log(
    `${thousands(postingCount)} postings of ${thousands(termCount)} terms: ${(listsThatGrow / postingCount).toFixed(2)} bytes a posting in lists ` +
      `that grow, ${(listBytes / postingCount).toFixed(2)} packed; built at ${thousands(postingCount / buildSeconds)} postings a processor second`,
  );
  const peer = new PlainLists(rows);
  const threads = kernel.threads;
  kernel.threads = 1;
  const table: string[][] = [];
  for (const share of [null, 0.1, 0.01, 0.001]) {
    const allowed = share === null ? null : randomBitset(random, share);
    const [own, plain]: [number[], number[]] = [[], []];
    const packed = new Map<Algorithm, number[]>(ALGORITHMS.map((algorithm) => [algorithm, []]));
    for (let round = 0; round < ROUNDS; round += 1) {
      const common = { sparse, rowCount: ROWS, queries, k: K, allowed, rank: null, range: null };
      own.push(await processorSecondsOf(() => kernel.sparse.search(common)));
      for (const [algorithm, seconds] of packed) {
        const parameters = { kind: "postings", algorithm, boundRatio: 1.05 } as const;
        const plan = { ...common, index, parameters, timeLimitMicroseconds: null };
        seconds.push(await processorSecondsOf(() => kernel.indexes.searchIndex(plan)));
      }
      plain.push(
        await processorSecondsOf(() => {
          for (let query = 0; query < QUERIES; query += 1) peer.search(queries, query, allowed);
        }),
      );
    }
    const [mine, theirs] = [QUERIES / median(own), QUERIES / median(plain)];
    table.push([
      share === null ? "all" : `${share * 100} %`,
      thousands(mine),
      ...ALGORITHMS.map((algorithm) => `${(median(own) / median(packed.get(algorithm)!)).toFixed(2)} ×`),
      thousands(theirs),
      `${(mine / theirs).toFixed(1)} ×`,
    ]);
  }
  kernel.threads = threads;
  kernel.indexes.closeIndex(index);
  kernel.sparse.close(sparse);
  rmSync(folder, { recursive: true });
  const columns = ["rows allowed", "queries/s", ...ALGORITHMS.map((name) => `packed, ${name}`), "plain lists", "ratio"];
  printTable(
    `k ${K}, ${TERMS_A_QUERY} terms a query, ${QUERIES} queries a call; rates on processor time`,
    columns,
    table,
  );
}

async function processorSecondsOf(action: () => unknown): Promise<number> {
  const start = ownProcessorSeconds();
  await action();
  return ownProcessorSeconds() - start;
}

/** Every list with its exact values; sums of all rows; a heap of the best. */
class PlainLists {
  readonly #starts = new Uint32Array(TERMS + 1);
  readonly #rows: Uint32Array;
  readonly #values: Float32Array;
  readonly #sums = new Float32Array(ROWS);

  constructor({ offsets, bytes }: BytesColumn) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length; at += 8) this.#starts[view.getUint32(at, true) + 1]! += 1;
    for (let term = 0; term < TERMS; term += 1) this.#starts[term + 1]! += this.#starts[term]!;
    const next = this.#starts.slice();
    this.#rows = new Uint32Array(bytes.length / 8);
    this.#values = new Float32Array(bytes.length / 8);
    for (let row = 0; row < ROWS; row += 1) {
      for (let at = offsets[row]!; at < offsets[row + 1]!; at += 8) {
        const place = next[view.getUint32(at, true)]!++;
        this.#rows[place] = row;
        this.#values[place] = view.getFloat32(at + 4, true);
      }
    }
  }

  search({ offsets, bytes }: BytesColumn, query: number, allowed: Bitset | null): number[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const sums = this.#sums.fill(0);
    for (let at = offsets[query]!; at < offsets[query + 1]!; at += 8) {
      const term = view.getUint32(at, true);
      const weight = view.getFloat32(at + 4, true);
      const end = this.#starts[term + 1]!;
      for (let place = this.#starts[term]!; place < end; place += 1) {
        sums[this.#rows[place]!]! += weight * this.#values[place]!;
      }
    }
    const best: number[] = [];
    let least = 0;
    for (let row = 0; row < ROWS; row += 1) {
      if (sums[row]! <= least || (allowed !== null && !hasBit(allowed, row))) continue;
      const place = best.findIndex((other) => sums[other]! < sums[row]!);
      best.splice(place < 0 ? best.length : place, 0, row);
      if (best.length > K) best.pop();
      if (best.length === K) least = sums[best[K - 1]!]!;
    }
    return best;
  }
}

function randomColumn(random: () => number, count: number, values: number): BytesColumn {
  return sparseColumn(
    Array.from({ length: count }, () => {
      const indices = new Set<number>();
      while (indices.size < values) indices.add(Math.floor(TERMS ** random()) - 1);
      const sorted = [...indices].toSorted((left, right) => left - right);
      return sparseEntry(
        sorted,
        sorted.map(() => 0.05 + 2.5 * random() ** 3),
      );
    }),
  );
}

function randomBitset(random: () => number, share: number): Bitset {
  const bits = emptyBitset(ROWS);
  for (let row = 0; row < ROWS; row += 1) if (random() < share) setBit(bits, row);
  return bits;
}

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
