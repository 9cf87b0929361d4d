/**
 * Sets of code points, as regular expressions have them.
 *
 *   ranges   low, high, low, high, …     both ends are in the set
 *
 * Always true: ranges ascend, and between two of them is a point that is in neither.
 */

const LAST_POINT = 0x10ffff;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

export class CharacterSet {
  readonly ranges: Int32Array;
  readonly #ascii = new Uint8Array(128);

  private constructor(ranges: Int32Array) {
    this.ranges = ranges;
    for (let at = 0; at < ranges.length; at += 2) {
      for (let point = ranges[at]!; point <= ranges[at + 1]! && point < 128; point += 1) this.#ascii[point] = 1;
    }
  }

  /** In any order; they may overlap. */
  static of(...ranges: readonly (readonly [low: number, high: number])[]): CharacterSet {
    const joined: number[] = [];
    for (const [low, high] of ranges.toSorted((left, right) => left[0] - right[0])) {
      if (joined.length > 0 && low <= joined.at(-1)! + 1) joined[joined.length - 1] = Math.max(joined.at(-1)!, high);
      else joined.push(low, high);
    }
    return new CharacterSet(Int32Array.from(joined));
  }

  static union(sets: readonly CharacterSet[]): CharacterSet {
    return sets.length === 1 ? sets[0]! : CharacterSet.of(...sets.flatMap((set) => [...set.pairs()]));
  }

  *pairs(): Iterable<[low: number, high: number]> {
    for (let at = 0; at < this.ranges.length; at += 2) yield [this.ranges[at]!, this.ranges[at + 1]!];
  }

  negated(): CharacterSet {
    const others: [number, number][] = [];
    let next = 0;
    for (const [low, high] of this.pairs()) {
      if (low > next) others.push([next, low - 1]);
      next = high + 1;
    }
    if (next <= LAST_POINT) others.push([next, LAST_POINT]);
    return CharacterSet.of(...others);
  }

  /** Either spelling of a letter, where both are one character. */
  folded(): CharacterSet {
    const added: [number, number][] = [];
    for (const [point, other] of caseVariants()) if (this.has(other)) added.push([point, point]);
    return CharacterSet.of(...this.pairs(), ...added);
  }

  /** Whatever is no point is not in it. */
  has(point: number): boolean {
    if (point < 128) return point >= 0 && this.#ascii[point] === 1;
    let low = 0;
    let high = this.ranges.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ranges[2 * middle + 1]! < point) low = middle + 1;
      else high = middle;
    }
    return 2 * low < this.ranges.length && this.ranges[2 * low]! <= point;
  }
}

/** Behind these planes no script has two cases, nor has one within these stretches (of Han and Hangul, and halves of pairs). */
const CASED_POINTS = 0x20000;
const CASELESS: readonly (readonly [number, number])[] = [
  [0x3000, 0xa4cf],
  [0xac00, 0xfaff],
];

let known: readonly (readonly [point: number, other: number])[] | null = null;

/** Every point with its lower and its upper spelling, where that is another, single one. */
function caseVariants(): readonly (readonly [number, number])[] {
  if (known !== null) return known;
  const found: [number, number][] = [];
  for (let point = 0; point < CASED_POINTS; point += 1) {
    const gap = CASELESS.find(([low, high]) => point >= low && point <= high);
    if (gap !== undefined) {
      point = gap[1];
      continue;
    }
    const text = String.fromCodePoint(point);
    for (const other of [text.toLowerCase(), text.toUpperCase()]) {
      const folded = other.codePointAt(0)!;
      if (folded !== point && String.fromCodePoint(folded) === other) found.push([point, folded]);
    }
  }
  known = found;
  return found;
}

const MAX_KNOWN_PROPERTIES = 64;
const properties = new Map<string, CharacterSet>();

/** Of `L`, `Lu`, `Greek`, `Script=Greek`…; null where Unicode has no such property. */
export function unicodeProperty(name: string): CharacterSet | null {
  const before = properties.get(name);
  if (before !== undefined) return before;
  for (const property of [name, `Script=${name}`]) {
    let run: RegExp;
    try {
      // One class and nothing behind it: nothing to run away.
      run = new RegExp(`\\p{${property}}+`, "gu");
    } catch {
      continue;
    }
    const set = CharacterSet.of(...runsOf(run));
    if (properties.size >= MAX_KNOWN_PROPERTIES) properties.clear();
    properties.set(name, set);
    return set;
  }
  return null;
}

const CHUNK_POINTS = 0x1000;
/** Where characters are given out one by one; behind them lie stretches of points that are all alike. */
const MIXED: readonly (readonly [number, number])[] = [
  [0, FIRST_SURROGATE - 1],
  [LAST_SURROGATE + 1, 0x3ffff],
  [0xe0000, 0xe0fff],
];
const ALIKE: readonly (readonly [number, number])[] = [
  [FIRST_SURROGATE, LAST_SURROGATE],
  [0x40000, 0xdffff],
  [0xe1000, 0xeffff],
  [0xf0000, 0xffffd],
  [0xffffe, 0xfffff],
  [0x100000, 0x10fffd],
  [0x10fffe, LAST_POINT],
];

function* runsOf(run: RegExp): Iterable<[number, number]> {
  const units = new Uint16Array(2 * CHUNK_POINTS);
  for (const [from, to] of MIXED) {
    for (let first = from; first <= to;) {
      // A chunk has points of one width.
      const end = Math.min(to + 1, first + CHUNK_POINTS, first < 0x10000 ? 0x10000 : Infinity);
      const width = first < 0x10000 ? 1 : 2;
      for (let point = first, at = 0; point < end; point += 1) {
        if (width === 1) units[at++] = point;
        else {
          units[at++] = 0xd800 + ((point - 0x10000) >> 10);
          units[at++] = 0xdc00 + (point & 0x3ff);
        }
      }
      const text = String.fromCharCode(...units.subarray(0, (end - first) * width));
      for (const match of text.matchAll(run)) {
        const low = first + match.index / width;
        yield [low, low + match[0].length / width - 1];
      }
      first = end;
    }
  }
  for (const [low, high] of ALIKE) {
    run.lastIndex = 0;
    if (run.test(String.fromCodePoint(low))) yield [low, high];
  }
}
