/** Where in one list of keys the keys of another are. */

import type { KeyReader } from "../segment/key-reader.ts";
import { KeyIndex } from "./key-index.ts";

/** For each wanted key its row among the found ones, which are all different; the number of them when it is not there. */
export function rowsOfKeys(found: KeyReader, wanted: KeyReader): Uint32Array {
  const index = new KeyIndex([found, wanted], found.rowCount + wanted.rowCount);
  for (let row = 0; row < found.rowCount; row += 1) index.placeOf(0, row);
  return Uint32Array.from({ length: wanted.rowCount }, (_, at) => Math.min(index.placeOf(1, at), found.rowCount));
}
