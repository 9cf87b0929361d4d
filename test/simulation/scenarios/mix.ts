/** Everything at once: clients that write and read, stores that fail, a process that dies again and again. */

import type { Cluster } from "../cluster.ts";
import { ProcessDied } from "../lifeline.ts";
import type { Scenario } from "../scenario.ts";
import type { ReadMoment, Workload } from "../workload.ts";

const CLIENTS = 3;
const STEPS = 22;
const MAXIMUM_PAUSE_MILLISECONDS = 60;
const MAXIMUM_LIFE_MILLISECONDS = 1_500;

export const mix: Scenario = {
  name: "mix",
  about: "random writes, reads, flushes, crashes and store faults: every answer is one that the oracle allows",
  async run(workload, cluster) {
    const { world } = cluster;
    await workload.setUp();
    failNowAndThen(cluster);
    const working = new Set(Array.from({ length: CLIENTS }, (_, client) => client));
    const clients = Array.from(working, async (client) => {
      for (let step = 0; step < STEPS; step += 1) {
        await world.sleep(world.random() * MAXIMUM_PAUSE_MILLISECONDS);
        await whileUp(cluster, () => doSomething(workload));
      }
      working.delete(client);
    });
    const reaper = async (): Promise<void> => {
      while (working.size > 0) {
        await world.sleep(world.random() * MAXIMUM_LIFE_MILLISECONDS);
        if (working.size === 0) return;
        cluster.crash();
        await workload.restart();
      }
    };
    await Promise.all([...clients, reaper()]);
  },
};

/** The same with records so small that most writes are transactions. */
export const mixOfTransactions: Scenario = {
  ...mix,
  name: "mix-t",
  about: "as mix, on one channel, and most appends are transactions of several records",
  options: { maxRecordBytes: 64 * 1024 + 100, limits: { channelCount: 1 } },
};

/** Each run has some of the faults, some more than others. */
export function failNowAndThen({ world, faults }: Cluster): void {
  const some = (highest: number): number => (world.random() < 0.5 ? 0 : world.random() * highest);
  for (const [set, highest] of [
    [faults.meta, 0.06],
    // A load reads many objects and begins again when one fails.
    [faults.objects, 0.01],
  ] as const) {
    set.before = some(highest);
    set.lost = some(highest);
    set.after = some(highest);
    set.delay = some(0.5);
    set.maximumDelayMilliseconds = 40;
  }
  faults.log.delayBeforeMilliseconds = some(30);
  faults.log.delayAfterMilliseconds = some(30);
  faults.log.refuse = some(0.1);
  faults.log.loseRequest = some(0.2);
  faults.log.loseAnswer = some(0.2);
}

/** A client waits for the next process, and does not mind when it dies under its hands. */
export async function whileUp(cluster: Cluster, action: () => Promise<unknown>): Promise<void> {
  while (!cluster.isUp) await cluster.world.sleep(10);
  try {
    await action();
  } catch (error) {
    if (!(error instanceof ProcessDied)) throw error;
  }
}

async function doSomething(workload: Workload): Promise<void> {
  const { world } = workload.cluster;
  const channel = pick(workload, workload.channels);
  const dice = world.random();
  // An upsert that overtakes the insert of its key would leave two versions, rightly.
  const known = workload.oracle.keysOf(channel).filter((key) => workload.oracle.isSettled(key));
  if (dice < 0.25 || known.length === 0) {
    await workload.insert(channel, 1 + Math.floor(world.random() * 6));
  } else if (dice < 0.4) {
    await workload.upsert(some(workload, known));
  } else if (dice < 0.52) {
    await workload.remove(some(workload, known));
  } else if (dice < 0.57) {
    await removeByColour(workload, channel);
  } else if (dice < 0.63) {
    await workload.flush(channel);
  } else if (dice < 0.64) {
    await workload.compact();
  } else if (dice < 0.66) {
    await workload.release();
    await workload.load();
  } else if (dice < 0.8) {
    await workload.read(channel, moment(workload), options(workload, known));
  } else if (dice < 0.88) {
    await workload.count(channel, moment(workload));
  } else {
    await workload.search(channel, moment(workload), 1 + Math.floor(world.random() * 12));
  }
}

/** A delete by filter: reads, and deletes what it saw and nothing newer. */
async function removeByColour(workload: Workload, channel: string): Promise<void> {
  const found = await workload.read(channel, "strong", { colour: 1n });
  if (found === null || found.length === 0) return;
  await workload.remove(
    found.map(({ key }) => key),
    workload.oracle.latest + 1n,
  );
}

function moment(workload: Workload): ReadMoment {
  const dice = workload.cluster.world.random();
  if (dice < 0.5) return "strong";
  if (dice < 0.75) return "eventual";
  const ticks = workload.oracle.mutations.flatMap(({ tick }) => (tick === null ? [] : [tick]));
  return ticks.length === 0 ? "eventual" : { at: pick(workload, ticks) };
}

function options(workload: Workload, known: readonly bigint[]): { keys?: readonly bigint[]; colour?: bigint } {
  const dice = workload.cluster.world.random();
  if (dice < 0.3) return { keys: some(workload, known) };
  return dice < 0.5 ? { colour: BigInt(Math.floor(dice * 100) % 3) } : {};
}

function some(workload: Workload, keys: readonly bigint[]): bigint[] {
  const count = 1 + Math.floor(workload.cluster.world.random() * 3);
  return [...new Set(Array.from({ length: count }, () => pick(workload, keys)))];
}

function pick<T>(workload: Workload, from: readonly T[]): T {
  return from[Math.floor(workload.cluster.world.random() * from.length)]!;
}
