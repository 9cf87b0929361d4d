/**
 * Assertions that stay on in production: they guard invariants, not input.
 *
 * A failed assertion is a bug of ours and nothing else; bad input is a `MilvusError` from `errors.ts`.
 */

export class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new AssertionFailure(`invariant violated: ${invariant}`);
}

/** For values that the types allow to be absent and the invariants do not. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new AssertionFailure(`invariant violated: ${what} is missing`);
  return value;
}

/** The default branch of a switch that names every case. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`invariant violated: unexpected value ${String(value)}`);
}
