/** Rows and questions by number: the same every time, in clusters, in every type of vector; and the exact neighbours, computed here. */

import { DataType, Metric } from "../../src/model/types.ts";
import { type DenseVectorType, type VectorValues, vectorStride, vectorValues } from "../../src/model/vectors.ts";

export const DIMENSION = 32;
const CLUSTERS = 30;
/** Numbers of questions begin here: no row has them. */
const FIRST_QUESTION = 10_000_000;

/** Uniform in [0, 1), by a seed. */
function numbersOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function floatsOf(number: number): number[] {
  const random = numbersOf(number);
  const normal = (next: () => number): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const centre = numbersOf(77 + Math.floor(random() * CLUSTERS));
  return Array.from({ length: DIMENSION }, () => normal(centre) + 0.5 * normal(random));
}

/** Rows with these numbers, in the array of their type. */
export function vectorsOf(type: DenseVectorType, numbers: readonly number[]): VectorValues {
  const stride = vectorStride(type, DIMENSION);
  const values = vectorValues(type, numbers.length * stride);
  for (const [row, number] of numbers.entries()) {
    const floats = floatsOf(number);
    for (let at = 0; at < DIMENSION; at += 1) {
      const value = floats[at]!;
      switch (type) {
        case DataType.FloatVector:
          values[row * stride + at] = value;
          break;
        case DataType.Float16Vector:
          values[row * stride + at] = halfOf(value);
          break;
        case DataType.BFloat16Vector:
          values[row * stride + at] = new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16;
          break;
        case DataType.Int8Vector:
          values[row * stride + at] = Math.max(-127, Math.min(127, Math.round(value * 30)));
          break;
        case DataType.BinaryVector:
          if (value > 0) values[row * stride + (at >> 3)]! |= 0x80 >> (at & 7);
      }
    }
  }
  return values;
}

export function questions(count: number): number[] {
  return Array.from({ length: count }, (_, at) => FIRST_QUESTION + at);
}

/** Remembered: the same rows are asked about under many conditions. */
const DECODED = new Map<string, readonly number[]>();

function decodedRows(type: DenseVectorType, numbers: readonly number[]): (readonly number[])[] {
  return numbers.map((number) => {
    const key = `${type}/${number}`;
    let row = DECODED.get(key);
    if (row === undefined) DECODED.set(key, (row = numbersIn(type, vectorsOf(type, [number]), 0)));
    return row;
  });
}

/** The value of an entry as a number; of bits, each for itself. */
function numbersIn(type: DenseVectorType, values: VectorValues, row: number): number[] {
  const stride = vectorStride(type, DIMENSION);
  return Array.from({ length: DIMENSION }, (_, at) => {
    const value = values[row * stride + at]!;
    if (type === DataType.Float16Vector) return floatOfHalf(value);
    if (type === DataType.BFloat16Vector) return new Float32Array(Uint32Array.of(value << 16).buffer)[0]!;
    if (type === DataType.BinaryVector) return (values[row * stride + (at >> 3)]! >> (7 - (at & 7))) & 1;
    return value;
  });
}

/** Greater is nearer. */
function nearness(metric: Metric, left: readonly number[], right: readonly number[]): number {
  let [product, squares, lefts, rights, both, either] = [0, 0, 0, 0, 0, 0];
  for (let at = 0; at < left.length; at += 1) {
    const [a, b] = [left[at]!, right[at]!];
    product += a * b;
    squares += (a - b) * (a - b);
    lefts += a * a;
    rights += b * b;
    both += Math.min(a, b);
    either += Math.max(a, b);
  }
  switch (metric) {
    case Metric.IP:
      return product;
    case Metric.COSINE:
      return product / Math.sqrt(lefts * rights);
    case Metric.MHJACCARD:
      return equalHashes(left, right);
    case Metric.JACCARD:
      return either === 0 ? 0 : both / either - 1;
    default:
      return -squares;
  }
}

const HASH_BITS = 8;

/** Of two signatures, given as bits. */
function equalHashes(left: readonly number[], right: readonly number[]): number {
  let equal = 0;
  for (let first = 0; first < left.length; first += HASH_BITS) {
    const end = first + HASH_BITS;
    if (left.slice(first, end).every((bit, at) => bit === right[first + at])) equal += 1;
  }
  return equal;
}

/** Of the exact hits of each question among `numbers`, the share that was found: rows that tie with the last one count. */
export function recallOf(
  type: DenseVectorType,
  metric: Metric,
  asked: readonly number[],
  numbers: readonly number[],
  k: number,
  found: readonly (readonly number[])[],
): number {
  const decoded = decodedRows(type, numbers);
  const position = new Map(numbers.map((number, row) => [number, row]));
  const questionValues = vectorsOf(type, asked);
  let [matched, wanted] = [0, 0];
  for (let question = 0; question < asked.length; question += 1) {
    const query = numbersIn(type, questionValues, question);
    const near = decoded.map((row) => nearness(metric, query, row));
    // A row without an equal hash is no hit.
    const possible = metric === Metric.MHJACCARD ? near.filter((value) => value > 0).length : numbers.length;
    const exact = Math.min(k, possible);
    if (exact === 0) continue;
    // Scores of the kernel are floats, these are doubles: what differs by rounding only is a tie.
    const last = near.toSorted((left, right) => right - left)[exact - 1]!;
    const least = last - 1e-5 * Math.max(1, Math.abs(last));
    wanted += exact;
    const hits = new Set(found[question]);
    matched += [...hits].filter((number) => {
      const row = position.get(number);
      return row !== undefined && near[row]! >= least;
    }).length;
  }
  return wanted === 0 ? 1 : matched / wanted;
}

function halfOf(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  // The rows have neither such small nor such large numbers that the ends of the range matter.
  if (exponent <= 0) return sign;
  return sign | (exponent << 10) | ((bits >>> 13) & 0x3ff);
}

function floatOfHalf(half: number): number {
  const exponent = (half >> 10) & 0x1f;
  if (exponent === 0) return 0;
  const value = (1 + (half & 0x3ff) / 1024) * 2 ** (exponent - 15);
  return (half & 0x8000) === 0 ? value : -value;
}
