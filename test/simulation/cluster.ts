/**
 * A whole Elanus in one simulated process, over stores that outlive it: it can be started, crashed at any moment, and started again.
 *
 * Always true: between two lives nothing passes but what the log, the metadata and the objects hold. Appends in flight at a crash are
 * settled by the seed.
 */

import { assert } from "../../src/base/assert.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { EngineLimits } from "../../src/engine/limits.ts";
import { TwinKernel } from "../../src/kernel/twin/twin.ts";
import { MemoryLog, MemoryLogDisk } from "../../src/log/memory.ts";
import { MemoryMetaStore } from "../../src/metastore/memory.ts";
import { MemoryObjectStore } from "../../src/objectstore/memory.ts";
import type { ObjectStore } from "../../src/objectstore/objectstore.ts";
import { milvusError } from "../../src/base/errors.ts";
import { InProcessTransport } from "../../src/rpc/in-process.ts";
import {
  COORDINATOR,
  type CoordinatorService,
  QUERY,
  type QueryService,
  STREAMING,
  type StreamingService,
} from "../../src/rpc/services.ts";
import type { Client, Transport } from "../../src/rpc/transport.ts";
import { NO_FAULTS } from "./faults.ts";
import { FaultyLog, NO_FAULTS as NO_LOG_FAULTS, type LogFaults } from "./faulty-log.ts";
import { FaultyMetaStore, type MetaFaults } from "./faulty-metastore.ts";
import { FaultyObjectStore, type ObjectFaults } from "./faulty-objectstore.ts";
import { Lifeline, ProcessDied, type Watcher } from "./lifeline.ts";
import type { SimulatedRuntime } from "./runtime.ts";

const TRIES_TO_START = 200;
const PAUSE_BETWEEN_TRIES_MILLISECONDS = 100;
const SYNC_MILLISECONDS = 3;
const LARGEST_RECORD_BYTES = 1 << 20;

/** May be changed as a scenario goes on. */
export interface ClusterFaults {
  readonly meta: MetaFaults;
  readonly objects: ObjectFaults;
  log: LogFaults;
}

export interface ClusterOptions {
  readonly limits?: Partial<EngineLimits>;
  /** Larger appends become transactions. */
  readonly maxRecordBytes?: number;
}

interface Life {
  readonly lifeline: Lifeline;
  readonly memoryLog: MemoryLog;
  readonly coordinator: Client<CoordinatorService>;
  readonly streaming: Client<StreamingService>;
  readonly query: Client<QueryService>;
  readonly engine: Engine;
}

export const SIMULATED_LIMITS: EngineLimits = {
  channelCount: 2,
  maxSegmentBytes: 700,
  maxAgeMilliseconds: 3_000,
  restMilliseconds: 1_000,
  highWaterBytes: 1 << 20,
  checkMilliseconds: 500,
  refuseBytes: 1024 ** 3,
  retentionMilliseconds: 2_000,
  compactedBytes: 16_000,
  compactedRows: 1_000,
  compactionCheckMilliseconds: 1_000,
  compactionSlots: 1,
  garbageMilliseconds: 4_000,
  roomyIndexBytes: 0,
  limitsFoundDeletes: false,
};

export class Cluster {
  readonly world: SimulatedRuntime;
  readonly faults: ClusterFaults = {
    meta: { ...NO_FAULTS, compacted: 0 },
    objects: { ...NO_FAULTS, corrupt: 0 },
    log: { ...NO_LOG_FAULTS },
  };
  readonly limits: EngineLimits;
  /** What the processes say about themselves. */
  readonly lines: string[] = [];
  /** Sees every call that a process makes to its stores; may wait, or crash the cluster. */
  watch: Watcher = () => undefined;
  /** Whether a role of the process refuses what another asks of it: `query.applyDeletes`, `query.loadSegment`… */
  refuses: (call: string) => boolean = () => false;
  crashes = 0;
  readonly #maxRecordBytes: number;
  readonly #disk = new MemoryLogDisk();
  readonly #meta: MemoryMetaStore;
  readonly #objects: MemoryObjectStore;
  #life: Life | null = null;
  #starting: { readonly lifeline: Lifeline; readonly memoryLog: MemoryLog } | null = null;

  constructor(world: SimulatedRuntime, options: ClusterOptions = {}) {
    this.world = world;
    this.limits = { ...SIMULATED_LIMITS, ...options.limits };
    this.#maxRecordBytes = options.maxRecordBytes ?? LARGEST_RECORD_BYTES;
    this.#meta = new MemoryMetaStore(world);
    this.#objects = new MemoryObjectStore(world);
  }

  get isUp(): boolean {
    return this.#life !== null;
  }

  get coordinator(): Client<CoordinatorService> {
    return this.#current().coordinator;
  }

  get streaming(): Client<StreamingService> {
    return this.#current().streaming;
  }

  get query(): Client<QueryService> {
    return this.#current().query;
  }

  get engine(): Engine {
    return this.#current().engine;
  }

  /** What lies there, for who looks at it from outside. */
  get objects(): ObjectStore {
    return this.#objects;
  }

  /** Everything that lies in the object store. */
  async objectKeys(): Promise<string[]> {
    return (await this.#objects.list("")).map((object) => object.key);
  }

  /** Asks the present process; rejects with `ProcessDied` when it dies before it answers. */
  async ask<T>(question: (cluster: this) => Promise<T>): Promise<T> {
    const { lifeline } = this.#current();
    const answer = question(this);
    answer.catch(() => undefined);
    const result = await Promise.race([answer, lifeline.death]);
    // The answer may have been on its way when the process died.
    if (!lifeline.isAlive) throw new ProcessDied("the process died");
    return result;
  }

  /** Starts the process, again and again if its stores fail it. */
  async start(): Promise<void> {
    assert(this.#life === null, "one process runs at a time");
    for (let tries = 1; ; tries += 1) {
      try {
        this.#life = await this.#begin();
        return;
      } catch (error) {
        this.lines.push(`start failed: ${String(error)}`);
        this.#kill();
        if (tries === TRIES_TO_START) throw error;
        await this.world.sleep(PAUSE_BETWEEN_TRIES_MILLISECONDS);
      }
    }
  }

  /** The process dies where it stands. */
  crash(): void {
    this.crashes += 1;
    this.world.record("crash");
    this.#kill();
  }

  /** Ends the process as it likes to be ended. */
  async stop(): Promise<void> {
    await this.#current().engine.close();
    this.#life = null;
  }

  #current(): Life {
    if (this.#life === null) throw new ProcessDied("no process runs");
    return this.#life;
  }

  #kill(): void {
    const dying = this.#life ?? this.#starting;
    this.#life = null;
    this.#starting = null;
    if (dying === null) return;
    dying.lifeline.end();
    dying.memoryLog.crash();
  }

  async #begin(): Promise<Life> {
    const lifeline = new Lifeline(this.world, (point, parameters) => this.watch(point, parameters));
    const { runtime } = lifeline;
    const memoryLog = new MemoryLog(this.world, this.#disk, {
      syncMilliseconds: SYNC_MILLISECONDS,
      maxRecordBytes: this.#maxRecordBytes,
    });
    this.#starting = { lifeline, memoryLog };
    // One set of faults goes from life to life.
    const log = new FaultyLog(memoryLog, runtime, this.faults.log);
    this.faults.log = log.faults;
    const transport = new InProcessTransport(runtime, { isolate: true });
    const engine = Engine.assemble(
      {
        store: lifeline.attach("meta", new FaultyMetaStore(this.#meta, runtime, this.faults.meta)),
        objects: lifeline.attach("objects", new FaultyObjectStore(this.#objects, runtime, this.faults.objects)),
        logBackend: lifeline.attach("log", log),
        kernel: new TwinKernel(runtime, null),
        transport: refusing(transport, (call) => this.refuses(call)),
        runtime,
      },
      { limits: this.limits, log: (line) => this.lines.push(line) },
      () => undefined,
    );
    engine.catch(() => undefined);
    const life = {
      lifeline,
      memoryLog,
      coordinator: transport.client<CoordinatorService>(COORDINATOR),
      streaming: transport.client<StreamingService>(STREAMING),
      query: transport.client<QueryService>(QUERY),
      engine: await Promise.race([engine, lifeline.death]),
    };
    this.#starting = null;
    return life;
  }
}

/** Calls that are refused never arrive. */
function refusing(transport: Transport, refuses: (call: string) => boolean): Transport {
  return {
    serve: (name, implementation) => transport.serve(name, implementation),
    client: (name) =>
      new Proxy(transport.client(name), {
        get: (target, method) => {
          const call = Reflect.get(target, method) as unknown;
          if (typeof call !== "function" || typeof method !== "string") return call;
          return (...parameters: unknown[]): unknown =>
            refuses(`${name}.${method}`)
              ? Promise.reject(milvusError("ServiceUnavailable", "injected: the call is refused"))
              : Reflect.apply(call, target, parameters);
        },
      }),
  };
}
