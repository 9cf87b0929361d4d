/** Fields that come and go while rows are written, with deaths anywhere in the change. */

import type { Timestamp } from "../../../src/base/timestamp.ts";
import type { RetrievePlan } from "../../../src/model/plan.ts";
import { type CollectionInfo, type FieldSchema, primaryKeyField } from "../../../src/model/schema.ts";
import { DataType } from "../../../src/model/types.ts";
import type { Cluster } from "../cluster.ts";
import { ProcessDied } from "../lifeline.ts";
import { WrongAnswer } from "../oracle.ts";
import type { Scenario } from "../scenario.ts";
import type { Workload } from "../workload.ts";

const NAME = { databaseName: "default", collectionName: "simulated" };
const DEFAULT = 7n;
const ROUNDS = 7;
/** Where a process may die: before and after a write of the metadata. */
const POINTS = ["meta.transaction:before", "meta.transaction:after"];

function addedField(name: string, hasDefault: boolean): FieldSchema {
  return {
    fieldId: 0n,
    name,
    description: "",
    dataType: DataType.Int64,
    elementType: DataType.None,
    isPrimaryKey: false,
    autoId: false,
    isPartitionKey: false,
    isClusteringKey: false,
    isDynamic: false,
    nullable: true,
    defaultValue: hasDefault ? DEFAULT : null,
    typeParams: [],
    dimension: 0,
    maxLengthBytes: 0,
  };
}

/** False when the process died under it. */
async function survived(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (!(error instanceof ProcessDied)) throw error;
    return false;
  }
}

function described(cluster: Cluster): Promise<CollectionInfo> {
  return cluster.ask(async ({ coordinator }) => (await coordinator.describeCollection(NAME)).collection);
}

/** What must be so. Nothing is said of a field whose change died on the way. */
class Promised {
  readonly there = new Set<string>();
  readonly gone = new Set<string>();
  /** By id: the field that it was given to. */
  readonly #ids = new Map<bigint, string>();

  forget(name: string): void {
    this.there.delete(name);
    this.gone.delete(name);
  }

  check(fields: readonly FieldSchema[]): void {
    for (const name of this.there) {
      if (!fields.some((field) => field.name === name)) throw new WrongAnswer(`field ${name} was there, and is not`);
    }
    for (const { name, fieldId, defaultValue } of fields) {
      if (this.gone.has(name)) throw new WrongAnswer(`field ${name} was dropped, and is there`);
      const field = `${name} ${defaultValue}`;
      const known = this.#ids.get(fieldId) ?? field;
      if (known !== field) throw new WrongAnswer(`${field} has the id of ${known}`);
      this.#ids.set(fieldId, field);
    }
  }
}

/** Every row on every shard has the default of an added field, or null: none was ever written with one. */
async function checkAddedFields(workload: Workload, cluster: Cluster, promised: Promised): Promise<void> {
  const { collectionId, schema, virtualChannels } = await described(cluster);
  const added = schema.fields.filter(({ name }) => name.startsWith("added"));
  promised.check(added);
  if (new Set(schema.fields.map(({ fieldId }) => fieldId)).size !== schema.fields.length) {
    throw new WrongAnswer("two fields have one id");
  }
  const guarantee: Timestamp = await workload.now();
  for (const virtualChannel of virtualChannels) {
    const plan: RetrievePlan = {
      collectionId,
      partitionIds: null,
      filter: null,
      keys: null,
      fieldIds: [primaryKeyField(schema).fieldId, ...added.map(({ fieldId }) => fieldId)],
      limit: null,
      ignoreGrowing: false,
    };
    const { batch } = await cluster.ask(({ streaming }) =>
      streaming.retrieve({ virtualChannel, plan, guarantee, timestamp: null }),
    );
    for (const { fieldId, name, defaultValue } of added) {
      const column = batch.columns.get(fieldId);
      if (column?.kind !== "fixed") throw new WrongAnswer(`${name} is not answered`);
      for (let row = 0; row < batch.rowCount; row += 1) {
        const isNull = column.valid !== null && column.valid[row] === 0;
        const isRight = defaultValue === null ? isNull : !isNull && column.values[row] === DEFAULT;
        if (!isRight) throw new WrongAnswer(`row ${row} of ${batch.rowCount} has another ${name}`);
      }
    }
  }
}

export const schemaDuringInserts: Scenario = {
  name: "S8",
  options: { limits: { channelCount: 2 } },
  about:
    "fields are added and dropped while rows are written and flushed, with deaths on the way: rows from before have the default or null",
  async run(workload, cluster) {
    await workload.setUp();
    const { world } = cluster;
    const promised = new Promised();
    // Flushes take long, so that closed segments are read while they are in no file.
    cluster.faults.objects.delay = 0.8;
    cluster.faults.objects.maximumDelayMilliseconds = 2_000;
    for (let round = 0; round < ROUNDS; round += 1) {
      const dying = world.random() < 0.5;
      const point = POINTS[Math.floor(world.random() * POINTS.length)]!;
      let left = Math.floor(world.random() * 4);
      cluster.watch = (reached) => {
        if (!dying || reached !== point) return;
        left -= 1;
        if (left >= 0) return;
        cluster.watch = () => undefined;
        cluster.crash();
      };
      const [known] = promised.there;
      const isDropping = known !== undefined && world.random() < 0.4;
      const [free] = promised.gone;
      const name = isDropping ? known : free !== undefined && world.random() < 0.5 ? free : `added${round}`;
      promised.forget(name);
      const field = addedField(name, world.random() < 0.5);
      const change = survived(
        cluster.ask(({ coordinator }) =>
          isDropping
            ? coordinator.dropField({ ...NAME, fieldName: name, fieldId: null })
            : coordinator.addFields({ ...NAME, fields: [field] }),
        ),
      );
      const beside = workload.channels.map((channel) =>
        survived(
          (async () => {
            for (let at = 0; at < 4; at += 1) {
              const rows = await workload.insert(channel, 1 + Math.floor(world.random() * 4));
              if (world.random() < 0.3) await workload.upsert([rows[0]!.key]);
              if (world.random() < 0.3) await workload.flush(channel);
            }
          })(),
        ),
      );
      if (await change) (isDropping ? promised.gone : promised.there).add(name);
      await Promise.all(beside);
      cluster.watch = () => undefined;
      if (!cluster.isUp) await workload.restart();
      await checkAddedFields(workload, cluster, promised);
      await workload.readEverything();
    }
    await workload.settle();
    await checkAddedFields(workload, cluster, promised);
  },
};
