/**
 * Numbers of 16 bits: float16 (IEEE 754 half: 1 sign, 5 exponent, 10 fraction) and bfloat16 (the upper half of a float32).
 *
 * Rounding is to the nearest, ties to even, as NumPy, ml_dtypes and hardware do it; what is too large becomes an infinity. A NaN
 * stays a NaN.
 */

import { DataType } from "./types.ts";

export type HalfType = typeof DataType.Float16Vector | typeof DataType.BFloat16Vector;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

export function float16Bits(value: number): number {
  float[0] = value;
  const all = bits[0]!;
  const sign = (all >>> 16) & 0x8000;
  const rest = all & 0x7fff_ffff;
  if (rest > 0x7f80_0000) return sign | 0x7e00;
  // From 65,520 on the nearest is beyond what is finite.
  if (rest >= 0x477f_f000) return sign | 0x7c00;
  if (rest >= 0x3880_0000) {
    // Normal: the exponent is rebased from 127 to 15; a carry out of the fraction steps it up, as it should.
    const odd = (rest >>> 13) & 1;
    return sign | ((rest - 0x3800_0000 + 0x0fff + odd) >>> 13);
  }
  // Below 2^-14 the half is a multiple of 2^-24.
  const steps = Math.abs(float[0]) * 2 ** 24;
  const floor = Math.floor(steps);
  const over = steps - floor;
  return sign | (over > 0.5 || (over === 0.5 && (floor & 1) === 1) ? floor + 1 : floor);
}

export function bfloat16Bits(value: number): number {
  float[0] = value;
  const all = bits[0]!;
  if ((all & 0x7fff_ffff) > 0x7f80_0000) return ((all >>> 16) | 0x40) & 0xffff;
  return ((all + 0x7fff + ((all >>> 16) & 1)) >>> 16) & 0xffff;
}

export function float16Value(half: number): number {
  const sign = (half & 0x8000) === 0 ? 1 : -1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export function bfloat16Value(half: number): number {
  bits[0] = half << 16;
  return float[0]!;
}

/** Rounds `from` into `to`, which is as long. */
export function roundHalves(type: HalfType, from: ArrayLike<number>, to: Uint16Array): void {
  const round = type === DataType.Float16Vector ? float16Bits : bfloat16Bits;
  for (let at = 0; at < from.length; at += 1) to[at] = round(from[at]!);
}

export function halfValue(type: HalfType, half: number): number {
  return type === DataType.Float16Vector ? float16Value(half) : bfloat16Value(half);
}

/** The place of the first NaN or infinity in `[from, to)`, or -1. */
export function findNotFiniteHalf(type: HalfType, halves: Uint16Array, from: number, to: number): number {
  const exponent = type === DataType.Float16Vector ? 0x7c00 : 0x7f80;
  for (let at = from; at < to; at += 1) if ((halves[at]! & exponent) === exponent) return at;
  return -1;
}
