/**
 * What the journal knows of its channels and files without reading: who owns a channel, where it begins and ends, in which files its
 * records are.
 *
 * Always true: positions below `durableTo` are on stable storage; `files` are those on disk that have begun, oldest first.
 */

import { join } from "node:path";
import { assert, present } from "../../base/assert.ts";
import { FILE_HEADER_BYTES, fileName, type ChannelState } from "./format.ts";
import { MARK_BYTES, type RecoveredFile } from "./recover.ts";

export class JournalChannel {
  readonly name: string;
  /** 0 until the channel is opened for the first time. */
  id = 0;
  term = -1n;
  truncatedTo = 0;
  /** Above the position of the last durable data record. */
  end = 0;
  /** The handle that may append. */
  owner: object | null = null;
  readonly #waiting = new Set<() => void>();

  constructor(name: string) {
    this.name = name;
  }

  /** Resolves at the next change (records, truncation, close) or when the signal aborts. */
  changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const resume = (): void => {
        this.#waiting.delete(resume);
        signal?.removeEventListener("abort", resume);
        resolve();
      };
      this.#waiting.add(resume);
      signal?.addEventListener("abort", resume, { once: true });
    });
  }

  wake(): void {
    const waiting = Array.from(this.#waiting);
    for (const resume of waiting) resume();
  }
}

export class Catalog {
  readonly directory: string;
  readonly files: RecoveredFile[];
  readonly #byName = new Map<string, JournalChannel>();
  readonly #byId: JournalChannel[] = [];
  durableTo: number;

  constructor(
    directory: string,
    channels: readonly ChannelState[],
    files: readonly RecoveredFile[],
    durableTo: number,
  ) {
    this.directory = directory;
    this.files = [...files];
    this.durableTo = durableTo;
    for (const state of channels) {
      const channel = this.channel(state.name);
      channel.id = state.id;
      channel.term = state.term;
      channel.truncatedTo = state.truncatedTo;
      channel.end = state.end;
      this.#byId[state.id] = channel;
    }
  }

  channel(name: string): JournalChannel {
    let channel = this.#byName.get(name);
    if (channel === undefined) this.#byName.set(name, (channel = new JournalChannel(name)));
    return channel;
  }

  channels(): Iterable<JournalChannel> {
    return this.#byName.values();
  }

  /** Ids are small and never given twice. */
  register(channel: JournalChannel): void {
    if (channel.id !== 0) return;
    channel.id = Math.max(1, this.#byId.length);
    this.#byId[channel.id] = channel;
  }

  pathOf(file: RecoveredFile): string {
    return join(this.directory, fileName(file.sequence));
  }

  begin(sequence: number, firstPosition: number): void {
    this.files.push({ sequence, firstPosition, lastByChannel: new Map(), marks: [firstPosition + FILE_HEADER_BYTES] });
  }

  /** A data record became durable. */
  add(channel: JournalChannel, position: number): void {
    let index = this.files.length - 1;
    while (present(this.files[index], "the file of a record").firstPosition > position) index -= 1;
    const file = this.files[index] as RecoveredFile;
    file.lastByChannel.set(channel.id, position);
    if (position - (file.marks.at(-1) as number) >= MARK_BYTES) file.marks.push(position);
    channel.end = position + 1;
  }

  /** The first file that has a record of `channel` at or after `position`. */
  fileFor(channel: JournalChannel, position: number): RecoveredFile | null {
    return this.files.find((file) => (file.lastByChannel.get(channel.id) ?? -1) >= position) ?? null;
  }

  /** Position behind the last durable record of a file that is in the catalog. */
  endOf(file: RecoveredFile): number {
    const first = present(this.files[0], "the oldest file");
    assert(file.sequence >= first.sequence, "a file in use has not been deleted");
    return this.files[file.sequence + 1 - first.sequence]?.firstPosition ?? this.durableTo;
  }

  /** Takes the oldest files that nobody needs out of the catalog; the one that is written to stays. */
  takeDeletable(): number[] {
    const sequences: number[] = [];
    while (this.files.length > 1) {
      const file = this.files[0] as RecoveredFile;
      for (const [id, last] of file.lastByChannel) {
        if (last >= present(this.#byId[id], "the channel of a record").truncatedTo) return sequences;
      }
      sequences.push(file.sequence);
      this.files.shift();
    }
    return sequences;
  }
}

/** The last mark at or before `position`, from which a reader walks the records. */
export function markBefore(file: RecoveredFile, position: number): number {
  const { marks } = file;
  let low = 0;
  let high = marks.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((marks[middle] as number) <= position) low = middle;
    else high = middle;
  }
  return marks[low] as number;
}
