/** What a start has to read again: the tail of the log that is not in files, and no more; and that the rest of the log goes. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Engine } from "../../src/engine/engine.ts";
import type { EngineLimits } from "../../src/engine/limits.ts";
import {
  closeAfter,
  deleteRows,
  eventually,
  filesBelow,
  flush,
  folder,
  insertRows,
  load,
  makeCollection,
  range,
  readIds,
} from "./collection.ts";
import { Disk, openOnDisk } from "./disk.ts";

/** Records that a start replayed, and from where, by its log line. */
async function replay(
  context: TestContext,
  directory: string,
  limits: Partial<EngineLimits> = {},
): Promise<{ engine: Engine; records: number; position: number }> {
  const lines: string[] = [];
  const engine = await Engine.open({ directory, limits, log: (line) => lines.push(line) });
  closeAfter(context, engine);
  const [, records, position] = /: (\d+) records replayed(?: from position (\d+))?/.exec(lines.join("\n")) ?? [];
  assert.ok(records !== undefined, lines.join("\n"));
  return { engine, records: Number(records), position: Number(position ?? 0) };
}

test("a start replays what came after the flush, however much was flushed", async (context) => {
  const directory = folder(context);
  const first = await Engine.open({ directory });
  await makeCollection(first, "one");
  const flushedInserts = 60;
  for (let at = 0; at < flushedInserts; at += 1) await insertRows(first, "one", at * 10, 10);
  await deleteRows(first, "one", "id in [1, 2, 3]");
  await flush(first, "one");
  const tail = 7;
  for (let at = 0; at < tail; at += 1) await insertRows(first, "one", 10_000 + at * 10, 10);
  await first.close();
  const { engine, records } = await replay(context, directory);
  // The tail, the flush itself, and the marks of the starts.
  assert.ok(records >= tail && records <= tail + 6, `${records} records for a tail of ${tail}`);
  await load(engine, "one");
  const expected = [0, ...range(4, flushedInserts * 10), ...range(10_000, 10_000 + tail * 10)];
  assert.deepEqual(await readIds(engine, "one"), expected);
});

test("start after start with nothing between them: the checkpoint never moves back, the replay does not grow for long", async (context) => {
  const directory = folder(context);
  const first = await Engine.open({ directory });
  await makeCollection(first, "one");
  await insertRows(first, "one", 0, 500);
  await flush(first, "one");
  await first.close();
  let last = 0;
  for (let starts = 1; starts <= 6; starts += 1) {
    const { engine, position, records } = await replay(context, directory);
    assert.ok(position >= last, `position ${position} after ${last}`);
    assert.ok(position > 0);
    last = position;
    // One mark a start.
    assert.ok(records <= 4 + starts, `${records} records at start ${starts}`);
    await load(engine, "one");
    assert.deepEqual(await readIds(engine, "one"), range(0, 500));
    await engine.close();
  }
});

test("rows that a start recovered are flushed by age, though nobody writes", async (context) => {
  const directory = folder(context);
  const first = await Engine.open({ directory });
  await makeCollection(first, "one");
  await insertRows(first, "one", 0, 500);
  await first.close();
  // Looked at first while the replay still runs.
  const limits = { maxAgeMilliseconds: 1, checkMilliseconds: 1 };
  const { engine } = await replay(context, directory, limits);
  const files = (): string[] => filesBelow(join(directory, "objects")).filter((file) => file.includes("insert_log"));
  await eventually(() => files().length > 0, "the rows are in files");
  await load(engine, "one");
  assert.deepEqual(await readIds(engine, "one"), range(0, 500));
});

test("the journal's files go after a flush, but not those with rows of another collection", async (context) => {
  const directory = folder(context);
  const engine = await openOnDisk(directory, new Disk(), { journalFileBytes: 64 * 1024 });
  closeAfter(context, engine);
  const journals = (): string[] => filesBelow(join(directory, "wal")).filter((file) => file.endsWith(".journal"));
  await makeCollection(engine, "large");
  const fill = async (first: number): Promise<void> => {
    for (let at = 0; at < 10; at += 1) await insertRows(engine, "large", first + at * 50, 50);
  };
  await fill(0);
  const oldest = journals()[0];
  const full = journals().length;
  assert.ok(full >= 4, `${full} files`);
  await flush(engine, "large");
  await eventually(() => journals().length <= 2, "the flush lets the files go");
  assert.ok(!journals().includes(oldest!));

  await makeCollection(engine, "other");
  await insertRows(engine, "other", 0, 5);
  const holding = journals().at(-1)!;
  await fill(1000);
  await flush(engine, "large");
  await fill(2000);
  await flush(engine, "large");
  assert.ok(journals().includes(holding), "the rows of the other collection are only here");
  assert.ok(journals().length >= 8, `${journals().length} files are kept`);

  await engine.close();
  const again = await openOnDisk(directory, new Disk(), { journalFileBytes: 64 * 1024 });
  closeAfter(context, again);
  await load(again, "other");
  await load(again, "large");
  assert.deepEqual(await readIds(again, "other"), range(0, 5));
  assert.equal((await readIds(again, "large")).length, 1500);
  await flush(again, "other");
  await flush(again, "large");
  await eventually(() => !journals().includes(holding) && journals().length <= 3, "then they go too");
  assert.equal((await readIds(again, "large")).length, 1500);
});
