/**
 * Times in filters: `ts > ISO '2025-01-01T00:00:00Z'`, `ts + INTERVAL 'P1DT2H' > ISO '…'`, their typing and their leaf.
 *
 * Always true: what a day or less moves is folded into the constant; only calendar months are added row by row.
 */

import { COMPARISONS, Op } from "../kernel/filter-kernel.ts";
import type { CompareOperator, IntervalFilter } from "../model/filter.ts";
import { addMonths, parseDuration, parseTimestamptz } from "../model/timestamptz.ts";
import { DataType } from "../model/types.ts";
import { bitsOf } from "./bits.ts";
import type { CodeWriter } from "./code-writer.ts";
import { holds, mirrored } from "./constants.ts";
import { FilterError } from "./failure.ts";
import { fixedColumn, knownRows, masked, type Operation } from "./scan.ts";
import type { Typed } from "./typed.ts";

const DAY_MICROSECONDS = 86_400_000_000n;

export function timeConstant(text: string, zone: string): Typed {
  const value = parseTimestamptz(text, zone);
  if (value === null) throw new FilterError(`can not convert compare string: ${text}`);
  return { kind: "time", value };
}

export function intervalConstant(text: string): Typed {
  const duration = parseDuration(text);
  if (duration === null) throw new FilterError(`invalid ISO 8601 duration: ${text}`);
  return { kind: "interval", ...duration };
}

export function isTimed({ kind }: Typed): boolean {
  return kind === "time" || kind === "interval" || kind === "shifted";
}

/** `name`: how a message calls the operand. */
export function shifted(operator: string, left: Typed, right: Typed, name: string): Typed {
  if (left.kind !== "field" || right.kind !== "interval" || (operator !== "+" && operator !== "-")) {
    throw new FilterError("an interval can only be added to or subtracted from a timestamptz field");
  }
  requireTimes(left, name);
  const sign = operator === "+" ? 1 : -1;
  const microseconds = right.microseconds * BigInt(sign);
  return { kind: "shifted", field: left.field, months: right.months * sign, microseconds };
}

export function compareTimes(
  operator: CompareOperator,
  left: Typed,
  right: Typed,
  names: () => readonly [string, string],
): Typed {
  if (left.kind === "time" && right.kind !== "time") {
    const [leftName, rightName] = names();
    return compareTimes(mirrored(operator), right, left, () => [rightName, leftName]);
  }
  if (right.kind !== "time") {
    throw new FilterError(
      `comparison operations cannot be applied to two incompatible operands: ${names().join(operator)}`,
    );
  }
  requireTimes(left, names()[0]);
  if (left.kind === "field") {
    return { kind: "filter", filter: { kind: "compare", field: left.field, operator, value: right.value } };
  }
  const { field, months, microseconds } = left as Typed & { readonly kind: "shifted" };
  const value = right.value - microseconds;
  if (months === 0 && BigInt.asIntN(64, value) === value) {
    return { kind: "filter", filter: { kind: "compare", field, operator, value } };
  }
  return { kind: "filter", filter: { kind: "interval", field, months, microseconds, operator, value: right.value } };
}

export function requireTimes(operand: Typed, name: string): void {
  const isTime =
    (operand.kind === "field" || operand.kind === "shifted") && operand.field.dataType === DataType.Timestamptz;
  if (!isTime) throw new FilterError(`field '${name}' is not a timestamptz datatype`);
}

export function compileInterval({ field, months, microseconds, operator, value }: IntervalFilter): Operation {
  return (scan) => {
    const column = fixedColumn(scan, field.fieldId);
    const values = column.values as BigInt64Array;
    const truth = bitsOf(scan.rowCount);
    for (let row = 0; row < scan.rowCount; row += 1) {
      const moved = addMonths(values[scan.from + row]!, months) + microseconds;
      truth[row >> 3]! |= +holds(operator, moved < value ? -1 : +(moved > value)) << (row & 7);
    }
    return masked(truth, knownRows(column, scan));
  };
}

/** The months are added to the column, everything else is taken from the constant. */
export function compileIntervalLeaf(writer: CodeWriter, filter: IntervalFilter): true {
  const border = filter.value - filter.microseconds;
  const microseconds = ((border % DAY_MICROSECONDS) + DAY_MICROSECONDS) % DAY_MICROSECONDS;
  const place = writer.integers([(border - microseconds) / DAY_MICROSECONDS, microseconds]);
  const comparison = COMPARISONS.indexOf(filter.operator);
  return writer.node(Op.Months, [writer.column(filter.field), comparison, filter.months >>> 0, place]);
}
