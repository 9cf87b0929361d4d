/** Which property counts, and what a load takes for certain. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SegmentIndexInfo } from "../model/catalog.ts";
import type { CollectionInfo, FieldSchema, KeyValue } from "../model/schema.ts";
import { DataType } from "../model/types.ts";
import type { SegmentManifest } from "../storage/manifest.ts";
import { listlessFields, residenceOf, residentBytes, unmappedFields } from "./residence.ts";

const mmap = (value: string): KeyValue[] => [{ key: "mmap.enabled", value }];

const field = (fieldId: bigint, dataType: DataType, typeParams: KeyValue[] = []): FieldSchema =>
  ({ fieldId, dataType, typeParams, dimension: 100, name: `f${fieldId}` }) as unknown as FieldSchema;

const collection = (properties: KeyValue[], ...fields: FieldSchema[]): CollectionInfo =>
  ({ properties, schema: { fields } }) as unknown as CollectionInfo;

const index = (
  fieldId: bigint,
  indexType: string,
  bytes: number,
  params: KeyValue[] = [],
  rowCount = 0,
): SegmentIndexInfo =>
  ({ fieldId, indexType, params, rowCount, files: [{ key: "k", bytes, crc32: 0 }] }) as unknown as SegmentIndexInfo;

const manifest = (...groups: [bigint, number][]): SegmentManifest =>
  ({
    groups: groups.map(([groupId, memoryBytes]) => ({ groupId, file: { memoryBytes } })),
    deltas: [],
  }) as unknown as SegmentManifest;

test("the property of the index counts before that of the collection, and says nothing by itself", () => {
  assert.equal(residenceOf({ properties: [] }, []), "either");
  assert.equal(residenceOf({ properties: mmap("True") }, []), "mapped");
  assert.equal(residenceOf({ properties: mmap("true") }, mmap("false")), "memory");
  assert.equal(residenceOf({ properties: mmap("false") }, mmap("true")), "mapped");
});

test("the property of a field is about its rows", () => {
  const fields = [field(1n, DataType.FloatVector, mmap("true")), field(2n, DataType.FloatVector)];
  assert.deepEqual(unmappedFields(collection(mmap("false"), ...fields)), [2n]);
  assert.deepEqual(unmappedFields(collection([], ...fields)), []);
});

test("columns count, mapped vectors do not, sparse rows with the lists that they will have", () => {
  const fields = [
    field(100n, DataType.Int64),
    field(101n, DataType.FloatVector),
    field(102n, DataType.SparseFloatVector),
  ];
  const files = manifest([0n, 10], [1n, 20], [101n, 1_000], [102n, 400]);
  const plain = collection([], ...fields);
  assert.equal(residentBytes(files, plain, [], []), 10 + 20 + 700);
  assert.equal(residentBytes(files, plain, [101n], []), 10 + 20, "vectors that are not loaded take nothing");
  assert.equal(residentBytes(files, collection(mmap("false"), ...fields), [], []), 10 + 20 + 1_000 + 700);
  const lists = index(102n, "SPARSE_WAND", 90);
  assert.deepEqual(listlessFields(plain, [lists]), [102n]);
  assert.equal(residentBytes(files, plain, [], [lists]), 10 + 20 + 400, "what may be mapped is not in it");
  const graph = index(101n, "HNSW", 500, mmap("false"));
  assert.equal(residentBytes(files, plain, [], [lists, graph]), 10 + 20 + 400 + 500);
  assert.equal(residentBytes(files, plain, [], [index(100n, "STL_SORT", 7)]), 10 + 20 + 700 + 7);
});

test("a graph that is read has sketches besides its file, of a bit a dimension in steps of 64 and two numbers", () => {
  const plain = collection([], field(101n, DataType.FloatVector));
  const graph = (params: KeyValue[]): SegmentIndexInfo => index(101n, "HNSW", 500, params, 1_000);
  assert.equal(residentBytes(manifest(), plain, [], [graph(mmap("false"))]), 500 + 1_000 * (16 + 8));
  assert.equal(residentBytes(manifest(), plain, [], [graph([])]), 0, "it may be mapped");
  const lists = index(101n, "IVF_FLAT", 500, mmap("false"), 1_000);
  assert.equal(residentBytes(manifest(), plain, [], [lists]), 500, "lists have none");
});
