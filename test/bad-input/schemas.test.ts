import { after, before, describe, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { DataType } from "../../src/model/types.ts";
import { KEY, schemaBytes, service, textField, vectorField } from "../../src/server/milvus/testing/messages.ts";
import type { TestClient } from "../../src/server/milvus/testing/server.ts";
import type { CollectionSchemaSchema } from "../../src/server/wire/generated/schema_pb.js";
import { BOOKS, type Fixture, type Refusal, checkRefusal, openFixture } from "./fixture.ts";

type Fields = NonNullable<MessageInitShape<typeof CollectionSchemaSchema>["fields"]>;

const INVALID = ": invalid parameter";
const LONG = "x".repeat(256);

function creating(collectionName: string, fields: Fields, shardsNum = 1) {
  return (client: TestClient) =>
    client.call(service.createCollection, {
      collectionName,
      schema: schemaBytes({ name: collectionName, fields }),
      shardsNum,
    });
}

const USUAL: Fields = [KEY, vectorField()];

const REFUSALS: readonly Refusal[] = [
  {
    name: "an empty name",
    code: 1100,
    text: `collection name should not be empty${INVALID}`,
    send: creating("", USUAL),
  },
  {
    name: "a name that begins with a digit",
    code: 1100,
    text: `Invalid collection name: 1st. the first character of a collection name must be an underscore or letter${INVALID}`,
    send: creating("1st", USUAL),
  },
  {
    name: "a name with other characters",
    code: 1100,
    text: `Invalid collection name: a-b. collection name can only contain numbers, letters and underscores${INVALID}`,
    send: creating("a-b", USUAL),
  },
  {
    name: "a name of letters that are not ASCII",
    code: 1100,
    text: `Invalid collection name: été. the first character of a collection name must be an underscore or letter${INVALID}`,
    send: creating("été", USUAL),
  },
  {
    name: "a name of 256 bytes",
    code: 1100,
    text: `Invalid collection name: ${LONG}. the length of a collection name must be less than 255 characters${INVALID}`,
    send: creating(LONG, USUAL),
  },
  {
    name: "a field with a bad name",
    code: 1701,
    text: "Invalid field name: a b. Field name can only contain numbers, letters, and underscores.: field name invalid[field=a b]",
    send: creating("c", [...USUAL, textField("a b", 3)]),
  },
  {
    name: "a field named like an operator",
    code: 1701,
    text: "Invalid field name: like. Field name cannot be a reserved keyword.: field name invalid[field=like]",
    send: creating("c", [...USUAL, textField("like", 3)]),
  },
  {
    name: "two fields of one name",
    code: 1100,
    text: `duplicated field name vector${INVALID}`,
    send: creating("c", [...USUAL, vectorField()]),
  },
  {
    name: "dim 1",
    code: 1100,
    text: `invalid dimension: 1. should be in range 2 ~ 32768${INVALID}`,
    send: creating("c", [KEY, vectorField(1)]),
  },
  {
    name: "dim 32,769",
    code: 1100,
    text: `invalid dimension: 32769 of field vector. float vector dimension should be in range 2 ~ 32768${INVALID}`,
    send: creating("c", [KEY, vectorField(32_769)]),
  },
  {
    name: "dim that is no number",
    code: 1100,
    text: `invalid dimension: many${INVALID}`,
    send: creating("c", [KEY, vectorField("many")]),
  },
  {
    name: "a vector without dim",
    code: 1100,
    text: `dimension is not defined in field type params of field vector, check type param \`dim\` for vector field${INVALID}`,
    send: creating("c", [KEY, { name: "vector", dataType: DataType.FloatVector }]),
  },
  {
    name: "a text without max_length",
    code: 1100,
    text: `type param(max_length) should be specified for the field(t) of collection c${INVALID}`,
    send: creating("c", [...USUAL, { name: "t", dataType: DataType.VarChar }]),
  },
  {
    name: "max_length 65,536",
    code: 1100,
    text: `the maximum length specified for the field(t) should be in (0, 65535], but got 65536 instead${INVALID}`,
    send: creating("c", [...USUAL, textField("t", 65_536)]),
  },
  {
    name: "17 shards",
    code: 1100,
    text: `maximum shards's number should be limited to 16${INVALID}`,
    send: creating("c", USUAL, 17),
  },
  {
    name: "65 fields",
    code: 1100,
    text: `maximum field's number should be limited to 64${INVALID}`,
    send: creating("c", [...USUAL, ...Array.from({ length: 63 }, (_, at) => textField(`f${at}`, 3))]),
  },
  {
    name: "a schema without a key",
    code: 1100,
    text: `primary key is not specified${INVALID}`,
    send: creating("c", [vectorField()]),
  },
  {
    name: "a schema with two keys",
    code: 1100,
    text: `there are more than one primary key, field name = id, again${INVALID}`,
    send: creating("c", [...USUAL, { ...KEY, name: "again" }]),
  },
  {
    name: "a key of floats",
    code: 1100,
    text: `the data type of primary key should be Int64 or VarChar${INVALID}`,
    send: creating("c", [{ ...KEY, dataType: DataType.Float }, vectorField()]),
  },
  {
    name: "a schema without a vector",
    code: 1100,
    text: `schema does not contain vector field${INVALID}`,
    send: creating("c", [KEY]),
  },
  {
    name: "a key that may be null",
    code: 1100,
    text: `primary field not support null${INVALID}`,
    send: creating("c", [{ ...KEY, nullable: true }, vectorField()]),
  },
  {
    name: "a default value of another type",
    code: 1100,
    text: `type (Int64) of field (n) is not equal to the type(DataType_VarChar) of default_value${INVALID}`,
    send: creating("c", [
      ...USUAL,
      { name: "n", dataType: DataType.Int64, defaultValue: { data: { case: "stringData", value: "x" } } },
    ]),
  },
  {
    name: "partitions without a partition key",
    code: 1100,
    text: `num_partitions should only be specified with partition key field enabled${INVALID}`,
    send: (client) =>
      client.call(service.createCollection, {
        collectionName: "c",
        schema: schemaBytes({ name: "c", fields: USUAL }),
        numPartitions: 4n,
      }),
  },
  {
    name: "a schema that is no schema",
    code: 1100,
    text: /^failed to unmarshal collection schema: .*: invalid parameter$/,
    send: (client) =>
      client.call(service.createCollection, { collectionName: "c", schema: Uint8Array.of(0xff, 0xff, 0xff) }),
  },
  {
    name: "a collection that is there, otherwise",
    code: 1100,
    text: `create duplicate collection with different parameters, collection: ${BOOKS}${INVALID}`,
    send: creating(BOOKS, USUAL),
  },
  {
    name: "a collection named like an alias",
    code: 1601,
    text: "alias and collection name conflict[database=default][alias=read]",
    send: creating("read", USUAL),
  },
];

describe("creating a collection refuses", () => {
  let fixture: Fixture;
  before(async () => void (fixture = await openFixture()));
  after(() => fixture.close());

  for (const refusal of REFUSALS) test(refusal.name, () => checkRefusal(fixture, refusal));
});
