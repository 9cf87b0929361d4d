/**
 * A client's acquaintance with the simulated cluster: its one collection made, loaded and found again after crashes, with patience for stores that fail.
 *
 * Always true: an error that a client may meet is counted as such, and waited out where something must come; any other fails the scenario.
 *
 * Not here: writes and reads (`workload.ts`).
 */

import { MilvusError } from "../../src/base/errors.ts";
import type { Timestamp } from "../../src/base/timestamp.ts";
import type { CollectionInfo } from "../../src/model/schema.ts";
import { ConsistencyLevel, LoadState } from "../../src/model/types.ts";
import type { Cluster } from "./cluster.ts";
import { ProcessDied } from "./lifeline.ts";
import { Oracle, WrongAnswer } from "./oracle.ts";
import { INDEXED, schemaOf } from "./simulated-rows.ts";

export const NAME = { databaseName: "default", collectionName: "simulated" };
const PATIENCE_MILLISECONDS = 300_000;
export const POLL_MILLISECONDS = 100;

export class Session {
  readonly cluster: Cluster;
  readonly oracle = new Oracle();
  #collection: CollectionInfo | null = null;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  get channels(): readonly string[] {
    return this.collection.virtualChannels;
  }

  get collection(): CollectionInfo {
    if (this.#collection === null) throw new Error("the collection is not set up");
    return this.#collection;
  }

  /** Brings the cluster up with the collection created, indexed and loaded. */
  async setUp(shardsNum = 2): Promise<void> {
    await this.cluster.start();
    await this.cluster.ask(async ({ coordinator }) => {
      await coordinator.createCollection({
        databaseName: NAME.databaseName,
        schema: schemaOf(NAME.collectionName),
        shardsNum,
        consistencyLevel: ConsistencyLevel.Strong,
        properties: [],
        partitionCount: 0,
      });
      for (const { name, indexType, metric } of INDEXED) {
        const params = [
          { key: "index_type", value: indexType },
          { key: "metric_type", value: metric },
        ];
        await coordinator.createIndex({ ...NAME, fieldName: name, indexName: "", params });
      }
      await coordinator.loadCollection({ ...NAME, replicaNumber: 1, fieldIds: [], partitionNames: null });
      this.#collection = (await coordinator.describeCollection(NAME)).collection;
    });
    await this.untilLoaded();
  }

  /** Idempotent; tried until the stores let it through. */
  async load(): Promise<void> {
    await this.retried(() =>
      this.cluster.ask(({ coordinator }) =>
        coordinator.loadCollection({ ...NAME, replicaNumber: 1, fieldIds: [], partitionNames: null }),
      ),
    );
    await this.untilLoaded();
  }

  async release(): Promise<void> {
    await this.retried(() =>
      this.cluster.ask(({ coordinator }) => coordinator.releaseCollection({ ...NAME, partitionNames: null })),
    );
  }

  /** After a crash: another process takes over, and the fate of what was on its way is settled. */
  async restart(): Promise<void> {
    for (;;) {
      await this.cluster.start();
      for (const mutation of this.oracle.mutations) if (mutation.state === "pending") mutation.state = "unknown";
      try {
        this.oracle.settled(await this.now());
        // It may have been released when the process before died.
        await this.load();
        return;
      } catch (error) {
        if (!(error instanceof ProcessDied)) throw error;
      }
    }
  }

  untilLoaded(): Promise<void> {
    return this.eventually("the collection is loaded", async () => {
      const { state } = await this.cluster.ask(({ coordinator }) =>
        coordinator.loadProgress({ ...NAME, partitionNames: [] }),
      );
      return state === LoadState.Loaded;
    });
  }

  /** A timestamp from the oracle of the cluster. */
  now(): Promise<Timestamp> {
    return this.retried(() =>
      this.cluster.ask(async ({ coordinator }) => (await coordinator.allocateTimestamps({ count: 1 })).first),
    );
  }

  /** Polls until it is so; what never comes is a failure of liveness. */
  async eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const { world } = this.cluster;
    const end = world.now() + PATIENCE_MILLISECONDS;
    let last: unknown = null;
    while (world.now() < end) {
      try {
        if (await isSo()) return;
        last = null;
      } catch (error) {
        if (error instanceof ProcessDied) throw error;
        this.tolerated(error);
        last = error;
      }
      await world.sleep(POLL_MILLISECONDS);
    }
    throw new WrongAnswer(`never came: ${what}${last === null ? "" : ` (${String(last)})`}`);
  }

  /** The errors that clients may meet while stores fail; anything else fails the scenario. */
  tolerated(error: unknown): void {
    const isExpected =
      error instanceof MilvusError && EXPECTED.has(error.kind) && !/invariant violated/.test(error.message);
    if (!isExpected) throw error;
    this.cluster.world.record("refused", error.kind);
  }

  async retried<T>(body: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await body();
      } catch (error) {
        this.tolerated(error);
        await this.cluster.world.sleep(POLL_MILLISECONDS);
      }
    }
  }
}

const EXPECTED: ReadonlySet<string> = new Set([
  "ServiceUnavailable",
  "ServiceNotReady",
  "ServiceDiskLimitExceeded",
  "CollectionNotLoaded",
  "CollectionNotFullyLoaded",
  "CollectionOnRecovering",
  "ChannelMisrouted",
  "ChannelNotFound",
  "IoFailed",
  "SegmentNotLoaded",
  "InconsistentRequery",
]);
