/** Conformance of logs: truncation and bounds. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogBackend, Truncated } from "../log.ts";
import { appendTexts, decoder, texts } from "./records-of.ts";
import type { MakeLog } from "./subject.ts";

export function truncationTests(fresh: MakeLog): void {
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
}
