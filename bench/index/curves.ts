/** Searches a second against recall: measured width by width in rounds of all subjects, and read off at a recall. */

import { median } from "../measure.ts";
import { K } from "./data.ts";

const ROUNDS = 3;
/** From the least that serves, that of the hits wanted. */
const WIDTHS = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
/** A curve ends where this is reached. */
const ENOUGH = 0.995;

export interface Answer {
  readonly recall: number;
  readonly perSecond: number;
}

/** One of those that are compared. */
export interface Subject {
  readonly name: string;
  search(ef: number): Promise<Answer>;
}

export interface Point extends Answer {
  readonly width: number;
}

/** Rounds of all subjects alternate, width by width. A subject that has found enough takes no wider searches. */
export async function curvesOf(subjects: readonly Subject[]): Promise<ReadonlyMap<string, readonly Point[]>> {
  const measured = new Map(subjects.map(({ name }) => [name, new Map<number, Answer[]>()]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [place, width] of WIDTHS.entries()) {
      for (const { name, search } of subjects) {
        const own = measured.get(name)!;
        const narrower = own.get(WIDTHS[place - 1]!)?.[0];
        if (place > 0 && (narrower?.recall ?? 1) >= ENOUGH) continue;
        // Not measured: what the subject before has left in the caches is nobody's. Narrow searches of some milliseconds would pay most for it.
        await search(width);
        own.set(width, [...(own.get(width) ?? []), await search(width)]);
      }
    }
  }
  const point = ([width, answers]: [number, Answer[]]): Point => ({
    width,
    recall: answers[0]!.recall,
    perSecond: median(answers.map(({ perSecond }) => perSecond)),
  });
  return new Map([...measured].map(([name, own]) => [name, [...own].map(point)]));
}

/** Between the two measured points around the recall, on a logarithmic scale of rates; null where it was not reached. */
export function rateAt(curve: readonly Point[], recall: number): number | null {
  const after = curve.findIndex((point) => point.recall >= recall);
  if (after < 0) return null;
  const [high, low] = [curve[after]!, curve[after - 1]];
  if (low === undefined) return high.perSecond;
  const part = (recall - low.recall) / (high.recall - low.recall);
  return Math.exp(Math.log(low.perSecond) * (1 - part) + Math.log(high.perSecond) * part);
}

/** Of the K nearest of each query. */
export function recallOf(rows: Uint32Array, truth: Uint32Array): number {
  let found = 0;
  for (let first = 0; first < truth.length; first += K) {
    const wanted = new Set(truth.subarray(first, first + K));
    for (const row of rows.subarray(first, first + K)) if (wanted.has(row)) found += 1;
  }
  return found / truth.length;
}
