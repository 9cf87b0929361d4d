/** Metrics of vector indexes: which a type of vectors has, which one is taken where none is named, and Milvus's refusals. */

import { assert } from "../base/assert.ts";
import { invalidParameter } from "../base/errors.ts";
import { BIT_METRICS, DataType, Metric, NUMBER_METRICS } from "../model/types.ts";

export function defaultMetric(type: DataType): Metric {
  switch (type) {
    case DataType.BinaryVector:
      return Metric.HAMMING;
    case DataType.SparseFloatVector:
      return Metric.IP;
    default:
      return Metric.COSINE;
  }
}

const ANY_BITS: readonly string[] = BIT_METRICS;
/** Of index types that take fewer metrics than their vectors have. */
const OF_INDEX: Readonly<Record<string, readonly string[]>> = {
  BIN_FLAT: BIT_METRICS.filter((metric) => metric !== Metric.MHJACCARD),
  BIN_IVF_FLAT: [Metric.HAMMING, Metric.JACCARD],
  MINHASH_LSH: [Metric.MHJACCARD],
};

/** `given` may be empty. @throws 1100 with Milvus's reason. */
export function indexMetric(type: DataType, indexType: string, given: string): Metric {
  const metric = given.toUpperCase();
  checkMetric(type, metric, given);
  const allowed = OF_INDEX[indexType];
  if (metric === "") return indexType === "MINHASH_LSH" ? Metric.MHJACCARD : defaultMetric(type);
  if (allowed !== undefined && !allowed.includes(metric)) {
    throw invalidParameter(`metric type ${metric} not found or not supported, supported: [${allowed.join(" ")}]`);
  }
  return metric as Metric;
}

function checkMetric(type: DataType, metric: string, given: string): void {
  if (metric === "") return;
  switch (type) {
    case DataType.FloatVector:
    case DataType.Float16Vector:
    case DataType.BFloat16Vector:
    case DataType.Int8Vector:
      if ((NUMBER_METRICS as readonly string[]).includes(metric)) return;
      throw invalidParameter(
        `${type === DataType.Int8Vector ? "int" : "float"} vector index does not support metric type: ${given}`,
      );
    case DataType.BinaryVector:
      if (ANY_BITS.includes(metric)) return;
      throw invalidParameter(`binary vector index does not support metric type: ${given}`);
    case DataType.SparseFloatVector:
      if (metric === Metric.IP) return;
      throw invalidParameter(
        metric === "BM25"
          ? "only BM25 Function output field support BM25 metric type"
          : "only IP&BM25 is the supported metric type for sparse index",
      );
    default:
      assert(false, `type ${type} is one of vectors`);
  }
}
