/**
 * How a row of vectors lies in memory and in files: what one element is, how many there are, which array holds them, and which metrics
 * make sense of them. One table.
 *
 * Always true: rows lie one behind the other without gaps, little-endian; float16 and bfloat16 are kept as their raw bits; a binary row has
 * `dimension / 8` bytes. Order of bits inside a byte is the sender's and plays no part in any metric.
 */

import { unreachable } from "../base/assert.ts";
import { numberOfBfloat16, numberOfFloat16 } from "../base/half.ts";
import { BIT_METRICS, DataType, NUMBER_METRICS } from "../model/types.ts";
import type { Metric } from "../model/types.ts";

export type Element = "float32" | "float16" | "bfloat16" | "int8" | "binary";

export interface RowLayout {
  readonly element: Element;
  /** Bits of a binary row, numbers of any other. */
  readonly dimension: number;
}

/** Float32Array for float32, Uint16Array for float16 and bfloat16, Int8Array for int8, Uint8Array for binary. */
export type RowValues = Float32Array | Uint16Array | Int8Array | Uint8Array;

export const MAX_DIMENSION = 32768;
export const MAX_BINARY_DIMENSION = 8 * MAX_DIMENSION;

interface ElementKind {
  /** What the native kernel calls it: its place in the table. */
  readonly number: number;
  readonly metrics: readonly Metric[];
  readonly make: (length: number) => RowValues;
  readonly isOwn: (values: RowValues) => boolean;
  readonly arrayName: string;
  readonly bytesPerValue: number;
}

const ELEMENTS: Readonly<Record<Element, ElementKind>> = {
  float32: {
    number: 0,
    metrics: NUMBER_METRICS,
    make: (length) => new Float32Array(length),
    isOwn: (values) => values instanceof Float32Array,
    arrayName: "Float32Array",
    bytesPerValue: 4,
  },
  float16: {
    number: 1,
    metrics: NUMBER_METRICS,
    make: (length) => new Uint16Array(length),
    isOwn: (values) => values instanceof Uint16Array,
    arrayName: "Uint16Array",
    bytesPerValue: 2,
  },
  bfloat16: {
    number: 2,
    metrics: NUMBER_METRICS,
    make: (length) => new Uint16Array(length),
    isOwn: (values) => values instanceof Uint16Array,
    arrayName: "Uint16Array",
    bytesPerValue: 2,
  },
  int8: {
    number: 3,
    metrics: NUMBER_METRICS,
    make: (length) => new Int8Array(length),
    isOwn: (values) => values instanceof Int8Array,
    arrayName: "Int8Array",
    bytesPerValue: 1,
  },
  binary: {
    number: 4,
    metrics: BIT_METRICS,
    make: (length) => new Uint8Array(length),
    isOwn: (values) => values instanceof Uint8Array,
    arrayName: "Uint8Array",
    bytesPerValue: 1,
  },
};

export const ELEMENT_NAMES = Object.keys(ELEMENTS) as readonly Element[];

export function isElement(name: string): name is Element {
  return Object.hasOwn(ELEMENTS, name);
}

export function elementKind(element: Element): ElementKind {
  return ELEMENTS[element];
}

/** Entries of the array that one row takes. */
export function valuesPerRow({ element, dimension }: RowLayout): number {
  return element === "binary" ? dimension / 8 : dimension;
}

export function bytesPerRow(layout: RowLayout): number {
  return valuesPerRow(layout) * ELEMENTS[layout.element].bytesPerValue;
}

/** The layout of a field's vectors; null for types whose rows are not all equally long. */
export function layoutOf(type: DataType, dimension: number): RowLayout | null {
  switch (type) {
    case DataType.FloatVector:
      return { element: "float32", dimension };
    case DataType.Float16Vector:
      return { element: "float16", dimension };
    case DataType.BFloat16Vector:
      return { element: "bfloat16", dimension };
    case DataType.Int8Vector:
      return { element: "int8", dimension };
    case DataType.BinaryVector:
      return { element: "binary", dimension };
    default:
      return null;
  }
}

/** What raw values mean; those that are numbers already are not copied. */
export function numbersOf(element: Exclude<Element, "binary">, values: RowValues): ArrayLike<number> {
  switch (element) {
    case "float32":
    case "int8":
      return values;
    case "float16":
      return widened(values, (float16Numbers ??= tableOf(numberOfFloat16)));
    case "bfloat16":
      return widened(values, (bfloat16Numbers ??= tableOf(numberOfBfloat16)));
    default:
      return unreachable(element);
  }
}

let float16Numbers: Float32Array | null = null;
let bfloat16Numbers: Float32Array | null = null;

function tableOf(numberOf: (bits: number) => number): Float32Array {
  return Float32Array.from({ length: 65_536 }, (_, bits) => numberOf(bits));
}

function widened(values: RowValues, numbers: Float32Array): Float32Array {
  const found = new Float32Array(values.length);
  for (let at = 0; at < found.length; at += 1) found[at] = numbers[values[at]!]!;
  return found;
}
