import assert from "node:assert/strict";
import { test } from "node:test";
import { getOption } from "@bufbuild/protobuf";
import { privilege_ext_obj } from "./generated/common_pb.js";
import {
  CreateCredentialRequestSchema,
  InsertRequestSchema,
  LoadCollectionRequestSchema,
  MilvusService,
} from "./generated/milvus_pb.js";
import { FieldDataSchema } from "./generated/schema_pb.js";

test("the generated service has Milvus's name and methods", () => {
  assert.equal(MilvusService.typeName, "milvus.proto.milvus.MilvusService");
  assert.equal(MilvusService.methods.length, 143);
  assert.equal(MilvusService.method.insert.input.typeName, "milvus.proto.milvus.InsertRequest");
  assert.equal(MilvusService.method.createCollection.output.typeName, "milvus.proto.common.Status");
});

test("generated messages keep numbers, oneofs, maps, optional fields and packing", () => {
  const numbers = InsertRequestSchema.fields.map(({ name, number }) => `${number} ${name}`);
  assert.deepEqual(numbers.slice(1), [
    "2 db_name",
    "3 collection_name",
    "4 partition_name",
    "5 fields_data",
    "6 hash_keys",
    "7 num_rows",
    "8 schema_timestamp",
    "9 namespace",
  ]);
  assert.deepEqual(
    FieldDataSchema.oneofs.map((oneof) => [oneof.name, oneof.fields.map((field) => field.number)]),
    [["field", [3, 4, 8]]],
  );
  const hashKeys = InsertRequestSchema.field.hashKeys;
  assert.ok(hashKeys.fieldKind === "list" && hashKeys.packed);
  const parameters = LoadCollectionRequestSchema.field.loadParams;
  assert.ok(parameters.fieldKind === "map" && parameters.mapKind === "scalar");
  assert.equal(CreateCredentialRequestSchema.field.description.proto.proto3Optional, true);
});

test("generated requests keep the privilege that they need", () => {
  const { objectType, objectPrivilege, objectNameIndex } = getOption(InsertRequestSchema, privilege_ext_obj);
  assert.deepEqual([objectType, objectPrivilege, objectNameIndex], [0, 8, 3]);
});
