/**
 * The client: what a program does with a database in its own process, in Milvus's terms.
 *
 * Always true:
 *  - a read sees every write of this client that was acknowledged before, and everything that was in the directory when it was opened:
 *    it reads with level `Session` and the timestamp of the client's last write, unless it names another level;
 *  - what is known here about schemas is forgotten with every change of them, and the engine refuses a write made by an old one;
 *  - rows are read, and typed arrays copied, before a write is sent; until its promise settles a program leaves them as they are.
 *
 * Not here: the engine's thread (`engine-link.ts`), rows to columns and back (`rows-input.ts`, `result-rows.ts`).
 */

import { asMilvusError, invalidParameter } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { columnRows } from "../model/columns.ts";
import { type CollectionInfo, primaryKeyField } from "../model/schema.ts";
import { ConsistencyLevel } from "../model/types.ts";
import type { Target } from "../proxy/requests.ts";
import { type Bucket, type SearchAggregationOptions, aggregationSpec, bucketOf } from "./aggregation.ts";
import type { Written } from "./calls.ts";
import {
  type CollectionDescription,
  type CollectionOptions,
  type CollectionStats,
  type IndexOptions,
  type FieldOptions,
  creation,
  description,
  fieldOf,
  structOf,
  indexRequest,
} from "./collection-options.ts";
import type { EngineLink } from "./engine-link.ts";
import type { Explain, Explained, Hit } from "./hits.ts";
import { type HybridSearchOptions, hybridRequest } from "./hybrid.ts";
import { KnownCollections } from "./known-collections.ts";
import type { NearSearches } from "./near-searches.ts";
import { checkedBatch, pageOf, rowsBehind, walkHits, walkRows } from "./iterate.ts";
import {
  type CallOptions,
  type CountOptions,
  type DeleteOptions,
  type IterateOptions,
  type PartitionsOption,
  type QueryOptions,
  type SearchIterateOptions,
  type SearchManyOptions,
  type SearchOneOptions,
  type SearchOptions,
  type Selection,
  filterSelection,
  freshness,
  keySelection,
  queryRequest,
  searchRequest,
} from "./read-options.ts";
import { hitsOf, keysOf, rowsOf } from "./result-rows.ts";
import type { ColumnsInput } from "./rows-input.ts";
import type { AnyRow, Key } from "./values.ts";
import {
  type DeleteResult,
  type InsertOptions,
  type UpsertOptions,
  WriteResult,
  arrayOperationsOf,
  inputColumns,
  updated,
} from "./writes.ts";

/** What a client needs of the engine, wherever it runs. */
export type Link = Pick<EngineLink, "call" | "close">;

export class Elanus implements AsyncDisposable {
  readonly #link: Link;
  readonly #databaseName = "";
  /** Null: every search goes to the engine. */
  readonly #near: NearSearches | null;
  readonly #known: KnownCollections;
  #lastWrite: Timestamp;

  /** Use `connect`. */
  constructor(link: Link, openedAt: Timestamp, near: NearSearches | null = null) {
    this.#link = link;
    this.#near = near;
    this.#lastWrite = openedAt;
    this.#known = new KnownCollections(
      async (name) => (await link.call("describeCollection", this.#target(name))).collection,
    );
  }

  /** Waits for open calls, then closes the directory, so that it can be opened again. Idempotent. Further calls are refused. */
  close(): Promise<void> {
    return this.#link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // Collections

  /**
   * Makes a collection, its indexes, and loads it, so that rows can be inserted and searched at once; or nothing of it.
   *
   *     await db.createCollection({ name: "docs", dimension: 384 });
   *     await db.createCollection({
   *       name: "books",
   *       fields: [
   *         { name: "isbn", type: "VarChar", maxLength: 13, primaryKey: true },
   *         { name: "embedding", type: "FloatVector", dimension: 384 },
   *         { name: "year", type: "Int32", nullable: true },
   *       ],
   *       indexes: [{ field: "embedding", indexType: "HNSW", metricType: "IP", params: { M: 16, efConstruction: 200 } }],
   *     });
   *
   * @throws MilvusError 1100 with the reason when the schema is not allowed.
   */
  async createCollection(options: CollectionOptions, { signal }: CallOptions = {}): Promise<void> {
    await this.#change(() => this.#link.call("createCollection", creation(this.#databaseName, options), { signal }));
  }

  /** Drops a collection and its rows. One that is not there is no error, as in Milvus. */
  async dropCollection(name: string): Promise<void> {
    await this.#change(() => this.#link.call("dropCollection", this.#target(name)));
  }

  async renameCollection(name: string, newName: string): Promise<void> {
    await this.#change(() => this.#link.call("renameCollection", { ...this.#target(name), newName }));
  }

  /** Adds a field; the rows that are there have its default, or null. It is nullable, or has a default. */
  async addField(name: string, field: FieldOptions): Promise<void> {
    const target = this.#target(name);
    if (field.type === "ArrayOfStruct") {
      await this.#change(() => this.#link.call("addStruct", { ...target, struct: structOf(field) }));
    } else await this.#change(() => this.#link.call("addField", { ...target, field: fieldOf(field) }));
  }

  /** Takes a field away, with its indexes. Its name is free at once; a new field of that name is another one. */
  async dropField(name: string, fieldName: string): Promise<void> {
    await this.#change(() => this.#link.call("dropField", { ...this.#target(name), fieldName }));
  }

  /** Properties as in Milvus: `{ "collection.ttl.seconds": 3600 }`; null takes one away. */
  async alterCollection(
    name: string,
    properties: Readonly<Record<string, string | number | boolean | null>>,
  ): Promise<void> {
    const given = Object.entries(properties);
    const set = given.flatMap(([key, value]) => (value === null ? [] : [{ key, value: String(value) }]));
    const deleteKeys = given.flatMap(([key, value]) => (value === null ? [key] : []));
    await this.#change(() =>
      this.#link.call("alterCollection", { ...this.#target(name), properties: set, deleteKeys }),
    );
  }

  /** Takes all rows away and leaves the collection as it is; resolves when no read sees one any more. */
  async truncateCollection(name: string): Promise<void> {
    await this.#change(() => this.#link.call("truncateCollection", this.#target(name)));
  }

  /** By name or alias. */
  hasCollection(name: string): Promise<boolean> {
    return this.#link.call("hasCollection", this.#target(name));
  }

  /** Names, sorted. */
  async listCollections(): Promise<string[]> {
    return [...(await this.#link.call("listCollections", { databaseName: this.#databaseName }))];
  }

  /** @throws MilvusError 100 when there is none. */
  async describeCollection(name: string): Promise<CollectionDescription> {
    return description(await this.#link.call("describeCollection", this.#target(name)));
  }

  async createIndex(name: string, index: IndexOptions): Promise<void> {
    await this.#change(() => this.#link.call("createIndex", { ...this.#target(name), ...indexRequest(index) }));
  }

  async dropIndex(name: string, indexName: string): Promise<void> {
    await this.#change(() => this.#link.call("dropIndex", { ...this.#target(name), indexName }));
  }

  /** Makes a collection, or some of its partitions, searchable; resolves when it is. */
  async load(name: string, { partitions, signal }: PartitionsOption = {}): Promise<void> {
    const request = { ...this.#target(name), partitionNames: partitions ?? null };
    await this.#change(() => this.#link.call("loadCollection", request, { signal }));
  }

  /** The opposite of `load`: frees memory; the rows stay. */
  async release(name: string, { partitions, signal }: PartitionsOption = {}): Promise<void> {
    const request = { ...this.#target(name), partitionNames: partitions ?? null };
    await this.#change(() => this.#link.call("releaseCollection", request, { signal }));
  }

  // Partitions and aliases

  async createPartition(name: string, partitionName: string): Promise<void> {
    await this.#change(() => this.#link.call("createPartition", { ...this.#target(name), partitionName }));
  }

  /** A loaded partition must be released first. */
  async dropPartition(name: string, partitionName: string): Promise<void> {
    await this.#change(() => this.#link.call("dropPartition", { ...this.#target(name), partitionName }));
  }

  async listPartitions(name: string): Promise<string[]> {
    const { collection } = await this.#link.call("describeCollection", this.#target(name));
    return collection.partitions.map((partition) => partition.name);
  }

  async createAlias(name: string, alias: string): Promise<void> {
    await this.#change(() => this.#link.call("createAlias", { ...this.#target(name), alias }));
  }

  /** Points an alias at another collection, in one step. */
  async alterAlias(name: string, alias: string): Promise<void> {
    await this.#change(() => this.#link.call("alterAlias", { ...this.#target(name), alias }));
  }

  async dropAlias(alias: string): Promise<void> {
    await this.#change(() => this.#link.call("dropAlias", { databaseName: this.#databaseName, alias }));
  }

  async listAliases(name: string): Promise<string[]> {
    return [...(await this.#link.call("describeCollection", this.#target(name))).aliases];
  }

  // Writes

  /**
   * Inserts rows, as objects or as columns; resolves when they are durable. All of them are written or none.
   *
   *     await db.insert("docs", [{ id: 1, vector: [0.1, …], title: "a" }]);
   *     await db.insert("docs", { id: BigInt64Array.of(1n, 2n), vector: floats, title: ["a", "b"] });
   *
   * Keys of rows, and names of columns, that are no fields go to the dynamic field. Keys are not checked for duplicates: a second row
   * with the same key hides the first in reads.
   *
   * @throws MilvusError 100 when there is no such collection; 1100 with row and field when a value does not fit.
   */
  insert(name: string, rows: readonly object[] | ColumnsInput, options: InsertOptions = {}): Promise<WriteResult> {
    return this.#write("insert", name, rows, options);
  }

  /**
   * Inserts rows and deletes those of the same keys, in one step. With `autoId` rows name the key to replace, and get a new one.
   *
   *     await db.upsert("docs", [{ id: 7, title: "new" }], { partial: true });
   *     await db.upsert("docs", [{ id: 7, tags: ["read"] }], { partial: true, arrayOperations: { tags: "append" } });
   */
  upsert(name: string, rows: readonly object[] | ColumnsInput, options: UpsertOptions = {}): Promise<WriteResult> {
    return this.#write("upsert", name, rows, options);
  }

  /** Deletes rows by key or by filter; resolves when that is durable. Rows written after the call are not touched. */
  async delete(name: string, options: DeleteOptions): Promise<DeleteResult> {
    const { signal, partition = "" } = options;
    if ((options.ids === undefined) === (options.filter === undefined)) {
      throw invalidParameter("a delete takes either ids or a filter");
    }
    if (options.ids?.length === 0) return { count: 0, timestamp: null };
    const { deleteCount, timestamp } = await this.#link.call(
      "delete",
      {
        ...this.#target(name),
        ...(await this.#selection(name, options)),
        partitionName: partition,
        consistencyLevel: ConsistencyLevel.Strong,
      },
      { signal },
    );
    this.#wrote(timestamp);
    return { count: deleteCount, timestamp };
  }

  /** Writes rows in memory to files; resolves when the files are durable. Acknowledged rows are durable without it, in the log. */
  flush(name: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#link.call("flush", this.#target(name), { signal });
  }

  // Reads

  /**
   * The nearest rows to one vector, or to each of several: best first, ties by key.
   *
   *     const hits = await db.search("docs", { vector, limit: 5, filter: "year > 1990", outputFields: ["title"] });
   *     hits[0].id; hits[0].score; hits[0].title;
   *
   * A hit is `{ id, score, ...fields }`: `id` is the primary key whatever its field is called, `score` the distance or similarity. Should a field
   * (or dynamic key) that is asked for be named `score`, or one that is not the key `id`, it stands as `$score` or `$id`. Keys and
   * fields of Int64 are numbers where that is exact, else bigints (`values.ts`).
   *
   * With `explain: true` the answer is `{ hits, explanation }`: what was done in each segment and why, with counts.
   *
   * @throws MilvusError 100 no such collection, 101 not loaded, 1100 with the reason for a wrong vector, filter, field or parameter.
   */
  search<Row extends object = AnyRow>(name: string, options: Explain<SearchOneOptions>): Promise<Explained<Hit<Row>[]>>;
  search<Row extends object = AnyRow>(
    name: string,
    options: Explain<SearchManyOptions>,
  ): Promise<Explained<Hit<Row>[][]>>;
  search<Row extends object = AnyRow>(name: string, options: SearchOneOptions): Promise<Hit<Row>[]>;
  search<Row extends object = AnyRow>(name: string, options: SearchManyOptions): Promise<Hit<Row>[][]>;
  async search(name: string, options: SearchOptions): Promise<Hit[] | Hit[][] | Explained<Hit[] | Hit[][]>> {
    if (this.#near !== null) {
      const found = this.#near.search(name, options, () => this.#lastWrite);
      const near = found instanceof Promise ? await found : found;
      if (near !== null) return near;
    }
    const request = searchRequest(this.#target(name), options, this.#lastWrite);
    const { values } = request.queries;
    const buffers = ArrayBuffer.isView(values)
      ? [values.buffer]
      : values.kind === "bytes"
        ? [...new Set([values.bytes.buffer, values.offsets.buffer])]
        : [];
    const response = await this.#link.call("search", request, {
      signal: options.signal,
      transfer: buffers as ArrayBuffer[],
    });
    const lists = hitsOf(response) as Hit[][];
    const hits = options.vectors === undefined ? lists[0]! : lists;
    const { explanation } = response;
    return explanation === null ? hits : { hits, explanation };
  }

  /**
   * The nearest rows in buckets of equal values, in the order of their best rows or another, with counts and metrics of the rows found.
   *
   *     const brands = await db.searchBuckets("shoes", {
   *       vector,
   *       aggregation: { fields: ["brand"], size: 5, metrics: { cheapest: { min: "price" } }, topHits: { size: 3 } },
   *     });
   *
   * Rows found are those of as many buckets as the levels may show, each with as many rows as any level shows hits: metrics are of these.
   */
  async searchBuckets(name: string, { aggregation, ...options }: SearchAggregationOptions): Promise<Bucket[]> {
    const request = searchRequest(this.#target(name), options, this.#lastWrite);
    const asked = { ...request, aggregation: aggregationSpec(aggregation) };
    const { buckets } = await this.#link.call("search", asked, { signal: options.signal });
    return buckets![0]!.map(bucketOf);
  }

  /**
   * Rows by filter or by key, in the order of their keys; without either a `limit` is needed. All fields if `outputFields` says nothing;
   * the key always.
   */
  async query<Row extends object = AnyRow>(name: string, options: QueryOptions): Promise<Row[]> {
    if (options.ids !== undefined && options.filter !== undefined) {
      throw invalidParameter("a query takes either ids or a filter");
    }
    if (options.ids?.length === 0) return [];
    const request = queryRequest(this.#target(name), options, await this.#selection(name, options), this.#lastWrite);
    const { fields } = await this.#link.call("query", request, { signal: options.signal });
    return rowsOf(fields, fields.length === 0 ? 0 : columnRows(fields[0]!.column)) as Row[];
  }

  /**
   * Every row that passes a filter, in the order of the keys, a page at a time, as of the beginning.
   *
   *     for await (const rows of db.iterate("docs", { filter: "year > 1990", batchSize: 500 })) …
   */
  async *iterate<Row extends object = AnyRow>(name: string, options: IterateOptions = {}): AsyncGenerator<Row[]> {
    const batchSize = checkedBatch(options.batchSize);
    const asOf = await this.#link.call("timestamp", {}, { signal: options.signal });
    const { schema } = await this.#known.get(name);
    const key = primaryKeyField(schema);
    const ask = (after: Key | null, limit: number): Promise<Row[]> =>
      this.query<Row>(name, { ...rowsBehind(options, key.name, after), limit, asOf });
    yield* walkRows(ask, (row) => (row as Record<string, Key>)[key.name]!, batchSize);
  }

  /** The hits of one vector, best first, a page at a time, up to `limit` (all if not given), as of the beginning. */
  async *searchIterate<Row extends object = AnyRow>(
    name: string,
    { batchSize, limit = Infinity, ...options }: SearchIterateOptions,
  ): AsyncGenerator<Hit<Row>[]> {
    const size = checkedBatch(batchSize);
    const asOf = await this.#link.call("timestamp", {}, { signal: options.signal });
    const ask = async (bound: number | null): Promise<{ hits: Hit<Row>[]; bound: number | null }> => {
      const request = searchRequest(this.#target(name), { ...options, limit: size, asOf }, this.#lastWrite);
      const response = await this.#link.call("search", pageOf(request, size, bound), { signal: options.signal });
      return { hits: hitsOf(response)[0] as Hit<Row>[], bound: response.iterator?.lastBound ?? null };
    };
    yield* walkHits(ask, limit);
  }

  /**
   * Several searches of one snapshot, fused into one list.
   *
   *     await db.hybridSearch("docs", {
   *       searches: [{ field: "text_vector", vector }, { field: "image_vector", vector: other, filter: "year > 1990" }],
   *       rerank: { strategy: "weighted", weights: [0.7, 0.3] },
   *     });
   */
  hybridSearch<Row extends object = AnyRow>(
    name: string,
    options: Explain<HybridSearchOptions>,
  ): Promise<Explained<Hit<Row>[]>>;
  hybridSearch<Row extends object = AnyRow>(name: string, options: HybridSearchOptions): Promise<Hit<Row>[]>;
  async hybridSearch(name: string, options: HybridSearchOptions): Promise<Hit[] | Explained<Hit[]>> {
    const request = hybridRequest(this.#target(name), options, this.#lastWrite);
    const response = await this.#link.call("hybridSearch", request, { signal: options.signal });
    const hits = hitsOf(response)[0] as Hit[];
    const { explanation } = response;
    return explanation === null ? hits : { hits, explanation };
  }

  /** How many rows there are, or how many pass a filter. Exact: deleted rows and older versions do not count. */
  async count(name: string, options: CountOptions = {}): Promise<number> {
    const request = {
      ...this.#target(name),
      ...freshness(options.consistencyLevel, this.#lastWrite, options.asOf),
      ...filterSelection(options.filter, options.filterParams),
      partitionNames: options.partitions ?? [],
      outputFields: ["count(*)"],
      params: new Map<string, string>(),
    };
    const { fields } = await this.#link.call("query", request, { signal: options.signal });
    return Number(keysOf(fields[0]!.column as Written["keys"])[0]);
  }

  /** Sizes, without reading any row. */
  stats(name: string): Promise<CollectionStats> {
    return this.#link.call("count", this.#target(name));
  }

  #target(collectionName: string): Target {
    return { databaseName: this.#databaseName, collectionName };
  }

  async #write(
    name: "insert" | "upsert",
    collectionName: string,
    rows: readonly object[] | ColumnsInput,
    options: UpsertOptions,
  ): Promise<WriteResult> {
    const { partition = "", transfer = false, partial = false, idempotencyKey = "", signal } = options;
    const arrayOperations = arrayOperationsOf(options);
    const attempt = async (collection: CollectionInfo): Promise<Written> => {
      const input = inputColumns(partial ? updated(collection, rows) : collection, rows, name === "upsert", transfer);
      const { fields, rowCount } = input;
      const schemaTimestamp = collection.updateTimestamp;
      const target = this.#target(collectionName);
      const how = { partitionName: partition, schemaTimestamp, isPartial: partial, arrayOperations, idempotencyKey };
      const request = { ...target, ...how, fields, rowCount };
      return this.#link.call(name, request, { signal, transfer: input.transfer });
    };
    let written: Written;
    try {
      written = await attempt(await this.#known.get(collectionName));
    } catch (error) {
      // Arrays that were handed over are gone; the program has to try again itself.
      if (asMilvusError(error).kind !== "CollectionSchemaMismatch" || transfer) throw error;
      this.#known.forget(collectionName);
      written = await attempt(await this.#known.get(collectionName));
    }
    this.#wrote(written.timestamp);
    return new WriteResult(written);
  }

  async #selection(name: string, options: Pick<QueryOptions, "ids" | "filter" | "filterParams">): Promise<Selection> {
    if (options.ids === undefined) return filterSelection(options.filter, options.filterParams);
    const key = primaryKeyField((await this.#known.get(name)).schema);
    return keySelection(key.name, key.dataType, options.ids);
  }

  #wrote(timestamp: Timestamp): void {
    if (timestamp > this.#lastWrite) this.#lastWrite = timestamp;
  }

  /** Every alias of a collection is a name under which it may be known. */
  async #change(change: () => Promise<void>): Promise<void> {
    try {
      await (this.#near === null ? change() : this.#near.during(change));
    } finally {
      this.#known.forgetAll();
    }
  }
}
