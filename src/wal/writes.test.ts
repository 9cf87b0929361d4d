import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MilvusError } from "../base/errors.ts";
import { type KeyedWrite, MessageType } from "../model/message.ts";
import { IdempotencyWindow, MAX_KEYS } from "./idempotency.ts";
import { scan } from "./scanner.ts";
import { CHANNEL, OTHER_SHARD, SHARD, WalHarness } from "./testing/harness.ts";
import { insert, keysOf, remove } from "./testing/messages.ts";
import type { PlacedRecord } from "./transactions.ts";
import type { ChannelMessages } from "./wal.ts";

const CHAOS = { loseRequest: 0.15, loseAnswer: 0.15, delayBeforeMilliseconds: 20, delayAfterMilliseconds: 20 };
const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

/** One row in each of two virtual channels. */
function pair(key: bigint): readonly ChannelMessages[] {
  return [
    { channel: SHARD, messages: [insert([key])] },
    { channel: OTHER_SHARD, messages: [insert([key + 1n])] },
  ];
}

function rowsOf(records: readonly PlacedRecord[]): { channel: string; tick: bigint; key: bigint }[] {
  return records.flatMap(({ record }) =>
    keysOf(record).map((key) => ({ channel: record.channel, tick: record.timeTick, key })),
  );
}

describe("a write over several virtual channels", () => {
  test("takes effect in all of them at one tick", async () => {
    const harness = new WalHarness(1);
    await harness.run(async () => {
      const { wal, delivered } = await harness.open();
      const { timeTick, repeated } = await wal.write([
        { channel: OTHER_SHARD, messages: [remove([9n]), insert([2n, 4n])] },
        { channel: SHARD, messages: [insert([1n])] },
      ]);
      assert.equal(repeated, null);
      await wal.waitFor(timeTick);
      assert.deepEqual(rowsOf(delivered), [
        { channel: OTHER_SHARD, tick: timeTick, key: 2n },
        { channel: OTHER_SHARD, tick: timeTick, key: 4n },
        { channel: SHARD, tick: timeTick, key: 1n },
      ]);
      const written = delivered.filter(({ record }) => keysOf(record).length > 0);
      const types = written.map(({ record }) => record.messages.map(({ type }) => type));
      const { CreateSegment, Delete, Insert } = MessageType;
      assert.deepEqual(types, [
        [Delete, CreateSegment, Insert],
        [CreateSegment, Insert],
      ]);
      const scanned: PlacedRecord[] = [];
      for await (const placed of scan(harness.reader(), CHANNEL)) scanned.push(placed);
      assert.deepEqual(rowsOf(scanned), rowsOf(delivered));
    });
  });

  test("all or nothing of it survives a crash at any moment, and what was acknowledged does", async () => {
    let whole = 0;
    let nothing = 0;
    for (const seed of SEEDS) {
      const harness = new WalHarness(seed, { delayBeforeMilliseconds: 5, delayAfterMilliseconds: 5 });
      await harness.run(async () => {
        const opened = await harness.open();
        const acknowledged = new Set<bigint>();
        for (let key = 0n; key < 60n; key += 2n) {
          void harness.world
            .sleep(harness.world.random() * 40)
            .then(() => opened.wal.write(pair(key)))
            .then(() => acknowledged.add(key))
            .catch(() => undefined);
        }
        await harness.world.sleep(harness.world.random() * 80);
        harness.crash(opened);
        const again = await harness.open();
        const rows = rowsOf(again.delivered);
        for (let key = 0n; key < 60n; key += 2n) {
          const found = rows.filter((row) => row.key === key || row.key === key + 1n);
          assert.ok(found.length === 0 || found.length === 2, `seed ${seed}: ${found.length} of 2 rows`);
          if (acknowledged.has(key)) assert.equal(found.length, 2, `seed ${seed}: an acknowledged write is gone`);
          if (found.length === 2) assert.equal(found[0]!.tick, found[1]!.tick);
          if (found.length === 0) nothing += 1;
          else whole += 1;
        }
        // The segments that the lost ones were assigned to can be closed all the same.
        for (const channel of [SHARD, OTHER_SHARD]) await again.wal.flush(channel, 7n, null);
        await again.wal.close();
      });
    }
    assert.ok(whole > 50 && nothing > 50, `${whole} whole, ${nothing} without a trace`);
  });

  test("a part that cannot be written takes the others back", async () => {
    const harness = new WalHarness(1);
    await harness.run(async () => {
      const { wal, delivered } = await harness.open();
      const wrong = { channel: OTHER_SHARD, messages: [insert([2n], { partitionId: 99n })] };
      await assert.rejects(
        wal.write([pair(1n)[0]!, wrong]),
        (error) => error instanceof MilvusError && error.kind === "PartitionNotFound",
      );
      await wal.sync();
      assert.deepEqual(rowsOf(delivered), []);
      await wal.write(pair(3n));
      await wal.sync();
      assert.deepEqual(
        rowsOf(delivered).map(({ key }) => key),
        [3n, 4n],
      );
    });
  });

  test("meets no exclusive message on any of its channels", async () => {
    for (const seed of SEEDS.slice(0, 10)) {
      const harness = new WalHarness(seed, { delayBeforeMilliseconds: 10, delayAfterMilliseconds: 10 });
      await harness.run(async () => {
        const { wal, delivered } = await harness.open();
        const work: Promise<unknown>[] = [];
        const soon = (): Promise<void> => harness.world.sleep(harness.world.random() * 100);
        for (let key = 0n; key < 20n; key += 2n) {
          work.push(soon().then(() => wal.write(pair(key))));
          work.push(soon().then(() => wal.flush(key % 4n === 0n ? SHARD : OTHER_SHARD, 7n, null)));
        }
        await Promise.all(work);
        await wal.sync();
        const flushed = new Set<bigint>();
        for (const message of delivered.flatMap(({ record }) => record.messages)) {
          if (message.type === MessageType.Insert) assert.ok(!flushed.has(message.segmentId), `seed ${seed}`);
          if ("segmentIds" in message) for (const segmentId of message.segmentIds) flushed.add(segmentId);
        }
        assert.equal(rowsOf(delivered).length, 20);
      });
    }
  });
});

describe("a write under an idempotency key", () => {
  test("takes effect once, however often and however closely together it is sent", async () => {
    for (const seed of SEEDS) {
      const harness = new WalHarness(seed, CHAOS);
      await harness.run(async () => {
        const { wal, delivered } = await harness.open();
        const answers = await Promise.all(
          Array.from({ length: 12 }, async (_, at) => {
            await harness.world.sleep(harness.world.random() * 60);
            return {
              at,
              ...(await wal.write(at % 2 === 0 ? pair(10n) : [pair(20n)[0]!], at % 2 === 0 ? "two" : "one")),
            };
          }),
        );
        await wal.sync();
        assert.deepEqual(
          rowsOf(delivered)
            .map(({ key }) => key)
            .toSorted(),
          [10n, 11n, 20n],
          `seed ${seed}`,
        );
        for (const [name, rest, effect] of [
          ["two", 0, { firstRowId: 10n, insertCount: 2, deleteCount: 0 }],
          ["one", 1, { firstRowId: 20n, insertCount: 1, deleteCount: 0 }],
        ] as const) {
          const own = answers.filter(({ at }) => at % 2 === rest);
          assert.equal(own.filter(({ repeated }) => repeated === null).length, 1);
          assert.equal(new Set(own.map(({ timeTick }) => timeTick)).size, 1);
          for (const { repeated, timeTick } of own) {
            if (repeated !== null) assert.deepEqual(repeated, { key: name, timeTick, ...effect });
          }
        }
      });
    }
  });

  test("is remembered over crashes: by its record, or by the checkpoint", async () => {
    for (const seed of SEEDS) {
      const harness = new WalHarness(seed, { delayBeforeMilliseconds: 5, delayAfterMilliseconds: 5 });
      await harness.run(async () => {
        const opened = await harness.open();
        void opened.wal.write(pair(10n), "key").catch(() => undefined);
        await harness.world.sleep(harness.world.random() * 40);
        harness.crash(opened);
        const again = await harness.open();
        const before = rowsOf(again.delivered).length;
        const { repeated, timeTick } = await again.wal.write(pair(10n), "key");
        await again.wal.sync();
        assert.equal(repeated === null, before === 0, `seed ${seed}`);
        assert.equal(rowsOf(again.delivered).length, 2, `seed ${seed}`);

        const kept = again.keys.writes();
        assert.deepEqual(kept, [{ key: "key", timeTick, firstRowId: 10n, insertCount: 2, deleteCount: 0 }]);
        harness.crash(again);
        // As if the log had been cut off behind it.
        const end = (await harness.records()).at(-1)!;
        const checkpoint = { position: end.position, timeTick: end.record.timeTick };
        const third = await harness.open(checkpoint, undefined, kept);
        assert.deepEqual(rowsOf(third.delivered), []);
        assert.deepEqual((await third.wal.write(pair(10n), "key")).repeated, kept[0]);
        await third.wal.sync();
        assert.deepEqual(rowsOf(third.delivered), []);
      });
    }
  });

  test("may be used again after a failure, and for nothing else after a success", async () => {
    const harness = new WalHarness(1);
    await harness.run(async () => {
      const { wal, delivered } = await harness.open();
      const wrong = { channel: SHARD, messages: [insert([1n], { partitionId: 99n })] };
      await assert.rejects(wal.write([wrong], "key"));
      assert.equal((await wal.write(pair(1n), "key")).repeated, null);
      await assert.rejects(wal.write([pair(5n)[0]!], "key"), /was used for another write: of 2 rows and 0 deletes/);
      await wal.sync();
      assert.equal(rowsOf(delivered).length, 2);
    });
  });
});

describe("idempotency window", () => {
  const write = (at: number): KeyedWrite => ({
    key: `k${at}`,
    timeTick: BigInt(at),
    firstRowId: BigInt(at),
    insertCount: 1,
    deleteCount: 0,
  });

  test("forgets the oldest names first", () => {
    const window = new IdempotencyWindow(Array.from({ length: MAX_KEYS + 5 }, (_, at) => write(at)));
    const kept = window.writes();
    assert.equal(kept.length, MAX_KEYS);
    assert.deepEqual([kept[0]!.key, kept.at(-1)!.key], ["k5", `k${MAX_KEYS + 4}`]);
  });

  test("keeps a write of which a channel may be missing out of a checkpoint", () => {
    const window = new IdempotencyWindow([]);
    const record = (channel: string, timeTick: bigint, key: bigint, idempotencyKey: string) => ({
      channel,
      timeTick,
      confirmed: 0n,
      lastConfirmed: 0n,
      transactionId: 0n,
      idempotencyKey,
      messages: [insert([key])],
    });
    window.observe(record(SHARD, 5n, 31n, "two"));
    assert.deepEqual(window.writes(), []);
    window.observe(record(OTHER_SHARD, 5n, 30n, "two"));
    window.observe(record(SHARD, 6n, 1n, ""));
    assert.deepEqual(window.writes(), [{ key: "two", timeTick: 5n, firstRowId: 30n, insertCount: 2, deleteCount: 0 }]);
  });
});
