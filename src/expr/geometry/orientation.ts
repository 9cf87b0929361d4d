/**
 * On which side of a line a point lies, exactly: by floats where their error cannot change the sign, else by whole numbers.
 */

import type { Point } from "../../model/geometry.ts";

/** What the error of the float expression is below, in parts of the sum of its terms. */
const ERROR_BOUND = (3 + 16 * 2 ** -53) * 2 ** -53;

/** Positive: `c` is left of the line from `a` to `b`; zero: on it. */
export function orientation(a: Point, b: Point, c: Point): number {
  const left = (a[0] - c[0]) * (b[1] - c[1]);
  const right = (a[1] - c[1]) * (b[0] - c[0]);
  const determinant = left - right;
  if (Math.abs(determinant) > ERROR_BOUND * (Math.abs(left) + Math.abs(right))) return Math.sign(determinant);
  if (left === 0 && right === 0 && !isTiny(a, b, c)) return 0;
  return exactOrientation(a, b, c);
}

/** Products of such differences may vanish although the differences do not. */
function isTiny(...points: readonly Point[]): boolean {
  return points.some(([x, y]) => (x !== 0 && Math.abs(x) < 1e-150) || (y !== 0 && Math.abs(y) < 1e-150));
}

function exactOrientation(a: Point, b: Point, c: Point): number {
  const least = Math.min(...[a, b, c].flatMap(([x, y]) => [exponentOf(x), exponentOf(y)]));
  const [ax, ay, bx, by, cx, cy] = [a, b, c].flatMap(([x, y]) => [scaled(x, least), scaled(y, least)]) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  const determinant = (ax - cx) * (by - cy) - (ay - cy) * (bx - cx);
  return determinant > 0n ? 1 : determinant < 0n ? -1 : 0;
}

const FLOAT = new Float64Array(1);
const WORD = new BigUint64Array(FLOAT.buffer);

/** A float is a whole number times two to this power. */
function exponentOf(value: number): number {
  if (value === 0) return 0;
  FLOAT[0] = value;
  const biased = Number((WORD[0]! >> 52n) & 0x7ffn);
  return (biased === 0 ? 1 : biased) - 1075;
}

function scaled(value: number, least: number): bigint {
  if (value === 0) return 0n;
  FLOAT[0] = value;
  const word = WORD[0]!;
  const biased = (word >> 52n) & 0x7ffn;
  const mantissa = (word & 0xfffffffffffffn) | (biased === 0n ? 0n : 0x10000000000000n);
  const whole = mantissa << BigInt(exponentOf(value) - least);
  return value < 0 ? -whole : whole;
}
