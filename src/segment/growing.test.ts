import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Kernel } from "../kernel/kernel.ts";
import { bytesColumn, type Column, type FixedColumn, takeRows, textAt } from "../model/columns.ts";
import { ROW_ID_FIELD, TIMESTAMP_FIELD } from "../model/schema.ts";
import { DataType, Metric } from "../model/types.ts";
import { GrowingSegment } from "./growing.ts";
import { growSegment } from "./testing/flush.ts";
import { CountingKernel, KERNELS } from "./testing/kernels.ts";
import { checkSegment } from "./testing/check-segment.ts";
import {
  batchOf,
  compareKeyNumbers,
  KEY_FIELD,
  keyColumn,
  type KeyType,
  NOTE_FIELD,
  programs,
  SERIAL_FIELD,
  type Step,
  stepTimestamp,
  testSchema,
  VECTOR_FIELD,
  type Version,
  VersionModel,
} from "./testing/version-model.ts";

const KEY_TYPES: readonly KeyType[] = ["int64", "varchar"];

function newSegment(keyType: KeyType, kernel: Kernel): GrowingSegment {
  const schema = testSchema(keyType);
  return new GrowingSegment(
    { segmentId: 7n, partitionId: 3n, collectionId: 1n, channel: "dml_0_1v0", schema, startPosition: 0n },
    kernel,
  );
}

function append(segment: GrowingSegment, versions: readonly Version[], timestamp: bigint, keyType: KeyType): void {
  const rowIds = BigInt64Array.from(versions, (version) => 1000n + BigInt(version.serial));
  segment.append(batchOf(versions, keyType), rowIds, timestamp);
}

function remove(segment: GrowingSegment, keys: readonly number[], timestamp: bigint, keyType: KeyType): number {
  return segment.applyDeletes(keyColumn(keys, keyType), new BigUint64Array(keys.length).fill(timestamp));
}

for (const [keyType, newKernel] of KEY_TYPES.flatMap((type) => KERNELS.map((kernel) => [type, kernel] as const))) {
  test(`a growing segment answers as the model does, ${keyType} keys, ${newKernel().name} kernel`, async () => {
    await fc.assert(
      fc.asyncProperty(
        programs,
        fc.array(fc.nat({ max: 200 }), { minLength: 20, maxLength: 20 }),
        async (program, at) => {
          const kernel = newKernel();
          const { segment, model } = growSegment(program, keyType, kernel);
          for (const offset of at) await checkSegment(segment, model, stepTimestamp(-1) + BigInt(offset), keyType);
          segment.close();
          assert.equal(kernel.openHandles(), 0);
        },
      ),
      { numRuns: 40 },
    );
  });
}

for (const keyType of KEY_TYPES) {
  test(`the flush source has every version by key and time, ${keyType} keys`, async () => {
    await fc.assert(
      fc.asyncProperty(programs, async (program) => {
        const { segment, model } = growSegment(program, keyType, new CountingKernel());
        const expected = model.versions.toSorted(
          (left, right) => compareKeyNumbers(left.key, right.key, keyType) || left.serial - right.serial,
        );
        segment.seal();
        const source = segment.flushSource();
        assert.equal(source.rowCount, expected.length);
        assert.deepEqual(
          [...source.timestamps],
          expected.map((version) => version.timestamp),
        );
        assert.deepEqual(
          [...source.rowIds],
          expected.map((version) => 1000n + BigInt(version.serial)),
        );
        const whole = batchOf(expected, keyType);
        for (const fieldId of [KEY_FIELD, VECTOR_FIELD, SERIAL_FIELD, NOTE_FIELD]) {
          const column = await source.column(fieldId, async () => {});
          const wanted = whole.columns.get(fieldId)!;
          assert.deepEqual({ ...column, valid: null }, { ...wanted, valid: null });
          // Validity may have been stored although the rows turned out to be without nulls.
          assert.deepEqual([...(column.valid ?? [])].includes(0), [...(wanted.valid ?? [])].includes(0));
        }
      }),
      { numRuns: 30 },
    );
  });
}

test("many vectors come in turns, and all at once for readers", async () => {
  const kernel = new CountingKernel();
  const rowCount = 600_000;
  const versions = new VersionModel().insert([{ key: 0, vector: [1, 2] }], 100n);
  const one = batchOf(versions, "int64");
  const repeated = (column: Column): Column => takeRows(column, new Uint32Array(rowCount));
  const columns = new Map([...one.columns].map(([fieldId, column]) => [fieldId, repeated(column)] as const));
  const vector = columns.get(VECTOR_FIELD)!;
  assert.ok(vector.kind === "vector");
  vector.values.forEach((_, at) => (vector.values[at] = at % 1009));
  const keys = columns.get(KEY_FIELD)!;
  assert.ok(keys.kind === "fixed");
  for (let row = 0; row < rowCount; row += 1) keys.values[row] = BigInt(row);
  const segment = newSegment("int64", kernel);
  append(segment, versions, 100n, "int64");
  let pausesBefore = 0;
  let pausesAfter = 0;
  await segment.appendInTurns({ rowCount, columns }, new BigInt64Array(rowCount), 200n, async () => {
    assert.equal(segment.view(500n).rowCount, segment.rowCount);
    if (segment.rowCount === 1) {
      pausesBefore += 1;
      assert.throws(() => append(segment, versions, 300n, "int64"), /one message after the other/);
    } else {
      // Only their order is not there yet.
      pausesAfter += 1;
      assert.equal(segment.rowCount, rowCount + 1);
    }
  });
  assert.ok(pausesBefore >= 2 && pausesAfter >= 2);
  assert.equal(segment.rowCount, rowCount + 1);
  const taken = await segment.take([VECTOR_FIELD], Uint32Array.of(0, 1, rowCount));
  const found = taken.columns.get(VECTOR_FIELD)!;
  assert.ok(found.kind === "vector");
  const last = rowCount * 2 - 2;
  assert.deepEqual([...found.values], [1, 2, 0, 1, last % 1009, (last + 1) % 1009]);
  segment.close();
  assert.equal(kernel.openHandles(), 0);
});

test("an upsert hides older versions and not its own row, however often and in whatever order it is applied (I 16.4)", () => {
  const segment = newSegment("int64", new CountingKernel());
  const model = new VersionModel();
  append(segment, model.insert([{ key: 7, vector: [0, 0] }], 100n), 100n, "int64");
  assert.equal(remove(segment, [7], 300n, "int64"), 1);
  append(segment, model.insert([{ key: 7, vector: [1, 1] }], 300n), 300n, "int64");
  assert.equal(remove(segment, [7], 300n, "int64"), 0);
  const visible = (timestamp: bigint): number[] => {
    const view = segment.view(timestamp);
    return [0, 1].filter(
      (row) => row < view.rowCount && (view.visible === null || (view.visible[0]! & (1 << row)) !== 0),
    );
  };
  assert.deepEqual([99n, 100n, 299n, 300n, 301n].map(visible), [[], [0], [0], [1], [1]]);
  // A smaller delete that comes late wins over the one that is known.
  assert.equal(remove(segment, [7], 200n, "int64"), 0);
  assert.deepEqual([199n, 200n, 300n].map(visible), [[0], [], [1]]);
});

test("a delete by filter spares the version that came after its read (I 16.7)", () => {
  const segment = newSegment("int64", new CountingKernel());
  const model = new VersionModel();
  append(segment, model.insert([{ key: 1, vector: [0, 0] }], 100n), 100n, "int64");
  append(segment, model.insert([{ key: 1, vector: [1, 1] }], 210n), 210n, "int64");
  const [keys, timestamps] = [keyColumn([1], "int64"), BigUint64Array.of(220n)];
  assert.equal(segment.applyDeletes(keys, timestamps, BigUint64Array.of(100n)), 0);
  assert.equal(segment.applyDeletes(keys, timestamps, BigUint64Array.of(201n)), 1);
  assert.equal(segment.view(219n).visible, null);
  assert.equal(segment.view(220n).visible?.[0], 0b10);
  assert.throws(() => segment.applyDeletes(keys, timestamps, new BigUint64Array(2)), /upper bound/);
});

test("what a reader was given stays while rows are appended", async () => {
  const kernel = new CountingKernel();
  const segment = newSegment("varchar", kernel);
  const model = new VersionModel();
  const rows = (count: number): Step["rows"] =>
    Array.from({ length: count }, (_, at) => ({ key: at, vector: [at % 3, 0] as const }));
  append(segment, model.insert(rows(5), 10n), 10n, "varchar");
  const keys = segment.keys();
  const view = segment.view(10n);
  const searching = segment.search(
    { fieldId: VECTOR_FIELD, queries: Float32Array.of(0, 0), queryCount: 1, metric: Metric.L2, k: 100, range: null },
    view,
    null,
  );
  append(segment, model.insert(rows(5000), 11n), 11n, "varchar");
  assert.equal(keys.kind === "bytes" && textAt(keys, 4), "document/4");
  assert.equal(segment.rowCount, 5005);
  assert.equal(view.rowCount, 5);
  assert.deepEqual([...(await searching).rows], [0, 3, 1, 4, 2]);
});

test("no search is repeated with ranks unless a tie at the border demands it", async () => {
  const kernel = new CountingKernel();
  const segment = newSegment("int64", kernel);
  const model = new VersionModel();
  const rows = [3, 1, 2].map((key) => ({ key, vector: [0, 0] as const }));
  append(segment, model.insert([...rows, { key: 0, vector: [2, 0] }], 10n), 10n, "int64");
  const search = async (k: number): Promise<number[]> => {
    kernel.searches = 0;
    const hits = await segment.search(
      { fieldId: VECTOR_FIELD, queries: Float32Array.of(0, 0), queryCount: 1, metric: Metric.L2, k, range: null },
      segment.view(10n),
      null,
    );
    return [...hits.rows];
  };
  assert.deepEqual(await search(3), [1, 2, 0]);
  assert.equal(kernel.searches, 1);
  assert.deepEqual(await search(2), [1, 2]);
  assert.equal(kernel.searches, 2);
});

test("a segment of many appends is in key order for the flush", async () => {
  const segment = newSegment("int64", new CountingKernel());
  const rowCount = 150_000;
  // A stride coprime to the count: every key once, scattered over the appends.
  const keyOf = (row: number): number => (row * 70_001) % rowCount;
  for (let start = 0; start < rowCount; start += 10_000) {
    const versions = Array.from({ length: 10_000 }, (_, at): Version => {
      const serial = start + at;
      return { key: keyOf(serial), vector: [0, 0], serial, note: null, timestamp: BigInt(start), deletedAt: null };
    });
    append(segment, versions, BigInt(start), "int64");
  }
  const order = await segment.flushOrder();
  assert.equal(order.length, rowCount);
  assert.ok(order.every((row, key) => keyOf(row) === key));
});

test("a tie is broken among the rows of the view, not by smaller keys that came later", async () => {
  const segment = newSegment("int64", new CountingKernel());
  const model = new VersionModel();
  const rows = [8, 7, 9].map((key) => ({ key, vector: [0, 0] as const }));
  append(segment, model.insert(rows, 10n), 10n, "int64");
  const searching = segment.search(
    { fieldId: VECTOR_FIELD, queries: Float32Array.of(0, 0), queryCount: 1, metric: Metric.L2, k: 2, range: null },
    segment.view(10n),
    null,
  );
  const later = [1, 7, 2].map((key) => ({ key, vector: [0, 0] as const }));
  append(segment, model.insert(later, 11n), 11n, "int64");
  assert.deepEqual([...(await searching).rows], [1, 0]);
});

test("wide rows take at most half as much memory again as their bytes", () => {
  const kernel = KERNELS[1]!();
  const schema = testSchema("varchar");
  const dimension = 128;
  const fields = schema.fields.map((field) => (field.fieldId === VECTOR_FIELD ? { ...field, dimension } : field));
  const segment = new GrowingSegment(
    {
      segmentId: 1n,
      partitionId: 1n,
      collectionId: 1n,
      channel: "c",
      schema: { ...schema, fields },
      startPosition: 0n,
    },
    kernel,
  );
  const model = new VersionModel();
  for (let start = 0; start < 30_000; start += 1000) {
    const rows = Array.from({ length: 1000 }, (_, at) => ({ key: start + at, vector: [0, 0] as const }));
    const batch = batchOf(model.insert(rows, BigInt(start)), "varchar");
    const vector = { ...batch.columns.get(VECTOR_FIELD)!, dimension, values: new Float32Array(1000 * dimension) };
    const columns = new Map(batch.columns).set(VECTOR_FIELD, vector as Column);
    segment.append({ rowCount: 1000, columns }, new BigInt64Array(1000), BigInt(start));
    if (start < 3000) continue;
    const ratio = segment.memoryBytes / segment.rawBytes;
    assert.ok(ratio >= 1 && ratio <= 1.5, `${ratio} at ${segment.rowCount} rows`);
  }
  segment.close();
  assert.equal(kernel.openHandles(), 0);
});

test("the flood of one key does not hide the others, even past the kernel's widest search", async () => {
  const segment = newSegment("int64", new CountingKernel());
  const model = new VersionModel();
  const flood = Array.from({ length: 17_000 }, () => ({ key: 5, vector: [0, 0] as const }));
  append(segment, model.insert(flood, 10n), 10n, "int64");
  append(
    segment,
    model.insert(
      [
        { key: 9, vector: [1, 0] },
        { key: 4, vector: [1, 0] },
        { key: 8, vector: [2, 0] },
      ],
      11n,
    ),
    11n,
    "int64",
  );
  const hits = await segment.search(
    { fieldId: VECTOR_FIELD, queries: Float32Array.of(0, 0), queryCount: 1, metric: Metric.L2, k: 3, range: null },
    segment.view(11n),
    null,
  );
  assert.deepEqual([...hits.rows], [16_999, 17_001, 17_000]);
  assert.deepEqual([...hits.scores], [0, 1, 1]);
});

test("rows are taken with the system's columns, in the order asked", async () => {
  const segment = newSegment("int64", new CountingKernel());
  const model = new VersionModel();
  append(
    segment,
    model.insert(
      [1, 2, 3].map((key) => ({ key, vector: [key, -key] as const })),
      10n,
    ),
    10n,
    "int64",
  );
  const batch = await segment.take([KEY_FIELD, ROW_ID_FIELD, TIMESTAMP_FIELD, VECTOR_FIELD], Uint32Array.of(2, 0, 2));
  assert.equal(batch.rowCount, 3);
  assert.deepEqual([...(batch.columns.get(ROW_ID_FIELD) as FixedColumn).values], [1002n, 1000n, 1002n]);
  assert.deepEqual([...(batch.columns.get(TIMESTAMP_FIELD) as FixedColumn).values], [10n, 10n, 10n]);
  assert.deepEqual([...(batch.columns.get(VECTOR_FIELD) as { values: Float32Array }).values], [3, -3, 1, -1, 3, -3]);
  await assert.rejects(segment.take([999n], Uint32Array.of(0)), { kind: "CollectionSchemaVersionNotReady" });
});

test("a segment is freed when its last reader lets go, and takes no rows once sealed", () => {
  const kernel = new CountingKernel();
  const segment = newSegment("int64", kernel);
  segment.acquire();
  segment.close();
  segment.close();
  assert.equal(kernel.openHandles(), 1);
  assert.throws(() => segment.acquire(), { kind: "SegmentNotLoaded" });
  segment.release();
  assert.equal(kernel.openHandles(), 0);

  const other = newSegment("int64", kernel);
  other.seal();
  assert.throws(() => append(other, new VersionModel().insert([{ key: 1, vector: [0, 0] }], 10n), 10n, "int64"));
  const unordered = newSegment("int64", kernel);
  append(unordered, new VersionModel().insert([{ key: 1, vector: [0, 0] }], 10n), 10n, "int64");
  assert.throws(() => append(unordered, new VersionModel().insert([{ key: 1, vector: [0, 0] }], 9n), 9n, "int64"));
});

test("a row without a vector is not found by its vector", async () => {
  const segment = newSegment("int64", new CountingKernel());
  const model = new VersionModel();
  const batch = batchOf(
    model.insert(
      [1, 2].map((key) => ({ key, vector: [0, 0] as const })),
      10n,
    ),
    "int64",
  );
  const vector = batch.columns.get(VECTOR_FIELD)!;
  const columns = new Map(batch.columns).set(VECTOR_FIELD, { ...vector, valid: Uint8Array.of(0, 1) });
  segment.append({ rowCount: 2, columns }, BigInt64Array.of(1n, 2n), 10n);
  const hits = await segment.search(
    { fieldId: VECTOR_FIELD, queries: Float32Array.of(0, 0), queryCount: 1, metric: Metric.L2, k: 5, range: null },
    segment.view(10n),
    null,
  );
  assert.deepEqual([...hits.rows], [1]);
});

test("keys of another type are refused", () => {
  const segment = newSegment("int64", new CountingKernel());
  assert.throws(() => segment.applyDeletes(bytesColumn(DataType.VarChar, ["1"]), BigUint64Array.of(1n)));
});
