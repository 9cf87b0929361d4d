/** Compactions that die, and compactions beside everything else. */

import { WrongAnswer } from "../oracle.ts";
import type { Scenario } from "../scenario.ts";
import type { Workload } from "../workload.ts";
import { whileUp } from "./mix.ts";

const LONGEST_STORY_CALLS = 60;

function some(workload: Workload, keys: readonly bigint[], most: number): bigint[] {
  const { world } = workload.cluster;
  return keys.filter(() => world.random() < 0.3).slice(0, most);
}

/** Several segments of rows and several of deletes. */
async function segments(workload: Workload, channel: string): Promise<void> {
  const { world } = workload.cluster;
  for (let round = 0; round < 4 + Math.floor(world.random() * 3); round += 1) {
    await workload.insert(channel, 2 + Math.floor(world.random() * 4));
    const known = workload.oracle.keysOf(channel);
    const removed = some(workload, known, 3);
    if (removed.length > 0) await workload.remove(removed);
    const replaced = some(workload, known, 2);
    if (replaced.length > 0) await workload.upsert(replaced);
    const tick = await workload.flush(channel);
    if (tick === null) throw new WrongAnswer("without faults a flush is not refused");
    if (world.random() < 0.5) await workload.untilFlushed(channel, tick);
  }
}

export const compactionDies: Scenario = {
  name: "M3",
  about:
    "killed at any call of a compaction, of rows or of deletes: nothing is lost, nothing comes twice, it is finished by the next process, and no file stays",
  // A shard that is not flushed holds the checkpoint back: a replay meets the rows of segments that are gone.
  options: { limits: { channelCount: 1, maxAgeMilliseconds: 600_000 } },
  async run(workload, cluster) {
    await workload.setUp();
    const { world, limits } = cluster;
    const channel = workload.channels[0]!;
    await workload.insert(workload.channels[1]!, 3);
    await segments(workload, channel);
    // Half of the time what was deleted may be left out.
    if (world.random() < 0.5) await world.sleep(limits.retentionMilliseconds + 100);
    const rest = await workload.insert(channel, 2);
    let calls = Math.floor(world.random() * LONGEST_STORY_CALLS);
    const compactionId = await workload.compact();
    if (compactionId === null) throw new WrongAnswer("without faults a compaction is not refused");
    cluster.watch = (point) => {
      if (!point.startsWith("objects.") && !point.startsWith("meta.transaction")) return;
      calls -= 1;
      if (calls >= 0) return;
      cluster.watch = () => undefined;
      cluster.crash();
    };
    for (let round = 0; round < 10 && cluster.isUp; round += 1) {
      await whileUp(cluster, async () => {
        await workload.remove([rest[round % 2]!.key]);
        await workload.read(channel, "strong");
        await world.sleep(20);
      });
    }
    cluster.watch = () => undefined;
    if (!cluster.isUp) await workload.restart();
    await workload.readEverything();
    await workload.untilCompacted(compactionId);
    await workload.readEverything();
    cluster.crash();
    await workload.restart();
    await workload.readEverything();
    await workload.untilNoGarbage();
    await workload.readEverything();
  },
};

export const compactionBeside: Scenario = {
  name: "M4",
  about:
    "rows are written, deleted, flushed, compacted and collected while others read, also as of earlier: every answer is right, or refused for being too old",
  async run(workload, cluster) {
    await workload.setUp();
    const { world, faults } = cluster;
    const channel = workload.channels[0]!;
    faults.objects.delay = 0.3;
    faults.objects.maximumDelayMilliseconds = 20;
    const over = new AbortController();
    const writer = async (): Promise<void> => {
      for (let round = 0; round < 14; round += 1) {
        await workload.insert(channel, 3);
        const known = workload.oracle.keysOf(channel).filter((key) => workload.oracle.isSettled(key));
        const keys = [...new Set([known[0]!, ...some(workload, known, 3)])];
        if (world.random() < 0.5) await workload.remove(keys);
        else await workload.upsert(keys);
        await workload.flush(channel);
        await world.sleep(world.random() * 600);
      }
      over.abort();
    };
    const compactor = async (): Promise<void> => {
      while (!over.signal.aborted) {
        await world.sleep(world.random() * 1_500);
        const compactionId = await workload.compact();
        if (compactionId !== null) await workload.untilCompacted(compactionId);
      }
    };
    const reader = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const dice = world.random();
        const ticks = workload.oracle.mutations.flatMap(({ tick }) => (tick === null ? [] : [tick]));
        const at = ticks[Math.floor(world.random() * ticks.length)];
        const moment = dice < 0.4 || at === undefined ? "strong" : dice < 0.6 ? "eventual" : { at };
        await workload.read(channel, moment);
        await workload.count(channel, moment);
        await workload.search(channel, moment, 50);
        await world.sleep(5 + world.random() * 80);
      }
    };
    await Promise.all([writer(), compactor(), reader(), reader()]);
    await workload.untilNoGarbage();
  },
};
