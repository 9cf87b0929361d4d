/**
 * What differs between rows that were sent and rows that were seen: every value, every bit of it, and the keys of rows and of fields.
 *
 * Always true: no difference is forgiven but those of spelling, which `settled` names: the order of keys in a document, digits of a
 * coordinate that mean the same number, and whole numbers of a document that no parser holds (more than 64 bits).
 */

import { type Plain, type PlainRow, doubleBits } from "./plain.ts";
import { type Field, KEY, type Table } from "./fields.ts";

const MOST_TOLD = 12;
const LEAST_INTEGER = -(2n ** 63n);
const MOST_INTEGER = 2n ** 64n - 1n;

export interface Difference {
  readonly key: string;
  readonly field: string;
  readonly expected: Plain | undefined;
  readonly seen: Plain | undefined;
}

/** `expected` by key; `seen` with their keys. */
export function differences(
  table: Table,
  expected: ReadonlyMap<string, PlainRow>,
  seen: readonly PlainRow[],
): Difference[] {
  const found: Difference[] = [];
  const seenByKey = new Map(seen.map((row) => [row[KEY] as string, row]));
  if (seenByKey.size !== seen.length) {
    found.push({ key: "", field: KEY, expected: `${seenByKey.size} rows`, seen: `${seen.length}, some twice` });
  }
  const fields = new Map(table.fields.map((field) => [field.name, field]));
  for (const [key, wanted] of expected) {
    const row = seenByKey.get(key);
    if (row === undefined) {
      found.push({ key, field: KEY, expected: key, seen: undefined });
      continue;
    }
    const names = new Set([...Object.keys(wanted), ...Object.keys(row)]);
    names.delete(KEY);
    for (const name of names) {
      const field = fields.get(name);
      const [left, right] = [wanted[name], row[name]].map((value) => settledText(field, value));
      if (left !== right) found.push({ key, field: name, expected: wanted[name], seen: row[name] });
    }
  }
  for (const key of seenByKey.keys()) {
    if (!expected.has(key)) found.push({ key, field: KEY, expected: undefined, seen: key });
  }
  return found;
}

export function told(found: readonly Difference[]): string {
  const lines = found.slice(0, MOST_TOLD).map(({ key, field, expected, seen }) => {
    return `  row ${JSON.stringify(key)}, ${field}: sent ${JSON.stringify(expected)}, saw ${JSON.stringify(seen)}`;
  });
  if (found.length > MOST_TOLD) lines.push(`  … and ${found.length - MOST_TOLD} more`);
  return lines.join("\n");
}

/** A text that is the same for values that are the same, and for no others. A field that is not declared is a document. */
export function settledText(field: Field | undefined, value: Plain | undefined): string {
  if (value === undefined) return "nothing";
  const type = field?.type ?? "JSON";
  if (type === "Geometry" && typeof value === "string") {
    return value.replaceAll(/-?\d[^\s,()]*/g, (digits) => doubleBits(Number(digits)));
  }
  return JSON.stringify(type === "JSON" ? settledDocument(value) : value);
}

function settledDocument(value: Plain): Plain {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(settledDocument);
  const node = value as Readonly<Record<string, Plain>>;
  if (typeof node["int"] === "string") {
    const whole = BigInt(node["int"]);
    return whole < LEAST_INTEGER || whole > MOST_INTEGER ? { float: doubleBits(Number(whole)) } : node;
  }
  if (node["keys"] === undefined) return node;
  const keys = node["keys"] as readonly (readonly [string, Plain])[];
  return {
    keys: keys
      .map(([key, entry]): readonly [string, Plain] => [key, settledDocument(entry)])
      .toSorted(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)),
  };
}
