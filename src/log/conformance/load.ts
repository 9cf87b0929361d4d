/** Conformance of logs: many appends, slow readers, closing. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogPosition, type LogRecord, LogUnavailable } from "../log.ts";
import { appendTexts, ascending, bytes, collect, decoder, patternBytes, texts } from "./records-of.ts";
import type { MakeLog } from "./subject.ts";

export function loadTests(fresh: MakeLog, smallRecords: number): void {
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
}
