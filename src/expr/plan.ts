/**
 * How a filter is carried out: parts that the kernel runs, parts that are evaluated over columns, joined by `and` and `or`.
 *
 * Always true:
 *  - the parts together pass the rows that the whole filter passes: under `and` and `or` alone, TRUE needs no more than which rows are
 *    TRUE for the operands;
 *  - under `and` what is evaluated comes after what the kernel runs, and only for rows that are left; under `or` for rows not passed yet.
 */

import type { Filter, GeometryFilter } from "../model/filter.ts";
import { compileBox, compileCode, type FilterCode } from "./compile.ts";
import { type CompiledFilter, compileFilter } from "./evaluate.ts";
import { joined } from "./logic.ts";

export type FilterPart =
  /** `evaluate` says the same, for segments that cannot provide a place of the code's columns. */
  | { readonly kind: "code"; readonly code: FilterCode; readonly evaluate: () => CompiledFilter }
  | { readonly kind: "evaluate"; readonly evaluate: () => CompiledFilter }
  | { readonly kind: "and" | "or"; readonly parts: readonly FilterPart[] };

export interface FilterPlan {
  readonly filter: Filter;
  /** The whole filter over columns. */
  readonly evaluate: () => CompiledFilter;
  readonly part: FilterPart;
}

export function planFilter(filter: Filter): FilterPlan {
  return { filter, evaluate: once(() => compileFilter(filter)), part: partOf(filter) };
}

function partOf(filter: Filter): FilterPart {
  const code = compileCode(filter);
  const evaluate = once(() => compileFilter(filter));
  if (code !== null) return { kind: "code", code, evaluate };
  if (filter.kind === "geometry") return boxedPart(filter, "and", evaluate);
  if (filter.kind === "not" && filter.operand.kind === "geometry") return boxedPart(filter.operand, "or", evaluate);
  if (filter.kind !== "and" && filter.kind !== "or") return { kind: "evaluate", evaluate };
  const parts = filter.operands.map((operand) => ({ operand, part: partOf(operand) }));
  const kernels = parts.filter(({ part }) => part.kind === "code");
  const mixed = parts.filter(({ part }) => part.kind === "and" || part.kind === "or");
  const evaluated = parts.filter(({ part }) => part.kind === "evaluate");
  if (evaluated.length === parts.length) return { kind: "evaluate", evaluate };
  const together = [kernels, evaluated].map((some) =>
    joined(
      filter.kind,
      some.map(({ operand }) => operand),
    ),
  );
  const ordered: FilterPart[] = [];
  // Each of them compiles, but together they might be too large.
  if (kernels.length > 0) {
    const whole = partOfWhole(together[0]!);
    if (whole === null) ordered.push(...kernels.map(({ part }) => part));
    else ordered.push(whole);
  }
  ordered.push(...mixed.map(({ part }) => part));
  if (evaluated.length > 0) ordered.push({ kind: "evaluate", evaluate: once(() => compileFilter(together[1]!)) });
  return { kind: filter.kind, parts: ordered };
}

/**
 * A geometry's predicate is FALSE where boxes do not meet, which the kernel sees: only the other rows are evaluated. `or`: of the predicate's
 * negation, which is TRUE there.
 */
function boxedPart(filter: GeometryFilter, kind: "and" | "or", evaluate: () => CompiledFilter): FilterPart {
  const code = compileBox(filter, kind === "or");
  const evaluated: FilterPart = { kind: "evaluate", evaluate };
  return code === null ? evaluated : { kind, parts: [{ kind: "code", code, evaluate }, evaluated] };
}

function partOfWhole(filter: Filter): FilterPart | null {
  const code = compileCode(filter);
  return code === null ? null : { kind: "code", code, evaluate: once(() => compileFilter(filter)) };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
