/** Conformance of logs: terms, and writers that were fenced. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Fenced } from "../log.ts";
import { appendTexts, bytes, texts } from "./records-of.ts";
import type { MakeLog } from "./subject.ts";

export function fencingTests(fresh: MakeLog): void {
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
}
