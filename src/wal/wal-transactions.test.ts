import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Message, MessageType } from "../model/message.ts";
import { SHARD, WalHarness } from "./testing/harness.ts";
import { COLLECTION, KEY_FIELD, createCollection, insert, keysOf, remove } from "./testing/messages.ts";
import { isKind, keysIn, range } from "./testing/records.ts";

const SEEDS = Array.from({ length: 25 }, (_, seed) => seed);

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
