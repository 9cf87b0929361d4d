/** Good requests of many methods, as bytes: what hostile bytes are made from. */

import { type DescMessage, type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import { DataType } from "../../src/model/types.ts";
import { SearchRequestSchema } from "../../src/server/wire/generated/milvus_pb.js";
import { FieldSchemaSchema } from "../../src/server/wire/generated/schema_pb.js";
import { dynamic, int64s, params, quickSchema, searchFor, service } from "../../src/server/milvus/testing/messages.ts";
import { BOOKS, goodColumns } from "./fixture.ts";

function bytesOf<Schema extends DescMessage>(schema: Schema, init: MessageInitShape<Schema>): Uint8Array {
  return toBinary(schema, create(schema, init));
}

const collectionName = BOOKS;
export const REQUESTS = [
  {
    method: service.insert,
    bytes: bytesOf(service.insert.input, { collectionName, fieldsData: goodColumns(), numRows: 3 }),
  },
  {
    method: service.upsert,
    bytes: bytesOf(service.upsert.input, { collectionName, fieldsData: goodColumns(), numRows: 3 }),
  },
  {
    method: service.delete,
    bytes: bytesOf(service.delete.input, {
      collectionName,
      expr: "id in {ids} and pages > 3",
      exprTemplateValues: {
        ids: { val: { case: "arrayVal", value: { data: { case: "longData", value: { data: [900n] } } } } },
      },
    }),
  },
  {
    method: service.search,
    bytes: bytesOf(service.search.input, {
      ...searchFor(BOOKS, [[1, 0, 0, 0]], { params: '{"radius":9}', offset: "1" }),
      dsl: 'title like "t%" or pages < 20',
      outputFields: ["*"],
    }),
  },
  {
    method: service.query,
    bytes: bytesOf(service.query.input, {
      collectionName,
      expr: 'id in [1, 2] or title == "three"',
      outputFields: ["vector", "title"],
      queryParams: params({ limit: "10", offset: "1" }),
    }),
  },
  {
    method: service.createCollection,
    bytes: bytesOf(service.createCollection.input, {
      collectionName: "made",
      schema: quickSchema("made"),
      properties: params({ "collection.ttl.seconds": "60" }),
    }),
  },
  {
    method: service.createIndex,
    bytes: bytesOf(service.createIndex.input, {
      collectionName,
      fieldName: "pages",
      extraParams: params({ index_type: "INVERTED" }),
    }),
  },
  { method: service.describeCollection, bytes: bytesOf(service.describeCollection.input, { collectionName }) },
  {
    method: service.createPartition,
    bytes: bytesOf(service.createPartition.input, { collectionName, partitionName: "p" }),
  },
  { method: service.createAlias, bytes: bytesOf(service.createAlias.input, { collectionName, alias: "b" }) },
  { method: service.createDatabase, bytes: bytesOf(service.createDatabase.input, { dbName: "d" }) },
  {
    method: service.upsert,
    bytes: bytesOf(service.upsert.input, {
      collectionName,
      fieldsData: [int64s("id", [1, 2]), int64s("pages", [7, 8])],
      numRows: 2,
      partialUpdate: true,
    }),
  },
  {
    method: service.insert,
    bytes: bytesOf(service.insert.input, {
      collectionName,
      fieldsData: [...goodColumns(), dynamic([{ a: 1 }, {}, { b: [1, { c: null }] }])],
      numRows: 3,
    }),
  },
  {
    method: service.hybridSearch,
    bytes: bytesOf(service.hybridSearch.input, {
      collectionName,
      requests: [searchFor(BOOKS, [[1, 0, 0, 0]]), searchFor(BOOKS, [[0, 1, 0, 0]])].map((init) =>
        create(SearchRequestSchema, init),
      ),
      rankParams: params({ strategy: "rrf", params: '{"k":60}', limit: "3" }),
      outputFields: ["title"],
    }),
  },
  {
    method: service.query,
    bytes: bytesOf(service.query.input, {
      collectionName,
      expr: "pages > 3",
      outputFields: ["count(*)", "max(pages)"],
      queryParams: params({ group_by_fields: "title", limit: "10" }),
    }),
  },
  {
    method: service.addCollectionField,
    bytes: bytesOf(service.addCollectionField.input, { collectionName, schema: fieldBytes() }),
  },
  {
    method: service.createCollection,
    bytes: bytesOf(service.createCollection.input, { collectionName: "wide", schema: wideSchema() }),
  },
] as const;

function fieldBytes(): Uint8Array {
  return toBinary(
    FieldSchemaSchema,
    create(FieldSchemaSchema, { name: "later", dataType: DataType.Int64, nullable: true }),
  );
}

/** A field of every kind that there is. */
function wideSchema(): Uint8Array {
  const vector = (name: string, dataType: DataType) => ({ name, dataType, typeParams: params({ dim: "8" }) });
  return quickSchema(
    "wide",
    vector("halves", DataType.Float16Vector),
    vector("bits", DataType.BinaryVector),
    vector("bytes", DataType.Int8Vector),
    { name: "sparse", dataType: DataType.SparseFloatVector },
    {
      name: "tags",
      dataType: DataType.Array,
      elementType: DataType.VarChar,
      typeParams: params({ max_capacity: "4", max_length: "8" }),
    },
    { name: "document", dataType: DataType.JSON, nullable: true },
    { name: "when", dataType: DataType.Timestamptz, nullable: true },
  );
}
