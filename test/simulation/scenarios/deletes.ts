/** Deletes that meet loads, upserts and other deletes. */

import { WrongAnswer } from "../oracle.ts";
import type { Row } from "../oracle.ts";
import type { Scenario } from "../scenario.ts";
import type { Workload } from "../workload.ts";

/** Rows in flushed segments, the collection released. */
async function flushedAndReleased(workload: Workload): Promise<{ readonly channel: string; readonly rows: Row[] }> {
  await workload.setUp();
  const channel = workload.channels[0]!;
  const rows: Row[] = [];
  for (let round = 0; round < 3; round += 1) rows.push(...(await workload.insert(channel, 6)));
  const tick = await workload.flush(channel);
  if (tick === null) throw new WrongAnswer("the flush was refused");
  await workload.untilFlushed(channel, tick);
  await workload.release();
  return { channel, rows };
}

export const deletedBeforeLoad: Scenario = {
  name: "D1",
  about: "deleted, then loaded from files that do not know it: the row is not there for a single read",
  async run(workload, cluster) {
    const { channel, rows } = await flushedAndReleased(workload);
    const keys = rows.map(({ key }) => key).filter(() => cluster.world.random() < 0.4);
    if (keys.length > 0) await workload.remove(keys);
    // Some of the deletes may be in files of their own by then.
    if (cluster.world.random() < 0.5) await workload.flush(channel);
    await workload.load();
    const found = await workload.read(channel, "strong");
    if (found?.length !== rows.length - keys.length) throw new WrongAnswer(`${found?.length} rows are left`);
  },
};

export const deletedDuringLoad: Scenario = {
  name: "D2",
  about: "deleted while segments are read from files: every read after the load sees every delete before it",
  async run(workload, cluster) {
    const { channel, rows } = await flushedAndReleased(workload);
    const { world, faults } = cluster;
    const left = rows.map(({ key }) => key);
    const deletes: Promise<unknown>[] = [];
    faults.objects.delay = 0.7;
    faults.objects.maximumDelayMilliseconds = 30;
    cluster.watch = (point) => {
      if (point !== "objects.get:before" || left.length === 0 || world.random() < 0.6) return;
      const [key] = left.splice(Math.floor(world.random() * left.length), 1);
      deletes.push(workload.remove([key!]));
      if (world.random() < 0.2) deletes.push(workload.flush(channel));
    };
    await workload.load();
    await workload.read(channel, "strong");
    await workload.read(channel, "eventual");
    await Promise.all(deletes);
    cluster.watch = () => undefined;
    const found = await workload.read(channel, "strong");
    if (found?.length !== left.length) throw new WrongAnswer(`${found?.length} rows instead of ${left.length}`);
  },
};

export const deleteRefused: Scenario = {
  name: "D3",
  about:
    "whoever holds sealed segments refuses deletes, and loads: no read is answered by what was before, and when it takes them again everything is read",
  async run(workload, cluster) {
    await workload.setUp();
    const channel = workload.channels[0]!;
    const { world } = cluster;
    for (let round = 0; round < 3; round += 1) {
      await workload.insert(channel, 6);
      const tick = await workload.flush(channel);
      if (tick === null) throw new WrongAnswer("the flush was refused");
      await workload.untilFlushed(channel, tick);
    }
    await workload.eventually("nothing grows", async () => (await workload.growingRows()) === 0);
    let refusals = 0;
    const share = 0.3 + world.random() * 0.7;
    cluster.refuses = (call) => {
      const isRefused = call === "query.applyDeletes" || (call === "query.loadSegment" && world.random() < 0.5);
      // The first delete is, so that no seed is for nothing.
      if (!isRefused || (refusals > 0 && world.random() > share)) return false;
      refusals += 1;
      return true;
    };
    const done = new AbortController();
    const writer = async (): Promise<void> => {
      for (let round = 0; round < 12; round += 1) {
        const known = workload.oracle.keysOf(channel);
        const keys = known.filter(() => world.random() < 0.15).slice(0, 3);
        if (keys.length === 0) keys.push(known[0]!);
        if (world.random() < 0.5) await workload.remove(keys);
        else await workload.upsert(keys);
        if (world.random() < 0.2) await workload.flush(channel);
        await world.sleep(world.random() * 40);
      }
      done.abort();
    };
    const reader = async (): Promise<void> => {
      while (!done.signal.aborted) {
        const moment = world.random() < 0.5 ? "strong" : "eventual";
        await workload.read(channel, moment);
        await workload.count(channel, moment);
        await workload.search(channel, moment, 20);
        await world.sleep(world.random() * 15);
      }
    };
    await Promise.all([writer(), reader(), reader()]);
    cluster.refuses = () => false;
    if (refusals === 0) throw new WrongAnswer("nothing was refused");
    await workload.eventually("it is read again", async () => (await workload.read(channel, "strong")) !== null);
  },
};

export const deleteAndInsertAtOnce: Scenario = {
  name: "D5",
  about:
    "a delete and an insert of the same key have one tick, in either order of the record: the insert survives in memory, from the log, from files and after compactions",
  async run(workload, cluster) {
    await workload.setUp();
    const channel = workload.channels[0]!;
    const { world } = cluster;
    const keys = Array.from({ length: 5 }, () => workload.newKey(channel));
    for (let round = 0; round < 14; round += 1) {
      const some = keys.filter((_, at) => at === round % keys.length || world.random() < 0.4);
      const order = world.random() < 0.5 ? "deletes first" : "rows first";
      const rows = some.map((key) => workload.row(key));
      if (!(await workload.write(channel, rows, some, null, order))) throw new WrongAnswer("the write was refused");
      if (world.random() < 0.4) await workload.flush(channel);
      const dice = world.random();
      if (dice < 0.15) {
        cluster.crash();
        await workload.restart();
      } else if (dice < 0.3) {
        const compactionId = await workload.compact();
        if (compactionId !== null) await workload.untilCompacted(compactionId);
      } else if (dice < 0.45) {
        await workload.release();
        await workload.load();
      }
      const found = await workload.read(channel, "strong", { keys: some });
      if (found?.length !== some.length) throw new WrongAnswer(`${found?.length} of ${some.length} rows survive`);
    }
  },
};

export const upsertStorm: Scenario = {
  name: "D4",
  about: "one key is replaced again and again while it is read: every read sees exactly one version",
  async run(workload, cluster) {
    await workload.setUp();
    const channel = workload.channels[0]!;
    const { world, faults } = cluster;
    faults.log.delayBeforeMilliseconds = 10;
    faults.log.delayAfterMilliseconds = 10;
    const [row] = await workload.insert(channel, 1);
    const keys = [row!.key];
    const writer = async (): Promise<void> => {
      for (let round = 0; round < 12; round += 1) {
        await workload.upsert(keys);
        if (world.random() < 0.15) await workload.flush(channel);
      }
    };
    const reader = async (): Promise<void> => {
      for (let round = 0; round < 12; round += 1) {
        const found = await workload.read(channel, world.random() < 0.5 ? "strong" : "eventual", { keys });
        if (found?.length !== 1) throw new WrongAnswer(`${found?.length} versions`);
        await world.sleep(world.random() * 15);
      }
    };
    await Promise.all([writer(), writer(), reader(), reader()]);
  },
};

export const deleteByFilter: Scenario = {
  name: "D7",
  about:
    "a delete by filter races with an upsert of what it read: only what it read dies, now and after flush and restart",
  async run(workload, cluster) {
    await workload.setUp();
    const channel = workload.channels[0]!;
    const { world } = cluster;
    await workload.insert(channel, 9);
    if (world.random() < 0.5) await workload.flush(channel);
    const read = await workload.read(channel, "strong", { colour: 1n });
    if (read === null || read.length === 0) throw new WrongAnswer("nothing of that colour");
    const bound = workload.oracle.latest + 1n;
    const keys = read.map(({ key }) => key);
    const saved = keys.slice(0, 1);
    await workload.upsert(saved);
    await workload.remove(keys, bound);
    const left = await workload.read(channel, "strong", { keys });
    if (left?.length !== saved.length) throw new WrongAnswer(`${left?.length} rows instead of ${saved.length}`);
    if (world.random() < 0.5) {
      cluster.crash();
      await workload.restart();
    }
  },
};

export const handoff: Scenario = {
  name: "H1",
  about: "reads while growing segments become sealed ones: every row once, at every timestamp",
  async run(workload, cluster) {
    await workload.setUp();
    const channel = workload.channels[0]!;
    const { world, faults } = cluster;
    faults.objects.delay = 0.5;
    faults.objects.maximumDelayMilliseconds = 20;
    const done = new AbortController();
    const writer = async (): Promise<void> => {
      for (let round = 0; round < 10; round += 1) {
        const rows = await workload.insert(channel, 4);
        if (world.random() < 0.5) await workload.remove([rows[0]!.key]);
        if (world.random() < 0.5) await workload.flush(channel);
        await world.sleep(world.random() * 60);
      }
      done.abort();
    };
    const reader = async (): Promise<void> => {
      for (let rounds = 0; !done.signal.aborted || rounds < 5; rounds += 1) {
        const dice = world.random();
        const at = workload.oracle.latest;
        const moment = dice < 0.4 ? "strong" : dice < 0.7 ? "eventual" : { at };
        await workload.read(channel, moment);
        await workload.count(channel, moment);
        await workload.search(channel, moment, 50);
        await world.sleep(5 + world.random() * 20);
      }
    };
    await Promise.all([writer(), reader(), reader()]);
  },
};
