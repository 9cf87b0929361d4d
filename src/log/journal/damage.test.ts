/** What the journal does with files that are not as it left them: torn tails are dropped, damage is told, nothing is skipped. */

import assert from "node:assert/strict";
import {
  copyFile,
  cp,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { crc32 } from "node:zlib";
import { SystemRuntime } from "../../base/host/system.ts";
import { patternBytes, texts } from "../conformance/records-of.ts";
import { LogCorrupted, LogUnavailable } from "../log.ts";
import { nodeFiles } from "./files.ts";
import { fileName, recordBytes } from "./format.ts";
import { Journal } from "./journal.ts";
import { recover } from "./recover.ts";

const runtime = new SystemRuntime();
const directories: string[] = [];
const encoder = new TextEncoder();

after(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});

async function fresh(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "elanus-damage-"));
  directories.push(directory);
  return directory;
}

const options = { runtime, fileBytes: 64 * 1024 };
const first = (directory: string): string => join(directory, fileName(1));

/** A journal as a killed process leaves it: no mark of an orderly end. */
async function killed(
  bodies: readonly (string | Uint8Array)[],
  together = false,
): Promise<{ directory: string; positions: number[] }> {
  const source = await fresh();
  const directory = await fresh();
  const journal = await Journal.open(source, options);
  const writer = await journal.open("a", 1n);
  const appends: Promise<bigint>[] = [];
  for (const body of bodies) {
    const append = writer.append([typeof body === "string" ? encoder.encode(body) : body]);
    appends.push(append);
    if (!together) await append;
  }
  const positions = (await Promise.all(appends)).map(Number);
  await cp(source, directory, { recursive: true });
  await journal.close();
  return { directory, positions };
}

async function flip(path: string, offset: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const byte = new Uint8Array(1);
    await file.read(byte, 0, 1, offset);
    byte[0] = (byte[0] as number) ^ 0x10;
    await file.write(byte, 0, 1, offset);
  } finally {
    await file.close();
  }
}

async function readBack(directory: string): Promise<string[]> {
  const journal = await Journal.open(directory, options);
  try {
    return await texts(journal, "a");
  } finally {
    await journal.close();
  }
}

function recovered(directory: string): ReturnType<typeof recover> {
  return recover(nodeFiles, directory);
}

describe("torn tails", () => {
  test("cut or zeroed at every byte of the last record: the records before it stay, it is gone", async () => {
    const { directory, positions } = await killed(["one", "two", "the last one, torn"]);
    const last = positions[2] as number;
    const whole = await readFile(first(directory));
    const end = last + recordBytes(18);
    for (let at = last; at < end; at++) {
      for (const file of [
        whole.subarray(0, at),
        Buffer.concat([whole.subarray(0, at), Buffer.alloc(whole.length - at)]),
      ]) {
        await writeFile(first(directory), file);
        const { end: recoveredEnd, channels } = recovered(directory);
        // The padding may be missing without harm where it reads as zeros.
        const isWhole = file.length > at && at >= last + 40 + 18;
        assert.equal(recoveredEnd, isWhole ? end : last, `byte ${at}`);
        assert.equal(channels.get(1)?.end, isWhole ? last + 1 : (positions[1] as number) + 1);
      }
    }
  });

  test("garbage behind the last record is wiped before anything is appended, and never comes back", async () => {
    const { directory, positions } = await killed(["one", "two", "three"]);
    const last = positions[2] as number;
    const whole = await readFile(first(directory));
    whole[last + 41] = 0xff;
    whole.set(patternBytes(5000, 9), last + recordBytes(5));
    await writeFile(first(directory), whole);
    const journal = await Journal.open(directory, options);
    const wiped = await readFile(first(directory));
    assert.ok(wiped.subarray(last).every((byte) => byte === 0));
    assert.deepEqual(await texts(journal, "a"), ["one", "two"]);
    const writer = await journal.open("a", 1n);
    await writer.append([encoder.encode("four")]);
    await journal.close();
    assert.deepEqual(await readBack(directory), ["one", "two", "four"]);
  });

  test("a batch whose sync never ended may be torn anywhere: all of it is dropped from the tear on", async () => {
    const { directory, positions } = await killed(["first", "in", "one", "batch"], true);
    await flip(first(directory), (positions[2] as number) + 41);
    assert.deepEqual(await readBack(directory), ["first", "in"]);
  });

  test("a file made ahead and a file whose opening was torn are made anew", async () => {
    const { directory } = await killed(["one"]);
    for (const content of [Buffer.alloc(64 * 1024), Buffer.alloc(0), Buffer.from(patternBytes(300, 1))]) {
      await writeFile(join(directory, fileName(2)), content);
      assert.deepEqual(await readBack(directory), ["one"]);
    }
    const opening = (await readFile(first(directory))).subarray(0, 64);
    const torn = await fresh();
    for (const bytes of [0, 1, 63]) {
      await writeFile(first(torn), opening.subarray(0, bytes));
      assert.deepEqual(await readBack(torn), []);
      await rm(first(torn));
    }
  });
});

describe("damage", () => {
  test("any flipped byte of an acknowledged record with records behind it is corruption, with file, place and advice", async () => {
    const { directory, positions } = await killed(["one", patternBytes(300, 1), "three"]);
    const middle = positions[1] as number;
    const pristine = await readFile(first(directory));
    for (let at = middle; at < middle + recordBytes(300); at += 7) {
      await writeFile(first(directory), pristine);
      await flip(first(directory), at);
      assert.throws(
        () => recovered(directory),
        (failure) =>
          failure instanceof LogCorrupted &&
          failure.message.includes(`${first(directory)} is damaged at byte ${middle}`) &&
          failure.message.includes("backup"),
        `byte ${at - middle} of the record`,
      );
    }
    await assert.rejects(Journal.open(directory, options), LogCorrupted);
    await writeFile(first(directory), pristine);
    assert.equal((await readBack(directory)).length, 3);
  });

  test("zeroed acknowledged records with records behind them are corruption too", async () => {
    const { directory, positions } = await killed(["one", "two", "three"]);
    const bytes = await readFile(first(directory));
    bytes.fill(0, positions[1], positions[2]);
    await writeFile(first(directory), bytes);
    assert.throws(() => recovered(directory), LogCorrupted);
  });

  test("after an orderly end even the last record is guarded", async () => {
    const directory = await fresh();
    const journal = await Journal.open(directory, options);
    const position = Number(await (await journal.open("a", 1n)).append([encoder.encode("last")]));
    await journal.close();
    await flip(first(directory), position + 41);
    assert.throws(() => recovered(directory), LogCorrupted);
  });

  test("a record damaged while the journal is open is not handed out", async () => {
    const directory = await fresh();
    const journal = await Journal.open(directory, options);
    const writer = await journal.open("a", 1n);
    await writer.append([encoder.encode("one")]);
    const position = Number(await writer.append([encoder.encode("two")]));
    await flip(first(directory), position + 41);
    const seen: string[] = [];
    await assert.rejects(async () => {
      for await (const { body } of journal.read("a")) seen.push(new TextDecoder().decode(body));
    }, LogCorrupted);
    assert.deepEqual(seen, ["one"]);
    await journal.close();
  });

  test("in an earlier file a torn end, a flipped byte, or a damaged header is corruption", async () => {
    const directory = await manyFiles();
    const names = (await readdir(directory)).toSorted();
    assert.ok(names.length >= 4);
    const second = join(directory, names[1] as string);
    const pristine = await readFile(second);
    const { size } = await stat(second);
    for (const harm of [
      () => truncate(second, size / 2),
      () => flip(second, 30_000),
      () => flip(second, 20),
      () => flip(second, 70),
      () => writeFile(second, ""),
    ]) {
      await harm();
      assert.throws(
        () => recovered(directory),
        (failure) => failure instanceof LogCorrupted && failure.message.includes(second),
      );
      await writeFile(second, pristine);
    }
    assert.equal((await readBack(directory)).length, 100);
  });

  test("a damaged header or opening of the file that was written to is corruption, not a file that never began", async () => {
    const directory = await manyFiles();
    const begun = recovered(directory).files.at(-1);
    assert.ok(begun !== undefined);
    const path = join(directory, fileName(begun.sequence));
    for (const offset of [3, 25, 61, 64, 110]) {
      await flip(path, offset);
      assert.throws(() => recovered(directory), LogCorrupted, `byte ${offset}`);
      await flip(path, offset);
    }
    recovered(directory);
  });

  test("a missing file is told by name: in the middle, at the front, or swapped for another", async () => {
    const directory = await manyFiles();
    for (const sequence of [1, 2, 3]) {
      const path = join(directory, fileName(sequence));
      await rename(path, `${path}.away`);
      await assert.rejects(
        Journal.open(directory, options),
        (failure: Error) => failure instanceof LogCorrupted && failure.message.includes(`${path} is missing`),
      );
      await rename(`${path}.away`, path);
    }
    await copyFile(join(directory, fileName(3)), join(directory, fileName(2)));
    assert.throws(() => recovered(directory), /says that it is file 3/);
  });

  test("files left by a deletion that was cut short are in nobody's way, in whatever order they went", async () => {
    const directory = await manyFiles();
    const copies = await fresh();
    await cp(directory, copies, { recursive: true });
    const journal = await Journal.open(directory, options);
    await journal.truncate("a", (await journal.bounds("a")).end);
    const bounds = await journal.bounds("a");
    await journal.close();
    assert.ok((await readdir(directory)).length <= 2);
    for (const sequence of [1, 3])
      await copyFile(join(copies, fileName(sequence)), join(directory, fileName(sequence)));
    const reopened = await Journal.open(directory, options);
    assert.deepEqual(await reopened.bounds("a"), bounds);
    await reopened.close();
    assert.ok((await readdir(directory)).length <= 2);
  });

  test("a file of an unknown version or with unknown features is refused by name and left alone", async () => {
    const { directory } = await killed(["one"]);
    for (const [offset, named] of [
      [8, /format version 77; this program knows 1/],
      [12, /feature flags 0x4d/],
    ] as const) {
      const bytes = await readFile(first(directory));
      const pristine = Buffer.from(bytes);
      bytes[offset] = 77;
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
      await writeFile(first(directory), bytes);
      await assert.rejects(
        Journal.open(directory, options),
        (failure: Error) => failure instanceof LogUnavailable && named.test(failure.message),
      );
      assert.ok(bytes.equals(await readFile(first(directory))));
      await writeFile(first(directory), pristine);
    }
  });
});

async function manyFiles(): Promise<string> {
  const directory = await fresh();
  const journal = await Journal.open(directory, options);
  const writer = await journal.open("a", 1n);
  for (let index = 0; index < 100; index++) await writer.append([patternBytes(3000, index)]);
  await journal.close();
  return directory;
}
