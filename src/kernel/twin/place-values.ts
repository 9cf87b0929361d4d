/** What stands at a place of a document, as values of JavaScript: the twin's way to look at it. */

import { type PlaceColumn, PlaceClass } from "../filter-kernel.ts";

/** Integers that int64 holds are bigint, other numbers are number; texts are their bytes. */
export interface PlaceValue {
  readonly kind: number;
  readonly value: bigint | number | Uint8Array | readonly PlaceValue[] | null;
}

const DOUBLE = new Float64Array(1);
const BITS = new BigInt64Array(DOUBLE.buffer);

export function placeValueAt({ classes, words, bytes }: PlaceColumn, row: number): PlaceValue {
  const kind = classes[row]!;
  const word = words[row]!;
  switch (kind) {
    case PlaceClass.Integer:
    case PlaceClass.Wide:
      return { kind, value: word };
    case PlaceClass.Double:
      BITS[0] = word;
      return { kind, value: DOUBLE[0]! };
    case PlaceClass.Text:
    case PlaceClass.EscapedText:
    case PlaceClass.Array: {
      const place = BigInt.asUintN(64, word);
      return read(kind, bytes.subarray(Number(place & 0xffffffffn), Number(place >> 32n)));
    }
    default:
      return { kind, value: null };
  }
}

const LEAST_WHOLE = -(2n ** 63n);
const MOST_WHOLE = 2n ** 64n - 1n;

/** A text that is a number, as the double that it is; another text is nothing; what is no text stays. */
export function textAsNumber(place: PlaceValue): PlaceValue {
  if (!(place.value instanceof Uint8Array)) return place;
  const nothing = { kind: PlaceClass.Malformed, value: null };
  const text = Buffer.from(place.value).toString("utf8");
  try {
    const number: unknown = JSON.parse(text);
    if (typeof number !== "number" || !Number.isFinite(number)) return nothing;
    const whole = /^\s*-?\d+\s*$/.test(text) ? BigInt(text.trim()) : 0n;
    return whole < LEAST_WHOLE || whole > MOST_WHOLE ? nothing : { kind: PlaceClass.Double, value: number };
  } catch {
    return nothing;
  }
}

function read(kind: number, bytes: Uint8Array): PlaceValue {
  if (kind === PlaceClass.Text) return { kind, value: bytes };
  const text = Buffer.from(bytes).toString("utf8");
  try {
    return valueOf(JSON.parse(kind === PlaceClass.Array ? text : `"${text}"`, exactly));
  } catch {
    return { kind: PlaceClass.Malformed, value: null };
  }
}

function exactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || !/^-?\d+$/.test(context?.source ?? "")) return value;
  const integer = BigInt(context!.source!);
  return BigInt.asIntN(64, integer) === integer ? integer : value;
}

function valueOf(value: unknown): PlaceValue {
  switch (typeof value) {
    case "bigint":
      return { kind: Number.isSafeInteger(Number(value)) ? PlaceClass.Integer : PlaceClass.Wide, value };
    case "number":
      return { kind: PlaceClass.Double, value };
    case "string":
      return { kind: PlaceClass.Text, value: Buffer.from(value, "utf8") };
    case "boolean":
      return { kind: value ? PlaceClass.True : PlaceClass.False, value: null };
    default:
      if (value === null) return { kind: PlaceClass.Null, value };
      if (Array.isArray(value)) return { kind: PlaceClass.Array, value: value.map(valueOf) };
      return { kind: PlaceClass.Object, value: null };
  }
}
