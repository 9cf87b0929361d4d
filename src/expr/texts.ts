/**
 * Leaves over VarChar columns: UTF-8 bytes in their own order, never decoded.
 */

import type { Bitset } from "../model/bitset.ts";
import type { BytesColumn } from "../model/columns.ts";
import type {
  ColumnsFilter,
  CompareFilter,
  CompareOperator,
  InFilter,
  LikeFilter,
  RangeFilter,
  RegexFilter,
} from "../model/filter.ts";
import { bitsOf } from "./bits.ts";
import { holds } from "./constants.ts";
import { type BytesMatcher, compileLike } from "./like.ts";
import { compileRegex } from "./regex.ts";
import { knownRows, masked, type Operation, type Scan, textColumn } from "./scan.ts";
import { BytesSet, compareBytes, equalBytes } from "./sets.ts";

export function utf8(text: unknown): Uint8Array {
  return Buffer.from(String(text), "utf8");
}

/** A test of one text by its bytes, for columns and for strings inside documents. */
export function compareMatcher(operator: CompareOperator, value: Uint8Array): BytesMatcher {
  switch (operator) {
    case "==":
      return (bytes, start, end) => equalBytes(value, bytes, start, end);
    case "!=":
      return (bytes, start, end) => !equalBytes(value, bytes, start, end);
    default:
      return (bytes, start, end) => holds(operator, compareBytes(bytes, start, end, value));
  }
}

export function rangeMatcher(filter: RangeFilter): BytesMatcher {
  const lower = utf8(filter.lower);
  const upper = utf8(filter.upper);
  const [aboveLower, belowUpper] = [filter.lowerInclusive ? 0 : 1, filter.upperInclusive ? 0 : -1];
  return (bytes, start, end) =>
    compareBytes(bytes, start, end, lower) >= aboveLower && compareBytes(bytes, start, end, upper) <= belowUpper;
}

export function compileCompareText(filter: CompareFilter): Operation {
  return matching(filter.field.fieldId, compareMatcher(filter.operator, utf8(filter.value)));
}

export function compileRangeText(filter: RangeFilter): Operation {
  return matching(filter.field.fieldId, rangeMatcher(filter));
}

export function compileInText(filter: InFilter): Operation {
  const set = new BytesSet(filter.values.map(utf8));
  return matching(filter.field.fieldId, (bytes, start, end) => set.has(bytes, start, end));
}

export function compileLikeText(filter: LikeFilter): Operation {
  const { matches, infix } = compileLike(filter.pattern);
  if (infix === null) return matching(filter.field.fieldId, matches);
  return (scan) => {
    const column = textColumn(scan, filter.field.fieldId);
    return masked(searchAll(column, scan, infix), knownRows(column, scan));
  };
}

export function compileRegexText(filter: RegexFilter): Operation {
  return matching(filter.field.fieldId, compileRegex(filter.pattern));
}

function matching(fieldId: bigint, matches: BytesMatcher): Operation {
  return (scan) => {
    const column = textColumn(scan, fieldId);
    const { bytes, offsets } = column;
    const truth = bitsOf(scan.rowCount);
    for (let row = 0, at = scan.from; row < scan.rowCount; row += 1, at += 1) {
      truth[row >> 3]! |= +matches(bytes, offsets[at]!, offsets[at + 1]!) << (row & 7);
    }
    return masked(truth, knownRows(column, scan));
  };
}

/** One search over the bytes of all rows; a hit across the border of two rows does not count. */
function searchAll(column: BytesColumn, scan: Scan, literal: Uint8Array): Bitset {
  const truth = bitsOf(scan.rowCount);
  const { offsets, bytes } = column;
  const start = offsets[scan.from]!;
  const end = offsets[scan.from + scan.rowCount]!;
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  let row = 0;
  for (let hit = haystack.indexOf(literal); hit >= 0;) {
    while (offsets[scan.from + row + 1]! <= start + hit) row += 1;
    const rowEnd = offsets[scan.from + row + 1]! - start;
    const isInside = hit + literal.length <= rowEnd;
    if (isInside) truth[row >> 3]! |= 1 << (row & 7);
    hit = haystack.indexOf(literal, isInside ? rowEnd : hit + 1);
  }
  return truth;
}

export function compileColumnsOfTexts(filter: ColumnsFilter): Operation {
  const { operator } = filter;
  return (scan) => {
    const left = textColumn(scan, filter.left.fieldId);
    const right = textColumn(scan, filter.right.fieldId);
    const truth = bitsOf(scan.rowCount);
    for (let row = 0, at = scan.from; row < scan.rowCount; row += 1, at += 1) {
      const order = compareRows(left, right, at);
      truth[row >> 3]! |= +holds(operator, order) << (row & 7);
    }
    const known = knownRows(left, scan);
    const rightKnown = knownRows(right, scan);
    if (known !== null && rightKnown !== null) {
      for (let at = 0; at < known.length; at += 1) known[at]! &= rightKnown[at]!;
    }
    return masked(truth, known ?? rightKnown);
  };
}

function compareRows(left: BytesColumn, right: BytesColumn, row: number): number {
  const [leftStart, leftEnd] = [left.offsets[row]!, left.offsets[row + 1]!];
  const [rightStart, rightEnd] = [right.offsets[row]!, right.offsets[row + 1]!];
  const shared = Math.min(leftEnd - leftStart, rightEnd - rightStart);
  for (let at = 0; at < shared; at += 1) {
    const difference = left.bytes[leftStart + at]! - right.bytes[rightStart + at]!;
    if (difference !== 0) return difference;
  }
  return leftEnd - leftStart - (rightEnd - rightStart);
}
