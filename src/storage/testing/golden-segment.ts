/** The segment that lies in `golden-1.json`: every data type, nulls, two vectors. */

import { type Column, bytesColumn } from "../../model/columns.ts";
import { DataType } from "../../model/types.ts";
import type { Deltas } from "../deltas.ts";
import { type RandomSegment, collectionSchema, fieldSchema, int64Keys } from "./random-segment.ts";

const VALID = Uint8Array.of(1, 0, 1);

function fixed(
  type: DataType,
  values: (Column & { kind: "fixed" })["values"],
  valid: Uint8Array | null = null,
): Column {
  return { kind: "fixed", type, values, valid };
}

function vectors(values: readonly number[], valid: Uint8Array | null = null): Column {
  return { kind: "vector", type: DataType.FloatVector, dimension: 2, values: Float32Array.from(values), valid };
}

const COLUMNS: readonly Column[] = [
  int64Keys([-7n, 0n, 2n ** 63n - 1n]),
  fixed(DataType.Bool, Uint8Array.of(1, 0, 1)),
  fixed(DataType.Int8, Int8Array.of(-128, 0, 127), VALID),
  fixed(DataType.Int16, Int16Array.of(-32768, 1, 32767)),
  fixed(DataType.Int32, Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1), VALID),
  fixed(DataType.Float, Float32Array.of(NaN, -0, 1.5)),
  fixed(DataType.Double, Float64Array.of(0.1, 0, -Infinity), VALID),
  fixed(DataType.Timestamptz, BigInt64Array.of(0n, 1_700_000_000_000_000n, -1n)),
  bytesColumn(DataType.VarChar, ["kite", "", "Gleitaar, blåvinget"], VALID),
  bytesColumn(DataType.Text, ["", "🪁", "x"]),
  bytesColumn(DataType.JSON, ['{"a":[1,null]}', "", "7"], VALID),
  vectors([1, 2, 3, 4, 5, 6]),
  vectors([1, 2, 0, 0, 5, 6], VALID),
];

export const GOLDEN: RandomSegment = {
  rowCount: 3,
  schema: collectionSchema(
    COLUMNS.map((column, at) =>
      fieldSchema({
        fieldId: BigInt(100 + at),
        dataType: column.type,
        isPrimaryKey: at === 0,
        nullable: column.valid !== null,
        dimension: column.kind === "vector" ? column.dimension : 0,
        maxLengthBytes: 100,
      }),
    ),
  ),
  columns: new Map(COLUMNS.map((column, at) => [BigInt(100 + at), column])),
};

export const GOLDEN_DELTAS: Deltas = {
  keys: int64Keys([0n, -7n]),
  timestamps: BigUint64Array.of(450_000_000_000_000_001n, 450_000_000_000_000_009n),
  upperBounds: null,
};
