/**
 * What a read may answer: for every key the list of what was done to it, when, and whether it is known to have happened.
 *
 * Always true:
 *  - what was acknowledged is there from its tick on, until something with a larger tick hides it;
 *  - what was refused, or never sent, is nowhere;
 *  - what nobody knows about (its process died) is there or not; but once seen it has a tick, and once missed where nothing could hide
 *    it, it never comes. A row that some unknown delete has hidden once stays hidden at every later timestamp.
 *
 * A mutation is what one write does to one channel: all of it happens at one tick, or nothing; and so do its twins on other channels.
 */

import type { Timestamp } from "../../src/base/timestamp.ts";

export interface Row {
  readonly key: bigint;
  /** Different for every row ever written. */
  readonly value: bigint;
}

export interface Mutation {
  readonly channel: string;
  readonly rows: readonly Row[];
  readonly deletedKeys: readonly bigint[];
  /** Only rows with a smaller tick are hidden; null: its own tick. */
  readonly upperBound: Timestamp | null;
  /** Its tick is larger than this. */
  readonly after: Timestamp;
  state: "pending" | "acknowledged" | "refused" | "unknown";
  /** Known when it was acknowledged, or seen. */
  tick: Timestamp | null;
  /** Of one whose process died: its tick is smaller than this. */
  before: Timestamp | null;
  /** Parts of the same write on other channels: they happen at the same tick, or none does. */
  twins: readonly Mutation[];
}

export interface FoundRow extends Row {
  readonly tick: Timestamp;
}

export interface Read {
  readonly channel: string;
  readonly timestamp: Timestamp;
  /** The keys that were asked for; null means all. */
  readonly keys: readonly bigint[] | null;
  /** Which rows were asked for, by their values; null means all. */
  readonly matches: ((row: Row) => boolean) | null;
  readonly found: readonly FoundRow[];
}

interface Version {
  readonly row: Row;
  readonly mutation: Mutation;
  seenUntil: Timestamp;
  goneFrom: Timestamp | null;
}

export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

export class Oracle {
  readonly mutations: Mutation[] = [];
  readonly #reads: Read[] = [];
  readonly #versions = new Map<bigint, Version[]>();
  readonly #deletes = new Map<bigint, Mutation[]>();
  #latest: Timestamp = 0n;

  /** The largest tick that anybody has seen: what is sent from now on gets a larger one. */
  get latest(): Timestamp {
    return this.#latest;
  }

  saw(tick: Timestamp): void {
    if (tick > this.#latest) this.#latest = tick;
  }

  sent(channel: string, rows: readonly Row[], deletedKeys: readonly bigint[], upperBound: Timestamp | null): Mutation {
    const mutation: Mutation = {
      channel,
      rows,
      deletedKeys,
      upperBound,
      after: this.#latest,
      state: "pending",
      tick: null,
      before: null,
      twins: [],
    };
    this.mutations.push(mutation);
    for (const row of rows) {
      const version = { row, mutation, seenUntil: -1n, goneFrom: null };
      this.#versions.set(row.key, [...this.versionsOf(row.key), version]);
    }
    for (const key of deletedKeys) this.#deletes.set(key, [...(this.#deletes.get(key) ?? []), mutation]);
    return mutation;
  }

  acknowledged(mutation: Mutation, tick: Timestamp): void {
    if (tick <= mutation.after) throw new WrongAnswer(`tick ${tick} was given out after ${mutation.after} was seen`);
    if (mutation.tick !== null && mutation.tick !== tick) {
      throw new WrongAnswer(`a row was seen at ${mutation.tick} and acknowledged at ${tick}`);
    }
    mutation.state = "acknowledged";
    mutation.tick = tick;
    this.saw(tick);
  }

  refused(mutation: Mutation): void {
    if (mutation.tick !== null) throw new WrongAnswer(`what was seen at ${mutation.tick} was refused`);
    mutation.state = "refused";
  }

  /** A process died and another took over before `tick`: what was pending is settled, one way or the other. */
  settled(tick: Timestamp): void {
    for (const mutation of this.mutations) {
      if (mutation.state === "unknown" && mutation.before === null) mutation.before = tick;
    }
    this.saw(tick);
  }

  versionsOf(key: bigint): Version[] {
    return this.#versions.get(key) ?? [];
  }

  keysOf(channel: string): bigint[] {
    return [...this.#versions].filter(([, [first]]) => first!.mutation.channel === channel).map(([key]) => key);
  }

  /** The write that the key began with is not on its way any more. */
  isSettled(key: bigint): boolean {
    return this.versionsOf(key)[0]?.mutation.state !== "pending";
  }

  /** Rows that are visible for certain: neither hidden nor replaced by anything of unknown fate. */
  certainRows(channel: string, timestamp: Timestamp): Row[] {
    return this.keysOf(channel).flatMap((key) => {
      const expected = this.expected(key, timestamp);
      if (expected === null || this.#mayBeHidden(expected, timestamp)) return [];
      const isReplaced = this.versionsOf(key).some(({ mutation }) => mayHaveHappened(mutation, timestamp));
      return isReplaced ? [] : [expected.row];
    });
  }

  checkRead(read: Read): void {
    this.#reads.push(read);
    this.saw(read.timestamp);
    this.#check(read);
  }

  /** How many rows a count may find. */
  checkCount(channel: string, timestamp: Timestamp, count: number): void {
    let least = 0;
    let most = 0;
    for (const key of this.keysOf(channel)) {
      const expected = this.expected(key, timestamp);
      if (expected !== null && !this.#mayBeHidden(expected, timestamp)) least += 1;
      else if (
        expected !== null ||
        this.versionsOf(key).some((version) => mayHaveHappened(version.mutation, timestamp))
      )
        most += 1;
    }
    most += least;
    if (count < least || count > most) {
      throw new WrongAnswer(`${count} rows were counted at ${timestamp}; there are ${least} to ${most}`);
    }
  }

  /** With everything known that ever will be: every answer that was given is looked at again. */
  checkAgain(): void {
    for (const read of this.#reads) this.#check(read);
  }

  get readCount(): number {
    return this.#reads.length;
  }

  /** The row that must be visible by what is known; unknown mutations do not count. */
  expected(key: bigint, timestamp: Timestamp): Version | null {
    const alive = this.versionsOf(key).filter((version) => this.#isVisible(version, timestamp));
    return alive.reduce<Version | null>(
      (newest, version) => (newest === null || version.mutation.tick! > newest.mutation.tick! ? version : newest),
      null,
    );
  }

  #check(read: Read): void {
    const { timestamp } = read;
    const found = new Map<bigint, FoundRow>();
    for (const row of read.found) {
      if (found.has(row.key)) throw new WrongAnswer(`key ${row.key} was answered twice at ${timestamp}`);
      found.set(row.key, row);
      this.#resolve(row, read);
    }
    for (const row of read.found) this.#checkFound(row, read);
    for (const key of read.keys ?? this.keysOf(read.channel)) {
      if (!found.has(key)) this.#checkMissing(key, read);
    }
  }

  /** A row that is seen has happened, at the tick that it says. */
  #resolve(row: FoundRow, { timestamp, channel }: Read): void {
    const version = this.#versionOf(row, timestamp);
    const { mutation } = version;
    if (mutation.channel !== channel) throw new WrongAnswer(`key ${row.key} came from another channel`);
    if (mutation.state === "refused") throw new WrongAnswer(`${show(row)} was refused, yet is there at ${timestamp}`);
    if (row.tick > timestamp) throw new WrongAnswer(`${show(row)} is newer than the read at ${timestamp}`);
    if (mutation.tick === null) {
      const isLate = mutation.before !== null && row.tick >= mutation.before;
      if (row.tick <= mutation.after || isLate) {
        throw new WrongAnswer(`${show(row)} cannot have this tick: it lies in (${mutation.after}, ${mutation.before})`);
      }
      mutation.tick = row.tick;
    }
    for (const twin of mutation.twins) {
      twin.tick ??= mutation.tick;
      if (twin.state === "refused" || twin.tick !== mutation.tick) {
        throw new WrongAnswer(`${show(row)} is there, but not the part of its write on ${twin.channel}`);
      }
    }
    if (mutation.tick !== row.tick) throw new WrongAnswer(`${show(row)} was written at ${mutation.tick}`);
  }

  #checkFound(row: FoundRow, { timestamp, matches }: Read): void {
    const version = this.#versionOf(row, timestamp);
    if (matches !== null && !matches(row)) throw new WrongAnswer(`${show(row)} was not asked for`);
    if (!this.#isVisible(version, timestamp)) throw new WrongAnswer(`${show(row)} is deleted at ${timestamp}`);
    const newest = this.expected(row.key, timestamp);
    if (newest !== version) throw new WrongAnswer(`${show(row)} is not the newest at ${timestamp}`);
    if (version.goneFrom !== null && version.goneFrom <= timestamp) {
      throw new WrongAnswer(`${show(row)} is back at ${timestamp}; it was gone at ${version.goneFrom}`);
    }
    if (timestamp > version.seenUntil) version.seenUntil = timestamp;
  }

  #checkMissing(key: bigint, { timestamp, matches }: Read): void {
    const expected = this.expected(key, timestamp);
    // A row that was not asked for may stand there.
    if (expected !== null && (matches === null || matches(expected.row))) {
      const shown = show({ ...expected.row, tick: expected.mutation.tick! });
      // With a filter a newer row of unknown fate may have taken its place without being asked for.
      const isReplaced =
        matches !== null &&
        this.versionsOf(key).some(({ mutation, row }) => mayHaveHappened(mutation, timestamp) && !matches(row));
      if (!isReplaced) {
        if (!this.#mayBeHidden(expected, timestamp)) throw new WrongAnswer(`${shown} is missing at ${timestamp}`);
        if (expected.seenUntil >= timestamp) {
          throw new WrongAnswer(`${shown} is missing at ${timestamp}; it was seen at ${expected.seenUntil}`);
        }
        if (expected.goneFrom === null || timestamp < expected.goneFrom) expected.goneFrom = timestamp;
      }
    }
    if (matches === null) this.#neverHappened(key, timestamp);
  }

  /** Of unknown fate, settled before the read, not there, and nothing could have hidden it: it did not happen. */
  #neverHappened(key: bigint, timestamp: Timestamp): void {
    for (const { mutation } of this.versionsOf(key)) {
      if (mutation.state !== "unknown" || mutation.tick !== null) continue;
      if (mutation.before === null || mutation.before > timestamp) continue;
      const others = [...this.versionsOf(key).map((version) => version.mutation), ...(this.#deletes.get(key) ?? [])];
      const mayHide = others.some(
        (other) =>
          other !== mutation && other.state !== "refused" && (other.tick === null || other.tick > mutation.after),
      );
      if (!mayHide) for (const part of [mutation, ...mutation.twins]) part.state = "refused";
    }
  }

  #versionOf(row: Row, timestamp: Timestamp): Version {
    const version = this.versionsOf(row.key).find((candidate) => candidate.row.value === row.value);
    if (version === undefined)
      throw new WrongAnswer(`key ${row.key} has value ${row.value} at ${timestamp}: never sent`);
    return version;
  }

  /** By what is known. */
  #isVisible({ row, mutation: { tick } }: Version, timestamp: Timestamp): boolean {
    if (tick === null || tick > timestamp) return false;
    return !(this.#deletes.get(row.key) ?? []).some(
      (other) =>
        other.tick !== null &&
        other.tick <= timestamp &&
        tick < other.tick &&
        (other.upperBound === null || tick < other.upperBound),
    );
  }

  /** By a delete of unknown fate that puts no row in its place. */
  #mayBeHidden({ row, mutation, seenUntil }: Version, timestamp: Timestamp): boolean {
    const tick = mutation.tick!;
    // Where it was seen, nothing had hidden it yet.
    const seen = timestamp > seenUntil && seenUntil > tick ? seenUntil : tick;
    return (this.#deletes.get(row.key) ?? []).some(
      (other) =>
        mayHaveHappened(other, timestamp) &&
        (other.before === null || other.before > seen) &&
        (other.upperBound === null || tick < other.upperBound) &&
        !other.rows.some(({ key }) => key === row.key),
    );
  }
}

function mayHaveHappened(mutation: Mutation, timestamp: Timestamp): boolean {
  const isOpen = mutation.state === "pending" || mutation.state === "unknown";
  return isOpen && mutation.tick === null && mutation.after < timestamp;
}

function show({ key, value, tick }: FoundRow): string {
  return `key ${key} with value ${value} of tick ${tick}`;
}
