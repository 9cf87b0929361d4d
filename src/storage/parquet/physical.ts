/**
 * How each data type of ours lies in a Parquet file, and which Arrow type it is for readers who think in Arrow.
 *
 *   Bool                    BOOLEAN                               bool
 *   Int8, Int16             INT32, INTEGER(8|16, signed)          int8, int16
 *   Int32                   INT32                                 int32
 *   Int64, Timestamptz      INT64                                 int64
 *   Float, Double           FLOAT, DOUBLE                         float32, float64
 *   VarChar, String, Text   BYTE_ARRAY, STRING                    utf8
 *   JSON and other bytes    BYTE_ARRAY                            binary
 *   SparseFloatVector       BYTE_ARRAY, (u32 index, f32 value)…   binary
 *   dense vectors           FIXED_LEN_BYTE_ARRAY(bytes of a row)  fixed_size_binary
 *   Array, ArrayOfVector    LIST of its element (`lists.ts`)      list
 */

import { assert } from "../../base/assert.ts";
import { DataType, dataTypeName } from "../../model/types.ts";
import { vectorRowBytes } from "../../model/vectors.ts";

/** A column of a file: enough to write it and to read it again. */
export interface FileField {
  readonly fieldId: bigint;
  readonly name: string;
  readonly dataType: DataType;
  /** Of an array; `None` for other fields. */
  readonly elementType: DataType;
  /** Components of a dense vector; 0 for other fields. */
  readonly dimension: number;
  readonly nullable: boolean;
}

export function isList(field: Pick<FileField, "dataType">): boolean {
  return field.dataType === DataType.Array || field.dataType === DataType.ArrayOfVector;
}

/** The elements as a field of their own. */
export function elementField(field: FileField): FileField {
  return { ...field, name: "element", dataType: field.elementType, elementType: DataType.None, nullable: false };
}

/** Parquet's numbers for its physical types. */
export const PhysicalType = { boolean: 0, int32: 1, int64: 2, float: 4, double: 5, byteArray: 6, fixed: 7 } as const;
export type PhysicalType = (typeof PhysicalType)[keyof typeof PhysicalType];

export type ArrowType =
  | { readonly kind: "bool" | "utf8" | "binary" }
  | { readonly kind: "int"; readonly bits: number }
  | { readonly kind: "float"; readonly bits: 32 | 64 }
  | { readonly kind: "fixed"; readonly bytes: number };

export interface Physical {
  readonly type: PhysicalType;
  /** Bytes of a value in a PLAIN page; 0 where values differ in length, or are bits. */
  readonly width: number;
  /** Bits of an INTEGER logical type narrower than its physical one; 0 for none. */
  readonly integerBits: 0 | 8 | 16;
  readonly isText: boolean;
  readonly arrow: ArrowType;
}

export function physicalOf(field: Pick<FileField, "dataType" | "dimension">): Physical {
  const plain = { integerBits: 0, isText: false } as const;
  switch (field.dataType) {
    case DataType.Bool:
      return { ...plain, type: PhysicalType.boolean, width: 0, arrow: { kind: "bool" } };
    case DataType.Int8:
      return { ...plain, type: PhysicalType.int32, width: 4, integerBits: 8, arrow: { kind: "int", bits: 8 } };
    case DataType.Int16:
      return { ...plain, type: PhysicalType.int32, width: 4, integerBits: 16, arrow: { kind: "int", bits: 16 } };
    case DataType.Int32:
      return { ...plain, type: PhysicalType.int32, width: 4, arrow: { kind: "int", bits: 32 } };
    case DataType.Int64:
    case DataType.Timestamptz:
      return { ...plain, type: PhysicalType.int64, width: 8, arrow: { kind: "int", bits: 64 } };
    case DataType.Float:
      return { ...plain, type: PhysicalType.float, width: 4, arrow: { kind: "float", bits: 32 } };
    case DataType.Double:
      return { ...plain, type: PhysicalType.double, width: 8, arrow: { kind: "float", bits: 64 } };
    case DataType.VarChar:
    case DataType.String:
    case DataType.Text:
      return { ...plain, type: PhysicalType.byteArray, width: 0, isText: true, arrow: { kind: "utf8" } };
    case DataType.JSON:
    case DataType.Geometry:
    case DataType.SparseFloatVector:
      return { ...plain, type: PhysicalType.byteArray, width: 0, arrow: { kind: "binary" } };
    case DataType.FloatVector:
    case DataType.Float16Vector:
    case DataType.BFloat16Vector:
    case DataType.Int8Vector:
    case DataType.BinaryVector: {
      assert(field.dimension > 0, "a vector has a dimension");
      const bytes = vectorRowBytes(field.dataType, field.dimension);
      return { ...plain, type: PhysicalType.fixed, width: bytes, arrow: { kind: "fixed", bytes } };
    }
    default:
      assert(false, `${dataTypeName(field.dataType)} columns can be written to a file`);
  }
}
