/**
 * Reading a channel in the order of time ticks. Appends run side by side, so the order in the log is not the order of ticks; each
 * record's `confirmed` tells up to where nothing older can still come.
 *
 * Always true: ticks ascend, strictly within a virtual channel; a record that an unclear append wrote twice comes once; a transaction comes
 * once and whole, at its commit, a record for each virtual channel.
 */

import type { Timestamp } from "../base/timestamp.ts";
import type { LogBackend, LogPosition, LogRecord } from "../log/log.ts";
import { decodeRecord } from "../model/message-codec.ts";
import { type PlacedRecord, TransactionAssembler } from "./transactions.ts";

export interface ScanOptions {
  readonly from?: LogPosition;
  /** Records with smaller ticks are left out. */
  readonly fromTimeTick?: Timestamp;
  /** Stop after the record at this position. */
  readonly through?: LogPosition;
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** Records in the order of ticks. A scan that does not follow ends with everything that was durable when it began. */
export async function* scan(log: LogBackend, channel: string, options: ScanOptions = {}): AsyncGenerator<PlacedRecord> {
  const readOptions = {
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.follow === undefined ? {} : { follow: options.follow }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  yield* inTickOrder(log.read(channel, readOptions), options);
}

/** The records of one channel, as they lie in the log, put into the order of ticks. */
export async function* inTickOrder(
  records: AsyncIterable<LogRecord>,
  options: Pick<ScanOptions, "fromTimeTick" | "through"> = {},
): AsyncGenerator<PlacedRecord> {
  const waiting: PlacedRecord[] = [];
  const transactions = new TransactionAssembler();
  let term: bigint | null = null;
  let lastTick: Timestamp = 0n;
  const release = function* (confirmed: Timestamp | null): Generator<PlacedRecord> {
    let count = 0;
    for (; count < waiting.length; count += 1) {
      const placed = waiting[count]!;
      if (confirmed !== null && placed.record.timeTick > confirmed) break;
      if (placed.record.timeTick <= lastTick) continue;
      lastTick = placed.record.timeTick;
      const effective = transactions.accept(placed);
      // Bodies older than the wanted tick still count when their commit is not.
      if (placed.record.timeTick >= (options.fromTimeTick ?? 0n)) yield* effective;
    }
    waiting.splice(0, count);
  };
  for await (const { position, body, term: recordTerm } of records) {
    const record = decodeRecord(body);
    if (term !== null && recordTerm !== term) {
      // A new owner: everything of the old one is final, and what it left open stays undone.
      yield* release(null);
      transactions.giveUp();
    }
    term = recordTerm;
    yield* release(record.confirmed);
    insertByTick(waiting, { position, record });
    if (options.through !== undefined && position >= options.through) break;
  }
  yield* release(null);
}

function insertByTick(waiting: PlacedRecord[], placed: PlacedRecord): void {
  let at = waiting.length;
  while (at > 0 && waiting[at - 1]!.record.timeTick > placed.record.timeTick) at -= 1;
  waiting.splice(at, 0, placed);
}
