/**
 * Values as plain data in which no bit is lost, whatever client they come from: what is sent, what is seen, and what is compared.
 *
 *   Bool                 true
 *   Int8 to Int64        "-9223372036854775808"           digits
 *   Float, Double        "80000000", "7fefffffffffffff"   the bits, as one number in hex
 *   VarChar              the text
 *   Timestamptz          "0001-01-01T00:00:00.000001Z"    in UTC, without zeros at the end
 *   Geometry             well-known text
 *   JSON                 null, true, {int: digits}, {float: bits of a double}, {text}, a list, {keys: [[key, value], …]}
 *   Array                a list
 *   vectors              the bytes in hex, as they lie in memory (little endian)
 *   SparseFloatVector    [[index, bits of a float], …] by index
 *   array of structs     a list of {sub-field: value}
 *   null                 null
 *
 * Always true: equal values have the same form, up to `settled`.
 */

export type Plain = null | boolean | string | readonly Plain[] | { readonly [key: string]: Plain };

/** A row by the names of its fields; undeclared keys beside them, each a document. */
export type PlainRow = Readonly<Record<string, Plain>>;

/** Bits in hex of a number that is exactly a float; throws where it is none, so that nothing is rounded unseen. */
export function floatBits(value: number): string {
  if (!Object.is(Math.fround(value), value)) throw new Error(`${value} is not a float of 32 bits`);
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0).toString(16).padStart(8, "0");
}

export function floatOf(bits: string): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, Number.parseInt(bits, 16));
  return view.getFloat32(0);
}

export function doubleBits(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

export function doubleOf(bits: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
}
