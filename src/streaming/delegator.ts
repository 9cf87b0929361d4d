/**
 * Delegator: the one who answers reads of a virtual channel. It applies the channel's records in order, keeps its growing rows and its
 * pending deletes, and knows which sealed segments serve beside them.
 *
 * Always true:
 *  - a record is applied to growing rows, pending deletes and sealed segments before the channel's safe time passes its tick;
 *  - a sealed segment comes into view with every delete up to the safe time applied, in the same step that takes its growing form out.
 *    What a target has in files is told by one tick, as a growing segment may have become part of a larger one meanwhile;
 *  - growing rows leave memory only when files have them and no view names them; those that are searched through a graph serve until their
 *    sealed form has its index, as searches of it would be slow until then;
 *  - a sealed segment that refuses a delete serves nobody until it has been loaded again: meanwhile reads are refused, and never answered
 *    without it or by what it was.
 *
 * Not here: running searches (`reads.ts`), writing files (`flusher.ts`), the log (`channel.ts`).
 */

import { assert } from "../base/assert.ts";
import { asMilvusError, milvusError } from "../base/errors.ts";
import { Loop } from "../base/loop.ts";
import { Mutex } from "../base/mutex.ts";
import { MAX_TIMESTAMP, type Timestamp } from "../base/timestamp.ts";
import type { LoadConfig, SegmentInfo } from "../model/catalog.ts";
import { columnRows } from "../model/columns.ts";
import { truncatedUntil } from "../model/expiry.ts";
import type { CreateSegmentMessage, DeleteMessage, InsertMessage } from "../model/message.ts";
import type { CollectionInfo, PartitionInfo } from "../model/schema.ts";
import { SegmentLevel } from "../model/types.ts";
import type { ChannelTarget, RecoveredCollection } from "../rpc/services.ts";
import { completeBatch } from "../segment/complete-batch.ts";
import { GrowingSegment } from "../segment/growing.ts";
import type { StreamingContext } from "./context.ts";
import { DeleteBuffer, type DeleteEntry, joinDeletes } from "./delete-buffer.ts";
import type { ReadMarks } from "./read-marks.ts";
import { View } from "./view.ts";

/** Of growing rows; above it the sealed form serves at once, slow or not. */
const MOST_HELD_BYTES = 256 << 20;
/** Between tries to load segments again; twice as long each time. */
const FIRST_PAUSE_MILLISECONDS = 20;
const LONGEST_PAUSE_MILLISECONDS = 5_000;

type DelegatorContext = Pick<StreamingContext, "kernel" | "query" | "runtime" | "changes" | "log">;

/** A growing segment and what the flusher must know of it. */
export interface Growing {
  readonly segment: GrowingSegment;
  /** Tick of the record that created it. */
  readonly createdTick: Timestamp;
  /** Tick of the message that closed it; null while it takes rows. */
  sealedTick: Timestamp | null;
  /** Its files and their record are durable. */
  flushed: boolean;
}

export class Delegator {
  readonly virtualChannel: string;
  readonly deletes: DeleteBuffer;
  readonly readMarks: ReadMarks;
  #collection: CollectionInfo;
  readonly #context: DelegatorContext;
  readonly #targets = new Mutex();
  readonly #growing = new Map<bigint, Growing>();
  /** Segments that are flushed already: a replay must not grow them again. */
  readonly #flushed: Set<bigint>;
  /** Rows closed up to this tick were in files at the start, maybe in segments of other names. */
  readonly #recoveredUntil: Timestamp;
  /** Flushed segments that serve in their growing form: the sealed one has no index yet. */
  #held: ReadonlySet<bigint> = new Set();
  /** How many live views name a sealed segment. */
  readonly #sealedUses = new Map<bigint, number>();
  readonly #releases = new Map<bigint, Promise<void>>();
  readonly #letGoWaiters: (() => void)[] = [];
  /** Sealed segments that refused what they were told. While there are any, nobody reads. */
  readonly #offline = new Set<bigint>();
  readonly #reloads = new Loop(() => this.#reload());
  readonly #closing = new AbortController();
  #view: View | null = null;
  #load: LoadConfig | null = null;
  /** The target of the view. */
  #served: ChannelTarget | null = null;
  #targetVersion = 0n;
  /** The sealed segments of the view have what was closed up to this tick. */
  #servedUntil: Timestamp = 0n;
  /** Of what the target's segments do not tell of. */
  #readableFrom: Timestamp = 0n;

  constructor(recovered: RecoveredCollection, context: DelegatorContext, readMarks: ReadMarks) {
    this.virtualChannel = recovered.virtualChannel;
    this.#collection = recovered.collection;
    this.#context = context;
    this.#flushed = new Set(recovered.segments.map((segment) => segment.segmentId));
    this.#recoveredUntil = recovered.deletesFlushed;
    this.deletes = new DeleteBuffer(recovered.deletesFlushed);
    this.readMarks = readMarks;
  }

  get collection(): CollectionInfo {
    return this.#collection;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  growing(): Growing[] {
    return [...this.#growing.values()];
  }

  get growingBytes(): number {
    let bytes = this.deletes.bytes;
    for (const { segment } of this.#growing.values()) bytes += segment.memoryBytes;
    return bytes;
  }

  async updateCollection(collection: CollectionInfo): Promise<void> {
    const previous = this.#collection;
    // A replay begins with the newest, and meets those before it.
    if (collection.updateTimestamp < previous.updateTimestamp) return;
    this.#collection = collection;
    if (truncatedUntil(collection) > truncatedUntil(previous)) this.#dropGone();
    if (collection.schema.version === previous.schema.version) return;
    for (const { segment } of this.#growing.values()) segment.adoptSchema(collection.schema);
    await this.#tellSealed((sealed) => this.#adoptSealed(sealed));
  }

  createPartition(partition: PartitionInfo): void {
    if (this.#collection.partitions.some((known) => known.partitionId === partition.partitionId)) return;
    this.#collection = { ...this.#collection, partitions: [...this.#collection.partitions, partition] };
  }

  createSegment(message: CreateSegmentMessage, restartPosition: bigint, timeTick: Timestamp): void {
    if (this.#isGone(timeTick)) return;
    this.#ensureGrowing(message.segmentId, message.partitionId, restartPosition, timeTick);
  }

  /** On a replay: written before a truncation that the metadata have already. */
  #isGone(timeTick: Timestamp): boolean {
    return timeTick <= truncatedUntil(this.#collection);
  }

  /** `pause` gives everybody else a turn. */
  async insert(
    message: InsertMessage,
    restartPosition: bigint,
    timeTick: Timestamp,
    pause: () => Promise<void>,
  ): Promise<void> {
    if (this.#isGone(timeTick)) return;
    // The creating record may have been lost where this one was not (its append failed, this one's did not).
    const growing = this.#ensureGrowing(message.segmentId, message.partitionId, restartPosition, timeTick);
    await growing?.segment.appendInTurns(
      completeBatch(message.batch, growing.segment.schema),
      message.rowIds,
      timeTick,
      pause,
    );
  }

  async delete(message: DeleteMessage, restartPosition: bigint, timeTick: Timestamp): Promise<void> {
    const rows = columnRows(message.keys);
    const entry: DeleteEntry = {
      timeTick,
      restartPosition,
      partitionId: message.partitionId,
      keys: message.keys,
      timestamps: new BigUint64Array(rows).fill(timeTick),
      upperBounds: new BigUint64Array(rows).fill(message.upperBound ?? timeTick),
    };
    for (const { segment } of this.#growing.values()) {
      if (inScope(entry, segment.partitionId)) segment.applyDeletes(entry.keys, entry.timestamps, entry.upperBounds);
    }
    // On a replay: files have it already, and with it every sealed segment.
    if (timeTick <= this.deletes.flushed) return;
    this.deletes.push(entry);
    await this.#tellSealed((sealed) => this.#applyToSealed(sealed, [entry]));
  }

  /** No more rows for these segments. */
  seal(segmentIds: readonly bigint[], timeTick: Timestamp): void {
    for (const segmentId of segmentIds) {
      const growing = this.#growing.get(segmentId);
      if (growing === undefined || growing.sealedTick !== null) continue;
      growing.segment.seal();
      growing.sealedTick = timeTick;
      if (timeTick <= this.#recoveredUntil) {
        // A replay of what files have under another name.
        this.#flushed.add(segmentId);
        growing.flushed = true;
        this.#dropFlushed(timeTick);
      }
    }
  }

  /** The rows of a dropped partition are gone at once. */
  dropPartition(partitionId: bigint): void {
    const partitions = this.#collection.partitions.filter((partition) => partition.partitionId !== partitionId);
    this.#collection = { ...this.#collection, partitions };
    this.#dropGone();
  }

  /** Takes out of memory and out of view what the collection does not have any more. */
  #dropGone(): void {
    const until = truncatedUntil(this.#collection);
    const dropped = this.growing()
      .map(({ segment }) => segment)
      .filter((segment) => this.#isWithoutPartition(segment) || (segment.isSealed && segment.lastTimestamp <= until));
    for (const segment of dropped) this.#growing.delete(segment.segmentId);
    if (this.#view !== null) this.#publish(this.#view.sealed.filter((segment) => !this.#isDropped(segment)));
    for (const segment of dropped) segment.close();
  }

  /** Files have these segments now. Without a load nobody will ask for them in memory again. */
  markFlushed(segmentIds: readonly bigint[]): void {
    for (const segmentId of segmentIds) {
      this.#flushed.add(segmentId);
      const growing = this.#growing.get(segmentId);
      if (growing !== undefined) growing.flushed = true;
    }
    void this.#targets.run(() => {
      // A target may have come before this.
      if (this.#load !== null) return this.#dropFlushed(this.#servedUntil);
      this.#dropFlushed(MAX_TIMESTAMP);
      this.deletes.trim(this.deletes.flushed);
    });
  }

  /** Brings the view to the target; resolves when it is served. Older targets than the newest are ignored. */
  setTarget(target: ChannelTarget): Promise<void> {
    return this.#targets.run(async () => {
      if (this.closed || target.version <= this.#targetVersion) return;
      if (target.load === null) {
        this.#targetVersion = target.version;
        this.#load = null;
        this.#served = null;
        this.#held = new Set();
        this.#offline.clear();
        this.#retireView();
        this.#dropFlushed(MAX_TIMESTAMP);
        this.deletes.trim(this.deletes.flushed);
        return;
      }
      await this.#serve(target, target.load);
      this.#targetVersion = target.version;
    });
  }

  /** The current view, pinned; the caller lets it go. */
  pin(): View {
    if (this.#view === null)
      throw milvusError("CollectionNotLoaded", "", { collection: this.#collection.collectionId });
    if (this.#offline.size > 0)
      throw milvusError("CollectionOnRecovering", "", { collection: this.#collection.collectionId });
    this.#view.pin();
    return this.#view;
  }

  close(): void {
    this.#closing.abort();
    this.#retireView();
    for (const { segment } of this.#growing.values()) segment.close();
    this.#growing.clear();
  }

  async #serve(target: ChannelTarget, load: LoadConfig): Promise<void> {
    const mayHold = this.growingBytes <= MOST_HELD_BYTES;
    const held = new Set(
      target.unindexed.filter((segmentId) => mayHold && this.#growing.get(segmentId)?.segment.hasGraph),
    );
    const sealed = target.segments.filter(
      (segment) => segment.level !== SegmentLevel.L0 && !this.#isDropped(segment) && !held.has(segment.segmentId),
    );
    const deltas = target.segments.filter((segment) => segment.level === SegmentLevel.L0);
    const served = new Set(this.#view?.sealed.map((segment) => segment.segmentId));
    const fresh = sealed.filter((segment) => !served.has(segment.segmentId));
    const loaded: SegmentInfo[] = [];
    let { version } = this.#collection.schema;
    try {
      for (const segment of fresh) {
        const relevant = deltas.filter((delta) => inScope(delta, segment.partitionId));
        await this.#untilLetGo(segment.segmentId);
        const indexes = target.indexes.filter(({ segmentId }) => segmentId === segment.segmentId);
        await this.#context.query.loadSegment({
          collection: this.#collection,
          load,
          segment,
          deltas: relevant,
          indexes,
        });
        loaded.push(segment);
      }
      // Deletes, and new fields, go on arriving while files are read; the loop ends when none is left, and then nothing comes between.
      for (let next = 0; ;) {
        if (this.#collection.schema.version !== version) {
          version = this.#collection.schema.version;
          await this.#adoptSealed(fresh);
          continue;
        }
        const pending = this.deletes.since(next);
        if (pending.length === 0) break;
        await this.#applyToSealed(
          fresh,
          pending.map(({ entry }) => entry),
        );
        next = pending.at(-1)!.sequence + 1;
      }
    } catch (error) {
      await this.#releaseAll(loaded);
      throw error;
    }
    if (this.closed) return this.#releaseAll(loaded);
    this.#load = load;
    this.#served = target;
    this.#servedUntil = target.flushedUntil;
    this.#held = held;
    this.#readableFrom = target.readableFrom;
    this.#publish(sealed.filter((segment) => !this.#isDropped(segment)));
    const isKept = new Set(this.#view!.sealed.map(({ segmentId }) => segmentId));
    // Loaded just now, or not wanted any more.
    for (const segmentId of this.#offline) {
      if (!served.has(segmentId) || !isKept.has(segmentId)) this.#offline.delete(segmentId);
    }
    // Dropped while it was loaded: no view will let it go.
    for (const segment of loaded.filter((candidate) => this.#isDropped(candidate)))
      await this.#context.query.releaseSegment({ segmentId: segment.segmentId }).catch(() => undefined);
    this.#dropFlushed(target.flushedUntil);
    this.deletes.trim(target.flushedUntil);
    const adopted = target.indexes.filter(({ segmentId }) => served.has(segmentId));
    if (adopted.length > 0) {
      const { properties } = this.#collection;
      await this.#context.query.adoptIndexes({ properties, indexes: adopted });
    }
    // Loaded in vain: its partition was dropped meanwhile.
    await this.#releaseAll(loaded.filter((segment) => this.#isDropped(segment)));
  }

  /** What does not take it would show what is gone, or lack a field. */
  async #tellSealed(tell: (sealed: readonly SegmentInfo[]) => Promise<void>): Promise<void> {
    const sealed = (this.#view?.sealed ?? []).filter(({ segmentId }) => !this.#offline.has(segmentId));
    try {
      await tell(sealed);
    } catch (thrown) {
      for (const { segmentId } of sealed) this.#offline.add(segmentId);
      this.#context.changes.changed();
      this.#context.log(`${this.virtualChannel}: ${sealed.length} segments are loaded again: ${String(thrown)}`);
      this.#reloads.wake();
    }
  }

  async #reload(): Promise<void> {
    const { runtime, log } = this.#context;
    let pause = FIRST_PAUSE_MILLISECONDS;
    while (this.#offline.size > 0 && !this.closed) {
      try {
        await this.#targets.run(() => this.#serveAgain());
      } catch (thrown) {
        log(`${this.virtualChannel}: segments cannot be loaded again yet: ${asMilvusError(thrown).message}`);
        // Ends early with the delegator.
        await runtime.sleep(pause, this.#closing.signal).catch(() => undefined);
        pause = Math.min(2 * pause, LONGEST_PAUSE_MILLISECONDS);
      }
    }
  }

  async #serveAgain(): Promise<void> {
    const target = this.#served;
    if (this.closed || this.#view === null || target === null || target.load === null) return this.#offline.clear();
    const { sealed } = this.#view;
    const trusted = sealed.filter(({ segmentId }) => !this.#offline.has(segmentId));
    if (trusted.length < sealed.length) this.#publish(trusted);
    await this.#serve(target, target.load);
  }

  async #releaseAll(segments: readonly SegmentInfo[]): Promise<void> {
    for (const { segmentId } of segments)
      await this.#context.query.releaseSegment({ segmentId }).catch(() => undefined);
  }

  #isDropped(segment: SegmentInfo): boolean {
    return this.#isWithoutPartition(segment) || segment.timestampTo <= truncatedUntil(this.#collection);
  }

  #isWithoutPartition({ partitionId }: { readonly partitionId: bigint }): boolean {
    return !this.#collection.partitions.some((partition) => partition.partitionId === partitionId);
  }

  /** The one step in which the set of answering segments changes. */
  #publish(sealed: readonly SegmentInfo[]): void {
    const load = this.#load;
    assert(load !== null, "only a loaded channel has a view");
    const ids = new Set(sealed.map((segment) => segment.segmentId));
    const growing = [...this.#growing.values()]
      .filter((one) => !isClosedBy(one, this.#servedUntil) || this.#held.has(one.segment.segmentId))
      .map(({ segment }) => segment)
      .filter((segment) => !ids.has(segment.segmentId))
      .filter((segment) => load.partitionIds?.includes(segment.partitionId) ?? true);
    for (const segment of growing) segment.acquire();
    for (const { segmentId } of sealed) this.#sealedUses.set(segmentId, (this.#sealedUses.get(segmentId) ?? 0) + 1);
    const view = new View(
      growing,
      sealed,
      () => {
        for (const segment of growing) segment.release();
        for (const { segmentId } of sealed) this.#letGo(segmentId);
      },
      this.#readableFrom,
    );
    const previous = this.#view;
    this.#view = view;
    this.#context.changes.changed();
    previous?.retire();
  }

  /** One view less names the sealed segment; the last one releases it. */
  #letGo(segmentId: bigint): void {
    const uses = this.#sealedUses.get(segmentId)! - 1;
    if (uses > 0) {
      this.#sealedUses.set(segmentId, uses);
      return;
    }
    this.#sealedUses.delete(segmentId);
    const release = this.#context.query
      .releaseSegment({ segmentId })
      .catch(() => undefined)
      .then(() => {
        if (this.#releases.get(segmentId) === release) this.#releases.delete(segmentId);
      });
    this.#releases.set(segmentId, release);
    for (const resume of this.#letGoWaiters.splice(0)) resume();
  }

  /**
   * Resolves when the query node has let the segment go. What an old view still holds has not seen the deletes since, and must not be
   * taken for freshly loaded.
   */
  async #untilLetGo(segmentId: bigint): Promise<void> {
    while (this.#sealedUses.has(segmentId)) await new Promise<void>((resume) => this.#letGoWaiters.push(resume));
    await this.#releases.get(segmentId);
  }

  #retireView(): void {
    const previous = this.#view;
    this.#view = null;
    this.#context.changes.changed();
    previous?.retire();
  }

  /** Lets go of flushed rows that were closed at the tick or before. */
  #dropFlushed(until: Timestamp): void {
    for (const [segmentId, growing] of this.#growing) {
      if (!growing.flushed || !isClosedBy(growing, until) || this.#held.has(segmentId)) continue;
      this.#growing.delete(segmentId);
      growing.segment.close();
    }
  }

  #ensureGrowing(segmentId: bigint, partitionId: bigint, restartPosition: bigint, timeTick: Timestamp): Growing | null {
    const known = this.#growing.get(segmentId);
    if (known !== undefined) return known;
    if (this.#flushed.has(segmentId)) return null;
    const { collectionId, schema, partitions } = this.#collection;
    if (!partitions.some((partition) => partition.partitionId === partitionId)) return null;
    const segment = new GrowingSegment(
      { segmentId, partitionId, collectionId, channel: this.virtualChannel, schema, startPosition: restartPosition },
      this.#context.kernel,
    );
    const growing: Growing = { segment, createdTick: timeTick, sealedTick: null, flushed: false };
    this.#growing.set(segmentId, growing);
    if (this.#view !== null) this.#publish(this.#view.sealed);
    return growing;
  }

  async #adoptSealed(segments: readonly SegmentInfo[]): Promise<void> {
    if (segments.length === 0) return;
    const segmentIds = segments.map(({ segmentId }) => segmentId);
    await this.#context.query.adoptSchema({ segmentIds, schema: this.#collection.schema });
  }

  async #applyToSealed(segments: readonly SegmentInfo[], entries: readonly DeleteEntry[]): Promise<void> {
    if (segments.length === 0) return;
    for (const [partitionId, group] of Map.groupBy(entries, (entry) => entry.partitionId)) {
      const segmentIds = segments
        .filter((segment) => inScope({ partitionId }, segment.partitionId))
        .map(({ segmentId }) => segmentId);
      if (segmentIds.length > 0) await this.#context.query.applyDeletes({ segmentIds, ...joinDeletes(group) });
    }
  }
}

function isClosedBy({ sealedTick }: Growing, tick: Timestamp): boolean {
  return sealedTick !== null && sealedTick <= tick;
}

function inScope(entry: { readonly partitionId: bigint }, partitionId: bigint): boolean {
  return entry.partitionId === -1n || entry.partitionId === partitionId;
}
