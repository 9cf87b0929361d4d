/** Every index type that is built, over every type of vectors that it can hold, by every metric that it takes. */

import { familyOf, isExact } from "../../src/index/families.ts";
import { indexMetric } from "../../src/index/metrics.ts";
import { INDEX_TYPES, fitsVectors } from "../../src/index/types.ts";
import { DataType, Metric } from "../../src/model/types.ts";
import { type DenseVectorType, isDenseVectorType } from "../../src/model/vectors.ts";

export interface Combination {
  readonly indexType: string;
  readonly dataType: DenseVectorType;
  readonly metric: Metric;
}

const TYPES = [
  DataType.FloatVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.Int8Vector,
  DataType.BinaryVector,
].filter(isDenseVectorType);

/** The oracle knows these. */
const METRICS = [Metric.L2, Metric.IP, Metric.COSINE, Metric.HAMMING, Metric.JACCARD, Metric.MHJACCARD];

export function combinations(): Combination[] {
  return Object.entries(INDEX_TYPES).flatMap(([indexType, rules]) =>
    TYPES.filter((dataType) => fitsVectors(rules, dataType))
      .flatMap((dataType) =>
        METRICS.filter((metric) => takes(dataType, indexType, metric)).map((metric) => ({
          indexType,
          dataType,
          metric,
        })),
      )
      .filter(({ dataType, metric }) => familyOf(indexType, dataType, metric) !== null || isExact(indexType)),
  );
}

export function nameOf({ indexType, dataType, metric }: Combination): string {
  const type = Object.entries(DataType).find(([, number]) => number === dataType)![0];
  return `${indexType}_${type}_${metric}`;
}

function takes(dataType: DataType, indexType: string, metric: Metric): boolean {
  try {
    return indexMetric({ dataType, elementType: DataType.None }, indexType, metric) === metric;
  } catch {
    return false;
  }
}
