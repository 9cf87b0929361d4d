/**
 * Random tables from a seed. Their values and the constants of random filters come from the same small pools, so that filters hit, and the pools are
 * full of borders (2^53, 2^63, NaN, -0, unicode, escapes, wrong types in documents).
 */

import { bytesColumn, type ArrayColumn, type Column, type ElementColumn } from "../../model/columns.ts";
import type { CollectionSchema, FieldSchema } from "../../model/schema.ts";
import { plainField } from "../../model/testing/plain-field.ts";
import { DataType } from "../../model/types.ts";
import { encodeWkb } from "../../model/wkb.ts";
import { parseWkt } from "../../model/wkt.ts";
import type { ColumnSource } from "../scan.ts";
import type { Random } from "./random.ts";

function field(fieldId: bigint, name: string, dataType: DataType, more: Partial<FieldSchema> = {}): FieldSchema {
  return plainField(fieldId, name, dataType, { nullable: true, ...more });
}

export const SCHEMA: CollectionSchema = {
  name: "things",
  description: "",
  enableDynamicField: true,
  version: 0,
  fields: [
    field(100n, "id", DataType.Int64, { isPrimaryKey: true, nullable: false }),
    field(101n, "flag", DataType.Bool),
    field(102n, "i8", DataType.Int8),
    field(103n, "i16", DataType.Int16),
    field(104n, "i32", DataType.Int32),
    field(105n, "i64", DataType.Int64),
    field(106n, "f32", DataType.Float),
    field(107n, "f64", DataType.Double),
    field(108n, "word", DataType.VarChar, { maxLengthBytes: 100 }),
    field(109n, "text", DataType.VarChar, { maxLengthBytes: 100 }),
    field(110n, "doc", DataType.JSON),
    field(111n, "vector", DataType.FloatVector, { dimension: 2, nullable: false }),
    field(112n, "tags", DataType.Array, { elementType: DataType.Int64 }),
    field(114n, "words", DataType.Array, { elementType: DataType.VarChar }),
    field(115n, "floats", DataType.Array, { elementType: DataType.Float }),
    field(116n, "flags", DataType.Array, { elementType: DataType.Bool }),
    field(117n, "shorts", DataType.Array, { elementType: DataType.Int16 }),
    field(118n, "time", DataType.Timestamptz),
    field(119n, "place", DataType.Geometry),
    field(121n, "s[n]", DataType.Array, { elementType: DataType.Int64 }),
    field(122n, "s[t]", DataType.Array, { elementType: DataType.VarChar }),
    field(123n, "s[d]", DataType.Array, { elementType: DataType.Double }),
    field(113n, "$meta", DataType.JSON, { isDynamic: true }),
  ],
  structs: [
    { fieldId: 120n, name: "s", description: "", nullable: true, typeParams: [], fieldIds: [121n, 122n, 123n] },
  ],
};

const SMALL = [0n, 1n, -1n, 2n, 3n, 5n, 7n, 100n, -128n, 127n];
const LARGE = [
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  2n ** 53n + 2n,
];
const HUGE = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n - 2n, 1234567890123456789n, -1234567890123456789n];
export const FLOATS = [
  0,
  -0,
  0.5,
  1.5,
  -1,
  1,
  2,
  3,
  0.1,
  1e10,
  1e300,
  5e-324,
  9007199254740992,
  Math.fround(0.1),
  0.30000000000000004,
];
export const WORDS = [
  "",
  "a",
  "ab",
  "abc",
  "b",
  "ba",
  "aab",
  "é",
  "éa",
  "日本",
  "日",
  "😀",
  "a😀b",
  "a%b",
  "a_b",
  "a\\b",
  '"',
  "\n",
  "zz",
  "0",
];
export const PLACES = [
  "POINT (1 1)",
  "POINT (2 2)",
  "POINT EMPTY",
  "LINESTRING (0 0, 2 2)",
  "LINESTRING (0 2, 2 0, 4 4)",
  "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))",
  "POLYGON ((1 1, 3 1, 3 3, 1 3, 1 1))",
  "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))",
  "MULTIPOINT ((1 1), (5 5))",
  "GEOMETRYCOLLECTION (POINT (1 1), LINESTRING (4 4, 5 5))",
];
export const TIMES = [
  0n,
  -1n,
  1n,
  1_740_700_800_000_000n,
  1_740_787_200_000_000n,
  1_743_379_200_000_001n,
  -62_135_596_800_000_000n,
  253_402_300_799_999_999n,
  2n ** 53n + 1n,
];
export const KEYS = ["a", "b", "0", "1", "ключ", 'q"u', "c"];
export const INTEGERS = [...SMALL, ...SMALL, ...LARGE, ...HUGE];

function narrow(bits: number): bigint[] {
  return INTEGERS.filter((value) => BigInt.asIntN(bits, value) === value);
}

/** Texts that are numbers, and some that nearly are. */
const NUMBER_TEXTS = [
  "1",
  "-7",
  " 3\t",
  "1.5",
  "1e2",
  "-0",
  "9007199254740993",
  "18446744073709551615",
  "1e-400",
].concat(["18446744073709551616", "1e400", "0x1", "+1", "1.", ".5", "01", "1 2", "NaN", "", "1a"]);

/** The text of a random JSON value, spelled in various ways. */
function jsonText(random: Random, depth: number): string {
  const kind = random.below(depth > 0 ? 10 : 7);
  const space = random.chance(0.2) ? " " : "";
  if (kind < 2) return String(random.pick(INTEGERS));
  if (kind === 2)
    return random.pick([
      "1.5",
      "0.1",
      "1e2",
      "-0",
      "-0.0",
      "1.0",
      "9223372036854775808",
      "1E-3",
      "123456789.123456789",
    ]);
  if (kind === 3 || kind === 4) {
    const text = JSON.stringify(random.pick(random.chance(0.3) ? NUMBER_TEXTS : WORDS));
    return random.chance(0.2) ? text.replaceAll("a", "\\u0061") : text;
  }
  if (kind === 5) return random.pick(["true", "false"]);
  if (kind === 6) return "null";
  const count = random.below(4);
  if (kind === 7) {
    const elements = Array.from({ length: count }, () => jsonText(random, depth - 1));
    return `[${space}${elements.join(`${space},`)}${space}]`;
  }
  return objectText(random, depth - 1, space);
}

function objectText(random: Random, depth: number, space: string): string {
  const keys = KEYS.filter(() => random.chance(0.5));
  return `{${space}${keys.map((key) => `${JSON.stringify(key)}${space}:${space}${jsonText(random, depth)}`).join(`,${space}`)}}`;
}

function values(random: Random, type: DataType, rowCount: number): Column {
  const valid = random.chance(0.5) ? Uint8Array.from({ length: rowCount }, () => +random.chance(0.8)) : null;
  const all = <T>(make: () => T): T[] => Array.from({ length: rowCount }, make);
  const integers = (bits: number): number[] => {
    const pool = narrow(bits);
    return all(() => Number(random.pick(pool)));
  };
  switch (type) {
    case DataType.Bool:
      return { kind: "fixed", type, values: Uint8Array.from(all(() => random.below(2))), valid };
    case DataType.Int8:
      return { kind: "fixed", type, values: Int8Array.from(integers(8)), valid };
    case DataType.Int16:
      return { kind: "fixed", type, values: Int16Array.from(integers(16)), valid };
    case DataType.Int32:
      return { kind: "fixed", type, values: Int32Array.from(integers(32)), valid };
    case DataType.Timestamptz:
      return { kind: "fixed", type, values: BigInt64Array.from(all(() => random.pick(TIMES))), valid };
    case DataType.Int64:
      return { kind: "fixed", type, values: BigInt64Array.from(all(() => random.pick(INTEGERS))), valid };
    case DataType.Float:
    case DataType.Double: {
      const floats = all(() => random.pick([...FLOATS, Number.NaN, Infinity, -Infinity]));
      const array = type === DataType.Float ? Float32Array.from(floats) : Float64Array.from(floats);
      return { kind: "fixed", type, values: array, valid };
    }
    case DataType.Geometry:
      return bytesColumn(
        type,
        all(() => encodeWkb(parseWkt(random.pick(PLACES)))),
        valid,
      );
    case DataType.JSON:
      return bytesColumn(
        type,
        all(() => objectText(random, 2, random.chance(0.3) ? "\n " : "")),
        valid,
      );
    default:
      return bytesColumn(
        type,
        all(() => (random.chance(0.3) ? random.pick(WORDS) + random.pick(WORDS) : random.pick(WORDS))),
        valid,
      );
  }
}

function arrays(random: Random, elementType: DataType, rowCount: number): ArrayColumn {
  const valid = random.chance(0.5) ? Uint8Array.from({ length: rowCount }, () => +random.chance(0.8)) : null;
  const offsets = new Uint32Array(rowCount + 1);
  for (let row = 0; row < rowCount; row += 1) {
    offsets[row + 1] = offsets[row]! + (valid !== null && valid[row] === 0 ? 0 : random.below(5));
  }
  const elements = { ...values(random, elementType, offsets[rowCount]!), valid: null } as ElementColumn;
  return { kind: "array", type: DataType.Array, elementType, offsets, elements, valid };
}

export function randomTable(random: Random, rowCount: number): ColumnSource {
  const columns = new Map<bigint, Column>();
  for (const { fieldId, dataType, elementType } of SCHEMA.fields) {
    if (dataType === DataType.Array) columns.set(fieldId, arrays(random, elementType, rowCount));
    else if (dataType !== DataType.FloatVector) columns.set(fieldId, values(random, dataType, rowCount));
  }
  alignStructs(random, columns);
  return { column: (fieldId) => columns.get(fieldId)! };
}

/** Sub-fields of a struct have as many elements in every row, and are null together. */
function alignStructs(random: Random, columns: Map<bigint, Column>): void {
  for (const { fieldIds } of SCHEMA.structs ?? []) {
    const { offsets, valid } = columns.get(fieldIds[0]!) as ArrayColumn;
    for (const fieldId of fieldIds.slice(1)) {
      const column = columns.get(fieldId) as ArrayColumn;
      const elements = values(random, column.elementType, offsets.at(-1)!);
      columns.set(fieldId, { ...column, offsets, valid, elements: { ...elements, valid: null } as ElementColumn });
    }
  }
}
