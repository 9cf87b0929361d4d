/** Rows out of an order of all rows. */

import { emptyBitset, hasBit, setBit } from "../model/bitset.ts";
import type { KeyReader } from "./key-reader.ts";

/** `rows`, in the order in which `order` has them, those of the first `limit` keys. */
export function pickRows(keys: KeyReader, order: Uint32Array, rows: Uint32Array, limit: number | null): Uint32Array {
  const wanted = emptyBitset(order.length);
  for (const row of rows) setBit(wanted, row);
  const picked = new Uint32Array(rows.length);
  let count = 0;
  let keyCount = 0;
  for (let at = 0; at < order.length && count < rows.length; at += 1) {
    const row = order[at]!;
    if (!hasBit(wanted, row)) continue;
    if (limit !== null && (count === 0 || !keys.equals(picked[count - 1]!, keys, row))) {
      if (keyCount === limit) break;
      keyCount += 1;
    }
    picked[count] = row;
    count += 1;
  }
  return picked.subarray(0, count);
}
