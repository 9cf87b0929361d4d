/**
 * Builds of indexes: which segments want which, one record a pair, and the tasks of data nodes that make the records come true.
 *
 * A record is Unissued until a data node has taken its task, InProgress until the node has ended it, then Finished, or Unissued again with a
 * pause before the next try, or Failed when a try cannot help or too many have failed.
 *
 * Always true:
 *  - files are durable before a record names them; the record is gone, or names others, before they are removed;
 *  - a record is written only where its segment and its index still are, in the same transaction;
 *  - every try has its own version and so its own files: one that ends late can spoil nothing;
 *  - a restart knows what the records say: builds that were under way begin again, failed ones get another chance, and files that
 *    no record names go.
 *
 * Not here: the work itself (data), what a reader does with it (loads, query), who may declare an index (indexes).
 */

import { asMilvusError } from "../base/errors.ts";
import { Loop } from "../base/loop.ts";
import { LEAST_INDEXED_ROWS, familyOfField, isBuilt } from "../index/families.ts";
import { type Compare, type Operation, OutcomeUnknown } from "../metastore/metastore.ts";
import type { IndexInfo, SegmentIndexInfo, SegmentInfo } from "../model/catalog.ts";
import type { CollectionInfo, FieldSchema, KeyValue } from "../model/schema.ts";
import { SegmentLevel } from "../model/types.ts";
import type { DataService, IndexResult, IndexTask, TaskReport } from "../rpc/data-service.ts";
import type { IndexProgress } from "../rpc/services.ts";
import type { Client } from "../rpc/transport.ts";
import { parseIndexKey } from "../storage/keys.ts";
import { type Context, putJson } from "./context.ts";
import { indexKey, segmentIndexKey, segmentKey } from "./meta-keys.ts";

/** Builds under way. A data node says itself how many it takes. */
const MOST_BUILDS = 4;
const MOST_FAILURES = 5;
const FIRST_PAUSE_MILLISECONDS = 500;
/** When no data node has a free slot, or none is there. */
const NO_SLOT_MILLISECONDS = 500;
const WAIT_MILLISECONDS = 10_000;
/** A transaction of the metadata holds so many operations at least. */
const RECORDS_AT_ONCE = 100;

export interface IndexBuildsOptions {
  readonly context: Context;
  readonly data: Client<DataService>;
  /** What segments of the collection have, or will have, has changed: a build has ended or was given up, or its files were. */
  readonly changed: (collectionId: bigint) => void;
  readonly log: (line: string) => void;
  /** As long as all indexes take no more memory than this, graphs are built in the layout that is larger and quicker. */
  readonly roomyIndexBytes: number;
}

export class IndexBuilds {
  readonly #context: Context;
  readonly #data: Client<DataService>;
  readonly #changed: (collectionId: bigint) => void;
  readonly #log: (line: string) => void;
  readonly #roomyIndexBytes: number;
  readonly #loop = new Loop(() => this.#round());
  /** By key of the record. */
  readonly #building = new Map<string, Promise<void>>();
  /** Records that wait before the next try. */
  readonly #pausing = new Set<string>();
  readonly #stopping = new AbortController();

  constructor({ context, data, changed, log, roomyIndexBytes }: IndexBuildsOptions) {
    this.#context = context;
    this.#data = data;
    this.#changed = changed;
    this.#log = log;
    this.#roomyIndexBytes = roomyIndexBytes;
  }

  /** At a start: nothing is under way, whatever the records say. */
  async recover(): Promise<void> {
    for (const record of this.#context.catalog.segmentIndexes()) {
      if (record.state === "Finished") continue;
      await this.#write({ ...record, state: "Unissued", failures: 0 });
    }
    await this.#removeOrphans();
    this.wake();
  }

  /** Segments or indexes have come or gone. */
  wake(): void {
    if (!this.#stopping.signal.aborted) this.#loop.wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop.idle();
    await Promise.all(this.#building.values());
  }

  /** Resolves when nothing of it is under way; a pause before another try is not waited for. */
  async idle(): Promise<void> {
    do {
      await this.#loop.idle();
      await Promise.all(this.#building.values());
    } while (this.#loop.isRunning || this.#building.size > 0);
  }

  progress(collectionId: bigint): IndexProgress[] {
    const collection = this.#context.catalog.collectionById(collectionId);
    if (collection === null) return [];
    return this.#context.catalog.indexes(collectionId).map((index) => this.#progressOf(collection, index));
  }

  /** The finished builds of a segment that has rows of the field: what its readers open. */
  ready(segment: SegmentInfo): SegmentIndexInfo[] {
    const { catalog } = this.#context;
    return catalog.indexes(segment.collectionId).flatMap(({ indexId, userParams: params }) => {
      const record = catalog.segmentIndex(segment, indexId);
      // Properties may have been altered since.
      return record?.state === "Finished" && record.files.length > 0 ? [{ ...record, params }] : [];
    });
  }

  /** Some index of the segment is not there yet, and may come. */
  isPending(segment: SegmentInfo): boolean {
    const { catalog } = this.#context;
    const collection = catalog.collectionById(segment.collectionId);
    const mayHave = segment.level !== SegmentLevel.L0 && segment.rowCount >= LEAST_INDEXED_ROWS;
    if (collection === null || !mayHave) return false;
    return catalog.indexes(collection.collectionId).some((index) => {
      const field = fieldOf(collection, index);
      if (field === null || !isBuilt(field, index.indexType, index.userParams)) return false;
      const state = catalog.segmentIndex(segment, index.indexId)?.state ?? "Unissued";
      return state === "Unissued" || state === "InProgress";
    });
  }

  async giveUp(collectionId: bigint, buildId: bigint, version: bigint, reason: string): Promise<void> {
    const record = this.#context.catalog
      .segmentIndexes()
      .find((known) => known.collectionId === collectionId && known.buildId === buildId && known.version === version);
    if (record?.state !== "Finished") return;
    this.#log(`index ${record.indexId} of segment ${record.segmentId} is built again: ${reason}`);
    const failures = record.failures + 1;
    const state = failures < MOST_FAILURES ? "Unissued" : "Failed";
    await this.#write({ ...record, state, reason, failures, files: [], recall: [] });
    this.#changed(collectionId);
    await this.#removeFiles(record);
    this.wake();
  }

  #progressOf(collection: CollectionInfo, index: IndexInfo): IndexProgress {
    const { catalog } = this.#context;
    const field = fieldOf(collection, index);
    const hasFiles = field !== null && isBuilt(field, index.indexType, index.userParams);
    let [totalRows, indexedRows, pendingRows] = [0, 0, 0];
    let [isFailed, isBegun] = [false, false];
    let reason = "";
    const segments: SegmentIndexInfo[] = [];
    for (const segment of catalog.segments(collection.collectionId)) {
      if (segment.level === SegmentLevel.L0) continue;
      totalRows += segment.rowCount;
      const record = catalog.segmentIndex(segment, index.indexId);
      if (record !== null) segments.push(record);
      if (!hasFiles || segment.rowCount < LEAST_INDEXED_ROWS || record?.state === "Finished") {
        indexedRows += segment.rowCount;
        continue;
      }
      pendingRows += segment.rowCount;
      if (record === null) continue;
      if (record.state === "Failed") isFailed = true;
      if (record.state === "InProgress") isBegun = true;
      if (reason === "") ({ reason } = record);
    }
    const isUntouched = !isBegun && segments.every((record) => record.state === "Unissued");
    const state = isFailed ? "Failed" : pendingRows === 0 ? "Finished" : isUntouched ? "Unissued" : "InProgress";
    return { indexId: index.indexId, totalRows, indexedRows, pendingRows, state, reason, segments };
  }

  async #round(): Promise<void> {
    try {
      await this.#sweep();
      await this.#makeRecords();
      for (const record of this.#context.catalog.segmentIndexes()) {
        const key = segmentIndexKey(record);
        if (this.#building.size >= MOST_BUILDS) return;
        const isOpen = record.state === "Unissued" || record.state === "InProgress";
        if (!isOpen || this.#building.has(key) || this.#pausing.has(key)) continue;
        const build = this.#build(record).finally(() => {
          this.#building.delete(key);
          this.wake();
        });
        this.#building.set(key, build);
      }
    } catch (thrown) {
      // The metadata or the objects do not answer; nothing was lost.
      this.#log(`indexes wait: ${asMilvusError(thrown).message}`);
      this.#context.runtime.after(FIRST_PAUSE_MILLISECONDS, () => this.wake());
    }
  }

  /** Takes away the records, then the files, of segments and indexes that are gone. */
  async #sweep(): Promise<void> {
    const { catalog } = this.#context;
    const gone = catalog.segmentIndexes().filter((record) => this.#taskOf(record) === null);
    for (let from = 0; from < gone.length; from += RECORDS_AT_ONCE) {
      const records = gone.slice(from, from + RECORDS_AT_ONCE);
      await this.#transact(
        [],
        records.map((record) => ({ delete: segmentIndexKey(record) })),
      );
      for (const record of records) {
        await this.#data.dropTask({ taskId: record.buildId, version: record.version }).catch(() => undefined);
        await this.#removeFiles(record);
      }
    }
  }

  async #makeRecords(): Promise<void> {
    const { catalog } = this.#context;
    for (const collection of catalog.collections()) {
      for (const index of catalog.indexes(collection.collectionId)) {
        const field = fieldOf(collection, index);
        if (field === null || !isBuilt(field, index.indexType, index.userParams)) continue;
        for (const segment of catalog.segments(collection.collectionId)) {
          const isWanted = segment.level !== SegmentLevel.L0 && segment.rowCount >= LEAST_INDEXED_ROWS;
          if (!isWanted || catalog.segmentIndex(segment, index.indexId) !== null) continue;
          await this.#write({
            collectionId: collection.collectionId,
            partitionId: segment.partitionId,
            segmentId: segment.segmentId,
            indexId: index.indexId,
            fieldId: index.fieldId,
            indexType: index.indexType,
            params: index.userParams,
            buildId: await this.#context.ids.allocate(),
            version: 0n,
            state: "Unissued",
            reason: "",
            failures: 0,
            rowCount: segment.rowCount,
            files: [],
            recall: [],
          });
        }
      }
    }
  }

  /** One try, to its end. Never rejects. */
  async #build(before: SegmentIndexInfo): Promise<void> {
    const record: SegmentIndexInfo = { ...before, version: before.version + 1n, state: "InProgress" };
    const name = { taskId: record.buildId, version: record.version };
    try {
      if (!(await this.#write(record))) return;
      const report = await this.#run(record);
      if (report === null) return;
      await this.#data.dropTask(name).catch(() => undefined);
      if (report.state !== "finished") await this.#fail(record, report);
      else if (report.result.kind === "index") await this.#finish(record, report.result);
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return;
      const reason = asMilvusError(thrown).message;
      await this.#fail(record, { state: "failed", reason, isPermanent: false }).catch(() => this.#pause(record));
    }
  }

  /** Null: it was stopped, or its segment or index is gone. */
  async #run(record: SegmentIndexInfo): Promise<TaskReport | null> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const task = this.#taskOf(record);
      if (task === null) return null;
      if ((await this.#data.createTask({ task }, { signal })).accepted) break;
      await this.#context.runtime.sleep(NO_SLOT_MILLISECONDS, signal);
    }
    while (!signal.aborted) {
      const name = { taskId: record.buildId, version: record.version };
      const report = await this.#data.waitTask({ ...name, waitMilliseconds: WAIT_MILLISECONDS }, { signal });
      if (report.state !== "running") return report;
    }
    return null;
  }

  async #finish(record: SegmentIndexInfo, { files, recall }: IndexResult): Promise<void> {
    if (await this.#write({ ...record, state: "Finished", reason: "", files, recall }))
      this.#changed(record.collectionId);
    else await this.#removeFiles(record);
  }

  async #fail(record: SegmentIndexInfo, report: Exclude<TaskReport, { readonly state: "finished" }>): Promise<void> {
    const reason = report.state === "failed" ? report.reason : "the data node that had the build has lost it";
    const failures = record.failures + 1;
    const isOver = (report.state === "failed" && report.isPermanent) || failures >= MOST_FAILURES;
    const failed: SegmentIndexInfo = { ...record, state: isOver ? "Failed" : "Unissued", reason, failures };
    if (!isOver) this.#pause(failed);
    if (await this.#write(failed)) {
      const tries = `try ${failures}${isOver ? ", the last" : ""}`;
      this.#log(`index ${record.indexId} of segment ${record.segmentId} was not built (${tries}): ${reason}`);
      // Nobody waits for it any more.
      if (isOver) this.#changed(record.collectionId);
    }
    await this.#removeFiles(record);
  }

  #pause(record: SegmentIndexInfo): void {
    const key = segmentIndexKey(record);
    this.#pausing.add(key);
    this.#context.runtime.after(FIRST_PAUSE_MILLISECONDS * 2 ** record.failures, () => {
      this.#pausing.delete(key);
      this.wake();
    });
  }

  /** Null when the segment, the index, or the field is gone. */
  #taskOf(record: SegmentIndexInfo): IndexTask | null {
    const { catalog } = this.#context;
    const collection = catalog.collectionById(record.collectionId);
    const segment = catalog.segment(record);
    const index = catalog.indexes(record.collectionId).find(({ indexId }) => indexId === record.indexId);
    const field = collection === null || index === undefined ? null : fieldOf(collection, index);
    if (segment === null || index === undefined || field === null) return null;
    const { buildId, version, indexType } = record;
    const { metricType, userParams: params } = index;
    const isRoomy = this.#isRoomy(record, field, params);
    return { kind: "index", taskId: buildId, version, segment, field, indexType, metricType, params, isRoomy };
  }

  /** Together with the files of all that is built, which is what readers hold in memory, the larger layout must stay within its limit. */
  #isRoomy(
    { indexType, rowCount, buildId }: SegmentIndexInfo,
    field: FieldSchema,
    params: readonly KeyValue[],
  ): boolean {
    const family = familyOfField(field, indexType, params);
    if (family === null) return false;
    let bytes =
      rowCount * family.roomyBytes(indexType, new Map(params.map(({ key, value }) => [key, value])), field.dimension);
    for (const record of this.#context.catalog.segmentIndexes()) {
      if (record.buildId !== buildId) for (const file of record.files) bytes += file.bytes;
    }
    return bytes <= this.#roomyIndexBytes;
  }

  /** False: its segment or index is gone, and nothing was written. */
  async #write(record: SegmentIndexInfo): Promise<boolean> {
    const { collectionId, partitionId, segmentId, indexId } = record;
    const live: Compare[] = [
      { key: segmentKey(collectionId, partitionId, segmentId), exists: true },
      { key: indexKey(collectionId, indexId), exists: true },
    ];
    return this.#transact(live, [putJson(segmentIndexKey(record), record)]);
  }

  async #transact(compares: readonly Compare[], operations: readonly Operation[]): Promise<boolean> {
    for (;;) {
      try {
        const { succeeded } = await this.#context.store.transaction(compares, operations);
        if (succeeded) this.#context.catalog.apply(operations);
        return succeeded;
      } catch (error) {
        // Writing the same once more is harmless, so an unclear outcome is repeated until it is clear.
        if (!(error instanceof OutcomeUnknown) || this.#stopping.signal.aborted) throw error;
        await this.#context.runtime.yield();
      }
    }
  }

  async #removeFiles({ buildId, version }: SegmentIndexInfo): Promise<void> {
    const { objects } = this.#context;
    try {
      const found = await objects.list(`index_files/${buildId}/${version}/`);
      await objects.delete(found.map(({ key }) => key));
    } catch (thrown) {
      // They are orphans now; the next start removes them.
      this.#log(`files of build ${buildId} stay: ${asMilvusError(thrown).message}`);
    }
  }

  /** Files that no record names. Nothing is being built yet. */
  async #removeOrphans(): Promise<void> {
    const { objects, catalog } = this.#context;
    const named = new Set(catalog.segmentIndexes().flatMap(({ files }) => files.map(({ key }) => key)));
    const orphans = (await objects.list("index_files/"))
      .map(({ key }) => key)
      .filter((key) => parseIndexKey(key) !== null && !named.has(key));
    if (orphans.length > 0) await objects.delete(orphans);
  }
}

function fieldOf(collection: CollectionInfo, index: IndexInfo): FieldSchema | null {
  return collection.schema.fields.find(({ fieldId }) => fieldId === index.fieldId) ?? null;
}
