/**
 * A typed filter as somebody might write it: one of many texts that mean it, with some of its constants as templates.
 *
 * Always true: the text parses to the same filter; only samples, whose seed no text says, differ. Casts, which no text says either, are not written.
 */

import type { CompareOperator, Constant, Element, FieldPlace, Filter } from "../../model/filter.ts";
import { bareName, structOfField, subFields } from "../../model/structs.ts";
import { formatTimestamptz } from "../../model/timestamptz.ts";
import { DataType } from "../../model/types.ts";
import { mirrored } from "../constants.ts";
import { escapePattern } from "../like.ts";
import type { TemplateValue } from "../templates.ts";
import { SCHEMA } from "./random-table.ts";
import type { Random } from "./random.ts";

export interface Spelling {
  readonly text: string;
  readonly templates: ReadonlyMap<string, TemplateValue>;
}

export function spell(random: Random, filter: Filter): Spelling {
  const speller = new Speller(random);
  return { text: speller.filter(filter), templates: speller.templates };
}

class Speller {
  readonly templates = new Map<string, TemplateValue>();
  readonly #random: Random;
  #inStruct = false;

  constructor(random: Random) {
    this.#random = random;
  }

  filter(filter: Filter): string {
    const random = this.#random;
    switch (filter.kind) {
      case "constant":
        return this.#bool(filter.value);
      case "and":
      case "or": {
        const word = random.pick(filter.kind === "and" ? ["and", "AND", "&&"] : ["or", "OR", "||"]);
        return filter.operands.map((operand) => `(${this.filter(operand)})`).join(` ${word} `);
      }
      case "not":
        return this.#not(filter.operand);
      case "compare":
        return this.#compare(filter.field, filter.operator, filter.value);
      case "range": {
        const { field, lower, upper, lowerInclusive, upperInclusive } = filter;
        const [low, place, high] = [this.#value(field, lower), this.#place(field), this.#value(field, upper)];
        if (random.chance(0.5))
          return `${low} ${lowerInclusive ? "<=" : "<"} ${place} ${upperInclusive ? "<=" : "<"} ${high}`;
        return `${high} ${upperInclusive ? ">=" : ">"} ${place} ${lowerInclusive ? ">=" : ">"} ${low}`;
      }
      case "in":
        return `${this.#place(filter.field)} ${random.pick(["in", "IN"])} ${this.#list(filter.field, filter.values)}`;
      case "like":
        return this.#like(filter.field, filter.pattern);
      case "regex":
        return `${this.#place(filter.field)} =~ ${this.#text(filter.pattern)}`;
      case "arithmetic": {
        const { field, operator, operand, comparison, value } = filter;
        const sides = [this.#place(field), this.#number(operand, field.dataType)];
        if (random.chance(0.5) && operator !== "-" && operator !== "/" && operator !== "%") sides.reverse();
        // Bits bind looser than a comparison.
        return this.#sides(
          `(${sides.join(` ${operator} `)})`,
          comparison,
          this.#number(value as number, DataType.JSON),
        );
      }
      case "columns":
        return this.#sides(this.#place(filter.left), filter.operator, this.#place(filter.right), false);
      case "length":
        return this.#sides(
          `${this.#call("array_length")}(${this.#place(filter.field)})`,
          filter.operator,
          `${filter.value}`,
        );
      case "interval": {
        const isBack = filter.months < 0 || filter.microseconds < 0n;
        const seconds = (filter.microseconds < 0n ? -filter.microseconds : filter.microseconds) / 1_000_000n;
        const duration = `P${Math.abs(filter.months)}MT${seconds}S`;
        const left = `${this.#place(filter.field)} ${isBack ? "-" : "+"} INTERVAL '${duration}'`;
        return this.#sides(left, filter.operator, time(filter.value));
      }
      case "geometry": {
        const { operation, wkt, distance } = filter;
        const other = operation === "isvalid" ? "" : `, ${this.#text(wkt)}`;
        return `${this.#call(`st_${operation}`)}(${this.#place(filter.field)}${other}${operation === "dwithin" ? `, ${distance}` : ""})`;
      }
      case "match": {
        const isCounted = filter.mode === "least" || filter.mode === "most" || filter.mode === "exact";
        this.#inStruct = true;
        const inner = this.filter(filter.inner);
        this.#inStruct = false;
        const call = filter.mode === "element" ? "element_filter" : `match_${filter.mode}`;
        const { name } = structOfField(SCHEMA, filter.field.fieldId)!;
        return `${this.#call(call)}(${name}, ${inner}${isCounted ? `, threshold=${filter.count}` : ""})`;
      }
      case "sample":
        return `${this.#call("random_sample")}(${printedDouble(filter.factor)})`;
      case "exists":
        return `${random.pick(["exists", "EXISTS"])} ${this.#place(filter.field)}`;
      case "null":
        return `${this.#place(filter.field)} ${random.pick(["is null", "IS NULL"])}`;
      case "contains": {
        const call = this.#call(
          `${random.pick(["json", "array"])}_contains${filter.mode === "one" ? "" : `_${filter.mode}`}`,
        );
        const sought = filter.mode === "one" ? this.#element(filter.elements[0]!) : this.#elements(filter.elements);
        return `${call}(${this.#place(filter.field)}, ${sought})`;
      }
    }
  }

  #not(operand: Filter): string {
    const random = this.#random;
    if (random.chance(0.8)) {
      if (operand.kind === "in") {
        const word = random.pick(["not in", "NOT IN"]);
        return `${this.#place(operand.field)} ${word} ${this.#list(operand.field, operand.values)}`;
      }
      if (operand.kind === "regex") return `${this.#place(operand.field)} !~ ${this.#text(operand.pattern)}`;
      if (operand.kind === "null")
        return `${this.#place(operand.field)} ${random.pick(["is not null", "IS NOT NULL"])}`;
    }
    return `${random.pick(["not ", "NOT ", "!"])}(${this.filter(operand)})`;
  }

  #compare(field: FieldPlace, operator: CompareOperator, value: Constant): string {
    const isEmptiness = value === "" && operator === "==" && field.dataType === DataType.VarChar;
    if (isEmptiness && this.#random.chance(0.8)) return `empty(${this.#place(field)})`;
    return this.#sides(this.#place(field), operator, this.#value(field, value));
  }

  #like(field: FieldPlace, pattern: string): string {
    const prefix = pattern.endsWith("%") ? pattern.slice(0, -1).replaceAll(/\\(.)/gsu, "$1") : "";
    const isPrefix = field.dataType === DataType.VarChar && `${escapePattern(prefix)}%` === pattern;
    if (isPrefix && this.#random.chance(0.5)) return `starts_with(${this.#place(field)}, ${this.#text(prefix)})`;
    return `${this.#place(field)} ${this.#random.pick(["like", "LIKE"])} ${this.#text(pattern)}`;
  }

  /** A comparison, either way round. */
  #sides(left: string, operator: CompareOperator, right: string, mayTurn = true): string {
    if (mayTurn && this.#random.chance(0.3)) return `${right} ${mirrored(operator)} ${left}`;
    return `${left} ${operator} ${right}`;
  }

  #call(name: string): string {
    return this.#random.chance(0.3) ? name.toUpperCase() : name;
  }

  #place(field: FieldPlace): string {
    const random = this.#random;
    const { name, dataType } = SCHEMA.fields.find(({ fieldId }) => fieldId === field.fieldId)!;
    const struct = structOfField(SCHEMA, field.fieldId);
    if (struct !== null) {
      const bare = bareName(
        struct,
        subFields(SCHEMA, struct).find(({ fieldId }) => fieldId === field.fieldId)!,
      );
      return this.#inStruct ? `$[${bare}]` : `${struct.name}${field.path.map((key) => `[${key}]`).join("")}[${bare}]`;
    }
    if (dataType !== DataType.JSON) return name + field.path.map((key) => `[${key}]`).join("");
    const [first = "", ...others] = field.path;
    // A name that is no field is a key of the dynamic one.
    const isBare = name === "$meta" && /^[a-z]$/.test(first) && random.chance(0.5);
    const keys = (isBare ? others : field.path).map((key) => {
      if (/^\d+$/.test(key) && random.chance(0.5)) return `[${key}]`;
      return `[${!/["'\\]/.test(key) && random.chance(0.3) ? `'${key}'` : printedText(key)}]`;
    });
    return (isBare ? first : name) + keys.join("");
  }

  #value(field: FieldPlace, value: Constant): string {
    if (field.dataType === DataType.Timestamptz) return time(value as bigint);
    if (typeof value === "string") return this.#text(value);
    if (typeof value === "boolean") return this.#bool(value);
    return this.#number(value, field.dataType);
  }

  #template(value: TemplateValue): string {
    const name = `t${this.templates.size}`;
    this.templates.set(name, value);
    return `{${name}}`;
  }

  #bool(value: boolean): string {
    if (this.#random.chance(0.1)) return this.#template(value);
    return this.#random.pick(value ? ["true", "True", "TRUE"] : ["false", "False", "FALSE"]);
  }

  #text(text: string): string {
    const random = this.#random;
    if (random.chance(0.15)) return this.#template(text);
    if (random.chance(0.2) && !/["\n]/.test(text) && !text.endsWith("\\")) return `r"${text}"`;
    if (random.chance(0.2) && !/['\\\n]/.test(text)) return `'${text}'`;
    return printedText(text);
  }

  #number(value: bigint | number, type: DataType): string {
    const random = this.#random;
    if (random.chance(0.15)) return this.#template(value);
    if (typeof value === "number") {
      const isFloat = type === DataType.Float || type === DataType.Double;
      // A whole number is a double to a field of doubles; to a document it is not.
      if (isFloat && Number.isSafeInteger(value) && !Object.is(value, -0) && random.chance(0.3)) return `${value}`;
      return printedDouble(value);
    }
    if (random.chance(0.1) && value >= 0n) return `0x${value.toString(16)}`;
    if (random.chance(0.1) && value >= 0n && value < 2n ** 32n) return `0b${value.toString(2)}`;
    if (random.chance(0.25) && BigInt.asIntN(40, value) === value) {
      return random.pick([
        `(${value - 7n} + 7)`,
        `(${value} * 1)`,
        `(${value + 3n} - 3)`,
        `(~${~value < 0n ? `(${~value})` : ~value})`,
        `(-(${-value}))`,
        `(+${value < 0n ? `(${value})` : value})`,
        `(${value * 10n} / 10)`,
        `(${value} ^ 0)`,
      ]);
    }
    return `${value}`;
  }

  #list(field: FieldPlace, values: readonly Constant[]): string {
    if (this.#random.chance(0.2)) return this.#template(values);
    return `[${values.map((value) => this.#value(field, value)).join(", ")}]`;
  }

  #element(element: Element): string {
    if (typeof element === "string") return this.#text(element);
    if (typeof element === "boolean") return this.#bool(element);
    return typeof element === "object" ? this.#elements(element) : this.#number(element, DataType.JSON);
  }

  #elements(elements: readonly Element[]): string {
    if (this.#random.chance(0.2)) return this.#template(elements);
    return `[${elements.map((element) => this.#element(element)).join(", ")}]`;
  }
}

function time(value: bigint): string {
  return `ISO '${formatTimestamptz(value, "UTC")}'`;
}

/** Without a dot or an exponent it would be an integer. */
function printedDouble(value: number): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function printedText(text: string): string {
  const escaped = text.replace(/["\\]|\p{Cc}/gu, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}
