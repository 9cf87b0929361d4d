/**
 * Approximate indexes through TypeScript: recall against exact search for kinds of data, metrics, filters and deletes; one file whatever
 * the machine does; refusals; abort, time limit, progress; what is held and given back.
 *
 * Not here: damaged files by the thousand, nonsense and sanitizers (native/test/verify_index.cpp, verify_recall.cpp).
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { emptyBitset, setBit } from "../model/bitset.ts";
import type { Bitset } from "../model/bitset.ts";
import type { Metric } from "../model/types.ts";
import { KernelLateError } from "./index-kernel.ts";
import type { GraphBuild, GraphLayout, IndexSearch } from "./index-kernel.ts";
import { KernelError, NO_ROW } from "./kernel.ts";
import type { Handle, SearchHits } from "./kernel.ts";
import { indexesOf, loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

type Kind = "clustered" | "gaussian" | "integers";
const KINDS: readonly Kind[] = ["clustered", "gaussian", "integers"];
const METRICS: readonly Metric[] = ["L2", "IP", "COSINE"];
const LAYOUTS: readonly GraphLayout[] = ["lean", "packed"];
const K = 10;

const kernel = loadKernel();
test("the twin has no indexes", () => assert.equal(indexesOf(loadKernel({ prefer: "twin" })), null));
if (kernel instanceof NativeKernel) withIndexes(kernel);

/** Numbers of a seed, uniform in [0, 1). */
function numbersOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function made(kind: Kind, rowCount: number, dimension: number, seed: number): Float32Array {
  const ofCentres = numbersOf(5);
  const random = numbersOf(seed);
  const normal = (next: () => number): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const centres = Float32Array.from({ length: 30 * dimension }, () => normal(ofCentres));
  const values = new Float32Array(rowCount * dimension);
  for (let row = 0; row < rowCount; row += 1) {
    const centre = Math.floor(random() * 30) * dimension;
    for (let at = 0; at < dimension; at += 1) {
      values[row * dimension + at] =
        kind === "clustered"
          ? centres[centre + at]! + 0.4 * normal(random)
          : kind === "gaussian"
            ? normal(random)
            : Math.floor(random() * 9) - 4;
    }
  }
  return values;
}

function allowedAtRandom(rowCount: number, share: number, seed: number): Bitset {
  const random = numbersOf(seed);
  const bits = emptyBitset(rowCount);
  for (let row = 0; row < rowCount; row += 1) if (random() < share) setBit(bits, row);
  return bits;
}

/** The share of the exact hits that are matched, by score. */
function recallOf(found: SearchHits, exact: SearchHits, k: number, metric: Metric): number {
  let matched = 0;
  let wanted = 0;
  for (let first = 0; first < exact.rows.length; first += k) {
    const there = exact.rows.subarray(first, first + k).filter((row) => row !== NO_ROW).length;
    if (there === 0) continue;
    const last = exact.scores[first + there - 1]!;
    wanted += there;
    for (const score of found.scores.subarray(first, first + k)) {
      if (metric === "L2" ? score <= last : score >= last) matched += 1;
    }
  }
  return wanted === 0 ? 1 : matched / wanted;
}

function withIndexes(native: NativeKernel): void {
  const indexes = native.indexes;
  const directory = mkdtempSync(join(tmpdir(), "elanus-index-"));
  after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "a.index");

  const rowsOf = (values: Float32Array, dimension: number): Handle => {
    const rows = native.createRows({ element: "float32", dimension });
    native.appendRows(rows, values);
    return rows;
  };
  const build = (rows: Handle, metric: Metric, changes: Partial<GraphBuild> = {}): Promise<void> =>
    indexes.buildIndex({
      kind: "graph",
      rows,
      rowCount: native.rowCount(rows),
      metric,
      degree: 32,
      beam: 100,
      seed: 7,
      path,
      ...changes,
    }).done;
  const plan = (
    index: Handle,
    queries: Float32Array,
    { ef = 64, ...changes }: Partial<IndexSearch> & { readonly ef?: number } = {},
  ): IndexSearch => ({
    index,
    queries,
    k: K,
    parameters: { kind: "graph", ef },
    allowed: null,
    rank: null,
    range: null,
    timeLimitMicroseconds: null,
    ...changes,
  });

  describe("indexes", () => {
    for (const kind of KINDS) {
      for (const metric of METRICS) {
        for (const layout of LAYOUTS) {
          test(`recall of ${kind} rows under ${metric}, ${layout}, whatever is allowed`, async () => {
            const [rowCount, dimension] = [6000, 40];
            const rows = rowsOf(made(kind, rowCount, dimension, 1), dimension);
            await build(rows, metric, { layout });
            const index = await indexes.openIndex(path, rows);
            const queries = made(kind, 50, dimension, 2);
            // Rows without structure need more width: there is no short way to neighbours that are hardly nearer than others.
            const ef = kind === "clustered" ? 64 : 400;
            const filters: (Bitset | null)[] = [null];
            for (const share of [0.7, 0.5, 0.1, 0.01, 0.001]) filters.push(allowedAtRandom(rowCount, share, 3));
            for (const allowed of filters) {
              const search = plan(index, queries, { ef, allowed });
              const found = await indexes.searchIndex(search);
              const exact = await native.exactSearch({ rows, rowCount, metric, ...search });
              assert.ok(recallOf(found, exact, K, metric) >= 0.98, `recall ${recallOf(found, exact, K, metric)}`);
              for (const row of found.rows) if (row !== NO_ROW) assert.ok(allowed === null || isSet(allowed, row));
              // The same row has the same score, to the bit.
              const scoreOf = new Map<string, number>();
              exact.rows.forEach((row, at) => scoreOf.set(`${Math.floor(at / K)} ${row}`, exact.scores[at]!));
              found.rows.forEach((row, at) =>
                assert.equal(found.scores[at], scoreOf.get(`${Math.floor(at / K)} ${row}`) ?? found.scores[at]),
              );
            }
            // Against each query: just what is nearest to it is barred, a little or much.
            for (const [barredCount, share] of [
              [rowCount / 2, 1],
              [100, 1],
              [100, 0.3],
            ] as const) {
              let recall = 0;
              for (let query = 0; query < 20; query += 1) {
                const asked = queries.subarray(query * dimension, (query + 1) * dimension);
                const exact = { rows, rowCount, metric, queries: asked, rank: null, range: null } as const;
                const near = await native.exactSearch({ ...exact, k: barredCount, allowed: null });
                const allowed = allowedAtRandom(rowCount, share, 5);
                for (const row of near.rows) allowed[row >> 3]! &= ~(1 << (row & 7));
                const found = await indexes.searchIndex(plan(index, asked, { ef, allowed }));
                recall += recallOf(found, await native.exactSearch({ ...exact, k: K, allowed }), K, metric) / 20;
              }
              assert.ok(recall >= 0.98, `recall ${recall} where the ${barredCount} nearest are barred`);
            }
            indexes.closeIndex(index);
            native.close(rows);
          });
        }
      }
    }

    test("a packed graph uses every slot of its blocks; lean and packed differ in nothing else", async () => {
      const rows = rowsOf(made("clustered", 2000, 70, 3), 70);
      const about = [];
      for (const layout of LAYOUTS) {
        await build(rows, "COSINE", { layout, degree: 20 });
        const index = await indexes.openIndex(path, rows);
        const description = indexes.describeIndex(index);
        if (description.kind === "graph") about.push(description);
        indexes.closeIndex(index);
      }
      const [lean, packed] = about;
      assert.ok(lean !== undefined && packed !== undefined);
      assert.deepEqual([lean.layout, lean.slots, packed.layout, packed.slots], ["lean", 20, "packed", 32]);
      assert.equal(packed.rowsOfDegree.at(-1), packed.graphRowCount);
      // 32 neighbours of 4 bytes, two factors of 2 bytes and 128 bits each.
      assert.equal(packed.listBytes, 2000 * 32 * (4 + 4 + 16));
      assert.deepEqual([packed.entryRows, packed.codeBytes], [lean.entryRows, lean.codeBytes]);
      // Twice the root of the rows: a code, its terms, its place and shape each, and each row in one of them.
      assert.deepEqual([lean.clusterCount, lean.clusterBytes], [89, 89 * (128 + 12 + 4 + 12) + 4 * 2000]);
      assert.equal(packed.clusterBytes, lean.clusterBytes);
      native.close(rows);
    });

    test("many queries in one search find what each of them finds alone", async () => {
      const rows = rowsOf(made("clustered", 6000, 40, 1), 40);
      const queries = made("clustered", 70, 40, 2);
      for (const layout of LAYOUTS) {
        await build(rows, "L2", { layout });
        const index = await indexes.openIndex(path, rows);
        for (const allowed of [null, allowedAtRandom(6000, 0.8, 3)]) {
          const together = await indexes.searchIndex(plan(index, queries, { allowed }));
          for (let query = 0; query < 70; query += 1) {
            const asked = queries.subarray(query * 40, (query + 1) * 40);
            const alone = await indexes.searchIndex(plan(index, asked, { allowed }));
            assert.deepEqual(together.rows.subarray(query * K, (query + 1) * K), alone.rows);
            assert.deepEqual(together.scores.subarray(query * K, (query + 1) * K), alone.scores);
          }
        }
        indexes.closeIndex(index);
      }
      native.close(rows);
    });

    test("the same rows and seed give the same file with any number of threads and on any instruction set", async () => {
      const before = { threads: native.threads, set: native.instructionSet };
      for (const [metric, layout] of METRICS.flatMap((one) => LAYOUTS.map((other) => [one, other] as const))) {
        const rows = rowsOf(made("clustered", 1500, 51, 4), 51);
        const hashes = new Set<string>();
        const hash = async (seed: number): Promise<string> => {
          await build(rows, metric, { degree: 20, beam: 50, seed, layout });
          return createHash("sha256").update(readFileSync(path)).digest("hex");
        };
        for (const threads of [1, 2, 3]) {
          native.threads = threads;
          hashes.add(await hash(1));
        }
        for (const set of ["avx512", "avx2", "neon", "portable"]) {
          try {
            native.useInstructionSet(set);
          } catch {
            continue;
          }
          hashes.add(await hash(1));
        }
        native.useInstructionSet(before.set);
        native.threads = before.threads;
        assert.equal(hashes.size, 1);
        assert.ok(!hashes.has(await hash(2)), "another seed gives another graph");
        native.close(rows);
      }
    });

    test("few rows, equal rows, zero vectors, more hits wanted than there are rows", async () => {
      for (const metric of METRICS) {
        for (const rowCount of [0, 1, 2, 7]) {
          const rows = rowsOf(made("gaussian", rowCount, 3, 1), 3);
          await build(rows, metric);
          const index = await indexes.openIndex(path, rows);
          const search = plan(index, Float32Array.of(1, 2, 3, 0, 0, 0), { k: 9, ef: 1 });
          const { work, ...found } = await indexes.searchIndex(search);
          assert.deepEqual(found, await native.exactSearch({ rows, rowCount, metric, ...search }));
          assert.ok(work.exactScores <= 2 * rowCount);
          const empty = await indexes.searchIndex(plan(index, new Float32Array(0)));
          assert.equal(empty.rows.length, 0);
          indexes.closeIndex(index);
          native.close(rows);
        }
        const values = new Float32Array(400 * 4).fill(1);
        values.fill(0, 0, 400);
        values.set([3, 1, 4, 1], 1200);
        const rows = rowsOf(values, 4);
        await build(rows, metric);
        const index = await indexes.openIndex(path, rows);
        const about = indexes.describeIndex(index);
        assert.ok(about.kind === "graph");
        const { graphRowCount, rowCount } = about;
        assert.deepEqual([graphRowCount, rowCount], [metric === "COSINE" ? 2 : 3, 400]);
        const search = plan(index, Float32Array.of(1, 1, 1, 2, -1, -1, -1, -1), { k: 350 });
        const found = await indexes.searchIndex(search);
        const exact = await native.exactSearch({ rows, rowCount: 400, metric, ...search });
        assert.deepEqual(found.scores, exact.scores);
        indexes.closeIndex(index);
        native.close(rows);
      }
    });

    test("ranges are rings, ranks break ties, and ties are told", async () => {
      const rows = rowsOf(made("integers", 3000, 6, 8), 6);
      const rank = Uint32Array.from({ length: 3000 }, (_, at) => (at * 7919) % 3000);
      for (const metric of METRICS) {
        await build(rows, metric);
        const index = await indexes.openIndex(path, rows);
        const queries = made("integers", 20, 6, 9);
        const ring =
          metric === "L2"
            ? { outer: 40, inner: 20 }
            : metric === "IP"
              ? { outer: 10, inner: 25 }
              : { outer: 0.3, inner: 0.6 };
        for (const range of [null, ring, { ...ring, inner: null }]) {
          const search = plan(index, queries, { k: 20, ef: 300, rank, range });
          const found = await indexes.searchIndex(search);
          const exact = await native.exactSearch({ rows, rowCount: 3000, metric, ...search });
          assert.ok(recallOf(found, exact, 20, metric) >= 0.99);
          for (const score of found.scores) {
            if (range === null || Number.isNaN(score)) continue;
            if (metric === "L2") assert.ok(score < range.outer && score >= (range.inner ?? -Infinity));
            else assert.ok(score > Math.fround(range.outer) && score <= Math.fround(range.inner ?? Infinity));
          }
        }
        indexes.closeIndex(index);
      }
      native.close(rows);
    });

    test("an aborted build leaves no file and no memory; progress grows to 1", async () => {
      const rows = rowsOf(made("gaussian", 8000, 64, 1), 64);
      const abort = new AbortController();
      const request = {
        kind: "graph",
        rows,
        rowCount: 8000,
        metric: "L2",
        degree: 48,
        beam: 300,
        seed: 1,
        path,
      } as const;
      rmSync(path, { force: true });
      const job = indexes.buildIndex(request, abort.signal);
      while (job.progress() < 0.1) await new Promise((resolve) => setTimeout(resolve, 1));
      const reason = new Error("enough");
      abort.abort(reason);
      await assert.rejects(job.done, (error) => error === reason);
      assert.deepEqual(readdirSync(directory), []);
      assert.equal(indexes.memoryUsed().buildBytes, 0);
      const whole = indexes.buildIndex({ ...request, beam: 40, degree: 16 });
      let before = 0;
      const ended = whole.done.then(() => true);
      for (let now = 0; !(await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5, false))]));) {
        now = whole.progress();
        assert.ok(now >= before && now <= 1);
        before = now;
      }
      assert.equal(whole.progress(), 1);
      assert.deepEqual(readdirSync(directory), ["a.index"]);
      const index = await indexes.openIndex(path, rows);
      const queries = made("gaussian", 2000, 64, 2);
      const stop = new AbortController();
      const search = indexes.searchIndex(plan(index, queries, { ef: 5000 }), stop.signal);
      setTimeout(() => stop.abort(reason), 10);
      await assert.rejects(search, (error) => error === reason);
      await assert.rejects(
        indexes.searchIndex(plan(index, queries, { ef: 5000, timeLimitMicroseconds: 2000 })),
        KernelLateError,
      );
      indexes.closeIndex(index);
      native.close(rows);
    });

    test("small searches of several indexes take turns on the calling thread", async () => {
      const [first, second] = [rowsOf(made("clustered", 3000, 32, 1), 32), rowsOf(made("gaussian", 800, 48, 2), 48)];
      await build(first, "COSINE", { layout: "packed" });
      const sealed = await indexes.openIndex(path, first);
      const graph = { rows: second, metric: "L2", degree: 32, beam: 100, seed: 0 } as const;
      const growing = indexes.createGrowing(graph);
      const published = await indexes.extendGrowing(growing, 800);
      const allowed = allowedAtRandom(3000, 0.9, 3);
      const asked = [
        plan(sealed, made("clustered", 1, 32, 7), { ef: 40 }),
        plan(published, made("gaussian", 1, 48, 8), { k: 5, ef: 20 }),
        plan(sealed, made("clustered", 1, 32, 9), { allowed, isUnfiltered: true }),
        plan(sealed, made("clustered", 1, 32, 10), { allowed: emptyBitset(3000) }),
      ];
      const found = indexes.searchIndexesNow(
        asked,
        asked.map(() => null),
      );
      assert.notEqual(found, null);
      for (const [at, search] of asked.entries()) assert.deepEqual(found![at], await indexes.searchIndex(search));
      assert.deepEqual(indexes.searchIndexesNow([], []), []);

      const queries = made("clustered", 2, 32, 7);
      assert.equal(
        indexes.searchIndexesNow([asked[1]!, plan(sealed, queries)], [null, null]),
        null,
        "two queries are none",
      );
      const limited = { ...asked[0]!, timeLimitMicroseconds: 1000 };
      assert.equal(indexes.searchIndexesNow([limited], [null]), null, "nor is one with a limit of its own");
      assert.throws(() => indexes.searchIndexesNow([asked[1]!, { ...asked[0]!, k: 0 }], [null, null]), /k 0/);
      indexes.closeIndex(published);
      assert.throws(() => indexes.searchIndexesNow(asked, [null, null, null, null]), /not open/);
      indexes.closeIndex(sealed);
      indexes.closeGrowing(growing);
      native.close(first);
      native.close(second);
    });

    test("what does not fit is refused with a reason", async () => {
      const values = made("clustered", 500, 8, 1);
      const rows = rowsOf(values, 8);
      for (const [changes, text] of [
        [{ degree: 1 }, /degree 1/],
        [{ degree: 513 }, /degree 513/],
        [{ beam: 0 }, /beam 0/],
        [{ rowCount: 501 }, /501 rows/],
        [{ seed: -1 }, /seed/],
        [{ path: "" }, /path/],
        [{ layout: "loose" as GraphLayout }, /layout loose/],
        [{ metric: "HAMMING" as Metric }, /metric/],
      ] as const) {
        assert.throws(() => build(rows, "L2", changes), { name: "KernelError", message: text });
      }
      await assert.rejects(build(rows, "L2", { path: "/nowhere/a.index" }), /nowhere/);
      await build(rows, "L2");
      const index = await indexes.openIndex(path, rows);
      const query = values.subarray(0, 8);
      for (const [changes, text] of [
        [{ k: 0 }, /k 0/],
        [{ ef: 16385 }, /ef 16385/],
        [{ queries: values.subarray(0, 7) }, /multiple/],
        [{ allowed: new Uint8Array(8) }, /too few/],
        [{ rank: new Uint32Array(499) }, /too few/],
        [{ range: { outer: Number.NaN, inner: null } }, /bounds/],
        [{ timeLimitMicroseconds: 0 }, /time limit/],
        [{ index: rows }, /not open/],
      ] as const) {
        await assert.rejects(indexes.searchIndex(plan(index, query, changes)), { name: "KernelError", message: text });
      }
      await assert.rejects(indexes.openIndex(join(directory, "absent"), rows), /absent/);
      await assert.rejects(indexes.openIndex(path, index), /not open/);
      const others = rowsOf(made("clustered", 500, 8, 2), 8);
      await assert.rejects(indexes.openIndex(path, others), /other rows/);
      const bytes = readFileSync(path);
      for (const at of [0, 33, 4093, 4096, 5 * 4096]) {
        const damaged = Buffer.from(bytes);
        damaged[at] = damaged[at]! ^ 16;
        writeFileSync(join(directory, "damaged"), damaged);
        await assert.rejects(indexes.openIndex(join(directory, "damaged"), rows), KernelError);
      }
      writeFileSync(join(directory, "damaged"), bytes.subarray(0, -1));
      await assert.rejects(indexes.openIndex(join(directory, "damaged"), rows), /size/);
      rmSync(join(directory, "damaged"));
      const pending = indexes.searchIndex(plan(index, query));
      indexes.closeIndex(index);
      indexes.closeIndex(index);
      native.close(rows);
      native.close(others);
      assert.equal((await pending).rows[0], 0, "a search holds its index, and that its rows");
      await assert.rejects(indexes.searchIndex(plan(index, query)), KernelError);
      assert.equal(native.openHandles(), 0);
      assert.deepEqual(indexes.memoryUsed(), { indexBytes: 0, buildBytes: 0, searchBytes: 0, mappedBytes: 0 });
    });
  });
}

function isSet(bits: Bitset, row: number): boolean {
  return ((bits[row >> 3]! >> (row & 7)) & 1) === 1;
}
