import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesColumn } from "../model/columns.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { plainField } from "../model/testing/plain-field.ts";
import { ConsistencyLevel, DataType } from "../model/types.ts";
import { parsePlanFilter } from "./filters.ts";
import { checkIsolation, partitionsOfFilter } from "./partition-pruning.ts";
import { partitionsForWrite } from "./partitions.ts";

const PARTITIONS = 8;
const TENANTS = Array.from({ length: 60 }, (_, at) => `t${at}`);

function collection(isolation: boolean): CollectionInfo {
  const fields = [
    plainField(100n, "id", DataType.Int64, { isPrimaryKey: true }),
    plainField(101n, "tenant", DataType.VarChar, { isPartitionKey: true, maxLengthBytes: 64 }),
    plainField(102n, "size", DataType.Int64),
  ];
  // Not in the order of their numbers.
  const partitions = Array.from({ length: PARTITIONS }, (_, at) => (at * 3) % PARTITIONS).map((number) => ({
    partitionId: BigInt(1000 + number),
    name: `_default_${number}`,
    createdTimestamp: 1n,
  }));
  return {
    collectionId: 1n,
    databaseId: 1n,
    databaseName: "default",
    schema: { name: "c", description: "", fields, enableDynamicField: false, version: 0 },
    partitions,
    shardsNum: 1,
    virtualChannels: ["dml_0_1v0"],
    consistencyLevel: ConsistencyLevel.Strong,
    properties: isolation ? [{ key: "partitionkey.isolation", value: "True" }] : [],
    createdTimestamp: 1n,
    updateTimestamp: 1n,
  };
}

function placesOf(tenants: readonly string[]): Map<string, bigint> {
  const column = bytesColumn(DataType.VarChar, tenants);
  const batch = { rowCount: tenants.length, columns: new Map([[101n, column]]) };
  const { ids, rowPartitions } = partitionsForWrite(collection(false), "", batch);
  return new Map(tenants.map((tenant, row) => [tenant, ids[rowPartitions![row]!]!]));
}

const EVERYWHERE = null;
const CASES: readonly (readonly [string, ((tenant: string) => boolean) | null])[] = [
  ['tenant == "t3"', (tenant) => tenant === "t3"],
  ['"t3" == tenant', (tenant) => tenant === "t3"],
  ['tenant in ["t3", "t9", "t50"]', (tenant) => ["t3", "t9", "t50"].includes(tenant)],
  ['tenant == "t3" and size > 4', (tenant) => tenant === "t3"],
  ['size > 4 and (tenant == "t3" or tenant == "t7")', (tenant) => ["t3", "t7"].includes(tenant)],
  ['tenant in ["t3", "t9"] and tenant in ["t9", "t11"]', (tenant) => tenant === "t9"],
  ['tenant == "t3" or size > 4', EVERYWHERE],
  ['tenant != "t3"', EVERYWHERE],
  ['not (tenant == "t3")', EVERYWHERE],
  ['tenant > "t3"', EVERYWHERE],
  ['tenant like "t3%"', EVERYWHERE],
  ["size == 3", EVERYWHERE],
];

test("a read looks into the partitions of its keys, and never misses one that may have a row", () => {
  const places = placesOf(TENANTS);
  assert.equal(new Set(places.values()).size, PARTITIONS);
  for (const [text, passes] of CASES) {
    const filter = parsePlanFilter("query", text, collection(false), new Map());
    const ids = partitionsOfFilter(collection(false), [], filter);
    if (passes === EVERYWHERE) {
      assert.equal(ids, null, text);
      continue;
    }
    const needed = new Set(TENANTS.filter(passes).map((tenant) => places.get(tenant)!));
    assert.ok(ids !== null && [...needed].every((id) => ids.includes(id)), text);
    assert.ok(ids.length <= 3 && new Set(ids).size === ids.length, text);
  }
  assert.equal(partitionsOfFilter(collection(false), [], null), null);
});

test("isolation wants one partition key", () => {
  const isolated = collection(true);
  const check = (text: string): void => checkIsolation(isolated, parsePlanFilter("query", text, isolated, new Map()));
  for (const text of ['tenant == "t3"', 'size > 1 and tenant == "t3"', 'tenant in ["t3"]']) check(text);
  for (const [text, reason] of [
    ["", /partition key not found in expr or the expr is invalid/],
    ["size > 1", /partition key not found in expr/],
    ['tenant in ["t3", "t4"]', /partition key isolation does not support IN/],
    ['tenant == "t3" or size == 4', /does not support OR/],
    ['not (tenant == "t3")', /partition key/],
    ['tenant > "t3"', /does not support partition key >/],
    ['tenant == "t3" and not (tenant like "a%" and tenant == "t3")', /does not support NOT/],
  ] as const) {
    assert.throws(() => check(text), reason, text);
  }
  checkIsolation(collection(false), null);
});
