/**
 * A write-ahead log on a memory disk under a simulated runtime: opens it, crashes it, and keeps what was delivered.
 *
 * Ticks are small numbers from one counter, so that tests can name them; ids likewise.
 */

import type { Runtime } from "../../base/host/runtime.ts";
import type { Timestamp } from "../../base/timestamp.ts";
import { MemoryLog, MemoryLogDisk } from "../../log/memory.ts";
import { decodeRecord } from "../../model/message-codec.ts";
import { FaultyLog, type LogFaults } from "../../../test/simulation/faulty-log.ts";
import { SimulatedRuntime, type SimulatedProcess } from "../../../test/simulation/runtime.ts";
import type { KeyedWrite } from "../../model/message.ts";
import { IdempotencyWindow } from "../idempotency.ts";
import type { PlacedRecord } from "../transactions.ts";
import type { LogConsumer } from "../delivery.ts";
import { type Checkpoint, WriteAheadLog } from "../wal.ts";
import { COLLECTION, PARTITION } from "./messages.ts";

export const CHANNEL = "dml_0";
export const SHARD = "dml_0_7v0";
export const OTHER_SHARD = "dml_0_7v1";

export interface Opened {
  readonly wal: WriteAheadLog;
  readonly log: FaultyLog;
  readonly memory: MemoryLog;
  readonly process: SimulatedProcess;
  /** What the consumer was given, replay first. */
  readonly delivered: PlacedRecord[];
  readonly advanced: () => Timestamp;
  readonly keys: IdempotencyWindow;
}

export class WalHarness {
  readonly world: SimulatedRuntime;
  readonly disk = new MemoryLogDisk();
  readonly faults: Partial<LogFaults>;
  readonly maxRecordBytes: number;
  maxSegmentBytes = 1 << 20;
  #tick = 0n;
  #id = 1000n;
  #term = 0n;

  constructor(seed: number, faults: Partial<LogFaults> = {}, maxRecordBytes = 1 << 20) {
    this.world = new SimulatedRuntime(seed);
    this.faults = faults;
    this.maxRecordBytes = maxRecordBytes;
  }

  run<T>(body: () => Promise<T>): Promise<T> {
    return this.world.run(body);
  }

  async open(
    checkpoint: Checkpoint | null = null,
    apply?: (placed: PlacedRecord) => Promise<void>,
    keyedWrites: readonly KeyedWrite[] = [],
  ): Promise<Opened> {
    const process = this.world.process();
    const memory = this.#memory(process);
    const log = new FaultyLog(memory, process, this.faults);
    const delivered: PlacedRecord[] = [];
    let advanced = 0n;
    const consumer: LogConsumer = {
      apply: async (placed) => {
        await apply?.(placed);
        delivered.push(placed);
      },
      advance: (tick) => (advanced = tick),
    };
    this.#term += 1n;
    const keys = new IdempotencyWindow(keyedWrites);
    const { wal } = await WriteAheadLog.open({
      channel: CHANNEL,
      term: this.#term,
      log,
      runtime: process,
      keys,
      limits: { maxSegmentBytes: this.maxSegmentBytes },
      checkpoint,
      shards: [SHARD, OTHER_SHARD].map((channel) => ({
        channel,
        collectionId: COLLECTION,
        partitionIds: [PARTITION],
      })),
      allocators: {
        timestamp: async () => (this.#tick += 1n),
        ids: async (count) => {
          const first = this.#id;
          this.#id += BigInt(count);
          return first;
        },
      },
      consumer,
    });
    return { wal, log, memory, process, delivered, advanced: () => advanced, keys };
  }

  /** The process dies where it stands. */
  crash(opened: Opened): void {
    opened.process.kill();
    opened.memory.crash();
  }

  /** Everything that is durable, in the order of the log. */
  async records(): Promise<PlacedRecord[]> {
    const records: PlacedRecord[] = [];
    for await (const { position, body } of this.#memory(this.world).read(CHANNEL)) {
      records.push({ position, record: decodeRecord(body) });
    }
    return records;
  }

  reader(): MemoryLog {
    return this.#memory(this.world);
  }

  #memory(runtime: Runtime): MemoryLog {
    return new MemoryLog(runtime, this.disk, { maxRecordBytes: this.maxRecordBytes, syncMilliseconds: 2 });
  }
}

/** Answers that wait until a test lets them go, in the order that it likes. */
export function holdAnswers(log: FaultyLog): (() => void)[] {
  const held: (() => void)[] = [];
  log.faults.holdAnswer = () => new Promise((resolve) => held.push(resolve));
  return held;
}
