/**
 * LogBackend: durable, ordered records by channel. What is appended here and acknowledged is the database; everything else can be rebuilt.
 *
 * Contract, for every implementation (`conformance.ts` checks it):
 *  - an append that resolved is durable and every later reader gets it, at the position it resolved with;
 *  - positions of a channel only grow, in the order in which appends resolve their place (not necessarily contiguous);
 *  - after `open(channel, term)` resolved, no writer of a lower term can append: it gets `Fenced`, and nothing of it appears later.
 *    The same term may open again (a restart of its owner), which fences the earlier handle;
 *  - records that were never acknowledged may be read after a crash, but their fate is settled by the next `open`: seen then or never;
 *  - a record is verified before it is handed out; a torn record at the very end of the log is dropped in silence (it was never
 *    acknowledged), any other damage is `LogCorrupted` and is never skipped;
 *  - reading before the truncation point is `Truncated`, never a silent gap;
 *  - an append that rejected with `Fenced`, `RecordTooLarge` or `LogUnavailable` is never readable; any other rejection
 *    (`AppendOutcomeUnknown`) says nothing: the record may be there, once, and the next `open` settles it.
 */

export type LogPosition = bigint;

export interface LogRecord {
  readonly position: LogPosition;
  readonly term: bigint;
  /** Owned by the reader. */
  readonly body: Uint8Array;
}

export class Fenced extends Error {
  override readonly name = "Fenced";
}

export class Truncated extends Error {
  override readonly name = "Truncated";
}

export class LogCorrupted extends Error {
  override readonly name = "LogCorrupted";
}

export class RecordTooLarge extends Error {
  override readonly name = "RecordTooLarge";
}

/** The log takes no more appends: closed, or its disk is full (then reads go on). */
export class LogUnavailable extends Error {
  override readonly name = "LogUnavailable";
}

/** The append may or may not have happened: read after the next `open` to know. */
export class AppendOutcomeUnknown extends Error {
  override readonly name = "AppendOutcomeUnknown";
}

export interface LogWriter {
  readonly channel: string;
  readonly term: bigint;
  /**
   * Appends the concatenation of `parts`. The caller must not touch them until the promise settles. Waits (back-pressure) while
   * too many bytes are in flight.
   */
  append(parts: readonly Uint8Array[]): Promise<LogPosition>;
  /** Waits for appends in flight; idempotent. */
  close(): Promise<void>;
}

export interface ReadOptions {
  /** First position wanted; the earliest that is left when absent. */
  readonly from?: LogPosition;
  /**
   * Go on with new records as they become durable, until the signal aborts (the iteration then ends; it does not throw);
   * otherwise end at what was durable when the read began.
   */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export interface LogBackend {
  /** Bytes that one record may have. */
  readonly maxRecordBytes: number;
  open(channel: string, term: bigint): Promise<LogWriter>;
  /** Positions that no record has are allowed: reading starts at the first record at or after `from`. */
  read(channel: string, options?: ReadOptions): AsyncIterable<LogRecord>;
  /** `earliest` is the first position that can still be read; `end` is above every position given out. */
  bounds(channel: string): Promise<{ readonly earliest: LogPosition; readonly end: LogPosition }>;
  /**
   * Records of `channel` before `position` are no longer needed. Idempotent; never moves backwards; a position above `end` is a
   * `RangeError`. Space comes back when all channels allow it.
   */
  truncate(channel: string, position: LogPosition): Promise<void>;
  /** Waits for appends in flight. Everything after it is `LogUnavailable`, and so is going on with a read. Idempotent. */
  close(): Promise<void>;
}
