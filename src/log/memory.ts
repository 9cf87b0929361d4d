/**
 * MemoryLog: the log backend of tests and of the simulator.
 *
 * A `MemoryLogDisk` is what survives; each `MemoryLog` on it is one process that uses it. Opening a second `MemoryLog` on the same
 * disk models a restart after `crash()` or `close()`, and a rival process without them.
 *
 * Always true:
 *  - readers see durable records only, and the durable records of a channel are a prefix of those placed in it;
 *  - records placed but not durable belong to the channel's present owner; `open` and `crash` settle them by a seeded choice, as a
 *    prefix that stays and a rest that is gone for ever;
 *  - bodies are copied on the way in and on the way out.
 *
 * Not here: faults (a wrapper adds delay, failure and reordering).
 */

import { assert } from "../base/assert.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { ByteBudget } from "./byte-budget.ts";
import {
  AppendOutcomeUnknown,
  Fenced,
  LogUnavailable,
  RecordTooLarge,
  Truncated,
  type LogBackend,
  type LogPosition,
  type LogRecord,
  type LogWriter,
  type ReadOptions,
} from "./log.ts";

/** What a record costs besides its body, in positions and in the budget. */
const RECORD_COST_BYTES = 32;

interface StoredRecord {
  readonly position: LogPosition;
  readonly term: bigint;
  readonly body: Uint8Array;
  state: "placed" | "durable" | "dropped";
}

class ChannelRecords {
  term = -1n;
  owner: MemoryWriter | null = null;
  /** Ascending positions; those from `durableCount` on are placed and not yet durable. */
  records: StoredRecord[] = [];
  durableCount = 0;
  truncatedTo: LogPosition = 0n;
  /** Above every position given out. */
  end: LogPosition = 0n;
  readonly waiting = new Set<() => void>();

  wake(): void {
    for (const resume of this.waiting) resume();
    this.waiting.clear();
  }

  /** Keeps `kept` of the records in flight and drops the rest for ever. */
  settle(kept: number): void {
    const inFlight = this.records.length - this.durableCount;
    assert(kept >= 0 && kept <= inFlight, "a settled prefix is part of what is in flight");
    for (const [index, record] of this.records.slice(this.durableCount).entries()) {
      record.state = index < kept ? "durable" : "dropped";
    }
    this.records.length = this.durableCount + kept;
    this.durableCount = this.records.length;
    if (kept > 0) this.wake();
  }

  /** Index of the first record at or after `position`. */
  indexOf(position: LogPosition): number {
    let low = 0;
    let high = this.records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.records[middle] as StoredRecord).position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export class MemoryLogDisk {
  readonly channels = new Map<string, ChannelRecords>();

  channel(name: string): ChannelRecords {
    let channel = this.channels.get(name);
    if (channel === undefined) this.channels.set(name, (channel = new ChannelRecords()));
    return channel;
  }
}

export interface MemoryLogOptions {
  readonly maxRecordBytes?: number;
  readonly maxBytesInFlight?: number;
  /** A sync takes up to this long, by the runtime's dice; 0 lets only what is already runnable run first. */
  readonly syncMilliseconds?: number;
}

interface PendingAppend {
  readonly record: StoredRecord;
  readonly channel: ChannelRecords;
  readonly resolve: (position: LogPosition) => void;
  readonly reject: (reason: Error) => void;
}

export class MemoryLog implements LogBackend {
  readonly maxRecordBytes: number;
  readonly runtime: Runtime;
  readonly #disk: MemoryLogDisk;
  readonly #budget: ByteBudget;
  readonly #syncMilliseconds: number;
  readonly #idle: (() => void)[] = [];
  #pending: PendingAppend[] = [];
  #syncing: PendingAppend[] = [];
  #state: "open" | "closing" | "closed" | "crashed" = "open";

  constructor(runtime: Runtime, disk: MemoryLogDisk = new MemoryLogDisk(), options: MemoryLogOptions = {}) {
    this.runtime = runtime;
    this.#disk = disk;
    this.maxRecordBytes = options.maxRecordBytes ?? 128 * 1024 * 1024;
    this.#budget = new ByteBudget(options.maxBytesInFlight ?? 64 * 1024 * 1024);
    this.#syncMilliseconds = options.syncMilliseconds ?? 0;
  }

  async open(channelName: string, term: bigint): Promise<LogWriter> {
    this.#mustBeOpen();
    const channel = this.#disk.channel(channelName);
    if (term < channel.term) {
      throw new Fenced(`channel ${channelName} is owned under term ${channel.term}; term ${term} came too late`);
    }
    channel.settle(this.#choosePrefix(channel));
    const writer = new MemoryWriter(this, channel, channelName, term);
    channel.term = term;
    channel.owner = writer;
    await this.#sync();
    if (channel.owner !== writer) throw new Fenced(`channel ${channelName} was taken over while it was opened`);
    this.#mustBeOpen();
    return writer;
  }

  /** Used by the writers; the writer has checked itself. */
  async place(writer: MemoryWriter, channel: ChannelRecords, parts: readonly Uint8Array[]): Promise<LogPosition> {
    const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
    if (bytes > this.maxRecordBytes) {
      throw new RecordTooLarge(`a record of ${bytes} bytes; the log takes at most ${this.maxRecordBytes}`);
    }
    this.#mustBeOpen();
    const granted = this.#budget.acquire(bytes + RECORD_COST_BYTES);
    if (granted !== null) await granted;
    try {
      if (this.#state === "crashed") throw new LogUnavailable("the log's process has crashed");
      if (channel.owner !== writer) throw new Fenced(`a later writer has opened channel ${writer.channel}`);
    } catch (refusal) {
      this.#release(bytes);
      throw refusal;
    }
    const body = new Uint8Array(bytes);
    let offset = 0;
    for (const part of parts) {
      body.set(part, offset);
      offset += part.byteLength;
    }
    const record: StoredRecord = { position: channel.end, term: writer.term, body, state: "placed" };
    channel.end += BigInt(bytes + RECORD_COST_BYTES);
    channel.records.push(record);
    return new Promise((resolve, reject) => {
      this.#pending.push({ record, channel, resolve, reject });
      if (this.#pending.length === 1 && this.#syncing.length === 0) void this.#syncLoop();
    });
  }

  async #syncLoop(): Promise<void> {
    while (this.#pending.length > 0) {
      this.#syncing = this.#pending;
      this.#pending = [];
      await this.#sync();
      const batch = this.#syncing;
      this.#syncing = [];
      for (const append of batch) this.#finish(append);
    }
  }

  #release(bytes: number): void {
    this.#budget.release(bytes + RECORD_COST_BYTES);
    if (this.#budget.inFlight === 0) for (const resume of this.#idle.splice(0)) resume();
  }

  #finish({ record, channel, resolve, reject }: PendingAppend): void {
    this.#release(record.body.byteLength);
    if (this.#state === "crashed") return reject(new AppendOutcomeUnknown("the log's process has crashed"));
    if (record.state === "placed") {
      assert(channel.records[channel.durableCount] === record, "records become durable in the order of their places");
      record.state = "durable";
      channel.durableCount += 1;
      channel.wake();
    }
    if (record.state === "durable") resolve(record.position);
    else reject(new Fenced("a later writer has opened the channel; this record was never durable"));
  }

  #sync(): Promise<void> {
    return this.#syncMilliseconds === 0
      ? this.runtime.yield()
      : this.runtime.sleep(this.runtime.random() * this.#syncMilliseconds);
  }

  #choosePrefix(channel: ChannelRecords): number {
    return Math.floor(this.runtime.random() * (channel.records.length - channel.durableCount + 1));
  }

  read(channelName: string, options: ReadOptions = {}): AsyncIterable<LogRecord> {
    this.#mustBeOpen();
    const channel = this.#disk.channel(channelName);
    const limit = channel.records[channel.durableCount - 1]?.position ?? -1n;
    return this.#records(channelName, channel, options, limit);
  }

  async *#records(
    channelName: string,
    channel: ChannelRecords,
    options: ReadOptions,
    limit: LogPosition,
  ): AsyncGenerator<LogRecord> {
    const { follow = false, signal } = options;
    let next = options.from ?? channel.truncatedTo;
    for (;;) {
      if (signal?.aborted) return;
      this.#mustBeOpen();
      if (next < channel.truncatedTo) {
        throw new Truncated(`channel ${channelName} begins at ${channel.truncatedTo}; ${next} is gone`);
      }
      const index = channel.indexOf(next);
      const record = index < channel.durableCount ? channel.records[index] : undefined;
      if (record !== undefined && (follow || record.position <= limit)) {
        next = record.position + 1n;
        yield { position: record.position, term: record.term, body: record.body.slice() };
      } else if (follow) {
        await this.#wake(channel, signal);
      } else {
        return;
      }
    }
  }

  #wake(channel: ChannelRecords, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const resume = (): void => {
        channel.waiting.delete(resume);
        signal?.removeEventListener("abort", resume);
        resolve();
      };
      channel.waiting.add(resume);
      signal?.addEventListener("abort", resume, { once: true });
    });
  }

  async bounds(channelName: string): Promise<{ readonly earliest: LogPosition; readonly end: LogPosition }> {
    this.#mustBeOpen();
    const { truncatedTo, end } = this.#disk.channel(channelName);
    return { earliest: truncatedTo, end };
  }

  async truncate(channelName: string, position: LogPosition): Promise<void> {
    this.#mustBeOpen();
    const channel = this.#disk.channel(channelName);
    if (position > channel.end) {
      throw new RangeError(`channel ${channelName} ends at ${channel.end}; it cannot be truncated to ${position}`);
    }
    if (position <= channel.truncatedTo) return;
    const removed = Math.min(channel.indexOf(position), channel.durableCount);
    channel.truncatedTo = position;
    channel.records.splice(0, removed);
    channel.durableCount -= removed;
    channel.wake();
    await this.#sync();
  }

  async close(): Promise<void> {
    if (this.#state === "open") this.#state = "closing";
    await this.settled();
    if (this.#state === "crashed") return;
    this.#state = "closed";
    for (const channel of this.#disk.channels.values()) channel.wake();
  }

  /** Resolves when no append is in flight. */
  async settled(): Promise<void> {
    while (this.#budget.inFlight > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** The process dies: of its appends in flight a prefix of each channel survives, by the runtime's dice. */
  crash(): void {
    this.#state = "crashed";
    for (const channel of this.#disk.channels.values()) {
      if (channel.owner?.log !== this) continue;
      channel.settle(this.#choosePrefix(channel));
      channel.owner = null;
      channel.wake();
    }
  }

  #mustBeOpen(): void {
    if (this.#state === "crashed") throw new LogUnavailable("the log's process has crashed");
    if (this.#state !== "open") throw new LogUnavailable("the log is closed");
  }
}

class MemoryWriter implements LogWriter {
  readonly log: MemoryLog;
  readonly channel: string;
  readonly term: bigint;
  readonly #records: ChannelRecords;
  readonly #inFlight = new Set<Promise<unknown>>();
  #closed = false;

  constructor(log: MemoryLog, records: ChannelRecords, channel: string, term: bigint) {
    this.log = log;
    this.#records = records;
    this.channel = channel;
    this.term = term;
  }

  async append(parts: readonly Uint8Array[]): Promise<LogPosition> {
    if (this.#closed) throw new LogUnavailable(`the writer of channel ${this.channel} is closed`);
    if (this.#records.owner !== this) throw new Fenced(`a later writer has opened channel ${this.channel}`);
    const append = this.log.place(this, this.#records, parts);
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
  }
}
