/**
 * From syntax to a typed filter: names become fields, templates become constants, constants are folded, and whatever has no
 * meaning is refused with the sentence that Milvus's clients expect.
 *
 * Always true: the result satisfies the invariants of `model/filter.ts`.
 */

import type { Element, FieldPlace, Filter } from "../model/filter.ts";
import { type CollectionSchema, type StructSchema, dynamicField, fieldByName } from "../model/schema.ts";
import { DataType, dataTypeName, isArrayType, isVectorType } from "../model/types.ts";
import { typeArithmetic } from "./arithmetic.ts";
import { castTo, isNumber, isNumberType } from "./cast.ts";
import { areComparable, compareTyped, memberTyped, rangeTyped, typeOf } from "./comparison.ts";
import { constantType, describeConstant } from "./constants.ts";
import { FilterError, notAPredicate, notSupportedYet } from "./failure.ts";
import { compactText, type PathKey } from "./lexer.ts";
import { escapePattern } from "./like.ts";
import { typeGeometryCall } from "./geometry-calls.ts";
import { joined, negation } from "./logic.ts";
import { elementPlace, holdsElementFilter, isMatchCall, matchFilter, subFieldPlace } from "./struct-places.ts";
import { compileRegex } from "./regex.ts";
import { RegexError } from "./regex-syntax.ts";
import type { Syntax } from "./syntax.ts";
import { templateElement, type TemplateValues } from "./templates.ts";
import { compareTimes, intervalConstant, isTimed, requireTimes, shifted, timeConstant } from "./times.ts";
import type { Typed } from "./typed.ts";

export const MAX_JSON_PLACES = 256;
const MAX_PATH_KEYS = 100;

export class Typing {
  readonly #text: string;
  readonly #schema: CollectionSchema;
  readonly #templates: TemplateValues;
  readonly #timeZone: string;
  readonly #placesSeen = new Set<string>();
  /** Whose elements are looked at, inside of `match_…`. */
  #struct: StructSchema | null = null;

  /** `timeZone`: of times without an offset. */
  constructor(text: string, schema: CollectionSchema, templates: TemplateValues, timeZone: string) {
    this.#timeZone = timeZone;
    this.#text = text;
    this.#schema = schema;
    this.#templates = templates;
  }

  /** The top of a filter must be boolean, and a bare Bool field is not a predicate. */
  predicate(syntax: Syntax): Filter {
    const typed = this.#type(syntax);
    const filter = asFilter(typed);
    if (filter === null) throw notAPredicate(this.#text, dataTypeName(typeOf(typed)));
    return filter;
  }

  #type(syntax: Syntax): Typed {
    switch (syntax.kind) {
      case "literal":
        return { kind: "constant", value: syntax.value, isTemplate: false };
      case "list":
        return { kind: "list", values: this.#list(syntax.elements), isTemplate: false };
      case "template":
        return this.#template(syntax.name);
      case "time":
        return timeConstant(syntax.text, this.#timeZone);
      case "interval":
        return intervalConstant(syntax.text);
      case "name": {
        if (this.#struct !== null) return { kind: "field", field: elementPlace(this.#schema, this.#struct, syntax) };
        const { name, keys } = subFieldPlace(this.#schema, syntax);
        if (keys.length === 0 && isArrayType(fieldByName(this.#schema, name)?.dataType ?? DataType.None)) {
          throw new FilterError("can not comparisons array fields directly");
        }
        const field = this.#place(syntax.name, syntax.keys);
        if (field.dataType === DataType.JSON && field.path.length === 0) {
          throw new FilterError("can not comparisons jsonField directly");
        }
        return { kind: "field", field };
      }
      case "unary":
        return this.#unary(syntax.operator, this.#type(syntax.operand));
      case "arithmetic": {
        const left = this.#type(syntax.left);
        const right = this.#type(syntax.right);
        if (isTimed(left) || isTimed(right)) return shifted(syntax.operator, left, right, this.#quote(syntax.left));
        return typeArithmetic(syntax.operator, left, right, () => [
          this.#quote(syntax.left),
          this.#quote(syntax.right),
        ]);
      }
      case "compare": {
        const left = this.#type(syntax.left);
        const right = this.#type(syntax.right);
        if (isTimed(left) || isTimed(right)) {
          return compareTimes(syntax.operator, left, right, () => [
            this.#quote(syntax.left),
            this.#quote(syntax.right),
          ]);
        }
        return compareTyped(syntax.operator, left, right, syntax, this.#quote);
      }
      case "range":
        return this.#range(syntax);
      case "in":
        return memberTyped(syntax, this.#type(syntax.left), () => this.#type(syntax.right), this.#quote);
      case "like":
        return this.#like(syntax);
      case "regex":
        return this.#regex(syntax);
      case "null":
        return this.#null(syntax);
      case "exists":
        return this.#exists(syntax.operand);
      case "call":
        return this.#call(syntax);
      case "logical": {
        const operands = syntax.operands.map((operand, at) => {
          const filter = asFilter(this.#type(operand));
          if (filter !== null && holdsSample(filter) && (syntax.operator === "or" || at < syntax.operands.length - 1)) {
            throw new FilterError(
              "random sample expression can only be the last expression in the logical and expression",
            );
          }
          if (
            filter !== null &&
            holdsElementFilter(filter) &&
            (syntax.operator === "or" || at < syntax.operands.length - 1)
          ) {
            throw new FilterError(
              "element filter expression can only be the last expression in the logical and expression",
            );
          }
          if (filter === null) {
            throw new FilterError(`'${syntax.operator}' can only be used between boolean expressions`);
          }
          return filter;
        });
        return { kind: "filter", filter: joined(syntax.operator, operands) };
      }
    }
  }

  #range(syntax: Syntax & { readonly kind: "range" }): Typed {
    const [left, middle, right] = [this.#type(syntax.left), this.#type(syntax.middle), this.#type(syntax.right)];
    const ends = [left, right].map((end): Typed => {
      if (end.kind === "time") {
        requireTimes(middle, this.#quote(syntax.middle));
        return { kind: "constant", value: end.value, isTemplate: false };
      }
      if (middle.kind === "field" && middle.field.dataType === DataType.Timestamptz) {
        throw new FilterError(`comparisons between Timestamptz and ${dataTypeName(typeOf(end))} are not supported`);
      }
      return end;
    });
    return rangeTyped(syntax, [ends[0]!, middle, ends[1]!], this.#quote);
  }

  readonly #quote = (syntax: Syntax): string => compactText(this.#text.slice(syntax.start, syntax.end));

  // Names and constants

  /** A name is a field, else a key of the dynamic field. */
  #place(written: string, writtenKeys: readonly PathKey[]): FieldPlace {
    if (this.#struct !== null) return elementPlace(this.#schema, this.#struct, { name: written, keys: writtenKeys });
    const { name, keys } = subFieldPlace(this.#schema, { name: written, keys: writtenKeys });
    if (/^null$/i.test(name)) {
      throw new FilterError(
        "NULL literal is not supported in expressions; use '<field> is null' or '<field> is not null' instead",
      );
    }
    const declared = fieldByName(this.#schema, name);
    const field = declared ?? dynamicField(this.#schema);
    if (field === null) {
      const hint = name === "partition_name" ? "; partitions are chosen by partition_names, not by a filter" : "";
      throw new FilterError(`field ${name} not exist${hint}`);
    }
    if (keys.length > MAX_PATH_KEYS)
      throw new FilterError(`JSON path of ${keys.length} keys, the limit is ${MAX_PATH_KEYS}`);
    const path = [...(declared === null ? [name] : []), ...keys.map(({ key }) => key)];
    const { fieldId, dataType } = field;
    if (dataType === DataType.JSON) {
      this.#countPlace(JSON.stringify([name, path]));
      return { fieldId, dataType, path };
    }
    if (dataType === DataType.Array) {
      const { elementType } = field;
      if (keys.length === 0) return { fieldId, dataType, path, elementType };
      if (keys.length > 1 || !keys[0]!.isIndex) {
        throw new FilterError("can only access array field with integer index");
      }
      return { fieldId, dataType: elementType, path };
    }
    if (keys.length > 0) {
      throw new FilterError(`${dataTypeName(dataType)} data type not supported accessed with []`);
    }
    if (dataType === DataType.Text) throw new FilterError(`filter on text field (${name}) is not supported yet`);
    if (!isFilterable(dataType) && !isVectorType(dataType)) {
      throw notSupportedYet(`filter on ${dataTypeName(dataType)} field (${name})`);
    }
    return { fieldId, dataType, path };
  }

  /** Each place costs memory and time in every row, so hostile text must not name any number of them. */
  #countPlace(place: string): void {
    this.#placesSeen.add(place);
    if (this.#placesSeen.size <= MAX_JSON_PLACES) return;
    throw new FilterError(`too many different JSON paths in one expression, the limit is ${MAX_JSON_PLACES}`);
  }

  #template(name: string): Typed {
    const value = this.#templates.get(name);
    if (value === undefined) {
      throw new FilterError(`the value of expression template variable name {${name}} is not found`);
    }
    const element = templateElement(name, value);
    if (typeof element === "object") return { kind: "list", values: element, isTemplate: true };
    return { kind: "constant", value: element, isTemplate: true };
  }

  #list(elements: readonly (Syntax | Exclude<Element, readonly Element[]>)[]): readonly Element[] {
    const values: Element[] = [];
    for (const element of elements) {
      if (typeof element !== "object") {
        values.push(element);
        continue;
      }
      const typed = this.#type(element);
      if (typed.kind === "constant") values.push(typed.value);
      else if (typed.kind === "list") values.push(typed.values);
      else throw new FilterError(`array element type must be generic value, but got: ${this.#quote(element)}`);
    }
    return values;
  }

  #unary(operator: "+" | "-" | "~" | "not", operand: Typed): Typed {
    if (operator === "not") {
      const filter = asFilter(operand);
      if (filter !== null && holdsSample(filter)) {
        throw new FilterError("random sample expression cannot be used in unary expression");
      }
      if (filter !== null && holdsElementFilter(filter)) {
        throw new FilterError("element filter expression cannot be used in unary expression");
      }
      if (filter !== null) return { kind: "filter", filter: negation(filter) };
      if (operand.kind === "constant" || operand.kind === "list")
        throw new FilterError("not can only apply on boolean");
      throw new FilterError("not op can only be applied on boolean expression");
    }
    if (operand.kind === "constant") {
      const { value, isTemplate } = operand;
      if (operator === "~" && typeof value === "bigint") return { kind: "constant", value: ~value, isTemplate };
      if (operator === "-" && typeof value === "number") return { kind: "constant", value: -value, isTemplate };
      if (operator === "-" && typeof value === "bigint") {
        return { kind: "constant", value: BigInt.asIntN(64, -value), isTemplate };
      }
      if (operator === "+" && isNumber(value)) return operand;
    }
    // A sign before a field is no arithmetic that a plan can carry; a plus changes nothing.
    if (operator === "+" && (operand.kind === "field" || operand.kind === "arithmetic")) return operand;
    throw new FilterError(`unsupported unary operator: ${operator} can only apply on constants`);
  }

  // Strings, nulls, JSON

  #like(syntax: Syntax & { readonly kind: "like" }): Typed {
    const left = this.#type(syntax.left);
    if (left.kind === "constant" || left.kind === "list") throw new FilterError("the left operand of like is invalid");
    if (left.kind !== "field") throw new FilterError("like operation on complicated expr is unsupported");
    const { field } = left;
    if (field.dataType !== DataType.VarChar && field.dataType !== DataType.JSON) {
      throw new FilterError("like operation on non-string or no-json field is unsupported");
    }
    const isPatternKind = syntax.pattern.kind === "literal" || syntax.pattern.kind === "template";
    const pattern = isPatternKind ? this.#type(syntax.pattern) : null;
    if (pattern === null || pattern.kind !== "constant" || typeof pattern.value !== "string") {
      if (syntax.pattern.kind === "template") {
        throw new FilterError(`the value of like expression template variable {${syntax.pattern.name}} is not string`);
      }
      throw new FilterError("the pattern of like operation must be a string literal or template variable");
    }
    return { kind: "filter", filter: { kind: "like", field, pattern: pattern.value } };
  }

  #regex(syntax: Syntax & { readonly kind: "regex" }): Typed {
    const left = this.#type(syntax.left);
    const isText =
      left.kind === "field" && (left.field.dataType === DataType.VarChar || left.field.dataType === DataType.JSON);
    if (!isText) throw new FilterError("regex match on non-string or non-json field is unsupported");
    const isPatternKind = syntax.pattern.kind === "literal" || syntax.pattern.kind === "template";
    const pattern = isPatternKind ? this.#type(syntax.pattern) : null;
    if (pattern === null || pattern.kind !== "constant" || typeof pattern.value !== "string") {
      throw new FilterError("the pattern of regex match must be a string literal or template variable");
    }
    try {
      compileRegex(pattern.value);
    } catch (thrown) {
      if (!(thrown instanceof RegexError)) throw thrown;
      throw new FilterError(`invalid regex pattern ${pattern.value}: ${thrown.message}`, thrown);
    }
    const filter: Filter = { kind: "regex", field: left.field, pattern: pattern.value };
    return { kind: "filter", filter: syntax.isNegated ? negation(filter) : filter };
  }

  #null(syntax: Syntax & { readonly kind: "null" }): Typed {
    const name = syntax.field;
    if (name.kind !== "name") throw new FilterError(`invalid expression: ${this.#text}`);
    const place = this.#struct === null ? subFieldPlace(this.#schema, name) : name;
    const declared = fieldByName(this.#schema, place.name);
    if (declared?.dataType === DataType.Array && place.keys.length > 0) {
      throw new FilterError(
        `IsNull/IsNotNull operations are not supported on array element access, got: ${this.#quote(name)}`,
      );
    }
    const field = this.#place(name.name, name.keys);
    if (isVectorType(field.dataType)) {
      throw new FilterError("IsNull/IsNotNull operations are not supported on vector fields");
    }
    const filter: Filter = { kind: "null", field };
    return { kind: "filter", filter: syntax.isNegated ? negation(filter) : filter };
  }

  #exists(operand: Syntax): Typed {
    const field = operand.kind === "name" ? this.#place(operand.name, operand.keys) : null;
    if (field === null || field.dataType !== DataType.JSON) {
      throw new FilterError(`exists operation are only supported on json field now, got: ${this.#quote(operand)}`);
    }
    return { kind: "filter", filter: { kind: "exists", field } };
  }

  #call(syntax: Syntax & { readonly kind: "call" }): Typed {
    const { name, operands } = syntax;
    const contains = /^(?:json|array)_contains(?:_(all|any))?$/.exec(name);
    if (contains !== null) return this.#contains(syntax, (contains[1] ?? "one") as "one" | "all" | "any");
    if (isMatchCall(syntax)) return { kind: "filter", filter: this.#match(syntax) };
    if (name === "array_length") return this.#length(syntax);
    const geometry = typeGeometryCall(syntax, (operand) => this.#type(operand), this.#quote);
    if (geometry !== null) return geometry;
    if (name === "random_sample") return this.#sample(syntax);
    const first = operands[0];
    if (name === "starts_with" && operands.length === 2 && first !== undefined) {
      const prefix = this.#type(operands[1]!);
      const { field } = this.#stringField(name, first);
      if (prefix.kind === "constant" && typeof prefix.value === "string") {
        return { kind: "filter", filter: { kind: "like", field, pattern: `${escapePattern(prefix.value)}%` } };
      }
      throw new FilterError("the prefix of starts_with must be a string literal or template variable");
    }
    if (name === "empty" && operands.length === 1 && first !== undefined) {
      const { field } = this.#stringField(name, first);
      return { kind: "filter", filter: { kind: "compare", field, operator: "==", value: "" } };
    }
    throw new FilterError(`function ${name} with ${operands.length} arguments not found`);
  }

  #match(syntax: Syntax & { readonly kind: "call" }): Filter {
    const typed = (operand: Syntax): Typed => this.#type(operand);
    return matchFilter(syntax, this.#schema, this.#struct, typed, (condition, struct) => {
      this.#struct = struct;
      const filter = asFilter(this.#type(condition));
      this.#struct = null;
      if (filter !== null && !holdsSample(filter)) return filter;
      throw notAPredicate(this.#quote(condition), dataTypeName(DataType.None));
    });
  }

  #stringField(name: string, operand: Syntax): { readonly field: FieldPlace } {
    const typed = this.#type(operand);
    if (typed.kind === "field" && typed.field.dataType === DataType.VarChar) return typed;
    throw new FilterError(`${name} operation on non-string is unsupported`);
  }

  #contains(syntax: Syntax & { readonly kind: "call" }, mode: "one" | "all" | "any"): Typed {
    const { name, operands } = syntax;
    if (operands.length !== 2) throw new FilterError(`function ${name} with ${operands.length} arguments not found`);
    const place = operands[0]!;
    const field = place.kind === "name" ? this.#place(place.name, place.keys) : null;
    const spelled = name.replace("array", "json");
    if (field === null || (field.dataType !== DataType.JSON && field.dataType !== DataType.Array)) {
      const got = this.#quote(place);
      throw new FilterError(`${spelled} operation are only supported on json or array fields now, got: ${got}`);
    }
    const sought = this.#type(operands[1]!);
    if (mode === "one") {
      if (sought.kind !== "constant" && sought.kind !== "list") {
        throw new FilterError(
          `${spelled} operation are only supported explicitly specified element, got: ${this.#quote(operands[1]!)}`,
        );
      }
      const element = sought.kind === "constant" ? sought.value : sought.values;
      return { kind: "filter", filter: { kind: "contains", field, mode, elements: elementsFor(field, [element]) } };
    }
    if (sought.kind !== "list") {
      throw new FilterError(`${mode === "all" ? "ContainsAll" : "ContainsAny"} operation element must be an array`);
    }
    return { kind: "filter", filter: { kind: "contains", field, mode, elements: elementsFor(field, sought.values) } };
  }

  #length({ name, operands }: Syntax & { readonly kind: "call" }): Typed {
    if (operands.length !== 1) throw new FilterError(`function ${name} with ${operands.length} arguments not found`);
    const place = operands[0]!;
    const field = place.kind === "name" ? this.#place(place.name, place.keys) : null;
    if (field === null || (field.dataType !== DataType.Array && field.dataType !== DataType.JSON)) {
      throw new FilterError(
        `array_length operation are only supported on json or array fields now, got: ${this.#quote(place)}`,
      );
    }
    return { kind: "length", field };
  }

  #sample(syntax: Syntax & { readonly kind: "call" }): Typed {
    const [operand, ...others] = syntax.operands;
    if (operand === undefined || others.length > 0)
      throw new FilterError(`sample factor missed: ${this.#quote(syntax)}`);
    const typed = this.#type(operand);
    if (typed.kind !== "constant" || typeof typed.value !== "number") {
      throw new FilterError(`the sample factor should be a float number, but got: ${this.#quote(operand)}`);
    }
    const factor = typed.value;
    if (!(factor > LEAST_FACTOR && factor < 1 - LEAST_FACTOR)) {
      throw new FilterError(
        `the sample factor should be between 0 and 1 and not too close to 0 or 1, the difference should be larger than 1e-10, but got: ${factor}`,
      );
    }
    sampleCount = (sampleCount + 1) >>> 0;
    return { kind: "filter", filter: { kind: "sample", factor, seed: Math.imul(sampleCount, 0x9e3779b1) >>> 0 } };
  }
}

const LEAST_FACTOR = 1e-10;
/** Makes the samples of two filters differ. */
let sampleCount = 0;

/** What an array is searched for, in the class of its elements. */
function elementsFor(field: FieldPlace, elements: readonly Element[]): readonly Element[] {
  if (field.dataType !== DataType.Array) return elements;
  const type = field.elementType!;
  return elements.map((element) => {
    const elementType = typeof element === "object" ? DataType.Array : constantType(element);
    if (typeof element === "object" || !areComparable(type, elementType)) {
      throw new FilterError(
        `contains operation can't compare between array element type: ${dataTypeName(type)} and ${dataTypeName(elementType)}`,
      );
    }
    const casted = castTo(type, element);
    if (casted !== null) return casted;
    throw new FilterError(`cannot cast value to ${dataTypeName(type)}, value: ${describeConstant(element)}`);
  });
}

/** A boolean constant is a filter too; a bare Bool field is not. */
function asFilter(typed: Typed): Filter | null {
  if (typed.kind === "filter") return typed.filter;
  if (typed.kind === "constant" && typeof typed.value === "boolean") return { kind: "constant", value: typed.value };
  return null;
}

/** A sample stands alone or last under one `and`, so nowhere deeper. */
function holdsSample(filter: Filter): boolean {
  return (
    filter.kind === "sample" || (filter.kind === "and" && filter.operands.some((inner) => inner.kind === "sample"))
  );
}

const FILTERABLE: ReadonlySet<DataType> = new Set([
  DataType.Bool,
  DataType.VarChar,
  DataType.String,
  DataType.Timestamptz,
  DataType.Geometry,
]);

function isFilterable(type: DataType): boolean {
  return isNumberType(type) || FILTERABLE.has(type);
}
