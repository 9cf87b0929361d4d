/**
 * LIKE patterns over UTF-8 bytes: `%` any run, `_` one character, `\` takes the next character literally.
 *
 * Always true: the whole value must match; the text is never decoded, because in UTF-8 a literal matches only where a character
 * begins, and `_` steps over one character by its continuation bytes.
 *
 *   pattern   a%b_c%      runs   [a] [b _ c] []      the first is anchored in front, the last at the end, the others are
 *                                                    searched from left to right, each at its first place
 */

export type BytesMatcher = (bytes: Uint8Array, start: number, end: number) => boolean;

export interface LikePattern {
  readonly matches: BytesMatcher;
  /** The literal of `%literal%`, which can be searched in many rows at once; null for every other pattern. */
  readonly infix: Uint8Array | null;
}

/** A unit of a run: a byte, or one whole character. */
const ANY_CHARACTER = -1;
type Run = Int16Array;

export function compileLike(pattern: string): LikePattern {
  const runs = runsOf(pattern);
  const first = runs[0]!;
  const last = runs[runs.length - 1]!;
  const middle = runs.slice(1, -1).filter((run) => run.length > 0);
  if (runs.length === 1) {
    return { infix: null, matches: (bytes, start, end) => matchForward(first, bytes, start, end) === end };
  }
  const searches = middle.map((run) => ({ run, literal: literalOf(run) }));
  const matches: BytesMatcher = (bytes, start, end) => {
    let at = matchForward(first, bytes, start, end);
    if (at < 0) return false;
    const limit = matchBackward(last, bytes, at, end);
    if (limit < 0) return false;
    for (const { run, literal } of searches) {
      at = literal === null ? searchRun(run, bytes, at, limit) : searchLiteral(literal, bytes, at, limit);
      if (at < 0) return false;
    }
    return true;
  };
  const isInfix = first.length === 0 && last.length === 0 && searches.length === 1;
  return { matches, infix: isInfix ? searches[0]!.literal : null };
}

/** The pattern that only `text` matches. */
export function escapePattern(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}

function runsOf(pattern: string): Run[] {
  const runs: Run[] = [];
  let units: number[] = [];
  let literal = "";
  const flush = (): void => {
    for (const byte of Buffer.from(literal, "utf8")) units.push(byte);
    literal = "";
  };
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    if (character === "\\" && at + 1 < pattern.length) {
      at += 1;
      literal += pattern[at]!;
    } else if (character === "%") {
      flush();
      runs.push(Int16Array.from(units));
      units = [];
    } else if (character === "_") {
      flush();
      units.push(ANY_CHARACTER);
    } else literal += character;
  }
  flush();
  runs.push(Int16Array.from(units));
  return runs;
}

function literalOf(run: Run): Uint8Array | null {
  return run.includes(ANY_CHARACTER) ? null : Uint8Array.from(run);
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Where the run ends that begins at `at`, or -1. */
function matchForward(run: Run, bytes: Uint8Array, at: number, end: number): number {
  for (let unit = 0; unit < run.length; unit += 1) {
    if (at >= end) return -1;
    const wanted = run[unit]!;
    if (wanted === ANY_CHARACTER) {
      at += 1;
      while (at < end && isContinuation(bytes[at]!)) at += 1;
    } else if (bytes[at++] !== wanted) return -1;
  }
  return at;
}

/** Where the run begins that ends at `end`, or -1. */
function matchBackward(run: Run, bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  for (let unit = run.length - 1; unit >= 0; unit -= 1) {
    if (at <= start) return -1;
    at -= 1;
    const wanted = run[unit]!;
    if (wanted === ANY_CHARACTER) while (at > start && isContinuation(bytes[at]!)) at -= 1;
    else if (bytes[at] !== wanted) return -1;
  }
  return at;
}

function searchRun(run: Run, bytes: Uint8Array, start: number, limit: number): number {
  for (let at = start; at + run.length <= limit; at += 1) {
    if (isContinuation(bytes[at]!)) continue;
    const end = matchForward(run, bytes, at, limit);
    if (end >= 0) return end;
  }
  return -1;
}

const LONG_LITERAL_BYTES = 16;

function searchLiteral(literal: Uint8Array, bytes: Uint8Array, start: number, limit: number): number {
  if (literal.length >= LONG_LITERAL_BYTES) {
    // The search of the runtime does not become quadratic on repetitive text.
    const at = Buffer.from(bytes.buffer, bytes.byteOffset + start, limit - start).indexOf(literal);
    return at < 0 ? -1 : start + at + literal.length;
  }
  const last = limit - literal.length;
  for (let at = start; at <= last; at += 1) {
    let unit = 0;
    while (unit < literal.length && bytes[at + unit] === literal[unit]) unit += 1;
    if (unit === literal.length) return at + unit;
  }
  return -1;
}
