/**
 * Plain values as the Node SDK takes and gives them.
 *
 * What it cannot carry is not drawn for it (`NODE_CARRIES`): it copies rows of collections with undeclared keys by JSON, so that -0 becomes 0; it
 * writes documents with `JSON.stringify` and reads them with `JSON.parse`, so that whole numbers have 53 bits, and 1.0 is 1; it leaves zeros of sparse
 * vectors out when it reads; it makes defaults of Timestamptz by `Date`, which has milliseconds.
 */

import type { Carried } from "./draw.ts";
import { type Plain, type PlainRow, doubleBits, doubleOf, floatBits, floatOf } from "./plain.ts";
import { type Field, KEY, type Table } from "./fields.ts";

export const NODE_CARRIES: Carried = {
  signsBesideUndeclared: false,
  documentIntegers: "53 bits",
  documentFloats: "not safe integers",
  sparseZeros: false,
  coarseDefaults: true,
};

const META = "$meta";

export function nodeRow(table: Table, row: PlainRow): Record<string, unknown> {
  const fields = new Map(table.fields.map((field) => [field.name, field]));
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (name === KEY) return [name, value];
      const field = fields.get(name);
      return [name, field === undefined ? documentOf(value) : nodeValue(field, value)];
    }),
  );
}

export function nodeValue(field: Field, value: Plain): unknown {
  if (value === null) return null;
  const text = value as string;
  switch (field.type) {
    case "Int8":
    case "Int16":
    case "Int32":
      return Number(text);
    case "Float":
      return floatOf(text);
    case "Double":
      return doubleOf(text);
    case "JSON":
      return documentOf(value);
    case "FloatVector":
      return Array.from(new Float32Array(bufferOf(text)));
    case "Float16Vector":
      return Array.from(new Float16Array(bufferOf(text)));
    case "BFloat16Vector":
      return Array.from(new Uint16Array(bufferOf(text)), (half) =>
        floatOf(`${half.toString(16).padStart(4, "0")}0000`),
      );
    case "Int8Vector":
      return Array.from(new Int8Array(bufferOf(text)));
    case "BinaryVector":
      return Array.from(new Uint8Array(bufferOf(text)));
    case "SparseFloatVector":
      return Object.fromEntries((value as [string, string][]).map(([index, bits]) => [index, floatOf(bits)]));
    case "Array":
      return (value as Plain[]).map((entry) => nodeValue(field.element!, entry));
    case "Struct":
      return (value as Record<string, Plain>[]).map((entry) =>
        Object.fromEntries(field.fields!.map((sub) => [sub.name, nodeValue(sub, entry[sub.name]!)])),
      );
    default:
      return value;
  }
}

export function plainRowOfNode(table: Table, row: Readonly<Record<string, unknown>>): PlainRow {
  const fields = new Map(table.fields.map((field) => [field.name, field]));
  const plain: Record<string, Plain> = {};
  for (const [name, value] of Object.entries(row)) {
    const field = fields.get(name);
    if (name === KEY) plain[KEY] = typeof value === "string" ? value : unlike(name, value);
    else if (name === META) Object.assign(plain, plainUndeclared(value as Record<string, unknown>));
    else plain[name] = field === undefined ? plainDocument(value) : plainOfNode(field, value);
  }
  return plain;
}

function plainUndeclared(keys: Readonly<Record<string, unknown>>): Record<string, Plain> {
  return Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, plainDocument(value)]));
}

function plainOfNode(field: Field, value: unknown): Plain {
  if (value === null) return null;
  switch (field.type) {
    case "Bool":
      return typeof value === "boolean" ? value : unlike(field.name, value);
    case "Int8":
    case "Int16":
    case "Int32":
      return typeof value === "number" ? String(value) : unlike(field.name, value);
    case "Float":
      return floatBits(value as number);
    case "Double":
      return typeof value === "number" ? doubleBits(value) : unlike(field.name, value);
    case "JSON":
      return plainDocument(value);
    case "FloatVector":
      return hexOf(Float32Array.from(value as number[], exactly(Math.fround)));
    case "Float16Vector":
      return hexOf(Float16Array.from(value as number[], exactly(Math.f16round)));
    case "BFloat16Vector":
      return hexOf(Uint16Array.from(value as number[], (entry) => upperHalf(floatBits(entry))));
    case "Int8Vector":
      return hexOf(Int8Array.from(value as number[]));
    case "BinaryVector":
      return hexOf(Uint8Array.from(value as number[]));
    case "SparseFloatVector":
      return Object.entries(value as Record<string, number>)
        .toSorted(([left], [right]) => Number(left) - Number(right))
        .map(([index, entry]) => [index, floatBits(entry)]);
    case "Array":
      return (value as unknown[]).map((entry) => plainOfNode(field.element!, entry));
    case "Struct": {
      const subs = new Map(field.fields!.map((sub) => [sub.name, sub]));
      return (value as Record<string, unknown>[]).map((entry) =>
        Object.fromEntries(
          Object.entries(entry).map(([name, part]) => {
            const sub = subs.get(name);
            return [name, sub === undefined ? unlike(name, part) : plainOfNode(sub, part)];
          }),
        ),
      );
    }
    default:
      return typeof value === "string" ? value : unlike(field.name, value);
  }
}

/** A document that `JSON.stringify` writes. */
function documentOf(value: Plain): unknown {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(documentOf);
  const node = value as Readonly<Record<string, Plain>>;
  if (node["int"] !== undefined) return Number(node["int"]);
  if (node["float"] !== undefined) return doubleOf(node["float"] as string);
  if (node["text"] !== undefined) return node["text"];
  return Object.fromEntries((node["keys"] as [string, Plain][]).map(([key, entry]) => [key, documentOf(entry)]));
}

function plainDocument(value: unknown): Plain {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number")
    return Number.isSafeInteger(value) ? { int: String(value) } : { float: doubleBits(value) };
  if (typeof value === "string") return { text: value };
  if (Array.isArray(value)) return value.map(plainDocument);
  if (typeof value !== "object") return unlike("a document", value);
  return { keys: Object.entries(value!).map(([key, entry]) => [key, plainDocument(entry)]) };
}

function unlike(name: string, value: unknown): never {
  throw new TypeError(`${name} has ${typeof value} ${String(value)}`);
}

function exactly(rounded: (value: number) => number): (value: number) => number {
  return (value) => {
    if (!Object.is(rounded(value), value)) throw new Error(`${value} has more bits than its type`);
    return value;
  };
}

function upperHalf(bits: string): number {
  if (!bits.endsWith("0000")) throw new Error(`${bits} has more bits than a bfloat16`);
  return Number.parseInt(bits.slice(0, 4), 16);
}

function bufferOf(text: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(text, "hex")).buffer;
}

function hexOf({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("hex");
}
