import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DataType } from "../model/types.ts";
import { groupColumns } from "./groups.ts";
import * as keys from "./keys.ts";
import { fieldSchema } from "./testing/random-segment.ts";

const id = fc.bigInt(0n, 2n ** 59n);
const ids = fc.record({ collectionId: id, partitionId: fc.oneof(id, fc.constant(-1n)), segmentId: id });

test("what a builder makes, the parser takes apart", () => {
  fc.assert(
    fc.property(ids, id, id, fc.integer({ min: 1, max: 1e9 }), (segment, fieldId, logId, version) => {
      const parse = keys.parseSegmentKey;
      assert.deepEqual(parse(keys.insertLogKey(segment, fieldId, logId)), {
        ...segment,
        kind: "insert",
        groupId: fieldId,
        logId,
      });
      assert.deepEqual(parse(keys.manifestKey(segment, version)), { ...segment, kind: "manifest", version });
      assert.deepEqual(parse(keys.statisticsKey(segment, fieldId, logId)), {
        ...segment,
        kind: "statistics",
        fieldId,
        logId,
      });
      assert.deepEqual(parse(keys.deltaLogKey(segment, logId)), { ...segment, kind: "delta", logId });
      assert.deepEqual(parse(keys.bm25StatisticsKey(segment, fieldId, logId)), {
        ...segment,
        kind: "bm25",
        fieldId,
        logId,
      });
      const { partitionId, segmentId } = segment;
      const index = { buildId: fieldId, version: logId, partitionId, segmentId, file: "graph" };
      assert.deepEqual(keys.parseIndexKey(keys.indexFileKey(index)), index);
    }),
  );
});

test("the keys are Milvus's", () => {
  const segment = { collectionId: 1n, partitionId: 2n, segmentId: 3n };
  assert.equal(keys.insertLogKey(segment, 101n, 9n), "insert_log/1/2/3/101/9");
  assert.equal(keys.statisticsKey(segment, 100n, 9n), "stats_log/1/2/3/100/9");
  assert.equal(keys.deltaLogKey(segment, 9n), "delta_log/1/2/3/9");
  assert.equal(keys.bm25StatisticsKey(segment, 105n, 9n), "bm25_stats/1/2/3/105/9");
  assert.equal(
    keys.indexFileKey({ buildId: 7n, version: 1n, partitionId: 2n, segmentId: 3n, file: "HNSW_0" }),
    "index_files/7/1/2/3/HNSW_0",
  );
});

test("what no builder makes is nobody's key", () => {
  const strange = [
    "",
    "insert_log/1/2/3",
    "insert_log/1/2/3/4",
    "insert_log/1/2/3/4/5/6",
    "insert_log/01/2/3/4/5",
    "insert_log/1/2/3/manifest/0",
    "insert_log/1/2/3/manifest/x",
    "delta_log/1/2/3/4/5",
    "other_log/1/2/3/4/5",
    "insert_log/1/2/3/4/5.tmp",
    "stats_log/1/2/x/4/5",
  ];
  for (const key of strange) assert.equal(keys.parseSegmentKey(key), null, key);
  for (const key of ["index_files/1/2/3/4", "index_files/1/2/3/4/", "index_files/a/2/3/4/f"]) {
    assert.equal(keys.parseIndexKey(key), null, key);
  }
});

test("every field is in one group; vectors and long text are alone", () => {
  const fields = [
    fieldSchema({ fieldId: 105n, dataType: DataType.FloatVector, dimension: 4 }),
    fieldSchema({ fieldId: 100n, dataType: DataType.VarChar, isPrimaryKey: true }),
    fieldSchema({ fieldId: 104n, dataType: DataType.JSON }),
    fieldSchema({ fieldId: 101n, dataType: DataType.Bool }),
    fieldSchema({ fieldId: 103n, dataType: DataType.Text }),
    fieldSchema({ fieldId: 102n, dataType: DataType.VarChar, maxLengthBytes: 65_535 }),
  ];
  const own = (groupId: bigint): object => ({ groupId, fieldIds: [groupId] });
  const system = { groupId: 0n, fieldIds: [0n, 1n, 100n] };
  assert.deepEqual(groupColumns(fields), [
    system,
    { groupId: 1n, fieldIds: [101n, 104n] },
    own(102n),
    own(103n),
    own(105n),
  ]);
  assert.deepEqual(groupColumns(fields.toReversed()), groupColumns(fields));
  const averages = new Map([
    [102n, 12],
    [104n, 1024],
  ]);
  assert.deepEqual(groupColumns(fields, averages), [
    system,
    { groupId: 1n, fieldIds: [101n, 102n] },
    own(103n),
    own(104n),
    own(105n),
  ]);
  assert.deepEqual(groupColumns(fields.slice(0, 2)), [system, own(105n)]);
});
