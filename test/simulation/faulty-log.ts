/**
 * FaultyLog: any log backend, behind a network that is slow and loses requests and answers, by the runtime's dice.
 *
 * Always true: the contract of the log holds behind it. An append fails in one of three ways: `LogUnavailable` and nothing happened;
 * `AppendOutcomeUnknown` and nothing happened; `AppendOutcomeUnknown` although it happened. Each probability is asked once per append, in
 * that order. Delays are drawn for each append alone, so a delay before reorders places and a delay after reorders answers.
 *
 * `faults` may be changed while the log runs; a scenario switches them on and off.
 */

import type { Runtime } from "../../src/base/host/runtime.ts";
import {
  AppendOutcomeUnknown,
  LogUnavailable,
  type LogBackend,
  type LogPosition,
  type LogRecord,
  type LogWriter,
  type ReadOptions,
} from "../../src/log/log.ts";

export interface LogFaults {
  /** Longest delay of a request before it reaches the log. */
  delayBeforeMilliseconds: number;
  /** Longest delay of an answer. */
  delayAfterMilliseconds: number;
  /** Longest delay before each record that is read. */
  delayReadMilliseconds: number;
  /** Probability that an append is refused and has no effect. */
  refuse: number;
  /** Probability that the request is lost: outcome unknown, no effect. */
  loseRequest: number;
  /** Probability that the answer is lost: outcome unknown, and it happened. Openings lose answers too. */
  loseAnswer: number;
  /** Asked before each append: what it returns must resolve before the append goes on. Models one that hangs. */
  hold: ((channel: string) => Promise<void> | null) | null;
  /** Asked after each append that happened: what it returns must resolve before the answer goes out. */
  holdAnswer: ((channel: string, position: LogPosition) => Promise<void> | null) | null;
}

export const NO_FAULTS: Readonly<LogFaults> = {
  delayBeforeMilliseconds: 0,
  delayAfterMilliseconds: 0,
  delayReadMilliseconds: 0,
  refuse: 0,
  loseRequest: 0,
  loseAnswer: 0,
  hold: null,
  holdAnswer: null,
};

export class FaultyLog implements LogBackend {
  readonly maxRecordBytes: number;
  readonly faults: LogFaults;
  readonly #inner: LogBackend;
  readonly #runtime: Runtime;
  readonly #inFlight = new Set<Promise<unknown>>();
  #closed = false;

  constructor(inner: LogBackend, runtime: Runtime, faults: Partial<LogFaults> = {}) {
    this.#inner = inner;
    this.#runtime = runtime;
    this.maxRecordBytes = inner.maxRecordBytes;
    this.faults = { ...NO_FAULTS, ...faults };
  }

  async open(channel: string, term: bigint): Promise<LogWriter> {
    if (this.#closed) throw new LogUnavailable("the log is closed");
    return this.#tracked(this.#open(channel, term));
  }

  async #open(channel: string, term: bigint): Promise<LogWriter> {
    await this.#delay(this.faults.delayBeforeMilliseconds);
    const writer = await this.#inner.open(channel, term);
    await this.#delay(this.faults.delayAfterMilliseconds);
    if (this.#happens(this.faults.loseAnswer))
      throw new AppendOutcomeUnknown("injected: the answer to an open is lost");
    return new FaultyWriter(this, writer);
  }

  /** Used by the writers. */
  append(writer: LogWriter, parts: readonly Uint8Array[]): Promise<LogPosition> {
    return this.#tracked(this.#append(writer, parts));
  }

  async #append(writer: LogWriter, parts: readonly Uint8Array[]): Promise<LogPosition> {
    const { faults } = this;
    const held = faults.hold?.(writer.channel) ?? null;
    if (held !== null) await held;
    await this.#delay(faults.delayBeforeMilliseconds);
    if (this.#happens(faults.refuse)) throw new LogUnavailable("injected: the append is refused");
    if (this.#happens(faults.loseRequest)) throw new AppendOutcomeUnknown("injected: the request is lost");
    const position = await writer.append(parts);
    const heldBack = faults.holdAnswer?.(writer.channel, position) ?? null;
    if (heldBack !== null) await heldBack;
    await this.#delay(faults.delayAfterMilliseconds);
    if (this.#happens(faults.loseAnswer)) throw new AppendOutcomeUnknown("injected: the answer is lost");
    return position;
  }

  async #tracked<T>(work: Promise<T>): Promise<T> {
    this.#inFlight.add(work);
    try {
      return await work;
    } finally {
      this.#inFlight.delete(work);
    }
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#runtime.random() < probability;
  }

  async #delay(longestMilliseconds: number): Promise<void> {
    if (longestMilliseconds > 0) await this.#runtime.sleep(this.#runtime.random() * longestMilliseconds);
  }

  read(channel: string, options?: ReadOptions): AsyncIterable<LogRecord> {
    return this.#records(this.#inner.read(channel, options), options?.signal);
  }

  async *#records(records: AsyncIterable<LogRecord>, signal: AbortSignal | undefined): AsyncGenerator<LogRecord> {
    for await (const record of records) {
      await this.#delay(this.faults.delayReadMilliseconds);
      if (signal?.aborted) return;
      yield record;
    }
  }

  bounds(channel: string): Promise<{ readonly earliest: LogPosition; readonly end: LogPosition }> {
    return this.#inner.bounds(channel);
  }

  truncate(channel: string, position: LogPosition): Promise<void> {
    return this.#inner.truncate(channel, position);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#inFlight);
    await this.#inner.close();
  }
}

class FaultyWriter implements LogWriter {
  readonly channel: string;
  readonly term: bigint;
  readonly #log: FaultyLog;
  readonly #inner: LogWriter;
  readonly #inFlight = new Set<Promise<unknown>>();
  #closed = false;

  constructor(log: FaultyLog, inner: LogWriter) {
    this.#log = log;
    this.#inner = inner;
    this.channel = inner.channel;
    this.term = inner.term;
  }

  async append(parts: readonly Uint8Array[]): Promise<LogPosition> {
    if (this.#closed) throw new LogUnavailable(`the writer of channel ${this.channel} is closed`);
    const append = this.#log.append(this.#inner, parts);
    this.#inFlight.add(append);
    try {
      return await append;
    } finally {
      this.#inFlight.delete(append);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#inFlight);
    await this.#inner.close();
  }
}
