/** Deaths around the one transaction that makes a segment flushed, and answers of it that are lost. */

import type { Operation } from "../../../src/metastore/metastore.ts";
import type { Cluster } from "../cluster.ts";
import { ProcessDied } from "../lifeline.ts";
import { WrongAnswer } from "../oracle.ts";
import type { Scenario } from "../scenario.ts";
import type { Workload } from "../workload.ts";

const SEGMENTS = "datacoord-meta/s/";

function isFlush(parameters: readonly unknown[]): boolean {
  const operations = (parameters[1] ?? []) as readonly Operation[];
  return operations.some((operation) => "put" in operation && operation.put.includes(SEGMENTS));
}

/** Some rows, some deletes of them, and a flush that dies at `point`; then a restart. */
async function dieInFlush(workload: Workload, cluster: Cluster, point: string): Promise<void> {
  await workload.setUp();
  const channel = workload.channels[0]!;
  const { world } = cluster;
  const rows = await workload.insert(channel, 2 + Math.floor(world.random() * 10));
  if (world.random() < 0.5) await workload.remove([rows[0]!.key]);
  await workload.insert(workload.channels[1]!, 3);
  const died = Promise.withResolvers<void>();
  // While files are written, writes go on: some of them are deletes of what is being flushed.
  cluster.faults.objects.delay = 0.5;
  cluster.faults.objects.maximumDelayMilliseconds = 30;
  const beside: Promise<void>[] = [];
  const left = rows.slice(1).map(({ key }) => key);
  cluster.watch = (reached, parameters) => {
    if (reached === "objects.put:before" && left.length > 0 && world.random() < 0.7) {
      beside.push(survived(workload.remove([left.pop()!])), survived(workload.insert(workload.channels[1]!, 1)));
    }
    if (reached !== point || !isFlush(parameters)) return;
    cluster.watch = () => undefined;
    cluster.crash();
    died.resolve();
  };
  await workload.flush(channel);
  await died.promise;
  if (!(await cluster.objectKeys()).some((key) => key.startsWith("insert_log/"))) {
    throw new WrongAnswer("files come before their record");
  }
  await Promise.all(beside);
  const most = workload.oracle.mutations.reduce((sum, sent) => sum + sent.rows.length, 0);
  await workload.restart();
  await workload.readEverything();
  // The flush is found again in the log, and ends this time.
  await workload.eventually("all rows of the channel are in files once", async () => {
    const [flushed, growing] = [await workload.flushedRows(), await workload.growingRows()];
    if (flushed + growing > most) throw new WrongAnswer(`${flushed} rows in files, ${growing} growing`);
    return flushed >= rows.length;
  });
}

/** A client that does not mind when the process dies under its hands. */
async function survived(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ProcessDied)) throw error;
  }
}

/** Both shards in one physical channel, whose checkpoint must suit both. */
const SHARED = { limits: { channelCount: 1 } };

export const filesWithoutRecord: Scenario = {
  name: "S1",
  options: SHARED,
  about:
    "killed after the files and before their record: the files are orphans, the replay writes them again, rows come once",
  run: (workload, cluster) => dieInFlush(workload, cluster, "meta.transaction:before"),
};

export const recordWithoutAnswer: Scenario = {
  name: "S2",
  options: SHARED,
  about: "killed after the record and before anybody knew: the replay skips what is in files, rows come once",
  run: (workload, cluster) => dieInFlush(workload, cluster, "meta.transaction:after"),
};

export const recordUnknown: Scenario = {
  name: "S3",
  options: SHARED,
  about: "the record of a flush gets no answer: it is repeated, and rows come once",
  async run(workload, cluster) {
    await workload.setUp();
    const channel = workload.channels[0]!;
    const rows = await workload.insert(channel, 8);
    const { meta } = cluster.faults;
    let rounds = 0;
    cluster.watch = (reached, parameters) => {
      if (reached !== "meta.transaction:before" || !isFlush(parameters)) return;
      const isHappening = cluster.world.random() < 0.5;
      meta.lost = rounds < 3 && !isHappening ? 1 : 0;
      meta.after = rounds < 3 && isHappening ? 1 : 0;
      rounds += 1;
    };
    const tick = await workload.flush(channel);
    if (tick === null) throw new WrongAnswer("the flush was refused");
    await workload.untilFlushed(channel, tick);
    if (rounds < 3) throw new WrongAnswer("the record was written at once");
    const flushed = await workload.flushedRows();
    if (flushed !== rows.length) throw new WrongAnswer(`${flushed} rows in files instead of ${rows.length}`);
    await workload.readEverything();
  },
};
