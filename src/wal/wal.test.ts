import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MilvusError } from "../base/errors.ts";
import { type Message, MessageType } from "../model/message.ts";
import { scan } from "./scanner.ts";
import { CHANNEL, type Opened, SHARD, WalHarness, holdAnswers } from "./testing/harness.ts";
import { COLLECTION, KEY_FIELD, createCollection, insert, keysOf, remove } from "./testing/messages.ts";
import type { PlacedRecord } from "./transactions.ts";
import type { Appended } from "./wal.ts";

const SEEDS = Array.from({ length: 25 }, (_, seed) => seed);
const CHAOS = { loseRequest: 0.15, loseAnswer: 0.15, delayBeforeMilliseconds: 20, delayAfterMilliseconds: 20 };

function keysIn(records: readonly PlacedRecord[]): bigint[] {
  return records.flatMap(({ record }) => keysOf(record));
}

function ticksOf(records: readonly PlacedRecord[]): bigint[] {
  return records.map(({ record }) => record.timeTick);
}

function isKind(kind: string): (error: unknown) => boolean {
  return (error) => error instanceof MilvusError && error.kind === kind;
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

function range(from: number, to: number): bigint[] {
  return Array.from({ length: to - from }, (_, at) => BigInt(from + at));
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

describe("transactions in the log", () => {
  const ROWS = 200;
  const TEXT_BYTES = 1_000;
  const large = (from: number): Message => insert(range(from, from + ROWS), { textBytes: TEXT_BYTES });
  const LIMIT = 64 * 1024 + 20_000;

  test("a batch over the limit of a record takes effect whole, at one tick, in records below the limit", async () => {
    const harness = new WalHarness(3, {}, LIMIT);
    await harness.run(async () => {
      const { wal, delivered } = await harness.open();
      const { timeTick } = await wal.append(SHARD, [remove([1n]), large(0)]);
      await wal.waitFor(timeTick);
      const effective = delivered.filter(({ record }) => keysOf(record).length > 0);
      assert.equal(effective.length, 1);
      assert.equal(effective[0]!.record.timeTick, timeTick);
      assert.deepEqual(keysOf(effective[0]!.record), range(0, ROWS));
      assert.equal(effective[0]!.record.messages[0]!.type, MessageType.Delete);
      const rows = effective[0]!.record.messages.flatMap((message) =>
        message.type === MessageType.Insert ? [...message.rowIds] : [],
      );
      assert.deepEqual(rows, range(0, ROWS));
      assert.ok((await harness.records()).length > 10);
    });
  });

  test("rows of very different sizes are cut so that every part fits", async () => {
    const harness = new WalHarness(3, {}, LIMIT);
    await harness.run(async () => {
      const { wal, delivered } = await harness.open();
      const small = range(0, 300).map((key) => insert([key]).batch);
      const big = insert([300n], { textBytes: 18_000 }).batch;
      const { concatColumns } = await import("../model/columns.ts");
      const parts = [...small, big];
      const columns = new Map(
        [...big.columns.keys()].map((fieldId) => [
          fieldId,
          concatColumns(parts.map((part) => part.columns.get(fieldId)!)),
        ]),
      );
      const keys = range(0, 301);
      const message = insert(keys, { batch: { rowCount: keys.length, columns } });
      assert.ok(columns.has(KEY_FIELD));
      const { timeTick } = await wal.append(SHARD, [message]);
      await wal.waitFor(timeTick);
      assert.deepEqual(keysIn(delivered), keys);
    });
  });

  test("a row that fits into no record is refused, and the transaction leaves nothing", async () => {
    const harness = new WalHarness(3, {}, LIMIT);
    await harness.run(async () => {
      const { wal, delivered } = await harness.open();
      const tooLarge = insert(range(0, 3), { textBytes: LIMIT + 1 });
      await assert.rejects(wal.append(SHARD, [insert([50n]), tooLarge]), isKind("ParameterTooLarge"));
      await wal.sync();
      assert.deepEqual(keysIn(delivered), []);
      assert.deepEqual(wal.shards.growing(SHARD), [], "no segment remembers rows that never came");
      const flushed = await wal.flush(SHARD, COLLECTION, null);
      assert.deepEqual(
        flushed.messages.flatMap((message) => ("segmentIds" in message ? message.segmentIds : [])),
        [],
      );
    });
  });

  test("T1: a crash anywhere in a transaction leaves all of it or nothing, and all once it was acknowledged", async () => {
    let whole = 0;
    let nothing = 0;
    for (let seed = 0; seed < 60; seed += 1) {
      const harness = new WalHarness(seed, { delayBeforeMilliseconds: 5, delayAfterMilliseconds: 5 }, LIMIT);
      await harness.run(async () => {
        const opened = await harness.open();
        let acknowledged = false;
        void opened.wal.append(SHARD, [large(0)]).then(() => (acknowledged = true));
        void opened.wal.append(SHARD, [insert([5_000n])]);
        await harness.world.sleep(harness.world.random() * 150);
        harness.crash(opened);
        const again = await harness.open();
        const keys = keysIn(again.delivered).filter((key) => key < 1_000n);
        assert.ok(keys.length === 0 || keys.length === ROWS, `seed ${seed}: ${keys.length} of ${ROWS} rows`);
        if (acknowledged) assert.equal(keys.length, ROWS);
        if (keys.length === 0) nothing += 1;
        else whole += 1;
        await again.wal.sync();
        assert.equal(keysIn(again.delivered).filter((key) => key < 1_000n).length, keys.length);
      });
    }
    assert.ok(whole > 5 && nothing > 5, `${whole} whole, ${nothing} without a trace`);
  });

  test("exclusive messages meet no open transaction and no append in flight", async () => {
    for (const seed of SEEDS.slice(0, 10)) {
      const harness = new WalHarness(seed, { delayBeforeMilliseconds: 10, delayAfterMilliseconds: 10 }, LIMIT);
      harness.maxSegmentBytes = 30_000;
      await harness.run(async () => {
        const { wal, delivered } = await harness.open();
        const work: Promise<unknown>[] = [];
        for (let round = 0; round < 6; round += 1) {
          work.push(
            harness.world.sleep(harness.world.random() * 100).then(() => wal.append(SHARD, [large(round * 1_000)])),
            harness.world.sleep(harness.world.random() * 100).then(() => wal.append(SHARD, [insert([BigInt(round)])])),
            harness.world.sleep(harness.world.random() * 100).then(() => wal.flush(SHARD, COLLECTION, null)),
          );
        }
        await Promise.all(work);
        await wal.sync();
        let open = 0;
        for (const { record } of (await harness.records()).toSorted((left, right) =>
          left.record.timeTick < right.record.timeTick ? -1 : 1,
        )) {
          const kind = record.messages[0]!.type;
          if (kind === MessageType.BeginTxn) open += 1;
          if (kind === MessageType.CommitTxn) open -= 1;
          if (kind === MessageType.ManualFlush) assert.equal(open, 0, `seed ${seed}`);
        }
        // S6: rows never come into a segment that was flushed, and a flush leaves nothing out.
        const flushed = new Set<bigint>();
        const used = new Set<bigint>();
        for (const { record } of delivered) {
          for (const message of record.messages) {
            if (message.type === MessageType.Insert) {
              assert.ok(!flushed.has(message.segmentId), `seed ${seed}: a row after the flush`);
              used.add(message.segmentId);
            }
            if ("segmentIds" in message) for (const segmentId of message.segmentIds) flushed.add(segmentId);
            if (message.type === MessageType.ManualFlush) {
              assert.ok(
                [...used].every((segmentId) => flushed.has(segmentId)),
                `seed ${seed}: a segment was left out`,
              );
            }
          }
        }
      });
    }
  });

  test("a flush that does not get into the log leaves its segments to be flushed by the next", async () => {
    const harness = new WalHarness(1);
    await harness.run(async () => {
      const { wal, memory } = await harness.open();
      await wal.append(SHARD, [insert([1n])]);
      const before = wal.shards.growing(SHARD);
      await memory.close();
      await assert.rejects(wal.flush(SHARD, COLLECTION, null), isKind("ServiceDiskLimitExceeded"));
      await assert.rejects(wal.append(SHARD, [insert([2n])]), isKind("ServiceDiskLimitExceeded"));
      assert.deepEqual(wal.shards.growing(SHARD), before);
    });
  });

  test("a new collection takes rows only once its creation is in the log", async () => {
    const harness = new WalHarness(1);
    await harness.run(async () => {
      const { wal, delivered } = await harness.open();
      const fresh = "dml_0_8v0";
      await assert.rejects(wal.append(fresh, [insert([1n])]), isKind("CollectionNotFound"));
      await wal.append(fresh, [createCollection(fresh)]);
      await wal.append(fresh, [insert([1n])]);
      await wal.append(fresh, [{ type: MessageType.DropCollection, collectionId: COLLECTION }]);
      await assert.rejects(wal.append(fresh, [insert([2n])]), isKind("CollectionNotFound"));
      await wal.sync();
      assert.deepEqual(keysIn(delivered), [1n]);
    });
  });

  test("closing waits for what is in flight, and afterwards nothing is taken", async () => {
    const harness = new WalHarness(1, { delayBeforeMilliseconds: 20, delayAfterMilliseconds: 20 });
    await harness.run(async () => {
      const { wal, delivered } = await harness.open();
      const append = wal.append(SHARD, [insert([1n])]);
      await harness.world.sleep(1);
      await wal.close();
      await append;
      assert.deepEqual(keysIn(delivered), [1n]);
      await assert.rejects(wal.append(SHARD, [insert([2n])]), isKind("ServiceUnavailable"));
      await assert.rejects(wal.waitFor(1_000_000n), isKind("ServiceUnavailable"));
    });
  });

  test("a record that its consumer cannot apply is not skipped: the channel fails", async () => {
    const harness = new WalHarness(1);
    await harness.run(async () => {
      const { wal } = await harness.open(null, async ({ record }) => {
        if (keysOf(record).includes(13n)) throw new Error("cannot apply 13");
      });
      await wal.append(SHARD, [insert([1n])]);
      const { timeTick } = await wal.append(SHARD, [insert([13n])]);
      await assert.rejects(wal.waitFor(timeTick), /cannot apply 13/);
      await assert.rejects(wal.append(SHARD, [insert([14n])]), /cannot apply 13/);
    });
  });
});
