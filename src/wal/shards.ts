/**
 * Segment assignment: which growing segment takes the rows of an insert. Decided inside the log, so that a replay decides nothing.
 *
 * Always true:
 *  - a segment belongs to one virtual channel and one partition, and is created by a message before its first row;
 *  - after the message that flushes a segment no row is assigned to it, and none of an open transaction arrives later;
 *  - the state here is what the records up to the last appended one say: `observe` on replay leads to the same state;
 *  - a segment that has rows is in here until a message in the log flushes it, whatever was lost or rolled back meanwhile.
 *
 * Not here: rows (segment), when to flush for other reasons than size (streaming).
 */

import { assert } from "../base/assert.ts";
import { milvusError } from "../base/errors.ts";
import { batchBytes } from "../model/columns.ts";
import {
  type CreateSegmentMessage,
  type FlushMessage,
  type InsertMessage,
  type Message,
  MessageType,
} from "../model/message.ts";

export const STORAGE_VERSION = 2;

export interface AssignedSegment {
  readonly segmentId: bigint;
  readonly partitionId: bigint;
  readonly maxBytes: number;
  rows: number;
  bytes: number;
  /** Transactions whose rows are assigned and not yet committed. */
  openTransactions: number;
}

interface Shard {
  readonly collectionId: bigint;
  readonly partitionIds: Set<bigint>;
  /** By partition: the one segment that still takes rows. */
  readonly open: Map<bigint, AssignedSegment>;
  /** Full segments that no message in the log has flushed yet: a transaction had them, or the message was lost. */
  full: AssignedSegment[];
}

export interface Assignment {
  readonly messages: Message[];
  /** Called once when the record did not get into the log. */
  readonly undo: () => void;
}

export interface SegmentLimits {
  readonly maxSegmentBytes: number;
}

export class Shards {
  readonly #shards = new Map<string, Shard>();
  readonly #limits: SegmentLimits;

  constructor(limits: SegmentLimits) {
    this.#limits = limits;
  }

  register(channel: string, collectionId: bigint, partitionIds: readonly bigint[]): void {
    const known = this.#shards.get(channel);
    if (known === undefined) {
      this.#shards.set(channel, { collectionId, partitionIds: new Set(partitionIds), open: new Map(), full: [] });
    } else {
      for (const partitionId of partitionIds) known.partitionIds.add(partitionId);
    }
  }

  has(channel: string): boolean {
    return this.#shards.has(channel);
  }

  /** Every segment that has rows which no flush message has named yet. */
  growing(channel: string): AssignedSegment[] {
    const shard = this.#shards.get(channel);
    return shard === undefined ? [] : [...shard.open.values(), ...shard.full];
  }

  channels(): string[] {
    return [...this.#shards.keys()];
  }

  /**
   * Gives every insert of `messages` its segment. May put flushes and creations of segments before it. `newId` supplies ids, at most
   * one an insert. `undo` takes back what a record changed that did not get into the log.
   */
  assign(channel: string, messages: readonly Message[], inTransaction: boolean, newId: () => bigint): Assignment {
    const assigned: Message[] = [];
    const undo: (() => void)[] = [];
    const takeBack = (): void => {
      for (const step of undo.toReversed()) step();
    };
    try {
      for (const message of messages) {
        if (message.type === MessageType.Insert)
          assigned.push(...this.#assignInsert(channel, message, inTransaction, newId, undo));
        else assigned.push(message);
      }
    } catch (error) {
      takeBack();
      throw error;
    }
    return { messages: assigned, undo: takeBack };
  }

  /** A transaction ended: its segments may be flushed now. Returns the flush that waited for it, to be observed once it is in the log. */
  transactionEnded(channel: string, segmentIds: Iterable<bigint>): FlushMessage | null {
    const shard = this.#shards.get(channel);
    if (shard === undefined) return null;
    for (const segmentId of segmentIds) {
      const segment = this.#find(shard, segmentId);
      if (segment === null) continue;
      assert(segment.openTransactions > 0, "a transaction that ends was counted");
      segment.openTransactions -= 1;
    }
    const ready = shard.full.filter((segment) => segment.openTransactions === 0);
    if (ready.length === 0) return null;
    return flushOf(shard, ready);
  }

  /**
   * The growing segments of the channel (of one partition, when given), which the caller is about to close by a message that is to be
   * observed once it is in the log. The caller holds the channel exclusively, so no transaction is open.
   */
  sealable(channel: string, partitionId: bigint | null): bigint[] {
    const sealable = this.growing(channel).filter(
      (segment) => partitionId === null || segment.partitionId === partitionId,
    );
    for (const segment of sealable) {
      assert(segment.openTransactions === 0, "a segment is sealed only when no transaction is open");
    }
    return sealable.map((segment) => segment.segmentId);
  }

  /** Takes over what a record of the log says; used on replay, and for messages that need no assignment. */
  observe(channel: string, message: Message): void {
    const shard = this.#shards.get(channel);
    switch (message.type) {
      case MessageType.CreateCollection:
        this.register(
          channel,
          message.collection.collectionId,
          message.collection.partitions.map((partition) => partition.partitionId),
        );
        return;
      case MessageType.DropCollection:
        this.#shards.delete(channel);
        return;
      case MessageType.CreatePartition:
        shard?.partitionIds.add(message.partitionId);
        return;
      case MessageType.DropPartition:
        shard?.partitionIds.delete(message.partitionId);
        if (shard !== undefined) {
          shard.open.delete(message.partitionId);
          shard.full = shard.full.filter((segment) => segment.partitionId !== message.partitionId);
        }
        return;
      case MessageType.CreateSegment:
        if (shard !== undefined && this.#find(shard, message.segmentId) === null) this.#open(shard, message);
        return;
      case MessageType.Insert: {
        if (shard === undefined || !shard.partitionIds.has(message.partitionId)) return;
        // The record that created the segment may be lost where this one is not.
        const segment =
          this.#find(shard, message.segmentId) ??
          this.#open(shard, { ...message, maxBytes: this.#limits.maxSegmentBytes });
        this.#count(segment, message.batch.rowCount, batchBytes(message.batch));
        return;
      }
      case MessageType.Flush:
      case MessageType.ManualFlush:
      case MessageType.FlushAll:
        if (shard !== undefined) for (const segmentId of message.segmentIds) this.#remove(shard, segmentId);
        return;
      default:
        return;
    }
  }

  #shard(channel: string, message: InsertMessage): Shard {
    const shard = this.#shards.get(channel);
    if (shard === undefined || shard.collectionId !== message.collectionId) {
      throw milvusError("CollectionNotFound", "", { collection: message.collectionId });
    }
    if (!shard.partitionIds.has(message.partitionId)) {
      throw milvusError("PartitionNotFound", "", { partition: message.partitionId });
    }
    return shard;
  }

  #assignInsert(
    channel: string,
    message: InsertMessage,
    inTransaction: boolean,
    newId: () => bigint,
    undo: (() => void)[],
  ): Message[] {
    const shard = this.#shard(channel, message);
    const bytes = batchBytes(message.batch);
    const before: Message[] = [];
    let segment = shard.open.get(message.partitionId);
    if (segment !== undefined && segment.bytes + bytes > segment.maxBytes) {
      before.push(...this.#retire(shard, segment, inTransaction, undo));
      segment = undefined;
    }
    if (segment === undefined) {
      const created: CreateSegmentMessage = {
        type: MessageType.CreateSegment,
        collectionId: message.collectionId,
        partitionId: message.partitionId,
        segmentId: newId(),
        storageVersion: STORAGE_VERSION,
        maxBytes: this.#limits.maxSegmentBytes,
      };
      segment = this.#open(shard, created);
      before.push(created);
      // Later records may have put rows into it by then: it stays for those, and is created by the first of them.
      const fresh = segment;
      undo.push(() => {
        if (fresh.rows === 0) this.#remove(shard, fresh.segmentId);
      });
    }
    const target = segment;
    this.#count(target, message.batch.rowCount, bytes);
    if (inTransaction) target.openTransactions += 1;
    undo.push(() => {
      this.#count(target, -message.batch.rowCount, -bytes);
      if (inTransaction) target.openTransactions -= 1;
    });
    return [...before, { ...message, segmentId: target.segmentId }];
  }

  #find(shard: Shard, segmentId: bigint): AssignedSegment | null {
    for (const segment of shard.open.values()) if (segment.segmentId === segmentId) return segment;
    return shard.full.find((segment) => segment.segmentId === segmentId) ?? null;
  }

  /** The segment that takes rows from now on; the one before it, if it was not flushed, waits among the full ones. */
  #open(shard: Shard, message: Pick<CreateSegmentMessage, "segmentId" | "partitionId" | "maxBytes">): AssignedSegment {
    const segment: AssignedSegment = {
      segmentId: message.segmentId,
      partitionId: message.partitionId,
      maxBytes: message.maxBytes,
      rows: 0,
      bytes: 0,
      openTransactions: 0,
    };
    const previous = shard.open.get(message.partitionId);
    if (previous !== undefined) shard.full.push(previous);
    shard.open.set(message.partitionId, segment);
    return segment;
  }

  #count(segment: AssignedSegment, rows: number, bytes: number): void {
    segment.rows += rows;
    segment.bytes += bytes;
    assert(segment.rows >= 0 && segment.bytes >= 0, "no more rows are taken back than were assigned");
  }

  /**
   * The segment is full: flush it now, or as soon as its last transaction ends. A transaction itself flushes nothing, since it may be
   * rolled back: its end does.
   */
  #retire(shard: Shard, segment: AssignedSegment, inTransaction: boolean, undo: (() => void)[]): FlushMessage[] {
    shard.open.delete(segment.partitionId);
    if (inTransaction || segment.openTransactions > 0) {
      shard.full.push(segment);
      return [];
    }
    undo.push(() => shard.full.push(segment));
    return [flushOf(shard, [segment])];
  }

  #remove(shard: Shard, segmentId: bigint): void {
    for (const [partitionId, segment] of shard.open) {
      if (segment.segmentId === segmentId) shard.open.delete(partitionId);
    }
    shard.full = shard.full.filter((segment) => segment.segmentId !== segmentId);
  }
}

function flushOf(shard: Shard, segments: readonly AssignedSegment[]): FlushMessage {
  const segmentIds = segments.map((segment) => segment.segmentId);
  return { type: MessageType.Flush, collectionId: shard.collectionId, segmentIds };
}
