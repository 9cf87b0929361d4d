/** The values of a dictionary as sections of a file. */

import type { DictionaryValues } from "./dictionary.ts";
import { type SectionArray, damaged } from "./sections.ts";

export function valueSections(values: DictionaryValues): [string, SectionArray][] {
  if (values.kind !== "text") return [["values", values.values]];
  return [
    ["offsets", values.offsets],
    ["bytes", values.bytes],
  ];
}

export function valuesOf(arrays: ReadonlyMap<string, SectionArray>): DictionaryValues {
  const values = arrays.get("values");
  if (values instanceof BigInt64Array) return { kind: "integer", values };
  if (values instanceof Float64Array) return { kind: "double", values };
  const [offsets, bytes] = [arrays.get("offsets"), arrays.get("bytes")];
  if (offsets instanceof Uint32Array && bytes instanceof Uint8Array) return { kind: "text", offsets, bytes };
  throw damaged("it has no values");
}
