/**
 * What the cases were about: leaves by kind and type, operators, calls, ways of writing, and who was asked.
 *
 * Always true: what `EXPECTED` names is all of the language that is served; a run of many cases has thousands of each.
 */

import type { Truth } from "../../src/expr/oracle.ts";
import type { Syntax } from "../../src/expr/syntax.ts";
import type { Filter } from "../../src/model/filter.ts";
import { DataType, dataTypeName } from "../../src/model/types.ts";

const SCALARS = "Bool Int8 Int16 Int32 Int64 Float Double VarChar JSON".split(" ");
const NUMBERS = SCALARS.filter((type) => type !== "Bool" && type !== "VarChar");

/** Leaves of typed filters. */
export const EXPECTED_LEAVES: readonly string[] = [
  ...SCALARS.concat("Timestamptz", "an element").flatMap((type) => [`compare of ${type}`, `in of ${type}`]),
  ...NUMBERS.concat("VarChar", "an element").map((type) => `range of ${type}`),
  ...NUMBERS.concat("an element").map((type) => `arithmetic of ${type}`),
  ...["like", "regex"].flatMap((kind) => ["VarChar", "JSON", "an element"].map((type) => `${kind} of ${type}`)),
  ...SCALARS.concat("Timestamptz", "Geometry", "Array").map((type) => `null of ${type}`),
  ...["contains", "length"].flatMap((kind) => [`${kind} of Array`, `${kind} of JSON`]),
  "exists of JSON",
  "interval of Timestamptz",
  "columns",
  "sample",
  ..."any all least most exact element".split(" ").map((mode) => `match ${mode}`),
  ..."equals touches overlaps crosses contains intersects within dwithin isvalid"
    .split(" ")
    .map((operation) => `geometry ${operation}`),
  ...["compare", "range", "in", "arithmetic"].map((kind) => `${kind} of a text read as a number`),
].filter((name) => name !== "in of Timestamptz");

/** Forms of texts. */
export const EXPECTED_FORMS: readonly string[] = [
  ..."and or not template list time interval exists in like regex null".split(" "),
  ..."not in,not regex,not null,range up,range down,unary -,unary +,unary ~".split(","),
  ..."== != < <= > >=".split(" ").map((operator) => `compare ${operator}`),
  ..."+ - * / % & | ^".split(" ").map((operator) => `arithmetic ${operator}`),
  ..."json_contains json_contains_all json_contains_any array_contains array_contains_all array_contains_any"
    .split(" ")
    .concat("array_length", "starts_with", "empty", "random_sample", "element_filter")
    .concat("any all least most exact".split(" ").map((mode) => `match_${mode}`))
    .concat(
      "equals touches overlaps crosses contains intersects within dwithin isvalid".split(" ").map((one) => `st_${one}`),
    )
    .map((name) => `call ${name}`),
];

export class CaseCounts {
  readonly leaves = new Map<string, number>();
  readonly forms = new Map<string, number>();
  /** Filters, by who was asked. */
  readonly askedFilters = new Map<string, number>();
  filters = 0;
  rows = 0;
  passing = 0;
  unknown = 0;

  asked(name: string, rowCount: number): void {
    add(this.askedFilters, name);
    if (name === "evaluated") this.rows += rowCount;
  }

  filter(filter: Filter, expected: readonly boolean[], truth: (filter: Filter, row: number) => Truth): void {
    this.filters += 1;
    for (const passes of expected) if (passes) this.passing += 1;
    // Of one row: the oracle is slow.
    if (expected.length > 0 && truth(filter, 0) === null) this.unknown += 1;
    this.#leaves(filter);
  }

  #leaves(filter: Filter): void {
    switch (filter.kind) {
      case "and":
      case "or":
        for (const operand of filter.operands) this.#leaves(operand);
        return;
      case "not":
        return this.#leaves(filter.operand);
      case "match":
        this.#leaves(filter.inner);
        return add(this.leaves, `match ${filter.mode}`);
      case "geometry":
        return add(this.leaves, `geometry ${filter.operation}`);
      case "constant":
      case "sample":
      case "columns":
        return add(this.leaves, filter.kind);
      default: {
        const { dataType, path, cast } = filter.field;
        const isElement = dataType !== DataType.JSON && path.length > 0;
        add(this.leaves, `${filter.kind} of ${isElement ? "an element" : dataTypeName(dataType)}`);
        if (cast !== undefined) add(this.leaves, `${filter.kind} of a text read as a number`);
      }
    }
  }

  syntax(syntax: Syntax): void {
    const inner: Syntax[] = [];
    for (const part of Object.values(syntax).flat() as unknown[]) {
      if (typeof part === "object" && part !== null && "kind" in part) inner.push(part as Syntax);
    }
    for (const part of inner) this.syntax(part);
    add(this.forms, formOf(syntax));
  }
}

function formOf(syntax: Syntax): string {
  switch (syntax.kind) {
    case "logical":
      return syntax.operator;
    case "unary":
      return syntax.operator === "not" ? "not" : `unary ${syntax.operator}`;
    case "arithmetic":
    case "compare":
      return `${syntax.kind} ${syntax.operator}`;
    case "range":
      return syntax.isAscending ? "range up" : "range down";
    case "in":
    case "regex":
    case "null":
      return syntax.isNegated ? `not ${syntax.kind}` : syntax.kind;
    case "call":
      return `call ${syntax.name}`;
    default:
      return syntax.kind;
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
