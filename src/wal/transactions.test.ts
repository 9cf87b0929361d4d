import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type LogMessages, type Message, MessageType } from "../model/message.ts";
import { insert, keysOf } from "./testing/messages.ts";
import { TransactionAssembler } from "./transactions.ts";

function record(timeTick: bigint, transactionId: bigint, message: Message, lastConfirmed = timeTick): LogMessages {
  return {
    channel: "dml_0_7v0",
    timeTick,
    confirmed: timeTick - 1n,
    lastConfirmed,
    transactionId,
    idempotencyKey: "",
    messages: [message],
  };
}

function accept(assembler: TransactionAssembler, ...records: LogMessages[]): (LogMessages | null)[] {
  return records.map((entry) => {
    const effective = assembler.accept({ position: entry.timeTick, record: entry });
    assert.ok(effective.length <= 1);
    return effective[0]?.record ?? null;
  });
}

const BEGIN: Message = { type: MessageType.BeginTxn };
const COMMIT: Message = { type: MessageType.CommitTxn };
const ROLLBACK: Message = { type: MessageType.RollbackTxn };

describe("transaction assembler", () => {
  test("records outside transactions pass as they are", () => {
    const alone = record(5n, 0n, insert([1n]));
    assert.deepEqual(accept(new TransactionAssembler(), alone), [alone]);
  });

  test("bodies come out at the commit, in order, with its tick and the beginning's place", () => {
    const [begin, first, beside, second, commit] = accept(
      new TransactionAssembler(),
      record(10n, 10n, BEGIN, 3n),
      record(11n, 10n, insert([1n])),
      record(12n, 0n, insert([9n])),
      record(13n, 10n, insert([2n])),
      record(14n, 10n, COMMIT, 8n),
    );
    assert.deepEqual([begin, first, second], [null, null, null]);
    assert.deepEqual(keysOf(beside!), [9n]);
    assert.deepEqual(keysOf(commit!), [1n, 2n]);
    assert.deepEqual([commit!.timeTick, commit!.lastConfirmed, commit!.transactionId], [14n, 3n, 0n]);
  });

  test("a rolled back transaction, and one that began before the reader did, come out as nothing", () => {
    const assembler = new TransactionAssembler();
    const records = [record(10n, 10n, BEGIN), record(11n, 10n, insert([1n])), record(12n, 10n, ROLLBACK)];
    assert.deepEqual(accept(assembler, ...records, record(13n, 10n, COMMIT)), [null, null, null, null]);
    assert.deepEqual(accept(assembler, record(21n, 20n, insert([1n])), record(22n, 20n, COMMIT)), [null, null]);
  });

  test("what is open when the owner changes is given up", () => {
    const assembler = new TransactionAssembler();
    accept(assembler, record(10n, 10n, BEGIN), record(11n, 10n, insert([1n])), record(12n, 12n, BEGIN));
    assert.equal(assembler.giveUp(), 2);
    assert.deepEqual(accept(assembler, record(13n, 10n, COMMIT)), [null]);
  });
});
