/** Fields of the simulated collection that are neither keys nor vectors, one of every type. All of a row follows from its value. */

import {
  type ArrayColumn,
  type Column,
  type ElementColumn,
  bytesColumn,
  columnRows,
  concatColumns,
  fixedValues,
  takeRows,
} from "../../src/model/columns.ts";
import type { Filter } from "../../src/model/filter.ts";
import { DataType } from "../../src/model/types.ts";
import { encodeWkb } from "../../src/model/wkb.ts";

export interface SimulatedScalar {
  readonly fieldId: bigint;
  readonly name: string;
  readonly dataType: DataType;
  readonly elementType: DataType;
  readonly nullable: boolean;
  /** Of arrays of vectors; absent for others. */
  readonly dimension?: number;
  columnOf(values: readonly bigint[]): Column;
}

function arraysOf(
  lists: readonly (ElementColumn | null)[],
  empty: ElementColumn,
  type: DataType = DataType.Array,
): ArrayColumn {
  const offsets = new Uint32Array(lists.length + 1);
  for (const [row, list] of lists.entries()) {
    offsets[row + 1] = offsets[row]! + (list === null ? 0 : columnRows(list));
  }
  const elements = concatColumns([empty, ...lists.filter((list) => list !== null)]) as ElementColumn;
  const valid = lists.includes(null) ? Uint8Array.from(lists, (list) => +(list !== null)) : null;
  return { kind: "array", type, elementType: empty.type, offsets, elements, valid };
}

function integers(values: readonly bigint[]): ElementColumn {
  return { kind: "fixed", type: DataType.Int64, values: BigInt64Array.from(values), valid: null };
}

/** What is below a thousand stands first, and alone. */
const OTHERS = 1000n;

function tags(colours: bigint): SimulatedScalar {
  return {
    fieldId: 120n,
    name: "tags",
    dataType: DataType.Array,
    elementType: DataType.Int64,
    nullable: false,
    columnOf: (values) =>
      arraysOf(
        values.map((value) => integers([value % colours, OTHERS + value, OTHERS].slice(0, 1 + Number(value % 3n)))),
        integers([]),
      ),
  };
}

const NAMES: SimulatedScalar = {
  fieldId: 121n,
  name: "names",
  dataType: DataType.Array,
  elementType: DataType.VarChar,
  nullable: true,
  columnOf: (values) =>
    arraysOf(
      values.map((value) =>
        value % 5n === 0n
          ? null
          : bytesColumn(DataType.VarChar, ["", `é${value}`, "x".repeat(30)].slice(0, Number(value % 4n))),
      ),
      bytesColumn(DataType.VarChar, []),
    ),
};

/** A quarter of a second of the simulated time a value, so that moments come while a scenario runs. */
export function momentOf(value: bigint): bigint {
  return 1_704_067_200_000_000n + value * 250_007n;
}

const MOMENT: SimulatedScalar = {
  fieldId: 122n,
  name: "moment",
  dataType: DataType.Timestamptz,
  elementType: DataType.None,
  nullable: false,
  columnOf: (values) => ({
    kind: "fixed",
    type: DataType.Timestamptz,
    values: BigInt64Array.from(values, momentOf),
    valid: null,
  }),
};

const PLACE: SimulatedScalar = {
  fieldId: 123n,
  name: "place",
  dataType: DataType.Geometry,
  elementType: DataType.None,
  nullable: false,
  columnOf: (values) =>
    bytesColumn(
      DataType.Geometry,
      values.map((value) => encodeWkb({ kind: "Point", point: [Number(value % 90n), Number(value % 7n)] })),
    ),
};

/** The sub-fields of an array of structs, null together. */
function parts(value: bigint): bigint[] | null {
  return value % 6n === 0n ? null : [value, value + 1n, value + 2n].slice(0, Number(value % 4n));
}

const PART_NUMBERS: SimulatedScalar = {
  fieldId: 125n,
  name: "parts[number]",
  dataType: DataType.Array,
  elementType: DataType.Int64,
  nullable: true,
  columnOf: (values) =>
    arraysOf(
      values.map((value) => {
        const numbers = parts(value);
        return numbers === null ? null : integers(numbers);
      }),
      integers([]),
    ),
};

const PART_POINTS: SimulatedScalar = {
  fieldId: 126n,
  name: "parts[point]",
  dataType: DataType.ArrayOfVector,
  elementType: DataType.FloatVector,
  nullable: true,
  dimension: 2,
  columnOf: (values) =>
    arraysOf(
      values.map((value) => {
        const numbers = parts(value);
        return numbers === null ? null : points(numbers.flatMap((number) => [Number(number), 0.5]));
      }),
      points([]),
      DataType.ArrayOfVector,
    ),
};

function points(coordinates: readonly number[]): ElementColumn {
  return {
    kind: "vector",
    type: DataType.FloatVector,
    dimension: 2,
    values: Float32Array.from(coordinates),
    valid: null,
  };
}

/** A scalar of its own number, null in every `nullEvery`-th row; 0n: never. */
function plain(
  fieldId: bigint,
  name: string,
  dataType: DataType,
  nullEvery: bigint,
  columnOf: (values: readonly bigint[], isNull: (value: bigint) => boolean) => Column,
): SimulatedScalar {
  const isNull = (value: bigint): boolean => nullEvery !== 0n && value % nullEvery === 0n;
  const validOf = (values: readonly bigint[]): Uint8Array | null =>
    values.some(isNull) ? Uint8Array.from(values, (value) => +!isNull(value)) : null;
  return {
    fieldId,
    name,
    dataType,
    elementType: DataType.None,
    nullable: nullEvery !== 0n,
    columnOf: (values) => ({ ...columnOf(values, isNull), valid: validOf(values) }),
  };
}

function numbers(
  fieldId: bigint,
  name: string,
  dataType: DataType,
  nullEvery: bigint,
  numberOf: (value: bigint) => number,
): SimulatedScalar {
  return plain(fieldId, name, dataType, nullEvery, (values, isNull) => {
    const numbersOf = fixedValues(dataType, values.length) as Float64Array;
    for (const [row, value] of values.entries()) numbersOf[row] = isNull(value) ? 0 : numberOf(value);
    return { kind: "fixed", type: dataType, values: numbersOf, valid: null };
  });
}

function texts(
  fieldId: bigint,
  name: string,
  dataType: DataType,
  nullEvery: bigint,
  textOf: (value: bigint) => string,
): SimulatedScalar {
  return plain(fieldId, name, dataType, nullEvery, (values, isNull) =>
    bytesColumn(
      dataType,
      values.map((value) => (isNull(value) ? "" : textOf(value))),
    ),
  );
}

const SCALARS: readonly SimulatedScalar[] = [
  numbers(130n, "flag", DataType.Bool, 4n, (value) => Number(value % 2n)),
  numbers(131n, "tiny", DataType.Int8, 0n, (value) => Number(value % 256n) - 128),
  numbers(132n, "short", DataType.Int16, 5n, (value) => Number(value % 65_536n) - 32_768),
  numbers(133n, "whole", DataType.Int32, 0n, (value) => -Number(value) * 1000),
  numbers(134n, "float", DataType.Float, 7n, (value) => Math.fround(Number(value) / 3)),
  numbers(135n, "double", DataType.Double, 0n, (value) => Number(value) / 7),
  texts(136n, "word", DataType.VarChar, 3n, (value) => `wörd ${value}`),
  texts(137n, "document", DataType.JSON, 6n, (value) => `{"value":${value},"deep":{"list":[${value % 5n},null]}}`),
  texts(138n, "more", DataType.JSON, 0n, (value) => `{"key ${value % 4n}":${value}}`),
];

export function scalarFields(colours: bigint): readonly SimulatedScalar[] {
  return [tags(colours), NAMES, MOMENT, PLACE, PART_NUMBERS, PART_POINTS, ...SCALARS];
}

/** The same rows as `colour == …`, by way of the arrays. */
export function tagIs(colour: bigint): Filter {
  const field = { fieldId: 120n, dataType: DataType.Array, path: [], elementType: DataType.Int64 };
  return { kind: "contains", field, mode: "one", elements: [colour] };
}

/** The first row that is not of its value; null: none. */
export function strangeRow(scalar: SimulatedScalar, column: Column, values: readonly bigint[]): number | null {
  // All at once is much quicker, and decides nearly always: only what lies under nulls may differ.
  if (isSame(column, scalar.columnOf(values))) return null;
  const row = values.findIndex((value, at) => !isOfValue(scalar, column, at, value));
  return row < 0 ? null : row;
}

function isSame(left: Column, right: Column): boolean {
  if (left.kind !== right.kind || left.type !== right.type) return false;
  const isAlike = (one: ArrayBufferView, other: ArrayBufferView): boolean =>
    Buffer.compare(bytesOf(one), bytesOf(other)) === 0;
  if (left.valid === null || right.valid === null) {
    if ((left.valid ?? right.valid)?.includes(0) === true) return false;
  } else if (!isAlike(left.valid, right.valid)) return false;
  if (left.kind === "bytes") {
    const other = right as typeof left;
    return isAlike(left.offsets, other.offsets) && isAlike(left.bytes, other.bytes);
  }
  if (left.kind === "array") {
    const other = right as typeof left;
    return isAlike(left.offsets, other.offsets) && isSame(left.elements, other.elements);
  }
  return isAlike(left.values, (right as typeof left).values);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function isOfValue(scalar: SimulatedScalar, column: Column, at: number, value: bigint): boolean {
  return shown(takeRows(column, Uint32Array.of(at))) === shown(scalar.columnOf([value]));
}

function shown(column: Column): string {
  const { valid } = column;
  if (valid !== null && valid[0] === 0) return "null";
  switch (column.kind) {
    case "fixed":
      return `${column.type}:${[...column.values].join()}`;
    case "bytes":
      return `${column.type}:${column.offsets.join()}:${Buffer.from(column.bytes).toString("hex")}`;
    case "array":
      return `${column.type}:${column.offsets.join()}[${shown(column.elements)}]`;
    case "vector":
      return `${column.type}:${[...column.values].join()}`;
  }
}
