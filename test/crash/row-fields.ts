/**
 * What the rows of the collections that crashes happen to have besides their key, lane, number and version: a field of every type, some of
 * them null now and then, an array of structs, and keys of the dynamic field. All of it follows from lane, number and version, so that a row
 * tells when it is put together from two. Vectors that are searched, and one of each type, are in `vector-fields.ts`.
 */

import { isDeepStrictEqual } from "node:util";
import type { FieldOptions } from "../../src/client/collection-options.ts";
import { formatTimestamptz } from "../../src/model/timestamptz.ts";
import type { Metric } from "../../src/model/types.ts";

export const ROW_FIELDS: readonly FieldOptions[] = [
  { name: "pad", type: "VarChar", maxLength: 200 },
  { name: "flag", type: "Bool", nullable: true },
  { name: "tiny", type: "Int8" },
  { name: "short", type: "Int16", nullable: true },
  { name: "whole", type: "Int32" },
  { name: "long", type: "Int64", nullable: true, default: 5 },
  { name: "float", type: "Float" },
  { name: "double", type: "Double", nullable: true },
  { name: "word", type: "VarChar", maxLength: 60, nullable: true },
  { name: "document", type: "JSON", nullable: true },
  { name: "moment", type: "Timestamptz", nullable: true },
  { name: "place", type: "Geometry" },
  { name: "area", type: "Geometry", nullable: true },
  { name: "tags", type: "Array", elementType: "Int64", maxCapacity: 4 },
  { name: "names", type: "Array", elementType: "VarChar", maxLength: 40, maxCapacity: 4, nullable: true },
  { name: "marks", type: "Array", elementType: "Bool", maxCapacity: 4 },
  { name: "shares", type: "Array", elementType: "Float", maxCapacity: 4, nullable: true },
  { name: "maybe", type: "FloatVector", dimension: 2, nullable: true },
  { name: "rarely", type: "SparseFloatVector", nullable: true },
];

export const ROW_STRUCTS: readonly FieldOptions[] = [
  {
    name: "parts",
    type: "ArrayOfStruct",
    maxCapacity: 4,
    nullable: true,
    fields: [
      { name: "number", type: "Int64" },
      { name: "word", type: "VarChar", maxLength: 40 },
      { name: "share", type: "Double" },
      { name: "point", type: "FloatVector", dimension: 2 },
      { name: "bits", type: "BinaryVector", dimension: 16 },
    ],
  },
];

/** Nothing is loaded before every field of vectors has an index. */
export const ROW_INDEXES: readonly { readonly name: string; readonly metric: Metric }[] = [
  { name: "maybe", metric: "L2" },
  { name: "rarely", metric: "IP" },
  { name: "parts[point]", metric: "MAX_SIM_L2" },
  { name: "parts[bits]", metric: "HAMMING" },
];

const PAD_CHARACTERS = 120;
const FIRST_MOMENT = 1_704_067_200_000_000n;

export function valuesOf(lane: number, number: number, version: number): Readonly<Record<string, unknown>> {
  const unless = <Value>(every: number, value: Value): Value | null =>
    (number + version) % every === 0 ? null : value;
  const word = `wörd ${lane} ${number} ${version}`;
  const part = (at: number): object => ({
    number: number + at,
    word: `${word} ${at}`,
    share: version / (at + 3),
    point: [number, at],
    bits: [number & 255, at],
  });
  return {
    pad: `${number} `.repeat(40).slice(0, PAD_CHARACTERS),
    flag: unless(7, number % 2 === 0),
    tiny: (number % 256) - 128,
    short: unless(5, (version % 65_536) - 32_768),
    // Not `-number`: of 0 that is another 0.
    whole: 0 - number * 1000 - lane,
    long: unless(4, version * 1_000_003) ?? 5,
    float: Math.fround(version / 3),
    double: unless(6, number / 7),
    word: unless(3, word),
    document: unless(9, { lane, deep: { number, list: [version, null, "ü"] } }),
    moment: unless(8, formatTimestamptz(FIRST_MOMENT + BigInt(number) * 250_007n + BigInt(version), "UTC")),
    place: `POINT (${lane} ${number})`,
    area: unless(2, `POLYGON ((0 0, ${number + 1} 0, ${number + 1} ${version}, 0 0))`),
    tags: [lane, number, version].slice(0, number % 4),
    names: unless(5, ["", word, "x"].slice(0, version % 4)),
    marks: [true, number % 3 === 0].slice(0, number % 3),
    shares: unless(4, [Math.fround(version / 5)]),
    maybe: unless(3, [number, version]),
    rarely: unless(2, { [number % 100]: version + 1, 1000: 1 }),
    parts: unless(6, [0, 1, 2].slice(0, number % 4).map(part)),
    [`more ${number % 3}`]: { version },
    always: word,
  };
}

/** Which of the values a row has of another; null: none. `row`: as a program of ours reads it. */
export function strange(row: object, lane: number, number: number, version: number): string | null {
  const found = row as Readonly<Record<string, unknown>>;
  const expected = valuesOf(lane, number, version);
  const wrong = Object.keys(expected).find((name) => !isDeepStrictEqual(plain(found[name]), plain(expected[name])));
  return wrong ?? Object.keys(found).find((name) => name.startsWith("more ") && !Object.hasOwn(expected, name)) ?? null;
}

/** Without typed arrays and what objects are made by. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return [...(value as Uint8Array)];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
