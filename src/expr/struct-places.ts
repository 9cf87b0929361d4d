/**
 * Names of sub-fields in filters: `s[sub]` are the arrays of a sub-field, `s[0][sub]` is one element of each.
 *
 * Here they become names of fields, which `s[sub]` is one of, and keys into those.
 */

import { type CollectionSchema, dynamicField, fieldByName } from "../model/schema.ts";
import { structByName, subFieldName } from "../model/structs.ts";
import { FilterError } from "./failure.ts";
import type { PathKey } from "./lexer.ts";

export interface NamedPlace {
  readonly name: string;
  readonly keys: readonly PathKey[];
}

export function subFieldPlace(schema: CollectionSchema, { name, keys }: NamedPlace): NamedPlace {
  const bare = keys.find(({ isBare }) => isBare === true)?.key;
  if (bare === undefined) {
    if (structByName(schema, name) !== null) throw new FilterError(`struct field not found: ${spelled(name, keys)}`);
    return { name, keys };
  }
  const isDocument = fieldByName(schema, name) !== null || dynamicField(schema) !== null;
  if (structByName(schema, name) === null && isDocument) {
    throw new FilterError(`json key must be enclosed in double quotes or single quotes: ${bare}`);
  }
  const stored = subFieldName(name, bare);
  const indexes = keys.slice(0, -1);
  const isWellFormed = keys.at(-1)?.isBare === true && indexes.length <= 1 && indexes.every(({ isIndex }) => isIndex);
  if (!isWellFormed || fieldByName(schema, stored) === null) {
    throw new FilterError(`struct field not found: ${spelled(name, keys)}`);
  }
  return { name: stored, keys: indexes };
}

function spelled(name: string, keys: readonly PathKey[]): string {
  return (
    name + keys.map(({ key, isIndex, isBare }) => (isIndex || isBare === true ? `[${key}]` : `["${key}"]`)).join("")
  );
}
