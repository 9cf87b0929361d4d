/** Values for the template variables of a filter, `{name}`. */

import type { Constant, Element } from "../model/filter.ts";
import { FilterError } from "./failure.ts";

/** Bytes are one JSON text; null is a value that the request left unset. */
export type TemplateValue = Constant | readonly TemplateValue[] | Uint8Array | null;
export type TemplateValues = ReadonlyMap<string, TemplateValue>;

export function templateElement(name: string, value: TemplateValue): Element {
  if (value === null) throw new FilterError(`expression template variable value is nil, template name: {${name}}`);
  if (value instanceof Uint8Array) return jsonElement(name, Buffer.from(value).toString("utf8"));
  return typeof value === "object" ? value.map((inner) => templateElement(name, inner)) : value;
}

/** Integers that int64 holds stay exact. */
function jsonElement(name: string, text: string): Element {
  let document: unknown;
  try {
    document = JSON.parse(text, (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
      typeof value === "number" ? jsonNumber(context?.source ?? "", value) : value,
    );
  } catch (thrown) {
    throw new FilterError(`the value of expression template variable {${name}} is not JSON`, thrown);
  }
  return asElement(name, document);
}

function jsonNumber(source: string, value: number): bigint | number {
  const integer = /^-?\d+$/.test(source) ? BigInt(source) : null;
  return integer !== null && BigInt.asIntN(64, integer) === integer ? integer : value;
}

function asElement(name: string, value: unknown): Element {
  if (Array.isArray(value)) return value.map((inner) => asElement(name, inner));
  if (typeof value === "bigint" || typeof value === "number" || typeof value === "string") return value;
  if (typeof value === "boolean") return value;
  throw new FilterError(
    `the value of expression template variable {${name}} is neither a scalar nor an array of scalars`,
  );
}
