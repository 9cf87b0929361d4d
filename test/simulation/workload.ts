/**
 * A client of the simulated cluster: writes rows, reads them back in every way, and shows each answer to the oracle.
 *
 * Always true: every row ever written has a value of its own, from which its vector and colour follow; so an answer tells which
 * write it came from.
 */

import { present } from "../../src/base/assert.ts";
import { MilvusError } from "../../src/base/errors.ts";
import { WHOLE_COLLECTION } from "../../src/model/compaction.ts";
import { type InsertMessage, type Message, MessageType } from "../../src/model/message.ts";
import type { RetrievePlan, SearchPlan } from "../../src/model/plan.ts";
import type { SegmentInfo } from "../../src/model/catalog.ts";
import { TIMESTAMP_FIELD } from "../../src/model/schema.ts";
import { physicalMilliseconds, type Timestamp } from "../../src/base/timestamp.ts";
import { parseSegmentKey } from "../../src/storage/keys.ts";
import { ProcessDied } from "./lifeline.ts";
import { checkNearest } from "./nearest.ts";
import { momentOf, tagIs } from "./scalar-fields.ts";
import { FIELDS, batchOf, colourIs, colourOf, keyColumn, rowsOf } from "./simulated-rows.ts";
import { POINT_LIMIT, VECTOR_FIELDS } from "./vector-fields.ts";
import { type FoundRow, type Mutation, type Row, WrongAnswer } from "./oracle.ts";
import { NAME, POLL_MILLISECONDS, Session } from "./session.ts";

/** What a read sees: the newest, whatever is there, or a moment in the past. */
export type ReadMoment = "strong" | "eventual" | { readonly at: Timestamp };

export class Workload extends Session {
  operations = 0;
  refusals = 0;
  /** Reads of the past that were refused. */
  tooOld = 0;
  #lastValue = 0n;
  /** The collection's rows expire at their moments. */
  isExpiring = false;
  #lastKey = 0n;
  #lastName = 0;

  channelOf(key: bigint): string {
    return this.channels[Number(key) % this.channels.length]!;
  }

  /** A key that was never written. */
  newKey(channel?: string): bigint {
    for (;;) {
      this.#lastKey += 1n;
      if (channel === undefined || this.channelOf(this.#lastKey) === channel) return this.#lastKey;
    }
  }

  row(key: bigint): Row {
    this.#lastValue += 1n;
    return { key, value: this.#lastValue };
  }

  /**
   * One append: deletes of these keys, and these rows, all on one channel. False when it was refused; throws when the process died.
   * The order of the two says nothing: they have one tick.
   */
  async write(
    channel: string,
    rows: readonly Row[],
    deletedKeys: readonly bigint[] = [],
    upperBound: Timestamp | null = null,
    order: "deletes first" | "rows first" = "deletes first",
  ): Promise<boolean> {
    this.operations += 1;
    const mutation = this.oracle.sent(channel, rows, deletedKeys, upperBound);
    const messages: Message[] = [];
    if (deletedKeys.length > 0) messages.push(this.#deleteOf(deletedKeys, upperBound));
    if (rows.length > 0) messages.push(this.#insertOf(rows));
    if (order === "rows first") messages.reverse();
    try {
      const { timeTick } = await this.cluster.ask(({ streaming }) =>
        streaming.append({ virtualChannel: channel, messages }),
      );
      this.oracle.acknowledged(mutation, timeTick);
      return true;
    } catch (error) {
      this.#failed(mutation, error);
      return false;
    }
  }

  /**
   * Rows on several channels in one write under a name, sent again until it is acknowledged: while stores fail, and to the process that
   * comes after one that died. `recover` brings up the next.
   */
  async writeUnderName(rows: ReadonlyMap<string, readonly Row[]>, recover: () => Promise<void>): Promise<void> {
    const mutations = Array.from(rows, ([channel, own]) => this.oracle.sent(channel, own, [], null));
    for (const mutation of mutations) mutation.twins = mutations.filter((other) => other !== mutation);
    this.#lastName += 1;
    const idempotencyKey = `${this.collection.collectionId}:${this.#lastName}`;
    const parts = Array.from(rows, ([virtualChannel, own]) => ({ virtualChannel, messages: [this.#insertOf(own)] }));
    for (let copies = 0; ;) {
      this.operations += 1;
      try {
        const { timeTick } = await this.cluster.ask(({ streaming }) => streaming.write({ parts, idempotencyKey }));
        for (const mutation of mutations) this.oracle.acknowledged(mutation, timeTick);
        copies += 1;
        // A client that is not sure sends it once more.
        if (copies === 2 || this.cluster.world.random() < 0.5) return;
      } catch (error) {
        if (error instanceof ProcessDied) {
          await recover();
          continue;
        }
        this.tolerated(error);
        await this.cluster.world.sleep(POLL_MILLISECONDS);
      }
    }
  }

  async insert(channel: string, count: number): Promise<Row[]> {
    const rows = Array.from({ length: count }, () => this.row(this.newKey(channel)));
    await this.write(channel, rows);
    return rows;
  }

  upsert(keys: readonly bigint[]): Promise<boolean> {
    const rows = keys.map((key) => this.row(key));
    return this.write(this.channelOf(keys[0]!), rows, keys);
  }

  remove(keys: readonly bigint[], upperBound: Timestamp | null = null): Promise<boolean> {
    return this.write(this.channelOf(keys[0]!), [], keys, upperBound);
  }

  /** All rows of a channel, or those of some keys or of one colour. */
  async read(
    channel: string,
    moment: ReadMoment,
    options: { readonly keys?: readonly bigint[]; readonly colour?: bigint } = {},
  ): Promise<readonly FoundRow[] | null> {
    this.operations += 1;
    const { keys = null, colour } = options;
    const plan: RetrievePlan = {
      collectionId: this.collection.collectionId,
      partitionIds: null,
      filter: colour === undefined ? null : colour % 2n === 0n ? colourIs(colour) : tagIs(colour),
      keys: keys === null ? null : keyColumn(keys),
      fieldIds: FIELDS,
      limit: null,
      ignoreGrowing: false,
    };
    return this.#answered(moment, async (time) => {
      const answer = await this.cluster.ask(({ streaming }) =>
        streaming.retrieve({ virtualChannel: channel, plan, ...time }),
      );
      const { timestamp, batch } = answer;
      checkTime(timestamp, time);
      const found = rowsOf(batch);
      const isAlive = this.#aliveAt(timestamp);
      const hasColour = (row: Row): boolean => colourOf(row) === colour && (isAlive === null || isAlive(row));
      const matches = colour === undefined ? isAlive : hasColour;
      this.#record("read", channel, timestamp, found);
      this.oracle.checkRead({ channel, timestamp, keys, matches, found });
      return found;
    });
  }

  async count(channel: string, moment: ReadMoment): Promise<number | null> {
    this.operations += 1;
    const plan: RetrievePlan = {
      collectionId: this.collection.collectionId,
      partitionIds: null,
      filter: null,
      keys: null,
      fieldIds: [],
      limit: null,
      ignoreGrowing: false,
    };
    return this.#answered(moment, async (time) => {
      const { timestamp, count } = await this.cluster.ask(({ streaming }) =>
        streaming.count({ virtualChannel: channel, plan, ...time }),
      );
      checkTime(timestamp, time);
      this.cluster.world.record("count", channel, timestamp, count);
      this.oracle.saw(timestamp);
      // The oracle counts rows whose time has come, too.
      if (!this.isExpiring) this.oracle.checkCount(channel, timestamp, count);
      return count;
    });
  }

  /** The `k` nearest rows to a point, fetched under the lease of the search, against brute force over what must be there. */
  async search(channel: string, moment: ReadMoment, k: number): Promise<readonly FoundRow[] | null> {
    this.operations += 1;
    const { world } = this.cluster;
    const vectors = VECTOR_FIELDS[Math.floor(world.random() * VECTOR_FIELDS.length)]!;
    const point = [0, 1].map(() => Math.floor(world.random() * POINT_LIMIT));
    const plan: SearchPlan = {
      collectionId: this.collection.collectionId,
      partitionIds: null,
      filter: null,
      vector: {
        fieldId: vectors.fieldId,
        queries: vectors.query(point),
        queryCount: 1,
        metric: vectors.metric,
        k,
        range: null,
      },
      ignoreGrowing: false,
    };
    return this.#answered(moment, async (time) => {
      const { timestamp, hits, batch } = await this.cluster.ask(async ({ streaming }) => {
        const answer = await streaming.search({ virtualChannel: channel, plans: [plan], keep: true, ...time });
        const [found] = answer.hits;
        const lease = { virtualChannel: channel, leaseId: present(answer.leaseId, "the lease that was asked for") };
        const { segmentIds, rows } = found!;
        const places = { segmentIds, rows };
        const fetched = await streaming.fetch({
          ...lease,
          fieldIds: [...FIELDS, TIMESTAMP_FIELD],
          places,
        });
        await streaming.releaseLease(lease);
        return { ...answer, hits: found!, batch: fetched.batch };
      });
      checkTime(timestamp, time);
      const found = rowsOf(batch);
      this.#record("search", channel, timestamp, found);
      const keys = found.map(({ key }) => key);
      const isAlive = this.#aliveAt(timestamp);
      this.oracle.checkRead({ channel, timestamp, keys, matches: isAlive, found });
      const certain = this.oracle.certainRows(channel, timestamp).filter((row) => isAlive === null || isAlive(row));
      checkNearest(certain, vectors, point, k, hits.scores, found);
      return found;
    });
  }

  /** Closes the growing segments of a channel; resolves with the tick up to which everything is on its way to files. */
  async flush(channel: string): Promise<Timestamp | null> {
    this.operations += 1;
    try {
      const { timeTick } = await this.cluster.ask(({ streaming }) =>
        streaming.flush({ virtualChannel: channel, collectionId: this.collection.collectionId, partitionId: null }),
      );
      this.oracle.saw(timeTick);
      return timeTick;
    } catch (error) {
      this.tolerated(error);
      return null;
    }
  }

  /** Asks for a compaction of everything in files; null when it was refused. */
  async compact(): Promise<bigint | null> {
    this.operations += 1;
    try {
      return (await this.cluster.ask(({ coordinator }) => coordinator.compact({ ...NAME, scope: WHOLE_COLLECTION })))
        .compactionId;
    } catch (error) {
      this.tolerated(error);
      return null;
    }
  }

  untilCompacted(compactionId: bigint): Promise<void> {
    return this.eventually(`compaction ${compactionId} has ended`, async () => {
      const progress = await this.cluster.ask(({ coordinator }) => coordinator.compactionProgress({ compactionId }));
      return progress.isCompleted;
    });
  }

  /** Every file of segments belongs to one that is recorded. */
  untilNoGarbage(): Promise<void> {
    return this.eventually("no file is left of what was compacted", async () => {
      const { collectionId } = this.collection;
      const { segments } = await this.cluster.ask(({ coordinator }) => coordinator.listSegments({ collectionId }));
      const { segments: growing, flushing } = await this.cluster.ask(({ streaming }) =>
        streaming.growingSegments({ collectionId }),
      );
      const known = new Set([...segments, ...growing].map(({ segmentId }) => segmentId));
      for (const segmentId of flushing) known.add(segmentId);
      return (await this.cluster.objectKeys()).every((key) => {
        const found = parseSegmentKey(key);
        return found === null || known.has(found.segmentId);
      });
    });
  }

  untilFlushed(channel: string, timeTick: Timestamp): Promise<void> {
    return this.eventually(`${channel} is flushed up to ${timeTick}`, async () => {
      const { flushed } = await this.cluster.ask(({ streaming }) =>
        streaming.isFlushed({ virtualChannel: channel, timeTick }),
      );
      return flushed;
    });
  }

  /** What files have, and of which level. */
  async flushedSegments(): Promise<readonly SegmentInfo[]> {
    const { collectionId } = this.collection;
    return (await this.cluster.ask(({ coordinator }) => coordinator.listSegments({ collectionId }))).segments;
  }

  /** Flushed rows by segment, L0 left out. */
  async flushedRows(): Promise<number> {
    const segments = await this.flushedSegments();
    return segments.filter(({ level }) => level !== 1).reduce((sum, { rowCount }) => sum + rowCount, 0);
  }

  async growingRows(): Promise<number> {
    const { collectionId } = this.collection;
    const { segments } = await this.cluster.ask(({ streaming }) => streaming.growingSegments({ collectionId }));
    return segments.reduce((sum, { rowCount }) => sum + rowCount, 0);
  }

  /**
   * The end of a scenario: the faults stop, and then everything must come to rest, be in files, survive a restart, and agree with all
   * that was ever answered.
   */
  async settle(): Promise<void> {
    const { faults } = this.cluster;
    for (const set of [faults.meta, faults.objects, faults.log]) {
      for (const [name, value] of Object.entries(set)) if (typeof value === "number") Reflect.set(set, name, 0);
    }
    this.cluster.watch = () => undefined;
    if (!this.cluster.isUp) await this.restart();
    await this.load();
    await this.readEverything();
    for (const channel of this.channels) {
      const tick = await this.flush(channel);
      if (tick === null) throw new WrongAnswer(`without faults ${channel} cannot be flushed`);
      await this.untilFlushed(channel, tick);
    }
    await this.eventually("nothing grows", async () => (await this.growingRows()) === 0);
    await this.readEverything();
    await this.cluster.stop();
    await this.restart();
    await this.readEverything();
    this.cluster.crash();
    await this.restart();
    await this.readEverything();
    this.oracle.checkAgain();
  }

  async readEverything(): Promise<void> {
    for (const channel of this.channels) {
      const found = await this.read(channel, "strong");
      const nearest = await this.search(channel, "strong", 7);
      const count = await this.count(channel, "strong");
      if (found === null || nearest === null || count === null) throw new WrongAnswer(`${channel} cannot be read`);
    }
  }

  /** Null: every row is. */
  #aliveAt(timestamp: Timestamp): ((row: Row) => boolean) | null {
    if (!this.isExpiring) return null;
    const microseconds = BigInt(physicalMilliseconds(timestamp)) * 1_000n;
    return (row) => momentOf(row.value) > microseconds;
  }

  async #answered<T>(
    moment: ReadMoment,
    body: (time: { readonly guarantee: Timestamp; readonly timestamp: Timestamp | null }) => Promise<T>,
  ): Promise<T | null> {
    try {
      if (moment === "strong") return await body({ guarantee: await this.now(), timestamp: null });
      if (moment === "eventual") return await body({ guarantee: 1n, timestamp: null });
      return await body({ guarantee: moment.at, timestamp: moment.at });
    } catch (error) {
      if (typeof moment === "object" && (await this.#isTooOld(moment.at, error))) return null;
      this.tolerated(error);
      return null;
    }
  }

  /** A read of the past is refused when what it would see may be gone, and only when it is older than what is kept. */
  async #isTooOld(at: Timestamp, error: unknown): Promise<boolean> {
    if (!(error instanceof MilvusError) || !/rows deleted or expired before/.test(error.message)) return false;
    // By the clock that stamps rows: it may run ahead after a restart.
    const age = physicalMilliseconds(await this.now()) - physicalMilliseconds(at);
    if (age < this.cluster.limits.retentionMilliseconds) throw error;
    this.tooOld += 1;
    this.cluster.world.record("too old", at);
    return true;
  }

  #failed(mutation: Mutation, error: unknown): void {
    if (error instanceof ProcessDied) mutation.state = "unknown";
    else {
      this.refusals += 1;
      this.oracle.refused(mutation);
    }
    this.tolerated(error);
  }

  #record(what: string, channel: string, timestamp: Timestamp, found: readonly FoundRow[]): void {
    this.cluster.world.record(what, channel, timestamp, ...found.flatMap(({ key, value, tick }) => [key, value, tick]));
  }

  #insertOf(rows: readonly Row[]): InsertMessage {
    const { collectionId, partitions } = this.collection;
    return {
      type: MessageType.Insert,
      collectionId,
      partitionId: partitions[0]!.partitionId,
      segmentId: 0n,
      schemaVersion: 0,
      rowIds: BigInt64Array.from(rows.map(({ value }) => value)),
      batch: batchOf(rows),
    };
  }

  #deleteOf(keys: readonly bigint[], upperBound: Timestamp | null): Message {
    const { collectionId } = this.collection;
    return { type: MessageType.Delete, collectionId, partitionId: -1n, upperBound, keys: keyColumn(keys) };
  }
}

function checkTime(
  read: Timestamp,
  { guarantee, timestamp }: { readonly guarantee: Timestamp; readonly timestamp: Timestamp | null },
): void {
  if (read < guarantee) throw new WrongAnswer(`a read that was to see ${guarantee} saw ${read}`);
  if (timestamp !== null && read !== timestamp) throw new WrongAnswer(`a read at ${timestamp} was one at ${read}`);
}
