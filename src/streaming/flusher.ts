/**
 * Flusher of one physical channel: sealed growing segments and pending deletes become files, then one record.
 *
 * Always true:
 *  - files are durable before their record; the record and the channel's checkpoint are one transaction under the channel's term;
 *  - jobs of a channel are done one after the other, in the order of their ticks;
 *  - a job that fails is done again with new names for its files: what a broken try left behind is never named by a record.
 */

import { asMilvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { Loop } from "../base/loop.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { KeyedWrite } from "../model/message.ts";
import type { SegmentInfo } from "../model/catalog.ts";
import { SegmentLevel, SegmentState } from "../model/types.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import type { CoordinatorService, LogPlace } from "../rpc/services.ts";
import type { Client } from "../rpc/transport.ts";
import { manifestKey } from "../storage/keys.ts";
import { type SegmentManifest, deltaSummaries, segmentBytes } from "../storage/manifest.ts";
import { Pace } from "../storage/pace.ts";
import { type SegmentDescriptor, writeDeltaSegment, writeSegment } from "../storage/segment-writer.ts";
import { STORAGE_VERSION } from "../wal/shards.ts";
import type { Delegator, Growing } from "./delegator.ts";
import { type DeleteEntry, joinDeletes } from "./delete-buffer.ts";

const RETRY_FIRST_MILLISECONDS = 50;
const RETRY_LAST_MILLISECONDS = 10_000;

export interface FlusherOptions {
  readonly channel: string;
  readonly term: bigint;
  readonly objects: ObjectStore;
  readonly runtime: Runtime;
  readonly coordinator: Client<CoordinatorService>;
  /** Where a replay must begin once these segments, and the delegator's deletes up to the tick, are in files. */
  readonly checkpointAfter: (segments: readonly Growing[], delegator: Delegator, timeTick: Timestamp) => LogPlace;
  /** Writes that clients named: the log may lose their records. */
  readonly keyedWrites: () => readonly KeyedWrite[];
  /** The log is not needed before this place any more. */
  readonly truncate: (checkpoint: LogPlace) => Promise<void>;
  readonly log: (line: string) => void;
}

interface Job {
  readonly delegator: Delegator;
  readonly timeTick: Timestamp;
}

export class Flusher {
  readonly #options: FlusherOptions;
  readonly #jobs: Job[] = [];
  /** Of the job at work: its files have no record yet. */
  readonly #flushing = new Set<bigint>();
  readonly #loop = new Loop(() => this.#run());
  readonly #stopping = new AbortController();
  /** The newest name that is in the metadata: with it are all before it. */
  #lastSavedKey: string | null = null;

  constructor(options: FlusherOptions) {
    this.#options = options;
  }

  /** Flushes what the delegator closed up to the tick, and its deletes. Returns at once. */
  schedule(delegator: Delegator, timeTick: Timestamp): void {
    this.#jobs.push({ delegator, timeTick });
    this.#loop.wake();
  }

  /** Segments whose files are being written, those of deletes included. */
  flushing(): bigint[] {
    return [...this.#flushing];
  }

  forget(delegator: Delegator): void {
    for (let at = this.#jobs.length - 1; at >= 1; at -= 1)
      if (this.#jobs[at]!.delegator === delegator) this.#jobs.splice(at, 1);
  }

  /** Jobs that have not begun are left to the next start; the one at work ends first. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop.idle();
  }

  async #run(): Promise<void> {
    let delay = RETRY_FIRST_MILLISECONDS;
    while (this.#jobs.length > 0 && !this.#stopping.signal.aborted) {
      const job = this.#jobs[0]!;
      try {
        await this.#flush(job).finally(() => this.#flushing.clear());
        this.#jobs.shift();
        delay = RETRY_FIRST_MILLISECONDS;
      } catch (thrown) {
        const error = asMilvusError(thrown);
        this.#options.log(
          `flush of ${job.delegator.virtualChannel} failed, trying again in ${delay} ms: ${error.message}`,
        );
        // Whoever closes does not wait for the next try.
        await this.#options.runtime.sleep(delay, this.#stopping.signal).catch(() => undefined);
        delay = Math.min(delay * 2, RETRY_LAST_MILLISECONDS);
      }
    }
  }

  async #flush({ delegator, timeTick }: Job): Promise<void> {
    const isDue = ({ sealedTick, flushed }: Growing): boolean =>
      sealedTick !== null && sealedTick <= timeTick && !flushed;
    const due = delegator.growing().filter(isDue);
    const deletes = delegator.deletes.unflushedUntil(timeTick);
    // A replay meets every flush again whose files are there. A record for each would keep a start busy for longer than it may live.
    if (due.length === 0 && deletes.size === 0) return;
    const segments: SegmentInfo[] = [];
    for (const growing of due)
      if (growing.segment.rowCount > 0) segments.push(await this.#writeRows(delegator, growing));
    for (const [partitionId, entries] of deletes) {
      segments.push(await this.#writeDeletes(delegator, partitionId, entries, timeTick));
    }
    // Dropped meanwhile: its metadata are gone, and its files go with the collection's.
    if (delegator.closed) return;
    const { channel, term, coordinator } = this.#options;
    const checkpoint = this.#options.checkpointAfter(due, delegator, timeTick);
    const keyedWrites = this.#options.keyedWrites();
    const lastKey = keyedWrites.at(-1)?.key ?? null;
    await coordinator.saveFlush({
      channel,
      term,
      checkpoint,
      segments,
      deletesFlushed: [{ virtualChannel: delegator.virtualChannel, timeTick }],
      keyedWrites: lastKey === this.#lastSavedKey ? null : keyedWrites,
    });
    this.#lastSavedKey = lastKey;
    delegator.deletes.markFlushed(timeTick);
    delegator.markFlushed(due.map(({ segment }) => segment.segmentId));
    await this.#options.truncate(checkpoint);
  }

  async #writeRows(delegator: Delegator, { segment, sealedTick }: Growing): Promise<SegmentInfo> {
    segment.acquire();
    this.#flushing.add(segment.segmentId);
    try {
      const ids = {
        collectionId: segment.collectionId,
        partitionId: segment.partitionId,
        segmentId: segment.segmentId,
      };
      const { objects, runtime } = this.#options;
      let version = 1;
      while ((await objects.head(manifestKey(ids, version))) !== null) version += 1;
      const pace = new Pace(runtime);
      await segment.flushOrder(() => pace.pause());
      const manifest = await writeSegment(
        objects,
        runtime,
        {
          ...this.#descriptor(delegator, ids, SegmentLevel.L1, version, String(segment.startPosition)),
          schema: segment.schema,
          // Every delete up to the tick is in: whoever spreads older L0 segments need not look at this one again.
          deltas: segment.flushDeltas(),
        },
        segment.flushSource(),
      );
      return { ...this.#info(manifest, segment.rowCount, sealedTick!), times: segment.flushTimes() };
    } finally {
      segment.release();
    }
  }

  async #writeDeletes(
    delegator: Delegator,
    partitionId: bigint,
    entries: readonly DeleteEntry[],
    timeTick: Timestamp,
  ): Promise<SegmentInfo> {
    const { objects, runtime } = this.#options;
    const ids = { collectionId: delegator.collection.collectionId, partitionId, segmentId: await this.#newId() };
    this.#flushing.add(ids.segmentId);
    const deltas = joinDeletes(entries);
    const start = String(entries[0]!.restartPosition);
    const descriptor = { ...this.#descriptor(delegator, ids, SegmentLevel.L0, 1, start), deltas };
    const manifest = await writeDeltaSegment(objects, runtime, descriptor);
    return this.#info(manifest, deltas.timestamps.length, timeTick);
  }

  #descriptor(
    delegator: Delegator,
    ids: Pick<SegmentDescriptor, "collectionId" | "partitionId" | "segmentId">,
    level: SegmentDescriptor["level"],
    manifestVersion: number,
    startPosition: string,
  ): SegmentDescriptor {
    return {
      ...ids,
      channel: delegator.virtualChannel,
      level,
      state: SegmentState.Flushed,
      schema: delegator.collection.schema,
      manifestVersion,
      startPosition,
      endPosition: startPosition,
      deltas: null,
      allocateLogId: () => this.#newId(),
    };
  }

  #info(manifest: SegmentManifest, rowCount: number, flushTimestamp: Timestamp): SegmentInfo {
    return {
      segmentId: manifest.segmentId,
      collectionId: manifest.collectionId,
      partitionId: manifest.partitionId,
      insertChannel: manifest.channel,
      state: SegmentState.Flushed,
      level: manifest.level,
      rowCount,
      storageVersion: STORAGE_VERSION,
      manifestKey: manifestKey(manifest, manifest.manifestVersion),
      timestampFrom: manifest.timestampFrom,
      timestampTo: manifest.timestampTo,
      flushTimestamp,
      sizeBytes: segmentBytes(manifest).stored,
      deltas: deltaSummaries(manifest),
    };
  }

  async #newId(): Promise<bigint> {
    return (await this.#options.coordinator.allocateIds({ count: 1 })).first;
  }
}
