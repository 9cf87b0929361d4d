/**
 * Journal: one local log for all channels of a process, on preallocated files, with a writer thread of its own.
 *
 * Always true:
 *  - an append resolves only after the sync that covers its record, and readers see it from that moment on;
 *  - records reach the writer in the order in which they were admitted, over all channels, so a fence settles everything before it;
 *  - one record at least, and at most `maxBytesInFlight`, are between a caller and the disk;
 *  - when a sync fails the process ends (`onFatal`); when the disk is full appends fail and reads go on.
 *
 * Not here: keeping a second process out. The owner of the data directory holds a lock on it before it opens a journal.
 */

import { assert } from "../../base/assert.ts";
import type { Runtime } from "../../base/host/runtime.ts";
import { ByteBudget } from "../byte-budget.ts";
import { Fifo } from "../fifo.ts";
import {
  AppendOutcomeUnknown,
  Fenced,
  LogCorrupted,
  LogUnavailable,
  RecordTooLarge,
  type LogBackend,
  type LogPosition,
  type LogRecord,
  type LogWriter,
  type ReadOptions,
} from "../log.ts";
import { Catalog, type JournalChannel } from "./catalog.ts";
import { ChannelWriter, type Appender } from "./channel-writer.ts";
import { DATA, FENCE, TRUNCATION, encodeChannelBody, recordBytes, type RecordKind } from "./format.ts";
import { PackBuilder } from "./pack.ts";
import type { FromWriter, StartWriter, WriterLink } from "./protocol.ts";
import { ChannelReader } from "./reader.ts";
import { writerThread } from "./thread-link.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const MAX_NAME_BYTES = 512;
/** Larger bodies are copied in slices, with a pause between them, so that the event loop goes on. */
const COPY_SLICE_BYTES = 4 * MIB;

export interface JournalOptions {
  readonly runtime: Runtime;
  readonly fileBytes?: number;
  /**
   * 128 MiB: twice the largest request that the server takes (64 MiB), for the columns of one request are one record and may grow by
   * ids and offsets; larger batches are transactions of several records.
   */
  readonly maxRecordBytes?: number;
  readonly maxBytesInFlight?: number;
  /** Called when a sync failed: from then on nobody knows what is on the disk. Must not return in production. */
  readonly onFatal?: (failure: Error) => void;
  /** Another place for the writer than a thread; tests put a faulty disk behind it. */
  readonly startWriter?: StartWriter;
}

interface Entry {
  readonly kind: RecordKind;
  readonly channel: JournalChannel;
  readonly total: number;
  readonly resolve: (position: number) => void;
  readonly reject: (reason: Error) => void;
}

interface QueuedAppend extends Entry {
  readonly writer: ChannelWriter;
  readonly parts: readonly Uint8Array[];
  readonly bodyBytes: number;
}

export class Journal implements LogBackend, Appender {
  readonly maxRecordBytes: number;
  readonly #runtime: Runtime;
  readonly #onFatal: (failure: Error) => void;
  readonly #budget: ByteBudget;
  readonly #packs: PackBuilder;
  readonly #inFlight = new Map<number, Entry[]>();
  readonly #removals = new Map<number, (failure: string | null) => void>();
  /** Appends that wait for room in flight, or behind one that does. */
  readonly #line = new Fifo<QueuedAppend>();
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #directory: string;
  #entries: Entry[] = [];
  #catalog: Catalog;
  #link: WriterLink;
  #state: "opening" | "open" | "closing" | "closed" | "broken" = "opening";
  #nextId = 1;
  #flushPlanned = false;
  #servesLine = false;
  #closing: Promise<void> | null = null;
  readonly #idle: (() => void)[] = [];

  static async open(directory: string, options: JournalOptions): Promise<Journal> {
    const journal = new Journal(directory, options);
    await journal.#opened.promise;
    return journal;
  }

  private constructor(directory: string, options: JournalOptions) {
    const fileBytes = options.fileBytes ?? 64 * MIB;
    this.#directory = directory;
    this.#runtime = options.runtime;
    this.maxRecordBytes = options.maxRecordBytes ?? 128 * MIB;
    this.#onFatal = options.onFatal ?? endProcess;
    this.#budget = new ByteBudget(options.maxBytesInFlight ?? 64 * MIB);
    this.#catalog = new Catalog(directory, [], [], 0);
    this.#packs = new PackBuilder(256 * KIB);
    const writerOptions = { fileBytes, stepBytes: Math.min(MIB, fileBytes), reserveBytes: 16 * KIB };
    const start = options.startWriter ?? writerThread({ directory, options: writerOptions });
    this.#link = start((message) => this.#receive(message));
  }

  async open(name: string, term: bigint): Promise<LogWriter> {
    this.#mustBeOpen();
    if (term < 0n) throw new RangeError(`a term is not negative: ${term}`);
    if (name === "" || Buffer.byteLength(name) > MAX_NAME_BYTES) {
      throw new RangeError(`the name of a channel has 1 to ${MAX_NAME_BYTES} bytes: ${name.slice(0, 50)}`);
    }
    const channel = this.#catalog.channel(name);
    if (term < channel.term) {
      throw new Fenced(`channel ${name} is owned under term ${channel.term}; term ${term} came too late`);
    }
    this.#catalog.register(channel);
    const writer = new ChannelWriter(this, channel, term);
    channel.term = term;
    channel.owner = writer;
    await this.#manage(FENCE, channel, channel.truncatedTo);
    if (channel.owner !== writer) throw new Fenced(`channel ${name} was taken over while it was opened`);
    return writer;
  }

  /** Used by the writers. */
  append(writer: ChannelWriter, parts: readonly Uint8Array[]): Promise<LogPosition> {
    return new Promise((resolve, reject) => {
      let bodyBytes = 0;
      for (const part of parts) bodyBytes += part.byteLength;
      if (bodyBytes > this.maxRecordBytes) {
        reject(new RecordTooLarge(`a record of ${bodyBytes} bytes; this journal takes at most ${this.maxRecordBytes}`));
        return;
      }
      const total = recordBytes(bodyBytes);
      const entry: QueuedAppend = {
        kind: DATA,
        channel: writer.journalChannel,
        total,
        resolve: (position) => resolve(BigInt(position)),
        reject,
        writer,
        parts,
        bodyBytes,
      };
      const refusal = this.#state === "open" ? this.#refusal(entry) : this.#unavailable();
      if (refusal !== null) return reject(refusal);
      if (this.#servesLine || bodyBytes > COPY_SLICE_BYTES) {
        this.#line.push(entry);
        if (!this.#servesLine) void this.#serveLine();
        return;
      }
      const granted = this.#budget.acquire(total);
      if (granted === null) return this.#place(entry);
      this.#line.push(entry);
      void this.#serveLine(granted);
    });
  }

  #refusal({ writer, channel }: QueuedAppend): Error | null {
    if (channel.owner !== writer) return new Fenced(`a later writer has opened channel ${channel.name}`);
    if (this.#state === "open" || this.#state === "closing") return null;
    return this.#unavailable();
  }

  async #serveLine(firstGrant?: Promise<void>): Promise<void> {
    this.#servesLine = true;
    let granted: Promise<void> | null = firstGrant ?? null;
    for (let entry = this.#line.peek(); entry !== undefined; entry = this.#line.peek()) {
      granted ??= this.#budget.acquire(entry.total);
      if (granted !== null) await granted;
      granted = null;
      const refusal = this.#refusal(entry) ?? (await this.#placeQueued(entry).catch((failure: Error) => failure));
      if (refusal !== null) {
        this.#release(entry.total);
        entry.reject(refusal);
      }
      this.#line.shift();
    }
    this.#servesLine = false;
    this.#settleIdle();
  }

  async #placeQueued(entry: QueuedAppend): Promise<Error | null> {
    if (entry.bodyBytes <= COPY_SLICE_BYTES) {
      this.#place(entry);
      return null;
    }
    const own = this.#packs.separate(entry.bodyBytes, entry.kind, entry.channel.id, entry.writer.term);
    for (const part of entry.parts) {
      for (let at = 0; at < part.byteLength; at += COPY_SLICE_BYTES) {
        own.add(part.subarray(at, at + COPY_SLICE_BYTES));
        await this.#runtime.yield();
      }
    }
    const refusal = this.#refusal(entry);
    if (refusal !== null) return refusal;
    this.#flush();
    this.#send(own.finish(), entry.total, [entry]);
    return null;
  }

  /** Lays the record out in the present pack, which leaves when everything that is runnable now has had its turn. */
  #place(entry: QueuedAppend): void {
    this.#lay(entry, entry.bodyBytes, entry.parts, entry.writer.term);
  }

  #lay(entry: Entry, bodyBytes: number, parts: readonly Uint8Array[], term: bigint): void {
    if (!this.#packs.hasRoom(entry.total)) this.#flush();
    this.#packs.add(bodyBytes, parts, entry.kind, entry.channel.id, term);
    this.#entries.push(entry);
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushPlanned = false;
    if (this.#entries.length === 0) return;
    const entries = this.#entries;
    this.#entries = [];
    const { buffer, used } = this.#packs.take();
    this.#send(buffer, used, entries);
  }

  #send(buffer: ArrayBuffer, used: number, entries: Entry[]): void {
    if (this.#state === "broken") {
      for (const entry of entries) this.#settle(entry, this.#unavailable());
      return;
    }
    const id = this.#nextId++;
    this.#inFlight.set(id, entries);
    if (this.#inFlight.size === 1) this.#link.setBusy(true);
    this.#link.send({ kind: "pack", id, buffer, used, records: entries.length }, [buffer]);
  }

  /** Writes a record of the channel's state; small, so it does not wait in line. */
  #manage(kind: typeof FENCE | typeof TRUNCATION, channel: JournalChannel, truncatedTo: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const { id, name, term } = channel;
      const body = encodeChannelBody({ id, name, term, truncatedTo, end: 0 });
      const entry: Entry = { kind, channel, total: recordBytes(body.byteLength), resolve, reject };
      this.#lay(entry, body.byteLength, [body], term);
    });
  }

  #receive(message: FromWriter): void {
    switch (message.kind) {
      case "ready":
        this.#catalog = new Catalog(this.#directory, message.channels, message.files, message.end);
        this.#state = "open";
        this.#link.setBusy(false);
        // A process that died may have left files that nobody needs; if they cannot go now, they will be in nobody's way.
        void this.#collect().catch(() => undefined);
        return this.#opened.resolve();
      case "refused":
        this.#state = "broken";
        return this.#opened.reject(
          message.corrupted
            ? new LogCorrupted(message.text)
            : new LogUnavailable(`the journal in ${this.#directory} cannot be opened: ${message.text}`),
        );
      case "written":
        return this.#written(message);
      case "removed":
        this.#removals.get(message.id)?.(message.failure);
        return void this.#removals.delete(message.id);
      case "closed":
        return this.#closed.resolve();
      case "fatal":
        return this.#break(message.text);
    }
  }

  #written({ packs, begun, durableTo, failure }: Extract<FromWriter, { kind: "written" }>): void {
    for (const { sequence, firstPosition } of begun) this.#catalog.begin(sequence, firstPosition);
    this.#catalog.durableTo = durableTo;
    const changed = new Set<JournalChannel>();
    for (const { id, buffer, positions } of packs) {
      const entries = this.#inFlight.get(id);
      assert(entries !== undefined && entries.length === positions.length, "every record sent has one outcome");
      this.#inFlight.delete(id);
      this.#packs.recycle(buffer);
      for (const [index, entry] of entries.entries()) {
        const position = positions[index] as number;
        if (Number.isNaN(position)) {
          this.#settle(entry, this.#failed(failure));
          continue;
        }
        if (entry.kind === DATA) {
          this.#catalog.add(entry.channel, position);
          changed.add(entry.channel);
        }
        this.#settle(entry, position);
      }
    }
    for (const channel of changed) channel.wake();
    this.#settleIdle();
    if (begun.length > 0) void this.#collect().catch(() => undefined);
  }

  #failed(failure: { readonly text: string; readonly wiped: boolean } | null): Error {
    const text = failure?.text ?? "the record could not be written";
    return failure?.wiped === false ? new AppendOutcomeUnknown(text) : new LogUnavailable(text);
  }

  #settle(entry: Entry, outcome: number | Error): void {
    if (entry.kind === DATA) this.#release(entry.total);
    if (typeof outcome === "number") entry.resolve(outcome);
    else entry.reject(outcome);
  }

  #release(bytes: number): void {
    this.#budget.release(bytes);
  }

  #break(text: string): void {
    if (this.#state === "broken" || this.#state === "closed") return;
    const failure = new Error(
      `the journal in ${this.#directory} cannot go on, for what is on the disk is no longer certain: ${text}`,
    );
    const wasOpening = this.#state === "opening";
    this.#state = "broken";
    this.#onFatal(failure);
    if (wasOpening) this.#opened.reject(failure);
    const unknown = [...this.#inFlight.values()].flat();
    this.#inFlight.clear();
    for (const entry of unknown) this.#settle(entry, new AppendOutcomeUnknown(failure.message));
    for (const settle of this.#removals.values()) settle(failure.message);
    this.#removals.clear();
    this.#closed.resolve();
    for (const channel of this.#catalog.channels()) channel.wake();
    this.#settleIdle();
  }

  read(name: string, options: ReadOptions = {}): AsyncIterable<LogRecord> {
    this.#mustBeOpen();
    const channel = this.#catalog.channel(name);
    const reader = new ChannelReader(this.#catalog, channel, options, () => this.#mustBeReadable());
    return reader.records();
  }

  async bounds(name: string): Promise<{ readonly earliest: LogPosition; readonly end: LogPosition }> {
    this.#mustBeOpen();
    const { truncatedTo, end } = this.#catalog.channel(name);
    return { earliest: BigInt(truncatedTo), end: BigInt(end) };
  }

  async truncate(name: string, position: LogPosition): Promise<void> {
    this.#mustBeOpen();
    const channel = this.#catalog.channel(name);
    if (position > BigInt(channel.end)) {
      throw new RangeError(`channel ${name} ends at ${channel.end}; it cannot be truncated to ${position}`);
    }
    const wanted = Number(position);
    if (wanted <= channel.truncatedTo) return;
    await this.#manage(TRUNCATION, channel, wanted);
    channel.truncatedTo = Math.max(channel.truncatedTo, wanted);
    channel.wake();
    await this.#collect();
  }

  /** Deletes the files that no channel needs any more. */
  async #collect(): Promise<void> {
    if (this.#state !== "open" && this.#state !== "closing") return;
    const sequences = this.#catalog.takeDeletable();
    if (sequences.length === 0) return;
    const id = this.#nextId++;
    const failure = await new Promise<string | null>((resolve) => {
      this.#removals.set(id, resolve);
      this.#link.setBusy(true);
      this.#link.send({ kind: "remove", id, sequences }, []);
    });
    this.#settleIdle();
    if (failure !== null)
      throw new LogUnavailable(`files of the journal in ${this.#directory} could not be deleted: ${failure}`);
  }

  /** Resolves when nothing is in flight. */
  async #quiet(): Promise<void> {
    while (this.#inFlight.size + this.#entries.length + this.#line.length + this.#removals.size > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** Tells those who wait for it when nothing is in flight; then the writer no longer keeps the process alive. */
  #settleIdle(): void {
    if (this.#inFlight.size + this.#removals.size === 0) this.#link.setBusy(false);
    for (const resume of this.#idle.splice(0)) resume();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#state === "open") this.#state = "closing";
    await this.#quiet();
    if (this.#state === "closing") {
      this.#link.setBusy(true);
      this.#link.send({ kind: "close" }, []);
      await this.#closed.promise;
    }
    this.#state = "closed";
    for (const channel of this.#catalog.channels()) channel.wake();
    await this.#link.end();
  }

  #unavailable(): LogUnavailable {
    return new LogUnavailable(
      this.#state === "broken"
        ? `the journal in ${this.#directory} stopped after a failed sync; restart the process`
        : `the journal in ${this.#directory} is closed`,
    );
  }

  #mustBeOpen(): void {
    if (this.#state !== "open") throw this.#unavailable();
  }

  #mustBeReadable(): void {
    if (this.#state !== "open" && this.#state !== "closing") throw this.#unavailable();
  }
}

/** The default of `onFatal`: one line, and the process ends as after a crash. */
function endProcess(failure: Error): void {
  process.stderr.write(`elanus: ${failure.message}\n`);
  process.exit(70);
}
