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
import { Loop } from "../base/loop.ts";
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
import { batchBytes, columnBytes, takeBatch } from "../model/columns.ts";
import { type InsertMessage, type LogMessages, type Message, MessageType } from "../model/message.ts";
import { encodeMessages, encodeRecord } from "../model/message-codec.ts";
import { scan } from "./scanner.ts";
import { type SegmentLimits, Shards } from "./shards.ts";
import { type PlacedRecord, TransactionAssembler } from "./transactions.ts";
import { type Slot, Watermark } from "./watermark.ts";

/** Timestamps and ids, from whoever owns them. */
export interface Allocators {
  timestamp(): Promise<Timestamp>;
  /** `count` ids that nobody else has, ascending from the result. */
  ids(count: number): Promise<bigint>;
}

/** What the records of a channel are for. */
export interface LogConsumer {
  apply(placed: PlacedRecord): Promise<void>;
  /** Everything up to this tick has been applied. */
  advance(confirmed: Timestamp): void;
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
const RETRY_FIRST_MILLISECONDS = 10;
const RETRY_LAST_MILLISECONDS = 5_000;
/** Records that wait for their consumer hold at most this many bytes; then appends wait. */
const UNDELIVERED_LIMIT_BYTES = 256 << 20;

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
  /** For each open transaction: where a replay must start to see its beginning. */
  readonly #transactionStarts = new Map<bigint, LogPosition>();
  readonly #queue: PlacedRecord[] = [];
  readonly #roomWaiters: (() => void)[] = [];
  readonly #spareIds: bigint[] = [];
  readonly #deliveries = new Loop(() => this.#deliver());
  #queuedBytes = 0;
  #advanced: Timestamp;
  #advanceWaiters: {
    readonly tick: Timestamp;
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  #highestAcknowledged: LogPosition;
  #failure: Error | null = null;
  #closed = false;

  private constructor(options: WalOptions, writer: LogWriter, shards: Shards, first: Timestamp, position: LogPosition) {
    this.#options = options;
    this.channel = options.channel;
    this.term = options.term;
    this.#writer = writer;
    this.shards = shards;
    this.#watermark = new Watermark(first);
    this.#advanced = first;
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
      await consumer.apply(placed);
      replayed += 1;
    }
    consumer.advance(first);
    return { wal: new WriteAheadLog(options, writer, shards, first, position), replayed };
  }

  /** Everything up to this tick has been applied by the consumer. */
  get advanced(): Timestamp {
    return this.#advanced;
  }

  /** Appends messages that take effect together. Inserts get their segments here. */
  append(channel: string, messages: readonly Message[], idempotencyKey = ""): Promise<Appended> {
    assert(messages.length > 0, "something is appended");
    const lock = this.#lock(channel);
    if (messages.some((message) => EXCLUSIVE.has(message.type))) {
      return lock.exclusive(() => this.#appendObserved(channel, () => messages, idempotencyKey));
    }
    if (sizeOf(messages) > this.#bodyLimitBytes) {
      return lock.shared(() => this.#appendTransaction(channel, messages, idempotencyKey));
    }
    const inserts = messages.filter((message) => message.type === MessageType.Insert).length;
    return lock.shared(() => this.#appendRecord(channel, () => messages, 0n, idempotencyKey, inserts));
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
      this.#appendObserved(
        channel,
        () => {
          const segmentIds = this.shards.sealable(channel, partitionId);
          return [{ type: MessageType.ManualFlush, collectionId, segmentIds }, ...extra];
        },
        "",
      ),
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
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#advanced >= tick) return Promise.resolve();
    if (this.#closed) return Promise.reject(this.#closedError());
    return new Promise((resolve, reject) => this.#advanceWaiters.push({ tick, resolve, reject }));
  }

  /** Waits for appends in flight and for the consumer. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#order.run(() => undefined);
    await this.#writer.close();
    await this.#deliveries.idle();
    for (const waiter of this.#advanceWaiters.splice(0)) waiter.reject(this.#closedError());
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

  /** For messages that change what exists: that counts only once they are in the log. */
  async #appendObserved(channel: string, build: () => readonly Message[], idempotencyKey: string): Promise<Appended> {
    const appended = await this.#appendRecord(channel, build, 0n, idempotencyKey);
    for (const message of appended.messages) this.shards.observe(channel, message);
    return appended;
  }

  async #appendRecord(
    channel: string,
    build: () => readonly Message[],
    transactionId: bigint,
    idempotencyKey: string,
    inserts = 0,
  ): Promise<Appended & { readonly undo: () => void }> {
    this.#requireOpen();
    // Others may be served first when room comes, so it is looked at again.
    while (this.#queuedBytes > UNDELIVERED_LIMIT_BYTES && this.#failure === null) await this.#room();
    this.#requireOpen();
    const { slot, record, durable, undo } = await this.#order.run(async () => {
      await this.#reserveIds(inserts);
      const slot = this.#watermark.allocate(await this.#options.allocators.timestamp());
      try {
        return this.#begin(channel, build(), transactionId, idempotencyKey, slot);
      } catch (error) {
        this.#release(this.#watermark.settle(slot, null));
        throw error;
      }
    });
    try {
      const position = await durable;
      if (position > this.#highestAcknowledged) this.#highestAcknowledged = position;
      this.#release(this.#watermark.settle(slot, { position, record }));
      return { timeTick: slot.timeTick, position, messages: record.messages, undo };
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
  ): { slot: Slot<PlacedRecord>; record: LogMessages; durable: Promise<LogPosition>; undo: () => void } {
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
        this.#fail(failure);
        throw failure;
      }
      if (error instanceof RecordTooLarge) throw milvusError("ParameterTooLarge", error.message, {}, error);
      if (error instanceof LogUnavailable) throw milvusError("ServiceDiskLimitExceeded", error.message, {}, error);
      throw error;
    }
  }

  /** More than one record holds: a transaction, all or nothing, with the commit's tick. The caller holds the channel shared. */
  async #appendTransaction(channel: string, messages: readonly Message[], idempotencyKey: string): Promise<Appended> {
    const begin = await this.#appendRecord(channel, () => [{ type: MessageType.BeginTxn }], 0n, idempotencyKey);
    const transactionId = begin.timeTick;
    const bodies: { readonly messages: readonly Message[]; readonly undo: () => void }[] = [];
    try {
      for (const body of splitMessages(messages, this.#bodyLimitBytes)) {
        bodies.push(await this.#appendRecord(channel, () => [body], transactionId, "", 1));
      }
      const commit = await this.#appendRecord(
        channel,
        () => [{ type: MessageType.CommitTxn }],
        transactionId,
        idempotencyKey,
      );
      const written = bodies.flatMap((body) => body.messages);
      await this.#endTransaction(channel, transactionId, segmentsOf(written));
      return { ...commit, messages: written };
    } catch (error) {
      // Without its commit the transaction never takes effect; saying so lets readers forget it early.
      await this.#appendRecord(channel, () => [{ type: MessageType.RollbackTxn }], transactionId, "").catch(
        () => undefined,
      );
      for (const { undo } of bodies.toReversed()) undo();
      await this.#endTransaction(channel, transactionId, []);
      throw error;
    }
  }

  /** Segments that waited for the end are flushed; should that fail, they stay on the list of those to be. */
  async #endTransaction(channel: string, transactionId: bigint, segmentIds: readonly bigint[]): Promise<void> {
    this.#transactionStarts.delete(transactionId);
    const flush = this.shards.transactionEnded(channel, segmentIds);
    if (flush !== null) await this.#appendObserved(channel, () => [flush], "").catch(() => undefined);
  }

  #requireOpen(): void {
    if (this.#closed) throw this.#closedError();
    if (this.#failure !== null) throw this.#failure;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Hands confirmed records to the consumer, one after the other. */
  #release(records: readonly PlacedRecord[]): void {
    for (const placed of records) {
      const effective = this.#transactions.accept(placed);
      if (effective === null) continue;
      this.#queue.push(effective);
      this.#queuedBytes += sizeOf(effective.record.messages);
    }
    this.#deliveries.wake();
  }

  async #deliver(): Promise<void> {
    try {
      for (;;) {
        const placed = this.#queue[0];
        if (placed === undefined) {
          const confirmed = this.#watermark.confirmed;
          if (confirmed === this.#advanced) return;
          this.#advanced = confirmed;
          this.#options.consumer.advance(confirmed);
          this.#wake();
          continue;
        }
        await this.#options.consumer.apply(placed);
        this.#queue.shift();
        this.#queuedBytes -= sizeOf(placed.record.messages);
        if (this.#queuedBytes <= UNDELIVERED_LIMIT_BYTES) for (const waiter of this.#roomWaiters.splice(0)) waiter();
      }
    } catch (error) {
      // A record that cannot be applied cannot be skipped: reads would miss acknowledged rows.
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #wake(): void {
    const waiting = this.#advanceWaiters;
    this.#advanceWaiters = waiting.filter((waiter) => waiter.tick > this.#advanced);
    for (const waiter of waiting) if (waiter.tick <= this.#advanced) waiter.resolve();
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    for (const waiter of this.#advanceWaiters.splice(0)) waiter.reject(error);
    for (const waiter of this.#roomWaiters.splice(0)) waiter();
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

function sizeOf(messages: readonly Message[]): number {
  let bytes = 0;
  for (const message of messages) {
    if (message.type === MessageType.Insert) bytes += batchBytes(message.batch) + message.rowIds.byteLength;
    else if (message.type === MessageType.Delete) bytes += columnBytes(message.keys);
  }
  return bytes;
}

/** Inserts cut by rows so that each part fits; other messages are small enough as they are. */
function* splitMessages(messages: readonly Message[], limitBytes: number): Generator<Message> {
  for (const message of messages) {
    if (message.type === MessageType.Insert) yield* splitInsert(message, limitBytes);
    else yield message;
  }
}

function* splitInsert(message: InsertMessage, limitBytes: number): Generator<InsertMessage> {
  const { rowCount } = message.batch;
  if (rowCount <= 1 || sizeOf([message]) <= limitBytes) return yield message;
  // Rows differ in size, so halves are looked at again.
  const middle = Math.ceil(rowCount / 2);
  yield* splitInsert(rowsOf(message, 0, middle), limitBytes);
  yield* splitInsert(rowsOf(message, middle, rowCount), limitBytes);
}

function rowsOf(message: InsertMessage, start: number, end: number): InsertMessage {
  const rows = Uint32Array.from({ length: end - start }, (_, at) => start + at);
  return { ...message, rowIds: message.rowIds.slice(start, end), batch: takeBatch(message.batch, rows) };
}

function segmentsOf(messages: readonly Message[]): bigint[] {
  return messages.flatMap((message) => (message.type === MessageType.Insert ? [message.segmentId] : []));
}

/**
 * Repeats what has an unclear outcome until it is clear, or until nobody wants to know. A refusal is clear only while no try before it
 * was unclear: that one may be in the log.
 */
async function untilClear<T>(
  runtime: Runtime,
  action: () => Promise<T>,
  isOver: () => boolean = () => false,
): Promise<T> {
  let isUnclear = false;
  for (let delay = RETRY_FIRST_MILLISECONDS; ; delay = Math.min(delay * 2, RETRY_LAST_MILLISECONDS)) {
    try {
      return await action();
    } catch (error) {
      if (error instanceof Fenced || error instanceof RecordTooLarge) throw error;
      if (error instanceof LogUnavailable && !isUnclear) throw error;
      if (isOver()) throw error;
      isUnclear = true;
      await runtime.sleep(delay);
    }
  }
}
