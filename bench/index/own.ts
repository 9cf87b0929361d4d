/** The kernel's graph index over a set of rows, as one index or as several of consecutive rows, whose hits are merged. */

import { join } from "node:path";
import type { GraphLayout } from "../../src/kernel/index-kernel.ts";
import type { Handle } from "../../src/kernel/kernel.ts";
import type { NativeKernel } from "../../src/kernel/native.ts";
import type { Bitset } from "../../src/model/bitset.ts";
import { keptBuild } from "./built.ts";
import type { KnownBuilt } from "./built.ts";
import { recallOf } from "./curves.ts";
import type { Answer } from "./curves.ts";
import { K, rowsOf } from "./data.ts";
import type { BenchData } from "./data.ts";

/** Neighbours on one side of an edge, as HNSW counts them. */
export const M = 16;
/** Half of hnswlib's efConstruction: batches and the choice of neighbours need fewer candidates for the same recall. */
export const BEAM = 100;

export interface OwnOptions {
  readonly layout: GraphLayout;
  readonly segments: number;
  readonly threads: number;
  readonly again: boolean;
}

interface OwnSearch {
  readonly queries: Float32Array;
  readonly allowed: Bitset | null;
  /** What `allowed` bars was deleted. */
  readonly isUnfiltered: boolean;
}

interface Part {
  readonly index: Handle;
  readonly rows: Handle;
  readonly first: number;
}

/** Processor seconds of this process. The kernel searches on one thread here, and JavaScript waits. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export class OwnIndex {
  readonly name: string;
  readonly layout: GraphLayout;
  readonly built: KnownBuilt;
  readonly #kernel: NativeKernel;
  readonly #data: BenchData;
  readonly #parts: readonly Part[];

  private constructor(kernel: NativeKernel, data: BenchData, options: OwnOptions, built: KnownBuilt, parts: Part[]) {
    this.name = nameOf(options);
    this.layout = options.layout;
    this.built = built;
    this.#kernel = kernel;
    this.#data = data;
    this.#parts = parts;
  }

  static async open(kernel: NativeKernel, data: BenchData, options: OwnOptions): Promise<OwnIndex> {
    const { rowCount, metric, folder } = data;
    const { segments, layout, threads, again } = options;
    const places = Array.from({ length: segments }, (_, at) => {
      const first = Math.floor((at * rowCount) / segments);
      const count = Math.floor(((at + 1) * rowCount) / segments) - first;
      const path = join(folder, `${nameOf(options)} ${at}.index`);
      return { first, count, path, rows: rowsOf(kernel, data, first, count) };
    });
    const graph = { kind: "graph", layout, degree: 2 * M, beam: BEAM, metric, seed: 1 } as const;
    const built = await keptBuild(folder, nameOf(options), again, async () => {
      const searching = kernel.threads;
      kernel.threads = threads;
      const [start, used] = [performance.now(), processorSeconds()];
      for (const { rows, count, path } of places) {
        await kernel.indexes.buildIndex({ ...graph, rows, rowCount: count, path }).done;
      }
      const wallSeconds = (performance.now() - start) / 1000;
      const built = { processorSeconds: processorSeconds() - used, wallSeconds, threads, bytes: 0 };
      kernel.threads = searching;
      for (const { rows, path } of places) {
        const index = await kernel.indexes.openIndex(path, rows);
        built.bytes += kernel.indexes.describeIndex(index).memoryBytes;
        kernel.indexes.closeIndex(index);
      }
      return built;
    });
    const parts: Part[] = [];
    for (const { first, path, rows } of places) {
      parts.push({ first, rows, index: await kernel.indexes.openIndex(path, rows) });
    }
    return new OwnIndex(kernel, data, options, built, parts);
  }

  /** Under a filter only as a single index. */
  async search(
    ef: number,
    truth: Uint32Array,
    { queries = this.#data.queries, allowed = null, isUnfiltered = false }: Partial<OwnSearch> = {},
  ): Promise<Answer> {
    const parameters = { kind: "graph", ef } as const;
    const plan = { queries, k: K, parameters, allowed, isUnfiltered, rank: null, range: null };
    const start = processorSeconds();
    const found: { readonly rows: Uint32Array; readonly scores: Float32Array; readonly first: number }[] = [];
    for (const { index, first } of this.#parts) {
      const { rows, scores } = await this.#kernel.indexes.searchIndex({ ...plan, index, timeLimitMicroseconds: null });
      found.push({ rows, scores, first });
    }
    const hits = found.length === 1 ? found[0]!.rows : merged(found, this.#data.metric === "L2");
    const seconds = processorSeconds() - start;
    return { recall: recallOf(hits, truth), perSecond: queries.length / this.#data.dimension / seconds };
  }

  close(): void {
    for (const { index, rows } of this.#parts) {
      this.#kernel.indexes.closeIndex(index);
      this.#kernel.close(rows);
    }
  }
}

function nameOf({ layout, segments }: OwnOptions): string {
  return segments === 1 ? layout : `${layout}, ${segments} segments`;
}

/** The K best of each query over all parts, by their places in lists that are in order already. */
function merged(
  parts: readonly { readonly rows: Uint32Array; readonly scores: Float32Array; readonly first: number }[],
  smallerIsNearer: boolean,
): Uint32Array {
  const hits = new Uint32Array(parts[0]!.rows.length);
  const sign = smallerIsNearer ? 1 : -1;
  const places = new Uint32Array(parts.length);
  for (let begin = 0; begin < hits.length; begin += K) {
    places.fill(begin);
    for (let at = begin; at < begin + K; at += 1) {
      let best = 0;
      let nearest = Infinity;
      for (let part = 0; part < parts.length; part += 1) {
        const place = places[part]!;
        const distance = place < begin + K ? sign * parts[part]!.scores[place]! : Infinity;
        if (distance < nearest) [nearest, best] = [distance, part];
      }
      hits[at] = parts[best]!.rows[places[best]!]! + parts[best]!.first;
      places[best]! += 1;
    }
  }
  return hits;
}
