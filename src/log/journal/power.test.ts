/**
 * Power cuts: the writer on a disk in memory that keeps of everything not yet synced a random part, sector by sector and name by name.
 *
 * Whatever the moment of the cut: the journal opens again without a word about corruption, every acknowledged record is there, what was
 * not acknowledged is there whole or not at all, and the same answer comes from every later opening.
 */

import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import { Catalog } from "./catalog.ts";
import type { JournalFiles } from "./files.ts";
import { DATA, FENCE, TRUNCATION, encodeChannelBody, fileName, type ChannelState } from "./format.ts";
import { PackBuilder } from "./pack.ts";
import { recover } from "./recover.ts";
import { FileWindow, scanRecords } from "./scan.ts";
import { JournalWriter } from "./writer.ts";

const DIRECTORY = "/journal";
const SECTOR_BYTES = 512;
const SIZES = { fileBytes: 6000, stepBytes: 4096, reserveBytes: 512 };

class PowerCut extends Error {}

type Random = () => number;

function seeded(seed: number): Random {
  let state = seed * 2654435761 + 12345;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

class Inode {
  now: Uint8Array = new Uint8Array(0);
  durable: Uint8Array = new Uint8Array(0);
  pending: { readonly at: number; readonly bytes: Uint8Array }[] = [];

  /** What a cut leaves: the synced content and a random choice of sectors written since. */
  cut(random: Random): void {
    let content: Uint8Array = this.durable.slice();
    for (const { at, bytes } of this.pending) {
      for (let from = at; from < at + bytes.byteLength;) {
        const to = Math.min(at + bytes.byteLength, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES);
        if (random() < 0.5) content = write(content, bytes.subarray(from - at, to - at), from);
        from = to;
      }
    }
    this.now = content;
    this.durable = content.slice();
    this.pending = [];
  }
}

function write(content: Uint8Array, bytes: Uint8Array, at: number): Uint8Array {
  let grown = content;
  if (at + bytes.byteLength > content.byteLength) {
    grown = new Uint8Array(at + bytes.byteLength);
    grown.set(content);
  }
  grown.set(bytes, at);
  return grown;
}

class PowerDisk {
  readonly #random: Random;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  readonly #open: Inode[] = [];
  /** Operations until the cut. */
  fuel = Infinity;

  constructor(random: Random) {
    this.#random = random;
  }

  #burn(): void {
    this.fuel -= 1;
    if (this.fuel <= 0) throw new PowerCut("the power was cut");
  }

  cut(): void {
    this.fuel = Infinity;
    const left = new Map<string, Inode>();
    for (const name of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
      const inode = (this.#random() < 0.5 ? this.#names : this.#durableNames).get(name);
      if (inode !== undefined) left.set(name, inode);
    }
    for (const inode of left.values()) inode.cut(this.#random);
    this.#names = left;
    this.#durableNames = new Map(left);
  }

  readonly files: JournalFiles = {
    makeDirectory: () => {},
    list: () => [...this.#names.keys()],
    open: (path, mode) => {
      const name = basename(path);
      let inode = this.#names.get(name);
      if (mode === "make") {
        this.#burn();
        assert.equal(inode, undefined, "a file is made once");
        this.#names.set(name, (inode = new Inode()));
      }
      assert.ok(inode !== undefined, `${name} exists`);
      return this.#open.push(inode) - 1;
    },
    size: (file) => this.#inode(file).now.byteLength,
    read: (file, into, position) => {
      const bytes = this.#inode(file).now.subarray(position, position + into.byteLength);
      into.set(bytes);
      return bytes.byteLength;
    },
    write: (file, parts, position) => {
      const inode = this.#inode(file);
      const bytes = new Uint8Array(Buffer.concat(parts));
      inode.now = write(inode.now, bytes, position);
      inode.pending.push({ at: position, bytes });
      this.#burn();
      return bytes.byteLength;
    },
    sync: (file) => {
      this.#burn();
      const inode = this.#inode(file);
      inode.durable = inode.now.slice();
      inode.pending = [];
    },
    syncDirectory: () => {
      this.#burn();
      this.#durableNames = new Map(this.#names);
    },
    remove: (path) => {
      this.#burn();
      this.#names.delete(basename(path));
    },
    close: () => {},
  };

  #inode(file: number): Inode {
    return this.#open[file] as Inode;
  }
}

interface Kept {
  readonly text: string;
  readonly position: number;
}

/** What a reader would find, by channel. */
function readAll(files: JournalFiles): { found: Map<number, Kept[]>; channels: Map<number, ChannelState> } {
  const recovery = recover(files, DIRECTORY);
  const found = new Map<number, Kept[]>();
  for (const { sequence, firstPosition } of recovery.files) {
    const window = new FileWindow(files, files.open(`${DIRECTORY}/${fileName(sequence)}`, "look"));
    for (const { header, body } of scanRecords(window, firstPosition)) {
      if (header.kind !== DATA) continue;
      if (header.position < (recovery.channels.get(header.channel)?.truncatedTo ?? 0)) continue;
      const kept = found.get(header.channel) ?? [];
      kept.push({ text: new TextDecoder().decode(body), position: header.position });
      found.set(header.channel, kept);
    }
  }
  return { found, channels: recovery.channels };
}

/** One life of the journal until the power is cut, then the look at what is left. */
class Life {
  readonly acknowledged = new Map<number, Kept[]>([
    [1, []],
    [2, []],
  ]);
  readonly sent = new Set<string>();
  readonly terms = new Map<number, bigint>();
  readonly truncatedTo = new Map<number, number>();
  /** The furthest truncation that was asked for, whether or not it came to be. */
  readonly askedTruncatedTo = new Map<number, number>();
  #count = 0;

  run(disk: PowerDisk, random: Random): void {
    const writer = new JournalWriter(disk.files, DIRECTORY, SIZES);
    const recovery = writer.open();
    const catalog = new Catalog(DIRECTORY, [...recovery.channels.values()], recovery.files, recovery.end);
    for (;;) {
      const batch: { channel: number; text: string | null; term: bigint; truncatedTo: number }[] = [];
      const packs = new PackBuilder(2 ** 16);
      const records = 1 + Math.floor(random() * 8);
      for (let index = 0; index < records; index++) {
        const id = random() < 0.5 ? 1 : 2;
        const channel = catalog.channel(`channel ${id}`);
        const dice = random();
        const isNew = channel.id === 0;
        if (isNew) catalog.register(channel);
        if (isNew || dice < 0.05 || (dice < 0.15 && channel.end > 0)) {
          const truncates = !isNew && dice >= 0.05;
          const truncatedTo = truncates
            ? Math.max(channel.truncatedTo, Math.floor(channel.end * random()))
            : channel.truncatedTo;
          const term = truncates ? channel.term : channel.term + 1n;
          channel.term = term;
          this.askedTruncatedTo.set(channel.id, Math.max(this.askedTruncatedTo.get(channel.id) ?? 0, truncatedTo));
          const body = encodeChannelBody({ id: channel.id, name: channel.name, term, truncatedTo, end: 0 });
          packs.add(body.byteLength, [body], truncates ? TRUNCATION : FENCE, channel.id, term);
          batch.push({ channel: channel.id, text: null, term, truncatedTo });
        } else {
          const text = `${this.#count++}/`.padEnd(Math.floor(random() ** 3 * 4000), "x");
          this.sent.add(text);
          const body = new TextEncoder().encode(text);
          packs.add(body.byteLength, [body], DATA, channel.id, channel.term);
          batch.push({ channel: channel.id, text, term: channel.term, truncatedTo: 0 });
        }
      }
      const { buffer, used } = packs.take();
      const outcome = writer.write([{ bytes: new Uint8Array(buffer, 0, used), records }]);
      for (const { sequence, firstPosition } of outcome.begun) catalog.begin(sequence, firstPosition);
      for (const [index, { channel: id, text, term, truncatedTo }] of batch.entries()) {
        const position = outcome.positions[0]?.[index] as number;
        assert.ok(position > 0);
        const channel = [...catalog.channels()].find((one) => one.id === id);
        assert.ok(channel !== undefined);
        if (text !== null) {
          catalog.add(channel, position);
          this.acknowledged.get(id)?.push({ text, position });
        } else {
          channel.truncatedTo = Math.max(channel.truncatedTo, truncatedTo);
          this.truncatedTo.set(id, channel.truncatedTo);
          this.terms.set(id, term);
        }
      }
      writer.prepareAhead();
      writer.remove(catalog.takeDeletable());
    }
  }

  check(disk: PowerDisk): void {
    const { found, channels } = readAll(disk.files);
    for (const [id, acknowledged] of this.acknowledged) {
      const kept = found.get(id) ?? [];
      const { term = -1n, truncatedTo = 0 } = channels.get(id) ?? {};
      assert.ok(term >= (this.terms.get(id) ?? -1n), "an acknowledged fence holds");
      assert.ok(truncatedTo >= (this.truncatedTo.get(id) ?? 0), "an acknowledged truncation holds");
      assert.ok(truncatedTo <= (this.askedTruncatedTo.get(id) ?? 0), "nothing is truncated that nobody asked for");
      assert.equal(new Set(kept.map(({ text }) => text)).size, kept.length);
      assert.ok(kept.every(({ text }) => this.sent.has(text)));
      const live = acknowledged.filter(({ position }) => position >= truncatedTo);
      assert.deepEqual(kept.slice(0, live.length), live, "what was acknowledged comes first, all of it");
      this.acknowledged.set(id, kept);
      this.terms.set(id, term);
      this.truncatedTo.set(id, truncatedTo);
    }
  }
}

test("60 seeded histories of power cuts", () => {
  let acknowledged = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const disk = new PowerDisk(random);
    const life = new Life();
    try {
      for (let cut = 0; cut < 6; cut++) {
        disk.fuel = 1 + Math.floor(random() * 60);
        assert.throws(() => life.run(disk, random), PowerCutOrItsSync);
        acknowledged += [...life.acknowledged.values()].flat().length;
        disk.cut();
        life.check(disk);
      }
    } catch (failure) {
      throw new Error(`seed ${seed}`, { cause: failure });
    }
  }
  assert.ok(acknowledged > 3000, `${acknowledged} records were acknowledged in all`);
});

function PowerCutOrItsSync(failure: unknown): boolean {
  return failure instanceof PowerCut || (failure instanceof Error && failure.cause instanceof PowerCut);
}
