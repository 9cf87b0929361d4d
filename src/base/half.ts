/**
 * The numbers that 16 bits stand for. float16: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction; bfloat16: the upper half of a float32.
 *
 * Both fit a float32 exactly. Back, a number goes to the nearest, and of two equally near ones to that with an even last bit.
 */

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

export function numberOfFloat16(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

export function float16Of(number: number): number {
  float[0] = number;
  const bits = word[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const size = Math.abs(float[0]!);
  if (Number.isNaN(size)) return sign | 0x7e00;
  // 65,520 is half way between the largest float16 and the next step, which is infinite.
  if (size >= 65_520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | nearestEven(size * 2 ** 24);
  const exponent = (bits >>> 23) & 0xff;
  // A fraction that is rounded up to 2^10 carries into the exponent, as it should.
  return sign | (((exponent - 112) << 10) + nearestEven((size / 2 ** (exponent - 127) - 1) * 1024));
}

export function numberOfBfloat16(bits: number): number {
  word[0] = bits << 16;
  return float[0]!;
}

export function bfloat16Of(number: number): number {
  float[0] = number;
  const bits = word[0]!;
  if (Number.isNaN(number)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function nearestEven(number: number): number {
  const below = Math.floor(number);
  const rest = number - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
