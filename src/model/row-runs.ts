/** Rows that stand one behind the other, which are copied together. */

type Values = Uint8Array | Int8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

/** A view costs more than a few values. */
const FEW = 16;

/** Behind the last row from `at` on that follows the one before it, of one source where there are several; at most `limit`. */
export function runEnd(rows: Uint32Array, at: number, limit: number, sources: Uint32Array | null = null): number {
  const shift = rows[at]! - at;
  let end = at + 1;
  if (sources === null) while (end < limit && rows[end]! - end === shift) end += 1;
  else while (end < limit && rows[end]! - end === shift && sources[end] === sources[at]) end += 1;
  return end;
}

/** `count` values from `from` on to `at` and behind. Both arrays are of one kind. */
export function copyValues(source: Values, from: number, count: number, target: Values, at: number): void {
  if (count < FEW) for (let value = 0; value < count; value += 1) target[at + value] = source[from + value]!;
  else (target as Float64Array).set(source.subarray(from, from + count) as Float64Array, at);
}
