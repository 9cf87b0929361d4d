import { after, before, describe, test } from "node:test";
import { type MessageInitShape, create } from "@bufbuild/protobuf";
import { DataType } from "../../src/model/types.ts";
import {
  type FieldDataInit,
  KEY,
  int64s,
  ok,
  params,
  schemaBytes,
  service,
  vectorField,
  vectors,
} from "../../src/server/milvus/testing/messages.ts";
import type { TestClient } from "../../src/server/milvus/testing/server.ts";
import { type StructArrayFieldSchemaSchema, VectorFieldSchema } from "../../src/server/wire/generated/schema_pb.js";
import { type Fixture, type Refusal, checkRefusal, openFixture } from "./fixture.ts";

const INVALID = ": invalid parameter";
const FILMS = "films";

type StructInit = MessageInitShape<typeof StructArrayFieldSchemaSchema>;
type SubFieldInit = NonNullable<StructInit["fields"]>[number];

const CAPACITY = params({ max_capacity: "4" });
const NUMBERS: SubFieldInit = {
  name: "number",
  dataType: DataType.Array,
  elementType: DataType.Int64,
  typeParams: CAPACITY,
};
const POINTS: SubFieldInit = {
  name: "point",
  dataType: DataType.ArrayOfVector,
  elementType: DataType.FloatVector,
  typeParams: params({ max_capacity: "4", dim: "2" }),
};

function declaring(...structs: readonly StructInit[]) {
  const schema = schemaBytes({ name: "c", fields: [KEY, vectorField()], structArrayFields: [...structs] });
  return (client: TestClient) => client.call(service.createCollection, { collectionName: "c", schema });
}

function declared(...fields: readonly SubFieldInit[]) {
  return declaring({ name: "s", fields: [...fields] });
}

const SCHEMAS: readonly (Omit<Refusal, "code"> & { readonly code?: number })[] = [
  { name: "no sub-fields", text: `struct array field s has no sub-fields${INVALID}`, send: declared() },
  {
    name: "a sub-field that is no array",
    text: `fields in StructArrayField must be Array or ArrayOfVector, field name = number, field type = Int64${INVALID}`,
    send: declared({ ...NUMBERS, dataType: DataType.Int64 }),
  },
  {
    name: "an array of arrays",
    text: `element type Array is not supported${INVALID}`,
    send: declared({ ...NUMBERS, elementType: DataType.Array }),
  },
  {
    name: "an array of arrays of vectors",
    text: `nested ArrayOfVector is not supported for field point${INVALID}`,
    send: declared({ ...POINTS, elementType: DataType.ArrayOfVector }),
  },
  {
    name: "an array of structs in a struct",
    text: `nested ArrayOfStruct is not supported for field number${INVALID}`,
    send: declared({ ...NUMBERS, elementType: DataType.ArrayOfStruct }),
  },
  {
    name: "sparse vectors",
    text: `Unsupported element type SparseFloatVector of ArrayOfVector field point, only fixed dimension vector types are supported${INVALID}`,
    send: declared({ ...POINTS, elementType: DataType.SparseFloatVector }),
  },
  {
    name: "vectors without a dimension",
    text: `dimension is not defined in field type params of field point, check type param \`dim\` for vector field${INVALID}`,
    send: declared({ ...POINTS, typeParams: CAPACITY }),
  },
  {
    name: "no capacity",
    text: `type param(max_capacity) should be specified for array field number of collection c${INVALID}`,
    send: declared({ ...NUMBERS, typeParams: [] }),
  },
  {
    name: "two capacities",
    text: `all sub-fields in struct array field must have the same max_capacity: structName=s, subFieldName=point, max_capacity=5, expected=4${INVALID}`,
    send: declared(NUMBERS, { ...POINTS, typeParams: params({ max_capacity: "5", dim: "2" }) }),
  },
  {
    name: "a nullable sub-field of a struct that is not",
    text: `sub-field in non-nullable struct cannot be nullable individually, set nullable on the struct instead: structName=s, subFieldName=number${INVALID}`,
    send: declared({ ...NUMBERS, nullable: true }),
  },
  {
    name: "a key in a struct",
    text: `primary key is not supported for struct field, field name = number${INVALID}`,
    send: declared({ ...NUMBERS, isPrimaryKey: true }),
  },
  {
    name: "a partition key in a struct",
    text: `partition key is not supported for struct field, field name = number${INVALID}`,
    send: declared({ ...NUMBERS, isPartitionKey: true }),
  },
  {
    name: "a clustering key in a struct",
    text: `clustering key is not supported for struct field, field name = number${INVALID}`,
    send: declared({ ...NUMBERS, isClusteringKey: true }),
  },
  {
    name: "a name twice in a struct",
    text: `duplicated field name s[number]${INVALID}`,
    send: declared(NUMBERS, NUMBERS),
  },
  {
    name: "a struct named as a field",
    text: `duplicated field name vector${INVALID}`,
    send: declaring({ name: "vector", fields: [NUMBERS] }),
  },
  {
    name: "a struct with a bad name",
    code: 1701,
    text: "Invalid field name: s[a]. Field name can only contain numbers, letters, and underscores.: field name invalid[field=s[a]]",
    send: declaring({ name: "s[a]", fields: [NUMBERS] }),
  },
  {
    name: "an array of vectors outside of a struct",
    text: `array of vector can only be in the struct array field, field name: point${INVALID}`,
    send: (client) =>
      client.call(service.createCollection, {
        collectionName: "c",
        schema: schemaBytes({ name: "c", fields: [KEY, vectorField(), POINTS] }),
      }),
  },
];

function numbers(...rows: readonly (readonly number[])[]): FieldDataInit {
  const data = rows.map((row) => ({ data: { case: "longData", value: { data: row.map(BigInt) } } }) as const);
  return {
    type: DataType.Array,
    fieldName: "number",
    field: {
      case: "scalars",
      value: { data: { case: "arrayData", value: { data, elementType: DataType.Int64 } } },
    },
  };
}

function points(...rows: readonly (readonly number[])[]): FieldDataInit {
  const data = rows.map((row) =>
    create(VectorFieldSchema, { dim: 2n, data: { case: "floatVector", value: { data: [...row] } } }),
  );
  return {
    type: DataType.ArrayOfVector,
    fieldName: "point",
    field: {
      case: "vectors",
      value: {
        dim: 2n,
        data: { case: "vectorArray", value: { dim: 2n, data, elementType: DataType.FloatVector } },
      },
    },
  };
}

function struct(...fields: readonly FieldDataInit[]): FieldDataInit {
  return {
    type: DataType.ArrayOfStruct,
    fieldName: "s",
    field: { case: "structArrays", value: { fields: [...fields] as never[] } },
  };
}

const GOOD = [
  int64s("id", [1, 2]),
  vectors([
    [1, 0, 0, 0],
    [2, 0, 0, 0],
  ]),
];

function inserting(...more: readonly FieldDataInit[]) {
  return (client: TestClient) =>
    client.call(service.insert, { collectionName: FILMS, fieldsData: [...GOOD, ...more], numRows: 2 });
}

const ROWS: typeof SCHEMAS = [
  {
    name: "no struct",
    text: `required struct array field 's' is missing in insert data${INVALID}`,
    send: inserting(),
  },
  {
    name: "a sub-field is missing",
    text: `length of fields of struct field mismatch length of the fields in schema, fieldName: s, collectionName:films, fieldData fields length:1, schema fields length:2${INVALID}`,
    send: inserting(struct(numbers([1], []))),
  },
  {
    name: "a sub-field that is none",
    text: `sub-field 'other' not found in struct schema 's'${INVALID}`,
    send: inserting(struct({ ...numbers([1], []), fieldName: "other" }, points([1, 2], []))),
  },
  {
    name: "a column that is no struct",
    text: `field convert FieldData_StructArrays fail in fieldData, fieldName: s, collectionName:films${INVALID}`,
    send: inserting({ ...numbers([1], []), fieldName: "s" }),
  },
  {
    name: "a sub-field alone",
    text: `fieldName s[number] not exist in collection schema, fieldType Array, fieldId 0${INVALID}`,
    send: inserting({ ...numbers([1], []), fieldName: "s[number]" }),
  },
  {
    name: "another number of rows",
    text: `inconsistent array length in struct field 's': expected 2, got 1 for sub-field 'point'${INVALID}`,
    send: inserting(struct(numbers([1], []), points([1, 2]))),
  },
  {
    name: "another number of elements",
    text: `inconsistent struct element count in struct 's' at row 1: 'number' has 2, 'point' has 1${INVALID}`,
    send: inserting(struct(numbers([1], [2, 3]), points([1, 2], [3, 4]))),
  },
  {
    name: "half a vector",
    text: `struct 's' row 0 sub-field 'point': payload length 3 is not divisible by vector width 2${INVALID}`,
    send: inserting(struct(numbers([1], [2]), points([1, 2, 3], [3, 4]))),
  },
  {
    name: "more elements than the capacity",
    text: `the length (5) of 1th array exceeds max capacity (4): invalid parameter[expected=valid length array][actual=array length exceeds max capacity]`,
    send: inserting(struct(numbers([], [1, 2, 3, 4, 5]), points([], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]))),
  },
  {
    name: "a vector of what are no numbers",
    text: `value 'NaN' is not a number or infinity${INVALID}`,
    send: inserting(struct(numbers([1], [2]), points([1, 2], [3, Number.NaN]))),
  },
];

describe("structs that cannot be", () => {
  let fixture: Fixture;

  before(async () => {
    fixture = await openFixture();
    const schema = schemaBytes({
      name: FILMS,
      fields: [KEY, vectorField()],
      structArrayFields: [{ name: "s", fields: [NUMBERS, POINTS] }],
    });
    ok(await fixture.client.call(service.createCollection, { collectionName: FILMS, schema }));
  });

  after(() => fixture.close());

  for (const refusal of [...SCHEMAS, ...ROWS]) {
    test(refusal.name, () => checkRefusal(fixture, { code: 1100, ...refusal }));
  }

  test("what is good is taken", async () => {
    const good = inserting(struct(numbers([1], [2, 3]), points([1, 2], [3, 4, 5, 6])));
    ok(await good(fixture.client));
  });
});
