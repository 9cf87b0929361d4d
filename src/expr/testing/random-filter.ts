/**
 * Random typed filters from a seed, over the tables of `random-table.ts`: every kind of node, with constants that are in the tables.
 *
 * Always true: a filter satisfies the invariants of `model/filter.ts`, so it is what the parser could have made.
 */

import type { CompareOperator, Constant, Element, FieldPlace, Filter, MatchFilter } from "../../model/filter.ts";
import { DataType } from "../../model/types.ts";
import { castNumbers } from "../cast-numbers.ts";
import { escapePattern } from "../like.ts";
import { joined } from "../logic.ts";
import { randomPattern } from "./random-pattern.ts";
import { FLOATS, INTEGERS, KEYS, PLACES, SCHEMA, TIMES, WORDS } from "./random-table.ts";
import type { Random } from "./random.ts";

const GEOMETRY_OPERATIONS = ["equals", "touches", "overlaps", "crosses", "contains", "intersects", "within"] as const;
const FIELDS = SCHEMA.fields.filter(({ dataType }) => dataType !== DataType.FloatVector);
const SCALARS = FIELDS.filter(({ dataType }) => dataType !== DataType.Array);
const DOCUMENTS = FIELDS.filter(({ dataType }) => dataType === DataType.JSON);
/** What constants beside places in documents are. */
const JSON_TYPES = [DataType.Bool, DataType.VarChar, DataType.Double, DataType.Int64, DataType.Int64];
const OPERATORS: readonly CompareOperator[] = ["==", "!=", "<", "<=", ">", ">="];

function isInteger(type: DataType): boolean {
  return type >= DataType.Int8 && type <= DataType.Int64;
}

function place(random: Random): FieldPlace {
  const { fieldId, dataType, elementType } = random.pick(random.chance(0.25) ? DOCUMENTS : FIELDS);
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
      return constant(random, random.pick(JSON_TYPES));
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
  if (random.chance(0.05)) return matchLeaf(random, random.pick(MATCH_MODES));
  if (random.chance(0.08)) return geometryLeaf(random, { fieldId: 119n, dataType: DataType.Geometry, path: [] });
  const field = place(random);
  const { dataType } = field;
  if (dataType === DataType.Geometry) return geometryLeaf(random, field);
  if (dataType === DataType.Timestamptz && random.chance(0.4)) return timeLeaf(random, field);
  return leafOf(
    random,
    field,
    SCALARS.map((other) => ({ fieldId: other.fieldId, dataType: other.dataType, path: [] })),
  );
}

/** What may be asked of a scalar, or of a place in documents. */
function leafKinds({ dataType, path }: FieldPlace): readonly Filter["kind"][] {
  const isJson = dataType === DataType.JSON;
  const isElement = !isJson && path.length > 0;
  const kinds: Filter["kind"][] = ["compare"];
  if (dataType !== DataType.Timestamptz) kinds.push("in");
  if (dataType !== DataType.Bool) kinds.push("range");
  if (isJson || dataType === DataType.VarChar) kinds.push("like", "regex");
  if (isJson || ![DataType.Bool, DataType.VarChar, DataType.Timestamptz].includes(dataType as 1)) {
    kinds.push("arithmetic");
  }
  if (!isJson && !isElement) kinds.push("columns");
  if (!isElement) kinds.push("null");
  if (isJson) kinds.push("length", "exists", "contains");
  return kinds;
}

/** A leaf about a scalar, or a place in documents; `scalars`: what it may be compared with. */
function leafOf(random: Random, field: FieldPlace, scalars: readonly FieldPlace[]): Filter {
  const { dataType } = field;
  const isJson = dataType === DataType.JSON;
  // Of documents mostly constants of one class: others can only be unknown.
  const type = isJson && random.chance(0.7) ? random.pick(JSON_TYPES) : dataType;
  switch (random.pick(leafKinds(field))) {
    case "range": {
      const ends = [constant(random, type), constant(random, type)] as const;
      const [lower, upper] = isOrdered(...ends) ? ends : ends.toReversed();
      if (!isOrdered(lower!, upper!)) break;
      const [lowerInclusive, upperInclusive] = [random.chance(0.5), random.chance(0.5)];
      return { kind: "range", field, lower: lower!, lowerInclusive, upper: upper!, upperInclusive };
    }
    case "in": {
      const count = random.below(random.chance(0.1) ? 60 : 5);
      return { kind: "in", field, values: Array.from({ length: count }, () => constant(random, type)) };
    }
    case "regex": {
      const regex: Filter = { kind: "regex", field, pattern: regexPattern(random) };
      return random.chance(0.25) ? { kind: "not", operand: regex } : regex;
    }
    case "like":
      return { kind: "like", field, pattern: likePattern(random) };
    case "arithmetic":
      return arithmetic(random, field);
    case "columns": {
      const isAlone = [DataType.VarChar, DataType.Bool, DataType.Timestamptz].includes(dataType as 1);
      const others = scalars.filter((other) =>
        isAlone
          ? other.dataType === dataType
          : isInteger(other.dataType) || other.dataType === DataType.Float || other.dataType === DataType.Double,
      );
      const operator = operatorFor(random, dataType === DataType.Bool ? true : 1);
      return { kind: "columns", left: field, operator, right: random.pick(others) };
    }
    case "null":
      return { kind: "null", field: isJson && random.chance(0.2) ? { ...field, path: [] } : field };
    case "length":
      return { kind: "length", field, operator: random.pick(OPERATORS), value: BigInt(random.below(4)) };
    case "exists":
      return { kind: "exists", field };
    case "contains": {
      const mode = random.pick(["one", "all", "any"] as const);
      const count = mode === "one" ? 1 : random.below(4);
      return { kind: "contains", field, mode, elements: Array.from({ length: count }, () => element(random, 2)) };
    }
    default:
  }
  if (dataType === DataType.VarChar && random.chance(0.15))
    return { kind: "compare", field, operator: "==", value: "" };
  const value = constant(random, type);
  return { kind: "compare", field, operator: operatorFor(random, value), value };
}

function regexPattern(random: Random): string {
  if (random.chance(0.4)) return randomPattern(random, 2);
  const atoms = ["a", "b.", "[^a]", "^", "$", "(?:a|b)+", "é?", "\\W", "日|0", ".{2}"];
  return Array.from({ length: 1 + random.below(3) }, () => random.pick(atoms)).join("");
}

function likePattern(random: Random): string {
  if (random.chance(0.4)) return `${escapePattern(random.pick(WORDS))}%`;
  const parts = ["%", "_", "\\%", "\\_", "\\\\", ...WORDS.filter((word) => !/[%_\\]/.test(word))];
  return Array.from({ length: random.below(5) }, () => random.pick(parts)).join("");
}

const MATCH_MODES = ["any", "all", "least", "most", "exact"] as const;

function matchLeaf(random: Random, mode: MatchFilter["mode"]): MatchFilter {
  const subFields = (SCHEMA.structs ?? [])[0]!.fieldIds.map((fieldId) =>
    SCHEMA.fields.find((one) => one.fieldId === fieldId)!,
  );
  const { fieldId, dataType, elementType } = subFields[0]!;
  const elements = subFields.map((one): FieldPlace => ({ fieldId: one.fieldId, dataType: one.elementType, path: [] }));
  const isCounted = mode === "least" || mode === "most" || mode === "exact";
  return {
    kind: "match",
    mode,
    count: isCounted ? random.below(4) + +(mode === "least") : 0,
    field: { fieldId, dataType, path: [], elementType },
    inner: ofElements(random, elements, 2),
  };
}

/** A condition on the elements of a struct. */
function ofElements(random: Random, elements: readonly FieldPlace[], depth: number): Filter {
  const kind = depth === 0 ? 0 : random.below(6);
  const inner = (): Filter => ofElements(random, elements, depth - 1);
  if (kind === 4) {
    const operand = inner();
    return operand.kind === "not" ? operand : { kind: "not", operand };
  }
  if (kind === 5) return joined(random.pick(["and", "or"]), [inner(), inner()]);
  return leafOf(random, random.pick(elements), elements);
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
  return castNumbers(randomFilter(random, depth), ({ dataType }) => dataType === DataType.JSON && random.chance(0.5));
}

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

/** With what only the top of a filter may have: a sample, or elements picked, as the last operand; or nothing but a constant. */
export function randomTopFilter(random: Random, depth = 3): Filter {
  if (random.chance(0.005)) return { kind: "constant", value: random.chance(0.5) };
  const count = 1 + random.below(3);
  const filter = joined(
    random.pick(["and", "or"]),
    Array.from({ length: count }, () => randomCastFilter(random, depth)),
  );
  if (random.chance(0.85)) return filter;
  const last: Filter = random.chance(0.6)
    ? { kind: "sample", factor: 0.001 + random.next() * 0.998, seed: random.below(2 ** 32) }
    : matchLeaf(random, "element");
  return random.chance(0.1) ? last : joined("and", [filter, last]);
}
