/** Rows whose own time comes while they are written, flushed, merged and read. */

import { TTL_FIELD_KEY } from "../../../src/model/expiry.ts";
import type { Scenario } from "../scenario.ts";
import type { ReadMoment } from "../workload.ts";
import { whileUp } from "./mix.ts";

const NAME = { databaseName: "default", collectionName: "simulated" };
const ROUNDS = 14;

export const rowsExpire: Scenario = {
  name: "E1",
  about:
    "rows expire by a field of their own while others come, with flushes, compactions and deaths: a read sees those whose time has not come by its timestamp",
  async run(workload, cluster) {
    await workload.setUp();
    const { world } = cluster;
    const properties = [{ key: TTL_FIELD_KEY, value: "moment" }];
    await cluster.ask(({ coordinator }) => coordinator.alterCollection({ ...NAME, properties, deleteKeys: [] }));
    workload.isExpiring = true;
    const ticks = (): ReadMoment[] =>
      workload.oracle.mutations.flatMap(({ tick }) => (tick === null ? [] : [{ at: tick }]));
    for (let round = 0; round < ROUNDS; round += 1) {
      if (world.random() < 0.2) {
        cluster.crash();
        await workload.restart();
      }
      await whileUp(cluster, async () => {
        for (const channel of workload.channels) {
          const rows = await workload.insert(channel, 1 + Math.floor(world.random() * 5));
          if (world.random() < 0.3) await workload.upsert([rows[0]!.key]);
          if (world.random() < 0.4) await workload.flush(channel);
        }
        if (world.random() < 0.3) await workload.compact();
        await world.sleep(world.random() * 2_500);
        for (const channel of workload.channels) {
          for (const moment of ["strong", "eventual"] as const) await workload.read(channel, moment);
          const past = ticks();
          const at = past[Math.floor(world.random() * past.length)];
          if (at !== undefined) await workload.read(channel, at);
        }
      });
    }
    // Far behind every moment.
    await world.sleep(600_000);
    for (const channel of workload.channels) {
      const left = await workload.read(channel, "strong");
      if (left !== null && left.length > 0) throw new Error("rows outlive their time");
    }
  },
};
