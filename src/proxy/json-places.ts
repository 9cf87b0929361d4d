/** Places in documents as parameters name them: `more["a"]["b"]`, a pointer `/a/b`, or a key of the dynamic field. */

import { type CollectionSchema, type FieldSchema, dynamicField, fieldByName } from "../model/schema.ts";
import { DataType } from "../model/types.ts";

export interface DocumentPlace {
  readonly field: FieldSchema;
  readonly path: readonly string[];
}

/** `["a"]['b']`: `a`, `b`; null when it is something else. */
export function bracketKeys(brackets: string): string[] | null {
  const one = /\["([^"]*)"\]|\['([^']*)'\]/gy;
  const keys: string[] = [];
  let end = 0;
  for (const match of brackets.matchAll(one)) {
    keys.push(match[1] ?? match[2]!);
    end = match.index + match[0].length;
  }
  return end === brackets.length ? keys : null;
}

/** `/a/b`, `["a"]["b"]`, or the same behind the name of its field: `a`, `b`; null when it is something else. */
export function pathKeys(text: string): string[] | null {
  if (text.startsWith("/")) {
    const keys = text.slice(1).split("/");
    return keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  const open = text.indexOf("[");
  return open < 0 ? null : bracketKeys(text.slice(open));
}

/** What a name with brackets, or a name that no field has, stands for; null where it stands for nothing. */
export function documentPlace(schema: CollectionSchema, name: string): DocumentPlace | null {
  const open = name.indexOf("[");
  const base = open < 0 ? name : name.slice(0, open);
  const keys = open < 0 ? [] : bracketKeys(name.slice(open));
  if (keys === null) return null;
  const field = fieldByName(schema, base);
  if (field !== null) return field.dataType === DataType.JSON && keys.length > 0 ? { field, path: keys } : null;
  const meta = dynamicField(schema);
  return meta === null ? null : { field: meta, path: [base, ...keys] };
}
