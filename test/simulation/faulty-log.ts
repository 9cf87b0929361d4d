/**
 * One process's view of a log: appends are late on their way there and on their way back, so they overtake each other; some get no
 * answer, with or without their effect.
 *
 * Always true: what the log below promises still holds. An append without an answer is `AppendOutcomeUnknown`, nothing else, as the
 * contract wants it.
 *
 * `held` stops answers of appends until a test lets them go, in the order that it likes.
 */

import type { Runtime } from "../../src/base/host/runtime.ts";
import { AppendOutcomeUnknown } from "../../src/log/log.ts";
import type { LogBackend, LogPosition, LogRecord, LogWriter, ReadOptions } from "../../src/log/log.ts";
import type { Faults } from "./faults.ts";

export interface HeldAnswer {
  readonly position: LogPosition;
  readonly release: () => void;
}

export class FaultyLog implements LogBackend {
  readonly maxRecordBytes: number;
  /** While this is a list, answers of appends wait in it. */
  held: HeldAnswer[] | null = null;
  readonly #inner: LogBackend;
  readonly #runtime: Runtime;
  readonly #faults: Readonly<Faults>;

  constructor(inner: LogBackend, runtime: Runtime, faults: Readonly<Faults>) {
    this.#inner = inner;
    this.#runtime = runtime;
    this.#faults = faults;
    this.maxRecordBytes = inner.maxRecordBytes;
  }

  async open(channel: string, term: bigint): Promise<LogWriter> {
    await this.#delay();
    const writer = await this.#inner.open(channel, term);
    return {
      channel,
      term,
      append: (parts) => this.#append(writer, parts),
      close: () => writer.close(),
    };
  }

  read(channel: string, options?: ReadOptions): AsyncIterable<LogRecord> {
    return this.#inner.read(channel, options);
  }

  bounds(channel: string): Promise<{ readonly earliest: LogPosition; readonly end: LogPosition }> {
    return this.#inner.bounds(channel);
  }

  async truncate(channel: string, position: LogPosition): Promise<void> {
    await this.#delay();
    await this.#inner.truncate(channel, position);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #append(writer: LogWriter, parts: readonly Uint8Array[]): Promise<LogPosition> {
    await this.#delay();
    if (this.#chance(this.#faults.before) || this.#chance(this.#faults.lost)) throw noAnswer();
    const position = await writer.append(parts);
    if (this.#chance(this.#faults.after)) throw noAnswer();
    await this.#delay();
    const { held } = this;
    if (held !== null) await new Promise<void>((resolve) => held.push({ position, release: resolve }));
    return position;
  }

  #chance(probability: number): boolean {
    return this.#runtime.random() < probability;
  }

  async #delay(): Promise<void> {
    if (!this.#chance(this.#faults.delay)) return;
    await this.#runtime.sleep(this.#runtime.random() * this.#faults.maximumDelayMilliseconds);
  }
}

function noAnswer(): Error {
  return new AppendOutcomeUnknown("injected: no answer from the log");
}
