/**
 * Putting transactions together again: bodies wait here until their commit, then come out at the commit's time tick, as one record for
 * each virtual channel that they are about.
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

const NOTHING: readonly PlacedRecord[] = [];

interface OpenTransaction {
  readonly restart: bigint;
  /** By virtual channel. */
  readonly messages: Map<string, Message[]>;
}

export class TransactionAssembler {
  readonly #open = new Map<bigint, OpenTransaction>();

  /** In order of time ticks; returns the records that take effect now, all of one tick. */
  accept(placed: PlacedRecord): readonly PlacedRecord[] {
    const { record } = placed;
    if (record.transactionId === 0n) return [placed];
    const kind = record.messages[0]?.type;
    if (kind === MessageType.BeginTxn) {
      this.#open.set(record.transactionId, { restart: record.lastConfirmed, messages: new Map() });
      return NOTHING;
    }
    const transaction = this.#open.get(record.transactionId);
    // Its beginning lies before the checkpoint from which this reader started: then its commit does too, or it was given up.
    if (transaction === undefined) return NOTHING;
    if (kind === MessageType.RollbackTxn) {
      this.#open.delete(record.transactionId);
      return NOTHING;
    }
    if (kind === MessageType.CommitTxn) {
      this.#open.delete(record.transactionId);
      const lastConfirmed = transaction.restart < record.lastConfirmed ? transaction.restart : record.lastConfirmed;
      return Array.from(transaction.messages, ([channel, messages]) => ({
        position: placed.position,
        record: { ...record, channel, lastConfirmed, transactionId: 0n, messages },
      }));
    }
    assert(record.timeTick > record.transactionId, "a body comes after the beginning of its transaction");
    const known = transaction.messages.get(record.channel);
    if (known === undefined) transaction.messages.set(record.channel, [...record.messages]);
    else known.push(...record.messages);
    return NOTHING;
  }

  /** The owner of the log changed: what is open will never be committed. Returns how many were given up. */
  giveUp(): number {
    const count = this.#open.size;
    this.#open.clear();
    return count;
  }
}
