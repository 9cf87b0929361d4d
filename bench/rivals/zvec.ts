/** zvec from npm: HNSW over floats, with an inverted index of the buckets. Its calls are synchronous. */

import { existsSync } from "node:fs";
import { packageOf } from "../index/environment.ts";
import { bucketOf } from "./database.ts";
import type { OpenDatabase, Rows } from "./database.ts";

const BATCH_ROWS = 1000;

interface Document {
  readonly id: string;
  readonly fields?: Readonly<Record<string, number>>;
  readonly vectors?: Readonly<Record<string, Float32Array>>;
}

interface Collection {
  upsertSync(documents: readonly Document[]): readonly { readonly ok: boolean; readonly message: string }[];
  optimizeSync(): void;
  closeSync(): void;
  querySync(query: object): readonly { readonly id: string }[];
}

/** As much of the package as is used here. */
interface Zvec {
  readonly ZVecDataType: { readonly INT32: number; readonly VECTOR_FP32: number };
  readonly ZVecIndexType: { readonly HNSW: number; readonly INVERT: number };
  readonly ZVecMetricType: { readonly L2: number; readonly COSINE: number };
  readonly ZVecCollectionSchema: new (options: object) => object;
  ZVecInitialize(options: object): void;
  ZVecCreateAndOpen(path: string, schema: object): Collection;
  ZVecOpen(path: string): Collection;
}

export const openZvec: OpenDatabase = async (folder, metric, dimension) => {
  const zvec = (await packageOf("@zvec/zvec", "0.7.0")) as Zvec;
  const { ZVecDataType, ZVecIndexType, ZVecMetricType } = zvec;
  zvec.ZVecInitialize({ queryThreads: 1 });
  const create = (): Collection => {
    const graph = { indexType: ZVecIndexType.HNSW, metricType: ZVecMetricType[metric], m: 16, efConstruction: 200 };
    const invert = { indexType: ZVecIndexType.INVERT, enableRangeOptimization: true };
    const schema = new zvec.ZVecCollectionSchema({
      name: "bench",
      fields: [{ name: "bucket", dataType: ZVecDataType.INT32, indexParams: invert }],
      vectors: [{ name: "vector", dataType: ZVecDataType.VECTOR_FP32, dimension, indexParams: graph }],
    });
    return zvec.ZVecCreateAndOpen(folder, schema);
  };
  const collection = existsSync(folder) ? zvec.ZVecOpen(folder) : create();
  const write = ({ first, vectors }: Rows): void => {
    const count = vectors.length / dimension;
    for (let begin = 0; begin < count; begin += BATCH_ROWS) {
      const length = Math.min(BATCH_ROWS, count - begin);
      const documents = Array.from({ length }, (_, at) => {
        const row = begin + at;
        const vector = vectors.subarray(row * dimension, (row + 1) * dimension);
        return { id: String(first + row), fields: { bucket: bucketOf(first + row) }, vectors: { vector } };
      });
      const failed = collection.upsertSync(documents).find(({ ok }) => !ok);
      if (failed !== undefined) throw new Error(failed.message);
    }
  };
  return {
    about: "zvec 0.7.0, HNSW of floats, M 16, efConstruction 200",
    build: (rows) => {
      write(rows);
      collection.optimizeSync();
      return Promise.resolve();
    },
    replace: (rows) => Promise.resolve(write(rows)),
    search: (vector, width, buckets) => {
      const filter = buckets === null ? {} : { filter: `bucket < ${buckets}` };
      const params = { indexType: ZVecIndexType.HNSW, ef: width };
      const hits = collection.querySync({ fieldName: "vector", topk: 10, vector, outputFields: [], params, ...filter });
      return Promise.resolve(hits.map(({ id }) => Number(id)));
    },
    close: () => Promise.resolve(collection.closeSync()),
  };
};
