/**
 * Which families build which index type, by what they can hold. A type that is not here is searched exactly: FLAT because that is what it means, others because
 * nothing builds them yet.
 */

import type { FieldSchema, KeyValue } from "../model/schema.ts";
import { DataType, LIST_METRICS, Metric, isVectorType } from "../model/types.ts";
import { BANDS } from "./bands.ts";
import type { IndexFamily } from "./family.ts";
import { GRAPH } from "./graph.ts";
import { LISTS } from "./lists.ts";
import { defaultMetric } from "./metrics.ts";
import { SLIM } from "./slim.ts";
import { SPARSE } from "./sparse.ts";
import { scalarBuild } from "./scalar/build.ts";

const FAMILIES: Readonly<Record<string, readonly IndexFamily[]>> = {
  AUTOINDEX: [GRAPH, SPARSE, LISTS],
  HNSW: [GRAPH],
  HNSW_PQ: [SLIM],
  HNSW_PRQ: [SLIM],
  HNSW_SQ: [SLIM],
  DISKANN: [SLIM],
  IVF_FLAT: [LISTS],
  IVF_SQ8: [LISTS],
  IVF_PQ: [LISTS],
  IVF_RABITQ: [LISTS],
  SCANN: [LISTS],
  BIN_IVF_FLAT: [LISTS],
  MINHASH_LSH: [BANDS],
  SPARSE_INVERTED_INDEX: [SPARSE],
  SPARSE_WAND: [SPARSE],
};

/** Index types that mean an exact search. */
const EXACT: ReadonlySet<string> = new Set(["FLAT", "BIN_FLAT"]);

/** Fewer rows are searched exactly: Milvus's `rootCoord.minSegmentSizeToEnableIndex`. */
export const LEAST_INDEXED_ROWS = 1024;

/** Null: nothing is built for this type on such vectors. */
export function familyOf(indexType: string, dataType: DataType, metric: Metric): IndexFamily | null {
  const families = FAMILIES[indexType] ?? [];
  return families.find((family) => holds(family, dataType, metric)) ?? null;
}

/** Of bits the families hold some metrics each; under the others searches are exact. */
function holds({ kind, dataTypes }: IndexFamily, dataType: DataType, metric: Metric): boolean {
  if (!dataTypes.includes(dataType)) return false;
  if (dataType !== DataType.BinaryVector) return true;
  return kind === "bands" ? metric === Metric.MHJACCARD : metric === Metric.HAMMING || metric === Metric.JACCARD;
}

/** The same of a field with the parameters of its index. Arrays of vectors are indexed by their vectors, for searches of elements and of lists. */
export function familyOfField(
  field: Pick<FieldSchema, "dataType" | "elementType">,
  indexType: string,
  params: readonly KeyValue[],
): IndexFamily | null {
  const { dataType, elementType } = field;
  if (!isVectorType(dataType)) return null;
  const given = params.find(({ key }) => key === "metric_type")?.value.toUpperCase() ?? "";
  const metric = given === "" ? defaultMetric(field) : (given as Metric);
  return familyOf(indexType, dataType === DataType.ArrayOfVector ? elementType : dataType, vectorMetric(metric));
}

/** What single vectors are compared by: the metric itself, or that of the vectors of lists. */
export function vectorMetric(metric: Metric): Metric {
  return LIST_METRICS[metric] ?? metric;
}

/** Whether a file is built for such an index of a segment; otherwise reads do without. */
export function isBuilt(field: FieldSchema, indexType: string, params: readonly KeyValue[]): boolean {
  return familyOfField(field, indexType, params) !== null || scalarBuild(field, indexType, params) !== null;
}

/** Whether an exact search is what the type promises. */
export function isExact(indexType: string): boolean {
  return EXACT.has(indexType);
}
