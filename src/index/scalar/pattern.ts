/** What a LIKE pattern says of every text that it matches: `%` any run, `_` one character, `\` takes the next character literally. */

export interface PatternPrefix {
  /** Every match begins with it. */
  readonly prefix: string;
  /** What may follow: nothing, anything at all, or what only a look at the text can tell. */
  readonly rest: "nothing" | "anything" | "something";
}

export function literalPrefix(pattern: string): PatternPrefix {
  let prefix = "";
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    if (character === "%" || character === "_") {
      return { prefix, rest: /^%+$/.test(pattern.slice(at)) ? "anything" : "something" };
    }
    if (character === "\\" && at + 1 < pattern.length) at += 1;
    prefix += pattern[at]!;
  }
  return { prefix, rest: "nothing" };
}

/** The literal texts that every match contains, in order; none that is empty. */
export function literalParts(pattern: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    if (character === "%" || character === "_") {
      parts.push(part);
      part = "";
      continue;
    }
    if (character === "\\" && at + 1 < pattern.length) at += 1;
    part += pattern[at]!;
  }
  parts.push(part);
  return parts.filter((text) => text !== "");
}
