/**
 * The engine: which adapters, which roles, in which order they start and stop. Embedded and standalone are this, over one directory.
 *
 *     <directory>/LOCK, OWNER   who has it open
 *     <directory>/meta.db       metadata
 *     <directory>/wal/          the journal
 *     <directory>/objects/      segment files, under Milvus's keys
 *     <directory>/work/         files that are being worked on; emptied at every start
 *
 * Always true:
 *  - the directory is locked before anything in it is read, and let go last;
 *  - roles stop in the order in which work flows: proxy, data node, log, query node, coordinator; then the stores close.
 */

import { join } from "node:path";
import { ChangeCounter } from "../base/change-counter.ts";
import { asMilvusError, milvusError } from "../base/errors.ts";
import type { Runtime } from "../base/host/runtime.ts";
import { BOUNDLESS_MEMORY, type MachineMemory, SystemMemory } from "../base/host/memory.ts";
import { SystemRuntime } from "../base/host/system.ts";
import { channelNames } from "../coordinator/channels.ts";
import { Coordinator } from "../coordinator/coordinator.ts";
import type { ScalarBuilder } from "../data/context.ts";
import { DataNode } from "../data/node.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { loadKernel } from "../kernel/load.ts";
import { Journal } from "../log/journal/journal.ts";
import { type LogBackend, LogCorrupted, LogUnavailable } from "../log/log.ts";
import type { MetaStore } from "../metastore/metastore.ts";
import { SqliteMetaStore } from "../metastore/sqlite.ts";
import { DirectoryObjectStore } from "../objectstore/directory.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import { WorkFolder } from "../objectstore/work-folder.ts";
import { Proxy } from "../proxy/proxy.ts";
import { QueryNode } from "../query/node.ts";
import { InProcessTransport } from "../rpc/in-process.ts";
import type { Transport } from "../rpc/transport.ts";
import { StreamingNode } from "../streaming/node.ts";
import { lockDirectory } from "./directory-lock.ts";
import { buildInThread } from "./scalar-builds.ts";
import { DEFAULT_LIMITS, type EngineLimits } from "./limits.ts";

/** The log's own errors know nothing of Milvus's codes. */
function openFailure(error: unknown): Error {
  if (error instanceof LogCorrupted) return milvusError("DataIntegrity", error.message, {}, error);
  if (error instanceof LogUnavailable) return milvusError("IoFailed", error.message, {}, error);
  return asMilvusError(error);
}

/** The seams, however they are implemented. */
export interface Adapters {
  readonly store: MetaStore;
  readonly objects: ObjectStore;
  readonly logBackend: LogBackend;
  readonly kernel: Kernel;
  readonly transport: Transport;
  readonly runtime: Runtime;
  /** Where work lies that is no object yet; absent where there is no disk. */
  readonly work?: WorkFolder;
  /** Absent: loads are never refused for want of it. */
  readonly memory?: MachineMemory;
  /** Absent: scalar indexes are built on the engine's thread. */
  readonly buildScalar?: ScalarBuilder;
}

export interface EngineOptions {
  readonly directory: string;
  readonly limits?: Partial<EngineLimits>;
  /** One line each about what the engine does on its own. */
  readonly log?: (line: string) => void;
  /** The journal cannot promise durability any more; by default the process ends. */
  readonly onFatal?: (failure: Error) => void;
}

export class Engine {
  readonly proxy: Proxy;
  readonly kernel: Kernel;
  readonly runtime: Runtime;
  /** Of what reads see. */
  readonly changes: ChangeCounter;
  readonly #coordinator: Coordinator;
  readonly #streaming: StreamingNode;
  readonly #query: QueryNode;
  readonly #data: DataNode;
  readonly #adapters: Adapters;
  readonly #release: () => void;
  #closing: Promise<void> | null = null;

  private constructor(
    adapters: Adapters,
    changes: ChangeCounter,
    roles: {
      readonly coordinator: Coordinator;
      readonly streaming: StreamingNode;
      readonly query: QueryNode;
      readonly data: DataNode;
    },
    limits: EngineLimits,
    release: () => void,
  ) {
    this.#adapters = adapters;
    this.kernel = adapters.kernel;
    this.runtime = adapters.runtime;
    this.#coordinator = roles.coordinator;
    this.#streaming = roles.streaming;
    this.#query = roles.query;
    this.#data = roles.data;
    this.#release = release;
    this.changes = changes;
    this.proxy = new Proxy({ ...adapters, changes, limitsFoundDeletes: limits.limitsFoundDeletes });
  }

  /** Opens a data directory, making it where there is none. A second opener is told who has it. */
  static async open(options: EngineOptions): Promise<Engine> {
    const runtime = new SystemRuntime();
    const { directory } = options;
    const lock = lockDirectory(directory, runtime);
    const closers: (() => Promise<void>)[] = [];
    try {
      const store = await SqliteMetaStore.open(join(directory, "meta.db"), runtime);
      closers.push(() => store.close());
      const objects = await DirectoryObjectStore.open(join(directory, "objects"), runtime);
      closers.push(() => objects.close());
      const logBackend = await Journal.open(join(directory, "wal"), {
        runtime,
        ...(options.onFatal === undefined ? {} : { onFatal: options.onFatal }),
      });
      closers.push(() => logBackend.close());
      const kernel = loadKernel({ runtime });
      const transport = new InProcessTransport(runtime);
      const work = await WorkFolder.open(join(directory, "work"));
      const memory = new SystemMemory();
      const adapters = {
        store,
        objects,
        logBackend,
        kernel,
        transport,
        runtime,
        work,
        memory,
        buildScalar: buildInThread,
      };
      return await Engine.assemble(adapters, options, () => lock.release());
    } catch (error) {
      for (const close of closers.toReversed()) await close().catch(() => undefined);
      lock.release();
      throw openFailure(error);
    }
  }

  /** Starts the roles over adapters that somebody opened; closing the engine closes them. */
  static async assemble(
    adapters: Adapters,
    options: Pick<EngineOptions, "limits" | "log">,
    release: () => void,
  ): Promise<Engine> {
    const log = options.log ?? (() => undefined);
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const work = adapters.work ?? null;
    const channels = channelNames(limits.channelCount);
    const coordinator = await Coordinator.start({ ...adapters, channels, limits, log });
    const changes = new ChangeCounter();
    const streaming = new StreamingNode({ ...adapters, changes, limits, log });
    const memory = adapters.memory ?? BOUNDLESS_MEMORY;
    const query = new QueryNode({ ...adapters, changes, memory, work, log });
    const data = new DataNode({ ...adapters, work });
    try {
      await coordinator.activate();
    } catch (error) {
      await streaming.close().catch(() => undefined);
      await query.close();
      await data.close();
      await coordinator.stop();
      throw asMilvusError(error);
    }
    return new Engine(adapters, changes, { coordinator, streaming, query, data }, limits, release);
  }

  /** Finishes what has begun, writes nothing new, closes everything. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { logBackend, objects, store } = this.#adapters;
    this.proxy.stop();
    await this.#coordinator.stop();
    await this.#data.close();
    await this.#streaming.close();
    await this.#query.close();
    await this.#coordinator.close();
    await logBackend.close();
    await objects.close();
    await store.close();
    this.#release();
  }
}
