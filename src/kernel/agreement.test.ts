/** The native kernel, with every instruction set that this machine has, against the twin on random plans. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { bfloat16Of, float16Of, numberOfBfloat16, numberOfFloat16 } from "../base/half.ts";
import { emptyBitset, hasBit, setBit } from "../model/bitset.ts";
import { NUMBER_METRICS, isDistance } from "../model/types.ts";
import type { Metric } from "../model/types.ts";
import { KernelError, NO_ROW } from "./kernel.ts";
import type { ExactSearch, Handle, HashBits, Kernel, SearchHits } from "./kernel.ts";
import { ELEMENT_NAMES, MAX_BINARY_DIMENSION, MAX_DIMENSION, elementKind, valuesPerRow } from "./layout.ts";
import type { Element, RowLayout, RowValues } from "./layout.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";
import { scoreOf } from "./twin/score.ts";

const native = loadKernel();
const twin = loadKernel({ prefer: "twin" });
const directory = mkdtempSync(join(tmpdir(), "elanus-agreement-"));
after(() => rmSync(directory, { recursive: true }));

/** Everything about a case but the handle of the rows. */
interface Case {
  readonly layout: RowLayout;
  readonly rows: RowValues;
  readonly storage: "growing" | "mapped";
  readonly search: Omit<ExactSearch, "rows">;
}

type Random = () => number;

/** A small generator, so that a case is told, and shrinks, by its seed and not by its elements. */
function numbersOf(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const shape = (element: Element, metric: Metric): fc.Arbitrary<Shape> =>
  fc.record({
    element: fc.constant(element),
    metric: fc.constant(metric),
    seed: fc.integer(),
    dimension:
      element === "binary"
        ? fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(16, 64, 128, 1000)).map((bytes) => 8 * bytes)
        : fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(128, 384, 1000)),
    rowCount: fc.oneof(
      { arbitrary: fc.integer({ min: 0, max: 300 }), weight: 5 },
      { arbitrary: fc.constantFrom(1024, 1500), weight: 1 },
    ),
    unseen: fc.integer({ min: 0, max: 5 }),
    queryCount: fc.oneof(
      { arbitrary: fc.integer({ min: 0, max: 9 }), weight: 6 },
      { arbitrary: fc.constant(70), weight: 1 },
    ),
    k: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(100, 16384)),
    share: fc.constantFrom(null, 0, 0.02, 0.5, 1),
    ranked: fc.boolean(),
    range: fc.constantFrom("none", "outer", "ring"),
    storage: fc.constantFrom("growing", "mapped"),
    distinct: fc.constantFrom(0.1, 0.9, 1),
    hashBits: fc.constantFrom(8, 16, 32, 64),
    hashesOfBand: fc.constantFrom(0, 0, 1, 3),
  });

interface Shape {
  readonly element: Element;
  readonly metric: Metric;
  readonly seed: number;
  readonly dimension: number;
  readonly rowCount: number;
  /** Rows behind the last one that the search may look at. */
  readonly unseen: number;
  readonly queryCount: number;
  readonly k: number;
  readonly share: number | null;
  readonly ranked: boolean;
  readonly range: "none" | "outer" | "ring";
  readonly storage: "growing" | "mapped";
  readonly distinct: number;
  readonly hashBits: HashBits;
  /** 0: rows are told by their shares. */
  readonly hashesOfBand: number;
}

function caseOf(given: Shape, value: (random: Random) => number): Case {
  const { element, metric, rowCount, share, storage } = given;
  const random = numbersOf(given.seed);
  const bitsPerStep = metric === "MHJACCARD" ? given.hashBits : 8;
  const dimension = element === "binary" ? Math.ceil(given.dimension / bitsPerStep) * bitsPerStep : given.dimension;
  const layout = { element, dimension };
  const { hashBits, hashesOfBand } = given;
  const hashes = metric === "MHJACCARD" ? dimension / hashBits : 0;
  const banded = hashes > 0 && hashesOfBand > 0 ? { bands: Math.ceil(hashes / hashesOfBand) } : {};
  const length = valuesPerRow(layout);
  const total = rowCount + given.unseen;
  const rows = elementKind(element).make(total * length);
  for (let row = 0; row < total; row += 1) {
    const start = row * length;
    if (row > 0 && random() > given.distinct) rows.copyWithin(start, 0, length);
    else if (random() > 0.02) for (let at = 0; at < length; at += 1) rows[start + at] = value(random);
  }
  const queries = elementKind(element).make(given.queryCount * length);
  for (let at = 0; at < queries.length; at += 1) queries[at] = value(random);
  if (queries.length > 0 && rowCount > 0 && random() < 0.3) queries.set(rows.subarray(0, length));
  if (element === "binary" && queries.length > 0 && rowCount > 0 && random() < 0.5) {
    // A part of a row, so that some row has all bits of the query.
    for (let at = 0; at < length; at += 1) queries[at] = rows[at]! & value(random);
  }
  // Bounds from scores that occur, so that the ring's edges are met.
  const bound = (): number => {
    if (total === 0 || queries.length === 0) return 0;
    const score = scoreOf(metric, layout, queries, 0, rows, Math.floor(random() * total), { hashBits, ...banded });
    return Number.isNaN(score) ? 0 : score;
  };
  const [one, two] = [bound(), bound()];
  const worse = isDistance(metric) ? Math.max(one, two) : Math.min(one, two);
  const better = isDistance(metric) ? Math.min(one, two) : Math.max(one, two);
  const allowed = share === null ? null : emptyBitset(rowCount);
  if (allowed !== null) for (let row = 0; row < rowCount; row += 1) if (random() < share!) setBit(allowed, row);
  return {
    layout,
    rows,
    storage,
    search: {
      rowCount,
      queries,
      metric,
      k: given.k,
      allowed,
      rank: given.ranked ? new Uint32Array(rowCount).map(() => Math.floor(random() * 50)) : null,
      range: given.range === "none" ? null : { outer: worse, inner: given.range === "ring" ? better : null },
      hashBits,
      ...banded,
    },
  };
}

/** Values whose sums are exact, with a row here and there that holds what is no number. */
function exactValue(element: Element): (random: Random) => number {
  switch (element) {
    case "int8":
      return (random) => Math.floor(random() * 256) - 128;
    case "binary":
      return (random) => (random() < 0.7 ? Math.floor(random() * 256) : 0);
    default:
      return (random) => encoded(element, random() < 0.0002 ? odd(random) : Math.floor(random() * 15) - 7);
  }
}

function fraction(element: Element): (random: Random) => number {
  if (element === "int8") return exactValue(element);
  return (random) => encoded(element, random() * 2 - 1);
}

function numberShape(element: Element): fc.Arbitrary<Shape> {
  return fc.constantFrom(...NUMBER_METRICS).chain((metric) => shape(element, metric));
}

const WIDE: Omit<Shape, "element" | "metric" | "dimension"> = {
  seed: 11,
  rowCount: 21,
  unseen: 0,
  queryCount: 5,
  k: 7,
  share: null,
  ranked: false,
  range: "none",
  storage: "growing",
  distinct: 0.9,
  hashBits: 8,
  hashesOfBand: 0,
};

function odd(random: Random): number {
  const kind = random();
  return kind < 0.3 ? Number.NaN : kind < 0.6 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}

function encoded(element: Element, number: number): number {
  return element === "float16" ? float16Of(number) : element === "bfloat16" ? bfloat16Of(number) : number;
}

function decoded(element: Element, value: number): number {
  return element === "float16" ? numberOfFloat16(value) : element === "bfloat16" ? numberOfBfloat16(value) : value;
}

async function answer(kernel: Kernel, { layout, rows, storage, search }: Case): Promise<SearchHits> {
  let handle: Handle;
  const length = valuesPerRow(layout);
  if (storage === "growing") {
    handle = kernel.createRows(layout);
    const middle = Math.floor(rows.length / length / 3) * length;
    kernel.appendRows(handle, rows.subarray(0, middle));
    kernel.appendRows(handle, rows.subarray(middle));
  } else {
    const path = join(directory, `rows-${kernel.name}`);
    const offset = layout.dimension % 9;
    writeFileSync(path, Buffer.concat([Buffer.alloc(offset), Buffer.from(rows.buffer)]));
    handle = kernel.mapRows(path, offset, rows.length / length, layout);
  }
  try {
    return await kernel.exactSearch({ ...search, rows: handle });
  } finally {
    kernel.close(handle);
  }
}

/** Half of float32's distance from 1 to the next number. */
const ROUNDING = 2 ** -24;

/**
 * How far two sums of the same products in another order may be apart: each addition rounds by at most ROUNDING of what is summed so
 * far, so the error grows with the size of the products, not with the sum, which they may cancel to nothing.
 */
function roundingOf({ layout, rows, search }: Case, query: number, row: number): number {
  const { dimension } = layout;
  const squares = (values: RowValues, at: number): number => {
    let sum = 0;
    for (let place = at * dimension; place < (at + 1) * dimension; place += 1) {
      const value = decoded(layout.element, values[place]!);
      sum += value * value;
    }
    return sum;
  };
  const size = search.metric === "COSINE" ? 1 : squares(search.queries, query) + squares(rows, row);
  return (dimension + 8) * ROUNDING * size;
}

/** Each place has the score that it should have, and its row really has that score: so only near ties may change places. */
function assertAlike(made: Case, found: SearchHits, expected: SearchHits): void {
  const { layout, rows, search } = made;
  assert.equal(found.rows.length, expected.rows.length);
  const seen = new Set<string>();
  found.rows.forEach((row, at) => {
    assert.equal(row === NO_ROW, expected.rows[at] === NO_ROW, `place ${at}`);
    if (row === NO_ROW) return;
    const query = Math.floor(at / search.k);
    const score = found.scores[at]!;
    const itsScore = scoreOf(search.metric, layout, search.queries, query, rows, row, search);
    const rounding = roundingOf(made, query, row);
    const among = Math.max(rounding, roundingOf(made, query, expected.rows[at]!));
    assert.ok(Math.abs(score - itsScore) <= rounding, `row ${row}: ${score} for ${itsScore}`);
    assert.ok(Math.abs(score - expected.scores[at]!) <= 2 * among, `place ${at}: ${score} for ${expected.scores[at]}`);
    assert.ok(
      row < search.rowCount && (search.allowed === null || hasBit(search.allowed, row)),
      `row ${row} is allowed`,
    );
    assert.ok(!seen.has(`${query}:${row}`), `row ${row} comes once`);
    seen.add(`${query}:${row}`);
  });
}

if (native instanceof NativeKernel) {
  const best = native.instructionSet;
  for (const set of ["avx512", "avx2", "neon", "portable"]) {
    const available = (): boolean => {
      try {
        native.useInstructionSet(set);
        return true;
      } catch (error) {
        assert.ok(error instanceof KernelError);
        return false;
      }
    };
    if (!available()) continue;
    for (const element of ELEMENT_NAMES) {
      for (const metric of elementKind(element).metrics) {
        test(`${set} and the twin: ${element} under ${metric}, equal to the last bit`, async () => {
          native.useInstructionSet(set);
          await fc.assert(
            fc.asyncProperty(shape(element, metric), async (given) => {
              const made = caseOf(given, exactValue(element));
              assert.deepEqual(await answer(native, made), await answer(twin, made));
            }),
            { numRuns: set === best ? 20 : 10 },
          );
          native.useInstructionSet(best);
        });
      }
      if (element === "int8" || element === "binary") continue;
      test(`${set} and the twin: fractions of ${element}, alike`, async () => {
        native.useInstructionSet(set);
        await fc.assert(
          fc.asyncProperty(numberShape(element), async (given) => {
            // Without a ring: a score at its edge may fall on either side.
            const made = caseOf({ ...given, range: "none" }, fraction(element));
            assertAlike(made, await answer(native, made), await answer(twin, made));
          }),
          { numRuns: 25 },
        );
        native.useInstructionSet(best);
      });
    }

    test(`${set} and the twin: the widest rows of every element`, async () => {
      native.useInstructionSet(set);
      for (const element of ELEMENT_NAMES) {
        const most = element === "binary" ? MAX_BINARY_DIMENSION : MAX_DIMENSION;
        for (const metric of elementKind(element).metrics) {
          for (const dimension of [most, most - 8]) {
            const made = caseOf({ ...WIDE, element, metric, dimension }, exactValue(element));
            assert.deepEqual(await answer(native, made), await answer(twin, made), `${element} ${metric} ${dimension}`);
          }
        }
      }
      native.useInstructionSet(best);
    });
  }

  test("a score depends on its query and row only: not on the batch, the filter, or k", async () => {
    const anyShape = fc.oneof(...ELEMENT_NAMES.filter((element) => element !== "binary").map(numberShape));
    await fc.assert(
      fc.asyncProperty(anyShape, async (given) => {
        const { layout, ...made } = caseOf({ ...given, range: "none" }, fraction(given.element));
        const search = (changes: Partial<ExactSearch>): Promise<SearchHits> =>
          answer(native, { ...made, layout, search: { ...made.search, ...changes } });
        const all = await search({ allowed: null, k: 2000 });
        const some = await search({});
        const { queries, k } = made.search;
        const scores = new Map<string, number>();
        for (let at = 0; at < all.rows.length; at += 1)
          scores.set(`${Math.floor(at / 2000)}:${all.rows[at]}`, all.scores[at]!);
        for (let query = 0; query * layout.dimension < queries.length; query += 1) {
          const alone = await search({
            queries: queries.slice(query * layout.dimension, (query + 1) * layout.dimension),
          });
          assert.deepEqual(alone.rows, some.rows.slice(query * k, (query + 1) * k));
          assert.deepEqual(alone.scores, some.scores.slice(query * k, (query + 1) * k));
          alone.rows.forEach((row, at) => {
            if (row !== NO_ROW) assert.equal(alone.scores[at], scores.get(`${query}:${row}`));
          });
        }
      }),
      { numRuns: 25 },
    );
  });
} else {
  test("there is nothing to agree with without the addon", () => assert.notEqual(native.reason, null));
}
