/** Writes under a name: the same one, sent again and again, takes effect once. */

import type { Scenario } from "../scenario.ts";
import { failNowAndThen } from "./mix.ts";

const CLIENTS = 3;
const WRITES = 8;

export const namedWrites: Scenario = {
  name: "T6",
  about:
    "writes over two channels are sent until they are acknowledged, and beyond: each takes effect once, in both or in none",
  // One physical channel: a name is remembered there.
  options: { limits: { channelCount: 1 } },
  async run(workload, cluster) {
    const { world } = cluster;
    await workload.setUp();
    failNowAndThen(cluster);
    const working = new Set(Array.from({ length: CLIENTS }, (_, client) => client));
    const waitForNext = async (): Promise<void> => {
      while (!cluster.isUp) await world.sleep(10);
    };
    const clients = Array.from(working, async (client) => {
      for (let round = 0; round < WRITES; round += 1) {
        await world.sleep(world.random() * 80);
        await waitForNext();
        const rows = new Map(
          workload.channels.map((channel) => [
            channel,
            Array.from({ length: 1 + Math.floor(world.random() * 3) }, () => workload.row(workload.newKey(channel))),
          ]),
        );
        await workload.writeUnderName(rows, waitForNext);
      }
      working.delete(client);
    });
    const reaper = async (): Promise<void> => {
      while (working.size > 0) {
        await world.sleep(world.random() * 900);
        if (working.size === 0) return;
        // The checkpoint takes names over from the log.
        if (world.random() < 0.5)
          for (const channel of workload.channels) void workload.flush(channel).catch(() => null);
        await world.sleep(world.random() * 40);
        cluster.crash();
        await workload.restart();
      }
    };
    await Promise.all([...clients, reaper()]);
  },
};
