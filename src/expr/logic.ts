/**
 * Conjunction, disjunction and negation of filters, with constants folded away.
 *
 * Always true: folding agrees with three-valued logic (`false and UNKNOWN` is false, `true and UNKNOWN` is UNKNOWN).
 */

import type { Filter } from "../model/filter.ts";

export function joined(kind: "and" | "or", operands: readonly Filter[]): Filter {
  // The constant that decides everything, and which the other constant leaves undecided.
  const deciding = kind === "or";
  const kept: Filter[] = [];
  for (const operand of operands) {
    if (operand.kind === "constant") {
      if (operand.value === deciding) return operand;
    } else if (operand.kind === kind) for (const inner of operand.operands) kept.push(inner);
    else kept.push(operand);
  }
  if (kept.length === 0) return { kind: "constant", value: !deciding };
  return kept.length === 1 ? kept[0]! : { kind, operands: kept };
}

export function negation(filter: Filter): Filter {
  if (filter.kind === "constant") return { kind: "constant", value: !filter.value };
  return filter.kind === "not" ? filter.operand : { kind: "not", operand: filter };
}
