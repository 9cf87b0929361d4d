/** The embedded database as a program has it: `connect`, one HNSW index, what the engine does on its own and nothing else. */

import { connect } from "../../src/client/connect.ts";
import { sleep } from "../measure.ts";
import { bucketOf } from "./database.ts";
import type { OpenDatabase, Rows } from "./database.ts";

const NAME = "bench";
const BATCH_ROWS = 2000;
/** How often it is asked whether what it does on its own is done. */
const LOOK_MILLISECONDS = 2000;
/** All rows in one segment, as the others have them after their `optimize`; by default a segment is flushed at 120 MB. */
const SEGMENT_BYTES = 1 << 30;
const PARAMS = { M: 16, efConstruction: 100 };

export const openElanus: OpenDatabase = async (folder, metric, dimension) => {
  const db = await connect(folder, { limits: { maxSegmentBytes: SEGMENT_BYTES } });
  const batches = async (rows: Rows, write: "insert" | "upsert"): Promise<void> => {
    const count = rows.vectors.length / dimension;
    for (let begin = 0; begin < count; begin += BATCH_ROWS) {
      const length = Math.min(BATCH_ROWS, count - begin);
      const numbers = Array.from({ length }, (_, at) => rows.first + begin + at);
      await db[write](NAME, {
        id: BigInt64Array.from(numbers, BigInt),
        bucket: Int32Array.from(numbers, bucketOf),
        vector: rows.vectors.subarray(begin * dimension, (begin + length) * dimension),
      });
    }
  };
  return {
    about: "HNSW, M 16, efConstruction 100, one segment",
    async build(rows) {
      await db.createCollection({
        name: NAME,
        fields: [
          { name: "id", type: "Int64", primaryKey: true },
          { name: "bucket", type: "Int32" },
          { name: "vector", type: "FloatVector", dimension },
        ],
        indexes: [{ field: "vector", indexType: "HNSW", metricType: metric, params: PARAMS }],
      });
      await batches(rows, "insert");
      await db.flush(NAME);
      const vector = rows.vectors.subarray(0, dimension);
      const isSettled = async (): Promise<boolean> => {
        const { explanation } = await db.search(NAME, { vector, limit: 1, explain: true });
        return explanation.segments.every(({ state, strategy }) => state === "sealed" && strategy === "index");
      };
      while (!(await isSettled())) await sleep(LOOK_MILLISECONDS);
    },
    replace: (rows) => batches(rows, "upsert"),
    async search(vector, width, buckets) {
      const filter = buckets === null ? {} : { filter: `bucket < ${buckets}` };
      const hits = await db.search(NAME, { vector, limit: 10, params: { ef: width }, ...filter });
      return hits.map(({ id }) => Number(id));
    },
    async searchMany(vectors, width) {
      const found = await db.search(NAME, { vectors, limit: 10, params: { ef: width } });
      return found.map((hits) => hits.map(({ id }) => Number(id)));
    },
    close: () => db.close(),
  };
};
