/**
 * Compactions: looks which are worth while, has data nodes do them, and makes their results count.
 *
 * Always true:
 *  - one compaction at a time on a channel, so that deletes are never spread beside a merge that has read its segments without them;
 *  - a delete that is flushed meanwhile lies in an L0 segment that stays, and one that is not yet flushed in the delegator's buffer: both
 *    reach the new segment when it is loaded;
 *  - every try writes under a segment id of its own; what a failed one left is removed at once, or later by the collector of garbage;
 *  - after `MOST_TRIES` the inputs are left alone for `AVOIDED_MILLISECONDS`.
 *
 * Not here: what is worth while (policy), the work (data node), the change of the metadata (commit).
 */

import { assert } from "../base/assert.ts";
import { asMilvusError, type MilvusError, milvusError } from "../base/errors.ts";
import type { Timer } from "../base/host/runtime.ts";
import { Loop } from "../base/loop.ts";
import { composeTimestamp, type Timestamp } from "../base/timestamp.ts";
import type { SegmentInfo } from "../model/catalog.ts";
import type { CompactionLimits, CompactionScope } from "../model/compaction.ts";
import type { CollectionInfo } from "../model/schema.ts";
import { SegmentLevel } from "../model/types.ts";
import type { DataResult, DataService, DataTask } from "../rpc/data-service.ts";
import type { CompactionProgress } from "../rpc/services.ts";
import type { Client } from "../rpc/transport.ts";
import { segmentPrefixes } from "../storage/keys.ts";
import { type AskedJob, AskedCompactions } from "./asked-compactions.ts";
import type { AskedCompaction } from "./catalog.ts";
import { commitMerge, commitSpread } from "./compaction-commit.ts";
import { type CompactionPlan, compactionPlans } from "./compaction-policy.ts";
import type { Context } from "./context.ts";
import type { Loads } from "./loads.ts";

const AUTOMATIC_KEY = "collection.autocompaction.enabled";
const MOST_TRIES = 3;
const FIRST_PAUSE_MILLISECONDS = 1_000;
const AVOIDED_MILLISECONDS = 600_000;
const NO_SLOT_MILLISECONDS = 500;
const WAIT_MILLISECONDS = 10_000;
const STAND_IN_CHECK_MILLISECONDS = 200;
/** An index that takes longer comes when it comes. */
const STAND_IN_MILLISECONDS = 1_800_000;
/** Milvus's `dataCoord.compaction.timeout` of a plan. */
const PLAN_MILLISECONDS = 3_600_000;
/** Nobody may hold rows that are gone for longer, however often they read as of then. */
const MOST_RETENTION_MILLISECONDS = 86_400_000;

export interface CompactionsOptions {
  readonly context: Context;
  readonly data: Client<DataService>;
  readonly limits: CompactionLimits;
  readonly loads: Loads;
  /** The segment is served, and indexes of it that are wanted are not there yet. */
  readonly isSlow: (segment: SegmentInfo) => boolean;
  /** The segments of the collection are others now. */
  readonly changed: (collectionId: bigint) => void;
  readonly log: (line: string) => void;
}

export class Compactions {
  readonly #options: CompactionsOptions;
  readonly #asked: AskedCompactions;
  readonly #loop = new Loop(() => this.#round());
  readonly #stopping = new AbortController();
  /** By virtual channel. */
  readonly #running = new Map<string, Promise<void>>();
  /** Segments whose compaction failed, and until when they are left alone. */
  readonly #avoided = new Map<bigint, number>();
  /** Segments that get files which no metadata name yet. */
  readonly #beingWritten = new Set<bigint>();
  /** Of those that run, how many only wait for indexes. */
  #waiting = 0;
  #timer: Timer | null = null;

  constructor(options: CompactionsOptions) {
    this.#options = options;
    this.#asked = new AskedCompactions(options.context);
  }

  /** At a start, when channels have their owners. */
  recover(): void {
    this.#asked.recover();
    this.wake();
  }

  /** There may be something to do. */
  wake(): void {
    if (!this.#stopping.signal.aborted) this.#loop.wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(milvusError("ServiceUnavailable", "the coordinator stops"));
    this.#timer?.cancel();
    await this.#loop.idle();
    await Promise.all(this.#running.values());
  }

  /** The segment gets files which no metadata name yet. */
  isBeingWritten(segmentId: bigint): boolean {
    return this.#beingWritten.has(segmentId);
  }

  /** Compacts all that the collection has by now. Tells how many plans there are at once; one may lead to others. */
  async ask(
    collection: CollectionInfo,
    scope: CompactionScope,
  ): Promise<{ readonly compactionId: bigint; readonly planCount: number }> {
    const { context } = this.#options;
    const job = await this.#asked.ask(collection.collectionId, await context.timestamps.allocate(), scope);
    let planCount = 0;
    for (const channel of collection.virtualChannels) planCount += (await this.#plans(collection, channel, job)).length;
    this.wake();
    return { compactionId: job.asked.compactionId, planCount };
  }

  progress(compactionId: bigint): CompactionProgress {
    return this.#asked.progress(compactionId);
  }

  async #round(): Promise<void> {
    const { context, limits } = this.#options;
    this.#timer?.cancel();
    try {
      await this.#asked.sweep();
      for (const collection of context.catalog.collections()) {
        const job = this.#asked.current(collection.collectionId);
        const isAutomatic = limits.compactionSlots > 0 && isAutomaticFor(collection);
        if (job === null && !isAutomatic) continue;
        for (const channel of collection.virtualChannels) {
          if (this.#running.size - this.#waiting >= Math.max(1, limits.compactionSlots)) return;
          if (this.#running.has(channel) || this.#stopping.signal.aborted) continue;
          await this.#begin(collection, channel, job).catch((thrown: unknown) => {
            // It may be on its way out. The next round sees.
            this.#options.log(`no compaction on ${channel} now: ${asMilvusError(thrown).message}`);
          });
        }
      }
    } catch (thrown) {
      // The metadata or a streaming node do not answer; the next round tries again.
      this.#options.log(`compactions wait: ${asMilvusError(thrown).message}`);
    } finally {
      if (!this.#stopping.signal.aborted) {
        this.#timer = context.runtime.after(limits.compactionCheckMilliseconds, () => this.wake());
      }
    }
  }

  async #begin(collection: CollectionInfo, channel: string, job: AskedJob | null): Promise<void> {
    if (job?.done.has(channel) === true) return;
    const [plan] = await this.#plans(collection, channel, job);
    if (plan === undefined) {
      if (job !== null) await this.#asked.channelDone(job, collection, channel);
      return;
    }
    const work = this.#run(collection, plan, job).finally(() => {
      this.#running.delete(channel);
      this.wake();
    });
    this.#running.set(channel, work);
  }

  async #plans(collection: CollectionInfo, channel: string, job: AskedJob | null): Promise<CompactionPlan[]> {
    const { context, limits } = this.#options;
    const asked = job?.asked ?? null;
    const segments = context.catalog
      .segments(collection.collectionId)
      .filter((segment) => segment.insertChannel === channel && (asked === null || isAskedFor(segment, asked)));
    if (segments.length === 0) return [];
    const now = await context.timestamps.allocate();
    // Rows go on expiring; a compaction that was asked for must end.
    const safeTimestamp = await this.#safeTimestamp(channel, asked?.until ?? now);
    const avoided = this.#avoidedNow();
    const compactedBytes = Math.min(limits.compactedBytes, asked?.scope.targetBytes ?? limits.compactedBytes);
    const input = {
      collection,
      segments,
      safeTimestamp,
      now,
      limits: { ...limits, compactedBytes },
      isForced: job !== null,
      avoided,
    };
    let plans = compactionPlans({ ...input, isResting: false });
    if (plans.length === 0 && job === null && this.#mayRest(segments, now)) {
      plans = compactionPlans({ ...input, isResting: true });
      if (plans.length === 0) return plans;
      const { flushed } = await context.streaming.isFlushed({ virtualChannel: channel, timeTick: now });
      if (!flushed) return [];
    }
    return asked?.scope.onlyDeletes === true ? plans.filter(({ kind }) => kind === "spread") : plans;
  }

  /** Nothing was flushed for a while, searches may come, and every segment has the indexes that it will have. */
  #mayRest(segments: readonly SegmentInfo[], now: Timestamp): boolean {
    const { context, isSlow, limits } = this.#options;
    const isRecent = (segment: SegmentInfo): boolean => segment.flushTimestamp > before(now, limits.restMilliseconds);
    if (context.catalog.loadConfig(segments[0]!.collectionId) === null) return false;
    return !segments.some((segment) => isRecent(segment) || isSlow(segment));
  }

  /** No read at an earlier timestamp is promised to anybody. */
  async #safeTimestamp(virtualChannel: string, now: Timestamp): Promise<Timestamp> {
    const { context, limits } = this.#options;
    const { timestamp: oldest } = await context.streaming.oldestRead({ virtualChannel });
    const kept = before(now, limits.retentionMilliseconds);
    const longest = before(now, Math.max(limits.retentionMilliseconds, MOST_RETENTION_MILLISECONDS));
    if (oldest === null || oldest >= kept) return kept;
    return oldest > longest ? oldest : longest;
  }

  /** One plan, to its end. Never rejects. */
  async #run(collection: CollectionInfo, plan: CompactionPlan, job: AskedJob | null): Promise<void> {
    const { runtime } = this.#options.context;
    const inputs = (plan.kind === "merge" ? plan.segments : plan.deltas).map(({ segmentId }) => segmentId);
    const state = job?.begin(inputs) ?? null;
    const { signal } = this.#stopping;
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        const target = await this.#try(collection, plan);
        if (state !== null) Object.assign(state, { state: target === undefined ? "failed" : "completed", target });
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        const error = asMilvusError(thrown);
        const isLast = tries === MOST_TRIES || !mayPass(error);
        this.#options.log(
          `compaction of ${inputs.join(", ")} failed (try ${tries}${isLast ? ", the last" : ""}): ${error.message}`,
        );
        if (isLast) {
          for (const segmentId of inputs) this.#avoided.set(segmentId, runtime.monotonic() + AVOIDED_MILLISECONDS);
          if (state !== null) state.state = error.kind === "ContextDeadlineExceeded" ? "timeout" : "failed";
          return;
        }
        await runtime.sleep(FIRST_PAUSE_MILLISECONDS * 2 ** (tries - 1), signal).catch(() => undefined);
      }
    }
  }

  /** The new segment, or null when there is none; undefined when the inputs were gone before it counted. */
  async #try(collection: CollectionInfo, plan: CompactionPlan): Promise<bigint | null | undefined> {
    const { context } = this.#options;
    const { signal } = this.#stopping;
    const taskId = await context.ids.allocate();
    const names = { taskId, version: 1n, collection } as const;
    if (plan.kind === "spread") {
      const { deltas, segments } = plan;
      for (const { segmentId } of segments) this.#beingWritten.add(segmentId);
      try {
        const result = await this.#work({ ...names, kind: "spread", deltas, segments });
        if (result.kind !== "spread") throw milvusError("CompactionResult");
        if (!(await commitSpread(context, taskId, deltas, segments, result.segments, signal))) return undefined;
        this.#options.changed(collection.collectionId);
        return null;
      } finally {
        for (const { segmentId } of segments) this.#beingWritten.delete(segmentId);
      }
    }
    const { segments, deltas } = plan;
    const { loads, isSlow } = this.#options;
    const segmentId = await context.ids.allocate();
    const { collectionId, partitionId, insertChannel } = segments[0]!;
    const safeTimestamp = await this.#safeTimestamp(insertChannel, await context.timestamps.allocate());
    /** Its files may count, or will be asked for. */
    let mayCount = false;
    this.#beingWritten.add(segmentId);
    try {
      const result = await this.#work({ ...names, kind: "merge", segments, deltas, safeTimestamp, segmentId });
      if (result.kind !== "merge") throw milvusError("CompactionResult");
      mayCount = true;
      if (result.segment !== null && isSlow(result.segment)) loads.standIn(segmentId, segments);
      mayCount = await commitMerge(context, taskId, segments, result, signal);
      if (!mayCount) return undefined;
      this.#options.log(describe(segments, result.segment));
      this.#options.changed(collection.collectionId);
      if (result.segment !== null && loads.hasStandIns(segmentId)) await this.#untilFast(result.segment);
      return result.segment?.segmentId ?? null;
    } finally {
      loads.standDown(segmentId);
      this.#beingWritten.delete(segmentId);
      if (!mayCount) await this.#remove({ collectionId, partitionId, segmentId });
    }
  }

  /** The inputs serve until the result has its indexes (I 10.38). Nothing else is done on the channel meanwhile, and no slot is taken. */
  async #untilFast(segment: SegmentInfo): Promise<void> {
    const { context, isSlow, loads, changed } = this.#options;
    const { runtime, catalog } = context;
    const { signal } = this.#stopping;
    const end = runtime.monotonic() + STAND_IN_MILLISECONDS;
    this.#waiting += 1;
    this.wake();
    try {
      while (isSlow(segment) && catalog.segment(segment) !== null && runtime.monotonic() < end) {
        await runtime.sleep(STAND_IN_CHECK_MILLISECONDS, signal);
      }
    } catch (thrown) {
      // It counts; stopping does not change that.
      if (!signal.aborted) throw thrown;
    } finally {
      this.#waiting -= 1;
      loads.standDown(segment.segmentId);
      changed(segment.collectionId);
    }
  }

  /** Has a data node do it. */
  async #work(task: DataTask): Promise<DataResult> {
    const { data, context } = this.#options;
    const { runtime } = context;
    const { signal } = this.#stopping;
    const name = { taskId: task.taskId, version: task.version };
    const end = runtime.monotonic() + PLAN_MILLISECONDS;
    try {
      while (!(await data.createTask({ task }, { signal })).accepted) {
        if (runtime.monotonic() > end) throw milvusError("ContextDeadlineExceeded");
        await runtime.sleep(NO_SLOT_MILLISECONDS, signal);
      }
      for (;;) {
        const report = await data.waitTask({ ...name, waitMilliseconds: WAIT_MILLISECONDS }, { signal });
        if (report.state === "finished") return report.result;
        if (report.state === "failed") {
          throw milvusError(report.isPermanent ? "IllegalCompactionPlan" : "CompactionResult", report.reason);
        }
        if (report.state === "unknown") throw milvusError("CompactionResultNotFound");
        if (runtime.monotonic() > end) throw milvusError("ContextDeadlineExceeded");
      }
    } finally {
      await data.dropTask(name).catch(() => undefined);
    }
  }

  /** What a try wrote that does not count. */
  async #remove(ids: Parameters<typeof segmentPrefixes>[0]): Promise<void> {
    const { objects, catalog } = this.#options.context;
    if (this.#stopping.signal.aborted) return;
    assert(catalog.segment(ids) === null, "what counts is not removed");
    try {
      for (const prefix of segmentPrefixes(ids)) {
        await objects.delete((await objects.list(prefix)).map(({ key }) => key));
      }
    } catch (thrown) {
      this.#options.log(`files of segment ${ids.segmentId} stay: ${asMilvusError(thrown).message}`);
    }
  }

  #avoidedNow(): ReadonlySet<bigint> {
    const now = this.#options.context.runtime.monotonic();
    for (const [segmentId, until] of this.#avoided) if (until < now) this.#avoided.delete(segmentId);
    return new Set(this.#avoided.keys());
  }
}

/** Deletes are spread with all that they may concern, or not at all. */
function isAskedFor(segment: SegmentInfo, { until, scope }: AskedCompaction): boolean {
  if (segment.flushTimestamp > until) return false;
  const { partitionId, virtualChannel, segmentIds } = scope;
  if (virtualChannel !== null && virtualChannel !== segment.insertChannel) return false;
  if (partitionId === null && segmentIds === null) return true;
  if (segment.level === SegmentLevel.L0) return false;
  const isOfPartition = partitionId === null || partitionId === segment.partitionId;
  return isOfPartition && (segmentIds === null || segmentIds.includes(segment.segmentId));
}

function isAutomaticFor(collection: CollectionInfo): boolean {
  return collection.properties.find(({ key }) => key === AUTOMATIC_KEY)?.value.toLowerCase() !== "false";
}

function before(timestamp: Timestamp, milliseconds: number): Timestamp {
  const earlier = timestamp - composeTimestamp(milliseconds);
  return earlier > 0n ? earlier : 0n;
}

function mayPass(error: MilvusError): boolean {
  return error.kind !== "IllegalCompactionPlan" && error.kind !== "DataIntegrity";
}

function describe(parents: readonly SegmentInfo[], child: SegmentInfo | null): string {
  const rows = parents.reduce((sum, { rowCount }) => sum + rowCount, 0);
  const names = parents.map(({ segmentId }) => segmentId).join(", ");
  if (child === null) return `segments ${names} with ${rows} rows are gone: no row was left`;
  return `segments ${names} with ${rows} rows became segment ${child.segmentId} with ${child.rowCount}`;
}
