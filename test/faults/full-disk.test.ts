/** Full disks: writes are refused with the code for it, reads go on, and everything works again once there is room. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SystemRuntime } from "../../src/base/host/system.ts";
import { Engine } from "../../src/engine/engine.ts";
import {
  closeAfter,
  closeEngines,
  deleteRows,
  eventually,
  flush,
  folder,
  insertRows,
  load,
  makeCollection,
  nearest,
  range,
  readIds,
  refusal,
  startFlush,
  upsertRows,
} from "./collection.ts";
import { Disk, openOnDisk } from "./disk.ts";

const DISK_LIMIT_EXCEEDED = 7;
const LIMITS = { maxSegmentBytes: 64 * 1024 };

test("no room in the journal: writes are refused, reads go on, nothing refused appears later, nothing is lost", async (context) => {
  const directory = folder(context);
  const disk = new Disk();
  const engine = await openOnDisk(directory, disk, { limits: LIMITS });
  closeAfter(context, engine);
  await makeCollection(engine, "one", 2);
  await insertRows(engine, "one", 0, 100);
  disk.journalIsFull = true;
  // More than what is left in the part of the file that is already there.
  const accepted: number[] = [];
  const refused: number[] = [];
  for (let first = 1000; first < 1400; first += 5) {
    const outcome = await insertRows(engine, "one", first, 5).then(
      () => null,
      (error: unknown) => error,
    );
    if (outcome === null) accepted.push(...range(first, first + 5));
    else {
      const { code, message } = await refusal(Promise.reject(outcome));
      assert.equal(code, DISK_LIMIT_EXCEEDED, message);
      assert.match(message, /disk|space|ENOSPC/i);
      refused.push(first);
    }
  }
  assert.ok(refused.length > 0, "a full disk refuses");
  assert.equal((await refusal(upsertRows(engine, "one", 0, 10))).code, DISK_LIMIT_EXCEEDED);
  assert.equal((await refusal(deleteRows(engine, "one", "id in [1, 2]"))).code, DISK_LIMIT_EXCEEDED);
  assert.equal((await refusal(deleteRows(engine, "one", "text like 'text 1%'"))).code, DISK_LIMIT_EXCEEDED);
  assert.equal((await refusal(makeCollection(engine, "two"))).code, DISK_LIMIT_EXCEEDED);
  const wholly = (there: readonly number[]): void => {
    const set = new Set(there);
    for (const id of [...range(0, 100), ...accepted]) assert.ok(set.has(id), `${id} was acknowledged`);
    const known = new Set([...range(0, 100), ...accepted, ...refused.flatMap((first) => range(first, first + 5))]);
    for (const id of there) assert.ok(known.has(id), `${id} was never sent`);
    assert.equal(set.size, there.length, "no key twice");
  };
  const before = await readIds(engine, "one");
  wholly(before);
  assert.equal(await nearest(engine, "one", 50), 50);

  disk.journalIsFull = false;
  await insertRows(engine, "one", 5000, 100);
  assert.deepEqual(await readIds(engine, "one"), [...before, ...range(5000, 5100)], "what failed does not come later");
  // Every row that is there reaches files, also one in a segment whose first record was refused.
  await flush(engine, "one");
  await makeCollection(engine, "two");
  await engine.close();
  const lines: string[] = [];
  const again = await Engine.open({ directory, log: (line) => lines.push(line) });
  closeAfter(context, again);
  await load(again, "one");
  assert.deepEqual(await readIds(again, "one"), [...before, ...range(5000, 5100)]);
});

test("no room for objects: the flush tries again, rows stay readable, and it completes when there is room", async (context) => {
  const directory = folder(context);
  const disk = new Disk();
  const lines: string[] = [];
  const engine = await openOnDisk(directory, disk, { log: (line) => lines.push(line) });
  closeAfter(context, engine);
  await makeCollection(engine, "one");
  await insertRows(engine, "one", 0, 300);
  disk.objectsAreFull = true;
  const isFlushed = await startFlush(engine, "one");
  await eventually(() => disk.refusals >= 3, "the flush is tried again");
  assert.equal(await isFlushed(), false);
  assert.ok(
    lines.some((line) => /flush of .* failed.*trying again.*full/.test(line)),
    lines.join("\n"),
  );
  assert.deepEqual(await readIds(engine, "one"), range(0, 300));
  await insertRows(engine, "one", 300, 100);
  await deleteRows(engine, "one", "id in [7]");
  const expected = range(0, 400).filter((id) => id !== 7);
  assert.deepEqual(await readIds(engine, "one"), expected);
  disk.objectsAreFull = false;
  await eventually(isFlushed, "the flush completes");
  assert.deepEqual(await readIds(engine, "one"), expected);
  await flush(engine, "one");
  await engine.close();
  const again = await openOnDisk(directory, new Disk());
  closeAfter(context, again);
  await load(again, "one");
  assert.deepEqual(await readIds(again, "one"), expected);
});

/** Where a second and longer is for ever: who waits so long waits until somebody ends it. */
class EndlessSeconds extends SystemRuntime {
  override sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return super.sleep(milliseconds < 1000 ? milliseconds : 2 ** 31 - 1, signal);
  }
}

test("closing while a flush finds no room: at once, and the next start has every row", async (context) => {
  const directory = folder(context);
  const disk = new Disk();
  const engine = await openOnDisk(directory, disk, { runtime: new EndlessSeconds() });
  await makeCollection(engine, "one");
  await insertRows(engine, "one", 0, 300);
  disk.objectsAreFull = true;
  await startFlush(engine, "one");
  await eventually(() => disk.refusals >= 6, "the flush is tried again");
  // Or it would wait for the next try, which never comes.
  await engine.close();
  const again = await openOnDisk(directory, new Disk());
  closeAfter(context, again);
  await load(again, "one");
  assert.deepEqual(await readIds(again, "one"), range(0, 300));
});

test("a failed sync ends acknowledgements for good: nobody is told that something is durable which may not be", async (context) => {
  const directory = folder(context);
  const disk = new Disk();
  const failures: Error[] = [];
  const engine = await openOnDisk(directory, disk, { onFatal: (failure) => failures.push(failure) });
  await makeCollection(engine, "one");
  await insertRows(engine, "one", 0, 10);
  disk.syncFailure = "EIO";
  let isSettled: "no" | "acknowledged" | "refused" = "no";
  const insert = insertRows(engine, "one", 100, 10).then(
    () => (isSettled = "acknowledged"),
    () => (isSettled = "refused"),
  );
  await eventually(() => failures.length > 0, "the failure is fatal");
  assert.match(failures[0]!.message, /EIO/);
  disk.syncFailure = null;
  assert.notEqual(isSettled, "acknowledged");
  // A process would be gone by now. This one must at least not say yes, and must be able to end.
  const closed = engine.close();
  await insert;
  assert.equal(isSettled, "refused");
  await closed;
  const again = await openOnDisk(directory, new Disk());
  closeAfter(context, again);
  await load(again, "one");
  const there = await readIds(again, "one");
  assert.deepEqual(there.slice(0, 10), range(0, 10));
  assert.ok(
    there.length === 10 || there.length === 20,
    "the batch of unknown outcome is there as a whole or not at all",
  );
});

test("a disk that is full for everything: refused with what to do, then well again", async (context) => {
  const disk = smallDisk(context);
  const directory = join(disk.path, "data");
  const engine = await disk.open(directory);
  closeAfter(context, engine);
  await makeCollection(engine, "one");
  const acknowledged: number[] = [];
  let first = 0;
  const write = async (): Promise<void> => {
    await insertRows(engine, "one", first, 200);
    acknowledged.push(...range(first, first + 200));
  };
  await write();
  disk.fill();
  for (first = 200; first < 200_000; first += 200) {
    const outcome = await write().then(
      () => null,
      (error: unknown) => error,
    );
    if (outcome === null) continue;
    const { code, message } = await refusal(Promise.reject(outcome));
    assert.equal(code, DISK_LIMIT_EXCEEDED, message);
    break;
  }
  assert.ok(first < 200_000, "the disk was full at some time");
  const there = await readIds(engine, "one");
  assert.deepEqual(
    acknowledged.filter((id) => !there.includes(id)),
    [],
  );
  disk.free();
  first += 200;
  await write();
  await flush(engine, "one");
  await engine.close();
  const again = await disk.open(directory);
  closeAfter(context, again);
  await load(again, "one");
  assert.deepEqual(await readIds(again, "one"), acknowledged);
});

interface SmallDisk {
  readonly path: string;
  open(directory: string): Promise<Engine>;
  fill(): void;
  free(): void;
}

/** A file system of its own where this process may mount one, else one whose writes fail. */
function smallDisk(context: TestContext): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "elanus-disk-"));
  context.after(async () => {
    await closeEngines(context);
    spawnSync("umount", ["-l", path]);
    rmSync(path, { recursive: true, force: true });
  });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", path]).status === 0;
  if (!mounted) {
    const disk = new Disk();
    return {
      path,
      open: async (directory) => {
        mkdirSync(directory, { recursive: true });
        return openOnDisk(directory, disk);
      },
      fill: () => void (disk.journalIsFull = disk.objectsAreFull = true),
      free: () => void (disk.journalIsFull = disk.objectsAreFull = false),
    };
  }
  const filler = join(path, "filler");
  return {
    path,
    open: (directory) => Engine.open({ directory }),
    fill: () => {
      const file = openSync(filler, "w");
      try {
        for (let block = 65_536; block >= 512;) {
          try {
            writeSync(file, Buffer.alloc(block));
          } catch {
            block /= 2;
          }
        }
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler),
  };
}
