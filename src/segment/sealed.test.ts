import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import type { FixedColumn } from "../model/columns.ts";
import { ROW_ID_FIELD, TIMESTAMP_FIELD } from "../model/schema.ts";
import { DataType, Metric } from "../model/types.ts";
import { DirectoryObjectStore } from "../objectstore/directory.ts";
import { MemoryObjectStore } from "../objectstore/memory.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import { SealedSegment } from "./sealed.ts";
import { checkSegment } from "./testing/check-segment.ts";
import { flushSegment, growSegment, sealSegment } from "./testing/flush.ts";
import { CountingKernel, KERNELS } from "./testing/kernels.ts";
import {
  KEY_FIELD,
  keyColumn,
  keyNames,
  NOTE_FIELD,
  programs,
  SERIAL_FIELD,
  stepTimestamp,
  VECTOR_FIELD,
} from "./testing/version-model.ts";

const runtime = new SystemRuntime();
let folder: string;
let directory: ObjectStore;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "elanus-segment-"));
  directory = await DirectoryObjectStore.open(folder, runtime);
});
after(async () => {
  await directory.close();
  await rm(folder, { recursive: true });
});

/** A segment without rows is never flushed. */
const programsWithRows = programs.filter((program) => program.some((step) => step.kind !== "delete"));

const simple = [
  { kind: "insert", rows: [3, 1, 2].map((key) => ({ key, vector: [key, 0] as const })) },
  { kind: "upsert", rows: [{ key: 2, vector: [5, 5] }] },
] as const;

for (const keyType of ["int64", "varchar"] as const) {
  for (const newKernel of KERNELS) {
    for (const place of ["directory", "memory"] as const) {
      const name = `${keyType} keys, ${newKernel().name} kernel, files in a ${place}`;
      test(`a flushed and loaded segment answers as the model does: ${name}`, async () => {
        const times = fc.array(fc.nat({ max: 200 }), { minLength: 20, maxLength: 20 });
        await fc.assert(
          fc.asyncProperty(programsWithRows, times, async (program, at) => {
            const kernel = newKernel();
            const grown = growSegment(program, keyType, kernel);
            const store = place === "directory" ? directory : new MemoryObjectStore(runtime);
            const sealed = await sealSegment(grown, store, kernel);
            assert.equal(sealed.mappedBytes > 0, place === "directory");
            assert.equal(sealed.hiddenRows, grown.segment.hiddenRows);
            for (const offset of at)
              await checkSegment(sealed, grown.model, stepTimestamp(-1) + BigInt(offset), keyType);
            sealed.close();
            grown.segment.close();
            assert.equal(kernel.openHandles(), 0);
          }),
          { numRuns: 10 },
        );
      });
    }
  }
}

test("all rows are seen without a bitset once everything is inserted and nothing deleted", async () => {
  const kernel = new CountingKernel();
  const sealed = await sealSegment(growSegment(simple.slice(0, 1), "int64", kernel), directory, kernel);
  assert.deepEqual(sealed.view(stepTimestamp(0)), { rowCount: 3, visible: null });
  assert.equal(sealed.view(stepTimestamp(0) - 1n).visible?.[0], 0);
  assert.equal(
    sealed.applyDeletes(keyColumn([2, 9], "int64"), BigUint64Array.of(stepTimestamp(5), stepTimestamp(5))),
    1,
  );
  assert.equal(sealed.view(stepTimestamp(4)).visible, null);
  assert.equal(sealed.view(stepTimestamp(5)).visible?.[0], 0b101);
  // The same set is handed out until another delete comes; who has it already keeps it as it was.
  const { visible } = sealed.view(stepTimestamp(6));
  assert.equal(sealed.view(stepTimestamp(7)).visible, visible);
  assert.equal(sealed.applyDeletes(keyColumn([1], "int64"), BigUint64Array.of(stepTimestamp(6))), 1);
  assert.equal(sealed.view(stepTimestamp(7)).visible?.[0], 0b100);
  assert.equal(visible?.[0], 0b101);
});

test("a segment without repeated keys is never searched twice, whatever ties there are", async () => {
  const kernel = new CountingKernel();
  const rows = [3, 1, 2].map((key) => ({ key, vector: [0, 0] as const }));
  const sealed = await sealSegment(growSegment([{ kind: "insert", rows }], "int64", kernel), directory, kernel);
  const hits = await sealed.search(
    {
      fieldId: VECTOR_FIELD,
      queries: Float32Array.of(0, 0, 1, 1),
      queryCount: 2,
      metric: Metric.L2,
      k: 2,
      range: null,
    },
    sealed.view(stepTimestamp(0)),
    null,
  );
  assert.deepEqual([...hits.rows], [0, 1, 0, 1]);
  assert.equal(kernel.searches, 1);
});

test("only the wanted fields are loaded; another one is a clear error", async () => {
  const kernel = new CountingKernel();
  const grown = growSegment(simple, "varchar", kernel);
  const files = await flushSegment(grown, directory, null);
  const { schema } = grown.segment;
  const sealed = await SealedSegment.load(files, { schema, kernel, runtime, fieldIds: [SERIAL_FIELD], deltas: [] });
  const batch = await sealed.take([KEY_FIELD, SERIAL_FIELD, ROW_ID_FIELD, TIMESTAMP_FIELD], Uint32Array.of(3, 0));
  assert.deepEqual(keyNames(sealed.keys()), ["document/1", "document/2", "document/2", "document/3"]);
  assert.deepEqual([...(batch.columns.get(SERIAL_FIELD) as FixedColumn).values], [0n, 1n]);
  assert.deepEqual([...(batch.columns.get(ROW_ID_FIELD) as FixedColumn).values], [1000n, 1001n]);
  assert.throws(() => sealed.column(NOTE_FIELD), { kind: "ParameterInvalid", message: /field note is not loaded/ });
  await assert.rejects(sealed.take([VECTOR_FIELD], Uint32Array.of(0)), /field place is not loaded/);
  assert.throws(() => sealed.column(999n), { kind: "CollectionSchemaVersionNotReady" });
  grown.segment.close();
  sealed.close();
  assert.equal(kernel.openHandles(), 0);
});

test("a field that the collection got later has its default, or null", async () => {
  const kernel = new CountingKernel();
  const grown = growSegment(simple, "int64", kernel);
  const files = await flushSegment(grown, directory, null);
  const { schema } = grown.segment;
  const field = { ...schema.fields[2]!, name: "added", dataType: DataType.Int32 };
  const text = { ...schema.fields[3]!, fieldId: 106n, name: "text", nullable: false, defaultValue: "none" };
  const later = {
    ...schema,
    fields: [
      ...schema.fields,
      { ...field, fieldId: 104n, nullable: true },
      { ...field, fieldId: 105n, defaultValue: 7 },
      text,
    ],
  };
  const sealed = await SealedSegment.load(files, { schema: later, kernel, runtime, fieldIds: null, deltas: [] });
  const added = sealed.column(104n) as FixedColumn;
  assert.deepEqual(
    [[...added.values], [...added.valid!]],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  );
  assert.deepEqual([...(sealed.column(105n) as FixedColumn).values], [7, 7, 7, 7]);
  const { columns } = await sealed.take([106n], Uint32Array.of(2));
  assert.equal(Buffer.from((columns.get(106n) as { bytes: Uint8Array }).bytes).toString(), "none");
});

test("rows out of key order are refused, and nothing stays open", async () => {
  const kernel = new CountingKernel();
  const grown = growSegment(simple, "int64", kernel);
  const files = await flushSegment(grown, directory, null);
  grown.segment.close();
  const shuffled = {
    ...files,
    readSystem: async () => ({ ...(await files.readSystem()), keys: keyColumn([4, 1, 2, 3], "int64") }),
  };
  const options = { schema: grown.segment.schema, kernel, runtime, fieldIds: null, deltas: [] };
  await assert.rejects(SealedSegment.load(shuffled, options), { kind: "SegmentLoadFailed" });
  assert.equal(kernel.openHandles(), 0);
});

test("a segment is freed when its last reader lets go", async () => {
  const kernel = new CountingKernel();
  const grown = growSegment(simple, "int64", kernel);
  const sealed = await sealSegment(grown, directory, kernel);
  grown.segment.close();
  sealed.acquire();
  sealed.close();
  assert.equal((await sealed.take([VECTOR_FIELD], Uint32Array.of(0))).rowCount, 1);
  assert.equal(kernel.openHandles(), 1);
  sealed.release();
  assert.equal(kernel.openHandles(), 0);
  assert.throws(() => sealed.acquire(), { kind: "SegmentNotLoaded" });
});
