/**
 * A family of vector indexes: what Milvus's names and parameters mean to the kernel. One file a family, one line in `families.ts`.
 *
 * Always true:
 *  - a parameter means here what it means in Milvus; what the user did not say has Milvus's default (`types.ts`);
 *  - numbers that the kernel cannot take are brought to the nearest it can: a wider search is never refused, nor a narrower one made of it.
 *
 * Not here: which parameters may be given (parameters), building and searching (kernel), files and their records (data, coordinator).
 */

import type { IndexBuild, IndexRequest, SearchParameters } from "../kernel/index-kernel.ts";
import type { DataType } from "../model/types.ts";

/** What a user said to an index, flat. */
export type IndexParams = ReadonlyMap<string, unknown>;

type WithoutRequest<B> = B extends IndexRequest ? Omit<B, keyof IndexRequest> : never;

/** What the kernel is told besides rows, metric, seed and path. */
export type BuildParameters = WithoutRequest<IndexBuild>;

export interface IndexFamily {
  readonly kind: IndexBuild["kind"];
  /** The vectors that it can hold. */
  readonly dataTypes: readonly DataType[];
  /** Fewer hits than were wanted are an answer. Otherwise rows were missed, and are looked for exactly. */
  readonly mayFindFewer?: true;
  /** Of this index type over vectors of so many dimensions, with the parameters that its index was created with. `isRoomy`: whether memory
   * allows a larger and quicker layout, where there are two. */
  build(indexType: string, params: IndexParams, dimension: number, isRoomy: boolean): BuildParameters;
  /** What a row takes in memory in the layout that is built where there is room for it. */
  roomyBytes(indexType: string, params: IndexParams, dimension: number): number;
  /** What is made of a row of so many dimensions when an index is read, and so is in no file. Absent: nothing. */
  madeBytes?(dimension: number): number;
  /** Bytes of raw rows that a search of such an index should not have to read: of so many bytes of rows. Absent: none. */
  keptBytes?(indexType: string, params: IndexParams, rowBytes: number): number;
  /** `params`: of the build, and over them those of the search. `k`: hits wanted a query. */
  search(indexType: string, params: IndexParams, k: number): SearchParameters;
  /** The widths at which recall is measured when an index of so many rows was built, ascending; none where it is exact. */
  sampled(rowCount: number): readonly SearchParameters[];
  /** How wide a search with these parameters is, in the family's own unit. */
  width(parameters: SearchParameters): number;
}

/** A number that was given as such or as text, or the default. */
export function wholeNumber(params: IndexParams, key: string, absent: number): number {
  const given = params.get(key);
  if (given === undefined || given === null || given === "") return absent;
  const value = Number(given);
  return Number.isFinite(value) ? Math.trunc(value) : absent;
}

/** A switch that was given as such or as text, or the default. */
export function isOn(params: IndexParams, key: string, absent: boolean): boolean {
  const given = params.get(key);
  if (typeof given === "boolean") return given;
  return typeof given === "string" && given !== "" ? given.toLowerCase() === "true" : absent;
}

export function within(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
