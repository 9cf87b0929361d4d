/**
 * Searches through an index beside exact ones of the same rows, both through the proxy, one after the other in each round: recall, searches a
 * second alone and eight in flight, bytes of the index. The rows are those of the bench of indexes.
 */

import { Engine } from "../../src/engine/engine.ts";
import { NativeKernel } from "../../src/kernel/native.ts";
import { ConsistencyLevel, DataType } from "../../src/model/types.ts";
import { declaredField as field } from "../../src/proxy/declared-field.ts";
import type { SearchResponse } from "../../src/proxy/requests.ts";
import { type RowsAndQueries, clusters } from "../index/data.ts";
import { inFlight, median, printTable, secondsOf, sleep, thousands } from "../measure.ts";
import { dataDirectory } from "./collection.ts";

const ROWS = 50_000;
const BATCH_ROWS = 2_000;
const QUERIES = 200;
const ROUNDS = 5;
const LIMIT = 10;
const SEARCHES = [
  ["HNSW", { M: "16", efConstruction: "200" }, [{ ef: 32 }, { ef: 64 }, { ef: 128 }]],
  ["AUTOINDEX", {}, [{ level: 1 }, { level: 4 }]],
  ["IVF_FLAT", { nlist: "256" }, [{ nprobe: 8 }, { nprobe: 32 }]],
] as const;

type Params = Readonly<Record<string, number>>;

export async function approximateBench(): Promise<void> {
  using directory = dataDirectory();
  const engine = await Engine.open({ directory: directory.path, limits: { maxSegmentBytes: 512 << 20 } });
  try {
    const { kernel } = engine;
    if (!(kernel instanceof NativeKernel)) {
      console.log(`approximate: nothing to measure, ${kernel.reason}`);
      return;
    }
    const data = clusters(ROWS);
    const exact = await collection(engine, data, "exact", "FLAT", {});
    const truth = await answers(engine, data, exact, {});
    const rows: string[][] = [];
    for (const [indexType, build, widths] of SEARCHES) {
      const started = performance.now();
      const name = await collection(engine, data, indexType.toLowerCase(), indexType, build);
      const seconds = (performance.now() - started) / 1000;
      const indexBytes = kernel.indexes.memoryUsed().indexBytes;
      for (const params of widths) rows.push([...(await measure(engine, data, { name, exact, truth, params }))]);
      rows.at(-1)!.push(thousands(indexBytes), seconds.toFixed(1));
      await engine.proxy.releaseCollection({ databaseName: "", collectionName: name }, null);
    }
    printTable(
      `Through the proxy: ${data.name}, ${ROWS} x ${data.dimension}, ${data.metric}, limit ${LIMIT}, ${kernel.instructionSet}, ${kernel.threads} kernel threads, medians of ${ROUNDS} rounds`,
      ["index", "recall", "one, q/s", "over exact", "eight, q/s", "over exact", "index bytes", "insert to index, s"],
      rows,
    );
  } finally {
    await engine.close();
  }
}

async function collection(
  { proxy }: Engine,
  { rows, dimension, metric }: RowsAndQueries,
  name: string,
  indexType: string,
  build: Readonly<Record<string, string>>,
): Promise<string> {
  const target = { databaseName: "", collectionName: name };
  await proxy.createCollection({
    ...target,
    schema: {
      name,
      description: "",
      fields: [
        field("id", DataType.Int64, { isPrimaryKey: true }),
        field("vector", DataType.FloatVector, { typeParams: [{ key: "dim", value: String(dimension) }] }),
      ],
      enableDynamicField: false,
      functionCount: 0,
      structs: [],
    },
    shardsNum: 1,
    consistencyLevel: ConsistencyLevel.Bounded,
    properties: [],
    partitionCount: 0,
  });
  await proxy.createIndex(target, "vector", "", [
    { key: "index_type", value: indexType },
    { key: "metric_type", value: metric },
    ...Object.entries(build).map(([key, value]) => ({ key, value })),
  ]);
  for (let from = 0; from < ROWS; from += BATCH_ROWS) {
    const common = { isDynamic: false, valid: null, unsupported: false, rowCount: BATCH_ROWS };
    const ids = BigInt64Array.from({ length: BATCH_ROWS }, (_, row) => BigInt(from + row));
    const values = rows.slice(from * dimension, (from + BATCH_ROWS) * dimension);
    await proxy.insert({
      ...target,
      partitionName: "",
      rowCount: BATCH_ROWS,
      schemaTimestamp: 0n,
      fields: [
        { ...common, type: DataType.Int64, fieldName: "id", column: { kind: "fixed", values: ids } },
        {
          ...common,
          type: DataType.FloatVector,
          fieldName: "vector",
          column: { kind: "vector", type: DataType.FloatVector, dimension, values },
        },
      ],
    });
  }
  const [flushed] = await proxy.flush("", [name]);
  while (!(await proxy.isFlushed(target, flushed!.flushTimestamp))) await sleep(5);
  while ((await proxy.describeIndexes(target, ""))[0]!.progress.state !== "Finished") await sleep(10);
  await proxy.loadCollection(target, { replicaNumber: 1, fieldNames: [], partitionNames: null });
  while ((await proxy.loadProgress(target, [])) < 100) await sleep(2);
  return name;
}

function search(
  { proxy }: Engine,
  data: RowsAndQueries,
  name: string,
  query: number,
  params: Params,
): Promise<SearchResponse> {
  const { queries, dimension } = data;
  return proxy.search({
    databaseName: "",
    collectionName: name,
    consistencyLevel: ConsistencyLevel.Eventually,
    useDefaultConsistency: false,
    guaranteeTimestamp: 0n,
    partitionNames: [],
    expression: "",
    templates: new Map(),
    queries: {
      type: DataType.FloatVector,
      values: queries.subarray(query * dimension, (query + 1) * dimension),
      queryCount: 1,
    },
    outputFields: [],
    params: new Map([
      ["topk", String(LIMIT)],
      ["params", JSON.stringify(params)],
    ]),
  });
}

async function answers(engine: Engine, data: RowsAndQueries, name: string, params: Params): Promise<string[][]> {
  const found: string[][] = [];
  for (let query = 0; query < QUERIES; query += 1) {
    const { keys } = await search(engine, data, name, query, params);
    found.push(keys.kind === "fixed" ? [...keys.values].map(String) : []);
  }
  return found;
}

async function measure(
  engine: Engine,
  data: RowsAndQueries,
  asked: {
    readonly name: string;
    readonly exact: string;
    readonly truth: readonly (readonly string[])[];
    readonly params: Params;
  },
): Promise<string[]> {
  const { name, exact, truth, params } = asked;
  const found = await answers(engine, data, name, params);
  const shared = found.map((keys, query) => keys.filter((key) => truth[query]!.includes(key)).length);
  const recall = shared.reduce((sum, count) => sum + count, 0) / (QUERIES * LIMIT);
  const cells = [
    `${name} ${Object.entries(params)
      .map(([key, value]) => `${key} ${value}`)
      .join(" ")}`,
    recall.toFixed(3),
  ];
  for (const flying of [1, 8]) {
    const [through, without]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const run = (collectionName: string, said: Params): Promise<number> => {
        let query = 0;
        return secondsOf(() =>
          inFlight(QUERIES, flying, () => search(engine, data, collectionName, (query += 1) % QUERIES, said)),
        );
      };
      through.push(QUERIES / (await run(name, params)));
      without.push(QUERIES / (await run(exact, {})));
    }
    const ratio = median(through.map((rate, at) => rate / without[at]!));
    cells.push(median(through).toFixed(0), `${ratio.toFixed(1)} x`);
  }
  return cells;
}
