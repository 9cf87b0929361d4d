/** `elanus inspect indexes` and `index`: which indexes of segments a data directory has, and what is in one. No server may have it open. */

import { resolve } from "node:path";
import { invalidParameter } from "../../base/errors.ts";
import { type OfflineDirectory, lookInto } from "../../engine/offline.ts";
import type { IndexDescription } from "../../kernel/index-kernel.ts";
import { KernelError } from "../../kernel/kernel.ts";
import { indexesOf, loadKernel } from "../../kernel/load.ts";
import type { SegmentIndexInfo } from "../../model/catalog.ts";
import { openIndexedRows } from "../../segment/sealed-vectors.ts";
import { corruptFile } from "../../storage/checked-read.ts";
import { openSegmentFiles } from "../../storage/segment-reader.ts";
import type { Command, Invocation } from "../command.ts";
import { writeFacts } from "../facts.ts";
import { EXIT } from "../failure.ts";

const OPTIONS = {
  data: { kind: "text", value: "directory", default: "./data", help: "The data directory" },
  json: { kind: "flag", help: "Print one JSON object a line" },
} as const;

export const inspectIndexes: Command = {
  name: "inspect indexes",
  summary: "List the indexes of flushed segments: state, files, and why a build failed",
  options: OPTIONS,
  run: (invocation) => looking(invocation, async ({ catalog }) => catalog.segmentIndexes().map(recordLine)),
};

export const inspectIndex: Command = {
  name: "inspect index",
  summary: "Check the file of one build and print what is in it: type, layout, lists or degrees, bytes by part",
  positionals: ["build id"],
  options: OPTIONS,
  run: (invocation) =>
    looking(invocation, async (offline) => {
      const wanted = invocation.positionals[0]!;
      const record = offline.catalog.segmentIndexes().find(({ buildId }) => buildId.toString() === wanted);
      if (record === undefined)
        throw invalidParameter(`there is no build ${wanted}; elanus inspect indexes lists them`);
      const description = await describe(offline, record, invocation);
      return [{ ...recordLine(record), ...description }];
    }),
};

function recordLine(record: SegmentIndexInfo): Record<string, unknown> {
  const { buildId, version, segmentId, indexId, fieldId, indexType, state, reason, failures, rowCount, files } = record;
  return {
    build_id: buildId,
    version,
    segment_id: segmentId,
    index_id: indexId,
    field_id: fieldId,
    index_type: indexType,
    state,
    ...(reason === "" ? {} : { reason }),
    ...(failures === 0 ? {} : { failures }),
    rows: rowCount,
    files: files.map(({ key }) => key),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Opens the file beside its rows, which checks all of it. */
async function describe(
  { catalog, objects }: OfflineDirectory,
  record: SegmentIndexInfo,
  invocation: Invocation,
): Promise<Record<string, unknown>> {
  const { runtime } = invocation.terminal;
  const [file] = record.files;
  if (file === undefined) return {};
  const kernel = loadKernel({ runtime });
  const indexes = indexesOf(kernel);
  if (indexes === null) throw invalidParameter(`index files are read by the native kernel: ${kernel.reason}`);
  const segment = catalog.segment(record);
  const field = catalog
    .collectionById(record.collectionId)
    ?.schema.fields.find(({ fieldId }) => fieldId === record.fieldId);
  if (segment === null || field === undefined) {
    throw invalidParameter(`the segment of build ${record.buildId} is not there any more`);
  }
  const files = await openSegmentFiles(objects, runtime, segment.manifestKey);
  const { rows } = await openIndexedRows(files, field, kernel, runtime);
  try {
    const index = await indexes.openIndex(objects.localPath(file.key)!, rows).catch((thrown: unknown) => {
      throw thrown instanceof KernelError ? corruptFile(file.key, thrown.message, {}, thrown) : thrown;
    });
    try {
      return facts(indexes.describeIndex(index));
    } finally {
      indexes.closeIndex(index);
    }
  } finally {
    kernel.close(rows);
  }
}

/** A histogram of degrees says only which there are. */
function facts(description: IndexDescription): Record<string, unknown> {
  const told: Record<string, unknown> = { ...description };
  const rowsOfDegree = told["rowsOfDegree"];
  if (Array.isArray(rowsOfDegree)) {
    told["rowsOfDegree"] = Object.fromEntries([...rowsOfDegree.entries()].filter(([, rows]) => rows !== 0));
  }
  return told;
}

async function looking(
  invocation: Invocation,
  lines: (offline: OfflineDirectory) => Promise<readonly Record<string, unknown>[]>,
): Promise<number> {
  for (const line of await lookInto(resolve(invocation.text("data")), invocation.terminal.runtime, lines)) {
    writeFacts(invocation, line);
  }
  return EXIT.done;
}
