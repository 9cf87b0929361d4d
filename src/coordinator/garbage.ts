/**
 * The collector of garbage: files of segments that a compaction took the place of, and files that no metadata name.
 *
 * Always true:
 *  - a retired segment's files go when its note is old enough, no delegator is on its way to a target that may name it, and no query node
 *    has it loaded: views and leases hold what they read (I 10.46). Files first, then the note;
 *  - a file that no metadata name goes when it is older than any upload with its commit may be, its segment neither grows nor is being
 *    written by a compaction, and the metadata still do not name it in the moment of the removal;
 *  - of a segment that lives, what its manifest does not name is such a file, but for older manifests while the newest is young: a load
 *    may still be reading them;
 *  - a key that no writer of segments can make is never touched. Index files have a collector of their own.
 */

import { asMilvusError } from "../base/errors.ts";
import type { Timer } from "../base/host/runtime.ts";
import { Loop } from "../base/loop.ts";
import { physicalMilliseconds } from "../base/timestamp.ts";
import type { Operation } from "../metastore/metastore.ts";
import type { CompactionLimits } from "../model/compaction.ts";
import type { ObjectInfo } from "../objectstore/objectstore.ts";
import { parseSegmentKey, type SegmentKey, segmentPrefixes } from "../storage/keys.ts";
import { filesOf } from "../storage/manifest.ts";
import { readManifest } from "../storage/manifest-file.ts";
import type { RetiredSegment } from "./catalog.ts";
import type { Context } from "./context.ts";
import { retiredSegmentKey } from "./meta-keys.ts";

const ROOTS = ["insert_log/", "stats_log/", "delta_log/", "bm25_stats/"];
const PAGE = 1_000;

export interface GarbageOptions {
  readonly context: Context;
  readonly limits: Pick<CompactionLimits, "compactionCheckMilliseconds" | "garbageMilliseconds">;
  /** No delegator of the collection is on its way to a target. */
  readonly isSettled: (collectionId: bigint) => boolean;
  /** The segment serves in another's place. */
  readonly isStandIn: (segmentId: bigint) => boolean;
  /** A compaction is writing this segment. */
  readonly isBeingWritten: (segmentId: bigint) => boolean;
  readonly log: (line: string) => void;
}

export class Garbage {
  readonly #options: GarbageOptions;
  readonly #loop = new Loop(() => this.#round());
  #timer: Timer | null = null;
  #isStopped = false;
  /** When orphans were looked for last; null: not yet. */
  #lookedAt: number | null = null;

  constructor(options: GarbageOptions) {
    this.#options = options;
  }

  wake(): void {
    if (!this.#isStopped) this.#loop.wake();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#loop.idle();
  }

  async #round(): Promise<void> {
    const { context, limits, log } = this.#options;
    const { runtime } = context;
    this.#timer?.cancel();
    try {
      const retired = await this.#removeRetired();
      if (retired > 0) log(`removed the files of ${retired} segments that were compacted`);
      const isDue = this.#lookedAt === null || runtime.monotonic() - this.#lookedAt >= limits.garbageMilliseconds;
      if (isDue && !this.#isStopped) {
        this.#lookedAt = runtime.monotonic();
        const orphans = await this.#removeOrphans();
        if (orphans > 0) log(`removed ${orphans} files that nothing names`);
      }
    } catch (thrown) {
      log(`garbage stays: ${asMilvusError(thrown).message}`);
    } finally {
      if (!this.#isStopped) this.#timer = runtime.after(limits.compactionCheckMilliseconds, () => this.wake());
    }
  }

  async #removeRetired(): Promise<number> {
    const { context, limits, isSettled, isStandIn } = this.#options;
    const { catalog, objects, store } = context;
    const notes = catalog.retired();
    if (notes.length === 0) return 0;
    const now = physicalMilliseconds(await context.timestamps.allocate());
    const old = notes.filter(({ retiredAt }) => now - physicalMilliseconds(retiredAt) >= limits.garbageMilliseconds);
    const settled = old.filter(({ collectionId }) => isSettled(collectionId));
    if (settled.length === 0) return 0;
    // Asked only now: what was loaded for an older target is loaded by now, or never will be.
    const loaded = await this.#loadedSegments();
    let removed = 0;
    for (const note of settled) {
      if (this.#isStopped) break;
      if (loaded.has(note.segmentId) || isStandIn(note.segmentId)) continue;
      for (const prefix of segmentPrefixes(note)) {
        await objects.delete((await objects.list(prefix)).map(({ key }) => key));
      }
      const operations: Operation[] = [{ delete: keyOf(note) }];
      await store.transaction([], operations);
      catalog.apply(operations);
      removed += 1;
    }
    return removed;
  }

  async #loadedSegments(): Promise<ReadonlySet<bigint>> {
    const { segments } = await this.#options.context.query.loadedSegments({});
    return new Set(segments.map(({ segmentId }) => segmentId));
  }

  async #removeOrphans(): Promise<number> {
    const { context, limits } = this.#options;
    const { objects, runtime } = context;
    const until = runtime.now() - limits.garbageMilliseconds;
    let removed = 0;
    for (const root of ROOTS) {
      for (let after: string | undefined; !this.#isStopped;) {
        const page = await objects.list(root, { limit: PAGE, ...(after === undefined ? {} : { after }) });
        const old = page.filter(({ modifiedMilliseconds }) => modifiedMilliseconds < until);
        removed += await this.#removeUnnamed(old, until);
        if (page.length < PAGE) break;
        after = page.at(-1)!.key;
        await runtime.yield();
      }
    }
    return removed;
  }

  async #removeUnnamed(files: readonly ObjectInfo[], until: number): Promise<number> {
    const { context } = this.#options;
    const parsed = files.flatMap(({ key }) => {
      const found = parseSegmentKey(key);
      return found === null ? [] : [{ key, found }];
    });
    let removed = 0;
    for (const [collectionId, ofCollection] of Map.groupBy(parsed, ({ found }) => found.collectionId)) {
      const growing = await this.#growingSegments(collectionId);
      for (const [segmentId, ofSegment] of Map.groupBy(ofCollection, ({ found }) => found.segmentId)) {
        if (growing.has(segmentId)) continue;
        const [first] = ofSegment;
        const unnamed = await this.#unnamed(first!.found, ofSegment, until);
        if (unnamed.length === 0) continue;
        await context.objects.delete(unnamed);
        removed += unnamed.length;
      }
    }
    return removed;
  }

  /** Of files of one segment, those that may go. */
  async #unnamed(
    ids: SegmentKey,
    files: readonly { readonly key: string; readonly found: SegmentKey }[],
    until: number,
  ): Promise<string[]> {
    const { context, isBeingWritten } = this.#options;
    const { catalog, objects } = context;
    const info = catalog.segment(ids);
    if (info === null) {
      const isKnown = catalog.isRetired(ids) || isBeingWritten(ids.segmentId);
      return isKnown ? [] : files.map(({ key }) => key);
    }
    const named = new Set([info.manifestKey, ...filesOf(await readManifest(objects, info.manifestKey))]);
    const current = await objects.head(info.manifestKey);
    const isYoung = current === null || current.modifiedMilliseconds >= until;
    // A newer version, or a delete log of one, may be about to count while the segment is compacted.
    if (isYoung || catalog.segment(ids) !== info || isBeingWritten(ids.segmentId)) return [];
    return files.map(({ key }) => key).filter((key) => !named.has(key));
  }

  async #growingSegments(collectionId: bigint): Promise<ReadonlySet<bigint>> {
    const { context } = this.#options;
    if (context.catalog.collectionById(collectionId) === null) return new Set();
    const { segments, flushing } = await context.streaming.growingSegments({ collectionId });
    return new Set([...segments.map(({ segmentId }) => segmentId), ...flushing]);
  }
}

function keyOf({ collectionId, partitionId, segmentId }: RetiredSegment): string {
  return retiredSegmentKey(collectionId, partitionId, segmentId);
}
