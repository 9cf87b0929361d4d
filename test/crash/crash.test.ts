/** A few crash cycles in the ordinary run, and proof that cycles which should fail do. */

import assert from "node:assert/strict";
import { mkdtempSync, openSync, closeSync, fstatSync, readdirSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Life, runCycles } from "./cycles.ts";
import { Model } from "./model.ts";
import { shardsOf } from "./operations.ts";

const SEED = 44;
const LIVES: readonly Life[] = [
  { death: "acknowledged", afterMilliseconds: 0, afterOperations: 25, closeAfterMilliseconds: null },
  { death: "flush", afterMilliseconds: 30, closeAfterMilliseconds: null },
  { death: "work", afterMilliseconds: 100, closeAfterMilliseconds: null },
];

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "elanus-crash-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return join(path, "data");
}

test("killed at random moments, an engine loses nothing, invents nothing, doubles nothing", async (context) => {
  const { cycles, failed, acknowledged, findings } = await runCycles({
    directory: folder(context),
    cycles: 4,
    seed: SEED,
    lives: LIVES,
    print: (line) => context.diagnostic(line),
  });
  assert.deepEqual(findings, { lost: [], phantom: [], double: [], torn: [], wrong: [] });
  assert.equal(failed, 0);
  assert.equal(cycles, 4);
  assert.ok(acknowledged > 20, `only ${acknowledged} operations were acknowledged`);
});

test("acknowledging before the log has it is found out", async (context) => {
  const directory = folder(context);
  const { failed, findings } = await runCycles({
    directory,
    cycles: 2,
    seed: SEED,
    lives: LIVES,
    logOnly: true,
    acknowledgeEarly: true,
  });
  assert.ok(findings.lost.length > 0, "something acknowledged is missing");
  assert.ok(failed > 0);
});

test("a log that loses its end is found out", async (context) => {
  const directory = folder(context);
  const { findings } = await runCycles({
    directory,
    cycles: 2,
    seed: SEED,
    lives: LIVES,
    logOnly: true,
    betweenLives: async () => dropSecondHalf(join(directory, "wal")),
  });
  assert.ok(findings.lost.length > 0, "what was dropped is missing");
});

test("the model tells lost, phantom, doubled and torn rows apart", () => {
  const numbers = [3, 6, 9, 12, 15, 18];
  const prepared = (): Model => {
    const model = new Model();
    model.begin({ kind: "upsert", id: 1, lane: 0, partition: 0, numbers });
    model.end(1);
    return model;
  };
  const rows = (versions: Record<number, number>): (readonly [number, number, number])[] =>
    Object.entries(versions).map(([number, version]) => [0, Number(number), version] as const);
  const judge = (model: Model, read: (readonly [number, number, number])[]) => {
    const state = { collection: "numbers", rows: read, count: read.length, partitionCounts: [read.length, 0, 0] };
    const { lost, phantom, double, torn } = model.compare([{ ...state, searches: [] }], []);
    return [lost.length, phantom.length, double.length, torn.length];
  };
  const all = { 3: 1, 6: 1, 9: 1, 12: 1, 15: 1, 18: 1 };
  assert.deepEqual(judge(prepared(), rows(all)), [0, 0, 0, 0]);
  const { 3: _gone, ...rest } = all;
  assert.deepEqual(judge(prepared(), rows(rest)), [1, 0, 0, 0]);
  assert.deepEqual(judge(prepared(), rows({ ...all, 21: 1 })), [0, 1, 0, 0]);
  assert.deepEqual(judge(prepared(), rows({ ...all, 3: 2 })), [0, 1, 0, 0]);
  assert.equal(judge(prepared(), [...rows(all), [0, 3, 1]])[2], 2, "the row, and the count");

  const open = prepared();
  open.begin({ kind: "upsert", id: 2, lane: 0, partition: 0, numbers });
  assert.deepEqual(judge(open, rows(all)), [0, 0, 0, 0], "an open operation may not have happened");
  const done = { 3: 2, 6: 2, 9: 2, 12: 2, 15: 2, 18: 2 };
  assert.deepEqual(judge(open, rows(done)), [0, 6, 0, 0], "but having not happened, it does not happen later");

  const half = prepared();
  half.begin({ kind: "upsert", id: 2, lane: 0, partition: 0, numbers });
  const shards = shardsOf(0, numbers);
  const [one, other] = numbers.filter((_number, at) => shards[at] === shards[0]);
  assert.ok(one !== undefined && other !== undefined, "a shard has two of the keys");
  assert.deepEqual(judge(half, rows({ ...done, [other]: 1 })), [0, 0, 0, 1], "half a batch on one shard");
});

/**
 * Makes the second half of what the log has into zeros, as if it had never reached the disk. So much, because the last few operations may
 * be without an answer: that these are missing is no fault.
 */
function dropSecondHalf(directory: string): void {
  const last = readdirSync(directory)
    .filter((name) => name.endsWith(".journal"))
    .toSorted()
    .at(-1);
  if (last === undefined) return;
  const file = openSync(join(directory, last), "r+");
  try {
    const content = Buffer.alloc(fstatSync(file).size);
    readSync(file, content, 0, content.length, 0);
    let end = content.length;
    while (end > 0 && content[end - 1] === 0) end -= 1;
    // The records that made the collections are in the first half.
    const start = Math.floor(end / 2);
    writeSync(file, Buffer.alloc(end - start), 0, end - start, start);
  } finally {
    closeSync(file);
  }
}
