/**
 * What should be served, and bringing delegators to it: for every loaded collection each channel gets a target, the flushed segments
 * and deletes it must answer for. A target is sent again until it is served; a newer one replaces one on its way.
 *
 * Always true: a segment's files are removed only after no delegator was told to serve it (releases go through here first).
 */

import { type MilvusError, asMilvusError, invalidParameter, milvusError } from "../base/errors.ts";
import type { LoadConfig, SegmentIndexInfo, SegmentInfo } from "../model/catalog.ts";
import { Loop } from "../base/loop.ts";
import { MessageType } from "../model/message.ts";
import { type CollectionInfo, primaryKeyField } from "../model/schema.ts";
import { LoadState, SegmentLevel } from "../model/types.ts";
import type { ChannelTarget, CollectionName, CoordinatorService } from "../rpc/services.ts";
import { type Context, metadataChange, putJson } from "./context.ts";
import { requireVectorIndexes } from "./indexes.ts";
import { loadKey } from "./meta-keys.ts";

interface ChannelState {
  wanted: bigint;
  served: bigint;
  readonly loop: Loop;
  /** The first version that has the current load configuration: it is served once `served` has come so far. */
  needed: bigint;
  failure: MilvusError | null;
}

type LoadRequest = Parameters<CoordinatorService["loadCollection"]>[0];
type ReleaseRequest = Parameters<CoordinatorService["releaseCollection"]>[0];

const RETRY_MILLISECONDS = 200;
const MENDED_MILLISECONDS = 10_000;
/** Errors of stores that pass, though a client is told of them as they are. */
const PASSING: ReadonlySet<string> = new Set(["IoFailed", "IoTooManyRequests", "IoUnexpectEOF", "Storage"]);

export class Loads {
  readonly #context: Context;
  readonly #indexesOf: (segment: SegmentInfo) => readonly SegmentIndexInfo[];
  readonly #isIndexPending: (segment: SegmentInfo) => boolean;
  readonly #channels = new Map<string, ChannelState>();
  /** By merged segment: those that serve in its place until it is as fast to search as they are. */
  readonly #standIns = new Map<bigint, readonly SegmentInfo[]>();
  #version: bigint;
  #stopped = false;

  /** `indexesOf`: the finished ones; `isIndexPending`: whether others will come. */
  constructor(
    context: Context,
    indexesOf: (segment: SegmentInfo) => readonly SegmentIndexInfo[],
    isIndexPending: (segment: SegmentInfo) => boolean,
    /** Larger than every version that a coordinator before this one has given out. */
    firstVersion: bigint,
  ) {
    this.#context = context;
    this.#indexesOf = indexesOf;
    this.#isIndexPending = isIndexPending;
    this.#version = firstVersion;
  }

  async load(request: LoadRequest): Promise<void> {
    let collectionId: bigint | null = null;
    let isChanged = false;
    await this.#context.broadcaster.run(async () => {
      const { catalog } = this.#context;
      const collection = catalog.collection(request);
      requireVectorIndexes(this.#context, collection.collectionId);
      this.#checkFields(collection, request.fieldIds);
      const known = catalog.loadConfig(collection.collectionId);
      if (known !== null && known.replicaNumber !== request.replicaNumber) {
        throw invalidParameter("can't change the replica number for loaded collection");
      }
      if (known !== null && !sameFields(known.fieldIds, request.fieldIds)) {
        throw invalidParameter("can't change the load field list for loaded collection");
      }
      if (request.replicaNumber > 1) {
        throw milvusError("ServiceResourceInsufficient", `when load ${request.replicaNumber} replica count`, {
          currentStreamingNode: 1,
        });
      }
      const load: LoadConfig = {
        collectionId: collection.collectionId,
        replicaNumber: request.replicaNumber,
        fieldIds: request.fieldIds,
        partitionIds: mergePartitions(known, this.#partitionIds(collection, request.partitionNames)),
      };
      collectionId = collection.collectionId;
      this.#forgetFailures(collection);
      if (known !== null && sameLoad(known, load)) return null;
      isChanged = true;
      return metadataChange(this.#context, MessageType.AlterLoadConfig, { load }, [
        putJson(loadKey(load.collectionId), load),
      ]);
    });
    if (collectionId !== null) this.#reconcile(collectionId, isChanged);
  }

  async release(request: ReleaseRequest): Promise<void> {
    const collection = this.#context.catalog.collection(request);
    const { collectionId } = collection;
    await this.#context.broadcaster.run(async () => {
      const known = this.#context.catalog.loadConfig(collectionId);
      if (known === null) return null;
      const gone = this.#partitionIds(collection, request.partitionNames);
      const loaded = known.partitionIds ?? collection.partitions.map((partition) => partition.partitionId);
      const rest = gone === null ? [] : loaded.filter((partitionId) => !gone.includes(partitionId));
      if (rest.length === 0) {
        return metadataChange(this.#context, MessageType.DropLoadConfig, { collectionId }, [
          { delete: loadKey(collectionId) },
        ]);
      }
      const load: LoadConfig = { ...known, partitionIds: rest };
      return metadataChange(this.#context, MessageType.AlterLoadConfig, { load }, [
        putJson(loadKey(collectionId), load),
      ]);
    });
    this.reconcile(collectionId);
    await this.settled(collectionId);
  }

  progress(request: CollectionName & { readonly partitionNames: readonly string[] }): {
    state: LoadState;
    progress: number;
  } {
    const collection = this.#context.catalog.collection(request);
    const load = this.#context.catalog.loadConfig(collection.collectionId);
    if (load === null) return { state: LoadState.NotLoad, progress: 0 };
    const asked = this.#partitionIds(collection, request.partitionNames.length === 0 ? null : request.partitionNames);
    const { partitionIds } = load;
    if (partitionIds !== null && (asked ?? []).some((partitionId) => !partitionIds.includes(partitionId))) {
      return { state: LoadState.NotLoad, progress: 0 };
    }
    const states = collection.virtualChannels.map((channel) => this.#channels.get(channel));
    const failure = states.find((state) => state?.failure != null)?.failure;
    if (failure != null) throw failure;
    const ready = states.filter((state) => state !== undefined && state.served >= state.needed).length;
    const progress = Math.floor((ready * 100) / states.length);
    return { state: progress === 100 ? LoadState.Loaded : LoadState.Loading, progress };
  }

  /** Sends every channel of the collection what it should serve now. */
  reconcile(collectionId: bigint): void {
    this.#reconcile(collectionId, false);
  }

  #reconcile(collectionId: bigint, isNewLoad: boolean): void {
    const collection = this.#context.catalog.collectionById(collectionId);
    if (collection === null) return;
    for (const virtualChannel of collection.virtualChannels) {
      this.#want(collection.collectionId, virtualChannel, isNewLoad);
    }
  }

  reconcileAll(): void {
    for (const load of this.#context.catalog.loads()) this.reconcile(load.collectionId);
  }

  /** Resolves when no target of the collection is on its way. */
  async settled(collectionId: bigint): Promise<void> {
    const collection = this.#context.catalog.collectionById(collectionId);
    for (const virtualChannel of collection?.virtualChannels ?? [])
      await this.#channels.get(virtualChannel)?.loop.idle();
  }

  /**
   * From the moment in which the segment is recorded its parents serve in its place, until `standDown`. They are the same rows; meanwhile nobody may
   * give deletes to the segment alone.
   */
  standIn(segmentId: bigint, parents: readonly SegmentInfo[]): void {
    this.#standIns.set(segmentId, parents);
  }

  /** The segment serves itself from the next target on. */
  standDown(segmentId: bigint): void {
    this.#standIns.delete(segmentId);
  }

  /** Its parents serve in its place. */
  hasStandIns(segmentId: bigint): boolean {
    return this.#standIns.has(segmentId);
  }

  /** The segment serves although it is not recorded any more. */
  isStandIn(segmentId: bigint): boolean {
    return [...this.#standIns.values()].some((parents) => parents.some((parent) => parent.segmentId === segmentId));
  }

  /** No target of the collection is on its way, and the newest is served. */
  isSettled(collectionId: bigint): boolean {
    const collection = this.#context.catalog.collectionById(collectionId);
    return (collection?.virtualChannels ?? []).every((virtualChannel) => {
      const state = this.#channels.get(virtualChannel);
      return state === undefined || state.served >= state.wanted;
    });
  }

  forget(collection: CollectionInfo): void {
    for (const virtualChannel of collection.virtualChannels) this.#channels.delete(virtualChannel);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const state of this.#channels.values()) await state.loop.idle();
  }

  #want(collectionId: bigint, virtualChannel: string, isNewLoad: boolean): void {
    let state = this.#channels.get(virtualChannel);
    if (state === undefined) {
      const loop = new Loop(() => this.#serve(collectionId, virtualChannel, current));
      const current: ChannelState = { wanted: 0n, served: 0n, needed: this.#version + 1n, loop, failure: null };
      state = current;
      this.#channels.set(virtualChannel, current);
    }
    state.wanted = this.#version += 1n;
    if (isNewLoad) state.needed = state.wanted;
    state.loop.wake();
  }

  async #serve(collectionId: bigint, virtualChannel: string, state: ChannelState): Promise<void> {
    while (state.served < state.wanted && !this.#stopped) {
      const target = this.#target(collectionId, virtualChannel, state.wanted);
      try {
        await this.#context.streaming.setTarget(target);
        state.served = target.version;
        state.failure = null;
      } catch (thrown) {
        const error = asMilvusError(thrown);
        if (!isTransient(error)) {
          // Progress tells why. It may still be mended from outside, and then nobody should have to ask again.
          state.failure = error;
          this.#context.runtime.after(MENDED_MILLISECONDS, () => state.loop.wake());
          return;
        }
        await this.#context.runtime.sleep(RETRY_MILLISECONDS);
      }
    }
  }

  #target(collectionId: bigint, virtualChannel: string, version: bigint): ChannelTarget {
    const { catalog } = this.#context;
    const load = catalog.loadConfig(collectionId);
    const wanted = (segment: SegmentInfo): boolean =>
      segment.insertChannel === virtualChannel &&
      (segment.level === SegmentLevel.L0 ||
        load?.partitionIds === null ||
        (load?.partitionIds.includes(segment.partitionId) ?? false));
    const recorded = load === null ? [] : catalog.segments(collectionId).filter(wanted);
    const segments = recorded.flatMap((segment) => this.#standIns.get(segment.segmentId) ?? [segment]);
    return {
      virtualChannel,
      version,
      load,
      segments,
      indexes: segments.flatMap(this.#indexesOf),
      unindexed: segments.filter(this.#isIndexPending).map(({ segmentId }) => segmentId),
      flushedUntil: catalog.deletesFlushed(virtualChannel),
      readableFrom: catalog.readableFrom(virtualChannel),
    };
  }

  #partitionIds(collection: CollectionInfo, names: readonly string[] | null): bigint[] | null {
    if (names === null) return null;
    return names.map((name) => {
      const partition = collection.partitions.find((candidate) => candidate.name === name);
      if (partition === undefined) throw milvusError("PartitionNotFound", "", { partition: name });
      return partition.partitionId;
    });
  }

  #checkFields(collection: CollectionInfo, fieldIds: readonly bigint[]): void {
    const key = primaryKeyField(collection.schema);
    if (fieldIds.length > 0 && !fieldIds.includes(key.fieldId)) {
      throw invalidParameter(`load field list [${fieldIds.join(" ")}] does not contain primary key field ${key.name}`);
    }
  }

  #forgetFailures(collection: CollectionInfo): void {
    for (const virtualChannel of collection.virtualChannels) {
      const state = this.#channels.get(virtualChannel);
      if (state !== undefined) state.failure = null;
    }
  }
}

function mergePartitions(known: LoadConfig | null, asked: bigint[] | null): readonly bigint[] | null {
  if (asked === null || known?.partitionIds === null) return null;
  return [...new Set([...(known?.partitionIds ?? []), ...asked])];
}

function sameFields(left: readonly bigint[], right: readonly bigint[]): boolean {
  return left.length === right.length && left.every((fieldId) => right.includes(fieldId));
}

function sameLoad(left: LoadConfig, right: LoadConfig): boolean {
  if (left.partitionIds === null || right.partitionIds === null) return left.partitionIds === right.partitionIds;
  return sameFields(left.partitionIds, right.partitionIds);
}

function isTransient(error: MilvusError): boolean {
  return error.retriable || PASSING.has(error.kind);
}
