/** Random schemas and columns for property tests: nulls, empty and long text, all of Unicode, NaN, extreme integers. */

import fc from "fast-check";
import {
  type Column,
  type ElementColumn,
  type FixedValues,
  type KeyColumn,
  bytesColumn,
  fixedValues,
  isBytesType,
} from "../../model/columns.ts";
import type { CollectionSchema, FieldSchema } from "../../model/schema.ts";
import { plainField } from "../../model/testing/plain-field.ts";
import { sparseColumn, sparseEntry } from "../../model/sparse.ts";
import { DataType, SegmentLevel, SegmentState } from "../../model/types.ts";
import { type VectorValues, isDenseVectorType, vectorStride, vectorValues } from "../../model/vectors.ts";
import type { SegmentDescriptor, SegmentSource } from "../segment-writer.ts";

export interface RandomSegment {
  readonly schema: CollectionSchema;
  readonly rowCount: number;
  readonly columns: ReadonlyMap<bigint, Column>;
}

export function fieldSchema({
  fieldId,
  dataType,
  ...more
}: Partial<FieldSchema> & Pick<FieldSchema, "fieldId" | "dataType">): FieldSchema {
  const maxLengthBytes = dataType === DataType.VarChar ? 65_535 : 0;
  return plainField(fieldId, `f${fieldId}`, dataType, { maxLengthBytes, ...more });
}

export function collectionSchema(fields: readonly FieldSchema[]): CollectionSchema {
  return { name: "c", description: "", fields, enableDynamicField: false, version: 3 };
}

const SCALARS = [
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Timestamptz,
  DataType.Float,
  DataType.Double,
  DataType.VarChar,
  DataType.Text,
  DataType.JSON,
  DataType.SparseFloatVector,
] as const;
const VECTORS = [
  DataType.FloatVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.Int8Vector,
  DataType.BinaryVector,
] as const;

const ELEMENTS = SCALARS.filter((type) => type !== DataType.JSON && type !== DataType.SparseFloatVector);

const anyField = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      dataType: fc.constant<DataType>(DataType.Array),
      elementType: fc.constantFrom<DataType>(...ELEMENTS),
      dimension: fc.constant(0),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      dataType: fc.constant<DataType>(DataType.ArrayOfVector),
      elementType: fc.constantFrom<DataType>(DataType.FloatVector, DataType.Int8Vector),
      dimension: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ dataType: fc.constantFrom<DataType>(...SCALARS), dimension: fc.constant(0) }) },
  {
    weight: 1,
    arbitrary: fc
      .record({ dataType: fc.constantFrom<DataType>(...VECTORS), dimension: fc.integer({ min: 1, max: 33 }) })
      .map(({ dataType, dimension }) => ({
        dataType,
        dimension: dataType === DataType.BinaryVector ? dimension * 8 : dimension,
      })),
  },
);

export const anySegment: fc.Arbitrary<RandomSegment> = fc
  .record({
    keyType: fc.constantFrom<DataType>(DataType.Int64, DataType.VarChar),
    fields: fc.array(fc.tuple(anyField, fc.boolean(), fc.integer({ min: 0, max: 2 })), { maxLength: 6 }),
    rowCount: fc.oneof(fc.constantFrom(0, 1, 2, 8, 9), fc.integer({ min: 0, max: 300 })),
  })
  .chain(({ keyType, fields, rowCount }) => {
    const schemas = [
      fieldSchema({ fieldId: 100n, dataType: keyType, isPrimaryKey: true }),
      ...fields.map(([field, nullable, wide], at) =>
        fieldSchema({ fieldId: BigInt(101 + at), nullable, ...field, maxLengthBytes: wide * 5000 }),
      ),
    ];
    return fc.tuple(...schemas.map((schema) => anyColumn(schema, rowCount))).map((columns) => ({
      schema: collectionSchema(schemas),
      rowCount,
      columns: new Map(schemas.map((schema, at) => [schema.fieldId, columns[at]!])),
    }));
  });

function anyColumn(field: FieldSchema, rowCount: number): fc.Arbitrary<Column> {
  const size = { minLength: rowCount, maxLength: rowCount, size: "max" as const };
  const valid = field.nullable ? fc.array(fc.integer({ min: 0, max: 1 }), size) : fc.constant(null);
  const type = field.dataType;
  if (type === DataType.Array || type === DataType.ArrayOfVector) {
    return fc.tuple(fc.array(fc.integer({ min: 0, max: 5 }), size), valid).chain(([lengths, flags]) => {
      const offsets = new Uint32Array(rowCount + 1);
      for (const [row, length] of lengths.entries())
        offsets[row + 1] = offsets[row]! + (flags?.[row] === 0 ? 0 : length);
      const { elementType } = field;
      const element = { ...field, dataType: elementType, elementType: DataType.None, nullable: false };
      return anyColumn(element, offsets[rowCount]!).map((elements) => ({
        kind: "array",
        type,
        elementType,
        offsets,
        elements: elements as ElementColumn,
        valid: validity(flags),
      }));
    });
  }
  if (type === DataType.SparseFloatVector) {
    const entry = fc.array(fc.tuple(fc.nat(1_000_000), fc.float({ noNaN: true, noDefaultInfinity: true })), {
      maxLength: 6,
    });
    return fc.tuple(fc.array(entry, size), valid).map(([entries, flags]) =>
      sparseColumn(
        entries.map((pairs, row) => (flags?.[row] === 0 ? new Uint8Array() : sparseOf(pairs))),
        validity(flags),
      ),
    );
  }
  if (isBytesType(type)) {
    const text = fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), fc.constantFrom("", "x".repeat(3000)));
    return fc.tuple(fc.array(text, size), valid).map(([entries, flags]) =>
      bytesColumn(
        type,
        entries.map((entry, row) => (flags?.[row] === 0 ? "" : entry)),
        validity(flags),
      ),
    );
  }
  const isVector = isDenseVectorType(type);
  const stride = isVector ? vectorStride(type, field.dimension) : 1;
  const length = rowCount * stride;
  const values = fc.array(anyNumber(type), { ...size, minLength: length, maxLength: length });
  return fc.tuple(values, valid).map(([numbers, flags]) => {
    const array = isVector ? vectorValues(type, length) : fixedValues(type, length);
    for (let at = 0; at < length; at += 1) {
      if (flags?.[Math.floor(at / stride)] !== 0) array[at] = numbers[at]!;
    }
    if (isVector) {
      const { dimension } = field;
      return { kind: "vector", type, dimension, values: array as VectorValues, valid: validity(flags) };
    }
    return { kind: "fixed", type, values: array as FixedValues, valid: validity(flags) };
  });
}

/** Pairs in any order, some of one index, to an entry. */
function sparseOf(pairs: readonly (readonly [number, number])[]): Uint8Array {
  const byIndex = [...new Map(pairs)].toSorted(([left], [right]) => left - right);
  return sparseEntry(
    byIndex.map(([index]) => index),
    byIndex.map(([, value]) => value),
  );
}

/** As files give it back: null when nothing is null. */
function validity(flags: readonly number[] | null): Uint8Array | null {
  return flags === null || !flags.includes(0) ? null : Uint8Array.from(flags);
}

function anyNumber(type: DataType): fc.Arbitrary<number | bigint> {
  switch (type) {
    case DataType.Bool:
      return fc.integer({ min: 0, max: 1 });
    case DataType.Int8:
      return fc.integer({ min: -128, max: 127 });
    case DataType.Int16:
      return fc.integer({ min: -32768, max: 32767 });
    case DataType.Int32:
      return fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1));
    case DataType.Int64:
    case DataType.Timestamptz:
      return fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 0n));
    case DataType.Double:
      return fc.double();
    case DataType.Float16Vector:
    case DataType.BFloat16Vector:
      return fc.nat(0xffff);
    case DataType.Int8Vector:
      return fc.integer({ min: -128, max: 127 });
    case DataType.BinaryVector:
      return fc.nat(255);
    default:
      return fc.float();
  }
}

export function sourceOf(segment: RandomSegment): SegmentSource {
  return {
    rowCount: segment.rowCount,
    timestamps: BigUint64Array.from(
      { length: segment.rowCount },
      (_, row) => 450_000_000_000_000_000n + BigInt(row % 7),
    ),
    rowIds: BigInt64Array.from({ length: segment.rowCount }, (_, row) => BigInt(row) + 2n ** 40n),
    column: async (fieldId) => segment.columns.get(fieldId)!,
  };
}

export function descriptorOf(schema: CollectionSchema, changes: Partial<SegmentDescriptor> = {}): SegmentDescriptor {
  let logId = 9000n;
  return {
    collectionId: 450n,
    partitionId: 451n,
    segmentId: 452n,
    channel: "by-dev-rootcoord-dml_0_450v0",
    level: SegmentLevel.L1,
    state: SegmentState.Flushed,
    schema,
    manifestVersion: 1,
    startPosition: "17",
    endPosition: "4711",
    deltas: null,
    allocateLogId: async () => (logId += 1n),
    ...changes,
  };
}

export function int64Keys(keys: readonly bigint[]): KeyColumn {
  return { kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(keys), valid: null };
}
