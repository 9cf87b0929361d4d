/**
 * The query node: sealed segments in memory (or mapped), and the reads that delegators send it.
 *
 * Always true:
 *  - a segment answers only after its files were checked and the deletes that came with the request were applied;
 *  - a segment is freed when its last reference is released and the last read that uses it has ended;
 *  - a read that names a segment which is not here fails as a whole;
 *  - a load that would take too much memory is refused before it takes any.
 */

import { milvusError } from "../base/errors.ts";
import type { ChangeCounter } from "../base/change-counter.ts";
import type { MachineMemory } from "../base/host/memory.ts";
import type { Runtime } from "../base/host/runtime.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { indexesOf } from "../kernel/load.ts";
import type { CollectionSchema } from "../model/schema.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import type { WorkFolder } from "../objectstore/work-folder.ts";
import { aggregateRows } from "../rank/aggregate.ts";
import { countRows, fetchRows, retrieveRows, searchRows } from "../rank/read-segments.ts";
import { COORDINATOR, type CoordinatorService, QUERY, type QueryService } from "../rpc/services.ts";
import type { Implementation, Transport } from "../rpc/transport.ts";
import { SealedSegment } from "../segment/sealed.ts";
import { withPlaces } from "../segment/lent.ts";
import type { SegmentIndexFacts } from "../segment/index-facts.ts";
import type { Deltas } from "../storage/deltas.ts";
import { type SegmentFiles, openSegmentFiles } from "../storage/segment-reader.ts";
import { DeltaCache } from "./delta-cache.ts";
import { MemoryGate } from "./memory-gate.ts";
import { type OpenIndexes, openIndexes } from "./open-indexes.ts";
import { listlessFields, residentBytes, unmappedFields } from "./residence.ts";

interface Loaded {
  readonly segment: Promise<SealedSegment>;
  references: number;
}

type LoadRequest = Parameters<QueryService["loadSegment"]>[0];

export interface QueryNodeOptions {
  readonly objects: ObjectStore;
  readonly kernel: Kernel;
  readonly transport: Transport;
  readonly runtime: Runtime;
  /** Of what reads see. */
  readonly changes: ChangeCounter;
  readonly memory: MachineMemory;
  /** Where files are fetched to; null where there is no disk. */
  readonly work: WorkFolder | null;
  /** One line each about what it does on its own. */
  readonly log: (line: string) => void;
}

export class QueryNode {
  readonly #options: QueryNodeOptions;
  readonly #loaded = new Map<bigint, Loaded>();
  readonly #deltas: DeltaCache;
  readonly #indexes: OpenIndexes;
  readonly #gate: MemoryGate;
  readonly #stopServing: () => void;

  constructor(options: QueryNodeOptions) {
    this.#options = options;
    this.#deltas = new DeltaCache(options.objects, options.runtime);
    const coordinator = options.transport.client<CoordinatorService>(COORDINATOR);
    this.#gate = new MemoryGate(options.memory);
    this.#indexes = { ...options, kernel: indexesOf(options.kernel), coordinator, gate: this.#gate };
    this.#stopServing = options.transport.serve<QueryService>(QUERY, this.#implementation());
  }

  async close(): Promise<void> {
    this.#stopServing();
    for (const { segment } of this.#loaded.values()) (await segment.catch(() => null))?.close();
    this.#loaded.clear();
  }

  #implementation(): Implementation<QueryService> {
    const { runtime } = this.#options;
    return {
      loadSegment: async (request) => {
        const { segmentId } = request.segment;
        let loaded = this.#loaded.get(segmentId);
        if (loaded === undefined) {
          loaded = { segment: this.#load(request), references: 0 };
          this.#loaded.set(segmentId, loaded);
        }
        loaded.references += 1;
        try {
          const segment = await loaded.segment;
          // It may be here since before the collection got its newest fields.
          await segment.adoptSchema(request.collection.schema);
          await openIndexes(segment, request.collection.properties, request.indexes, this.#indexes);
          const { rowCount, memoryBytes } = segment;
          return { rowCount, memoryBytes };
        } catch (error) {
          if (this.#loaded.get(segmentId) === loaded) this.#loaded.delete(segmentId);
          throw error;
        }
      },
      releaseSegment: async ({ segmentId }) => {
        const loaded = this.#loaded.get(segmentId);
        if (loaded === undefined) return;
        loaded.references -= 1;
        if (loaded.references > 0) return;
        this.#loaded.delete(segmentId);
        (await loaded.segment).close();
      },
      adoptSchema: async ({ segmentIds, schema }) => {
        const here = segmentIds.filter((segmentId) => this.#loaded.has(segmentId));
        for (const segment of await this.#segments(here)) await segment.adoptSchema(schema);
      },
      adoptIndexes: async ({ properties, indexes }) => {
        for (const [segmentId, records] of Map.groupBy(indexes, (record) => record.segmentId)) {
          const segment = await this.#loaded.get(segmentId)?.segment;
          if (segment !== undefined && !segment.isClosed)
            await openIndexes(segment, properties, records, this.#indexes);
        }
        this.#options.changes.changed();
      },
      applyDeletes: async ({ segmentIds, keys, timestamps, upperBounds }) => {
        // A segment that was released meanwhile answers nobody any more.
        const here = segmentIds.filter((segmentId) => this.#loaded.has(segmentId));
        for (const segment of await this.#segments(here)) segment.applyDeletes(keys, timestamps, upperBounds);
      },
      search: async ({ segmentIds, plan, timestamp }, { signal }) => {
        const segments = await this.#segments(segmentIds);
        return { hits: await searchRows(segments, plan, schemaOf(segments), timestamp, runtime, signal) };
      },
      lend: async ({ segmentIds, search, timestamp, expiry }) => {
        const segments = await this.#segments(segmentIds);
        return {
          segments: await Promise.all(
            segments.map((segment) => withPlaces(segment, segment.lend(search, timestamp, expiry), search.places)),
          ),
        };
      },
      retrieve: async ({ segmentIds, plan, timestamp }, { signal }) => {
        const segments = await this.#segments(segmentIds);
        return { batch: await retrieveRows(segments, plan, schemaOf(segments), timestamp, runtime, signal) };
      },
      count: async ({ segmentIds, plan, timestamp }, { signal }) => ({
        count: await countRows(await this.#segments(segmentIds), plan, timestamp, runtime, signal),
      }),
      aggregate: async ({ segmentIds, plan, timestamp }, { signal }) => {
        const segments = await this.#segments(segmentIds);
        return { table: await aggregateRows(segments, plan, schemaOf(segments), timestamp, runtime, signal) };
      },
      fetch: async ({ fieldIds, places }) => {
        const segments = await this.#segments([...new Set(places.segmentIds)]);
        const byId = new Map(segments.map((segment) => [segment.segmentId, segment]));
        return { batch: await fetchRows(byId, places, fieldIds, schemaOf(segments), runtime) };
      },
      loadedSegments: async () => ({
        segments: await Promise.all(
          [...this.#loaded].map(async ([segmentId, { segment }]) => {
            const { rowCount, memoryBytes, indexes, scalarIndexes } = await segment;
            const open = indexes.map(({ facts, memoryBytes: bytes }) => ({ ...ids(facts), memoryBytes: bytes }));
            return { segmentId, rowCount, memoryBytes, indexes: [...open, ...scalarIndexes.builds] };
          }),
        ),
      }),
    };
  }

  async #load(request: LoadRequest): Promise<SealedSegment> {
    const { objects, runtime } = this.#options;
    const { collection, load, segment, indexes } = request;
    const files = await openSegmentFiles(objects, runtime, segment.manifestKey);
    const release = this.#gate.reserve(residentBytes(files.manifest, collection, load.fieldIds, indexes));
    try {
      return await this.#read(files, request);
    } finally {
      release();
    }
  }

  async #read(
    files: SegmentFiles,
    { collection, load, segment, deltas, indexes }: LoadRequest,
  ): Promise<SealedSegment> {
    const { runtime, kernel } = this.#options;
    const applied: Deltas[] = [];
    for (const delta of deltas) {
      // A delete hides what is older than itself.
      if (delta.timestampTo <= segment.timestampFrom) continue;
      applied.push(...(await this.#deltas.read(delta.manifestKey)));
    }
    return SealedSegment.load(files, {
      schema: collection.schema,
      kernel,
      runtime,
      fieldIds: load.fieldIds.length === 0 ? null : load.fieldIds,
      deltas: applied,
      unmappedFieldIds: unmappedFields(collection),
      listlessFieldIds: this.#indexes.kernel === null ? [] : listlessFields(collection, indexes),
    });
  }

  #segments(segmentIds: readonly bigint[]): Promise<SealedSegment[]> {
    return Promise.all(
      segmentIds.map((segmentId) => {
        const loaded = this.#loaded.get(segmentId);
        if (loaded === undefined) throw milvusError("SegmentNotLoaded", "", { segment: segmentId });
        return loaded.segment;
      }),
    );
  }
}

function ids({ indexId, buildId }: SegmentIndexFacts): { readonly indexId: bigint; readonly buildId: bigint } {
  return { indexId, buildId };
}

function schemaOf(segments: readonly SealedSegment[]): CollectionSchema {
  const first = segments[0];
  if (first === undefined) throw milvusError("SegmentLack", "a read names no segment");
  return first.schema;
}
