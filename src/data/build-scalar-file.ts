/**
 * Builds the index of one field that is no vector, of one segment, from the segment's files to an object.
 *
 * Always true: the column is read here and sorted elsewhere (`buildScalar`); the same column gives the same bytes; the key has build and
 * version in it, so that no file is ever written over.
 */

import { type ScalarBuild, buildScalarIndex } from "../index/scalar/build.ts";
import type { IndexResult, IndexTask } from "../rpc/data-service.ts";
import { indexFileKey } from "../storage/keys.ts";
import { ObjectSink } from "../storage/object-sink.ts";
import { Pace } from "../storage/pace.ts";
import { openSegmentFiles } from "../storage/segment-reader.ts";
import type { DataNodeOptions, Running } from "./context.ts";

export async function buildScalarFile(
  task: IndexTask,
  build: ScalarBuild,
  { objects, runtime, buildScalar }: DataNodeOptions,
  running: Running,
): Promise<IndexResult> {
  const { segment, field } = task;
  const files = await openSegmentFiles(objects, runtime, segment.manifestKey);
  const { rowCount, fields } = files.manifest;
  // A field that is younger than the segment has no values there.
  if (!fields.some(({ fieldId }) => fieldId === field.fieldId))
    return { kind: "index", files: [], rowCount, recall: [] };
  const column = await files.readScalar(field.fieldId);
  running.signal.throwIfAborted();
  const parts =
    buildScalar === undefined ? buildScalarIndex(build, column) : await buildScalar(build, column, running.signal);
  running.progress = () => 1;
  const key = indexFileKey({
    buildId: task.taskId,
    version: task.version,
    partitionId: segment.partitionId,
    segmentId: segment.segmentId,
    file: build.indexType.toLowerCase(),
  });
  const sink = new ObjectSink(objects, new Pace(runtime), key);
  try {
    for (const part of parts) {
      running.signal.throwIfAborted();
      await sink.append(part);
    }
    return { kind: "index", files: [{ key, ...(await sink.finish()) }], rowCount, recall: [] };
  } catch (error) {
    await sink.abort();
    throw error;
  }
}
