/**
 * Opens the files of indexes beside loaded segments.
 *
 * Always true:
 *  - a segment is searched through an index only after all of the file was checked; until then, and when something is wrong with the
 *    file, it is searched exactly or through the index that it had;
 *  - a file that is damaged or gone is reported, so that it is built again; a store that does not answer is not a reason for that.
 */

import { assert } from "../base/assert.ts";
import { MilvusError, asMilvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { familyOfField } from "../index/families.ts";
import { openScalarIndex } from "../index/scalar/open.ts";
import type { IndexKernel, OpenMode } from "../kernel/index-kernel.ts";
import { KernelError } from "../kernel/kernel.ts";
import { bytesPerRow, layoutOf } from "../kernel/layout.ts";
import type { SegmentIndexInfo } from "../model/catalog.ts";
import type { FieldSchema, KeyValue } from "../model/schema.ts";
import { isVectorType } from "../model/types.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import type { WorkFolder } from "../objectstore/work-folder.ts";
import type { CoordinatorService } from "../rpc/services.ts";
import type { Client } from "../rpc/transport.ts";
import type { SealedSegment } from "../segment/sealed.ts";
import type { SegmentIndexFacts } from "../segment/index-facts.ts";
import { SegmentIndex } from "../segment/segment-index.ts";
import { corruptFile, readChecked, streamChecked } from "../storage/checked-read.ts";
import type { MemoryGate } from "./memory-gate.ts";
import { type Residence, residenceOf } from "./residence.ts";

export interface OpenIndexes {
  readonly objects: ObjectStore;
  readonly runtime: Runtime;
  /** Null: searches are exact whatever there is. */
  readonly kernel: IndexKernel | null;
  /** Where files are fetched to, when the store's are not local; null: they are not opened then. */
  readonly work: WorkFolder | null;
  readonly coordinator: Client<CoordinatorService>;
  readonly gate: MemoryGate;
  readonly log: (line: string) => void;
}

/** `properties`: of the collection. Never rejects: what cannot be opened is logged, and reported if it is broken. */
export async function openIndexes(
  segment: SealedSegment,
  properties: readonly KeyValue[],
  records: readonly SegmentIndexInfo[],
  context: OpenIndexes,
): Promise<void> {
  for (const record of records) {
    try {
      const field = segment.schema.fields.find(({ fieldId }) => fieldId === record.fieldId);
      if (field === undefined) continue;
      if (!isVectorType(field.dataType)) await openScalar(segment, record, context);
      else if (context.kernel !== null) {
        const residence = residenceOf({ properties }, record.params);
        await openIndex(segment, field, record, residence, context, context.kernel);
      }
    } catch (thrown) {
      const reason = `index file ${record.files[0]?.key}: ${asMilvusError(thrown).message}`;
      context.log(`segment ${segment.segmentId} is searched without an index: ${reason}`);
      if (!isBroken(thrown)) continue;
      const { collectionId, buildId, version } = record;
      await context.coordinator
        .reportBrokenIndex({ collectionId, buildId, version, reason })
        .catch((error: unknown) => context.log(`a broken index was not reported: ${asMilvusError(error).message}`));
    }
  }
}

/** Read whole: it is asked on the thread that serves, by look-ups that are short. */
async function openScalar(
  segment: SealedSegment,
  record: SegmentIndexInfo,
  { objects, runtime }: OpenIndexes,
): Promise<void> {
  const { fieldId, indexId, buildId, version } = record;
  const [file] = record.files;
  if (file === undefined || segment.scalarIndexes.has({ indexId, buildId, version })) return;
  const bytes = await readChecked(objects, runtime, file);
  const opened = openScalarIndex(bytes);
  if (opened.index.rowCount !== segment.rowCount) {
    throw corruptFile(file.key, `it is about ${opened.index.rowCount} rows, and the segment has ${segment.rowCount}`);
  }
  // Dropped while its file was read.
  if (!segment.schema.fields.some((field) => field.fieldId === fieldId)) return;
  segment.scalarIndexes.adopt(fieldId, { indexId, buildId, version }, opened);
}

async function openIndex(
  segment: SealedSegment,
  field: FieldSchema,
  record: SegmentIndexInfo,
  residence: Residence,
  context: OpenIndexes,
  kernel: IndexKernel,
): Promise<void> {
  const { segmentId, fieldId, indexId, buildId, version, indexType } = record;
  const known = segment.indexOf(fieldId)?.facts;
  const family = familyOfField(field, indexType, record.params);
  const [file] = record.files;
  if (file === undefined || family === null) return;
  if (known?.buildId === buildId && known.version === version) return;
  const params = new Map(record.params.map(({ key, value }) => [key, value]));
  const facts = { segmentId, indexId, buildId, version, indexType, params, family, recall: record.recall };
  const { objects, runtime, work } = context;
  const made = record.rowCount * (family.madeBytes?.(field.dimension) ?? 0);
  const { mode, release } = admitted(file.bytes + made, residence, context);
  const kept = keptRows(segment, field, facts, context);
  const open = (path: string): Promise<boolean> =>
    segment.adoptIndex(fieldId, (rows) => SegmentIndex.open(facts, kernel, path, rows, mode, kept.bytes));
  const local = objects.localPath(file.key);
  try {
    if (local !== null) await open(local);
    else if (work !== null) await openFetched();
  } finally {
    release();
    kept.release();
  }

  // A mapping outlives the name of its file.
  async function openFetched(): Promise<void> {
    assert(work !== null && file !== undefined, "there is a folder to fetch the file into");
    const name = `open-${segmentId}-${buildId}-${version}`;
    try {
      await work.write(name, (append) => streamChecked(objects, runtime, file, append));
      await open(work.path(name));
    } finally {
      await work.remove(name);
    }
  }
}

/** What must be in memory is refused where it would be too much; what nothing was said about is mapped then. */
function admitted(
  bytes: number,
  residence: Residence,
  { gate }: OpenIndexes,
): { readonly mode: OpenMode; readonly release: () => void } {
  if (residence === "memory") return { mode: "read", release: gate.reserve(bytes) };
  const release = residence === "either" ? gate.tryReserve(bytes) : null;
  return release === null ? { mode: "map", release: () => undefined } : { mode: "read", release };
}

/** Raw rows that the index wants in memory; none where there is no room for them. */
function keptRows(
  { rowCount }: SealedSegment,
  field: FieldSchema,
  { family, indexType, params }: SegmentIndexFacts,
  { gate }: OpenIndexes,
): { readonly bytes: number; readonly release: () => void } {
  const layout = layoutOf(field.dataType, field.dimension);
  const bytes = layout === null ? 0 : (family.keptBytes?.(indexType, params, rowCount * bytesPerRow(layout)) ?? 0);
  const release = bytes === 0 ? null : gate.tryReserve(bytes);
  return release === null ? { bytes: 0, release: () => undefined } : { bytes, release };
}

/** Trying again would fail again. */
function isBroken(thrown: unknown): boolean {
  if (thrown instanceof KernelError) return true;
  return thrown instanceof MilvusError && (thrown.kind === "DataIntegrity" || thrown.kind === "IoKeyNotFound");
}
