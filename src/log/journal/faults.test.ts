/** Full disks, failed syncs, short writes: the writer runs in this thread on files that do what the test says. */

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { SystemRuntime } from "../../base/host/system.ts";
import { collect, patternBytes, texts } from "../conformance/records-of.ts";
import { AppendOutcomeUnknown, LogUnavailable, Truncated, type LogBackend } from "../log.ts";
import { nodeFiles, type JournalFiles } from "./files.ts";
import { Journal, type JournalOptions } from "./journal.ts";
import { openWriter, serveWriter, type FromWriter, type StartWriter, type ToWriter } from "./protocol.ts";
import { JournalWriter } from "./writer.ts";

const runtime = new SystemRuntime();
const encoder = new TextEncoder();
const directories: string[] = [];

after(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});

async function fresh(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "elanus-faults-"));
  directories.push(directory);
  return directory;
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** A disk of limited size that writes as little at a time as the test wants and fails syncs on demand. */
class FaultyFiles {
  capacityBytes = Infinity;
  largestWriteBytes = Infinity;
  failSync: string | null = null;
  syncs = 0;
  readonly #sizes = new Map<string, number>();
  readonly #paths = new Map<number, string>();

  readonly files: JournalFiles = {
    ...nodeFiles,
    open: (path, mode) => {
      const file = nodeFiles.open(path, mode);
      if (mode === "look") return file;
      this.#paths.set(file, path);
      this.#sizes.set(path, nodeFiles.size(file));
      return file;
    },
    write: (file, parts, position) => {
      const path = this.#paths.get(file) as string;
      const size = this.#sizes.get(path) as number;
      const used = [...this.#sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
      const room = Math.max(0, this.capacityBytes - used);
      const most = Math.min(this.largestWriteBytes, size + room - position);
      if (most <= 0) throw failure("ENOSPC");
      const bytes = Buffer.concat(parts).subarray(0, most);
      const written = nodeFiles.write(file, [bytes], position);
      this.#sizes.set(path, Math.max(size, position + written));
      return written;
    },
    sync: (file) => {
      this.syncs += 1;
      if (this.failSync !== null) throw failure(this.failSync);
      nodeFiles.sync(file);
    },
    remove: (path) => {
      nodeFiles.remove(path);
      this.#sizes.delete(path);
    },
  };
}

/** The writer beside its journal, in one thread; messages still travel asynchronously. */
function besideJournal(directory: string, files: JournalFiles, fileBytes: number): StartWriter {
  return (receive) => {
    const writer = new JournalWriter(files, directory, { fileBytes, stepBytes: 8192, reserveBytes: 1024 });
    const answer = (message: FromWriter): void => void setImmediate(() => receive(message));
    let queue: ToWriter[] = [];
    let alive = openWriter(writer, answer);
    return {
      send(message) {
        queue.push(message);
        if (queue.length > 1) return;
        setImmediate(() => {
          const messages = queue;
          queue = [];
          if (alive) alive = serveWriter(writer, messages, answer);
        });
      },
      setBusy: () => {},
      end: async () => {},
    };
  };
}

async function openFaulty(
  directory: string,
  faulty: FaultyFiles,
  options: Partial<JournalOptions> = {},
  fileBytes = 1024 * 1024,
): Promise<Journal> {
  const startWriter = besideJournal(directory, faulty.files, fileBytes);
  return Journal.open(directory, { runtime, startWriter, ...options });
}

async function readAfresh(directory: string, channel: string): Promise<string[]> {
  const journal: LogBackend = await Journal.open(directory, { runtime });
  const read = await texts(journal, channel);
  await journal.close();
  return read;
}

describe("a failed sync", () => {
  test("acknowledges nothing, is never repeated, and ends the process through onFatal", async () => {
    const directory = await fresh();
    const faulty = new FaultyFiles();
    const fatal: Error[] = [];
    const journal = await openFaulty(directory, faulty, { onFatal: (error) => fatal.push(error) });
    const writer = await journal.open("a", 1n);
    await writer.append([encoder.encode("before")]);
    faulty.failSync = "EIO";
    const before = faulty.syncs;
    const outcomes = await Promise.allSettled(["x", "y"].map((text) => writer.append([encoder.encode(text)])));
    for (const outcome of outcomes) {
      assert.ok(outcome.status === "rejected" && outcome.reason instanceof AppendOutcomeUnknown);
    }
    assert.equal(fatal.length, 1);
    assert.match(fatal[0]?.message ?? "", /EIO/);
    faulty.failSync = null;
    await assert.rejects(writer.append([encoder.encode("later")]), LogUnavailable);
    await assert.rejects(journal.open("a", 2n), LogUnavailable);
    assert.equal(faulty.syncs, before + 1, "the failed sync was not tried again");
    await journal.close();
  });

  test("also when the next file is begun", async () => {
    const directory = await fresh();
    const faulty = new FaultyFiles();
    const fatal: Error[] = [];
    const journal = await openFaulty(directory, faulty, { onFatal: (error) => fatal.push(error) }, 16 * 1024);
    const writer = await journal.open("a", 1n);
    await writer.append([patternBytes(7000, 1)]);
    faulty.failSync = "EIO";
    await assert.rejects(writer.append([patternBytes(12_000, 2)]), AppendOutcomeUnknown);
    assert.equal(fatal.length, 1);
    await journal.close();
  });
});

describe("a full disk", () => {
  test("refuses appends, lets reads and truncation go on, and takes appends again when there is space", async () => {
    const directory = await fresh();
    const faulty = new FaultyFiles();
    const journal = await openFaulty(directory, faulty, {}, 16 * 1024);
    const writer = await journal.open("a", 1n);
    const acknowledged: bigint[] = [];
    faulty.capacityBytes = 60 * 1024;
    let refused = 0;
    for (let index = 0; index < 100; index++) {
      const outcome = await writer.append([encoder.encode(`${index} `.padEnd(2000, "."))]).catch((error: unknown) => {
        assert.ok(error instanceof LogUnavailable, String(error));
        assert.match(error.message, /disk is full.*\.journal.*takes no more records.*Free space/);
        refused += 1;
        return null;
      });
      if (outcome !== null) acknowledged.push(outcome);
    }
    assert.ok(refused > 50 && acknowledged.length > 10, `${refused} refused, ${acknowledged.length} acknowledged`);
    const positions = async (): Promise<bigint[]> => (await collect(journal, "a")).map((record) => record.position);
    assert.deepEqual(await positions(), acknowledged);
    // The log itself makes the space: truncation is written into the reserve and deletes files.
    const middle = acknowledged[Math.floor(acknowledged.length / 2)] as bigint;
    await journal.truncate("a", middle);
    acknowledged.splice(0, acknowledged.indexOf(middle));
    acknowledged.push(await writer.append([encoder.encode("after truncation")]));
    assert.deepEqual(await positions(), acknowledged);
    faulty.capacityBytes = Infinity;
    acknowledged.push(await writer.append([patternBytes(30_000, 1)]));
    assert.deepEqual(await positions(), acknowledged);
    await journal.close();
    assert.equal((await readAfresh(directory, "a")).length, acknowledged.length);
  });

  test("never lets a refused record come back, whatever part of it was written", async () => {
    for (let missing = 1; missing < 8000; missing += 611) {
      const directory = await fresh();
      const faulty = new FaultyFiles();
      const journal = await openFaulty(directory, faulty);
      const writer = await journal.open("a", 1n);
      await writer.append([encoder.encode("kept")]);
      faulty.capacityBytes = 8192 + 8000 - missing;
      const large = ["x", "y", "z"].map((text) => writer.append([encoder.encode(text.padEnd(5000, text))]));
      for (const outcome of await Promise.allSettled(large)) {
        assert.ok(outcome.status === "rejected" && outcome.reason instanceof LogUnavailable);
      }
      const small = await writer.append([encoder.encode("small")]).then(
        () => ["small"],
        () => [],
      );
      faulty.capacityBytes = Infinity;
      await writer.append([encoder.encode("again")]);
      await journal.close();
      assert.deepEqual(await readAfresh(directory, "a"), ["kept", ...small, "again"]);
    }
  });

  test("still lets a new owner fence the old one", async () => {
    const directory = await fresh();
    const faulty = new FaultyFiles();
    const journal = await openFaulty(directory, faulty);
    const writer = await journal.open("a", 1n);
    faulty.capacityBytes = 0;
    for (let index = 0; index < 20; index++) await writer.append([new Uint8Array(1000)]).catch(() => undefined);
    await assert.rejects(writer.append([new Uint8Array(1000)]), LogUnavailable);
    const next = await journal.open("a", 2n);
    await assert.rejects(next.append([new Uint8Array(1000)]), LogUnavailable);
    await journal.close();
    const reopened = await Journal.open(directory, { runtime });
    await assert.rejects(reopened.open("a", 1n), /owned under term 2/);
    await reopened.close();
  });

  test("at the first opening is told, and a later opening works", async () => {
    const directory = await fresh();
    const faulty = new FaultyFiles();
    faulty.capacityBytes = 1000;
    await assert.rejects(openFaulty(directory, faulty), LogUnavailable);
    assert.deepEqual(await readdir(directory), []);
    faulty.capacityBytes = Infinity;
    await (await openFaulty(directory, faulty)).close();
  });
});

test("group commit: what arrives during a sync shares the next one", async () => {
  const directory = await fresh();
  const faulty = new FaultyFiles();
  const journal = await openFaulty(directory, faulty);
  const writer = await journal.open("a", 1n);
  const before = faulty.syncs;
  await Promise.all(Array.from({ length: 5000 }, () => writer.append([new Uint8Array(50)])));
  assert.ok(faulty.syncs - before <= 5, `${faulty.syncs - before} syncs for 5000 appends made at once`);
  await journal.close();
});

test("short writes are finished", async () => {
  const directory = await fresh();
  const faulty = new FaultyFiles();
  faulty.largestWriteBytes = 333;
  const journal = await openFaulty(directory, faulty, {}, 16 * 1024);
  const writer = await journal.open("a", 1n);
  const bodies = Array.from({ length: 30 }, (_, index) => patternBytes(index * 97, index));
  await Promise.all(bodies.map((body) => writer.append([body])));
  await journal.close();
  const reopened = await Journal.open(directory, { runtime });
  const read = await collect(reopened, "a");
  assert.deepEqual(
    read.map((record) => Buffer.from(record.body).toString("hex")),
    bodies.map((body) => Buffer.from(body).toString("hex")),
  );
  await reopened.close();
});

describe("files", () => {
  test("go when every channel allows it; channels without live records hold nothing back", async () => {
    const directory = await fresh();
    const options = { runtime, fileBytes: 16 * 1024 };
    const journal = await Journal.open(directory, options);
    const count = async (): Promise<number> => (await readdir(directory)).length;
    const [one, two] = await Promise.all([journal.open("one", 1n), journal.open("two", 7n), journal.open("idle", 3n)]);
    for (let index = 0; index < 40; index++) {
      await one.append([patternBytes(1000, index)]);
      await two.append([patternBytes(1000, index)]);
    }
    const before = await count();
    assert.ok(before >= 5);
    await journal.truncate("one", (await journal.bounds("one")).end);
    assert.equal(await count(), before, "the other channel still needs them");
    await journal.truncate("two", (await journal.bounds("two")).end);
    assert.ok((await count()) <= 2, "only the file that is written to and one made ahead are left");
    const bounds = await Promise.all(["one", "two", "idle"].map((channel) => journal.bounds(channel)));
    await journal.close();
    const reopened = await Journal.open(directory, options);
    assert.deepEqual(await Promise.all(["one", "two", "idle"].map((channel) => reopened.bounds(channel))), bounds);
    await assert.rejects(reopened.open("idle", 2n), /owned under term 3/);
    await assert.rejects(reopened.open("two", 6n), /owned under term 7/);
    await assert.rejects(collect(reopened, "one", { from: 0n }), Truncated);
    await reopened.close();
  });

  test("that a slow reader still reads may go: it is told Truncated and goes on from the new start", async () => {
    const directory = await fresh();
    const journal = await Journal.open(directory, { runtime, fileBytes: 16 * 1024 });
    const writer = await journal.open("a", 1n);
    const positions: bigint[] = [];
    for (let index = 0; index < 60; index++) positions.push(await writer.append([patternBytes(1000, index)]));
    for (const seenBefore of [1, 10, 17, 30]) {
      const seen: bigint[] = [];
      const next = positions[seenBefore + 20] as bigint;
      const { earliest } = await journal.bounds("a");
      await assert.rejects(async () => {
        for await (const record of journal.read("a", { from: earliest })) {
          seen.push(record.position);
          if (seen.length === 5) await journal.truncate("a", next);
        }
      }, Truncated);
      assert.equal(seen.length, 5);
      const rest = (await collect(journal, "a", { from: next })).map((record) => record.position);
      assert.deepEqual(rest, positions.slice(seenBefore + 20));
    }
    await journal.close();
  });
});

test("a very large record is copied in slices, between which the event loop goes on", async () => {
  const directory = await fresh();
  const journal = await Journal.open(directory, { runtime });
  const writer = await journal.open("a", 1n);
  const body = new Uint8Array(64 * 1024 * 1024).fill(7);
  let turns = 0;
  const count = (): void => {
    turns += 1;
    turning = setImmediate(count);
  };
  let turning = setImmediate(count);
  const [large, small] = await Promise.all([writer.append([body]), writer.append([encoder.encode("small")])]);
  clearImmediate(turning);
  assert.ok(large < small, "a small record does not overtake the large one of the same caller");
  assert.ok(turns >= 16, `the loop turned only ${turns} times while 64 MiB were copied and written`);
  const [read] = await collect(journal, "a");
  assert.ok(Buffer.from(read?.body as Uint8Array).equals(body));
  await journal.close();
});
