/** Conformance of metadata stores: ranges in the order of keys. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { compareUtf8 } from "../../base/utf8-order.ts";
import { type MakeStore, text, put } from "./subject.ts";

export function rangeTests(make: MakeStore): void {
  test("keys are in the order of their UTF-8 bytes", async (context) => {
    const { store } = await make(context);
    const keys = [
      "k",
      "k\0",
      "k/é",
      "k/\u{ffff}",
      "k/\u{10000}",
      "k/\u{e000}",
      "k/日本",
      "k/z",
      "k/Z",
      "k/z/a",
      "k/z!",
    ];
    await store.transaction(
      [],
      keys.map((key) => put(key)),
    );
    const found = (await store.range("k")).map((entry) => entry.key);
    assert.deepEqual(found, keys.toSorted(compareUtf8));
    for (const key of keys) assert.equal(text((await store.get(key))?.value), key);
  });

  test("pages of every size join to the whole range", async (context) => {
    const { store } = await make(context);
    const keys = Array.from({ length: 23 }, (_, index) => `p/${String(index).padStart(2, "0")}`);
    await store.transaction(
      [],
      [...keys, "o", "q"].map((key) => put(key)),
    );
    for (const limit of [1, 2, 7, 22, 23, 24, 1000]) {
      const found: string[] = [];
      for (let after: string | undefined; ; after = found.at(-1)) {
        const page = await store.range("p/", after === undefined ? { limit } : { limit, after });
        found.push(...page.map((entry) => entry.key));
        assert.ok(page.length <= limit);
        if (page.length < limit) break;
      }
      assert.deepEqual(found, keys);
    }
    assert.deepEqual(await store.range("p/", { after: "q" }), []);
    assert.equal((await store.range("p/", { after: "a" })).length, 23);
    assert.equal((await store.range("p/", { after: "p/215" })).length, 1);
  });

  test("a long range is of one revision while writers go on", async (context) => {
    const { store } = await make(context);
    const groups = 12;
    const write = async (round: number): Promise<void> => {
      // All groups change in one transaction each; within a round every group carries the same number.
      const marks = Array.from({ length: groups }, (_, group) => put(`r/${group}/999-mark`, String(round)));
      await store.transaction([], marks);
    };
    for (let group = 0; group < groups; group++) {
      const rows = Array.from({ length: 100 }, (_, row) => put(`r/${group}/${String(row).padStart(3, "0")}`));
      await store.transaction([], rows);
    }
    await write(0);
    const reading = { isOver: false };
    const writer = (async () => {
      for (let round = 1; !reading.isOver; round++) await write(round);
    })();
    try {
      for (let read = 0; read < 5; read++) {
        const entries = await store.range("r/");
        assert.equal(entries.length, groups * 101);
        const marks = entries.filter((entry) => entry.key.endsWith("mark"));
        assert.equal(new Set(marks.map((entry) => text(entry.value))).size, 1, "all marks are of one transaction");
      }
    } finally {
      reading.isOver = true;
      await writer;
    }
  });
}
