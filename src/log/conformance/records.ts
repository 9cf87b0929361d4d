/** Conformance of logs: what a record may be, and that it outlives a restart. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordTooLarge } from "../log.ts";
import { appendTexts, ascending, bytes, collect, decoder, hexBodies, patternBytes, texts } from "./records-of.ts";
import type { MakeLog } from "./subject.ts";

export function recordsTests(fresh: MakeLog): void {
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
}
