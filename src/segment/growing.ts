/**
 * Growing segment: rows of one (collection, partition, channel) that are in the log and not yet flushed.
 *
 * Always true:
 *  - rows are appended in timestamp order, all rows of one log message at once; `rowCount` never shrinks;
 *  - what a reader was given stays as it was, whatever is appended while it waits;
 *  - a delete reaches the segment after every row with a smaller timestamp, as in the log;
 *  - after `seal()` nothing is appended; the flusher may read meanwhile;
 *  - this is the only copy of the rows in memory: it answers reads and is what a flush writes.
 *
 * Not here: choosing the segment for a row (wal), file layout (storage).
 */

import { assert, present } from "../base/assert.ts";
import { MAX_TIMESTAMP, type Timestamp } from "../base/timestamp.ts";
import type { FilterKernel, PlaceColumn } from "../kernel/filter-kernel.ts";
import type { ScalarIndex } from "../index/scalar/match.ts";
import { familyOf } from "../index/families.ts";
import { filtersOf, indexesOf } from "../kernel/load.ts";
import { type Kernel, NO_ROW } from "../kernel/kernel.ts";
import type { LogPosition } from "../log/log.ts";
import type { Bitset } from "../model/bitset.ts";
import {
  type Column,
  type ColumnBatch,
  columnRows,
  type FixedColumn,
  type KeyColumn,
  takeRows,
} from "../model/columns.ts";
import type { TimesSummary } from "../model/catalog.ts";
import { type Expiry, NOTHING_EXPIRED } from "../model/expiry.ts";
import { TimesSampler, writeExpiryTimes } from "../model/expiry-times.ts";
import { type CollectionSchema, primaryKeyField, ROW_ID_FIELD, TIMESTAMP_FIELD } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import { type Deltas, timestampColumn } from "../storage/deltas.ts";
import type { SegmentSource } from "../storage/segment-writer.ts";
import { deleteBatch, DeleteTimes } from "./delete-times.ts";
import { elementsOf, isOfElements, nearestElements } from "./element-search.ts";
import { DenseVectors, type FieldVectors } from "./field-vectors.ts";
import { GrowingFields, type GrowingVectors } from "./growing-fields.ts";
import { GrowingGraph, LEAST_ROWS } from "./growing-graph.ts";
import { hidingDeltas } from "./hiding-deltas.ts";
import { InsertTimes } from "./insert-times.ts";
import { KeyOrder, laterRowFirst, newestFirst } from "./key-order.ts";
import { type KeyReader, keyReader } from "./key-reader.ts";
import { sortByKey } from "./key-sort.ts";
import { KeyTable } from "./key-table.ts";
import { ExpiryTimes } from "./expiry-times.ts";
import { Lease } from "./lease.ts";
import { missingField } from "./missing-field.ts";
import { lentGrowing } from "./lend-growing.ts";
import { type LentSearch, type LentSegment, lentColumns } from "./lent.ts";
import { pickRows } from "./pick-rows.ts";
import { PlaceColumns } from "./place-columns.ts";
import { nearestRows, type NearestSource } from "./nearest.ts";
import { SearchWork } from "./search-work.ts";
import { drained, inTurns, type Pause } from "../base/turns.ts";
import type { RowView, Segment, SegmentHits, VectorSearch } from "./segment.ts";
import { reachableRows, unexpired, Visibility } from "./visibility.ts";

export interface GrowingSegmentOptions {
  readonly segmentId: bigint;
  readonly partitionId: bigint;
  readonly collectionId: bigint;
  readonly channel: string;
  readonly schema: CollectionSchema;
  /** Where the log must be read from to get every row of this segment. */
  readonly startPosition: LogPosition;
}

export class GrowingSegment implements Segment {
  readonly state = "growing";
  readonly segmentId: bigint;
  readonly partitionId: bigint;
  readonly collectionId: bigint;
  readonly channel: string;
  readonly startPosition: LogPosition;
  readonly #kernel: Kernel;
  readonly #keyFieldId: bigint;
  readonly #fields: GrowingFields;
  /** Of fields that were searched when they had many rows. */
  readonly #graphs = new Map<bigint, GrowingGraph>();
  readonly #table = new KeyTable();
  readonly #order = new KeyOrder();
  readonly #deletes = new DeleteTimes();
  readonly #visibility: Visibility;
  readonly #expiryTimes = new ExpiryTimes();
  /** Null where the kernel runs no filters. */
  readonly #places: PlaceColumns | null;
  readonly #lease: Lease;
  readonly #inserts = new InsertTimes();
  #rowCount = 0;
  #keys: KeyReader;
  #sealed = false;
  #isAppending = false;
  #schema: CollectionSchema;

  constructor(options: GrowingSegmentOptions, kernel: Kernel) {
    this.segmentId = options.segmentId;
    this.partitionId = options.partitionId;
    this.collectionId = options.collectionId;
    this.channel = options.channel;
    this.#schema = options.schema;
    this.startPosition = options.startPosition;
    this.#kernel = kernel;
    this.#keyFieldId = primaryKeyField(options.schema).fieldId;
    this.#fields = new GrowingFields(kernel, options.schema.fields);
    this.#keys = keyReader(this.keys());
    this.#visibility = new Visibility(kernel, this.#deletes);
    const filters = filtersOf(kernel);
    this.#places = filters === null ? null : new PlaceColumns(filters);
    this.#lease = new Lease(options.segmentId, () => {
      for (const graph of this.#graphs.values()) graph.close();
      this.#fields.close();
    });
  }

  get schema(): CollectionSchema {
    return this.#schema;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get isSealed(): boolean {
    return this.#sealed;
  }

  /** Whether its rows are so many, and were searched so, that they have a graph. */
  get hasGraph(): boolean {
    return this.#graphs.size > 0;
  }

  /** Of the oldest row; null while there is none. */
  get firstTimestamp(): Timestamp | null {
    return this.#inserts.first;
  }

  /** Of the newest row; 0 while there is none. */
  get lastTimestamp(): Timestamp {
    return this.#inserts.last;
  }

  /** Row versions that some delete hides. */
  get hiddenRows(): number {
    return this.#deletes.hiddenRows;
  }

  /** Bytes of the rows themselves, timestamps and row ids included: what `memoryBytes` is measured against. */
  get rawBytes(): number {
    return this.#rowCount * 8 + this.#fields.rawBytes;
  }

  get memoryBytes(): number {
    let bytes = this.#inserts.memoryBytes + this.#deletes.memoryBytes + this.#visibility.memoryBytes;
    bytes += this.#expiryTimes.memoryBytes;
    bytes += this.#places?.memoryBytes ?? 0;
    bytes += this.#table.memoryBytes + this.#order.memoryBytes;
    bytes += this.#fields.scalarMemoryBytes;
    if (!this.#lease.isFreed) {
      bytes += this.#fields.vectorMemoryBytes;
      for (const graph of this.#graphs.values()) bytes += graph.memoryBytes;
    }
    return bytes;
  }

  /** The collection has fields now that the rows here were written without: they have the default, or null. Dropped ones go. */
  adoptSchema(schema: CollectionSchema): void {
    assert(!this.#isAppending, "the schema changes between two messages");
    const known = new Set(this.#schema.fields.map(({ fieldId }) => fieldId));
    for (const field of schema.fields) if (!known.has(field.fieldId)) this.#fields.adopt(field, this.#rowCount);
    const kept = new Set(schema.fields.map(({ fieldId }) => fieldId));
    // What is sealed may be on its way to files, and goes soon.
    if (!this.#sealed) for (const fieldId of known) if (!kept.has(fieldId)) this.#dropField(fieldId);
    this.#schema = schema;
  }

  #dropField(fieldId: bigint): void {
    this.#fields.drop(fieldId);
    this.#places?.drop(fieldId);
  }

  /** The rows of one log message. */
  append(batch: ColumnBatch, rowIds: BigInt64Array, timestamp: Timestamp): void {
    drained(this.#append(batch, rowIds, timestamp));
  }

  /**
   * The same with a `pause` between pieces of many vectors, whose copying would hold up everybody else, and of the work on the order of keys.
   * The rows are there, all at once, when it resolves or a little sooner; until then nobody appends.
   */
  async appendInTurns(batch: ColumnBatch, rowIds: BigInt64Array, timestamp: Timestamp, pause: Pause): Promise<void> {
    this.#lease.acquire();
    try {
      await inTurns(this.#append(batch, rowIds, timestamp), pause);
    } finally {
      this.#lease.release();
    }
  }

  /** Stops where a caller may pause. Vectors behind `rowCount` are nobody's rows yet: searches end there. */
  *#append(batch: ColumnBatch, rowIds: BigInt64Array, timestamp: Timestamp): Generator<void> {
    assert(!this.#sealed && !this.#lease.closed, "a sealed segment takes no rows");
    assert(!this.#isAppending, "rows come one message after the other");
    assert(timestamp >= this.#inserts.last, "rows come in timestamp order");
    assert(rowIds.length === batch.rowCount, "every row has an id");
    for (const field of this.schema.fields) {
      const column = present(batch.columns.get(field.fieldId), `column of field ${field.fieldId}`);
      assert(columnRows(column) === batch.rowCount, "columns of a batch are equally long");
    }
    if (batch.rowCount === 0) return;
    this.#isAppending = true;
    for (const [fieldId, { vectors }] of this.#fields.vectors) {
      const column = batch.columns.get(fieldId)!;
      for (let from = 0; from < batch.rowCount; from += vectors.stepRows) {
        if (from > 0) yield;
        vectors.append(column, from, Math.min(batch.rowCount, from + vectors.stepRows));
      }
    }
    const idColumn: FixedColumn = { kind: "fixed", type: DataType.Int64, values: rowIds, valid: null };
    for (const [fieldId, column] of this.#fields.scalars) yield* column.reserve(batch.columns.get(fieldId) ?? idColumn);
    yield* this.#inserts.reserve(batch.rowCount);
    yield* this.#table.reserve(this.#keys, batch.rowCount);
    this.#isAppending = false;
    assert(!this.#sealed, "nobody seals a segment while rows come in");
    for (const [fieldId, { vectors, valid }] of this.#fields.vectors) {
      assert(vectors.rowCount === this.#rowCount + batch.rowCount, "the kernel has as many rows as the segment");
      valid.append(batch.columns.get(fieldId)!.valid, batch.rowCount);
    }
    for (const [fieldId, column] of this.#fields.scalars) {
      if (fieldId !== ROW_ID_FIELD) column.append(batch.columns.get(fieldId)!);
    }
    this.#fields.scalars.get(ROW_ID_FIELD)!.append(idColumn);
    this.#inserts.append(batch.rowCount, timestamp);
    this.#rowCount += batch.rowCount;
    this.#keys = keyReader(this.keys());
    this.#table.extend(this.#keys, this.#rowCount);
    // The rows are there; their order may take its time.
    yield* this.#order.keepUp(this.#keys);
  }

  applyDeletes(keys: KeyColumn, timestamps: BigUint64Array, upperBounds: BigUint64Array | null = null): number {
    const wanted = keyReader(keys);
    assert(wanted.kind === this.#keys.kind, "deletes have the key's type");
    const deletes = deleteBatch(wanted.rowCount, timestamps, upperBounds);
    let hidden = 0;
    for (let at = 0; at < wanted.rowCount; at += 1) {
      for (let row = this.#table.newest(this.#keys, wanted, at); row !== NO_ROW; row = this.#table.older(row)) {
        if (this.#deletes.hide(row, this.#inserts.halves, deletes, at)) hidden += 1;
      }
    }
    return hidden;
  }

  /** No more rows. Idempotent. */
  seal(): void {
    this.#sealed = true;
  }

  view(timestamp: Timestamp, { insertedUntil, field }: Expiry = NOTHING_EXPIRED): RowView {
    const rowCount = this.#inserts.rowsUntil(timestamp);
    // The rows left are inserted at `timestamp` or before, so that only deletes count.
    const view = this.#visibility.view(this.#inserts.times, rowCount, 0n, timestamp);
    const young = unexpired(
      this.#kernel,
      view,
      this.#inserts.times,
      this.#inserts.first ?? MAX_TIMESTAMP,
      insertedUntil,
    );
    return field === null ? young : this.#expiryTimes.alive(this.#kernel, young, this.column(field.fieldId), field);
  }

  get filters(): FilterKernel | null {
    return filtersOf(this.#kernel);
  }

  async places(
    fieldId: bigint,
    paths: readonly (readonly string[])[],
    rowCount: number,
  ): Promise<readonly PlaceColumn[] | null> {
    const documents = this.column(fieldId);
    assert(documents.kind === "bytes", "documents are bytes");
    return (await this.#places?.read(fieldId, documents, paths, rowCount)) ?? null;
  }

  /** Rows that still come have none. */
  indexesOver(): readonly ScalarIndex[] {
    return [];
  }

  keys(): KeyColumn {
    return this.#fields.scalars.get(this.#keyFieldId)!.view() as KeyColumn;
  }

  column(fieldId: bigint): Column {
    if (fieldId === TIMESTAMP_FIELD) return timestampColumn(this.#inserts.times.subarray(0, this.#rowCount));
    const column = this.#fields.scalars.get(fieldId);
    if (column === undefined) throw missingField(fieldId);
    return column.view();
  }

  rowsOfKeys(keys: KeyColumn): Uint32Array {
    const wanted = keyReader(keys);
    assert(wanted.kind === this.#keys.kind, "keys have the key's type");
    const rows: number[] = [];
    for (let at = 0; at < wanted.rowCount; at += 1) {
      for (let row = this.#table.newest(this.#keys, wanted, at); row !== NO_ROW; row = this.#table.older(row))
        rows.push(row);
    }
    const sorted = Uint32Array.from(rows).toSorted();
    return sorted.filter((row, at) => at === 0 || row !== sorted[at - 1]);
  }

  async sortByKey(rows: Uint32Array, limit: number | null = null, pause?: Pause): Promise<Uint32Array> {
    // For many rows it is cheaper to pick them from the order of all, most of which is known.
    const sorted =
      rows.length * 4 < this.#rowCount
        ? sortByKey(this.#keys, rows)
        : pickRows(this.#keys, await inTurns(this.#order.orderInTurns(this.#keys), pause ?? null), rows, limit);
    return await inTurns(newestFirst(this.#keys, sorted, laterRowFirst), pause ?? null);
  }

  async search(
    search: VectorSearch,
    view: RowView,
    allowed: Bitset | null,
    signal?: AbortSignal,
    picked: Bitset | null = null,
    pause?: Pause,
  ): Promise<SegmentHits> {
    const vector = this.#fields.vectors.get(search.fieldId);
    if (vector === undefined) throw missingField(search.fieldId);
    const reachable = reachableRows(view, allowed, vector.valid.view());
    const { rowCount } = view;
    const work = search.explain === true ? new SearchWork() : null;
    const searched = this.#searched(vector, search, rowCount, work);
    const source = this.#nearestSource(searched, pause ?? null);
    const hits = isOfElements(vector.vectors, search)
      ? await nearestElements(vector.vectors, source, search, rowCount, reachable, picked, signal, pause)
      : await nearestRows(source, search, rowCount, reachable, signal);
    if (work === null) return hits;
    const { segmentId, state } = this;
    return { ...hits, explanation: work.explain({ segmentId, state, rowCount, allowed: reachable, index: null }) };
  }

  /** For tests: graphs have ended what they do. */
  async settled(): Promise<void> {
    for (const graph of this.#graphs.values()) await graph.settled();
  }

  #searched(
    vector: GrowingVectors,
    search: VectorSearch,
    rowCount: number,
    work: SearchWork | null,
  ): Pick<FieldVectors, "search"> {
    const { vectors } = vector;
    const scanned = isOfElements(vectors, search) ? elementsOf(vectors) : vectors;
    const exact = work === null ? scanned : work.counting(scanned);
    const graph = this.#graphFor(vector, search, rowCount);
    if (graph === null) return exact;
    const { indexType = "", indexParams = new Map() } = search;
    return graph.over(exact, familyOf(indexType, vector.type, search.metric)!, indexType, indexParams, work);
  }

  /** Many rows of an index type that may miss some are searched through a graph, which the first such search makes. */
  #graphFor(
    { type, vectors }: GrowingVectors,
    { fieldId, metric, indexType = "" }: Pick<LentSearch, "fieldId" | "metric" | "indexType">,
    rowCount: number,
  ): GrowingGraph | null {
    const indexes = indexesOf(this.#kernel);
    const isForGraphs = type !== DataType.BinaryVector && vectors instanceof DenseVectors && rowCount >= LEAST_ROWS;
    if (indexes === null || !isForGraphs || this.#lease.closed || familyOf(indexType, type, metric) === null)
      return null;
    let graph = this.#graphs.get(fieldId);
    if (graph === undefined) {
      graph = new GrowingGraph(this.#kernel, indexes, vectors, metric);
      this.#graphs.set(fieldId, graph);
    }
    return graph.metric === metric ? graph : null;
  }

  /** Null: another thread cannot search it so. */
  lend(search: LentSearch, timestamp: Timestamp, expiry: Expiry): LentSegment | null {
    const vector = this.#fields.vectors.get(search.fieldId);
    if (vector === undefined || vector.valid.view() !== null) return null;
    const view = this.view(timestamp, expiry);
    const graph = this.#graphFor(vector, search, view.rowCount);
    const columns = (): ReadonlyMap<bigint, Column> =>
      lentColumns(search.columnIds, (fieldId) => this.#fields.scalars.get(fieldId)?.view() ?? null);
    return lentGrowing(this.segmentId, vector.vectors, view, this.keys(), graph, columns);
  }

  async take(fieldIds: readonly bigint[], rows: Uint32Array, pause?: Pause): Promise<ColumnBatch> {
    const columns = new Map<bigint, Column>();
    for (const fieldId of fieldIds) columns.set(fieldId, await this.#takeField(fieldId, rows, pause));
    return { rowCount: rows.length, columns };
  }

  /** Row numbers by key, then by time. Asked for in turns first, it costs a flush of many rows nothing when it comes. */
  async flushOrder(pause: Pause | null = null): Promise<Uint32Array> {
    return await inTurns(this.#order.orderInTurns(this.#keys), pause);
  }

  /** What a flush writes: every row in flush order, a column at a time. Deletes are not applied. The caller holds the segment until it has read what it wants. */
  flushSource(): SegmentSource {
    assert(this.#sealed, "a segment is sealed before it is flushed");
    const order = this.#order.order(this.#keys);
    const timestamps = new BigUint64Array(order.length);
    for (let at = 0; at < order.length; at += 1) timestamps[at] = this.#inserts.times[order[at]!]!;
    const rowIds = takeRows(this.column(ROW_ID_FIELD), order) as FixedColumn;
    return {
      rowCount: order.length,
      timestamps,
      rowIds: rowIds.values as BigInt64Array,
      column: async (fieldId, pause) => this.#takeField(fieldId, order, pause),
      averageBytes: this.#fields.averageBytes(this.#rowCount),
    };
  }

  /** The deletes that hide its rows, by now; for files. Null when none does. */
  flushDeltas(): Deltas | null {
    const times = this.#deletes.times(this.#rowCount);
    if (times === null) return null;
    return hidingDeltas(this.keys(), this.#inserts.times, times, this.#order.order(this.#keys), 0n);
  }

  /** Of every field of times; for whoever decides when expired rows are worth a compaction. */
  flushTimes(): TimesSummary[] {
    const fields = this.schema.fields.filter(({ dataType }) => dataType === DataType.Timestamptz);
    return fields.map(({ fieldId }) => {
      const times = new BigUint64Array(this.#rowCount);
      writeExpiryTimes(this.column(fieldId), times, 0);
      const sampler = new TimesSampler(fieldId, times.length);
      for (let row = 0; row < times.length; row += 1) sampler.add(row, times[row]!);
      return sampler.summary();
    });
  }

  acquire(): void {
    this.#lease.acquire();
  }

  release(): void {
    this.#lease.release();
  }

  close(): void {
    this.#lease.close();
  }

  async #takeField(fieldId: bigint, rows: Uint32Array, pause?: Pause): Promise<Column> {
    const vector = this.#fields.vectors.get(fieldId);
    if (vector !== undefined) return vector.vectors.take(rows, vector.valid.view(), pause ?? null);
    const taken = takeRows(this.column(fieldId), rows);
    await pause?.();
    return taken;
  }

  #nearestSource(vectors: NearestSource["vectors"], pause: Pause | null): NearestSource {
    const table = this.#table;
    return {
      vectors,
      rowOrderIsKeyOrder: false,
      hasRepeatedKeys: table.hasRepeatedKeys,
      keyReader: () => this.#keys,
      rank: () => inTurns(this.#order.rankInTurns(this.#keys), pause),
      compareAge: laterRowFirst,
      versionsOf: (row) => this.rowsOfKeys(takeRows(this.keys(), Uint32Array.of(row)) as KeyColumn),
    };
  }
}
