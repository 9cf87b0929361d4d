/** Deaths around an append, and appends that end in an unlucky order. */

import { MessageType } from "../../../src/model/message.ts";
import { decodeRecord } from "../../../src/model/message-codec.ts";
import type { Cluster } from "../cluster.ts";
import { ProcessDied } from "../lifeline.ts";
import { WrongAnswer } from "../oracle.ts";
import type { Scenario } from "../scenario.ts";
import type { Workload } from "../workload.ts";

const ROWS = 5;

/** Crashes when an append that satisfies `isIt` reaches the point. */
function crashAt(cluster: Cluster, point: string, isIt: (types: readonly number[]) => boolean): void {
  cluster.watch = (reached, [parts]) => {
    if (reached !== point) return;
    const record = decodeRecord(new Uint8Array(Buffer.concat(parts as Uint8Array[])));
    if (!isIt(record.messages.map(({ type }) => type))) return;
    cluster.watch = () => undefined;
    cluster.crash();
  };
}

const hasRows = (types: readonly number[]): boolean => types.includes(MessageType.Insert);

/** Writes rows to a process that dies on the way; returns their keys. */
async function writeAndDie(workload: Workload, channel: string, count: number): Promise<bigint[]> {
  const rows = Array.from({ length: count }, () => workload.row(workload.newKey(channel)));
  try {
    await workload.write(channel, rows);
  } catch (error) {
    if (error instanceof ProcessDied) return rows.map(({ key }) => key);
    throw error;
  }
  throw new WrongAnswer("the process did not die");
}

async function expectRows(workload: Workload, channel: string, keys: readonly bigint[], count: number): Promise<void> {
  const found = await workload.read(channel, "strong", { keys });
  if (found?.length !== count) throw new WrongAnswer(`${found?.length} rows instead of ${count}`);
}

async function prepared(workload: Workload): Promise<string> {
  await workload.setUp();
  const channel = workload.channels[0]!;
  const { world } = workload.cluster;
  // Sometimes the segment is there before, sometimes the append creates it.
  if (world.random() < 0.7) await workload.insert(channel, 1 + Math.floor(world.random() * 8));
  if (world.random() < 0.3) await workload.flush(channel);
  return channel;
}

export const ackLost: Scenario = {
  name: "W1",
  about: "killed between the log's answer and the client's: the rows are there, and a retry leaves one version of each",
  async run(workload, cluster) {
    const channel = await prepared(workload);
    crashAt(cluster, "log.append:after", hasRows);
    const keys = await writeAndDie(workload, channel, ROWS);
    await workload.restart();
    await expectRows(workload, channel, keys, ROWS);
    await workload.upsert(keys);
    await expectRows(workload, channel, keys, ROWS);
  },
};

export const neverAppended: Scenario = {
  name: "W2",
  about: "killed after memory changed and before the append: no row, and no segment remembers any",
  async run(workload, cluster) {
    const channel = await prepared(workload);
    const before = (await workload.growingRows()) + (await workload.flushedRows());
    crashAt(cluster, "log.append:before", hasRows);
    const keys = await writeAndDie(workload, channel, ROWS);
    await workload.restart();
    await expectRows(workload, channel, keys, 0);
    const after = (await workload.growingRows()) + (await workload.flushedRows());
    if (after !== before) throw new WrongAnswer(`segments count ${after} rows instead of ${before}`);
    await workload.upsert(keys);
    await expectRows(workload, channel, keys, ROWS);
  },
};

export const reverseCompletion: Scenario = {
  name: "W5",
  about: "appends complete in reverse: nothing is seen before the first is acknowledged, then all in order",
  async run(workload, cluster) {
    const channel = await prepared(workload);
    const { world } = cluster;
    await workload.read(channel, "strong");
    const held: (() => void)[] = [];
    cluster.faults.log.holdAnswer = () => new Promise((resolve) => held.push(resolve));
    const inserts = Array.from({ length: ROWS }, () => workload.insert(channel, 2));
    while (held.length < ROWS) await world.sleep(1);
    cluster.faults.log.holdAnswer = null;
    const watched = inserts.map(async (insert) => (await insert).map(({ key }) => key));
    for (const answer of held.slice(1).toReversed()) {
      answer();
      await world.sleep(world.random() * 20);
      const seen = await workload.read(channel, "eventual");
      const fresh = (seen ?? []).filter(({ tick }) => workload.oracle.mutations.some((sent) => sent.tick === tick));
      if (fresh.length !== seen?.length) throw new WrongAnswer("a row was seen before everything older was settled");
    }
    const strong = workload.read(channel, "strong");
    await world.sleep(20);
    held[0]!();
    const keys = (await Promise.all(watched)).flat();
    await strong;
    await expectRows(workload, channel, keys, ROWS * 2);
  },
};

export const tornTransaction: Scenario = {
  name: "T1",
  about: "killed anywhere in a transaction: all of its rows or none",
  options: { maxRecordBytes: 64 * 1024 + 100 },
  async run(workload, cluster) {
    const channel = await prepared(workload);
    const { world } = cluster;
    cluster.faults.log.delayBeforeMilliseconds = 5;
    for (let round = 0; round < 4; round += 1) {
      const rows = Array.from({ length: 20 }, () => workload.row(workload.newKey(channel)));
      const write = workload.write(channel, rows).catch((error: unknown) => {
        if (!(error instanceof ProcessDied)) throw error;
      });
      const beside = workload.insert(channel, 1).catch((error: unknown) => {
        if (!(error instanceof ProcessDied)) throw error;
      });
      await world.sleep(world.random() * 150);
      cluster.crash();
      await Promise.all([write, beside]);
      await workload.restart();
      const found = await workload.read(channel, "strong", { keys: rows.map(({ key }) => key) });
      const count = found?.length;
      if (count !== 0 && count !== rows.length) throw new WrongAnswer(`${count} of ${rows.length} rows are there`);
    }
  },
};

export const transactionsOverCheckpoint: Scenario = {
  name: "T5",
  about: "a transaction outlives an older one and a flush: the log is never asked for what it was allowed to forget",
  options: { maxRecordBytes: 64 * 1024 + 100, limits: { channelCount: 1, maxAgeMilliseconds: 600_000 } },
  async run(workload, cluster) {
    await workload.setUp();
    const [first, second] = [workload.channels[0]!, workload.channels[1]!];
    const { world, faults } = cluster;
    const flush = async (channel: string): Promise<void> => {
      const tick = await workload.flush(channel);
      if (tick === null) throw new WrongAnswer("the flush was refused");
      await workload.untilFlushed(channel, tick);
    };
    faults.log.delayBeforeMilliseconds = 5;
    const older = workload.insert(first, 20);
    await world.sleep(10 + world.random() * 30);
    const younger = workload.insert(second, 80);
    await older;
    await flush(first);
    await younger;
    await workload.insert(first, 2);
    await flush(first);
    cluster.crash();
    await workload.restart();
    await workload.readEverything();
  },
};
