/**
 * Putting transactions together again: bodies wait here until their commit, then come out as one record at the commit's time tick.
 *
 * Always true: of a transaction whose commit is not in the log nothing comes out; records outside transactions pass straight through.
 */

import { assert } from "../base/assert.ts";
import type { LogPosition } from "../log/log.ts";
import { type LogMessages, type Message, MessageType } from "../model/message.ts";

/** A record of the log with its place. */
export interface PlacedRecord {
  readonly position: LogPosition;
  readonly record: LogMessages;
}

interface OpenTransaction {
  readonly restart: bigint;
  readonly messages: Message[];
}

export class TransactionAssembler {
  readonly #open = new Map<bigint, OpenTransaction>();

  /** In order of time ticks; returns the record that takes effect now, or null. */
  accept(placed: PlacedRecord): PlacedRecord | null {
    const { record } = placed;
    if (record.transactionId === 0n) return placed;
    const kind = record.messages[0]?.type;
    if (kind === MessageType.BeginTxn) {
      this.#open.set(record.transactionId, { restart: record.lastConfirmed, messages: [] });
      return null;
    }
    const transaction = this.#open.get(record.transactionId);
    // Its beginning lies before the checkpoint from which this reader started: then its commit does too, or it was given up.
    if (transaction === undefined) return null;
    if (kind === MessageType.RollbackTxn) {
      this.#open.delete(record.transactionId);
      return null;
    }
    if (kind === MessageType.CommitTxn) {
      this.#open.delete(record.transactionId);
      const lastConfirmed = transaction.restart < record.lastConfirmed ? transaction.restart : record.lastConfirmed;
      return {
        position: placed.position,
        record: { ...record, lastConfirmed, transactionId: 0n, messages: transaction.messages },
      };
    }
    assert(record.timeTick > record.transactionId, "a body comes after the beginning of its transaction");
    transaction.messages.push(...record.messages);
    return null;
  }

  /** The owner of the log changed: what is open will never be committed. Returns how many were given up. */
  giveUp(): number {
    const count = this.#open.size;
    this.#open.clear();
    return count;
  }
}
