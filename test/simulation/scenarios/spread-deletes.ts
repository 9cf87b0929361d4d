/** Deletes on their way from segments of their own to those that they concern, and what a replay says of them afterwards. */

import { assert } from "../../../src/base/assert.ts";
import { SegmentLevel } from "../../../src/model/types.ts";
import { openSegmentFiles, type SegmentFiles } from "../../../src/storage/segment-reader.ts";
import type { Cluster } from "../cluster.ts";
import { WrongAnswer } from "../oracle.ts";
import type { Scenario } from "../scenario.ts";
import type { Workload } from "../workload.ts";
import { whileUp } from "./mix.ts";

const MOST_STEPS = 120;
const CANDIDATES = 200_000;

async function flushed(workload: Workload, channel: string): Promise<void> {
  const tick = await workload.flush(channel);
  if (tick === null) throw new WrongAnswer("without faults a flush is not refused");
  await workload.untilFlushed(channel, tick);
}

async function compacted(workload: Workload): Promise<void> {
  const compactionId = await workload.compact();
  if (compactionId === null) throw new WrongAnswer("without faults a compaction is not refused");
  await workload.untilCompacted(compactionId);
}

/** Those that have rows, opened from outside. */
async function rowSegments(workload: Workload, cluster: Cluster): Promise<SegmentFiles[]> {
  const segments = (await workload.flushedSegments()).filter(({ level }) => level !== SegmentLevel.L0);
  return Promise.all(segments.map(({ manifestKey }) => openSegmentFiles(cluster.objects, cluster.world, manifestKey)));
}

export const spreadDies: Scenario = {
  name: "D6",
  about:
    "killed at one call after the other while deletes are given to the segments that they concern: none is lost, none hides what was inserted after it",
  options: { limits: { channelCount: 1, maxAgeMilliseconds: 600_000 } },
  async run(workload, cluster) {
    await workload.setUp();
    const { world } = cluster;
    const channel = workload.channels[0]!;
    const rows = await workload.insert(channel, 12);
    await flushed(workload, channel);
    // Each run dies at every third call, so that three seeds have them all.
    for (let step = Math.floor(world.random() * 3); step < MOST_STEPS; step += 3) {
      const chosen = rows.map(({ key }) => key).filter(() => world.random() < 0.3);
      const keys = chosen.length === 0 ? [rows[0]!.key] : chosen;
      await workload.remove(keys);
      await flushed(workload, channel);
      // What comes after the delete, before it reaches the rows from before.
      await workload.upsert(keys.slice(0, 2));
      if (world.random() < 0.5) await flushed(workload, channel);
      let calls = step;
      let died = false;
      cluster.watch = (point) => {
        if (!point.startsWith("objects.") && !point.startsWith("meta.transaction")) return;
        calls -= 1;
        if (calls >= 0) return;
        cluster.watch = () => undefined;
        died = true;
        cluster.crash();
      };
      await whileUp(cluster, () => compacted(workload));
      cluster.watch = () => undefined;
      if (!cluster.isUp) await workload.restart();
      await workload.readEverything();
      if (died && world.random() < 0.5) {
        // What is done again is more than what the dead one left half done.
        await workload.remove([rows[Math.floor(world.random() * rows.length)]!.key]);
        await flushed(workload, channel);
      }
      await whileUp(cluster, () => compacted(workload));
      await workload.readEverything();
      const left = (await workload.flushedSegments()).filter(({ level }) => level === SegmentLevel.L0);
      if (left.length > 0) throw new WrongAnswer(`${left.length} segments of deletes are left`);
      // Past the last call of a compaction.
      if (!died) return;
    }
    throw new WrongAnswer(`a compaction has more than ${MOST_STEPS} calls`);
  },
};

export const filterOfKeys: Scenario = {
  name: "D8",
  about:
    "the filter of a segment's keys denies none that is there, and a delete that it lets through by mistake hides nothing, now or later",
  async run(workload, cluster) {
    await workload.setUp();
    const { world } = cluster;
    const channel = workload.channels[0]!;
    const rows = await workload.insert(channel, 20 + Math.floor(world.random() * 40));
    await flushed(workload, channel);
    const files = await rowSegments(workload, cluster);
    const mistaken = await mistakenKeys(workload, channel, files);
    const removed = rows.map(({ key }) => key).filter(() => world.random() < 0.3);
    await workload.remove([...mistaken, ...removed]);
    await flushed(workload, channel);
    await compacted(workload);
    const found = await workload.read(channel, "strong");
    if (found?.length !== rows.length - removed.length) throw new WrongAnswer(`${found?.length} rows are left`);
    // The delete lies beside the segment by now, for nothing. Rows of these keys come after it.
    await workload.write(
      channel,
      mistaken.map((key) => workload.row(key)),
    );
    if (world.random() < 0.5) await flushed(workload, channel);
    await compacted(workload);
    if (world.random() < 0.5) {
      cluster.crash();
      await workload.restart();
    }
    const back = await workload.read(channel, "strong", { keys: mistaken });
    if (back?.length !== mistaken.length) throw new WrongAnswer("an old delete hides newer rows");
    await mistakenKeys(workload, channel, await rowSegments(workload, cluster));
  },
};

/** Keys that the filters of these segments let through although no row has them; every key of a row must be let through. */
async function mistakenKeys(workload: Workload, channel: string, files: readonly SegmentFiles[]): Promise<bigint[]> {
  const bytes = new BigInt64Array(1);
  const view = new Uint8Array(bytes.buffer);
  const mistaken = new Set<bigint>();
  for (const segment of files) {
    const { bloom } = await segment.readStatistics();
    const has = (key: bigint): boolean => {
      bytes[0] = key;
      return bloom.mayContain(view, 0, view.byteLength);
    };
    const { keys } = await segment.readSystem();
    assert(keys.kind === "fixed", "the keys of the simulation are numbers");
    for (const key of keys.values as BigInt64Array)
      if (!has(key)) throw new WrongAnswer(`the filter denies key ${key}, which is there`);
    // Far from all keys that are drawn.
    for (let key = 1_000_000n; key < 1_000_000n + BigInt(CANDIDATES) && mistaken.size < 4; key += 1n) {
      if (workload.channelOf(key) === channel && has(key)) mistaken.add(key);
    }
  }
  if (mistaken.size === 0) throw new WrongAnswer("no filter lets a key through by mistake");
  return [...mistaken];
}

export const deletesReplayed: Scenario = {
  name: "D9",
  about:
    "the log is replayed from before deletes that compacted segments have already: applied again they change nothing, and hide nothing newer",
  // A shard that is not flushed holds the checkpoint back.
  options: { limits: { channelCount: 1, maxAgeMilliseconds: 600_000 } },
  async run(workload, cluster) {
    await workload.setUp();
    const { world } = cluster;
    const [channel, other] = workload.channels as [string, string];
    await workload.insert(other, 1);
    const rows = await workload.insert(channel, 10);
    await flushed(workload, channel);
    const keys = rows.map(({ key }) => key).filter((_, at) => at === 0 || world.random() < 0.6);
    for (let round = 0; round < 4; round += 1) {
      await workload.remove(keys);
      if (world.random() < 0.5) await flushed(workload, channel);
      // The same keys, newer than the delete, and older than the next.
      const again = keys.filter(() => world.random() < 0.7);
      if (again.length > 0) await workload.upsert(again);
      if (world.random() < 0.5) await flushed(workload, channel);
      if (world.random() < 0.7) await compacted(workload);
      for (let starts = 0; starts < 2; starts += 1) {
        cluster.crash();
        await workload.restart();
        const found = await workload.read(channel, "strong", { keys });
        if (found?.length !== again.length) throw new WrongAnswer(`${found?.length} rows instead of ${again.length}`);
      }
      if (!cluster.lines.some((line) => /: [1-9]\d* records replayed/.test(line))) {
        throw new WrongAnswer("nothing was replayed");
      }
    }
  },
};
