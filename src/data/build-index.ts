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
import { familyOf } from "../index/families.ts";
import { scalarBuild } from "../index/scalar/build.ts";
import { sampleRecall } from "../index/sample-recall.ts";
import { indexesOf } from "../kernel/load.ts";
import type { RecallSample } from "../model/explain.ts";
import type { Metric } from "../model/types.ts";
import type { IndexResult, IndexTask } from "../rpc/services.ts";
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
  const family = familyOf(indexType, field.dataType);
  const indexes = indexesOf(kernel);
  if (family === null) throw milvusError("IndexNotSupported", "nothing is built for this type", { indexType });
  if (indexes === null || work === null) {
    const reason = kernel.reason ?? "there is no native kernel here";
    throw milvusError("IndexNotSupported", `${reason}; searches are exact`, { indexType });
  }
  const files = await openSegmentFiles(objects, runtime, segment.manifestKey);
  const { rowCount, fields } = files.manifest;
  // A field that is younger than the segment has no rows there.
  if (!fields.some(({ fieldId }) => fieldId === field.fieldId))
    return { kind: "index", files: [], rowCount, recall: [] };
  const vectors = await openIndexedRows(files, field, kernel, runtime);
  const name = `build-${task.taskId}-${task.version}`;
  try {
    running.signal.throwIfAborted();
    const job = indexes.buildIndex(
      {
        rows: vectors.rows,
        rowCount,
        metric: task.metricType as Metric,
        ...family.build(
          indexType,
          new Map(task.params.map(({ key, value }) => [key, value])),
          field.dimension,
          task.isRoomy,
        ),
        seed: SEED,
        path: work.path(name),
      },
      running.signal,
    );
    running.progress = () => job.progress();
    await job.done;
    const metric = task.metricType as Metric;
    // Opening the file also checks what was written.
    const index = await indexes.openIndex(work.path(name), vectors.rows);
    const widths = family.sampled(rowCount).map((parameters) => ({ width: family.width(parameters), parameters }));
    let recall: readonly RecallSample[];
    try {
      const sampled = { kernel, indexes, rows: vectors.rows, rowCount, metric, index, widths };
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
      return { kind: "index", files: [{ key, ...(await sink.finish()) }], rowCount, recall };
    } catch (error) {
      await sink.abort();
      throw error;
    }
  } finally {
    kernel.close(vectors.rows);
    await work.remove(name);
  }
}
