/** Searches against brute force over the rows that must be there. */

import { isDistance } from "../../src/model/types.ts";
import { type FoundRow, type Row, WrongAnswer } from "./oracle.ts";
import type { SimulatedVectors } from "./vector-fields.ts";

/** `certain` are the rows that must be there; others may be. @throws WrongAnswer */
export function checkNearest(
  certain: Iterable<Row>,
  vectors: SimulatedVectors,
  point: readonly number[],
  k: number,
  scores: ArrayLike<number>,
  found: readonly FoundRow[],
): void {
  const score = (row: Row): number | null => vectors.score(point, row.value);
  const sign = isDistance(vectors.metric) ? 1 : -1;
  const before = (left: Row, right: Row): boolean => {
    const difference = sign * (score(left)! - score(right)!);
    return difference === 0 ? left.key < right.key : difference < 0;
  };
  for (const [at, row] of found.entries()) {
    if (scores[at] !== score(row)) throw new WrongAnswer(`key ${row.key} scored ${scores[at]}`);
    if (at > 0 && !before(found[at - 1]!, row)) throw new WrongAnswer(`hit ${at} is not after the one before it`);
  }
  const keys = new Set(found.map(({ key }) => key));
  const last = found.at(-1);
  for (const row of certain) {
    if (keys.has(row.key) || score(row) === null) continue;
    if (found.length < k || last === undefined || before(row, last)) {
      throw new WrongAnswer(`key ${row.key} is among the ${k} nearest, but was not found`);
    }
  }
}
