/**
 * Which paths of a JSON column are common: those at which enough documents of a sample have a number, a text or a boolean.
 *
 * Always true: the sample is spread over all rows and bounded in rows and bytes; the same column gives the same paths.
 */

import { type BytesColumn, columnRows, textAt } from "../model/columns.ts";

const SAMPLE_ROWS = 500;
const SAMPLE_BYTES = 1 << 20;
const MAX_DEPTH = 4;
const MAX_PATHS_SEEN = 2_000;

export interface PathChoice {
  /** Of the sampled documents. */
  readonly leastShare: number;
  /** Paths at which arrays stand count too. */
  readonly withArrays: boolean;
}

const COMMON: PathChoice = { leastShare: 0.3, withArrays: false };

/** The most common first, at most `limit`. */
export function commonPaths(documents: BytesColumn, limit: number, choice = COMMON): string[][] {
  const rowCount = columnRows(documents);
  const counts = new Map<string, number>();
  let sampled = 0;
  let bytes = 0;
  for (let number = 0; number < Math.min(rowCount, SAMPLE_ROWS) && bytes < SAMPLE_BYTES; number += 1) {
    // Not every so-and-so-manieth: documents may have a rhythm.
    const row = rowCount <= SAMPLE_ROWS ? number : (Math.imul(number, 0x9e3779b1) >>> 0) % rowCount;
    if (documents.valid !== null && documents.valid[row] === 0) continue;
    bytes += documents.offsets[row + 1]! - documents.offsets[row]!;
    sampled += 1;
    try {
      countPaths(JSON.parse(textAt(documents, row)), [], counts, choice.withArrays);
    } catch {
      // A damaged document has no paths.
    }
  }
  return [...counts]
    .filter(([, count]) => count >= sampled * choice.leastShare)
    .toSorted(([leftName, left], [rightName, right]) => right - left || (leftName < rightName ? -1 : 1))
    .slice(0, limit)
    .map(([name]) => JSON.parse(name) as string[]);
}

/** Elements of arrays are asked for by `json_contains`, which wants the whole. */
function countPaths(value: unknown, path: readonly string[], counts: Map<string, number>, withArrays: boolean): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    if (value === null || path.length === 0 || (Array.isArray(value) && !withArrays)) return;
    const name = JSON.stringify(path);
    const count = counts.get(name);
    if (count !== undefined) counts.set(name, count + 1);
    else if (counts.size < MAX_PATHS_SEEN) counts.set(name, 1);
    return;
  }
  if (path.length === MAX_DEPTH) return;
  for (const [key, inner] of Object.entries(value)) countPaths(inner, [...path, key], counts, withArrays);
}
