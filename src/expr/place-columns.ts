/**
 * Places of documents as columns: what stands at a path, row by row, in arrays that the kernel's filters run over.
 *
 * Always true: a column says of each row what `places.ts` reads there: class, number, and where a text lies in the documents' bytes.
 *
 * This is the slow reader, and the oracle of the kernel's; not here: which places are kept (segment).
 */

import { PlaceClass, type PlaceColumn } from "../kernel/filter-kernel.ts";
import type { BytesColumn } from "../model/columns.ts";
import { wideInteger } from "./json.ts";
import { PlaceReader, type PlaceValues } from "./places.ts";
import { STRETCH_ROWS } from "./scan.ts";

const DOUBLES = new Float64Array(1);
const WORDS = new BigInt64Array(DOUBLES.buffer);

/** One column a path, over the rows [0, rowCount); rows before `from` are left empty. */
export function readPlaces(
  column: BytesColumn,
  paths: readonly (readonly string[])[],
  from: number,
  rowCount: number,
): PlaceColumn[] {
  const reader = new PlaceReader(0n);
  const numbers = paths.map((path) => reader.add(path));
  const columns = paths.map(() => ({ classes: new Uint8Array(rowCount), words: new BigInt64Array(rowCount) }));
  const source = { column: () => column };
  for (let start = from - (from % 64); start < rowCount; start += STRETCH_ROWS) {
    const stretchRows = Math.min(STRETCH_ROWS, rowCount - start);
    const values = reader.read({ source, from: start, rowCount: stretchRows, wanted: null, documents: new Map() });
    for (let number = 0; number < paths.length; number += 1) {
      const { classes, words } = columns[number]!;
      const place = values[numbers[number]!]!;
      for (let row = 0; row < stretchRows; row += 1) {
        classes[start + row] = place.classes[row]!;
        words[start + row] = wordOf(column.bytes, place, row);
      }
    }
  }
  return columns.map(({ classes, words }) => ({
    kind: "place",
    classes,
    words,
    bytes: column.bytes,
    valid: column.valid,
  }));
}

function wordOf(bytes: Uint8Array, place: PlaceValues, row: number): bigint {
  const start = place.starts[row]!;
  const end = place.ends[row]!;
  switch (place.classes[row] as PlaceClass) {
    case PlaceClass.Integer:
      return BigInt(place.numbers[row]!);
    case PlaceClass.Wide:
      return wideInteger(bytes, start, end);
    case PlaceClass.Double:
      DOUBLES[0] = place.numbers[row]!;
      return WORDS[0]!;
    case PlaceClass.Text:
    case PlaceClass.EscapedText:
    case PlaceClass.Array:
      return BigInt.asIntN(64, BigInt(start) | (BigInt(end) << 32n));
    default:
      return 0n;
  }
}
