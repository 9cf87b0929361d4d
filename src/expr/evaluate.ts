/**
 * Evaluates a filter over columns.
 *
 * Always true:
 *  - a filter is analysed once (`compileFilter`) and then run on any number of segments; a compiled filter is not shared between
 *    threads, because it owns scratch memory;
 *  - rows are taken in stretches that fit the cache; in each, the cheap operands of `and` and `or` come first, and documents are
 *    read only in rows that are not decided yet;
 *  - the answer has a bit for the rows that are TRUE; FALSE and UNKNOWN rows have none.
 *
 * Not here: visibility, indexes. `oracle.ts` is the obvious twin that the tests compare with.
 */

import { assert } from "../base/assert.ts";
import { type Bitset, bitsetBytes, intersectInto } from "../model/bitset.ts";
import type { Filter, LeafFilter, PlaceFilter } from "../model/filter.ts";
import { DataType } from "../model/types.ts";
import { compileContainsArray, compileLength, compileMatch, overElement } from "./arrays.ts";
import { andVerdicts, bitsOf, notVerdict, orVerdicts, trim, type Verdict } from "./bits.ts";
import { leafCost } from "./cost.ts";
import {
  compileArithmeticPlace,
  compileComparePlace,
  compileContainsPlace,
  compileExistsPlace,
  compileInPlace,
  compileLengthPlace,
  compileLikePlace,
  compileNullPlace,
  compileRangePlace,
  compileRegexPlace,
} from "./documents.ts";
import {
  compileArithmetic,
  compileColumnsOfNumbers,
  compileCompareNumbers,
  compileInNumbers,
  compileRangeNumbers,
} from "./numbers.ts";
import { compileGeometry } from "./geometry/leaf.ts";
import { PlaceReader } from "./places.ts";
import { compileSample } from "./sample.ts";
import { compileInterval } from "./times.ts";
import { type ColumnSource, knownRows, type Operation, type Scan, STRETCH_ROWS } from "./scan.ts";
import {
  compileColumnsOfTexts,
  compileCompareText,
  compileInText,
  compileLikeText,
  compileRangeText,
  compileRegexText,
} from "./texts.ts";

/** The rows in [fromRow, rowCount) that pass and are wanted (null: all of them are); earlier rows have no bit. */
export type CompiledFilter = (
  source: ColumnSource,
  rowCount: number,
  fromRow?: number,
  wanted?: Bitset | null,
) => Bitset;

export function evaluateFilter(filter: Filter, source: ColumnSource, rowCount: number): Bitset {
  return compileFilter(filter)(source, rowCount);
}

export function compileFilter(filter: Filter): CompiledFilter {
  const operation = new Compiler().compile(filter);
  return (source, rowCount, fromRow = 0, wanted = null) => {
    assert(fromRow >= 0 && fromRow <= rowCount, "the rows asked for are rows of the source");
    const result = new Uint8Array(bitsetBytes(rowCount));
    for (let from = fromRow - (fromRow % 64); from < rowCount; from += STRETCH_ROWS) {
      const stretchRows = Math.min(STRETCH_ROWS, rowCount - from);
      const stretch = wanted?.subarray(from / 8, from / 8 + bitsetBytes(stretchRows)) ?? null;
      if (stretch?.every((byte) => byte === 0) === true) continue;
      const scan = { source, from, rowCount: stretchRows, wanted: stretch, documents: new Map() };
      const { truth } = operation(scan);
      result.set(truth, from / 8);
      if (stretch !== null) intersectInto(result.subarray(from / 8, from / 8 + truth.length), stretch);
    }
    for (let row = fromRow - (fromRow % 64); row < fromRow; row += 1) result[row >> 3]! &= ~(1 << (row & 7));
    return result;
  };
}

class Compiler {
  readonly #places = new Map<bigint, PlaceReader>();
  readonly #costs = new Map<Filter, number>();

  compile(filter: Filter): Operation {
    switch (filter.kind) {
      case "constant":
        return (scan) => constantVerdict(filter.value, scan);
      case "not": {
        const operand = this.compile(filter.operand);
        return (scan) => notVerdict(operand(scan), scan.rowCount);
      }
      case "and":
      case "or": {
        const operands = filter.operands.toSorted((left, right) => this.#cost(left) - this.#cost(right));
        return joint(
          filter.kind,
          operands.map((operand) => this.compile(operand)),
        );
      }
      default:
        return this.#leaf(filter);
    }
  }

  #cost(filter: Filter): number {
    let cost = this.#costs.get(filter);
    if (cost !== undefined) return cost;
    if (filter.kind === "constant") cost = 0;
    else if (filter.kind === "not") cost = this.#cost(filter.operand);
    else if (filter.kind === "and" || filter.kind === "or") {
      cost = filter.operands.reduce((sum, operand) => sum + this.#cost(operand), 0);
    } else cost = leafCost(filter);
    this.#costs.set(filter, cost);
    return cost;
  }

  #leaf(filter: LeafFilter): Operation {
    if (filter.kind === "columns") {
      return filter.left.dataType === DataType.VarChar
        ? compileColumnsOfTexts(filter)
        : compileColumnsOfNumbers(filter);
    }
    if (filter.kind === "sample") return compileSample(filter);
    // Its fields are others than those of rows, even where their ids are the same.
    if (filter.kind === "match") return compileMatch(filter, new Compiler().compile(filter.inner));
    const { fieldId, dataType, path } = filter.field;
    if (filter.kind === "null" && path.length === 0) return nullRows(fieldId);
    if (dataType === DataType.JSON) return this.#placeLeaf(filter);
    if (path.length > 0) {
      const element = { ...filter, field: { fieldId, dataType, path: [] } };
      return overElement(fieldId, Number(path[0]), this.#scalarLeaf(element));
    }
    if (filter.kind === "length") return compileLength(filter);
    if (filter.kind === "interval") return compileInterval(filter);
    if (filter.kind === "geometry") return compileGeometry(filter);
    if (filter.kind === "contains") {
      return compileContainsArray(filter, (inner) => this.#scalarLeaf(inner));
    }
    return this.#scalarLeaf(filter);
  }

  #scalarLeaf(filter: PlaceFilter): Operation {
    const { dataType } = filter.field;
    const isText = dataType === DataType.VarChar || dataType === DataType.String;
    switch (filter.kind) {
      case "compare":
        return isText ? compileCompareText(filter) : compileCompareNumbers(filter);
      case "range":
        return isText ? compileRangeText(filter) : compileRangeNumbers(filter);
      case "in":
        return isText ? compileInText(filter) : compileInNumbers(filter);
      case "arithmetic":
        return compileArithmetic(filter);
      case "like":
        return compileLikeText(filter);
      case "regex":
        return compileRegexText(filter);
      default:
        assert(false, `a filter of kind ${filter.kind} reads a JSON field`);
    }
  }

  #placeLeaf(filter: PlaceFilter): Operation {
    const { fieldId } = filter.field;
    let places = this.#places.get(fieldId);
    if (places === undefined) this.#places.set(fieldId, (places = new PlaceReader(fieldId)));
    switch (filter.kind) {
      case "compare":
        return compileComparePlace(filter, places);
      case "range":
        return compileRangePlace(filter, places);
      case "in":
        return compileInPlace(filter, places);
      case "arithmetic":
        return compileArithmeticPlace(filter, places);
      case "like":
        return compileLikePlace(filter, places);
      case "regex":
        return compileRegexPlace(filter, places);
      case "exists":
        return compileExistsPlace(filter, places);
      case "null":
        return compileNullPlace(filter, places);
      case "contains":
        return compileContainsPlace(filter, places);
      case "length":
        return compileLengthPlace(filter, places);
      case "interval":
      case "geometry":
        assert(false, "no document holds times or geometries");
    }
  }
}

/** Whole fields, of any type. */
function nullRows(fieldId: bigint): Operation {
  return (scan) => {
    const known = knownRows(scan.source.column(fieldId), scan);
    if (known === null) return constantVerdict(false, scan);
    return notVerdict({ truth: known, known: null }, scan.rowCount);
  };
}

function joint(kind: "and" | "or", operands: readonly Operation[]): Operation {
  return (scan) => {
    let verdict = operands[0]!(scan);
    for (let at = 1; at < operands.length; at += 1) {
      const wanted = undecidedRows(kind, verdict, scan);
      if (wanted === null) break;
      const next = operands[at]!({ ...scan, wanted });
      verdict = kind === "and" ? andVerdicts(verdict, next) : orVerdicts(verdict, next);
    }
    return verdict;
  };
}

/** The wanted rows that are not FALSE under `and`, not TRUE under `or`; null when there are none. */
function undecidedRows(kind: "and" | "or", verdict: Verdict, scan: Scan): Bitset | null {
  const { truth, known } = verdict;
  const rows = bitsOf(scan.rowCount);
  for (let at = 0; at < rows.length; at += 1) {
    const decided = kind === "or" ? truth[at]! : (known === null ? 0xff : known[at]!) & ~truth[at]!;
    rows[at] = ~decided & (scan.wanted === null ? 0xff : scan.wanted[at]!);
  }
  trim(rows, scan.rowCount);
  return rows.every((byte) => byte === 0) ? null : rows;
}

function constantVerdict(value: boolean, scan: Scan): Verdict {
  const truth = bitsOf(scan.rowCount);
  if (value) {
    truth.fill(0xff);
    trim(truth, scan.rowCount);
  }
  return { truth, known: null };
}
