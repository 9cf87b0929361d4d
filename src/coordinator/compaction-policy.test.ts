import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SegmentInfo } from "../model/catalog.ts";
import { TTL_KEY } from "../model/expiry.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { SegmentLevel } from "../model/types.ts";
import { compactionPlans, type PolicyInput } from "./compaction-policy.ts";

const MEBIBYTE = 1 << 20;
const SECOND = 1_000n << 18n;
const collection = { collectionId: 1n, properties: [] } as unknown as CollectionInfo;
let lastId = 0n;

function segment(changes: Partial<SegmentInfo> = {}): SegmentInfo {
  lastId += 1n;
  const plain = {
    collectionId: 1n,
    partitionId: 3n,
    insertChannel: "c",
    state: 4,
    storageVersion: 2,
    manifestKey: "m",
  };
  return {
    ...plain,
    segmentId: lastId,
    level: SegmentLevel.L1,
    rowCount: 100,
    sizeBytes: MEBIBYTE,
    timestampFrom: 10n * SECOND,
    timestampTo: 20n * SECOND,
    flushTimestamp: 20n * SECOND,
    ...changes,
  } as SegmentInfo;
}

function deletes(changes: Partial<SegmentInfo> = {}): SegmentInfo {
  return segment({ level: SegmentLevel.L0, partitionId: -1n, sizeBytes: 1_000, ...changes });
}

function input(segments: readonly SegmentInfo[], changes: Partial<PolicyInput> = {}): PolicyInput {
  return {
    collection,
    segments,
    safeTimestamp: 30n * SECOND,
    now: 40n * SECOND,
    limits: { compactedBytes: 1024 * MEBIBYTE, compactedRows: 8_000_000 },
    isForced: false,
    isResting: false,
    avoided: new Set(),
    ...changes,
  };
}

/** The segments of each plan. */
function shapes(given: PolicyInput): string[] {
  return compactionPlans(given).map(
    (plan) => `${plan.kind} ${plan.segments.map(({ segmentId }) => segmentId).join(",")}`,
  );
}

test("a hundred flushes leave at most three small segments, and no row is rewritten often", () => {
  let segments: SegmentInfo[] = [];
  let written = 0;
  for (let flush = 0; flush < 100; flush += 1) {
    segments.push(segment({ sizeBytes: 12 * MEBIBYTE }));
    for (;;) {
      const [plan] = compactionPlans(input(segments));
      if (plan === undefined) break;
      const bytes = plan.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      written += bytes;
      segments = [...segments.filter((each) => !plan.segments.includes(each)), segment({ sizeBytes: bytes })];
    }
    assert.ok(segments.filter(({ sizeBytes }) => sizeBytes < 16 * MEBIBYTE).length <= 3);
  }
  assert.ok(segments.length <= 12, `${segments.length} segments of 1,200 MiB`);
  assert.ok(written <= 100 * 12 * MEBIBYTE * 4, "each row is rewritten at most four times on average");
});

test("what is asked for is merged as far as it goes, partition by partition", () => {
  const [a, b, c, d] = [segment(), segment(), segment({ partitionId: 4n }), segment({ partitionId: 4n })] as const;
  assert.deepEqual(shapes(input([a, b, c, d])), []);
  assert.deepEqual(shapes(input([a, b, c, d], { isForced: true })), [
    `merge ${a.segmentId},${b.segmentId}`,
    `merge ${c.segmentId},${d.segmentId}`,
  ]);
  const large = segment({ sizeBytes: 900 * MEBIBYTE });
  assert.deepEqual(shapes(input([a, large], { isForced: true })), [], "a full segment stays");
  assert.deepEqual(shapes(input([a, b], { isForced: true, avoided: new Set([a.segmentId]) })), []);
});

test("deletes are spread when they are many, much, or old, to the segments with older rows", () => {
  const [older, newer] = [segment(), segment({ timestampFrom: 25n * SECOND, timestampTo: 26n * SECOND })];
  const few = Array.from({ length: 3 }, () => deletes());
  assert.deepEqual(shapes(input([older, newer, ...few])), []);
  const spread = `spread ${older.segmentId}`;
  assert.deepEqual(shapes(input([older, newer, ...few], { isForced: true })), [
    spread,
    `merge ${older.segmentId},${newer.segmentId}`,
  ]);
  assert.deepEqual(shapes(input([older, newer, ...few], { now: 1_000n * SECOND })), [spread]);
  assert.deepEqual(shapes(input([older, deletes({ sizeBytes: 9 * MEBIBYTE })])), [spread]);
  const many = Array.from({ length: 60 }, () => deletes());
  const [plan] = compactionPlans(input([older, ...many]));
  assert.ok(plan?.kind === "spread" && plan.deltas.length === 48, "as many as a transaction holds");
  const elsewhere = deletes({ partitionId: 9n });
  assert.deepEqual(
    shapes(input([older, elsewhere], { isForced: true })),
    ["spread "],
    "nobody wants them: they just go",
  );
});

test("a segment is written again when a fifth of it is dead for every read", () => {
  const log = (rowCount: number, timestampTo: bigint): SegmentInfo["deltas"] => [{ rowCount, timestampTo }];
  assert.deepEqual(shapes(input([segment({ deltas: log(19, SECOND) })])), []);
  const worn = segment({ deltas: log(20, 30n * SECOND) });
  assert.deepEqual(shapes(input([worn])), [`merge ${worn.segmentId}`]);
  assert.deepEqual(shapes(input([segment({ deltas: log(90, 31n * SECOND) })])), [], "somebody may still read them");
  const aged = { ...collection, properties: [{ key: TTL_KEY, value: "15" }] };
  const half = segment();
  assert.deepEqual(shapes(input([half], { collection: aged })), [`merge ${half.segmentId}`]);
  assert.deepEqual(shapes(input([segment({ timestampFrom: 16n * SECOND })], { collection: aged })), []);
});

test("where nobody writes, segments are merged as soon as the small ones are a sixteenth of the large one", () => {
  const [large, small] = [segment({ sizeBytes: 300 * MEBIBYTE }), segment({ sizeBytes: 30 * MEBIBYTE })];
  assert.deepEqual(shapes(input([large, small])), []);
  assert.deepEqual(shapes(input([large, small], { isResting: true })), [`merge ${small.segmentId},${large.segmentId}`]);
  const tiny = segment({ sizeBytes: 10 * MEBIBYTE });
  assert.deepEqual(shapes(input([large, tiny], { isResting: true })), [], "too little to write the large one again");
  const [a, b] = [segment({ sizeBytes: 5 * MEBIBYTE }), segment({ sizeBytes: 5 * MEBIBYTE })];
  assert.deepEqual(shapes(input([large, a, b], { isResting: true })), [`merge ${a.segmentId},${b.segmentId}`]);
  const elsewhere = segment({ partitionId: 4n, sizeBytes: 30 * MEBIBYTE });
  assert.deepEqual(shapes(input([large, elsewhere], { isResting: true })), []);
  const half = segment({ sizeBytes: 512 * MEBIBYTE });
  assert.deepEqual(shapes(input([half, small], { isResting: true })), [], "what is large enough stays");
  assert.deepEqual(shapes(input([large, small], { isResting: true, avoided: new Set([small.segmentId]) })), []);
});

test("a tenth written again and again, with a rest each time, has each row rewritten at most a dozen times", () => {
  let segments = [segment({ sizeBytes: 100 * MEBIBYTE })];
  let written = 0;
  const rewrites = 30;
  for (let rewrite = 0; rewrite < rewrites; rewrite += 1) {
    segments.push(segment({ sizeBytes: 10 * MEBIBYTE }));
    for (;;) {
      const [plan] = compactionPlans(input(segments, { isResting: true }));
      if (plan === undefined) break;
      const bytes = plan.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      written += bytes;
      segments = [...segments.filter((each) => !plan.segments.includes(each)), segment({ sizeBytes: bytes })];
    }
    assert.ok(segments.length <= 2);
  }
  assert.ok(written <= 12 * (100 + rewrites * 10) * MEBIBYTE, `${written / MEBIBYTE} MiB`);
});

test("any segments come to rest, within the limits", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 40 }),
      fc.boolean(),
      fc.boolean(),
      (sizes, isForced, isResting) => {
        let segments = sizes.map((size) => segment({ sizeBytes: size * MEBIBYTE }));
        for (let rounds = 0; ; rounds += 1) {
          assert.ok(rounds < 100, "it ends");
          const [plan] = compactionPlans(input(segments, { isForced, isResting }));
          if (plan === undefined) return;
          const bytes = plan.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
          assert.ok(bytes <= 1024 * MEBIBYTE && plan.segments.length <= 48 && plan.segments.length > 1);
          segments = [...segments.filter((each) => !plan.segments.includes(each)), segment({ sizeBytes: bytes })];
        }
      },
    ),
    { numRuns: 200 },
  );
});
