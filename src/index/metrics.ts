/** Metrics of vector indexes: which a type of vectors has, which one is taken where none is named, and Milvus's refusals. */

import { assert } from "../base/assert.ts";
import { invalidParameter } from "../base/errors.ts";
import type { FieldSchema } from "../model/schema.ts";
import { BIT_METRICS, DataType, Metric, NUMBER_METRICS } from "../model/types.ts";

/** Of arrays of vectors: lists are compared as wholes, or, by the metrics of their vectors, element by element. */
const OF_FLOATS: readonly string[] = [
  ...NUMBER_METRICS,
  Metric.MAX_SIM,
  Metric.MAX_SIM_COSINE,
  Metric.MAX_SIM_IP,
  Metric.MAX_SIM_L2,
];
const OF_BITS: readonly string[] = [
  Metric.HAMMING,
  Metric.JACCARD,
  Metric.SUBSTRUCTURE,
  Metric.SUPERSTRUCTURE,
  Metric.MAX_SIM_HAMMING,
  Metric.MAX_SIM_JACCARD,
];

export function defaultMetric({ dataType, elementType }: VectorTypes): Metric {
  switch (dataType) {
    case DataType.ArrayOfVector:
      return elementType === DataType.BinaryVector ? Metric.MAX_SIM_HAMMING : Metric.MAX_SIM_COSINE;
    case DataType.BinaryVector:
      return Metric.HAMMING;
    case DataType.SparseFloatVector:
      return Metric.IP;
    default:
      return Metric.COSINE;
  }
}

type VectorTypes = Pick<FieldSchema, "dataType" | "elementType">;

const ANY_BITS: readonly string[] = BIT_METRICS;
/** Of index types that take fewer metrics than their vectors have. */
const OF_INDEX: Readonly<Record<string, readonly string[]>> = {
  BIN_FLAT: BIT_METRICS.filter((metric) => metric !== Metric.MHJACCARD),
  BIN_IVF_FLAT: [Metric.HAMMING, Metric.JACCARD],
  MINHASH_LSH: [Metric.MHJACCARD],
};

/** `given` may be empty. @throws 1100 with Milvus's reason. */
export function indexMetric(field: VectorTypes, indexType: string, given: string): Metric {
  const metric = given.toUpperCase();
  checkMetric(field, metric, given);
  const allowed = field.dataType === DataType.ArrayOfVector ? undefined : OF_INDEX[indexType];
  if (metric === "") return indexType === "MINHASH_LSH" ? Metric.MHJACCARD : defaultMetric(field);
  if (allowed !== undefined && !allowed.includes(metric)) {
    throw invalidParameter(`metric type ${metric} not found or not supported, supported: [${allowed.join(" ")}]`);
  }
  return metric as Metric;
}

function checkMetric({ dataType: type, elementType }: VectorTypes, metric: string, given: string): void {
  if (metric === "") return;
  switch (type) {
    case DataType.ArrayOfVector:
      if ((elementType === DataType.BinaryVector ? OF_BITS : OF_FLOATS).includes(metric)) return;
      throw invalidParameter(`array of vector index does not support metric type: ${given}`);
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
