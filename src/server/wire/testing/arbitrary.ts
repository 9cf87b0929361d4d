/** Random messages for the property tests, in the shape that the generated code takes. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  type ArrayColumn,
  type BytesColumn,
  type Column,
  type ElementColumn,
  type FixedValues,
  bytesColumn,
} from "../../../model/columns.ts";
import { sparseColumn, sparseEntry } from "../../../model/sparse.ts";
import { DataType } from "../../../model/types.ts";
import { vectorRowBytes, viewedVectors } from "../../../model/vectors.ts";
import type { ResultField } from "../field-data.ts";
import type {
  FieldData,
  FieldDataSchema,
  IDsSchema,
  TemplateArrayValueSchema,
  TemplateValueSchema,
} from "../generated/schema_pb.js";

/** Text of every plane, no lone surrogates. */
export const text = fc.string({ unit: "binary", maxLength: 12 });
export const name = fc.string({ unit: "grapheme", maxLength: 10 });
export const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -300n, max: 300n }),
  fc.nat(63).chain((bits) => fc.constantFrom(2n ** BigInt(bits) - 1n, -(2n ** BigInt(bits)))),
);
export const uint64 = int64.map((value) => BigInt.asUintN(64, value));
export const int32 = fc.oneof(fc.integer(), fc.integer({ min: -200, max: 200 }));
export const bytes = fc.uint8Array({ maxLength: 20 });
export const float = fc.float();

type FieldDataInit = MessageInitShape<typeof FieldDataSchema>;

const data = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<{ data: T[] }> =>
  fc.array(value, { maxLength: 20 }).map((values) => ({ data: values }));

const element = fc.oneof(
  fc.record({ case: fc.constant("boolData" as const), value: data(fc.boolean()) }),
  fc.record({ case: fc.constant("intData" as const), value: data(int32) }),
  fc.record({ case: fc.constant("longData" as const), value: data(int64) }),
  fc.record({ case: fc.constant("floatData" as const), value: data(float) }),
  fc.record({ case: fc.constant("doubleData" as const), value: data(fc.double()) }),
  fc.record({ case: fc.constant("stringData" as const), value: data(text) }),
);
const rowOf = fc.oneof(
  { weight: 9, arbitrary: element },
  { weight: 1, arbitrary: fc.constant({ case: undefined }) },
  { weight: 1, arbitrary: fc.record({ case: fc.constant("jsonData" as const), value: data(bytes) }) },
);
/** Mostly as clients send them, one member in all rows. */
const arrayData = fc.record({
  data: fc
    .array(rowOf, { maxLength: 6 })
    .chain((rows) => fc.boolean().map((same) => (same ? rows.map((row) => sameMember(rows, row)) : rows)))
    .map((rows) => rows.map((row) => ({ data: row }))),
  elementType: fc.constantFrom(1, 4, 5, 10, 11, 21),
});

function sameMember<Row extends { readonly case: string | undefined }>(rows: readonly Row[], row: Row): Row {
  return rows.find((other) => other.case === rows[0]!.case && other !== row) ?? rows[0]!;
}

const scalarData = fc.oneof(
  fc.record({ case: fc.constant("boolData" as const), value: data(fc.boolean()) }),
  fc.record({ case: fc.constant("intData" as const), value: data(int32) }),
  fc.record({ case: fc.constant("longData" as const), value: data(int64) }),
  fc.record({ case: fc.constant("floatData" as const), value: data(float) }),
  fc.record({ case: fc.constant("doubleData" as const), value: data(fc.double()) }),
  fc.record({ case: fc.constant("stringData" as const), value: data(text) }),
  fc.record({ case: fc.constant("jsonData" as const), value: data(bytes) }),
  fc.record({ case: fc.constant("timestamptzData" as const), value: data(int64) }),
  fc.record({ case: fc.constant("arrayData" as const), value: arrayData }),
  fc.record({ case: fc.constant("geometryData" as const), value: data(bytes) }),
  fc.record({ case: fc.constant("geometryWktData" as const), value: data(text) }),
);

const evenBytes = bytes.map((entry) => entry.subarray(0, entry.length & ~1));
const vectorRow = fc.oneof(
  { weight: 4, arbitrary: fc.record({ case: fc.constant("floatVector" as const), value: data(float) }) },
  fc.record({ case: fc.constant("int8Vector" as const), value: bytes }),
  fc.record({ case: fc.constant("bfloat16Vector" as const), value: evenBytes }),
  fc.constant({ case: undefined }),
);
const vectorArray = fc
  .oneof(
    fc.array(vectorRow, { maxLength: 4 }),
    fc.array(fc.record({ case: fc.constant("int8Vector" as const), value: bytes }), { maxLength: 4 }),
    fc.array(fc.record({ case: fc.constant("bfloat16Vector" as const), value: evenBytes }), { maxLength: 4 }),
  )
  .chain((rows) => fc.nat(4).map((dim) => ({ dim: BigInt(dim), data: rows.map((row) => ({ dim: 3n, data: row })) })));

const vectorData = fc.oneof(
  fc.record({ case: fc.constant("floatVector" as const), value: data(float) }),
  fc.record({ case: fc.constant("binaryVector" as const), value: bytes }),
  fc.record({ case: fc.constant("int8Vector" as const), value: bytes }),
  fc.record({ case: fc.constant("float16Vector" as const), value: bytes }),
  fc.record({ case: fc.constant("bfloat16Vector" as const), value: bytes }),
  fc.record({
    case: fc.constant("sparseFloatVector" as const),
    value: fc.record({ contents: fc.array(bytes, { maxLength: 5 }), dim: fc.bigInt({ min: 0n, max: 2n ** 32n }) }),
  }),
  fc.record({ case: fc.constant("vectorArray" as const), value: vectorArray }),
);

const SUB_FIELDS: MessageInitShape<typeof FieldDataSchema>[] = [
  { fieldName: "empty" },
  { fieldName: "scalars", field: { case: "scalars", value: { data: { case: "intData", value: { data: [1, 2] } } } } },
  { fieldName: "vectors", field: { case: "vectors", value: { data: { case: "vectorArray", value: { dim: 2n } } } } },
  { fieldName: "struct", field: { case: "structArrays", value: { fields: [] } } },
];

export const fieldData = fc.record({
  type: fc.constantFrom(...Object.values(DataType)) as fc.Arbitrary<number>,
  fieldName: name,
  fieldId: int64,
  isDynamic: fc.boolean(),
  validData: fc.array(fc.boolean(), { maxLength: 10 }),
  field: fc.oneof(
    fc.constant({ case: undefined }),
    scalarData.map((member) => ({ case: "scalars" as const, value: { data: member } })),
    fc
      .tuple(fc.nat(8), vectorData)
      .map(([dim, member]) => ({ case: "vectors" as const, value: { dim: BigInt(dim), data: member } })),
    fc
      .subarray(SUB_FIELDS)
      .map((fields) => ({ case: "structArrays" as const, value: { fields: fields as FieldData[] } })),
    fc.constant({ case: "scalars" as const, value: {} }),
    fc.constant({ case: "vectors" as const, value: { dim: 7n } }),
  ),
}) as fc.Arbitrary<FieldDataInit>;

export const ids: fc.Arbitrary<MessageInitShape<typeof IDsSchema>> = fc
  .oneof(
    fc.record({ case: fc.constant("intId" as const), value: data(int64) }),
    fc.record({ case: fc.constant("strId" as const), value: data(text) }),
  )
  .map((idField) => ({ idField }));

type TemplateArrayInit = MessageInitShape<typeof TemplateArrayValueSchema>;

const templateArray: fc.Memo<TemplateArrayInit> = fc.memo((depth) =>
  fc
    .oneof(
      fc.record({ case: fc.constant("boolData" as const), value: data(fc.boolean()) }),
      fc.record({ case: fc.constant("longData" as const), value: data(int64) }),
      fc.record({ case: fc.constant("doubleData" as const), value: data(fc.double()) }),
      fc.record({ case: fc.constant("stringData" as const), value: data(text) }),
      fc.record({ case: fc.constant("jsonData" as const), value: data(bytes) }),
      ...(depth > 1
        ? [
            fc.record({
              case: fc.constant("arrayData" as const),
              value: fc.array(templateArray(depth - 1), { maxLength: 3 }).map((values) => ({ data: values })),
            }),
          ]
        : []),
    )
    .map((member) => ({ data: member }) as TemplateArrayInit),
);

export const templateValue: fc.Arbitrary<MessageInitShape<typeof TemplateValueSchema>> = fc
  .oneof(
    fc.record({ case: fc.constant("boolVal" as const), value: fc.boolean() }),
    fc.record({ case: fc.constant("int64Val" as const), value: int64 }),
    fc.record({ case: fc.constant("floatVal" as const), value: fc.double() }),
    fc.record({ case: fc.constant("stringVal" as const), value: text }),
    fc.record({ case: fc.constant("bytesVal" as const), value: bytes }),
    fc.record({ case: fc.constant("arrayVal" as const), value: templateArray(3) }),
  )
  .map((val) => ({ val }) as MessageInitShape<typeof TemplateValueSchema>);

const FIXED: readonly (readonly [DataType, (rows: number) => fc.Arbitrary<FixedValues>])[] = [
  [DataType.Bool, (rows) => exactly(fc.nat(1), rows).map((values) => Uint8Array.from(values))],
  [DataType.Int8, (rows) => exactly(fc.integer({ min: -128, max: 127 }), rows).map((values) => Int8Array.from(values))],
  [DataType.Int16, (rows) => exactly(int32, rows).map((values) => Int16Array.from(values))],
  [DataType.Int32, (rows) => exactly(int32, rows).map((values) => Int32Array.from(values))],
  [DataType.Int64, (rows) => exactly(int64, rows).map((values) => BigInt64Array.from(values))],
  [DataType.Timestamptz, (rows) => exactly(int64, rows).map((values) => BigInt64Array.from(values))],
  [DataType.Float, (rows) => exactly(float, rows).map((values) => Float32Array.from(values))],
  [DataType.Double, (rows) => exactly(fc.double(), rows).map((values) => Float64Array.from(values))],
];

function exactly<T>(value: fc.Arbitrary<T>, rows: number): fc.Arbitrary<T[]> {
  return fc.array(value, { minLength: rows, maxLength: rows });
}

function valid(rows: number): fc.Arbitrary<Uint8Array | null> {
  return fc.option(exactly(fc.nat(1), rows).map((values) => Uint8Array.from(values)));
}

export function column(rows: number): fc.Arbitrary<Column> {
  return fc.oneof(
    ...FIXED.map(([type, values]) =>
      fc.record({
        kind: fc.constant("fixed" as const),
        type: fc.constant(type),
        values: values(rows),
        valid: valid(rows),
      }),
    ),
    stringColumn(rows, DataType.VarChar),
    stringColumn(rows, DataType.JSON),
    arrayColumn(rows),
    vectorColumn(rows),
    sparseRows(rows),
  );
}

const VECTOR_TYPES = [
  DataType.FloatVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.Int8Vector,
  DataType.BinaryVector,
] as const;

function vectorColumn(rows: number): fc.Arbitrary<Column> {
  return fc.tuple(fc.constantFrom(...VECTOR_TYPES), fc.integer({ min: 1, max: 5 })).chain(([type, size]) => {
    const dimension = type === DataType.BinaryVector ? size * 8 : size;
    const rowBytes = vectorRowBytes(type, dimension);
    const values = fc.uint8Array({ minLength: rows * rowBytes, maxLength: rows * rowBytes }).map((raw) => {
      // No NaN: they are compared by value.
      if (type === DataType.FloatVector)
        return Float32Array.from(raw.subarray(0, rows * dimension), (byte) => byte / 3);
      return viewedVectors(type, new Uint8Array(raw));
    });
    return fc.record({
      kind: fc.constant("vector" as const),
      type: fc.constant(type),
      dimension: fc.constant(dimension),
      values,
      valid: valid(rows),
    });
  });
}

function sparseRows(rows: number): fc.Arbitrary<BytesColumn> {
  const entry = fc.array(fc.tuple(fc.nat(300), float), { maxLength: 4 }).map((pairs) => {
    const sorted = [...new Map(pairs)].toSorted(([left], [right]) => left - right);
    return sparseEntry(
      sorted.map(([index]) => index),
      sorted.map(([, value]) => value),
    );
  });
  return fc.tuple(exactly(entry, rows), valid(rows)).map(([entries, present]) =>
    sparseColumn(
      entries.map((bytes, row) => (present?.[row] === 0 ? new Uint8Array() : bytes)),
      present,
    ),
  );
}

function arrayColumn(rows: number): fc.Arbitrary<ArrayColumn> {
  return fc.tuple(exactly(fc.nat(4), rows), valid(rows)).chain(([lengths, present]) => {
    const offsets = new Uint32Array(rows + 1);
    for (let row = 0; row < rows; row += 1)
      offsets[row + 1] = offsets[row]! + (present?.[row] === 0 ? 0 : lengths[row]!);
    const count = offsets[rows]!;
    const fixed = FIXED.filter(([type]) => type !== DataType.Timestamptz).map(([type, values]) =>
      fc.record({
        kind: fc.constant("fixed" as const),
        type: fc.constant(type),
        values: values(count),
        valid: fc.constant(null),
      }),
    );
    const strings = stringColumn(count, DataType.VarChar).map((column) => ({ ...column, valid: null }));
    return fc.oneof<fc.Arbitrary<ElementColumn>[]>(...fixed, strings).map((elements) => ({
      kind: "array",
      type: DataType.Array,
      elementType: elements.type,
      offsets,
      elements,
      valid: present,
    }));
  });
}

export function stringColumn(rows: number, type: DataType): fc.Arbitrary<BytesColumn> {
  const entry = fc.oneof(text, fc.string({ unit: "binary", minLength: 60, maxLength: 90 }));
  return fc.tuple(exactly(entry, rows), valid(rows)).map(([entries, present]) => bytesColumn(type, entries, present));
}

export function resultField(rows: number): fc.Arbitrary<ResultField> {
  return fc.record({ name, fieldId: int64, isDynamic: fc.boolean(), column: column(rows) });
}

/** Of `InsertRequest` and, but for its own fields, `UpsertRequest`. */
export const insertInit = {
  dbName: name,
  collectionName: name,
  partitionName: name,
  fieldsData: fc.array(fieldData, { maxLength: 4 }),
  hashKeys: fc.array(fc.nat(), { maxLength: 4 }),
  numRows: fc.nat({ max: 2 ** 32 - 1 }),
  schemaTimestamp: uint64,
  base: fc.option(fc.record({ msgType: fc.nat(500), msgID: int64 }), { nil: undefined }),
};

export const namespace = fc.option(name, { nil: undefined });
