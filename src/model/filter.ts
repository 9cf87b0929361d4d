/**
 * The typed plan of a filter: what a filter text means for one collection, free of names and of syntax.
 *
 * Always true:
 *  - plain immutable data without functions or classes, so that it can be cloned and sent to another thread or role;
 *  - fields are ids; the constants of a leaf already have the class of its field: bigint for integer fields, number for
 *    Float and Double, string for VarChar, boolean for Bool, any of them for a place in a JSON document;
 *  - `and` and `or` have at least two operands, none of which is a constant or of the same kind as the parent;
 *  - a leaf is TRUE, FALSE or UNKNOWN for a row (NULL, missing key, other type in the JSON); a row passes when it is TRUE.
 *
 * Not here: parsing and printing, evaluation (both in `expr`).
 */

import { DataType } from "./types.ts";

/** bigint is int64, number is double. */
export type Constant = bigint | number | string | boolean;
/** What `json_contains` looks for: a constant or an array of such. */
export type Element = Constant | readonly Element[];

export type CompareOperator = "==" | "!=" | "<" | "<=" | ">" | ">=";
export type BitOperator = "&" | "|" | "^";
/** Bits: of integers only. */
export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%" | BitOperator;
export type ContainsMode = "one" | "all" | "any";

/** A scalar field, a place in a JSON field, an array field, or one element of it. */
export interface FieldPlace {
  readonly fieldId: bigint;
  /** Of the value there: of an element of an array, the type of the element. */
  readonly dataType: DataType;
  /**
   * Keys from the root of the document; a key of decimal digits is also an index of an array. Empty: the field itself. Of any type
   * but JSON one index: this element of the field's array.
   */
  readonly path: readonly string[];
  /** Of a whole array: what it holds. */
  readonly elementType?: DataType;
  /** Of a place in documents: texts that are JSON numbers count as these numbers, other texts as nothing known. Absent: a text is a text. */
  readonly cast?: "STRING_TO_DOUBLE";
}

export interface CompareFilter {
  readonly kind: "compare";
  readonly field: FieldPlace;
  readonly operator: CompareOperator;
  readonly value: Constant;
}

export interface RangeFilter {
  readonly kind: "range";
  readonly field: FieldPlace;
  readonly lower: Constant;
  readonly lowerInclusive: boolean;
  readonly upper: Constant;
  readonly upperInclusive: boolean;
}

export interface InFilter {
  readonly kind: "in";
  readonly field: FieldPlace;
  readonly values: readonly Constant[];
}

export interface LikeFilter {
  readonly kind: "like";
  readonly field: FieldPlace;
  /** `%` any run, `_` one character, `\` takes the next character literally. */
  readonly pattern: string;
}

/** Some part of the text matches; RE2's syntax. */
export interface RegexFilter {
  readonly kind: "regex";
  readonly field: FieldPlace;
  readonly pattern: string;
}

/** `field operator operand` compared with `value`. */
export interface ArithmeticFilter {
  readonly kind: "arithmetic";
  readonly field: FieldPlace;
  readonly operator: ArithmeticOperator;
  readonly operand: bigint | number;
  readonly comparison: CompareOperator;
  readonly value: Constant;
}

/** Two scalar fields of the same row; neither is JSON. */
export interface ColumnsFilter {
  readonly kind: "columns";
  readonly left: FieldPlace;
  readonly operator: CompareOperator;
  readonly right: FieldPlace;
}

/** The place has a value other than JSON null. */
export interface ExistsFilter {
  readonly kind: "exists";
  readonly field: FieldPlace;
}

/** Never UNKNOWN. A place in a document is null when it is missing or JSON null. */
export interface NullFilter {
  readonly kind: "null";
  readonly field: FieldPlace;
}

export interface ContainsFilter {
  readonly kind: "contains";
  readonly field: FieldPlace;
  readonly mode: ContainsMode;
  readonly elements: readonly Element[];
}

/** The number of elements of an array, or of an array in a document. */
export interface LengthFilter {
  readonly kind: "length";
  readonly field: FieldPlace;
  readonly operator: CompareOperator;
  readonly value: bigint;
}

/** A time, so many calendar months and microseconds further, compared with another; microseconds since 1970. */
export interface IntervalFilter {
  readonly kind: "interval";
  readonly field: FieldPlace;
  readonly months: number;
  readonly microseconds: bigint;
  readonly operator: CompareOperator;
  readonly value: bigint;
}

export type GeometryOperation =
  | "equals"
  | "touches"
  | "overlaps"
  | "crosses"
  | "contains"
  | "intersects"
  | "within"
  | "dwithin"
  | "isvalid";

/** The field's geometry stands so to another; `dwithin`: a point at most `distance` metres away; `isvalid`: to nothing. */
export interface GeometryFilter {
  readonly kind: "geometry";
  readonly field: FieldPlace;
  readonly operation: GeometryOperation;
  readonly wkt: string;
  readonly distance: number;
}

export type MatchMode = "any" | "all" | "least" | "most" | "exact" | "element";

/**
 * How many elements of an array of structs pass. `element`: at least one, and a search of elements finds only those that pass; it
 * stands alone or under one `and`.
 */
export interface MatchFilter {
  readonly kind: "match";
  readonly mode: MatchMode;
  /** Of least, most and exact; else 0. */
  readonly count: number;
  /** A sub-field, whose arrays have as many elements as those of all others. */
  readonly field: FieldPlace;
  /** Its fields are sub-fields; in it they stand for their elements, one a row. */
  readonly inner: Filter;
}

/** Each row with probability `factor`; never UNKNOWN. */
export interface SampleFilter {
  readonly kind: "sample";
  readonly factor: number;
  /** 32 bits. */
  readonly seed: number;
}

export interface AndFilter {
  readonly kind: "and";
  readonly operands: readonly Filter[];
}

export interface OrFilter {
  readonly kind: "or";
  readonly operands: readonly Filter[];
}

export interface NotFilter {
  readonly kind: "not";
  readonly operand: Filter;
}

export interface ConstantFilter {
  readonly kind: "constant";
  readonly value: boolean;
}

export type LeafFilter =
  | CompareFilter
  | RangeFilter
  | InFilter
  | LikeFilter
  | RegexFilter
  | ArithmeticFilter
  | ColumnsFilter
  | ExistsFilter
  | NullFilter
  | ContainsFilter
  | LengthFilter
  | IntervalFilter
  | GeometryFilter
  | MatchFilter
  | SampleFilter;

/** A leaf that reads one place. */
export type PlaceFilter = Exclude<LeafFilter, { readonly kind: "columns" | "sample" | "match" }>;

export type Filter = LeafFilter | AndFilter | OrFilter | NotFilter | ConstantFilter;

export function isAlwaysTrue(filter: Filter): boolean {
  return filter.kind === "constant" && filter.value;
}

/** The keys, in the order of the text, when the filter is exactly `key in [...]` or `key == value`; else null. */
export function filterKeys(filter: Filter, primaryKeyFieldId: bigint): bigint[] | string[] | null {
  let values: readonly Constant[];
  if (filter.kind === "in") values = filter.values;
  else if (filter.kind === "compare" && filter.operator === "==") values = [filter.value];
  else return null;
  if (filter.field.fieldId !== primaryKeyFieldId || filter.field.path.length !== 0) return null;
  // The typing rules gave every constant the class of the field.
  return filter.field.dataType === DataType.VarChar ? (values.slice() as string[]) : (values.slice() as bigint[]);
}

/** Every field that the filter reads, each once. */
export function filterFieldIds(filter: Filter): Set<bigint> {
  return new Set(filterPlaces(filter).map(({ fieldId }) => fieldId));
}

/** What the leaves of the filter read. */
export function filterPlaces(filter: Filter): FieldPlace[] {
  const places: FieldPlace[] = [];
  const open: Filter[] = [filter];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    switch (node.kind) {
      case "constant":
      case "sample":
        break;
      case "not":
        open.push(node.operand);
        break;
      case "and":
      case "or":
        for (const operand of node.operands) open.push(operand);
        break;
      case "columns":
        places.push(node.left, node.right);
        break;
      case "match":
        places.push(node.field);
        open.push(node.inner);
        break;
      default:
        places.push(node.field);
    }
  }
  return places;
}

/** The part that picks elements; null: none. */
export function elementPart(filter: Filter): MatchFilter | null {
  const operands = filter.kind === "and" ? filter.operands : [filter];
  for (const operand of operands) if (operand.kind === "match" && operand.mode === "element") return operand;
  return null;
}
