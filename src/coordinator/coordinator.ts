/**
 * The coordinator: one leader for metadata (root), segments (data), loads (query) and log channels (streaming).
 *
 * It decides and reconciles; rows never pass through it. Starting it makes everything as the metadata says: unfinished changes are
 * carried out, channels get owners, loaded collections their targets.
 */

import type { Runtime } from "../base/host/runtime.ts";
import { milvusError } from "../base/errors.ts";
import type { MetaStore } from "../metastore/metastore.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import type { DataService } from "../rpc/data-service.ts";
import {
  COORDINATOR,
  type CoordinatorService,
  DATA,
  QUERY,
  type QueryService,
  STREAMING,
  type StreamingService,
} from "../rpc/services.ts";
import type { Implementation, Transport } from "../rpc/transport.ts";
import type { CompactionLimits } from "../model/compaction.ts";
import { LoadState } from "../model/types.ts";
import { Broadcaster } from "./broadcaster.ts";
import { Catalog } from "./catalog.ts";
import { assignChannels } from "./channels.ts";
import * as collections from "./collections.ts";
import { Compactions } from "./compactions.ts";
import type { Context } from "./context.ts";
import * as databases from "./databases.ts";
import { dropField } from "./field-drops.ts";
import { Garbage } from "./garbage.ts";
import { IndexBuilds } from "./index-builds.ts";
import { alterIndex, createIndex, dropIndex } from "./indexes.ts";
import { Loads } from "./loads.ts";
import { ID_KEY, TIMESTAMP_KEY } from "./meta-keys.ts";
import { isTruncated, recoverChannel, removeDroppedFiles, saveFlush } from "./segments.ts";
import { addFields, alterField } from "./schema-changes.ts";
import { sweepTruncated, truncateCollection } from "./truncation.ts";
import { TimestampOracle } from "./timestamp-oracle.ts";

export interface CoordinatorOptions {
  readonly store: MetaStore;
  readonly objects: ObjectStore;
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly channels: readonly string[];
  readonly limits: CompactionLimits & { readonly roomyIndexBytes: number };
  /** One line each about what it does on its own. */
  readonly log: (line: string) => void;
}

export class Coordinator {
  readonly #context: Context;
  readonly #builds: IndexBuilds;
  readonly #loads: Loads;
  readonly #compactions: Compactions;
  readonly #garbage: Garbage;
  readonly #stopServing: () => void;

  private constructor(context: Context, { transport, limits, log }: CoordinatorOptions, firstVersion: bigint) {
    this.#context = context;
    const data = transport.client<DataService>(DATA);
    const changed = (collectionId: bigint): void => this.#segmentsChanged(collectionId);
    this.#builds = new IndexBuilds({ context, data, changed, log, roomyIndexBytes: limits.roomyIndexBytes });
    this.#loads = new Loads(
      context,
      (segment) => this.#builds.ready(segment),
      (segment) => this.#builds.isPending(segment),
      firstVersion,
    );
    this.#compactions = new Compactions({
      context,
      data,
      limits,
      loads: this.#loads,
      isSlow: (segment) => context.catalog.loadConfig(segment.collectionId) !== null && this.#builds.isPending(segment),
      changed: (collectionId) => {
        changed(collectionId);
        this.#builds.wake();
      },
      log,
    });
    this.#garbage = new Garbage({
      context,
      limits,
      isSettled: (collectionId) => this.#loads.isSettled(collectionId),
      isStandIn: (segmentId) => this.#loads.isStandIn(segmentId),
      isBeingWritten: (segmentId) => this.#compactions.isBeingWritten(segmentId),
      log,
    });
    this.#stopServing = transport.serve<CoordinatorService>(COORDINATOR, this.#implementation());
  }

  /** Serves ids and timestamps at once; `activate` does the rest when the other roles are there. */
  static async start(options: CoordinatorOptions): Promise<Coordinator> {
    const { store, runtime, transport } = options;
    const catalog = await Catalog.load(store);
    const timestamps = await TimestampOracle.open(store, runtime, TIMESTAMP_KEY);
    const ids = await TimestampOracle.open(store, runtime, ID_KEY);
    const streaming = transport.client<StreamingService>(STREAMING);
    const broadcaster = new Broadcaster({
      store,
      runtime,
      append: async (virtualChannel, messages) => {
        await streaming.append({ virtualChannel, messages });
      },
      newId: () => ids.allocate(),
      applied: (operations) => catalog.apply(operations),
    });
    const query = transport.client<QueryService>(QUERY);
    const context: Context = { ...options, catalog, broadcaster, timestamps, ids, streaming, query };
    await databases.ensureDefaultDatabase(context);
    // Ids go on where they were: targets of a coordinator before this one are older than all of this one's.
    return new Coordinator(context, options, await ids.allocate());
  }

  async activate(): Promise<void> {
    await removeDroppedFiles(this.#context, true);
    await assignChannels(this.#context.store, this.#context.streaming, this.#context.channels);
    await this.#context.broadcaster.recover();
    for (const { collectionId } of this.#context.catalog.collections())
      await sweepTruncated(this.#context, collectionId);
    this.#loads.reconcileAll();
    await this.#builds.recover();
    this.#compactions.recover();
    this.#garbage.wake();
  }

  async stop(): Promise<void> {
    this.#context.broadcaster.stop();
    await this.#compactions.stop();
    await this.#garbage.stop();
    await this.#builds.stop();
    await this.#loads.stop();
  }

  /** After every other role has stopped: nobody needs timestamps any more. */
  async close(): Promise<void> {
    this.#stopServing();
    await this.#context.timestamps.close();
    await this.#context.ids.close();
  }

  /** A compaction has put others in the place of some segments. */
  #segmentsChanged(collectionId: bigint): void {
    if (this.#context.catalog.loadConfig(collectionId) !== null) this.#loads.reconcile(collectionId);
  }

  #implementation(): Implementation<CoordinatorService> {
    const context = this.#context;
    const { catalog } = context;
    const loads = this.#loads;
    const builds = this.#builds;
    return {
      allocateTimestamps: async ({ count }) => ({ first: await context.timestamps.allocate(count) }),
      allocateIds: async ({ count }) => ({ first: await context.ids.allocate(count) }),

      createDatabase: ({ name, properties }) => databases.createDatabase(context, name, properties),
      dropDatabase: ({ name }) => databases.dropDatabase(context, name),
      alterDatabase: ({ name, properties, deleteKeys }) =>
        databases.alterDatabase(context, name, properties, deleteKeys),
      listDatabases: async () => ({ databases: catalog.databases() }),

      createCollection: (request) => collections.createCollection(context, request),
      dropCollection: async (request) => {
        const known = catalog.findCollection(catalog.database(request.databaseName).databaseId, request.collectionName);
        const dropped = await collections.dropCollection(context, request);
        if (dropped === null || known === null) return;
        loads.forget(known);
        builds.wake();
        await removeDroppedFiles(context, false);
      },
      describeCollection: async (request) => catalog.describe(catalog.collection(request)),
      showCollections: async ({ databaseName }) => ({
        collections: catalog.collections(catalog.database(databaseName).databaseId).map((collection) => ({
          collection,
          loadState: catalog.loadConfig(collection.collectionId) === null ? LoadState.NotLoad : LoadState.Loaded,
        })),
      }),
      renameCollection: (request) => collections.renameCollection(context, request),
      alterCollection: async (request) => {
        await collections.alterCollection(context, request);
        builds.wake();
      },
      addFields: (request) => addFields(context, request),
      dropField: async (request) => {
        await dropField(context, request);
        builds.wake();
        this.#segmentsChanged(catalog.collection(request).collectionId);
      },
      alterField: (request) => alterField(context, request),
      truncateCollection: async (request) => {
        const collectionId = await truncateCollection(context, request);
        builds.wake();
        loads.reconcile(collectionId);
        await loads.settled(collectionId);
        await removeDroppedFiles(context, false);
      },

      createPartition: (request) => collections.createPartition(context, request),
      dropPartition: async (request) => {
        const { collectionId } = catalog.collection(request);
        await collections.dropPartition(context, request);
        builds.wake();
        loads.reconcile(collectionId);
        await loads.settled(collectionId);
        await removeDroppedFiles(context, false);
      },

      createAlias: (request) => collections.createAlias(context, request, false),
      alterAlias: (request) => collections.createAlias(context, request, true),
      dropAlias: (request) => collections.dropAlias(context, request),
      describeAlias: async ({ databaseName, alias }) => {
        const database = catalog.database(databaseName);
        const known = catalog.alias(database.databaseId, alias);
        if (known === null) throw milvusError("AliasNotFound", "", { database: database.name, alias });
        return { collectionName: catalog.collectionById(known.collectionId)?.schema.name ?? "" };
      },
      listAliases: async (request) => {
        if (request.collectionName !== "")
          return { aliases: catalog.aliasesOf(catalog.collection(request).collectionId) };
        const database = catalog.database(request.databaseName);
        return { aliases: catalog.aliases(database.databaseId).map((alias) => alias.alias) };
      },

      createIndex: async (request) => {
        await createIndex(context, request);
        builds.wake();
      },
      alterIndex: (request) => alterIndex(context, request),
      dropIndex: async (request) => {
        await dropIndex(context, request);
        builds.wake();
      },
      indexProgress: async ({ collectionId }) => ({ indexes: builds.progress(collectionId) }),
      reportBrokenIndex: ({ collectionId, buildId, version, reason }) =>
        builds.giveUp(collectionId, buildId, version, reason),

      loadCollection: (request) => loads.load(request),
      releaseCollection: (request) => loads.release(request),
      loadProgress: async (request) => loads.progress(request),

      listSegments: async ({ collectionId }) => ({ segments: catalog.segments(collectionId) }),
      compact: (request) => this.#compactions.ask(catalog.collection(request), request.scope),
      compactionProgress: async ({ compactionId }) => this.#compactions.progress(compactionId),
      recoverChannel: ({ channel }) => recoverChannel(context, channel),
      saveFlush: async (request) => {
        await saveFlush(context, request);
        builds.wake();
        // Files of what was truncated while they were written; should that fail now, the next start does it.
        if (request.segments.some((segment) => isTruncated(context, segment)))
          await removeDroppedFiles(context, false).catch(() => 0);
        for (const collectionId of new Set(request.segments.map((segment) => segment.collectionId))) {
          await sweepTruncated(context, collectionId);
          if (catalog.loadConfig(collectionId) !== null) loads.reconcile(collectionId);
        }
        this.#compactions.wake();
      },
    };
  }
}
