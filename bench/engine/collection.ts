/**
 * The collection that all parts use: an int64 key and 384 floats, loaded before its first row, filled through the proxy.
 *
 * Rows are the same in every run; their values do not matter to the clock as long as no two are alike.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConsistencyLevel, DataType } from "../../src/model/types.ts";
import type { Proxy } from "../../src/proxy/proxy.ts";
import type { InsertRequest, SearchRequest, SearchResponse } from "../../src/proxy/requests.ts";
import { sleep } from "../measure.ts";
import { declaredField as field } from "../../src/proxy/declared-field.ts";

export const DIMENSION = 384;
export const BATCH_ROWS = 1_000;
export const COLLECTION = "bench";
export const TARGET = { databaseName: "", collectionName: COLLECTION };
/** Bytes of a row on its way to the log: key, row id, floats. */
export const ROW_BYTES = 8 + 8 + DIMENSION * 4;

export function dataDirectory(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "elanus-bench-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export async function createCollection(proxy: Proxy, collectionName: string = COLLECTION): Promise<void> {
  const target = { ...TARGET, collectionName };
  await proxy.createCollection({
    ...target,
    schema: {
      name: collectionName,
      description: "",
      fields: [
        field("id", DataType.Int64, { isPrimaryKey: true }),
        field("vector", DataType.FloatVector, { typeParams: [{ key: "dim", value: String(DIMENSION) }] }),
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
    { key: "index_type", value: "FLAT" },
    { key: "metric_type", value: "IP" },
  ]);
  await load(proxy, target);
}

export async function load(proxy: Proxy, target: typeof TARGET = TARGET): Promise<void> {
  await proxy.loadCollection(target, { replicaNumber: 1, fieldNames: [], partitionNames: null });
  while ((await proxy.loadProgress(target, [])) < 100) await sleep(2);
}

export function vectors(rowCount: number, seed = 1): Float32Array {
  const values = new Float32Array(rowCount * DIMENSION);
  let state = Math.imul(seed, 0x9e3779b9) >>> 0;
  for (let at = 0; at < values.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[at] = state / 2 ** 31 - 1;
  }
  return values;
}

export function insertRequest(firstKey: number, values: Float32Array): InsertRequest {
  const rowCount = values.length / DIMENSION;
  const ids = new BigInt64Array(rowCount);
  for (let row = 0; row < rowCount; row += 1) ids[row] = BigInt(firstKey + row);
  const common = { isDynamic: false, valid: null, unsupported: false, rowCount };
  return {
    ...TARGET,
    partitionName: "",
    rowCount,
    schemaTimestamp: 0n,
    fields: [
      { ...common, type: DataType.Int64, fieldName: "id", column: { kind: "fixed", values: ids } },
      {
        ...common,
        type: DataType.FloatVector,
        fieldName: "vector",
        column: { kind: "vector", type: DataType.FloatVector, dimension: DIMENSION, values },
      },
    ],
  };
}

export async function fill(proxy: Proxy, rowCount: number, firstKey = 0): Promise<void> {
  for (let row = firstKey; row < firstKey + rowCount; row += BATCH_ROWS) {
    await proxy.insert(insertRequest(row, vectors(Math.min(BATCH_ROWS, firstKey + rowCount - row), row + 1)));
  }
}

/** Puts every row into files and waits until those answer. */
export async function flush(proxy: Proxy): Promise<void> {
  const [flushed] = await proxy.flush("", [COLLECTION]);
  while (!(await proxy.isFlushed(TARGET, flushed!.flushTimestamp))) await sleep(5);
}

export function search(
  proxy: Proxy,
  queries: Float32Array,
  limit: number,
  consistencyLevel: ConsistencyLevel = ConsistencyLevel.Eventually,
): Promise<SearchResponse> {
  const request: SearchRequest = {
    ...TARGET,
    consistencyLevel,
    useDefaultConsistency: false,
    guaranteeTimestamp: 0n,
    partitionNames: [],
    expression: "",
    templates: new Map(),
    queries: { type: DataType.FloatVector, values: queries, queryCount: queries.length / DIMENSION },
    outputFields: [],
    params: new Map([
      ["topk", String(limit)],
      ["anns_field", "vector"],
    ]),
  };
  return proxy.search(request);
}
