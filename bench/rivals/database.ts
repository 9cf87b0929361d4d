/** What a database in this process must offer to be compared with others: `elanus.ts`, `zvec.ts`, `lancedb.ts`. */

/** Rows have their number as key and, for filters, a `bucket` of 1,000. */
export interface Rows {
  readonly first: number;
  readonly dimension: number;
  readonly vectors: Float32Array<ArrayBuffer>;
}

export interface Database {
  /** What its index is, for the table. */
  readonly about: string;
  /** New rows, made searchable through a finished index, with whatever calls that takes. */
  build(rows: Rows): Promise<void>;
  /** Rows again under keys that are known, by the call that is meant for that and no other. */
  replace(rows: Rows): Promise<void>;
  /** Numbers of the ten nearest, among rows of buckets below `buckets`; null: among all. */
  search(vector: Float32Array, width: number, buckets: number | null): Promise<ArrayLike<number>>;
  /** The same of many in one call, where there is such a call. */
  searchMany?(vectors: readonly Float32Array[], width: number): Promise<readonly ArrayLike<number>[]>;
  close(): Promise<void>;
}

/** Opens what lies in the folder, or an empty database there. */
export type OpenDatabase = (folder: string, metric: "COSINE" | "L2", dimension: number) => Promise<Database>;

export const BUCKETS = 1000;

/** Spread as if at random, and the same everywhere. */
export function bucketOf(row: number): number {
  return (Math.imul(row + 1, 0x9e3779b1) >>> 7) % BUCKETS;
}
