/**
 * Random tables and random typed filters over them, from a seed: values and constants come from the same small pools, so that
 * filters hit, and the pools are full of borders (2^53, 2^63, NaN, -0, unicode, escapes, wrong types in documents).
 */

import { bytesColumn, type Column, type ElementColumn } from "../../model/columns.ts";
import type { CompareOperator, Constant, Element, FieldPlace, Filter } from "../../model/filter.ts";
import type { CollectionSchema, FieldSchema } from "../../model/schema.ts";
import { plainField } from "../../model/testing/plain-field.ts";
import { DataType } from "../../model/types.ts";
import { encodeWkb } from "../../model/wkb.ts";
import { parseWkt } from "../../model/wkt.ts";
import { castNumbers } from "../cast-numbers.ts";
import type { ColumnSource } from "../scan.ts";

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }
}

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
    field(113n, "$meta", DataType.JSON, { isDynamic: true }),
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
const FLOATS = [
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
const WORDS = [
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
const PLACES = [
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
const GEOMETRY_OPERATIONS = ["equals", "touches", "overlaps", "crosses", "contains", "intersects", "within"] as const;
const TIMES = [
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
const KEYS = ["a", "b", "0", "1", "ключ", 'q"u', "c"];
const INTEGERS = [...SMALL, ...SMALL, ...LARGE, ...HUGE];

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

function arrays(random: Random, elementType: DataType, rowCount: number): Column {
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
  return { column: (fieldId) => columns.get(fieldId)! };
}

const FIELDS = SCHEMA.fields.filter(({ dataType }) => dataType !== DataType.FloatVector);
const SCALARS = FIELDS.filter(({ dataType }) => dataType !== DataType.Array);
const OPERATORS: readonly CompareOperator[] = ["==", "!=", "<", "<=", ">", ">="];

function isInteger(type: DataType): boolean {
  return type >= DataType.Int8 && type <= DataType.Int64;
}

function place(random: Random): FieldPlace {
  const { fieldId, dataType, elementType } = random.pick(FIELDS);
  if (dataType === DataType.Array) return { fieldId, dataType: elementType, path: [String(random.below(4))] };
  if (dataType !== DataType.JSON) return { fieldId, dataType, path: [] };
  return { fieldId, dataType, path: Array.from({ length: 1 + random.below(2) }, () => random.pick(KEYS)) };
}

function constant(random: Random, type: DataType): Constant {
  switch (type) {
    case DataType.Bool:
      return random.chance(0.5);
    case DataType.VarChar:
      return random.pick(WORDS);
    case DataType.Float:
    case DataType.Double:
      return random.pick(FLOATS);
    case DataType.Timestamptz:
      return random.pick(TIMES);
    case DataType.JSON:
      return constant(
        random,
        random.pick([DataType.Bool, DataType.VarChar, DataType.Double, DataType.Int64, DataType.Int64]),
      );
    default:
      return random.pick(INTEGERS);
  }
}

function operatorFor(random: Random, value: Constant): CompareOperator {
  return random.pick(typeof value === "boolean" ? ["==", "!="] : OPERATORS);
}

function element(random: Random, depth: number): Element {
  if (depth === 0 || random.chance(0.8)) return constant(random, DataType.JSON);
  return Array.from({ length: random.below(3) }, () => element(random, depth - 1));
}

function isOrdered(lower: Constant, upper: Constant): boolean {
  if (typeof lower === "string" || typeof upper === "string") {
    return typeof lower === typeof upper && Buffer.compare(Buffer.from(String(lower)), Buffer.from(String(upper))) < 0;
  }
  if (typeof lower === "boolean" || typeof upper === "boolean") return false;
  // As the parser compares: exactly when both are integers, else as doubles.
  return typeof lower === typeof upper ? lower < upper : Number(lower) < Number(upper);
}

/** A leaf over whole arrays. */
function arrayLeaf(random: Random): Filter {
  const { fieldId, dataType, elementType } = random.pick(
    FIELDS.filter(({ dataType: type }) => type === DataType.Array),
  );
  const field: FieldPlace = { fieldId, dataType, path: [], elementType };
  switch (random.below(3)) {
    case 0:
      return { kind: "null", field };
    case 1:
      return { kind: "length", field, operator: random.pick(OPERATORS), value: BigInt(random.below(6) - 1) };
    default: {
      const mode = random.pick(["one", "all", "any"] as const);
      const count = mode === "one" ? 1 : random.below(4);
      return {
        kind: "contains",
        field,
        mode,
        elements: Array.from({ length: count }, () => constant(random, elementType)),
      };
    }
  }
}

function timeLeaf(random: Random, field: FieldPlace): Filter {
  const operator = random.pick(OPERATORS);
  const value = random.pick(TIMES);
  if (random.chance(0.5)) return { kind: "compare", field, operator, value };
  const sign = random.pick([1, -1]);
  const months = sign * (1 + random.below(random.chance(0.1) ? 900_000 : 30));
  const microseconds = BigInt(sign) * BigInt(random.below(2)) * BigInt(random.below(4_000_000)) * 1_000_000n;
  return { kind: "interval", field, months, microseconds, operator, value };
}

function geometryLeaf(random: Random, field: FieldPlace): Filter {
  switch (random.below(8)) {
    case 0:
      return { kind: "null", field };
    case 1:
      return { kind: "geometry", field, operation: "isvalid", wkt: "", distance: 0 };
    case 2: {
      const distance = random.below(300) * 1000;
      return { kind: "geometry", field, operation: "dwithin", wkt: random.pick(PLACES.slice(0, 3)), distance };
    }
    default:
      return {
        kind: "geometry",
        field,
        operation: random.pick(GEOMETRY_OPERATIONS),
        wkt: random.pick(PLACES),
        distance: 0,
      };
  }
}

function leaf(random: Random): Filter {
  if (random.chance(0.12)) return arrayLeaf(random);
  const field = place(random);
  const { dataType } = field;
  if (dataType === DataType.Geometry) return geometryLeaf(random, field);
  if (dataType === DataType.Timestamptz && random.chance(0.6)) return timeLeaf(random, field);
  const isJson = dataType === DataType.JSON;
  const isNumber = isJson || ![DataType.Bool, DataType.VarChar, DataType.Timestamptz].includes(dataType as 1);
  switch (random.below(9)) {
    case 0: {
      const [lower, upper] = [constant(random, dataType), constant(random, dataType)];
      const [lowerInclusive, upperInclusive] = [random.chance(0.5), random.chance(0.5)];
      if (isOrdered(lower, upper)) return { kind: "range", field, lower, lowerInclusive, upper, upperInclusive };
      break;
    }
    case 1: {
      if (dataType === DataType.Timestamptz) break;
      const values = Array.from({ length: random.below(random.chance(0.1) ? 60 : 5) }, () =>
        constant(random, dataType),
      );
      return { kind: "in", field, values };
    }
    case 2:
      if (isJson || dataType === DataType.VarChar) {
        if (random.chance(0.3)) {
          const atoms = ["a", "b.", "[^a]", "^", "$", "(?:a|b)+", "é?", "\\W", "日|0", ".{2}"];
          return {
            kind: "regex",
            field,
            pattern: Array.from({ length: 1 + random.below(3) }, () => random.pick(atoms)).join(""),
          };
        }
        const parts = ["%", "_", "\\%", "\\_", "\\\\", ...WORDS.filter((word) => !/[%_\\]/.test(word))];
        const pattern = Array.from({ length: random.below(5) }, () => random.pick(parts)).join("");
        return { kind: "like", field, pattern };
      }
      break;
    case 3:
      if (isNumber) return arithmetic(random, field);
      break;
    case 4: {
      if (isJson || field.path.length > 0) break;
      const isText = dataType === DataType.VarChar;
      const others = SCALARS.filter((other) =>
        isText || dataType === DataType.Bool || dataType === DataType.Timestamptz
          ? other.dataType === dataType
          : isInteger(other.dataType) || other.dataType === DataType.Float || other.dataType === DataType.Double,
      );
      const other = random.pick(others);
      const right: FieldPlace = { fieldId: other.fieldId, dataType: other.dataType, path: [] };
      return {
        kind: "columns",
        left: field,
        operator: operatorFor(random, dataType === DataType.Bool ? true : 1),
        right,
      };
    }
    case 5:
      if (!isJson && field.path.length > 0) break;
      return { kind: "null", field: isJson && random.chance(0.2) ? { ...field, path: [] } : field };
    case 6:
      if (isJson && random.chance(0.5)) {
        return { kind: "length", field, operator: random.pick(OPERATORS), value: BigInt(random.below(4)) };
      }
      if (isJson) return { kind: "exists", field };
      break;
    case 7:
      if (isJson) {
        const mode = random.pick(["one", "all", "any"] as const);
        const count = mode === "one" ? 1 : random.below(4);
        return { kind: "contains", field, mode, elements: Array.from({ length: count }, () => element(random, 2)) };
      }
      break;
    default:
  }
  const value = constant(random, dataType);
  return { kind: "compare", field, operator: operatorFor(random, value), value };
}

function arithmetic(random: Random, field: FieldPlace): Filter {
  const type = field.dataType === DataType.JSON ? random.pick([DataType.Int64, DataType.Double]) : field.dataType;
  const operator = random.pick(
    isInteger(type) ? (["+", "-", "*", "/", "%", "&", "|", "^"] as const) : (["+", "-", "*", "/"] as const),
  );
  let operand = constant(random, type) as bigint | number;
  if (Number(operand) === 0) operand = isInteger(type) ? 3n : 3;
  const value = constant(
    random,
    field.dataType === DataType.JSON ? random.pick([DataType.Int64, DataType.Double]) : type,
  );
  return { kind: "arithmetic", field, operator, operand, comparison: random.pick(OPERATORS), value };
}

/** One in which some places read texts as numbers; no text of a filter says so. */
export function randomCastFilter(random: Random, depth = 3): Filter {
  return castNumbers(randomFilter(random, depth), ({ dataType }) => dataType === DataType.JSON && random.chance(0.4));
}

/** Satisfies the invariants of `model/filter.ts`, so it is what the parser could have made. */
export function randomFilter(random: Random, depth = 3): Filter {
  const kind = depth === 0 ? 0 : random.below(7);
  if (kind < 4) return leaf(random);
  if (kind === 4) {
    const operand = randomFilter(random, depth - 1);
    return operand.kind === "not" ? operand : { kind: "not", operand };
  }
  const joint = kind === 5 ? "and" : "or";
  const operands: Filter[] = [];
  while (operands.length < 2 + random.below(2)) {
    const operand = randomFilter(random, depth - 1);
    if (operand.kind !== joint) operands.push(operand);
  }
  return { kind: joint, operands };
}
