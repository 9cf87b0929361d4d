/**
 * One physical log channel on its owner: the write-ahead log, the delegators of its virtual channels, and their flusher.
 *
 * It is the log's consumer: every record is applied here, in the order of ticks, on a replay as when it is new. So a replay leads to the
 * state that was.
 */

import { milvusError } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { type KeyedWrite, type Message, MessageType } from "../model/message.ts";
import type { LogPlace, RecoveredCollection } from "../rpc/services.ts";
import { IdempotencyWindow } from "../wal/idempotency.ts";
import type { LogConsumer } from "../wal/delivery.ts";
import { WriteAheadLog } from "../wal/wal.ts";
import type { PlacedRecord } from "../wal/transactions.ts";
import { Delegator, type Growing } from "./delegator.ts";
import { Flusher } from "./flusher.ts";
import { ReadMarks } from "./read-marks.ts";
import type { GrowingState } from "./seal-policy.ts";
import type { StreamingContext } from "./context.ts";

const FLUSHES: ReadonlySet<number> = new Set([MessageType.Flush, MessageType.ManualFlush, MessageType.FlushAll]);

export class Channel implements LogConsumer {
  readonly name: string;
  readonly term: bigint;
  readonly #context: StreamingContext;
  readonly #flusher: Flusher;
  readonly #keys: IdempotencyWindow;
  readonly #delegators = new Map<string, Delegator>();
  #wal: WriteAheadLog | null = null;
  /** Since the log last advanced. */
  #hasApplied = false;
  /** Everything up to here has been applied. Starts at the checkpoint: a flush during the replay must not move that back. */
  #applied: LogPlace;
  /** The last place that was given out as a checkpoint; the log before it may be gone. */
  #checkpoint: LogPlace;

  private constructor(
    name: string,
    term: bigint,
    context: StreamingContext,
    checkpoint: LogPlace | null,
    keyedWrites: readonly KeyedWrite[],
  ) {
    this.name = name;
    this.term = term;
    this.#context = context;
    this.#keys = new IdempotencyWindow(keyedWrites);
    this.#applied = checkpoint ?? { position: 0n, timeTick: 0n };
    this.#checkpoint = this.#applied;
    this.#flusher = new Flusher({
      channel: name,
      term,
      objects: context.objects,
      runtime: context.runtime,
      coordinator: context.coordinator,
      checkpointAfter: (segments, delegator, timeTick) => this.#checkpointAfter(segments, delegator, timeTick),
      keyedWrites: () => this.#keys.writes(),
      truncate: ({ position }) => context.logBackend.truncate(name, position),
      log: context.log,
    });
  }

  /** Opens the log under the term, and replays what is not in files. */
  static async open(name: string, term: bigint, context: StreamingContext): Promise<Channel> {
    const { checkpoint, collections, keyedWrites } = await context.coordinator.recoverChannel({ channel: name, term });
    const channel = new Channel(name, term, context, checkpoint, keyedWrites);
    for (const recovered of collections) channel.#addDelegator(recovered);
    const { wal, replayed } = await WriteAheadLog.open({
      channel: name,
      term,
      log: context.logBackend,
      runtime: context.runtime,
      limits: context.limits,
      checkpoint,
      keys: channel.#keys,
      shards: collections.map(({ virtualChannel, collection }) => ({
        channel: virtualChannel,
        collectionId: collection.collectionId,
        partitionIds: collection.partitions.map((partition) => partition.partitionId),
      })),
      allocators: {
        timestamp: async () => (await context.coordinator.allocateTimestamps({ count: 1 })).first,
        ids: async (count) => (await context.coordinator.allocateIds({ count })).first,
      },
      consumer: channel,
    });
    channel.#wal = wal;
    if (checkpoint !== null) await context.logBackend.truncate(name, checkpoint.position);
    context.log(
      `channel ${name} open under term ${term}: ${replayed} records replayed${checkpoint === null ? "" : ` from position ${checkpoint.position}`}`,
    );
    return channel;
  }

  get wal(): WriteAheadLog {
    if (this.#wal === null) throw milvusError("ServiceNotReady", `the channel ${this.name} is being opened`);
    return this.#wal;
  }

  get delegators(): readonly Delegator[] {
    return [...this.#delegators.values()];
  }

  delegator(virtualChannel: string): Delegator {
    const delegator = this.#delegators.get(virtualChannel);
    if (delegator === undefined)
      throw milvusError("ChannelNotFound", "delegator not found", { channel: virtualChannel });
    return delegator;
  }

  /** Every row and delete up to the tick is in files. */
  async isFlushed(virtualChannel: string, timeTick: Timestamp): Promise<boolean> {
    if (this.wal.advanced < timeTick) await this.wal.sync();
    const delegator = this.delegator(virtualChannel);
    const waits = delegator.growing().some(({ segment, flushed }) => {
      return !flushed && segment.firstTimestamp !== null && segment.firstTimestamp <= timeTick;
    });
    const oldestDelete = delegator.deletes.oldestUnflushed();
    return !waits && (oldestDelete === null || oldestDelete.timeTick > timeTick);
  }

  /** Segments whose files are being written. */
  flushing(): bigint[] {
    return this.#flusher.flushing();
  }

  growingStates(): GrowingState[] {
    return this.delegators.map((delegator) => {
      const open = delegator.growing().filter(({ sealedTick }) => sealedTick === null);
      const ticks = open.map(({ createdTick }) => createdTick);
      const oldestDelete = delegator.deletes.oldestUnflushed();
      if (oldestDelete !== null) ticks.push(oldestDelete.timeTick);
      const newest = open.filter(({ segment }) => segment.hasGraph).map(({ segment }) => segment.lastTimestamp);
      return {
        virtualChannel: delegator.virtualChannel,
        collectionId: delegator.collection.collectionId,
        bytes: delegator.growingBytes,
        oldest: ticks.length === 0 ? null : ticks.reduce((least, tick) => (tick < least ? tick : least)),
        searchedNewest: newest.length === 0 ? null : newest.reduce((most, tick) => (tick > most ? tick : most)),
      };
    });
  }

  async apply({ record, position: _position }: PlacedRecord): Promise<void> {
    this.#hasApplied = true;
    for (const message of record.messages) {
      await this.#applyMessage(record.channel, message, record.lastConfirmed, record.timeTick);
    }
    // Only now: another message of the record may have taken away what would be written.
    const delegator = this.#delegators.get(record.channel);
    if (delegator !== undefined && record.messages.some(({ type }) => FLUSHES.has(type))) {
      this.#flusher.schedule(delegator, record.timeTick);
    }
    this.#applied = { position: record.lastConfirmed, timeTick: record.timeTick };
  }

  /** Readers wait on the log itself; from here on they see what was applied. */
  advance(_confirmed: Timestamp): void {
    if (!this.#hasApplied) return;
    this.#hasApplied = false;
    this.#context.changes.changed();
  }

  async close(): Promise<void> {
    await this.#wal?.close();
    await this.#flusher.stop();
    for (const delegator of this.delegators) delegator.close();
  }

  async #applyMessage(virtualChannel: string, message: Message, restart: bigint, timeTick: Timestamp): Promise<void> {
    if (message.type === MessageType.CreateCollection) {
      if (this.#delegators.has(virtualChannel)) return;
      this.#addDelegator({ collection: message.collection, virtualChannel, segments: [], deletesFlushed: 0n });
      return;
    }
    // A replay meets records of collections that are dropped by now, and of the control channel: there is nothing to do for them.
    const delegator = this.#delegators.get(virtualChannel);
    if (delegator === undefined) return;
    switch (message.type) {
      case MessageType.CreateSegment:
        delegator.createSegment(message, restart, timeTick);
        this.#context.sealPolicy.arm();
        return;
      case MessageType.Insert:
        await delegator.insert(message, restart, timeTick, () => this.#context.runtime.yield());
        return;
      case MessageType.Delete:
        await delegator.delete(message, restart, timeTick);
        this.#context.sealPolicy.arm();
        return;
      case MessageType.Flush:
      case MessageType.ManualFlush:
      case MessageType.FlushAll:
        delegator.seal(message.segmentIds, timeTick);
        return;
      case MessageType.AlterCollection:
        await delegator.updateCollection(message.collection);
        return;
      case MessageType.CreatePartition: {
        const { partitionId, partitionName: name } = message;
        delegator.createPartition({ partitionId, name, createdTimestamp: timeTick });
        return;
      }
      case MessageType.DropPartition:
        delegator.dropPartition(message.partitionId);
        return;
      case MessageType.DropCollection:
        this.#delegators.delete(virtualChannel);
        this.#flusher.forget(delegator);
        delegator.close();
        return;
      default:
        return;
    }
  }

  #addDelegator(recovered: RecoveredCollection): void {
    const { runtime, limits } = this.#context;
    const marks = new ReadMarks(runtime, limits.retentionMilliseconds);
    this.#delegators.set(recovered.virtualChannel, new Delegator(recovered, this.#context, marks));
  }

  /**
   * The place from which a replay sees everything that is in no file: the smallest start of what still grows or waits. Position and
   * tick are taken each for itself, which is safe: earlier is always right. Only, never earlier than the last checkpoint: a transaction
   * names a place from before others ended that were open with it, and the log need not reach back so far.
   */
  #checkpointAfter(flushed: readonly Growing[], flushedDelegator: Delegator, timeTick: Timestamp): LogPlace {
    let { position, timeTick: tick } = this.#applied;
    const include = (startPosition: bigint, startTick: Timestamp): void => {
      if (startPosition < position) position = startPosition;
      if (startTick < tick) tick = startTick;
    };
    for (const delegator of this.delegators) {
      for (const growing of delegator.growing()) {
        if (growing.flushed || flushed.includes(growing)) continue;
        include(growing.segment.startPosition, growing.createdTick);
      }
      const waiting = delegator.deletes
        .since(0)
        .map(({ entry }) => entry)
        .find((entry) => entry.timeTick > (delegator === flushedDelegator ? timeTick : delegator.deletes.flushed));
      if (waiting !== undefined) include(waiting.restartPosition, waiting.timeTick);
    }
    const { position: lastPosition, timeTick: lastTick } = this.#checkpoint;
    this.#checkpoint = {
      position: position > lastPosition ? position : lastPosition,
      timeTick: tick > lastTick ? tick : lastTick,
    };
    return this.#checkpoint;
  }
}
