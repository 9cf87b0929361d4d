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
import type { Runtime } from "../base/host/runtime.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { ScalarIndex } from "../index/scalar/match.ts";
import type { FilterKernel, PlaceColumn } from "../kernel/filter-kernel.ts";
import { filtersOf } from "../kernel/load.ts";
import type { Handle, Kernel } from "../kernel/kernel.ts";
import type { Bitset } from "../model/bitset.ts";
import {
  type Column,
  type ColumnBatch,
  columnBytes,
  columnRows,
  type KeyColumn,
  takeRows,
  type VectorColumn,
} from "../model/columns.ts";
import type { LeafFilter } from "../model/filter.ts";
import {
  type CollectionSchema,
  type FieldSchema,
  primaryKeyField,
  ROW_ID_FIELD,
  TIMESTAMP_FIELD,
} from "../model/schema.ts";
import { isVectorType } from "../model/types.ts";
import { isDenseVectorType } from "../model/vectors.ts";
import { type Deltas, timestampColumn } from "../storage/deltas.ts";
import type { SegmentFiles } from "../storage/segment-reader.ts";
import { absentColumn } from "./absent-column.ts";
import { createFieldVectors, DenseVectors, type FieldVectors, fieldLayout } from "./field-vectors.ts";
import { type DeleteBatch, deleteBatch, DeleteTimes, halvesOf } from "./delete-times.ts";
import { newestFirst, rankOf } from "./key-order.ts";
import { inTurns, type Pause } from "./turns.ts";
import { firstRow, hasKey, hideByKey, hideInSlices } from "./hide-by-key.ts";
import { type KeyReader, keyReader } from "./key-reader.ts";
import { Lease } from "./lease.ts";
import { PlaceColumns } from "./place-columns.ts";
import { nearestRows, type NearestSource } from "./nearest.ts";
import { ScalarIndexes } from "./scalar-indexes.ts";
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
}

/** Dense vectors of one field, in the kernel. */
export interface OpenedRows {
  readonly rows: Handle;
  readonly valid: Uint8Array | null;
  readonly isMapped: boolean;
}

interface SealedVectors {
  readonly vectors: FieldVectors;
  readonly valid: Uint8Array | null;
  readonly isMapped: boolean;
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
  /** Null where the kernel runs no filters. */
  readonly #places: PlaceColumns | null;
  readonly #lease: Lease;
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
    const wanted = schema.fields.filter(
      (field) => field !== keyField && (options.fieldIds === null || options.fieldIds.includes(field.fieldId)),
    );
    const written = new Set(files.manifest.fields.map((field) => field.fieldId));
    const { keys, timestamps } = await files.readSystem();
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
        const mayMap = options.unmappedFieldIds?.includes(field.fieldId) !== true;
        const isWritten = written.has(field.fieldId);
        vectors.set(field.fieldId, await sealedVectors(files, field, isWritten, kernel, runtime, mayMap));
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

  /** The collection has fields that were not there when this was loaded: out of the files, or the default, or null. */
  async adoptSchema(schema: CollectionSchema): Promise<void> {
    if (schema.version <= this.#schema.version) return;
    const known = new Set(this.#schema.fields.map(({ fieldId }) => fieldId));
    const added = schema.fields.filter(({ fieldId }) => !known.has(fieldId));
    const wanted = added.filter(({ fieldId }) => this.#fieldIds === null || this.#fieldIds.includes(fieldId));
    const written = new Set(this.#files.manifest.fields.map((field) => field.fieldId));
    for (const field of wanted) {
      if (isVectorType(field.dataType)) {
        const isWritten = written.has(field.fieldId);
        const added = await sealedVectors(this.#files, field, isWritten, this.#kernel, this.#runtime, true);
        if (this.#lease.isFreed || this.#vectors.has(field.fieldId)) added.vectors.close();
        else this.#vectors.set(field.fieldId, added);
        continue;
      }
      const column = written.has(field.fieldId)
        ? await this.#files.readScalar(field.fieldId)
        : absentColumn(field, this.rowCount);
      this.#scalars.set(field.fieldId, column);
    }
    if (schema.version > this.#schema.version) this.#schema = schema;
  }

  /** Row versions that some delete hides. */
  get hiddenRows(): number {
    return this.#deletes.hiddenRows;
  }

  /** Mapped vectors do not count: the system keeps as much of them in memory as it has room for. */
  get memoryBytes(): number {
    let bytes = this.#inserts.byteLength + this.#deletes.memoryBytes + this.#visibility.memoryBytes;
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
   * cannot, and then nothing has changed. False: the field is not loaded, or its rows are not dense.
   */
  async adoptIndex(fieldId: bigint, open: (rows: Handle) => Promise<SegmentIndex>): Promise<boolean> {
    const vectors = this.#vectors.get(fieldId)?.vectors;
    if (!(vectors instanceof DenseVectors)) return false;
    this.acquire();
    try {
      const index = await open(vectors.rows);
      this.#indexes.get(fieldId)?.close();
      this.#indexes.set(fieldId, index);
      return true;
    } finally {
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

  view(timestamp: Timestamp, expiredUntil: Timestamp = 0n): RowView {
    const view = this.#visibility.view(this.#inserts, this.rowCount, this.#latestInsert, timestamp);
    return unexpired(this.#kernel, view, this.#inserts, this.#files.manifest.timestampFrom, expiredUntil);
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
    pause?: Pause,
  ): Promise<SegmentHits> {
    const vector = this.#vectors.get(search.fieldId);
    if (vector === undefined) throw this.#notLoaded(search.fieldId);
    const reachable = reachableRows(view, allowed, vector.valid);
    const index = this.#indexes.get(search.fieldId);
    const work = search.explain === true ? new SearchWork() : null;
    const exact = work === null ? vector.vectors : work.counting(vector.vectors);
    const searched = index === undefined ? exact : index.over(exact, search.indexParams, work);
    index?.acquire();
    try {
      const hits = await nearestRows(
        this.#nearestSource(searched, pause ?? null),
        search,
        view.rowCount,
        reachable,
        signal,
      );
      if (work === null) return hits;
      const { segmentId, state, rowCount } = this;
      const facts = index?.facts ?? null;
      return { ...hits, explanation: work.explain({ segmentId, state, rowCount, allowed: reachable, index: facts }) };
    } finally {
      index?.release();
    }
  }

  async take(fieldIds: readonly bigint[], rows: Uint32Array): Promise<ColumnBatch> {
    const columns = new Map<bigint, Column>();
    for (const fieldId of fieldIds) {
      const vector = this.#vectors.get(fieldId);
      if (vector !== undefined) {
        columns.set(fieldId, await vector.vectors.take(rows, vector.valid));
      } else {
        // Row ids are asked for so rarely that they stay in the file.
        const column = fieldId === ROW_ID_FIELD ? await this.#files.readScalar(fieldId) : this.column(fieldId);
        columns.set(fieldId, takeRows(column, rows));
      }
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
    if (field === undefined) return milvusError("FieldNotFound", "the segment has no such field", { field: fieldId });
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

async function sealedVectors(
  files: SegmentFiles,
  field: FieldSchema,
  isWritten: boolean,
  kernel: Kernel,
  runtime: Runtime,
  mayMap: boolean,
): Promise<SealedVectors> {
  const isDense = isDenseVectorType(field.dataType);
  if (isDense && (mayMap || !isWritten)) {
    const { rows, valid, isMapped } = await openVectors(files, field, isWritten, kernel);
    return { vectors: new DenseVectors(kernel, field.dataType, rows), valid, isMapped };
  }
  const { rowCount } = files.manifest;
  const read = isDense ? files.readVector : files.readScalar;
  const column = isWritten ? await read(field.fieldId) : absentColumn(field, rowCount);
  const vectors = createFieldVectors(kernel, field);
  try {
    for (let from = 0; from < rowCount; from += vectors.stepRows) {
      if (from > 0) await runtime.yield();
      vectors.append(column, from, Math.min(rowCount, from + vectors.stepRows));
    }
  } catch (thrown) {
    vectors.close();
    throw thrown;
  }
  return { vectors, valid: column.valid, isMapped: false };
}

/** Of a dense field. Whoever opens them closes `rows`. */
export async function openVectors(
  files: SegmentFiles,
  field: FieldSchema,
  isWritten: boolean,
  kernel: Kernel,
): Promise<OpenedRows> {
  const { rowCount } = files.manifest;
  const layout = fieldLayout(field);
  if (isWritten) {
    const { path, offset } = await files.vectorLocation(field.fieldId);
    if (path !== null && offset !== null) {
      return { rows: kernel.mapRows(path, offset, rowCount, layout), valid: null, isMapped: true };
    }
  }
  const column = isWritten ? await files.readVector(field.fieldId) : (absentColumn(field, rowCount) as VectorColumn);
  assert(columnRows(column) === rowCount, "a vector column has a place for every row");
  const rows = kernel.createRows(layout);
  kernel.appendRows(rows, column.values);
  return { rows, valid: column.valid, isMapped: false };
}

function closeAll(vectors: ReadonlyMap<bigint, SealedVectors>): void {
  for (const { vectors: open } of vectors.values()) open.close();
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
