/** A growing segment from a program, and the sealed one that its flush makes. */

import { SystemRuntime } from "../../base/host/system.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { type KeyColumn, takeRows } from "../../model/columns.ts";
import { SegmentLevel, SegmentState } from "../../model/types.ts";
import type { ObjectStore } from "../../objectstore/objectstore.ts";
import type { Deltas } from "../../storage/deltas.ts";
import { type SegmentFiles, segmentFiles } from "../../storage/segment-reader.ts";
import { writeSegment } from "../../storage/segment-writer.ts";
import { GrowingSegment } from "../growing.ts";
import { SealedSegment } from "../sealed.ts";
import { batchOf, keyColumn, type KeyType, runProgram, type Step, testSchema, VersionModel } from "./version-model.ts";

const runtime = new SystemRuntime();
let lastSegment = 0n;

export interface Grown {
  readonly segment: GrowingSegment;
  readonly model: VersionModel;
  /** Every delete of the program. */
  readonly deletes: readonly Deltas[];
}

export function growSegment(program: readonly Step[], keyType: KeyType, kernel: Kernel): Grown {
  const schema = testSchema(keyType);
  lastSegment += 1n;
  const segment = new GrowingSegment(
    { segmentId: lastSegment, partitionId: 3n, collectionId: 1n, channel: "dml_0_1v0", schema, startPosition: 0n },
    kernel,
  );
  const model = new VersionModel();
  const deletes: Deltas[] = [];
  runProgram(
    program,
    model,
    (versions, timestamp) => {
      const rowIds = BigInt64Array.from(versions, (version) => 1000n + BigInt(version.serial));
      segment.append(batchOf(versions, keyType), rowIds, timestamp);
    },
    (keys, timestamp, upperBound) => {
      const timestamps = new BigUint64Array(keys.length).fill(timestamp);
      const upperBounds = upperBound === null ? null : new BigUint64Array(keys.length).fill(upperBound);
      const deltas = { keys: keyColumn(keys, keyType), timestamps, upperBounds };
      segment.applyDeletes(deltas.keys, timestamps, upperBounds);
      deletes.push(deltas);
    },
  );
  return { segment, model, deletes };
}

export async function flushSegment(
  { segment }: Grown,
  store: ObjectStore,
  deltas: Deltas | null,
): Promise<SegmentFiles> {
  segment.seal();
  const { segmentId, partitionId, collectionId, channel, schema } = segment;
  let logId = segmentId * 1000n;
  const manifest = await writeSegment(
    store,
    runtime,
    {
      segmentId,
      partitionId,
      collectionId,
      channel,
      schema,
      level: SegmentLevel.L1,
      state: SegmentState.Flushed,
      manifestVersion: 1,
      startPosition: "0",
      endPosition: "1",
      deltas,
      allocateLogId: async () => (logId += 1n),
    },
    segment.flushSource(),
  );
  return segmentFiles(store, runtime, manifest);
}

/** Flushes and loads; the program's deletes come by three ways in turn: in the files, beside them, and after the load. */
export async function sealSegment(grown: Grown, store: ObjectStore, kernel: Kernel): Promise<SealedSegment> {
  const ways = (way: number): Deltas[] => grown.deletes.filter((_, at) => at % 3 === way);
  const files = await flushSegment(grown, store, ways(0)[0] ?? null);
  const options = {
    schema: grown.segment.schema,
    kernel,
    runtime,
    fieldIds: null,
    deltas: [...ways(1).toReversed(), ...ways(0).slice(1)],
  };
  const segment = await SealedSegment.load(files, options);
  // Later ones one by one, the last first, and one of them twice.
  for (const { keys, timestamps, upperBounds } of [...ways(2), ...ways(2).slice(0, 1)].toReversed()) {
    for (let at = 0; at < timestamps.length; at += 1) {
      const key = takeRows(keys, Uint32Array.of(at)) as KeyColumn;
      segment.applyDeletes(key, timestamps.subarray(at, at + 1), upperBounds?.subarray(at, at + 1) ?? null);
    }
  }
  return segment;
}
