/** Searches that wait are joined: who begins when, what each is answered, aborts, failures, closing; and that the kernel's answers are those of searches alone. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyBitset, setBit } from "../model/bitset.ts";
import { type Joining, Joiner } from "./joining.ts";
import type { ExactSearch } from "./kernel.ts";
import { loadKernel } from "./load.ts";
import { NativeKernel } from "./native.ts";

interface Asked {
  readonly handle: number;
  readonly kind: string;
  readonly names: readonly string[];
}

/** What began, and how to end it. */
interface Begun {
  readonly search: Asked;
  readonly signal: AbortSignal | undefined;
  readonly end: (error?: Error) => void;
}

function recorded(atOnce: number): { joiner: Joiner<Asked, readonly string[]>; begun: Begun[] } {
  const begun: Begun[] = [];
  const joining: Joining<Asked, readonly string[]> = {
    atOnce: () => atOnce,
    handleOf: ({ handle }) => handle,
    areAlike: (left, right) => left.kind === right.kind,
    join: (searches) => ({ ...searches[0]!, names: searches.flatMap(({ names }) => names) }),
    part: (hits, _search, first, queryCount) => hits.slice(first, first + queryCount),
    run: (search, queryCount, signal) => {
      assert.equal(search.names.length, queryCount);
      return new Promise((resolve, reject) => {
        const end = (error?: Error): void => {
          if (error === undefined) resolve(search.names.map((name) => `answer to ${name}`));
          else reject(error);
        };
        signal?.addEventListener("abort", () => reject(signal.reason));
        begun.push({ search, signal, end });
      });
    },
  };
  return { joiner: new Joiner(joining), begun };
}

const one = (name: string, kind = "a", handle = 1): Asked => ({ handle, kind, names: [name] });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const names = (begun: readonly Begun[]): string[] => begun.map(({ search }) => search.names.join(" "));

test("the first begin at once, the others together when one has ended, in their order", async () => {
  const { joiner, begun } = recorded(2);
  const answers = ["a", "b", "c", "d", "e"].map((name) => joiner.search(one(name), 1));
  const other = joiner.search(one("x", "other"), 1);
  const elsewhere = joiner.search(one("y", "a", 2), 1);
  assert.deepEqual(names(begun), ["a", "b", "x", "y"], "only those that are alike wait");
  begun[1]!.end();
  assert.deepEqual(await answers[1], ["answer to b"]);
  assert.deepEqual(names(begun).slice(4), ["c d e"]);
  const late = joiner.search(one("f"), 1);
  for (const { end } of begun.slice()) end();
  assert.deepEqual(await Promise.all([answers[0], ...answers.slice(2), other, elsewhere]), [
    ["answer to a"],
    ["answer to c"],
    ["answer to d"],
    ["answer to e"],
    ["answer to x"],
    ["answer to y"],
  ]);
  assert.deepEqual(names(begun).slice(5), ["f"]);
  begun[5]!.end();
  assert.deepEqual(await late, ["answer to f"]);
});

test("no more than 64 queries begin together, and searches of many queries wait for nobody", async () => {
  const { joiner, begun } = recorded(1);
  const answers = Array.from({ length: 200 }, (_, at) => joiner.search(one(String(at)), 1));
  const many = { handle: 1, kind: "a", names: Array.from({ length: 9 }, (_, at) => `m${at}`) };
  const large = joiner.search(many, 9);
  assert.equal(begun.length, 2);
  const sizes: number[] = [];
  for (let at = 0; at < begun.length; at += 1) {
    sizes.push(begun[at]!.search.names.length);
    begun[at]!.end();
    await turn();
  }
  assert.deepEqual(sizes, [1, 9, 64, 64, 64, 7]);
  assert.deepEqual(
    (await Promise.all(answers)).flat(),
    answers.map((_, at) => `answer to ${at}`),
  );
  assert.equal((await large).length, 9);
});

test("who is aborted leaves; the search is stopped with the last of them", async () => {
  const { joiner, begun } = recorded(1);
  const first = joiner.search(one("a"), 1);
  const leavers = ["b", "c", "d"].map((name) => ({ name, controller: new AbortController() }));
  const answers = leavers.map(({ name, controller }) => joiner.search(one(name), 1, controller.signal));
  leavers[0]!.controller.abort(new Error("not even begun"));
  await assert.rejects(answers[0]!, /not even begun/);
  begun[0]!.end();
  await first;
  await turn();
  assert.deepEqual(names(begun), ["a", "c d"]);
  leavers[1]!.controller.abort(new Error("too long"));
  await assert.rejects(answers[1]!, /too long/);
  assert.equal(begun[1]!.signal!.aborted, false);
  leavers[2]!.controller.abort(new Error("for me too"));
  await assert.rejects(answers[2]!, /for me too/);
  assert.equal(begun[1]!.signal!.aborted, true);
  await assert.rejects(joiner.search(one("e"), 1, AbortSignal.abort(new Error("before"))), /before/);
  assert.equal(begun.length, 2);
});

test("a failure reaches all that were joined, and the line goes on", async () => {
  const { joiner, begun } = recorded(1);
  const answers = ["a", "b", "c"].map((name) => joiner.search(one(name), 1));
  begun[0]!.end(new Error("broken"));
  await assert.rejects(answers[0]!, /broken/);
  begun[1]!.end(new Error("broken again"));
  await assert.rejects(answers[1]!, /broken again/);
  await assert.rejects(answers[2]!, /broken again/);
  const next = joiner.search(one("d"), 1);
  begun[2]!.end();
  assert.deepEqual(await next, ["answer to d"]);
});

test("who waits begins before the handle is closed", async () => {
  const { joiner, begun } = recorded(1);
  const answers = ["a", "b", "c"].map((name) => joiner.search(one(name), 1));
  joiner.begin(1);
  joiner.begin(2);
  assert.deepEqual(names(begun), ["a", "b c"]);
  for (const { end } of begun) end();
  assert.equal((await Promise.all(answers)).length, 3);
});

const kernel = loadKernel();
if (kernel instanceof NativeKernel) {
  test("many searches at once have the answers of searches alone, also when their rows are closed meanwhile", async () => {
    const dimension = 24;
    const rowCount = 3000;
    const value = (at: number): number => ((Math.imul(at, 2_654_435_761) >>> 24) & 15) - 7;
    const rows = kernel.createRows({ element: "float32", dimension });
    kernel.appendRows(
      rows,
      Float32Array.from({ length: rowCount * dimension }, (_, at) => value(at)),
    );
    const allowed = emptyBitset(rowCount);
    for (let row = 0; row < rowCount; row += 3) setBit(allowed, row);
    const searches = Array.from({ length: 120 }, (_, number): ExactSearch => {
      const queryCount = 1 + (number % 3);
      const queries = Float32Array.from({ length: queryCount * dimension }, (_entry, at) =>
        value(at * 31 + number * 977),
      );
      const bits = number % 5 === 0 ? allowed : null;
      const k = number % 7 === 0 ? 5 : 10;
      return { rows, rowCount, queries, metric: "L2", k, allowed: bits, rank: null, range: null };
    });
    const alone = [];
    for (const search of searches) alone.push(await kernel.exactSearch({ ...search, alone: true }));
    assert.deepEqual(await Promise.all(searches.map((search) => kernel.exactSearch(search))), alone);
    const closing = searches.map((search) => kernel.exactSearch(search));
    kernel.close(rows);
    assert.deepEqual(await Promise.all(closing), alone);
    assert.equal(kernel.openHandles(), 0);
  });
}
