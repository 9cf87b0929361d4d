/**
 * Searches by lists of vectors (MAX_SIM), through an index over all vectors beside comparing every list: processor time of a search and share of
 * the ten nearest lists that are found, by how many elements each vector looks for. Both kinds alternate in rounds; medians are told.
 *
 * The rows are made: eight vectors of one document each, documents in 300 topics, 96 dimensions of which 20 are free.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { familyOf } from "../src/index/families.ts";
import { indexesOf, loadKernel } from "../src/kernel/load.ts";
import type { SearchHits } from "../src/kernel/kernel.ts";
import type { ArrayColumn } from "../src/model/columns.ts";
import { DataType, Metric } from "../src/model/types.ts";
import type { VectorAsk } from "../src/segment/field-vectors.ts";
import { listsThrough } from "../src/segment/list-index-search.ts";
import { SegmentIndex } from "../src/segment/segment-index.ts";
import { VectorLists } from "../src/segment/vector-lists.ts";
import { median, printLoad, printTable } from "./measure.ts";

const DIMENSION = 96;
const FREE = 20;
const TOPICS = 300;
const VECTORS_A_LIST = 8;
const VECTORS_A_QUERY = 4;
const QUERIES = 40;
const K = 10;
const ROUNDS = 3;
const KINDS = [
  { indexType: "AUTOINDEX", params: {} },
  { indexType: "HNSW", params: { M: 16, efConstruction: 100 } },
  { indexType: "IVF_FLAT", params: { nlist: 256, nprobe: 16 } },
] as const;
const RATIOS = [0.25, 0.5, 1, 2, 4];

export async function listsBench(rowCount: number): Promise<void> {
  const kernel = loadKernel();
  const indexes = indexesOf(kernel);
  if (indexes === null) {
    console.log(`lists: nothing to measure, ${kernel.reason}`);
    return;
  }
  printLoad();
  const folder = mkdtempSync(join(tmpdir(), "elanus-bench-lists-"));
  const draw = documents();
  const lists = new VectorLists(kernel, { elementType: DataType.FloatVector, dimension: DIMENSION });
  lists.append(draw(rowCount, VECTORS_A_LIST), 0, rowCount);
  const queries = Array.from({ length: QUERIES }, () => draw(1, VECTORS_A_QUERY));
  const ask = {
    queryCount: 1,
    rowCount,
    metric: Metric.MAX_SIM,
    k: K,
    allowed: null,
    rank: null,
    range: null,
  } as const;
  const run = async (
    search: (ask: VectorAsk) => Promise<SearchHits>,
  ): Promise<{ cpu: number; hits: Uint32Array[] }> => {
    const before = process.cpuUsage();
    const hits: Uint32Array[] = [];
    for (const own of queries) hits.push((await search({ ...ask, queries: own })).rows);
    const { user, system } = process.cpuUsage(before);
    return { cpu: (user + system) / 1000 / QUERIES, hits };
  };
  const exact = (): ReturnType<typeof run> => run((own) => lists.search(own));
  const truth = (await exact()).hits;
  const table: string[][] = [];
  for (const { indexType, params } of KINDS) {
    const family = familyOf(indexType, DataType.FloatVector, Metric.COSINE)!;
    const declared = new Map<string, unknown>(Object.entries(params));
    const path = join(folder, indexType);
    const build = family.build(indexType, declared, DIMENSION, true);
    const elements = rowCount * VECTORS_A_LIST;
    await indexes.buildIndex({ rows: lists.rows, rowCount: elements, metric: Metric.COSINE, seed: 1, path, ...build })
      .done;
    const ids = { segmentId: 1n, indexId: 1n, buildId: 1n, version: 1n };
    const facts = { ...ids, indexType, params: declared, family, recall: [] };
    const index = await SegmentIndex.open(facts, indexes, path, lists.rows);
    for (const ratio of RATIOS) {
      const said = new Map([["retrieval_ann_ratio", ratio]]);
      const through = listsThrough({ index, lists, exact: lists, params: said, work: null, pause: null });
      const rounds: [number, number][] = [];
      let found = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const indexed = await run((own) => through.search(own));
        rounds.push([indexed.cpu, (await exact()).cpu]);
        found = indexed.hits.reduce((sum, rows, at) => sum + rows.filter((row) => truth[at]!.includes(row)).length, 0);
      }
      table.push([
        indexType,
        String(ratio),
        (found / QUERIES / K).toFixed(3),
        median(rounds.map(([own]) => own)).toFixed(2),
        median(rounds.map(([, all]) => all)).toFixed(2),
        median(rounds.map(([own, all]) => all / own)).toFixed(1),
      ]);
    }
    index.close();
  }
  lists.close();
  rmSync(folder, { recursive: true });
  printTable(
    `${rowCount} lists of ${VECTORS_A_LIST} vectors, ${VECTORS_A_QUERY} asked; ms of processor a search`,
    ["", "ratio", "recall", "index", "every list", "every list / index"],
    table,
  );
}

/** Draws lists of vectors that belong together, the same in every run. */
function documents(): (count: number, vectors: number) => ArrayColumn {
  let state = 7;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const basis = Float32Array.from({ length: FREE * DIMENSION }, normal);
  const topics = Float32Array.from({ length: TOPICS * FREE }, normal);
  return (count, vectors) => {
    const values = new Float32Array(count * vectors * DIMENSION);
    for (let list = 0; list < count; list += 1) {
      const topic = Math.floor(random() * TOPICS);
      const document = Array.from({ length: FREE }, (_, at) => topics[topic * FREE + at]! + 0.6 * normal());
      for (let vector = 0; vector < vectors; vector += 1) {
        const own = document.map((value) => value + 0.7 * normal());
        for (let place = 0; place < DIMENSION; place += 1) {
          let value = 0.2 * normal();
          for (let at = 0; at < FREE; at += 1) value += own[at]! * basis[at * DIMENSION + place]!;
          values[(list * vectors + vector) * DIMENSION + place] = value;
        }
      }
    }
    const type = DataType.FloatVector;
    const offsets = Uint32Array.from({ length: count + 1 }, (_, list) => list * vectors);
    const elements = { kind: "vector", type, dimension: DIMENSION, values, valid: null } as const;
    return { kind: "array", type: DataType.ArrayOfVector, elementType: type, offsets, elements, valid: null };
  };
}
