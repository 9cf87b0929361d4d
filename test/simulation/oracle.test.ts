/** An oracle is worth what it refuses: each wrong answer here must be noticed, and each right one beside it must not. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type FoundRow, type Mutation, Oracle, WrongAnswer } from "./oracle.ts";

const CHANNEL = "c";

/** Key 1 with value 10, acknowledged at tick 100. */
function withOneRow(): { readonly oracle: Oracle; readonly row: FoundRow } {
  const oracle = new Oracle();
  oracle.acknowledged(oracle.sent(CHANNEL, [{ key: 1n, value: 10n }], [], null), 100n);
  return { oracle, row: { key: 1n, value: 10n, tick: 100n } };
}

function read(oracle: Oracle, timestamp: bigint, ...found: FoundRow[]): void {
  oracle.checkRead({ channel: CHANNEL, timestamp, keys: null, matches: null, found });
}

/** A process died with this on its way, and its successor began at `before`. */
function lost(oracle: Oracle, mutation: Mutation, before: bigint): Mutation {
  mutation.state = "unknown";
  oracle.settled(before);
  return mutation;
}

describe("oracle", () => {
  test("an acknowledged row is there from its tick on, and not before", () => {
    const { oracle, row } = withOneRow();
    read(oracle, 100n, row);
    read(oracle, 99n);
    assert.throws(() => read(oracle, 100n), WrongAnswer);
    assert.throws(() => read(oracle, 99n, row), WrongAnswer);
  });

  test("a row comes once, as it was written, when it was written, from its channel", () => {
    const { oracle, row } = withOneRow();
    assert.throws(() => read(oracle, 200n, row, row), /twice/);
    assert.throws(() => read(oracle, 200n, { ...row, value: 11n }), /never sent/);
    assert.throws(() => read(oracle, 200n, { ...row, key: 2n }), /never sent/);
    assert.throws(() => read(oracle, 200n, { ...row, tick: 101n }), /written at 100/);
    const elsewhere = { channel: "d", timestamp: 200n, keys: [1n], matches: null, found: [row] };
    assert.throws(() => oracle.checkRead(elsewhere), /another channel/);
  });

  test("a deleted row is there before the delete only; a delete spares what is newer or above its bound", () => {
    const { oracle, row } = withOneRow();
    oracle.acknowledged(oracle.sent(CHANNEL, [], [1n], 100n), 150n);
    read(oracle, 160n, row);
    oracle.acknowledged(oracle.sent(CHANNEL, [], [1n], null), 200n);
    read(oracle, 199n, row);
    read(oracle, 200n);
    assert.throws(() => read(oracle, 200n, row), /deleted/);
    oracle.acknowledged(oracle.sent(CHANNEL, [{ key: 1n, value: 11n }], [1n], null), 300n);
    read(oracle, 300n, { key: 1n, value: 11n, tick: 300n });
    assert.throws(() => read(oracle, 300n), /missing/);
    assert.throws(() => read(oracle, 300n, row), WrongAnswer);
  });

  test("what was refused never comes", () => {
    const { oracle, row } = withOneRow();
    oracle.refused(oracle.sent(CHANNEL, [{ key: 2n, value: 20n }], [1n], null));
    read(oracle, 200n, row);
    assert.throws(() => read(oracle, 200n), /missing/);
    assert.throws(() => read(oracle, 200n, row, { key: 2n, value: 20n, tick: 150n }), /refused/);
  });

  test("of unknown fate: all rows or none, at a tick that is possible, and then for good", () => {
    const sent = (oracle: Oracle): Mutation =>
      lost(
        oracle,
        oracle.sent(
          CHANNEL,
          [
            { key: 2n, value: 20n },
            { key: 3n, value: 30n },
          ],
          [],
          null,
        ),
        500n,
      );
    const rows = (tick: bigint): FoundRow[] => [
      { key: 2n, value: 20n, tick },
      { key: 3n, value: 30n, tick },
    ];
    {
      const { oracle, row } = withOneRow();
      sent(oracle);
      read(oracle, 600n, row, ...rows(300n));
      assert.throws(() => read(oracle, 700n, row), /missing/);
      assert.throws(() => read(oracle, 300n, row), /missing/);
      read(oracle, 299n, row);
    }
    {
      const { oracle, row } = withOneRow();
      sent(oracle);
      read(oracle, 600n, row);
      assert.throws(() => read(oracle, 700n, row, ...rows(300n)), /refused/);
    }
    for (const tick of [100n, 500n]) {
      const { oracle, row } = withOneRow();
      sent(oracle);
      assert.throws(() => read(oracle, 600n, row, ...rows(tick)), /cannot have this tick/);
    }
    {
      const { oracle, row } = withOneRow();
      sent(oracle);
      assert.throws(() => read(oracle, 600n, row, rows(300n)[0]!), /missing/, "half of it");
    }
  });

  test("a delete of unknown fate hides its row or not, but not now this way and now that", () => {
    {
      const { oracle, row } = withOneRow();
      lost(oracle, oracle.sent(CHANNEL, [], [1n], null), 500n);
      read(oracle, 600n);
      assert.throws(() => read(oracle, 700n, row), /back/);
      read(oracle, 150n, row);
    }
    {
      const { oracle, row } = withOneRow();
      lost(oracle, oracle.sent(CHANNEL, [], [1n], null), 500n);
      read(oracle, 600n, row);
      assert.throws(() => read(oracle, 700n), /missing/);
      assert.throws(() => read(oracle, 550n), /missing/);
    }
  });

  test("an early answer is looked at again once the tick of what was on its way is known", () => {
    const { oracle, row } = withOneRow();
    const pending = oracle.sent(CHANNEL, [{ key: 2n, value: 20n }], [], null);
    read(oracle, 300n, row);
    oracle.acknowledged(pending, 200n);
    assert.throws(() => oracle.checkAgain(), /key 2 .* missing at 300/);
  });

  test("ticks are given out behind what was seen", () => {
    const { oracle } = withOneRow();
    const mutation = oracle.sent(CHANNEL, [{ key: 2n, value: 20n }], [], null);
    assert.throws(() => oracle.acknowledged(mutation, 100n), WrongAnswer);
  });

  test("a count lies between what must and what may be there", () => {
    const { oracle } = withOneRow();
    oracle.checkCount(CHANNEL, 200n, 1);
    assert.throws(() => oracle.checkCount(CHANNEL, 200n, 0), WrongAnswer);
    assert.throws(() => oracle.checkCount(CHANNEL, 200n, 2), WrongAnswer);
    lost(oracle, oracle.sent(CHANNEL, [{ key: 2n, value: 20n }], [], null), 500n);
    oracle.checkCount(CHANNEL, 600n, 2);
    assert.throws(() => oracle.checkCount(CHANNEL, 600n, 3), WrongAnswer);
  });
});
