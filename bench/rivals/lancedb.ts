/**
 * LanceDB from npm: HNSW over scalar-quantised vectors in one partition, which is the graph that it has, looked at again with the raw
 * vectors; ordered indexes of keys and buckets. Only the row numbers are asked for.
 */

import { packageOf } from "../index/environment.ts";
import { bucketOf } from "./database.ts";
import type { OpenDatabase, Rows } from "./database.ts";

const NAME = "bench";
/** Twice as many as are wanted are scored again by their raw vectors. */
const REFINE = 2;

interface Query {
  limit(count: number): Query;
  ef(width: number): Query;
  refineFactor(factor: number): Query;
  distanceType(name: string): Query;
  where(predicate: string): Query;
  select(columns: readonly string[]): Query;
  toArrow(): Promise<{ getChild(name: string): { toArray(): ArrayLike<number> } }>;
}

interface Table {
  createIndex(column: string, options?: object): Promise<void>;
  mergeInsert(key: string): {
    whenMatchedUpdateAll(): { whenNotMatchedInsertAll(): { execute(data: unknown): Promise<unknown> } };
  };
  optimize(): Promise<unknown>;
  query(): { nearestTo(vector: Float32Array): Query };
}

/** As much of the package as is used here. */
interface Lance {
  readonly Index: { hnswSq(options: object): object; btree(): object };
  connect(folder: string): Promise<{
    tableNames(): Promise<readonly string[]>;
    openTable(name: string): Promise<Table>;
    createTable(name: string, data: unknown): Promise<Table>;
    close(): void;
  }>;
  makeArrowTable(rows: readonly object[], options: object): unknown;
}

export const openLance: OpenDatabase = async (folder, metric, dimension) => {
  const lance = (await packageOf("@lancedb/lancedb", "0.39.0")) as Lance;
  const db = await lance.connect(folder);
  const distance = metric === "L2" ? "l2" : "cosine";
  let table = (await db.tableNames()).includes(NAME) ? await db.openTable(NAME) : null;
  const records = ({ first, vectors }: Rows): object[] =>
    Array.from({ length: vectors.length / dimension }, (_, row) => ({
      id: first + row,
      bucket: bucketOf(first + row),
      vector: vectors.subarray(row * dimension, (row + 1) * dimension),
    }));
  const open = (): Table => {
    if (table === null) throw new Error("no rows were inserted");
    return table;
  };
  return {
    about: `LanceDB 0.39.0, IVF_HNSW_SQ of one partition, m 16, ef_construction 200, refine ${REFINE}`,
    async build(rows) {
      table = await db.createTable(NAME, records(rows));
      const graph = { distanceType: distance, numPartitions: 1, m: 16, efConstruction: 200 };
      await table.createIndex("vector", { config: lance.Index.hnswSq(graph) });
      await table.createIndex("bucket", { config: lance.Index.btree() });
      await table.createIndex("id", { config: lance.Index.btree() });
      await table.optimize();
    },
    async replace(rows) {
      await open().mergeInsert("id").whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(records(rows));
    },
    async search(vector, width, buckets) {
      let query = open()
        .query()
        .nearestTo(vector)
        .distanceType(distance)
        .limit(10)
        .ef(Math.max(width, 10 * REFINE))
        .refineFactor(REFINE);
      if (buckets !== null) query = query.where(`bucket < ${buckets}`);
      const found = await query.select(["id", "_distance"]).toArrow();
      return Array.from(found.getChild("id").toArray(), Number);
    },
    close: () => Promise.resolve(db.close()),
  };
};
