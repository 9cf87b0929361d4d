import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SystemRuntime } from "../base/host/system.ts";
import { planFilter } from "../expr/plan.ts";
import { parseFilter } from "../expr/filter.ts";
import type { ColumnBatch, FixedColumn, KeyColumn } from "../model/columns.ts";
import { TIMESTAMP_FIELD } from "../model/schema.ts";
import { Metric } from "../model/types.ts";
import { MemoryObjectStore } from "../objectstore/memory.ts";
import { countSegment, retrieveSegment, searchSegment } from "./execute.ts";
import type { Segment } from "./segment.ts";
import { growSegment, sealSegment } from "./testing/flush.ts";
import { CountingKernel } from "./testing/kernels.ts";
import {
  batchOf,
  KEY_FIELD,
  keyColumn,
  keyNames,
  type KeyType,
  programs,
  SERIAL_FIELD,
  stepTimestamp,
  testSchema,
  VECTOR_FIELD,
  type Version,
  type VersionModel,
} from "./testing/version-model.ts";

const runtime = new SystemRuntime();

const FILTERS: readonly { readonly text: string; readonly passes: (version: Version) => boolean }[] = [
  { text: "serial % 3 == 0", passes: (version) => version.serial % 3 === 0 },
  { text: "note is null", passes: (version) => version.note === null },
  { text: 'note like "note 1%"', passes: (version) => version.note?.startsWith("note 1") === true },
];

function compiled(text: string, keyType: KeyType): ReturnType<typeof planFilter> {
  return planFilter(parseFilter(text, testSchema(keyType))!);
}

function serialsOf(batch: ColumnBatch): number[] {
  return Array.from((batch.columns.get(SERIAL_FIELD) as FixedColumn).values, Number);
}

async function checkPlans(segment: Segment, model: VersionModel, timestamp: bigint, keyType: KeyType): Promise<void> {
  const wantedKeys = [3, -7, 0, 12, 3, 99];
  for (const { text, passes } of [{ text: null, passes: () => true }, ...FILTERS]) {
    const filter = text === null ? null : compiled(text, keyType);
    for (const keys of [null, keyColumn(wantedKeys, keyType)]) {
      const matches = (version: Version): boolean =>
        passes(version) && (keys === null || wantedKeys.includes(version.key));
      const newest = model.newest(timestamp, keyType, matches);
      for (const limit of [null, 0, 2]) {
        const plan = { filter, keys, timestamp, limit, fieldIds: [SERIAL_FIELD] };
        const batch = await retrieveSegment(segment, plan, { runtime });
        const expected = newest.slice(0, limit ?? newest.length);
        assert.deepEqual(
          serialsOf(batch),
          expected.map((version) => version.serial),
          `${text}, limit ${limit}`,
        );
        assert.deepEqual(
          keyNames(batch.columns.get(KEY_FIELD) as KeyColumn),
          keyNames(
            keyColumn(
              expected.map((version) => version.key),
              keyType,
            ),
          ),
        );
        assert.deepEqual(
          [...(batch.columns.get(TIMESTAMP_FIELD) as FixedColumn).values],
          expected.map((version) => version.timestamp),
        );
      }
      assert.equal(
        await countSegment(segment, { filter, keys, timestamp }, { runtime }),
        model.visible(timestamp).filter(matches).length,
      );
    }
    const search = {
      fieldId: VECTOR_FIELD,
      queries: Float32Array.of(1, 0, 0, 2),
      queryCount: 2,
      metric: Metric.L2,
      k: 4,
      range: null,
    };
    const hits = await searchSegment(segment, { search, filter, timestamp }, { runtime });
    const expected = [
      model.search([1, 0], Metric.L2, 4, timestamp, keyType, passes),
      model.search([0, 2], Metric.L2, 4, timestamp, keyType, passes),
    ];
    const taken = await segment.take([SERIAL_FIELD], hits.rows);
    assert.deepEqual(
      serialsOf(taken),
      expected.flat().map((hit) => hit.serial),
    );
    assert.deepEqual(
      [...hits.scores],
      expected.flat().map((hit) => hit.score),
    );
    assert.deepEqual([...hits.offsets], [0, expected[0]!.length, expected.flat().length]);
    assert.deepEqual(
      keyNames(hits.keys),
      keyNames(
        keyColumn(
          expected.flat().map((hit) => model.versions[hit.serial]!.key),
          keyType,
        ),
      ),
    );
  }
}

for (const keyType of ["int64", "varchar"] as const) {
  test(`plans answer as the model does, growing and sealed, ${keyType} keys`, async () => {
    await fc.assert(
      fc.asyncProperty(
        programs,
        fc.array(fc.nat({ max: 200 }), { minLength: 5, maxLength: 5 }),
        async (program, at) => {
          const kernel = new CountingKernel();
          const grown = growSegment(program, keyType, kernel);
          const sealed = await sealSegment(grown, new MemoryObjectStore(runtime), kernel);
          for (const offset of at) {
            const timestamp = stepTimestamp(-1) + BigInt(offset);
            await checkPlans(grown.segment, grown.model, timestamp, keyType);
            await checkPlans(sealed, grown.model, timestamp, keyType);
          }
          grown.segment.close();
          sealed.close();
          assert.equal(kernel.openHandles(), 0);
        },
      ),
      { numRuns: 15 },
    );
  });
}

/** Time passes with every look at the clock. */
class BusyRuntime extends SystemRuntime {
  yields = 0;
  #now = 0;

  override monotonic(): number {
    this.#now += 5;
    return this.#now;
  }

  override async yield(): Promise<void> {
    this.yields += 1;
    await super.yield();
  }
}

const many = Array.from({ length: 40_000 }, (_, key) => ({ key, vector: [key % 7, 0] as const }));

test("a filter over many rows gives others a turn and answers the same", async () => {
  const { segment } = growSegment([{ kind: "insert", rows: many }], "int64", new CountingKernel());
  const busy = new BusyRuntime();
  const filter = compiled("serial % 1000 == 999", "int64");
  const plan = { filter, keys: null, timestamp: stepTimestamp(0), limit: 3, fieldIds: [SERIAL_FIELD] };
  assert.deepEqual(serialsOf(await retrieveSegment(segment, plan, { runtime: busy })), [999, 1999, 2999]);
  assert.ok(busy.yields >= 2);
  assert.equal(await countSegment(segment, plan, { runtime: busy }), 40);
});

test("an abort ends a filter between two slices, and the segment is let go", async () => {
  const kernel = new CountingKernel();
  const { segment } = growSegment([{ kind: "insert", rows: many }], "int64", kernel);
  const stop = new AbortController();
  const filter = compiled("serial % 1000 == 999", "int64");
  const counting = countSegment(
    segment,
    { filter, keys: null, timestamp: stepTimestamp(0) },
    {
      runtime: new BusyRuntime(),
      signal: stop.signal,
    },
  );
  stop.abort(new Error("enough"));
  await assert.rejects(counting, /enough/);
  segment.close();
  assert.equal(kernel.openHandles(), 0);
});

test("rows that come while a plan waits are not in its answer", async () => {
  const kernel = new CountingKernel();
  const { segment, model } = growSegment([{ kind: "insert", rows: many.slice(0, 20_000) }], "int64", kernel);
  const filter = compiled("serial >= 0", "int64");
  const plan = { filter, keys: null, timestamp: stepTimestamp(9), limit: null, fieldIds: [SERIAL_FIELD] };
  const counting = countSegment(segment, plan, { runtime: new BusyRuntime() });
  const retrieving = retrieveSegment(segment, plan, { runtime: new BusyRuntime() });
  const added = model.insert(many.slice(20_000), stepTimestamp(9));
  segment.append(batchOf(added, "int64"), new BigInt64Array(added.length), stepTimestamp(9));
  assert.equal(await counting, 20_000);
  assert.equal((await retrieving).rowCount, 20_000);
});
