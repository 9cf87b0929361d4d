/** The least change of a value that still is one: what a comparison has to see. */

import type { Random } from "../../../src/expr/testing/random.ts";
import { settledText } from "./compare.ts";
import { type Carried, drawValue } from "./draw.ts";
import type { Plain } from "./plain.ts";
import type { Field } from "./fields.ts";

const FEW = 50;

/** Another value of the field: one step, one bit, one character away; where there is no such step, one that is drawn. */
export function nudged(random: Random, field: Field, value: Plain, carried: Carried): Plain {
  const near = value === null ? null : step(random, field, value, carried);
  if (near !== null && settledText(field, near) !== settledText(field, value)) return near;
  for (let tries = 0; tries < FEW; tries += 1) {
    const other = drawValue(random, field, carried, false);
    if (settledText(field, other) !== settledText(field, value)) return other;
  }
  throw new Error(`${FEW} values of ${field.name} are all ${JSON.stringify(value)}`);
}

function step(random: Random, field: Field, value: Plain, carried: Carried): Plain | null {
  switch (field.type) {
    case "Bool":
      return !(value as boolean);
    case "Int8":
    case "Int16":
    case "Int32":
    case "Int64": {
      const whole = BigInt(value as string);
      return String(whole > 0n ? whole - 1n : whole + 1n);
    }
    case "Float":
    case "Double":
      return lastBitOf(value as string, -1);
    case "FloatVector":
    case "Float16Vector":
    case "BFloat16Vector":
    case "Int8Vector":
    case "BinaryVector":
      // The lowest bit of the first number.
      return lastBitOf(value as string, 1);
    case "VarChar": {
      const text = value as string;
      const characters = [...text];
      const last = characters.pop();
      return last === undefined ? "x" : `${characters.join("")}${last === "x" ? "y" : "x"}`;
    }
    case "Timestamptz":
      return (value as string).startsWith("1970") ? "1970-01-01T00:00:00.000002Z" : "1970-01-01T00:00:00.000001Z";
    case "SparseFloatVector": {
      const entries = value as readonly (readonly [string, string])[];
      const [first, ...others] = entries;
      return first === undefined ? [["7", "3f800000"]] : [[first[0], lastBitOf(first[1], -1)], ...others];
    }
    case "Array": {
      const entries = value as readonly Plain[];
      return entries.length === 0
        ? null
        : [...entries.slice(0, -1), nudged(random, field.element!, entries.at(-1)!, carried)];
    }
    case "Struct": {
      const entries = value as readonly Readonly<Record<string, Plain>>[];
      const last = entries.at(-1);
      if (last === undefined) return null;
      const sub = random.pick(field.fields!);
      return [...entries.slice(0, -1), { ...last, [sub.name]: nudged(random, sub, last[sub.name]!, carried) }];
    }
    default:
      return null;
  }
}

/** The lowest bit of the digit at `place` turned; -1: the last digit. */
function lastBitOf(digits: string, place: number): string {
  const at = place < 0 ? digits.length - 1 : place;
  const digit = (Number.parseInt(digits[at]!, 16) ^ 1).toString(16);
  return `${digits.slice(0, at)}${digit}${digits.slice(at + 1)}`;
}
