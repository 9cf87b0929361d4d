/** Regular expressions that mean the same in RE2's syntax and in JavaScript's. */

import type { Random } from "./random.ts";

export function randomPattern(random: Random, depth: number): string {
  const atoms = ["a", "b", "c", ".", "[ab]", "[^a]", "\\d", "\\w", "\\b", "^", "$", "é", "😀", "[a-c😀]", "1"];
  const kind = depth === 0 ? 0 : random.below(6);
  const inner = (): string => randomPattern(random, depth - 1);
  if (kind < 2) return random.pick(atoms);
  if (kind === 2) return inner() + inner();
  if (kind === 3) return `(?:${inner()}|${inner()})`;
  // An assertion repeated is an error in one of the two languages.
  const part = `(?:${inner()})`;
  return `${part}${random.pick(["*", "+", "?", "{2}", "{1,3}", "*?", "{0,2}"])}`;
}
