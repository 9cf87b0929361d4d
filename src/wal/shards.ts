/**
 * Segment assignment: which growing segment takes the rows of an insert. Decided inside the log, so that a replay decides nothing.
 *
 * Always true:
 *  - a segment belongs to one virtual channel and one partition, and is created by a message before its first row;
 *  - after the message that flushes a segment no row is assigned to it, and none of an open transaction arrives later;
 *  - the state here is what the records up to the last appended one say: `observe` on replay leads to the same state.
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
  /** Full segments that wait for a transaction to end before they can be flushed. */
  readonly full: AssignedSegment[];
}

export interface Assignment {
  readonly messages: Message[];
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
    for (const message of messages) {
      if (message.type !== MessageType.Insert) {
        assigned.push(message);
        continue;
      }
      const shard = this.#shard(channel, message);
      const bytes = batchBytes(message.batch);
      const current = shard.open.get(message.partitionId);
      if (current !== undefined && current.bytes + bytes <= current.maxBytes) {
        this.#count(current, message, bytes, inTransaction);
        assigned.push({ ...message, segmentId: current.segmentId });
        continue;
      }
      if (current !== undefined) {
        assigned.push(...this.#retire(shard, current));
        undo.push(() => {
          if (!shard.full.includes(current)) shard.full.push(current);
        });
      }
      const created: CreateSegmentMessage = {
        type: MessageType.CreateSegment,
        collectionId: message.collectionId,
        partitionId: message.partitionId,
        segmentId: newId(),
        storageVersion: STORAGE_VERSION,
        maxBytes: this.#limits.maxSegmentBytes,
      };
      const segment = this.#open(shard, created);
      undo.push(() => {
        if (shard.open.get(segment.partitionId) === segment) shard.open.delete(segment.partitionId);
      });
      this.#count(segment, message, bytes, inTransaction);
      assigned.push(created, { ...message, segmentId: segment.segmentId });
    }
    return { messages: assigned, undo: () => undo.forEach((step) => step()) };
  }

  /** A transaction ended: its segments may be flushed now. Returns the flushes that waited for it. */
  transactionEnded(channel: string, segmentIds: Iterable<bigint>): FlushMessage[] {
    const shard = this.#shards.get(channel);
    if (shard === undefined) return [];
    for (const segmentId of segmentIds) {
      const segment = this.growing(channel).find((candidate) => candidate.segmentId === segmentId);
      if (segment !== undefined) segment.openTransactions -= 1;
    }
    const ready = shard.full.filter((segment) => segment.openTransactions <= 0);
    return ready.map((segment) => this.#flushed(shard, segment));
  }

  /**
   * Closes every growing segment of the channel (of one partition, when given) and returns their ids. The caller holds the channel
   * exclusively, so no transaction is open.
   */
  seal(channel: string, partitionId: bigint | null): bigint[] {
    const shard = this.#shards.get(channel);
    if (shard === undefined) return [];
    const sealed = this.growing(channel).filter(
      (segment) => partitionId === null || segment.partitionId === partitionId,
    );
    for (const segment of sealed) {
      assert(segment.openTransactions === 0, "a segment is sealed only when no transaction is open");
      this.#remove(shard, segment.segmentId);
    }
    return sealed.map((segment) => segment.segmentId);
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
        if (shard !== undefined) shard.open.delete(message.partitionId);
        return;
      case MessageType.CreateSegment:
        if (shard !== undefined) this.#open(shard, message);
        return;
      case MessageType.Insert: {
        const segment = shard?.open.get(message.partitionId);
        if (segment?.segmentId === message.segmentId) this.#count(segment, message, batchBytes(message.batch), false);
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

  #open(shard: Shard, message: CreateSegmentMessage): AssignedSegment {
    const segment: AssignedSegment = {
      segmentId: message.segmentId,
      partitionId: message.partitionId,
      maxBytes: message.maxBytes,
      rows: 0,
      bytes: 0,
      openTransactions: 0,
    };
    shard.open.set(message.partitionId, segment);
    return segment;
  }

  #count(segment: AssignedSegment, message: InsertMessage, bytes: number, inTransaction: boolean): void {
    segment.rows += message.batch.rowCount;
    segment.bytes += bytes;
    if (inTransaction) segment.openTransactions += 1;
  }

  /** The segment is full: flush it now, or as soon as its last transaction ends. */
  #retire(shard: Shard, segment: AssignedSegment): FlushMessage[] {
    shard.open.delete(segment.partitionId);
    shard.full.push(segment);
    return segment.openTransactions === 0 ? [this.#flushed(shard, segment)] : [];
  }

  #flushed(shard: Shard, segment: AssignedSegment): FlushMessage {
    this.#remove(shard, segment.segmentId);
    return { type: MessageType.Flush, collectionId: shard.collectionId, segmentIds: [segment.segmentId] };
  }

  #remove(shard: Shard, segmentId: bigint): void {
    for (const [partitionId, segment] of shard.open) {
      if (segment.segmentId === segmentId) shard.open.delete(partitionId);
    }
    const at = shard.full.findIndex((segment) => segment.segmentId === segmentId);
    if (at >= 0) shard.full.splice(at, 1);
  }
}
