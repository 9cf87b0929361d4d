/**
 * Rows and queries for the bench of indexes, in a folder: rows.f32, queries.f32, about.json, and truth.u32, the ten nearest by an exact search.
 *
 *   wordnet=<folder>   vectors.f16.bin and queries.f32.bin, 384 dimensions, COSINE: sentences asked of definitions
 *   text=<rows>        768 dimensions, COSINE, and
 *   sift=<rows>        128 dimensions, L2: both made by `make_data.py`, which says how
 *   clusters=<rows>    made here of a seed, 128 dimensions, L2: 1,000 clusters, each spread along 24 directions of its own
 *
 * What a folder has already is taken as it is.
 */

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Handle, Kernel } from "../../src/kernel/kernel.ts";
import type { NativeKernel } from "../../src/kernel/native.ts";
import type { Metric } from "../../src/model/types.ts";
import { printLoad, thousands } from "../measure.ts";
import { pythonWith, textArchives } from "./environment.ts";

/** Hits of a search. */
export const K = 10;
const SETS = ["wordnet", "text", "sift", "clusters"] as const;
const PROGRAM = join(import.meta.dirname, "make_data.py");

interface About {
  readonly name: string;
  readonly metric: Metric;
  readonly dimension: number;
}

export interface BenchData extends About {
  readonly folder: string;
  /** The file of the rows. */
  readonly path: string;
  readonly rowCount: number;
  readonly queries: Float32Array;
}

/** Data as the parts of a command name it, and those parts that it does not know. `keep=<folder>`: where all is kept. */
export async function withData(
  parts: readonly string[],
  kernel: NativeKernel,
  run: (data: BenchData, parts: readonly string[]) => Promise<void>,
): Promise<void> {
  let [set, argument]: [(typeof SETS)[number], string] = ["clusters", "100000"];
  let keep: string | null = null;
  const others: string[] = [];
  for (const part of parts) {
    const [name, value = ""] = part.split("=", 2);
    const named = SETS.find((known) => known === name);
    if (named !== undefined && value !== "") [set, argument] = [named, value];
    else if (name === "keep" && value !== "") keep = value;
    else others.push(part);
  }
  const folder = keep ?? mkdtempSync(join(tmpdir(), "elanus-bench-"));
  const place = join(folder, set === "wordnet" ? set : `${set}-${argument}`);
  const { threads } = kernel;
  kernel.threads = 1;
  try {
    const data = await dataIn(place, set, argument);
    printLoad();
    const queryCount = data.queries.length / data.dimension;
    const size = `${thousands(data.rowCount)} x ${data.dimension}, ${data.metric}, ${thousands(queryCount)} queries`;
    console.log(`${data.name}: ${size}`);
    await run(data, others);
    printLoad();
  } finally {
    kernel.threads = threads;
    if (keep === null) rmSync(folder, { recursive: true });
  }
}

/** `folder` is made for this set, by this argument. */
async function dataIn(folder: string, set: (typeof SETS)[number], argument: string): Promise<BenchData> {
  const about = join(folder, "about.json");
  if (!existsSync(about)) {
    mkdirSync(folder, { recursive: true });
    if (set === "wordnet") keep(folder, wordnet(argument));
    else if (set === "clusters") keep(folder, clusters(Number(argument)));
    else {
      const archives = set === "text" ? await textArchives() : [];
      const python = await pythonWith("numpy");
      await promisify(execFile)(python, [PROGRAM, set, folder, argument, ...archives]);
    }
  }
  const known = JSON.parse(readFileSync(about, "utf8")) as About;
  const path = join(folder, "rows.f32");
  const rowCount = statSync(path).size / (4 * known.dimension);
  return { ...known, folder, path, rowCount, queries: floatsOf(join(folder, "queries.f32")) };
}

/** Some of the rows, where they lie. */
export function rowsOf(kernel: Kernel, data: BenchData, first: number, count: number): Handle {
  const { dimension } = data;
  return kernel.mapRows(data.path, 4 * dimension * first, count, { element: "float32", dimension });
}

/** The ten nearest of each query. */
export async function truthOf(kernel: NativeKernel, data: BenchData, rows: Handle): Promise<Uint32Array> {
  const path = join(data.folder, "truth.u32");
  if (!existsSync(path)) {
    const { queries, metric, rowCount } = data;
    const exact = { rows, rowCount, queries, metric, k: K, allowed: null, rank: null, range: null };
    writeFileSync(path, (await kernel.exactSearch(exact)).rows);
  }
  const bytes = readFileSync(path);
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

export function floatsOf(path: string): Float32Array<ArrayBuffer> {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

export interface RowsAndQueries extends About {
  readonly rows: Float32Array;
  readonly queries: Float32Array;
}

function keep(folder: string, { rows, queries, ...about }: RowsAndQueries): void {
  writeFileSync(join(folder, "rows.f32"), rows);
  writeFileSync(join(folder, "queries.f32"), queries);
  writeFileSync(join(folder, "about.json"), JSON.stringify(about));
}

function wordnet(folder: string): RowsAndQueries {
  const halves = readFileSync(join(folder, "vectors.f16.bin"));
  return {
    name: "WordNet glosses",
    metric: "COSINE",
    dimension: 384,
    rows: Float32Array.from(new Float16Array(halves.buffer, halves.byteOffset, halves.length / 2)),
    queries: floatsOf(join(folder, "queries.f32.bin")),
  };
}

/** Queries are drawn as the rows are, and not among them. */
export function clusters(rowCount: number): RowsAndQueries {
  const [queryCount, dimension, clusterCount, directionCount] = [1000, 128, 1000, 24];
  let state = 1;
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const centres = Float32Array.from({ length: clusterCount * dimension }, () => 0.6 * normal());
  const spread = 1 / Math.sqrt(directionCount);
  const directions = Float32Array.from({ length: clusterCount * directionCount * dimension }, () => spread * normal());
  const points = (count: number): Float32Array => {
    const values = new Float32Array(count * dimension);
    for (let first = 0; first < values.length; first += dimension) {
      const cluster = Math.floor(random() * clusterCount);
      const point = values.subarray(first, first + dimension);
      for (let at = 0; at < dimension; at += 1) point[at] = centres[cluster * dimension + at]! + 0.1 * normal();
      for (let number = 0; number < directionCount; number += 1) {
        const along = normal();
        const from = (cluster * directionCount + number) * dimension;
        for (let at = 0; at < dimension; at += 1) point[at]! += along * directions[from + at]!;
      }
    }
    return values;
  };
  return { name: "clusters", metric: "L2", dimension, rows: points(rowCount), queries: points(queryCount) };
}
