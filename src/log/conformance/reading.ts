/** Conformance of logs: appends in order, and readers that follow or do not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { appendTexts, ascending, bytes, collect, decoder, follow, texts } from "./records-of.ts";
import type { MakeLog } from "./subject.ts";

export function readingTests(fresh: MakeLog): void {
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
}
