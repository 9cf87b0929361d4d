/**
 * A typed filter back to text that parses to the same filter: for messages, logs, and the tests of the parser.
 *
 * Not every filter has a text: NaN and infinite constants have none, and come out as `NaN` and `Infinity`.
 */

import type { Constant, Element, FieldPlace, Filter } from "../model/filter.ts";
import type { CollectionSchema } from "../model/schema.ts";
import { bareName, structOfField, subFields } from "../model/structs.ts";
import { formatTimestamptz } from "../model/timestamptz.ts";
import { DataType } from "../model/types.ts";

export function printFilter(filter: Filter, schema: CollectionSchema): string {
  const named = new Map(schema.fields.map((field) => [field.fieldId, field.name]));
  return printNamed(filter, named, schema);
}

function printNamed(filter: Filter, names: ReadonlyMap<bigint, string>, schema: CollectionSchema): string {
  const place = (field: FieldPlace): string => printPlace(field, names.get(field.fieldId) ?? `field ${field.fieldId}`);
  const print = (node: Filter): string => {
    switch (node.kind) {
      case "constant":
        return String(node.value);
      case "and":
      case "or":
        return node.operands.map((operand) => `(${print(operand)})`).join(` ${node.kind} `);
      case "not":
        return `not (${print(node.operand)})`;
      case "compare":
        return `${place(node.field)} ${node.operator} ${printValue(node.field, node.value)}`;
      case "range": {
        const lower = `${printValue(node.field, node.lower)} ${node.lowerInclusive ? "<=" : "<"}`;
        return `${lower} ${place(node.field)} ${node.upperInclusive ? "<=" : "<"} ${printValue(node.field, node.upper)}`;
      }
      case "in":
        return `${place(node.field)} in [${node.values.map(printConstant).join(", ")}]`;
      case "like":
        return `${place(node.field)} like ${printText(node.pattern)}`;
      case "regex":
        return `${place(node.field)} =~ ${printText(node.pattern)}`;
      case "arithmetic": {
        // Bits bind looser than a comparison.
        const left = `(${place(node.field)} ${node.operator} ${printConstant(node.operand)})`;
        return `${left} ${node.comparison} ${printConstant(node.value)}`;
      }
      case "columns":
        return `${place(node.left)} ${node.operator} ${place(node.right)}`;
      case "length":
        return `array_length(${place(node.field)}) ${node.operator} ${node.value}`;
      case "interval": {
        const isBack = node.months < 0 || node.microseconds < 0n;
        const seconds = (node.microseconds < 0n ? -node.microseconds : node.microseconds) / 1_000_000n;
        const duration = `P${Math.abs(node.months)}MT${seconds}S`;
        const left = `${place(node.field)} ${isBack ? "-" : "+"} INTERVAL '${duration}'`;
        return `${left} ${node.operator} ${printTime(node.value)}`;
      }
      case "geometry": {
        const distance = node.operation === "dwithin" ? `, ${node.distance}` : "";
        const other = node.operation === "isvalid" ? "" : `, ${printText(node.wkt)}${distance}`;
        return `st_${node.operation}(${place(node.field)}${other})`;
      }
      case "match": {
        const struct = structOfField(schema, node.field.fieldId)!;
        const elements = new Map(
          subFields(schema, struct).map((field) => [field.fieldId, `$[${bareName(struct, field)}]`]),
        );
        const call = node.mode === "element" ? "element_filter" : `match_${node.mode}`;
        const isCounted = node.mode === "least" || node.mode === "most" || node.mode === "exact";
        const count = isCounted ? `, threshold=${node.count}` : "";
        return `${call}(${struct.name}, ${printNamed(node.inner, elements, schema)}${count})`;
      }
      case "sample":
        return `random_sample(${node.factor})`;
      case "exists":
        return `exists ${place(node.field)}`;
      case "null":
        return `${place(node.field)} is null`;
      case "contains": {
        const elements = node.elements.map(printElement);
        if (node.mode === "one") return `json_contains(${place(node.field)}, ${elements[0]})`;
        return `json_contains_${node.mode}(${place(node.field)}, [${elements.join(", ")}])`;
      }
    }
  };
  return print(filter);
}

/** An element of a sub-field is said with the index before the sub-field. */
function printPlace({ dataType, path }: FieldPlace, name: string): string {
  const keys = path.map((key) => `[${dataType === DataType.JSON ? printText(key) : key}]`).join("");
  const bare = name.startsWith("$") ? -1 : name.indexOf("[");
  return bare < 0 ? name + keys : name.slice(0, bare) + keys + name.slice(bare);
}

function printValue(field: FieldPlace, value: Constant): string {
  return field.dataType === DataType.Timestamptz ? printTime(value as bigint) : printConstant(value);
}

function printTime(value: bigint): string {
  return `ISO '${formatTimestamptz(value, "UTC")}'`;
}

function printConstant(value: Constant): string {
  if (typeof value === "string") return printText(value);
  if (typeof value !== "number") return String(value);
  // A number without a dot or exponent would be read as an integer.
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function printElement(element: Element): string {
  return typeof element === "object" ? `[${element.map(printElement).join(", ")}]` : printConstant(element);
}

function printText(text: string): string {
  const escaped = text.replace(/["\\]|\p{Cc}/gu, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}
