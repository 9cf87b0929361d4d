/**
 * What every `LogBackend` must do, as one suite that each implementation runs.
 *
 * `make` gives a fresh log for one test: `open()` opens it (again after a close: a restart) and `dispose()` removes it. Give the
 * backend a small `maxRecordBytes` (1 MiB, say): the suite appends records of that size.
 */

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import {
  Fenced,
  LogUnavailable,
  RecordTooLarge,
  Truncated,
  type LogBackend,
  type LogPosition,
  type LogRecord,
  type LogWriter,
  type ReadOptions,
} from "./log.ts";

export interface LogUnderTest {
  open(): Promise<LogBackend>;
  dispose(): Promise<void>;
}

export interface LogConformanceOptions {
  /** Records of the throughput test. */
  readonly smallRecords?: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes that differ from place to place and from seed to seed. */
export function patternBytes(count: number, seed: number): Uint8Array {
  const body = new Uint8Array(count);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let index = 0; index < count; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    body[index] = state >>> 24;
  }
  return body;
}

export async function collect(log: LogBackend, channel: string, options?: ReadOptions): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of log.read(channel, options)) records.push(record);
  return records;
}

export async function texts(log: LogBackend, channel: string, options?: ReadOptions): Promise<string[]> {
  return (await collect(log, channel, options)).map((record) => decoder.decode(record.body));
}

async function hexBodies(log: LogBackend, channel: string): Promise<string[]> {
  return (await collect(log, channel)).map((record) => Buffer.from(record.body).toString("hex"));
}

async function appendTexts(writer: LogWriter, ...bodies: string[]): Promise<LogPosition[]> {
  const positions: LogPosition[] = [];
  for (const body of bodies) positions.push(await writer.append([bytes(body)]));
  return positions;
}

function ascending(positions: readonly LogPosition[]): boolean {
  return positions.every((position, index) => index === 0 || position > (positions[index - 1] as LogPosition));
}

/** The first `count` records of a following read. */
async function follow(log: LogBackend, channel: string, count: number, from?: LogPosition): Promise<LogRecord[]> {
  const stop = new AbortController();
  const options = { follow: true, signal: stop.signal, ...(from === undefined ? {} : { from }) };
  const records: LogRecord[] = [];
  if (count === 0) return records;
  for await (const record of log.read(channel, options)) {
    records.push(record);
    if (records.length === count) stop.abort();
  }
  return records;
}

export function logConformance(
  name: string,
  make: () => Promise<LogUnderTest>,
  { smallRecords = 100_000 }: LogConformanceOptions = {},
): void {
  describe(`log conformance: ${name}`, () => {
    const made: LogUnderTest[] = [];
    after(async () => {
      for (const underTest of made) await underTest.dispose();
    });

    async function fresh(): Promise<{ log: LogBackend; reopen: () => Promise<LogBackend> }> {
      const underTest = await make();
      made.push(underTest);
      let log = await underTest.open();
      return {
        log,
        reopen: async () => {
          await log.close();
          log = await underTest.open();
          return log;
        },
      };
    }

    test("records come back in order, at the positions they were given, with their term", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 7n);
      assert.equal(writer.channel, "a");
      assert.equal(writer.term, 7n);
      const positions = await appendTexts(writer, "one", "two", "three");
      assert.ok(ascending(positions));
      const records = await collect(log, "a");
      assert.deepEqual(
        records.map((record) => [record.position, record.term, decoder.decode(record.body)]),
        positions.map((position, index) => [position, 7n, ["one", "two", "three"][index]]),
      );
      await log.close();
    });

    test("reading starts at the first record at or after the wanted position", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 1n);
      const positions = await appendTexts(writer, "one", "two", "three");
      const { earliest, end } = await log.bounds("a");
      assert.deepEqual(await texts(log, "a", { from: earliest }), ["one", "two", "three"]);
      assert.deepEqual(await texts(log, "a", { from: positions[1] as bigint }), ["two", "three"]);
      assert.deepEqual(await texts(log, "a", { from: (positions[1] as bigint) + 1n }), ["three"]);
      assert.deepEqual(await texts(log, "a", { from: end }), []);
      assert.deepEqual(await texts(log, "a", { from: end + 1_000_000n }), []);
      await log.close();
    });

    test("a read that does not follow ends at what was durable when it began", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 1n);
      await appendTexts(writer, "one", "two");
      const seen: string[] = [];
      for await (const record of log.read("a")) {
        seen.push(decoder.decode(record.body));
        await appendTexts(writer, "later");
      }
      assert.deepEqual(seen, ["one", "two"]);
      await log.close();
    });

    test("a following read gets what was there and what comes, and ends when its signal aborts", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 1n);
      await appendTexts(writer, "one");
      const following = follow(log, "a", 4);
      const positions = await appendTexts(writer, "two", "three", "four");
      const records = await following;
      assert.deepEqual(
        records.map((record) => decoder.decode(record.body)),
        ["one", "two", "three", "four"],
      );
      assert.equal(records[3]?.position, positions[2]);
      const stop = new AbortController();
      const idle = collect(log, "a", { from: (positions[2] as bigint) + 1n, follow: true, signal: stop.signal });
      await appendTexts(await log.open("other", 1n), "not for this reader");
      stop.abort();
      assert.deepEqual(await idle, []);
      await log.close();
    });

    test("a following read may wait on a channel that nobody has written yet", async () => {
      const { log } = await fresh();
      const following = follow(log, "new", 1);
      await appendTexts(await log.open("new", 1n), "first");
      assert.equal(decoder.decode((await following)[0]?.body), "first");
      await log.close();
    });

    test("concurrent appends all land once, in the order of their positions", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 1n);
      const count = 2000;
      const positions = await Promise.all(
        Array.from({ length: count }, (_, index) => writer.append([bytes(`record ${index}`)])),
      );
      const byPosition = new Map(positions.map((position, index) => [position, `record ${index}`]));
      assert.equal(byPosition.size, count);
      const records = await collect(log, "a");
      assert.equal(records.length, count);
      assert.ok(ascending(records.map((record) => record.position)));
      for (const record of records) assert.equal(decoder.decode(record.body), byPosition.get(record.position));
      await log.close();
    });

    test("channels do not see each other", async () => {
      const { log } = await fresh();
      const [one, two] = await Promise.all([log.open("one", 1n), log.open("two", 5n)]);
      for (let index = 0; index < 50; index++) {
        await Promise.all([one.append([bytes(`1-${index}`)]), two.append([bytes(`2-${index}`)])]);
      }
      const expected = Array.from({ length: 50 }, (_, index) => index);
      assert.deepEqual(
        await texts(log, "one"),
        expected.map((index) => `1-${index}`),
      );
      assert.deepEqual(
        await texts(log, "two"),
        expected.map((index) => `2-${index}`),
      );
      await log.close();
    });

    test("the largest record is kept and one byte more is refused and leaves nothing", async () => {
      const { log, reopen } = await fresh();
      const writer = await log.open("a", 1n);
      const largest = patternBytes(log.maxRecordBytes, 1);
      await writer.append([largest]);
      await assert.rejects(writer.append([largest, new Uint8Array(1)]), RecordTooLarge);
      await writer.append([bytes("after")]);
      const opened = await reopen();
      const records = await collect(opened, "a");
      assert.equal(records.length, 2);
      assert.ok(Buffer.from(records[0]?.body as Uint8Array).equals(largest));
      assert.equal(decoder.decode(records[1]?.body), "after");
      await opened.close();
    });

    test("empty bodies, no parts, many parts and views into larger buffers are kept byte for byte", async () => {
      const { log, reopen } = await fresh();
      const writer = await log.open("a", 1n);
      const backing = patternBytes(1000, 3);
      const bodies: Uint8Array[][] = [
        [],
        [new Uint8Array(0)],
        [backing.subarray(13, 14)],
        [backing.subarray(0, 100), new Uint8Array(0), backing.subarray(500, 777), bytes("é漢😀\0")],
        ...Array.from({ length: 70 }, (_, length) => [patternBytes(length, length)]),
      ];
      for (const parts of bodies) await writer.append(parts);
      const expected = bodies.map((parts) => Buffer.concat(parts).toString("hex"));
      assert.deepEqual(await hexBodies(log, "a"), expected);
      const reopened = await reopen();
      assert.deepEqual(await hexBodies(reopened, "a"), expected);
      await reopened.close();
    });

    test("a body belongs to its reader, and the writer may reuse its buffers once the append has settled", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 1n);
      const body = bytes("original");
      await writer.append([body]);
      body.fill(0);
      const [first] = await collect(log, "a");
      assert.equal(decoder.decode(first?.body), "original");
      first?.body.fill(0);
      assert.deepEqual(await texts(log, "a"), ["original"]);
      await log.close();
    });

    test("after a restart everything is read again and positions go on growing", async () => {
      const { log, reopen } = await fresh();
      const before = await appendTexts(await log.open("a", 1n), "one", "two");
      const bounds = await log.bounds("a");
      const second = await reopen();
      assert.deepEqual(await second.bounds("a"), bounds);
      assert.deepEqual(await texts(second, "a"), ["one", "two"]);
      const later = await appendTexts(await second.open("a", 2n), "three");
      assert.ok(ascending([...before, ...later]));
      const third = await reopen();
      assert.deepEqual(
        (await collect(third, "a")).map((record) => record.term),
        [1n, 1n, 2n],
      );
      await third.close();
    });

    test("truncation moves the earliest position, durably, and reading before it is an error", async () => {
      const { log, reopen } = await fresh();
      const writer = await log.open("a", 1n);
      const positions = await appendTexts(writer, "one", "two", "three");
      const third = positions[2] as bigint;
      await log.truncate("a", third);
      await appendTexts(writer, "four");
      const check = async (opened: LogBackend): Promise<void> => {
        assert.equal((await opened.bounds("a")).earliest, third);
        assert.deepEqual(await texts(opened, "a"), ["three", "four"]);
        await assert.rejects(texts(opened, "a", { from: positions[0] as bigint }), Truncated);
        await assert.rejects(texts(opened, "a", { from: third - 1n, follow: true }), Truncated);
      };
      await check(log);
      const reopened = await reopen();
      await check(reopened);
      await reopened.close();
    });

    test("truncation is idempotent, never moves back, and refuses what the log does not have yet", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 1n);
      const positions = await appendTexts(writer, "one", "two", "three");
      await log.truncate("a", positions[1] as bigint);
      await log.truncate("a", positions[1] as bigint);
      await log.truncate("a", positions[0] as bigint);
      await log.truncate("a", 0n);
      assert.equal((await log.bounds("a")).earliest, positions[1]);
      const { end } = await log.bounds("a");
      await assert.rejects(log.truncate("a", end + 1n), RangeError);
      await log.truncate("a", end);
      assert.deepEqual(await texts(log, "a"), []);
      assert.equal((await log.bounds("a")).end, end);
      const [next] = await appendTexts(writer, "four");
      assert.ok((next as bigint) >= end);
      assert.deepEqual(await texts(log, "a"), ["four"]);
      await log.close();
    });

    test("a reader that the truncation point passes is told so and never skips in silence", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 1n);
      const positions = await appendTexts(writer, "one", "two", "three", "four");
      const seen: string[] = [];
      await assert.rejects(async () => {
        for await (const record of log.read("a")) {
          seen.push(decoder.decode(record.body));
          if (seen.length === 1) await log.truncate("a", positions[3] as bigint);
        }
      }, Truncated);
      assert.deepEqual(seen, ["one"]);
      await log.close();
    });

    test("bounds of an untouched channel are empty; a fence gives out no position that a reader sees", async () => {
      const { log } = await fresh();
      const untouched = await log.bounds("a");
      assert.ok(untouched.earliest <= untouched.end);
      assert.deepEqual(await texts(log, "a"), []);
      const writer = await log.open("a", 1n);
      assert.deepEqual(await texts(log, "a"), []);
      const [position] = await appendTexts(writer, "one");
      const { earliest, end } = await log.bounds("a");
      assert.ok(earliest <= (position as bigint) && (position as bigint) < end);
      await log.close();
    });

    test("a higher term fences the earlier writer; a lower term cannot open, not even after a restart", async () => {
      const { log, reopen } = await fresh();
      const old = await log.open("a", 3n);
      await appendTexts(old, "old");
      const young = await log.open("a", 4n);
      await assert.rejects(old.append([bytes("zombie")]), Fenced);
      await appendTexts(young, "young");
      await assert.rejects(log.open("a", 3n), Fenced);
      await appendTexts(young, "still there");
      const reopened = await reopen();
      await assert.rejects(reopened.open("a", 3n), Fenced);
      await assert.rejects(reopened.open("a", 0n), Fenced);
      assert.deepEqual(await texts(reopened, "a"), ["old", "young", "still there"]);
      await appendTexts(await reopened.open("a", 4n), "same term again");
      await reopened.close();
    });

    test("the same term may open again, which fences the earlier handle", async () => {
      const { log } = await fresh();
      const first = await log.open("a", 3n);
      const second = await log.open("a", 3n);
      await assert.rejects(first.append([bytes("zombie")]), Fenced);
      await appendTexts(second, "alive");
      assert.deepEqual(await texts(log, "a"), ["alive"]);
      await log.close();
    });

    test("fencing one channel leaves the others alone", async () => {
      const { log } = await fresh();
      const other = await log.open("other", 9n);
      const old = await log.open("a", 1n);
      await log.open("a", 2n);
      await appendTexts(other, "fine");
      await assert.rejects(old.append([bytes("zombie")]), Fenced);
      await log.close();
    });

    test("of the first writer's appends in flight each is acknowledged and readable, or Fenced and gone for good", async () => {
      const { log, reopen } = await fresh();
      const expected = new Set<string>();
      const gone = new Set<string>();
      for (let round = 1; round <= 20; round++) {
        const old = await log.open("a", BigInt(2 * round));
        const sent = Array.from({ length: round * 5 }, (_, index) => `${round}/${index}`);
        const outcomes = sent.map((text) =>
          old.append([bytes(text)]).then(
            () => expected.add(text),
            (failure: unknown) => {
              assert.ok(failure instanceof Fenced, String(failure));
              gone.add(text);
            },
          ),
        );
        const young = await log.open("a", BigInt(2 * round + 1));
        const atOpening = await texts(log, "a");
        await Promise.all(outcomes);
        assert.deepEqual(await texts(log, "a"), atOpening, "nothing of the old writer appears after the opening");
        await appendTexts(young, `${round}/young`);
        expected.add(`${round}/young`);
      }
      const reopened = await reopen();
      const read = await texts(reopened, "a");
      assert.equal(new Set(read).size, read.length);
      assert.deepEqual(new Set(read), expected);
      assert.ok(read.every((text) => !gone.has(text)));
      await reopened.close();
    });

    test("a third writer fences the second even while both are opening", async () => {
      const { log } = await fresh();
      const outcomes = await Promise.allSettled([log.open("a", 1n), log.open("a", 2n), log.open("a", 3n)]);
      const third = outcomes[2];
      assert.ok(third?.status === "fulfilled");
      for (const outcome of outcomes.slice(0, 2)) {
        if (outcome.status === "rejected") assert.ok(outcome.reason instanceof Fenced);
        else await assert.rejects(outcome.value.append([bytes("zombie")]), Fenced);
      }
      await appendTexts(third.value, "third");
      assert.deepEqual(await texts(log, "a"), ["third"]);
      await log.close();
    });

    test("a slow consumer blocks no writer and misses nothing", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 1n);
      const stop = new AbortController();
      const reader = log.read("a", { follow: true, signal: stop.signal })[Symbol.asyncIterator]();
      const first = reader.next();
      const count = 3000;
      const body = patternBytes(1000, 1);
      for (let sent = 0; sent < count; sent += 500) {
        await Promise.all(Array.from({ length: 500 }, (_, index) => writer.append([bytes(`${sent + index} `), body])));
      }
      const positions = [((await first).value as LogRecord).position];
      while (positions.length < count) positions.push(((await reader.next()).value as LogRecord).position);
      assert.ok(ascending(positions));
      stop.abort();
      assert.equal((await reader.next()).done, true);
      await log.close();
    });

    test("readers at different places do not disturb each other", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 1n);
      const positions = await appendTexts(writer, ...Array.from({ length: 100 }, (_, index) => `${index}`));
      const lengths = await Promise.all(
        [0, 10, 50, 99].map(async (index) => (await texts(log, "a", { from: positions[index] as bigint })).length),
      );
      assert.deepEqual(lengths, [100, 90, 50, 1]);
      await log.close();
    });

    test("closing waits for appends in flight; afterwards everything is LogUnavailable", async () => {
      const { log, reopen } = await fresh();
      const writer = await log.open("a", 1n);
      const appends = Array.from({ length: 200 }, (_, index) => writer.append([bytes(`${index}`)]));
      const outcomes = Promise.allSettled(appends);
      const reader = collect(log, "a", { follow: true, signal: new AbortController().signal });
      const readerEnds = assert.rejects(reader, LogUnavailable);
      await writer.close();
      await writer.close();
      await assert.rejects(writer.append([bytes("closed")]), LogUnavailable);
      const second = await log.open("a", 1n);
      const last = second.append([bytes("last")]);
      const reopened = await reopen();
      await readerEnds;
      await last;
      await log.close();
      await assert.rejects(second.append([bytes("closed")]), LogUnavailable);
      await assert.rejects(log.open("a", 2n), LogUnavailable);
      await assert.rejects(log.bounds("a"), LogUnavailable);
      await assert.rejects(log.truncate("a", 0n), LogUnavailable);
      await assert.rejects(async () => void (await collect(log, "a")), LogUnavailable);
      const acknowledged = (await outcomes).filter((outcome) => outcome.status === "fulfilled").length;
      assert.equal(acknowledged, 200);
      assert.equal((await texts(reopened, "a")).length, 201);
      await reopened.close();
    });

    test("back-pressure: appends far beyond the limit in flight all land, in order", async () => {
      const { log } = await fresh();
      const writer = await log.open("a", 1n);
      const size = Math.min(log.maxRecordBytes, 256 * 1024);
      const body = patternBytes(size, 5);
      const count = 100;
      const positions = await Promise.all(Array.from({ length: count }, () => writer.append([body])));
      assert.ok(ascending(positions));
      let read = 0;
      for await (const record of log.read("a")) {
        assert.ok(Buffer.from(record.body).equals(body));
        assert.equal(record.position, positions[read]);
        read += 1;
      }
      assert.equal(read, count);
      await log.close();
    });

    test(`${smallRecords} small records, acknowledged and read back after a restart`, async () => {
      const { log, reopen } = await fresh();
      const writer = await log.open("a", 1n);
      const body = new Uint8Array(20);
      for (let sent = 0; sent < smallRecords;) {
        const batch = Math.min(1000, smallRecords - sent);
        const appends: Promise<LogPosition>[] = [];
        for (let index = 0; index < batch; index++) appends.push(writer.append([bytes(`${sent + index}`), body]));
        await Promise.all(appends);
        sent += batch;
      }
      const reopened = await reopen();
      let read = 0;
      let last = -1n;
      for await (const record of reopened.read("a")) {
        assert.ok(record.position > last);
        last = record.position;
        const number = Number(decoder.decode(record.body.subarray(0, record.body.byteLength - 20)));
        if (number !== read) assert.equal(number, read);
        read += 1;
      }
      assert.equal(read, smallRecords);
      await reopened.close();
    });
  });
}
