/** Data types and enumerations with the numbers that Milvus uses on the wire and in files. */

export const DataType = {
  None: 0,
  Bool: 1,
  Int8: 2,
  Int16: 3,
  Int32: 4,
  Int64: 5,
  Float: 10,
  Double: 11,
  String: 20,
  VarChar: 21,
  Array: 22,
  JSON: 23,
  Geometry: 24,
  Text: 25,
  Timestamptz: 26,
  BinaryVector: 100,
  FloatVector: 101,
  Float16Vector: 102,
  BFloat16Vector: 103,
  SparseFloatVector: 104,
  Int8Vector: 105,
  ArrayOfVector: 106,
  ArrayOfStruct: 200,
  Struct: 201,
} as const;
export type DataType = (typeof DataType)[keyof typeof DataType];

const NAMES = new Map<number, string>(Object.entries(DataType).map(([name, number]) => [number, name]));

/** `Int64`, `VarChar`…: the spelling in Milvus's messages. */
export function dataTypeName(type: number): string {
  return NAMES.get(type) ?? `DataType(${type})`;
}

export function isVectorType(type: DataType): boolean {
  return type >= DataType.BinaryVector && type <= DataType.ArrayOfVector;
}

/** Types whose columns are of kind `array`. */
export function isArrayType(type: DataType): boolean {
  return type === DataType.Array || type === DataType.ArrayOfVector;
}

export const ConsistencyLevel = { Strong: 0, Session: 1, Bounded: 2, Eventually: 3, Customized: 4 } as const;
export type ConsistencyLevel = (typeof ConsistencyLevel)[keyof typeof ConsistencyLevel];
/** The property that changes it. */
export const CONSISTENCY_LEVEL_KEY = "consistency_level";

/** Null: there is none of that name. */
export function consistencyLevelOf(name: string): ConsistencyLevel | null {
  return Object.hasOwn(ConsistencyLevel, name) ? ConsistencyLevel[name as keyof typeof ConsistencyLevel] : null;
}

export const SegmentState = {
  None: 0,
  NotExist: 1,
  Growing: 2,
  Sealed: 3,
  Flushed: 4,
  Flushing: 5,
  Dropped: 6,
  Importing: 7,
} as const;
export type SegmentState = (typeof SegmentState)[keyof typeof SegmentState];

export const SegmentLevel = { Legacy: 0, L0: 1, L1: 2, L2: 3 } as const;
export type SegmentLevel = (typeof SegmentLevel)[keyof typeof SegmentLevel];

export const LoadState = { NotExist: 0, NotLoad: 1, Loading: 2, Loaded: 3 } as const;
export type LoadState = (typeof LoadState)[keyof typeof LoadState];

export const IndexState = { None: 0, Unissued: 1, InProgress: 2, Finished: 3, Failed: 4, Retry: 5 } as const;
export type IndexState = (typeof IndexState)[keyof typeof IndexState];

/**
 * L2 squared, IP, COSINE: of numbers. HAMMING: bits that differ; JACCARD: 1 - shared bits / all bits; SUBSTRUCTURE and SUPERSTRUCTURE: 0
 * for rows that have all bits of the query, and only bits of the query, and nothing else is a hit; MHJACCARD: the share of equal
 * hashes in two MinHash signatures. MAX_SIM…: of two lists of vectors, the sum over the first of the best that the second has for each.
 */
export const Metric = {
  L2: "L2",
  IP: "IP",
  COSINE: "COSINE",
  HAMMING: "HAMMING",
  JACCARD: "JACCARD",
  SUBSTRUCTURE: "SUBSTRUCTURE",
  SUPERSTRUCTURE: "SUPERSTRUCTURE",
  MHJACCARD: "MHJACCARD",
  MAX_SIM: "MAX_SIM",
  MAX_SIM_COSINE: "MAX_SIM_COSINE",
  MAX_SIM_IP: "MAX_SIM_IP",
  MAX_SIM_L2: "MAX_SIM_L2",
  MAX_SIM_HAMMING: "MAX_SIM_HAMMING",
  MAX_SIM_JACCARD: "MAX_SIM_JACCARD",
} as const;
export type Metric = (typeof Metric)[keyof typeof Metric];

export const NUMBER_METRICS = [Metric.L2, Metric.IP, Metric.COSINE] as const satisfies readonly Metric[];
export const BIT_METRICS = [
  Metric.HAMMING,
  Metric.JACCARD,
  Metric.SUBSTRUCTURE,
  Metric.SUPERSTRUCTURE,
  Metric.MHJACCARD,
] as const satisfies readonly Metric[];

/** Metrics of lists of vectors, each with that of its vectors. */
export const LIST_METRICS: Readonly<Partial<Record<Metric, Metric>>> = {
  [Metric.MAX_SIM]: Metric.COSINE,
  [Metric.MAX_SIM_COSINE]: Metric.COSINE,
  [Metric.MAX_SIM_IP]: Metric.IP,
  [Metric.MAX_SIM_L2]: Metric.L2,
  [Metric.MAX_SIM_HAMMING]: Metric.HAMMING,
  [Metric.MAX_SIM_JACCARD]: Metric.JACCARD,
};

const SIMILARITIES: ReadonlySet<Metric> = new Set([
  Metric.IP,
  Metric.COSINE,
  Metric.MHJACCARD,
  Metric.MAX_SIM,
  Metric.MAX_SIM_COSINE,
  Metric.MAX_SIM_IP,
]);

/** Whether smaller is better. */
export function isDistance(metric: Metric): boolean {
  return !SIMILARITIES.has(metric);
}
