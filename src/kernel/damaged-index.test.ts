/**
 * Index files that somebody damaged: over 10,000 of them, of every kind of index, read and mapped in turns.
 *
 * Always true of every one: it is refused with an error that names the file, and the section where one is damaged; or the damage lies in
 * bytes that mean nothing, and the index answers as the whole one does.
 *
 * Not here: files whose checksums were mended after the damage, and sanitizers (native/test/verify_*.cpp, native/test/fuzz_*.cpp).
 */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { IndexBuild, IndexRequest, SearchParameters } from "./index-kernel.ts";
import { type Handle, KernelError } from "./kernel.ts";
import type { RowLayout, RowValues } from "./layout.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

const DAMAGES_EACH = 1_700;
const ROWS = 90;
const PAGE_BYTES = 4_096;

interface Case {
  readonly layout: RowLayout;
  readonly build: (request: IndexRequest) => IndexBuild;
  readonly parameters: SearchParameters;
}

const FLOATS = { element: "float32", dimension: 6 } as const;
const BITS = { element: "binary", dimension: 128 } as const;
const lists = { kind: "lists", probes: 8, reorder: 20, queryBits: null } as const;
const graph = { kind: "graph", ef: 30 } as const;

const CASES: Readonly<Record<string, Case>> = {
  "lean graph": {
    layout: FLOATS,
    build: (request) => ({ ...request, kind: "graph", layout: "lean", degree: 4, beam: 20 }),
    parameters: graph,
  },
  "packed graph": {
    layout: FLOATS,
    build: (request) => ({ ...request, kind: "graph", layout: "packed", degree: 4, beam: 20 }),
    parameters: graph,
  },
  "lists of bytes": {
    layout: FLOATS,
    build: (request) => ({ ...request, kind: "lists", lists: 5, codes: "byte" }),
    parameters: lists,
  },
  "lists of signs": {
    layout: FLOATS,
    build: (request) => ({ ...request, kind: "lists", lists: 5, codes: "sign" }),
    parameters: lists,
  },
  "slim graph": {
    layout: FLOATS,
    build: (request) => ({ ...request, kind: "slim", degree: 4, beam: 20, codes: "book", subspaces: 3, bits: 4 }),
    parameters: { kind: "slim", ef: 30, reorder: null },
  },
  bands: {
    layout: BITS,
    build: (request) => ({ ...request, kind: "bands", hashBits: 16, bands: 4 }),
    parameters: { kind: "bands", reorder: null },
  },
};

function numbersOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 4) % below;
  };
}

function rowValues({ element, dimension }: RowLayout, seed: number): RowValues {
  const random = numbersOf(seed);
  return element === "binary"
    ? Uint8Array.from({ length: (ROWS * dimension) / 8 }, (_, at) => (at % 2 === 0 ? random(3) : 0))
    : Float32Array.from({ length: ROWS * dimension }, () => random(2_001) / 100 - 10);
}

const kernel = loadKernel();
if (kernel instanceof NativeKernel) withFiles(kernel);

function withFiles(native: NativeKernel): void {
  const { indexes } = native;
  const directory = mkdtempSync(join(tmpdir(), "elanus-damaged-"));
  after(() => rmSync(directory, { recursive: true }));

  async function answer(path: string, rows: Handle, mode: "read" | "map", of: Case): Promise<readonly unknown[]> {
    const index = await indexes.openIndex(path, rows, mode);
    try {
      const { rows: found, scores } = await indexes.searchIndex({
        index,
        queries: rowValues(of.layout, 7),
        k: 5,
        parameters: of.parameters,
        allowed: null,
        rank: null,
        range: null,
        timeLimitMicroseconds: null,
      });
      return [[...found], [...scores]];
    } finally {
      indexes.closeIndex(index);
    }
  }

  describe("damaged index files", () => {
    const whole = new Map<string, Buffer>();

    for (const [number, [name, of]] of Object.entries(CASES).entries()) {
      test(`${DAMAGES_EACH} of a ${name}`, async () => {
        const metric = of.layout.element === "binary" ? "MHJACCARD" : "L2";
        const rows = native.createRows(of.layout);
        // Rows of its own, so that an index of another kind is one of other rows, too.
        native.appendRows(rows, rowValues(of.layout, 100 + number));
        const path = join(directory, "a.index");
        await indexes.buildIndex(of.build({ rows, rowCount: ROWS, metric, seed: 1, path })).done;
        const bytes = readFileSync(path);
        const expected = await answer(path, rows, "read", of);
        const before = indexes.memoryUsed();
        const random = numbersOf(number + 1);
        let [refused, harmless] = [0, 0];
        for (let round = 0; round < DAMAGES_EACH; round += 1) {
          writeFileSync(path, damaged(bytes, [...whole.values()], round, random));
          try {
            assert.deepEqual(await answer(path, rows, round % 2 === 0 ? "read" : "map", of), expected);
            harmless += 1;
          } catch (error) {
            if (!(error instanceof KernelError)) throw error;
            assert.ok(error.message.includes(path), error.message);
            refused += 1;
          }
        }
        assert.ok(refused > DAMAGES_EACH / 2, `${refused} were refused, ${harmless} harmless`);
        assert.deepEqual(indexes.memoryUsed(), before, "what was refused holds nothing");
        whole.set(name, bytes);
        native.close(rows);
      });
    }
  });
}

/** Bits flipped, pages swapped, ends cut or longer, a version nobody knows, or an index of another kind. */
function damaged(bytes: Buffer, others: readonly Buffer[], round: number, random: (below: number) => number): Buffer {
  const changed = Buffer.from(bytes);
  switch (round % 10) {
    case 0:
      return changed.subarray(0, random(changed.length));
    case 1:
      return Buffer.concat([changed, Buffer.alloc(1 + random(PAGE_BYTES), random(256))]);
    case 2: {
      const pages = Math.floor(changed.length / PAGE_BYTES);
      const [one, other] = [random(pages) * PAGE_BYTES, random(pages) * PAGE_BYTES];
      const kept = Buffer.from(changed.subarray(one, one + PAGE_BYTES));
      changed.copyWithin(one, other, other + PAGE_BYTES);
      kept.copy(changed, other);
      return changed;
    }
    case 3:
      changed.writeUInt32LE(2 + random(1_000), 8);
      return changed;
    case 4: {
      const other = others[random(Math.max(1, others.length))];
      if (other !== undefined) return other;
      break;
    }
    default:
  }
  for (let flips = 1 + random(3); flips > 0; flips -= 1) {
    // Half of them in the header, and there in what it says.
    const at = random(2) === 0 ? random(400) : random(changed.length);
    changed[at]! ^= 1 << random(8);
  }
  return changed;
}
