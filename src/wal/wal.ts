/**
 * The write-ahead log of one physical channel, as its one owner has it.
 *
 *     append:  channel lock → time tick → segment assignment → backend → acknowledged
 *     deliver: once the confirmed watermark has passed a record, in the order of ticks, to the one consumer
 *
 * Always true:
 *  - an acknowledged record is durable, and was given its tick, its segments and its place before any later one;
 *  - the consumer sees each record once, in the order of ticks, never one that may still fail; a replay shows it the same;
 *  - an append whose outcome is unclear is repeated under the same tick until it is clear (readers drop the twin), so what a client was
 *    told to have failed never appears later;
 *  - exclusive messages (DDL, flush) meet no open transaction and no append in flight on their channel.
 *
 * Not here: what the records mean for segments and reads (streaming), the bytes (log backends).
 */

import { assert, present } from "../base/assert.ts";
import { milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { Mutex, ReadWriteLock } from "../base/mutex.ts";
import type { Timestamp } from "../base/timestamp.ts";
import {
  Fenced,
  type LogBackend,
  type LogPosition,
  LogUnavailable,
  type LogWriter,
  RecordTooLarge,
} from "../log/log.ts";
import { type KeyedWrite, type LogMessages, type Message, MessageType } from "../model/message.ts";
import { encodeMessages, encodeRecord } from "../model/message-codec.ts";
import { Delivery, type LogConsumer } from "./delivery.ts";
import { scan } from "./scanner.ts";
import type { IdempotencyWindow } from "./idempotency.ts";
import { type SegmentLimits, Shards } from "./shards.ts";
import { sizeOf, splitMessages } from "./split-messages.ts";
import { type PlacedRecord, TransactionAssembler } from "./transactions.ts";
import { untilClear } from "./until-clear.ts";
import { type Slot, Watermark } from "./watermark.ts";

/** Timestamps and ids, from whoever owns them. */
export interface Allocators {
  timestamp(): Promise<Timestamp>;
  /** `count` ids that nobody else has, ascending from the result. */
  ids(count: number): Promise<bigint>;
}

/** Where a replay has to start so that nothing which is not durable elsewhere is missed. */
export interface Checkpoint {
  readonly position: LogPosition;
  readonly timeTick: Timestamp;
}

export interface WalOptions {
  readonly channel: string;
  readonly term: bigint;
  readonly log: LogBackend;
  readonly allocators: Allocators;
  readonly runtime: Runtime;
  readonly limits: SegmentLimits;
  readonly checkpoint: Checkpoint | null;
  /** Virtual channels that exist according to the metadata. */
  readonly shards: readonly {
    readonly channel: string;
    readonly collectionId: bigint;
    readonly partitionIds: readonly bigint[];
  }[];
  readonly consumer: LogConsumer;
  /** Writes that clients named; those of records that are gone from the log are in it. */
  readonly keys: IdempotencyWindow;
}

/** Messages of one virtual channel. */
export interface ChannelMessages {
  readonly channel: string;
  readonly messages: readonly Message[];
}

export interface Written {
  readonly timeTick: Timestamp;
  /** What a write of the same name did before; this one did nothing then. Null: it took effect now. */
  readonly repeated: KeyedWrite | null;
}

export interface Appended {
  readonly timeTick: Timestamp;
  readonly position: LogPosition;
  /** The messages as they were written, with segments assigned. */
  readonly messages: readonly Message[];
}

const EXCLUSIVE: ReadonlySet<number> = new Set([
  MessageType.CreateCollection,
  MessageType.DropCollection,
  MessageType.CreatePartition,
  MessageType.DropPartition,
  MessageType.AlterCollection,
  MessageType.ManualFlush,
  MessageType.FlushAll,
]);
const SEGMENT_ID_BATCH = 64;
/** A record that has its tick and is on its way to the backend. */
interface BegunRecord {
  readonly slot: Slot<PlacedRecord>;
  readonly record: LogMessages;
  readonly durable: Promise<LogPosition>;
  readonly undo: () => void;
}

interface StartedRecord {
  readonly timeTick: Timestamp;
  readonly finished: Promise<Appended>;
  /** Takes its assignment of segments back. */
  readonly undo: () => void;
}

export class WriteAheadLog {
  readonly channel: string;
  readonly term: bigint;
  readonly shards: Shards;
  readonly #options: WalOptions;
  readonly #writer: LogWriter;
  readonly #order = new Mutex();
  readonly #locks = new Map<string, ReadWriteLock>();
  readonly #watermark: Watermark<PlacedRecord>;
  readonly #transactions = new TransactionAssembler();
  readonly #keys: IdempotencyWindow;
  /** For each open transaction: where a replay must start to see its beginning. */
  readonly #transactionStarts = new Map<bigint, LogPosition>();
  readonly #delivery: Delivery;
  readonly #spareIds: bigint[] = [];
  #highestAcknowledged: LogPosition;
  #closed = false;

  private constructor(options: WalOptions, writer: LogWriter, shards: Shards, first: Timestamp, position: LogPosition) {
    this.#options = options;
    this.#keys = options.keys;
    this.channel = options.channel;
    this.term = options.term;
    this.#writer = writer;
    this.shards = shards;
    this.#watermark = new Watermark(first);
    this.#delivery = new Delivery(options.consumer, () => this.#watermark.confirmed, first);
    this.#highestAcknowledged = position;
  }

  /** Opens the channel for writing under `term` and replays what follows the checkpoint to the consumer. */
  static async open(options: WalOptions): Promise<{ readonly wal: WriteAheadLog; readonly replayed: number }> {
    const { channel, checkpoint, consumer, log } = options;
    const writer = await untilClear(options.runtime, () => log.open(channel, options.term));
    const shards = new Shards(options.limits);
    for (const shard of options.shards) shards.register(shard.channel, shard.collectionId, shard.partitionIds);
    // The first tick of a term ends the term before: whatever lies in front of it is final.
    const first = await options.allocators.timestamp();
    const marker = timeTickRecord(channel, first, checkpoint?.position ?? 0n);
    const position = await untilClear(options.runtime, () => writer.append(marker));
    let replayed = 0;
    const from = checkpoint === null ? {} : { from: checkpoint.position, fromTimeTick: checkpoint.timeTick };
    for await (const placed of scan(log, channel, { ...from, through: position })) {
      for (const message of placed.record.messages) shards.observe(placed.record.channel, message);
      options.keys.observe(placed.record);
      await consumer.apply(placed);
      replayed += 1;
    }
    consumer.advance(first);
    return { wal: new WriteAheadLog(options, writer, shards, first, position), replayed };
  }

  /** Everything up to this tick has been applied by the consumer. */
  get advanced(): Timestamp {
    return this.#delivery.advanced;
  }

  /** Appends messages of one virtual channel that take effect together. Inserts get their segments here. */
  append(channel: string, messages: readonly Message[]): Promise<Appended> {
    assert(messages.length > 0, "something is appended");
    if (!messages.some((message) => EXCLUSIVE.has(message.type))) return this.#appendParts([{ channel, messages }], "");
    return this.#lock(channel).exclusive(() => this.#appendObserved(channel, () => messages));
  }

  /**
   * Rows and deletes of one or more virtual channels, all or nothing, at one tick. Under an idempotency key (that of another write is
   * told by its collection) they take effect once, however often they are sent while the key is remembered.
   */
  async write(parts: readonly ChannelMessages[], idempotencyKey = ""): Promise<Written> {
    assert(parts.length > 0 && parts.every(({ messages }) => messages.length > 0), "something is written");
    if (idempotencyKey === "") return { timeTick: (await this.#appendParts(parts, "")).timeTick, repeated: null };
    const messages = parts.flatMap((part) => part.messages);
    return await this.#keys.once(idempotencyKey, messages, async () => {
      return (await this.#appendParts(parts, idempotencyKey)).timeTick;
    });
  }

  #appendParts(parts: readonly ChannelMessages[], idempotencyKey: string): Promise<Appended> {
    const messages = parts.flatMap((part) => part.messages);
    const isTransaction = parts.length > 1 || sizeOf(messages) > this.#bodyLimitBytes;
    const inserts = messages.filter((message) => message.type === MessageType.Insert).length;
    return this.#shared(parts, () => {
      if (isTransaction) return this.#appendTransaction(parts, idempotencyKey);
      return this.#appendRecord(parts[0]!.channel, () => messages, 0n, idempotencyKey, inserts);
    });
  }

  /**
   * Closes the growing segments of a channel: after the returned tick no row comes into them, and no other segment has a row with a
   * smaller tick that is not flushed. `extra` takes effect in the same record (a new schema).
   */
  flush(
    channel: string,
    collectionId: bigint,
    partitionId: bigint | null,
    extra: readonly Message[] = [],
  ): Promise<Appended> {
    return this.#lock(channel).exclusive(() =>
      this.#appendObserved(channel, () => {
        const segmentIds = this.shards.sealable(channel, partitionId);
        return [{ type: MessageType.ManualFlush, collectionId, segmentIds }, ...extra];
      }),
    );
  }

  /** A tick that is larger than every tick given out before; resolves when the consumer has everything up to it. */
  async sync(): Promise<Timestamp> {
    const slot = await this.#order.run(async () =>
      this.#watermark.allocate(await this.#options.allocators.timestamp()),
    );
    this.#release(this.#watermark.settle(slot, null));
    await this.waitFor(slot.timeTick);
    return slot.timeTick;
  }

  /** Resolves when the consumer has everything up to `tick`. Does not make time pass: see `sync`. */
  waitFor(tick: Timestamp): Promise<void> {
    const isLost = this.#closed && this.#delivery.failure === null && this.#delivery.advanced < tick;
    return isLost ? Promise.reject(this.#closedError()) : this.#delivery.waitFor(tick);
  }

  /** Waits for appends in flight and for the consumer. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#order.run(() => undefined);
    await this.#writer.close();
    await this.#delivery.idle();
    this.#delivery.giveUp(this.#closedError());
  }

  #closedError(): Error {
    return milvusError("ServiceUnavailable", `the log channel ${this.channel} is closed`);
  }

  get #bodyLimitBytes(): number {
    // Room for the header and the messages of segment assignment.
    return this.#options.log.maxRecordBytes - 64 * 1024;
  }

  #lock(channel: string): ReadWriteLock {
    let lock = this.#locks.get(channel);
    if (lock === undefined) this.#locks.set(channel, (lock = new ReadWriteLock()));
    return lock;
  }

  /** Holds every channel shared. Nobody holds one exclusively and waits for another, so that the order is only a courtesy. */
  #shared<T>(parts: readonly ChannelMessages[], section: () => Promise<T>): Promise<T> {
    const channels = [...new Set(parts.map(({ channel }) => channel))].toSorted();
    return channels.reduceRight<() => Promise<T>>(
      (inner, channel) => () => this.#lock(channel).shared(inner),
      section,
    )();
  }

  /** For messages that change what exists: that counts only once they are in the log. */
  async #appendObserved(channel: string, build: () => readonly Message[]): Promise<Appended> {
    const appended = await this.#appendRecord(channel, build, 0n, "");
    for (const message of appended.messages) this.shards.observe(channel, message);
    return appended;
  }

  async #appendRecord(
    channel: string,
    build: () => readonly Message[],
    transactionId: bigint,
    idempotencyKey: string,
    inserts = 0,
  ): Promise<Appended> {
    const started = await this.#startRecord(channel, build, transactionId, idempotencyKey, inserts);
    return await started.finished;
  }

  /** Resolves when the record has its tick and its place in the order; it is durable when `finished` resolves. */
  async #startRecord(
    channel: string,
    build: () => readonly Message[],
    transactionId: bigint,
    idempotencyKey: string,
    inserts = 0,
  ): Promise<StartedRecord> {
    this.#requireOpen();
    // Others may be served first when room comes, so it is looked at again.
    while (this.#delivery.isFull && this.#delivery.failure === null) await this.#delivery.room();
    this.#requireOpen();
    const begun = await this.#order.run(async () => {
      await this.#reserveIds(inserts);
      const slot = this.#watermark.allocate(await this.#options.allocators.timestamp());
      try {
        return this.#begin(channel, build(), transactionId, idempotencyKey, slot);
      } catch (error) {
        this.#release(this.#watermark.settle(slot, null));
        throw error;
      }
    });
    const finished = this.#finishRecord(begun);
    // Whoever started it may look at it only after others have failed.
    finished.catch(() => undefined);
    return { timeTick: begun.slot.timeTick, finished, undo: begun.undo };
  }

  async #finishRecord({ slot, record, durable, undo }: BegunRecord): Promise<Appended> {
    try {
      const position = await durable;
      if (position > this.#highestAcknowledged) this.#highestAcknowledged = position;
      this.#release(this.#watermark.settle(slot, { position, record }));
      return { timeTick: slot.timeTick, position, messages: record.messages };
    } catch (error) {
      undo();
      if (record.transactionId === slot.timeTick) this.#transactionStarts.delete(slot.timeTick);
      this.#release(this.#watermark.settle(slot, null));
      throw error;
    }
  }

  /** Ids for the segments that an assignment may create: at most one an insert. */
  async #reserveIds(inserts: number): Promise<void> {
    if (this.#spareIds.length >= inserts) return;
    const count = Math.max(inserts, SEGMENT_ID_BATCH);
    const firstId = await this.#options.allocators.ids(count);
    for (let at = 0; at < count; at += 1) this.#spareIds.push(firstId + BigInt(at));
  }

  /** In the order section: assigns, encodes, and hands the record to the backend. */
  #begin(
    channel: string,
    messages: readonly Message[],
    transactionId: bigint,
    idempotencyKey: string,
    slot: Slot<PlacedRecord>,
  ): BegunRecord {
    const inTransaction = transactionId !== 0n;
    const assignment = this.shards.assign(channel, messages, inTransaction, () =>
      present(this.#spareIds.shift(), "reserved segment id"),
    );
    const isBeginning = messages[0]!.type === MessageType.BeginTxn;
    if (isBeginning) this.#transactionStarts.set(slot.timeTick, this.#highestAcknowledged);
    const record: LogMessages = {
      channel,
      timeTick: slot.timeTick,
      confirmed: this.#watermark.confirmed,
      lastConfirmed: this.#restartPosition(),
      transactionId: isBeginning ? slot.timeTick : transactionId,
      idempotencyKey,
      messages: assignment.messages,
    };
    const durable = this.#appendUntilClear(encodeRecord(record, encodeMessages(assignment.messages)));
    return { slot, record, durable, undo: assignment.undo };
  }

  /** Everything with a tick from now on lies behind this position, and so does the beginning of every open transaction. */
  #restartPosition(): LogPosition {
    let position = this.#highestAcknowledged;
    for (const start of this.#transactionStarts.values()) if (start < position) position = start;
    return position;
  }

  async #appendUntilClear(parts: readonly Uint8Array[]): Promise<LogPosition> {
    try {
      return await untilClear(
        this.#options.runtime,
        () => this.#writer.append(parts),
        () => this.#closed,
      );
    } catch (error) {
      if (error instanceof Fenced) {
        const failure = milvusError(
          "ChannelNotAvailable",
          `the log channel ${this.channel} has a new owner`,
          {},
          error,
        );
        this.#delivery.fail(failure);
        throw failure;
      }
      if (error instanceof RecordTooLarge) throw milvusError("ParameterTooLarge", error.message, {}, error);
      if (error instanceof LogUnavailable) throw milvusError("ServiceDiskLimitExceeded", error.message, {}, error);
      throw error;
    }
  }

  /**
   * More than one record holds, or several channels: a transaction, all or nothing, with the commit's tick. The caller holds the channels
   * shared. Its bodies are on their way side by side; the commit is not written before all of them are durable.
   */
  async #appendTransaction(parts: readonly ChannelMessages[], idempotencyKey: string): Promise<Appended> {
    const { channel } = parts[0]!;
    const begin = await this.#startRecord(channel, () => [{ type: MessageType.BeginTxn }], 0n, "");
    const transactionId = begin.timeTick;
    const bodies: (StartedRecord & { readonly channel: string })[] = [];
    const written: { readonly channel: string; readonly messages: readonly Message[] }[] = [];
    try {
      await begin.finished;
      for (const part of parts) {
        for (const body of splitMessages(part.messages, this.#bodyLimitBytes)) {
          const started = await this.#startRecord(part.channel, () => [body], transactionId, "", 1);
          bodies.push({ ...started, channel: part.channel });
        }
      }
      for (const body of bodies) written.push({ channel: body.channel, messages: (await body.finished).messages });
      const commit = [{ type: MessageType.CommitTxn }] as const;
      const appended = await this.#appendRecord(channel, () => commit, transactionId, idempotencyKey);
      await this.#endTransaction(parts, transactionId, written);
      return { ...appended, messages: written.flatMap(({ messages }) => messages) };
    } catch (error) {
      // A body that failed has undone itself; the others are undone when it is known what became of them.
      const outcomes = await Promise.allSettled(bodies.map(({ finished }) => finished));
      // Without its commit the transaction never takes effect; saying so lets readers forget it early.
      const rollback = [{ type: MessageType.RollbackTxn }] as const;
      await this.#appendRecord(channel, () => rollback, transactionId, "").catch(() => undefined);
      for (const [at, { undo }] of [...bodies.entries()].toReversed()) {
        if (outcomes[at]!.status === "fulfilled") undo();
      }
      await this.#endTransaction(parts, transactionId, []);
      throw error;
    }
  }

  /** Segments that waited for the end are flushed; should that fail, they stay on the list of those to be. */
  async #endTransaction(
    parts: readonly ChannelMessages[],
    transactionId: bigint,
    written: readonly ChannelMessages[],
  ): Promise<void> {
    this.#transactionStarts.delete(transactionId);
    for (const channel of new Set(parts.map((part) => part.channel))) {
      const own = written.filter((part) => part.channel === channel);
      const flush = this.shards.transactionEnded(
        channel,
        own.flatMap(({ messages }) => segmentsOf(messages)),
      );
      if (flush !== null) await this.#appendObserved(channel, () => [flush]).catch(() => undefined);
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw this.#closedError();
    if (this.#delivery.failure !== null) throw this.#delivery.failure;
  }

  /** Hands confirmed records to the consumer, one after the other. */
  #release(records: readonly PlacedRecord[]): void {
    for (const placed of records) {
      for (const effective of this.#transactions.accept(placed)) {
        // Before the consumer has it: what it then keeps instead of the log has to name it.
        this.#keys.observe(effective.record);
        this.#delivery.push(effective);
      }
    }
    this.#delivery.wake();
  }
}

function timeTickRecord(channel: string, timeTick: Timestamp, lastConfirmed: LogPosition): Uint8Array[] {
  const head = {
    channel,
    timeTick,
    confirmed: timeTick - 1n,
    lastConfirmed,
    transactionId: 0n,
    idempotencyKey: "",
  };
  return encodeRecord(head, encodeMessages([{ type: MessageType.TimeTick }]));
}

function segmentsOf(messages: readonly Message[]): bigint[] {
  return messages.flatMap((message) => (message.type === MessageType.Insert ? [message.segmentId] : []));
}
