/**
 * What indexes of single fields say about a filter: rows that may pass, found without looking at the column.
 *
 * Always true:
 *  - every row that passes the filter is among the rows of its match; of an exact match every row passes;
 *  - `and` needs one operand that an index knows, `or` needs all of them; what is left to be looked at is told as a filter.
 */

import { type Bitset, emptyBitset, intersectInto } from "../../model/bitset.ts";
import type { Filter, LeafFilter } from "../../model/filter.ts";

export interface Match {
  /** At most so many rows. */
  readonly count: number;
  readonly isExact: boolean;
  /** Puts the rows into the set. */
  addTo(bits: Bitset): void;
}

/** The index of one field, or of one place in its documents, of one sealed segment. */
export interface ScalarIndex {
  readonly indexType: string;
  readonly rowCount: number;
  readonly memoryBytes: number;
  /** Null: it knows nothing of such a filter. `isNegated`: the rows for which the filter is FALSE. */
  match(filter: LeafFilter, isNegated: boolean): Match | null;
}

/** The indexes that may know something of a leaf. */
export type IndexesOf = (filter: LeafFilter) => readonly ScalarIndex[];

export interface IndexedFilter {
  readonly match: Match;
  /** What the rows of the match still have to pass; null: nothing. */
  readonly rest: Filter | null;
  /** The types of the indexes that were asked, for people to read. */
  readonly indexTypes: readonly string[];
}

/** Of several conditions those whose rows are not more than so many times the fewest are looked up too. */
const WORTHWHILE = 8;

/** Null: no index helps. */
export function planIndexes(filter: Filter, indexesOf: IndexesOf): IndexedFilter | null {
  const operands = filter.kind === "and" ? filter.operands : [filter];
  const found = operands.map((operand) => ({ operand, known: matchOf(operand, indexesOf) }));
  const least = found.reduce((count, { known }) => Math.min(count, known?.match.count ?? Infinity), Infinity);
  if (least === Infinity) return null;
  const used = found.flatMap(({ known }) => (known !== null && known.match.count <= least * WORTHWHILE ? [known] : []));
  const rest = found
    .filter(({ known }) => known === null || !known.match.isExact || !used.includes(known))
    .map(({ operand }) => operand);
  return {
    match: used.length === 1 ? used[0]!.match : allOf(used.map(({ match }) => match)),
    rest: rest.length === 0 ? null : rest.length === 1 ? rest[0]! : { kind: "and", operands: rest },
    indexTypes: [...new Set(used.flatMap(({ indexTypes }) => indexTypes))],
  };
}

interface Known {
  readonly match: Match;
  readonly indexTypes: readonly string[];
}

function matchOf(filter: Filter, indexesOf: IndexesOf): Known | null {
  switch (filter.kind) {
    case "constant":
      return null;
    case "and": {
      const planned = planIndexes(filter, indexesOf);
      if (planned === null) return null;
      const { match, rest, indexTypes } = planned;
      return {
        match: { ...match, isExact: match.isExact && rest === null, addTo: (bits) => match.addTo(bits) },
        indexTypes,
      };
    }
    case "or": {
      const parts = filter.operands.map((operand) => matchOf(operand, indexesOf));
      if (!parts.every((part) => part !== null)) return null;
      return {
        match: anyOf(parts.map(({ match }) => match)),
        indexTypes: parts.flatMap(({ indexTypes }) => indexTypes),
      };
    }
    case "not": {
      const { operand } = filter;
      if (operand.kind === "and" || operand.kind === "or" || operand.kind === "not" || operand.kind === "constant")
        return null;
      return leafMatch(operand, true, indexesOf);
    }
    default:
      return leafMatch(filter, false, indexesOf);
  }
}

/** The one that leaves the fewest rows. */
function leafMatch(filter: LeafFilter, isNegated: boolean, indexesOf: IndexesOf): Known | null {
  let best: Known | null = null;
  for (const index of indexesOf(filter)) {
    const match = index.match(filter, isNegated);
    if (match !== null && (best === null || match.count < best.match.count)) {
      best = { match, indexTypes: [index.indexType] };
    }
  }
  return best;
}

export function anyOf(parts: readonly Match[]): Match {
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    isExact: parts.every(({ isExact }) => isExact),
    addTo: (bits) => {
      for (const part of parts) part.addTo(bits);
    },
  };
}

export function allOf(parts: readonly Match[]): Match {
  return {
    count: parts.reduce((least, { count }) => Math.min(least, count), Infinity),
    isExact: parts.every(({ isExact }) => isExact),
    addTo: (bits) => {
      const all = emptyBitset(bits.length * 8);
      parts[0]!.addTo(all);
      for (const part of parts.slice(1)) {
        const one = emptyBitset(bits.length * 8);
        part.addTo(one);
        intersectInto(all, one);
      }
      for (let at = 0; at < bits.length; at += 1) bits[at]! |= all[at]!;
    },
  };
}

/** The rows as a set of its own. */
export function rowsOfMatch(match: Match, rowCount: number): Bitset {
  const bits = emptyBitset(rowCount);
  match.addTo(bits);
  return bits;
}
