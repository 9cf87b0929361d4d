/**
 * Builds the index of one vector field of one segment, from the segment's files to an object.
 *
 * Always true:
 *  - the kernel builds in its own class of threads, below searches, into the work folder; from there the file goes to the store, and its
 *    size and checksum into the record;
 *  - the same segment and parameters give the same bytes, whoever builds: the seed is the same for all;
 *  - the key has build and version in it, so that no file is ever written over;
 *  - whatever happens, nothing of it stays in the work folder.
 */

import { milvusError } from "../base/errors.ts";
import { LEAST_INDEXED_ROWS, familyOfField, vectorMetric } from "../index/families.ts";
import { scalarBuild } from "../index/scalar/build.ts";
import { sampleRecall } from "../index/sample-recall.ts";
import { indexesOf } from "../kernel/load.ts";
import type { RecallSample } from "../model/explain.ts";
import { DataType, type Metric } from "../model/types.ts";
import type { IndexResult, IndexTask } from "../rpc/data-service.ts";
import { openIndexedRows } from "../segment/sealed-vectors.ts";
import { indexFileKey } from "../storage/keys.ts";
import { ObjectSink } from "../storage/object-sink.ts";
import { Pace } from "../storage/pace.ts";
import { openSegmentFiles } from "../storage/segment-reader.ts";
import { buildScalarFile } from "./build-scalar-file.ts";
import type { DataNodeOptions, Running } from "./context.ts";

const SEED = 1;

export async function buildIndex(task: IndexTask, options: DataNodeOptions, running: Running): Promise<IndexResult> {
  const { objects, kernel, runtime, work } = options;
  const { segment, field, indexType } = task;
  const scalar = scalarBuild(field, indexType, task.params);
  if (scalar !== null) return await buildScalarFile(task, scalar, options, running);
  const family = familyOfField(field, indexType, task.params);
  const indexes = indexesOf(kernel);
  if (family === null) throw milvusError("IndexNotSupported", "nothing is built for this type", { indexType });
  if (indexes === null || work === null) {
    const reason = kernel.reason ?? "there is no native kernel here";
    throw milvusError("IndexNotSupported", `${reason}; searches are exact`, { indexType });
  }
  const files = await openSegmentFiles(objects, runtime, segment.manifestKey);
  const { rowCount: segmentRows, fields } = files.manifest;
  const nothing: IndexResult = { kind: "index", files: [], rowCount: segmentRows, recall: [] };
  // A field that is younger than the segment has no rows there.
  if (!fields.some(({ fieldId }) => fieldId === field.fieldId)) return nothing;
  const vectors = await openIndexedRows(files, field, kernel, runtime);
  const name = `build-${task.taskId}-${task.version}`;
  try {
    const { rowCount } = vectors;
    // Arrays may have fewer elements than there are rows.
    if (field.dataType === DataType.ArrayOfVector && rowCount < LEAST_INDEXED_ROWS) return nothing;
    running.signal.throwIfAborted();
    const { rows } = vectors;
    const metric = vectorMetric(task.metricType as Metric);
    const path = work.path(name);
    const params = new Map(task.params.map(({ key, value }) => [key, value]));
    const build = family.build(indexType, params, field.dimension, task.isRoomy);
    const job = indexes.buildIndex({ rows, rowCount, metric, ...build, seed: SEED, path }, running.signal);
    running.progress = () => job.progress();
    await job.done;
    // Opening the file also checks what was written.
    const index = await indexes.openIndex(path, rows);
    const widths = family.sampled(rowCount).map((parameters) => ({ width: family.width(parameters), parameters }));
    const hashBits = build.kind === "bands" ? build.hashBits : 8;
    let recall: readonly RecallSample[];
    try {
      const sampled = { kernel, indexes, rows, rowCount, metric, hashBits, index, widths };
      recall = await sampleRecall(sampled, running.signal);
    } finally {
      indexes.closeIndex(index);
    }
    const key = indexFileKey({
      buildId: task.taskId,
      version: task.version,
      partitionId: segment.partitionId,
      segmentId: segment.segmentId,
      file: family.kind,
    });
    const sink = new ObjectSink(objects, new Pace(runtime), key);
    try {
      await work.read(name, async (piece) => {
        running.signal.throwIfAborted();
        await sink.append(piece);
      });
      return { ...nothing, files: [{ key, ...(await sink.finish()) }], recall };
    } catch (error) {
      await sink.abort();
      throw error;
    }
  } finally {
    kernel.close(vectors.rows);
    await work.remove(name);
  }
}
