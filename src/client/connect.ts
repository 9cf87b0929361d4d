/**
 * The package's entry: a database in this process.
 *
 *     import { connect } from "elanus";
 *
 *     await using db = await connect("./data");
 *     await db.createCollection({ name: "docs", dimension: 384 });
 *     await db.insert("docs", [{ id: 1, vector, title: "first" }]);
 *     const hits = await db.search("docs", { vector, limit: 5, outputFields: ["title"] });
 *
 * The engine runs in a thread of its own: a program that computes for a second delays no write and no timer of the engine. The thread
 * keeps the process alive only while calls are open. Acknowledged writes are durable however the process ends; `close()` makes the next
 * opening quick and lets the directory go.
 */

import type { EngineLimits } from "../engine/limits.ts";
import { Elanus } from "./elanus.ts";
import { EngineLink } from "./engine-link.ts";
import { type AskForCollection, NearSearches } from "./near-searches.ts";

export interface ConnectOptions {
  /** One line each about what the engine does on its own. */
  readonly log?: (line: string) => void;
  /** Numbers that shape the engine, where its defaults do not fit. */
  readonly limits?: Partial<EngineLimits>;
}

/**
 * Opens a data directory, making it where there is none. One client at a time, of one process, has it open.
 *
 * @throws MilvusError 2 when somebody has it open, with pid, host and what to do; 1005 or 1010 when it is no directory to write to.
 */
export async function connect(directory: string, options: ConnectOptions = {}): Promise<Elanus> {
  const { log, limits = {} } = options;
  const { link, timestamp, changes } = await EngineLink.open({
    settings: { directory, limits, wantsLog: log !== undefined },
    log,
  });
  const lend: AskForCollection = (collectionName, lastWrite, wanted) =>
    link.call("lend", { databaseName: "", collectionName, lastWrite, ...wanted });
  return new Elanus(link, timestamp, new NearSearches(link, lend, changes));
}

export type { Explained, Hit, SearchExplanation } from "./hits.ts";
export type { Aggregation, Bucket, BucketHit, SearchAggregationOptions } from "./aggregation.ts";
export { MilvusError } from "../base/errors.ts";
export type {
  CollectionDescription,
  CollectionOptions,
  CollectionStats,
  ConsistencyLevelName,
  FieldOptions,
  FieldType,
  FullCollectionOptions,
  IndexOptions,
  MetricType,
  QuickCollectionOptions,
} from "./collection-options.ts";
export type { Elanus } from "./elanus.ts";
export type {
  CallOptions,
  CountOptions,
  DeleteOptions,
  FilterParams,
  IterateOptions,
  PartitionsOption,
  PointInTime,
  QueryOptions,
  SearchIterateOptions,
  SearchManyOptions,
  SearchOneOptions,
  SearchOptions,
} from "./read-options.ts";
export type { SparseVector, Vector } from "./query-vectors.ts";
export type { HybridSearchOptions, SubSearchOptions } from "./hybrid.ts";
export type { Boost, DecayRerank, RankOptions, Rerank } from "./rerank.ts";
export type { ColumnValues, ColumnsInput } from "./rows-input.ts";
export type { DeleteResult, InsertOptions, UpsertOptions, WriteResult } from "./writes.ts";
export type { AnyRow, FieldValue, Int64, JsonValue, Key } from "./values.ts";
