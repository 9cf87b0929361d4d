/**
 * Sealed segment: immutable rows out of files, with the deletes that came since.
 *
 * Always true:
 *  - rows are in key order, so a key is found by binary search and ties need no sort;
 *  - scalars lie in memory; vectors are mapped from the file where it is local, else held by the kernel;
 *  - a read at or after the last insert, with nothing deleted up to it, sees all rows and costs no bitset;
 *  - only the fields that were asked for are there, besides the key and the timestamps.
 *
 * Not here: the files (storage), which deletes concern the segment (query), indexes (index).
 */

import { assert } from "../base/assert.ts";
import { invalidParameter, milvusError } from "../base/errors.ts";
import { Mutex } from "../base/mutex.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { ScalarIndex } from "../index/scalar/match.ts";
import type { FilterKernel, PlaceColumn } from "../kernel/filter-kernel.ts";
import { filtersOf } from "../kernel/load.ts";
import type { Handle, Kernel } from "../kernel/kernel.ts";
import type { Bitset } from "../model/bitset.ts";
import { type Column, type ColumnBatch, columnBytes, type KeyColumn, takeRows } from "../model/columns.ts";
import { type Expiry, NOTHING_EXPIRED } from "../model/expiry.ts";
import type { LeafFilter } from "../model/filter.ts";
import {
  type CollectionSchema,
  type FieldSchema,
  primaryKeyField,
  ROW_ID_FIELD,
  TIMESTAMP_FIELD,
} from "../model/schema.ts";
import { DataType, isVectorType } from "../model/types.ts";
import { type Deltas, timestampColumn } from "../storage/deltas.ts";
import type { SegmentFiles } from "../storage/segment-reader.ts";
import { absentColumn } from "./absent-column.ts";
import { elementsOf, isOfElements, nearestElements } from "./element-search.ts";
import { through } from "./list-index-search.ts";
import { DenseVectors, type FieldVectors, SparseVectors } from "./field-vectors.ts";
import { VectorLists } from "./vector-lists.ts";
import { type DeleteBatch, deleteBatch, DeleteTimes, halvesOf } from "./delete-times.ts";
import { newestFirst, rankOf } from "./key-order.ts";
import { inTurns, type Pause } from "../base/turns.ts";
import { firstRow, hasKey, hideByKey, hideInSlices } from "./hide-by-key.ts";
import { type KeyReader, keyReader } from "./key-reader.ts";
import { ExpiryTimes } from "./expiry-times.ts";
import { Lease } from "./lease.ts";
import { type LentSearch, type LentSegment, lentColumns, sharedKeys } from "./lent.ts";
import { missingField } from "./missing-field.ts";
import { PlaceColumns } from "./place-columns.ts";
import { nearestRows, type NearestSource } from "./nearest.ts";
import { ScalarIndexes } from "./scalar-indexes.ts";
import { closeAll, type SealedVectors, sealedVectors } from "./sealed-vectors.ts";
import { SearchWork } from "./search-work.ts";
import type { SegmentIndex } from "./segment-index.ts";
import type { RowView, Segment, SegmentHits, VectorSearch } from "./segment.ts";
import { reachableRows, unexpired, Visibility } from "./visibility.ts";

export interface SealedSegmentOptions {
  readonly schema: CollectionSchema;
  readonly kernel: Kernel;
  readonly runtime: Runtime;
  /** The fields to load; null means all. The key comes in any case. */
  readonly fieldIds: readonly bigint[] | null;
  /** Deletes that are not in the segment's own files. */
  readonly deltas: readonly Deltas[];
  /** Dense vectors of these fields are read into memory, where others are mapped if they can be. Absent: none. */
  readonly unmappedFieldIds?: readonly bigint[];
  /** Sparse vectors of these fields have packed lists in a file, and get none of their own. Absent: none. */
  readonly listlessFieldIds?: readonly bigint[];
}

/** What `load` read. */
interface Content {
  readonly files: SegmentFiles;
  readonly keys: KeyColumn;
  readonly timestamps: BigUint64Array;
  readonly scalars: Map<bigint, Column>;
  readonly vectors: Map<bigint, SealedVectors>;
}

export class SealedSegment implements Segment {
  readonly state = "sealed";
  readonly segmentId: bigint;
  readonly partitionId: bigint;
  readonly rowCount: number;
  readonly #kernel: Kernel;
  readonly #runtime: Runtime;
  readonly #files: SegmentFiles;
  readonly #keys: KeyReader;
  readonly #inserts: BigUint64Array;
  readonly #insertHalves: Uint32Array;
  readonly #latestInsert: Timestamp;
  readonly #hasRepeatedKeys: boolean;
  readonly #scalars: Map<bigint, Column>;
  readonly #fieldIds: readonly bigint[] | null;
  readonly #vectors: Map<bigint, SealedVectors>;
  /** By field. One that is replaced is closed; searches through it end as they began. */
  readonly #indexes = new Map<bigint, SegmentIndex>();
  readonly #scalarIndexes = new ScalarIndexes();
  readonly #deletes = new DeleteTimes();
  readonly #visibility: Visibility;
  readonly #expiryTimes = new ExpiryTimes();
  /** Null where the kernel runs no filters. */
  readonly #places: PlaceColumns | null;
  readonly #lease: Lease;
  /** Changes of the fields come one after the other. */
  readonly #changes = new Mutex();
  #rank: Uint32Array | null = null;
  #schema: CollectionSchema;

  private constructor(content: Content, options: SealedSegmentOptions) {
    const { manifest } = content.files;
    this.segmentId = manifest.segmentId;
    this.partitionId = manifest.partitionId;
    this.rowCount = manifest.rowCount;
    this.#schema = options.schema;
    this.#fieldIds = options.fieldIds;
    this.#kernel = options.kernel;
    this.#runtime = options.runtime;
    this.#files = content.files;
    this.#keys = keyReader(content.keys);
    this.#inserts = content.timestamps;
    this.#insertHalves = halvesOf(content.timestamps);
    this.#latestInsert = manifest.timestampTo;
    this.#hasRepeatedKeys = checkKeyOrder(this.#keys, manifest.segmentId);
    this.#scalars = content.scalars;
    this.#vectors = content.vectors;
    this.#visibility = new Visibility(options.kernel, this.#deletes);
    const filters = filtersOf(options.kernel);
    this.#places = filters === null ? null : new PlaceColumns(filters);
    this.#lease = new Lease(manifest.segmentId, () => {
      for (const index of this.#indexes.values()) index.close();
      closeAll(content.vectors);
    });
  }

  static async load(files: SegmentFiles, options: SealedSegmentOptions): Promise<SealedSegment> {
    const { schema, kernel, runtime } = options;
    const keyField = primaryKeyField(schema);
    const wanted = schema.fields.filter((field) => field !== keyField && isLoaded(field, options.fieldIds));
    const written = new Set(files.manifest.fields.map((field) => field.fieldId));
    const system = await files.readSystem();
    const { timestamps } = system;
    const keys = sharedKeys(system.keys);
    const scalarFields = wanted.filter((field) => !isVectorType(field.dataType));
    const stored = scalarFields.filter((field) => written.has(field.fieldId)).map((field) => field.fieldId);
    const scalars = new Map<bigint, Column>(await files.readScalars(stored));
    for (const field of scalarFields) {
      if (!written.has(field.fieldId)) scalars.set(field.fieldId, absentColumn(field, files.manifest.rowCount));
    }
    scalars.set(keyField.fieldId, keys);
    const vectors = new Map<bigint, SealedVectors>();
    try {
      for (const field of wanted) {
        if (!isVectorType(field.dataType)) continue;
        const form = {
          isWritten: written.has(field.fieldId),
          mayMap: options.unmappedFieldIds?.includes(field.fieldId) !== true,
          lists: options.listlessFieldIds?.includes(field.fieldId) !== true,
        };
        vectors.set(field.fieldId, await sealedVectors(files, field, form, kernel, runtime));
      }
      const segment = new SealedSegment({ files, keys, timestamps, scalars, vectors }, options);
      for (const deltas of [...(await files.readDeltas()), ...options.deltas]) {
        await hideInSlices(segment.#keys, segment.#insertHalves, segment.#deletes, deltas, runtime);
      }
      await segment.#places?.readCommon(scalars, files.manifest.rowCount);
      return segment;
    } catch (thrown) {
      closeAll(vectors);
      throw thrown;
    }
  }

  get schema(): CollectionSchema {
    return this.#schema;
  }

  /** The collection has other fields than when this was loaded: new ones out of the files, or the default, or null; dropped ones go. */
  adoptSchema(schema: CollectionSchema): Promise<void> {
    return this.#changes.run(async () => {
      if (schema.version <= this.#schema.version) return;
      const known = new Set(this.#schema.fields.map(({ fieldId }) => fieldId));
      for (const field of schema.fields) {
        if (isLoaded(field, this.#fieldIds) && !known.has(field.fieldId)) await this.#addField(field);
      }
      const kept = new Set(schema.fields.map(({ fieldId }) => fieldId));
      this.#schema = schema;
      for (const fieldId of known) if (!kept.has(fieldId)) this.#dropField(fieldId);
    });
  }

  async #addField(field: FieldSchema): Promise<void> {
    const { fieldId } = field;
    const isWritten = this.#files.manifest.fields.some((written) => written.fieldId === fieldId);
    if (isVectorType(field.dataType)) {
      const form = { isWritten, mayMap: true, lists: true };
      const added = await sealedVectors(this.#files, field, form, this.#kernel, this.#runtime);
      if (this.#lease.isFreed) added.lease.close();
      else this.#vectors.set(fieldId, added);
      return;
    }
    const column = isWritten ? await this.#files.readScalar(fieldId) : absentColumn(field, this.rowCount);
    this.#scalars.set(fieldId, column);
  }

  /** Who reads it ends as it began. */
  #dropField(fieldId: bigint): void {
    this.#scalars.delete(fieldId);
    this.#scalarIndexes.drop(fieldId);
    this.#places?.drop(fieldId);
    this.#indexes.get(fieldId)?.close();
    this.#indexes.delete(fieldId);
    this.#vectors.get(fieldId)?.lease.close();
    this.#vectors.delete(fieldId);
  }

  /** Row versions that some delete hides. */
  get hiddenRows(): number {
    return this.#deletes.hiddenRows;
  }

  /** What is mapped does not count: the system keeps as much of it in memory as it has room for. */
  get memoryBytes(): number {
    let bytes = this.#inserts.byteLength + this.#deletes.memoryBytes + this.#visibility.memoryBytes;
    bytes += this.#expiryTimes.memoryBytes;
    bytes += this.#places?.memoryBytes ?? 0;
    bytes += (this.#rank?.byteLength ?? 0) + this.#scalarIndexes.memoryBytes;
    for (const column of this.#scalars.values()) bytes += columnBytes(column);
    if (!this.#lease.isFreed) for (const index of this.#indexes.values()) bytes += index.memoryBytes;
    for (const { vectors, valid, isMapped } of this.#vectors.values()) {
      bytes += valid?.byteLength ?? 0;
      if (!isMapped && !this.#lease.isFreed) bytes += vectors.residentBytes;
    }
    return bytes;
  }

  /** File bytes that are mapped. */
  get mappedBytes(): number {
    let bytes = 0;
    for (const { vectors, isMapped } of this.#vectors.values()) {
      if (isMapped && !this.#lease.isFreed) bytes += vectors.residentBytes;
    }
    if (!this.#lease.isFreed) for (const index of this.#indexes.values()) bytes += index.mappedBytes;
    return bytes;
  }

  get indexes(): readonly SegmentIndex[] {
    return [...this.#indexes.values()];
  }

  /** The index through which the field is searched; null: none. */
  indexOf(fieldId: bigint): SegmentIndex | null {
    return this.#indexes.get(fieldId) ?? null;
  }

  /**
   * Opens an index beside the field's rows and searches through it from then on; the one before goes. `open` throws when it
   * cannot, and then nothing has changed. False: the field is not loaded, or dropped meanwhile.
   */
  async adoptIndex(fieldId: bigint, open: (rows: Handle) => Promise<SegmentIndex>): Promise<boolean> {
    const field = this.#vectors.get(fieldId);
    const vectors = field?.vectors;
    if (field === undefined || vectors === undefined || !isIndexed(vectors)) return false;
    this.acquire();
    field.lease.acquire();
    try {
      const index = await open(vectors.rows);
      if (!this.#vectors.has(fieldId)) {
        index.close();
        return false;
      }
      this.#indexes.get(fieldId)?.close();
      this.#indexes.set(fieldId, index);
      if (vectors instanceof SparseVectors) vectors.dropLists();
      return true;
    } finally {
      field.lease.release();
      this.release();
    }
  }

  get scalarIndexes(): ScalarIndexes {
    return this.#scalarIndexes;
  }

  indexesOver(filter: LeafFilter): readonly ScalarIndex[] {
    return this.#scalarIndexes.over(filter);
  }

  applyDeletes(keys: KeyColumn, timestamps: BigUint64Array, upperBounds: BigUint64Array | null = null): number {
    const wanted = this.#keysLike(keys);
    return this.#applyRange(wanted, deleteBatch(wanted.rowCount, timestamps, upperBounds), 0, wanted.rowCount);
  }

  view(timestamp: Timestamp, { insertedUntil, field }: Expiry = NOTHING_EXPIRED): RowView {
    const view = this.#visibility.view(this.#inserts, this.rowCount, this.#latestInsert, timestamp);
    const young = unexpired(this.#kernel, view, this.#inserts, this.#files.manifest.timestampFrom, insertedUntil);
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

  keys(): KeyColumn {
    return this.#keys.column;
  }

  column(fieldId: bigint): Column {
    if (fieldId === TIMESTAMP_FIELD) return timestampColumn(this.#inserts);
    const column = this.#scalars.get(fieldId);
    if (column !== undefined) return column;
    throw this.#notLoaded(fieldId);
  }

  rowsOfKeys(keys: KeyColumn): Uint32Array {
    const wanted = this.#keysLike(keys);
    const rows: number[] = [];
    for (let at = 0; at < wanted.rowCount; at += 1) {
      for (let row = firstRow(this.#keys, wanted, at); hasKey(this.#keys, row, wanted, at); row += 1) rows.push(row);
    }
    const sorted = Uint32Array.from(rows).toSorted();
    return sorted.filter((row, at) => at === 0 || row !== sorted[at - 1]);
  }

  async sortByKey(rows: Uint32Array, _limit?: number | null, pause?: Pause): Promise<Uint32Array> {
    const sorted = rows.slice();
    if (!this.#hasRepeatedKeys) return sorted;
    return await inTurns(newestFirst(this.#keys, sorted, this.#compareAge), pause ?? null);
  }

  async search(
    search: VectorSearch,
    view: RowView,
    allowed: Bitset | null,
    signal?: AbortSignal,
    picked: Bitset | null = null,
    pause?: Pause,
  ): Promise<SegmentHits> {
    const vector = this.#vectors.get(search.fieldId);
    if (vector === undefined) throw this.#notLoaded(search.fieldId);
    const reachable = reachableRows(view, allowed, vector.valid);
    const index = this.#indexes.get(search.fieldId);
    const work = search.explain === true ? new SearchWork() : null;
    const scanned = isOfElements(vector.vectors, search) ? elementsOf(vector.vectors) : vector.vectors;
    const exact = work === null ? scanned : work.counting(scanned);
    const searched = index === undefined ? exact : through(index, vector.vectors, exact, search, work, pause);
    index?.acquire();
    vector.lease.acquire();
    try {
      const source = this.#nearestSource(searched, pause ?? null);
      const hits = isOfElements(vector.vectors, search)
        ? await nearestElements(vector.vectors, source, search, view.rowCount, reachable, picked, signal, pause)
        : await nearestRows(source, search, view.rowCount, reachable, signal);
      if (work === null) return hits;
      const { segmentId, state, rowCount } = this;
      const facts = index?.facts ?? null;
      return { ...hits, explanation: work.explain({ segmentId, state, rowCount, allowed: reachable, index: facts }) };
    } finally {
      index?.release();
      vector.lease.release();
    }
  }

  /** Null: another thread cannot search it so. */
  lend({ fieldId, columnIds }: LentSearch, timestamp: Timestamp, expiry: Expiry): LentSegment | null {
    const vector = this.#vectors.get(fieldId);
    const keys = this.#keys.column;
    if (!(vector?.vectors instanceof DenseVectors) || vector.valid !== null || keys.kind === "bytes") return null;
    const { segmentId, rowCount } = this;
    const { visible } = this.view(timestamp, expiry);
    const rowOrderIsKeyOrder = !this.#hasRepeatedKeys;
    const columns = lentColumns(
      columnIds,
      (columnId) => this.#scalars.get(columnId) ?? null,
      (columnId, shared) => this.#scalars.set(columnId, shared),
    );
    const { rows } = vector.vectors;
    const places = new Map<string, PlaceColumn>();
    const lent = { segmentId, rowCount, visible, keys: keys.values, columns, places, rowOrderIsKeyOrder, rows };
    const index = this.#indexes.get(fieldId);
    if (index === undefined) return { ...lent, graph: null };
    if (index.facts.family.kind !== "graph") return null;
    return { ...lent, graph: { index: index.handle, rowCount, params: index.facts.params } };
  }

  async take(fieldIds: readonly bigint[], rows: Uint32Array, pause?: Pause): Promise<ColumnBatch> {
    const columns = new Map<bigint, Column>();
    for (const fieldId of fieldIds) {
      const vector = this.#vectors.get(fieldId);
      if (vector !== undefined) {
        vector.lease.acquire();
        try {
          columns.set(fieldId, await vector.vectors.take(rows, vector.valid, pause ?? null));
        } finally {
          vector.lease.release();
        }
      } else {
        // Row ids are asked for so rarely that they stay in the file.
        const column = fieldId === ROW_ID_FIELD ? await this.#files.readScalar(fieldId) : this.column(fieldId);
        columns.set(fieldId, takeRows(column, rows));
      }
      await pause?.();
    }
    return { rowCount: rows.length, columns };
  }

  acquire(): void {
    this.#lease.acquire();
  }

  release(): void {
    this.#lease.release();
  }

  get isClosed(): boolean {
    return this.#lease.closed;
  }

  close(): void {
    this.#lease.close();
  }

  /** The later timestamp first; of one timestamp the later row. */
  readonly #compareAge = (left: number, right: number): number => {
    const difference = this.#inserts[right]! - this.#inserts[left]!;
    return difference === 0n ? right - left : difference < 0n ? -1 : 1;
  };

  #applyRange(wanted: KeyReader, deletes: DeleteBatch, from: number, to: number): number {
    return hideByKey(this.#keys, this.#insertHalves, this.#deletes, wanted, deletes, from, to);
  }

  #keysLike(keys: KeyColumn): KeyReader {
    const wanted = keyReader(keys);
    assert(wanted.kind === this.#keys.kind, "keys have the key's type");
    return wanted;
  }

  #notLoaded(fieldId: bigint): Error {
    const field = this.schema.fields.find((candidate) => candidate.fieldId === fieldId);
    if (field === undefined) return missingField(fieldId);
    return invalidParameter(`field ${field.name} is not loaded`);
  }

  #nearestSource(vectors: NearestSource["vectors"], pause: Pause | null): NearestSource {
    return {
      vectors,
      rowOrderIsKeyOrder: !this.#hasRepeatedKeys,
      hasRepeatedKeys: this.#hasRepeatedKeys,
      keyReader: () => this.#keys,
      rank: async () =>
        (this.#rank ??= await inTurns(rankOf(this.#keys, allRows(this.rowCount), this.#compareAge), pause)),
      compareAge: this.#compareAge,
      versionsOf: (row) => this.rowsOfKeys(takeRows(this.#keys.column, Uint32Array.of(row)) as KeyColumn),
    };
  }
}

/** Whether an index may stand beside the vectors. */
function isIndexed(vectors: FieldVectors): vectors is DenseVectors | SparseVectors | VectorLists {
  return vectors instanceof DenseVectors || vectors instanceof SparseVectors || vectors instanceof VectorLists;
}

/** Times are there whatever was asked for: rows may expire by them from any moment on. */
function isLoaded({ fieldId, dataType }: FieldSchema, fieldIds: readonly bigint[] | null): boolean {
  return fieldIds === null || dataType === DataType.Timestamptz || fieldIds.includes(fieldId);
}

/** Refuses rows that are not in key order; tells whether some key comes twice. */
function checkKeyOrder(keys: KeyReader, segmentId: bigint): boolean {
  let hasRepeatedKeys = false;
  for (let row = 1; row < keys.rowCount; row += 1) {
    const order = keys.compare(row - 1, keys, row);
    if (order > 0) {
      throw milvusError("SegmentLoadFailed", "the rows of the segment are not sorted by key", { segment: segmentId });
    }
    if (order === 0) hasRepeatedKeys = true;
  }
  return hasRepeatedKeys;
}

function allRows(rowCount: number): Uint32Array {
  const rows = new Uint32Array(rowCount);
  for (let row = 0; row < rowCount; row += 1) rows[row] = row;
  return rows;
}
