import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MessageType } from "../model/message.ts";
import { scan } from "./scanner.ts";
import { CHANNEL, type Opened, SHARD, WalHarness, holdAnswers } from "./testing/harness.ts";
import { insert, keysOf, remove } from "./testing/messages.ts";
import { isKind, keysIn, range } from "./testing/records.ts";
import type { PlacedRecord } from "./transactions.ts";
import type { Appended } from "./wal.ts";

const SEEDS = Array.from({ length: 25 }, (_, seed) => seed);
const CHAOS = { loseRequest: 0.15, loseAnswer: 0.15, delayBeforeMilliseconds: 20, delayAfterMilliseconds: 20 };

function ticksOf(records: readonly PlacedRecord[]): bigint[] {
  return records.map(({ record }) => record.timeTick);
}

/** Appends that run side by side, starting at random moments; each inserts one key. */
async function appendMany(
  harness: WalHarness,
  opened: Opened,
  keys: readonly bigint[],
): Promise<Map<bigint, Appended>> {
  const done = new Map<bigint, Appended>();
  await Promise.all(
    keys.map(async (key) => {
      await harness.world.sleep(harness.world.random() * 60);
      done.set(key, await opened.wal.append(SHARD, [insert([key])]));
    }),
  );
  return done;
}

describe("write-ahead log", () => {
  test("a record is delivered with its tick, its segment and its place", async () => {
    const harness = new WalHarness(1);
    await harness.run(async () => {
      const { wal, delivered } = await harness.open();
      const appended = await wal.append(SHARD, [remove([1n]), insert([1n])]);
      await wal.waitFor(appended.timeTick);
      const last = delivered.at(-1)!;
      assert.equal(last.record.timeTick, appended.timeTick);
      assert.deepEqual(
        last.record.messages.map(({ type }) => type),
        [MessageType.Delete, MessageType.CreateSegment, MessageType.Insert],
      );
      assert.deepEqual(last.record.messages, appended.messages);
    });
  });

  test("16.1: three appends land out of order, and whoever restarts after the second still gets the third", async () => {
    const harness = new WalHarness(1);
    await harness.run(async () => {
      const opened = await harness.open();
      const { wal, log, delivered } = opened;
      const marker = (await harness.records())[0]!;
      const held = holdAnswers(log);
      const appends = ["A", "B", "C"].map((_, at) => wal.append(SHARD, [insert([BigInt(at)])]));
      await harness.world.sleep(50);
      assert.equal(held.length, 3);
      // The last and the first are acknowledged, the middle one is not: only the first may be delivered.
      held[2]!();
      held[0]!();
      const [a, , c] = await Promise.all([appends[0]!, null, appends[2]!]);
      await wal.waitFor(a.timeTick);
      assert.deepEqual(keysIn(delivered), [0n]);
      assert.equal(wal.advanced, a.timeTick);
      held[1]!();
      const b = await appends[1]!;
      await wal.waitFor(c.timeTick);
      assert.deepEqual(keysIn(delivered), [0n, 1n, 2n]);
      log.faults.holdAnswer = null;
      const d = await wal.append(SHARD, [insert([3n])]);
      const records = await harness.records();
      const byTick = new Map(records.map((placed) => [placed.record.timeTick, placed]));
      assert.equal(byTick.get(b.timeTick)!.record.lastConfirmed, marker.position, "nothing was confirmed then");
      const last = records.filter(({ record }) => record.timeTick < d.timeTick).at(-1)!;
      assert.equal(byTick.get(d.timeTick)!.record.lastConfirmed, last.position, "everything before was confirmed");
    });
  });

  test("16.1 as a property: from the place of any record one reads everything with a larger tick", async () => {
    let overtaken = 0;
    for (const seed of SEEDS) {
      const harness = new WalHarness(seed, CHAOS);
      await harness.run(async () => {
        const opened = await harness.open();
        await appendMany(harness, opened, range(0, 30));
        const records = await harness.records();
        const ticks = ticksOf(records);
        overtaken += ticks.filter((tick, at) => at > 0 && tick < ticks[at - 1]!).length;
        for (const { record, position } of records) {
          assert.ok(record.lastConfirmed <= position);
          const wanted = new Set(ticks.filter((tick) => tick > record.timeTick));
          const found: bigint[] = [];
          const from = { from: record.lastConfirmed, fromTimeTick: record.timeTick + 1n };
          for await (const placed of scan(harness.reader(), CHANNEL, from)) found.push(placed.record.timeTick);
          assert.deepEqual(
            found,
            [...wanted].toSorted((left, right) => (left < right ? -1 : 1)),
            `seed ${seed}`,
          );
        }
        // The promise that lets a reader deliver: what is confirmed lies before.
        for (const [at, { record }] of records.entries()) {
          const late = records.slice(at + 1).filter((later) => later.record.timeTick <= record.confirmed);
          const before = new Set(ticks.slice(0, at));
          assert.ok(
            late.every((later) => before.has(later.record.timeTick)),
            `seed ${seed}: only twins come late`,
          );
        }
      });
    }
    assert.ok(overtaken > 50, `only ${overtaken} appends overtook others`);
  });

  test("W3, W4: whatever the log answers, each record is delivered once, in order of ticks, and only when it is safe", async () => {
    for (const seed of SEEDS) {
      const harness = new WalHarness(seed, CHAOS);
      await harness.run(async () => {
        const opened = await harness.open();
        const keys = range(0, 40);
        const done = await appendMany(harness, opened, keys);
        await opened.wal.sync();
        const ticks = ticksOf(opened.delivered);
        assert.deepEqual(
          ticks,
          ticks.toSorted((left, right) => (left < right ? -1 : 1)),
        );
        assert.equal(new Set(ticks).size, ticks.length);
        assert.deepEqual(keysIn(opened.delivered).toSorted(), keys.toSorted(), `seed ${seed}`);
        for (const { record } of opened.delivered) {
          for (const key of keysOf(record)) assert.equal(done.get(key)!.timeTick, record.timeTick);
        }
        const durable = await harness.records();
        assert.ok(durable.length >= keys.length, "an unclear append may be there twice");
      });
    }
  });

  test("a reader that follows gets what the owner delivers, though the log has unclear appends twice", async () => {
    for (const seed of SEEDS.slice(0, 10)) {
      const harness = new WalHarness(seed, CHAOS);
      await harness.run(async () => {
        const opened = await harness.open();
        const stop = new AbortController();
        const followed: bigint[] = [];
        const following = (async () => {
          for await (const placed of scan(harness.reader(), CHANNEL, { follow: true, signal: stop.signal })) {
            if (stop.signal.aborted) break;
            followed.push(...keysOf(placed.record));
          }
        })();
        await appendMany(harness, opened, range(0, 20));
        // The next record tells that everything before it is confirmed.
        await opened.wal.append(SHARD, [insert([99n])]);
        await opened.wal.append(SHARD, [remove([1n])]);
        await harness.world.sleep(10);
        stop.abort();
        await following;
        await opened.wal.sync();
        assert.deepEqual(followed, keysIn(opened.delivered), `seed ${seed}`);
      });
    }
  });

  test("W5: appends that complete in reverse are delivered in order, and none before the first", async () => {
    const harness = new WalHarness(1);
    await harness.run(async () => {
      const { wal, log, delivered } = await harness.open();
      const held = holdAnswers(log);
      const appends = range(0, 10).map((key) => wal.append(SHARD, [insert([key])]));
      await harness.world.sleep(50);
      assert.equal(held.length, 10);
      for (const answer of held.slice(1).toReversed()) answer();
      await Promise.all(appends.slice(1));
      await harness.world.sleep(50);
      assert.deepEqual(keysIn(delivered), [], "the first tick is open");
      held[0]!();
      await wal.waitFor((await appends[0]!).timeTick);
      await wal.sync().catch(() => undefined);
      assert.deepEqual(keysIn(delivered), range(0, 10));
    });
  });

  test("W6: an append that hangs stops the watermark, not the answers of others", async () => {
    const harness = new WalHarness(1);
    await harness.run(async () => {
      const { wal, log } = await harness.open();
      const held = holdAnswers(log);
      const hanging = wal.append(SHARD, [insert([0n])]);
      await harness.world.sleep(20);
      const [answer] = held;
      log.faults.holdAnswer = null;
      const others = await Promise.all(range(1, 6).map((key) => wal.append(SHARD, [insert([key])])));
      const before = wal.advanced;
      let read = false;
      const strong = wal.sync().then(() => (read = true));
      await harness.world.sleep(60_000);
      assert.equal(wal.advanced, before);
      assert.equal(read, false, "a strong read waits");
      answer!();
      await hanging;
      await strong;
      assert.ok(wal.advanced > others.at(-1)!.timeTick);
    });
  });

  test("W7: an owner that was fenced acknowledges nothing more, and nothing acknowledged is missing", async () => {
    for (const seed of SEEDS) {
      const harness = new WalHarness(seed, { delayBeforeMilliseconds: 20, delayAfterMilliseconds: 20 });
      await harness.run(async () => {
        const old = await harness.open();
        const acknowledged: bigint[] = [];
        const refused: unknown[] = [];
        const appends = Promise.all(
          range(0, 30).map(async (key) => {
            await harness.world.sleep(harness.world.random() * 40);
            try {
              await old.wal.append(SHARD, [insert([key])]);
              acknowledged.push(key);
            } catch (error) {
              refused.push(error);
            }
          }),
        );
        await harness.world.sleep(20);
        const successor = await harness.open();
        await appends;
        const replayed = new Set(keysIn(successor.delivered));
        assert.ok(
          acknowledged.every((key) => replayed.has(key)),
          `seed ${seed}: acknowledged, yet missing`,
        );
        assert.ok(refused.every(isKind("ChannelNotAvailable")));
        await assert.rejects(old.wal.append(SHARD, [insert([100n])]), isKind("ChannelNotAvailable"));
        await assert.rejects(old.wal.sync(), isKind("ChannelNotAvailable"));
        const before = (await harness.records()).length;
        await harness.world.sleep(1_000);
        assert.equal((await harness.records()).length, before, "nothing of the old owner appears later");
      });
    }
  });

  test("after a crash the replay shows what was acknowledged, shows it in order, and shows the next replay the same", async () => {
    for (const seed of SEEDS) {
      const harness = new WalHarness(seed, CHAOS);
      await harness.run(async () => {
        let opened = await harness.open();
        const acknowledged = new Set<bigint>();
        for (let life = 0; life < 3; life += 1) {
          const current = opened;
          for (const key of range(life * 100, life * 100 + 20)) {
            void harness.world
              .sleep(harness.world.random() * 60)
              .then(() => current.wal.append(SHARD, [insert([key])]))
              .then(() => acknowledged.add(key))
              .catch(() => undefined);
          }
          await harness.world.sleep(30);
          harness.crash(current);
          const seen = new Set(acknowledged);
          opened = await harness.open();
          const replayed = keysIn(opened.delivered);
          assert.ok(
            [...seen].every((key) => replayed.includes(key)),
            `seed ${seed}: acknowledged, yet missing`,
          );
          assert.equal(new Set(replayed).size, replayed.length, "each once");
          const ticks = ticksOf(opened.delivered);
          assert.deepEqual(
            ticks,
            ticks.toSorted((left, right) => (left < right ? -1 : 1)),
          );
          const before = opened.delivered.length;
          harness.crash(opened);
          opened = await harness.open();
          assert.deepEqual(keysIn(opened.delivered), replayed, "the outcome is final");
          assert.equal(opened.delivered.length, before + 1, "one more tick of a term");
        }
      });
    }
  });

  test("a replay from the place of any delivered record leads to the same segments and the same later records", async () => {
    for (const seed of SEEDS.slice(0, 8)) {
      const harness = new WalHarness(seed, CHAOS);
      harness.maxSegmentBytes = 100;
      await harness.run(async () => {
        const opened = await harness.open();
        await appendMany(harness, opened, range(0, 25));
        await opened.wal.sync();
        const all = keysIn(opened.delivered);
        const at = Math.floor(harness.world.random() * opened.delivered.length);
        const { record } = opened.delivered[at]!;
        const growing = opened.wal.shards.growing(SHARD).map(({ segmentId }) => segmentId);
        harness.crash(opened);
        const again = await harness.open({ position: record.lastConfirmed, timeTick: record.timeTick });
        const rest = keysIn(opened.delivered.slice(at));
        assert.deepEqual(keysIn(again.delivered), all.slice(all.length - rest.length), `seed ${seed}`);
        const regrown = new Set(again.wal.shards.growing(SHARD).map(({ segmentId }) => segmentId));
        const late = opened.delivered.slice(at).flatMap((placed) => placed.record.messages);
        const touched = growing.filter((segmentId) =>
          late.some((message) => message.type === MessageType.Insert && message.segmentId === segmentId),
        );
        assert.deepEqual([...regrown].toSorted(), touched.toSorted(), `seed ${seed}`);
      });
    }
  });
});
