/** The handle of one owner of one channel of a journal. */

import { LogUnavailable, type LogPosition, type LogWriter } from "../log.ts";
import type { JournalChannel } from "./catalog.ts";

export interface Appender {
  append(writer: ChannelWriter, parts: readonly Uint8Array[]): Promise<LogPosition>;
}

export class ChannelWriter implements LogWriter {
  readonly channel: string;
  readonly term: bigint;
  readonly journalChannel: JournalChannel;
  readonly #journal: Appender;
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;
  #closed = false;

  constructor(journal: Appender, channel: JournalChannel, term: bigint) {
    this.#journal = journal;
    this.journalChannel = channel;
    this.channel = channel.name;
    this.term = term;
  }

  async append(parts: readonly Uint8Array[]): Promise<LogPosition> {
    if (this.#closed) throw new LogUnavailable(`the writer of channel ${this.channel} is closed`);
    this.#inFlight += 1;
    try {
      return await this.#journal.append(this, parts);
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0) for (const resume of this.#waiting.splice(0)) resume();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
