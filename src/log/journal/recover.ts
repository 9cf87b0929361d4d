/**
 * What a journal directory holds when it is opened: the channels, the files, where the next record goes. Changes nothing.
 *
 * Always true: either every record that can have been acknowledged is in the result, or this throws `LogCorrupted` with the file, the
 * place and what to do. A torn batch at the end of the last file is dropped: its sync never ended, so nobody was told of it.
 */

import { join } from "node:path";
import { LogCorrupted, LogUnavailable } from "../log.ts";
import type { JournalFiles } from "./files.ts";
import {
  DATA,
  FILE_HEADER_BYTES,
  OPENING,
  fileName,
  mergeChannelState,
  parseChannelBody,
  parseFileHeader,
  sequenceOf,
  type ChannelState,
  type FileHeader,
} from "./format.ts";
import { FileWindow, endOfBytes, scanRecords, validRecordsFrom, type ScanEnd, type ScannedRecord } from "./scan.ts";

/** A place to start reading is remembered about this often. */
export const MARK_BYTES = 1024 * 1024;

export interface RecoveredFile {
  readonly sequence: number;
  readonly firstPosition: number;
  /** Position of the last data record of each channel in this file. */
  readonly lastByChannel: Map<number, number>;
  /** Positions of records, ascending, about `MARK_BYTES` apart; the first is that of the first record. */
  readonly marks: number[];
}

export interface Recovery {
  readonly channels: Map<number, ChannelState>;
  /** Those that have begun. */
  readonly files: RecoveredFile[];
  /** Position of the next record. */
  readonly end: number;
  /** In the last file that has begun: the torn bytes that must be wiped before anything is written. */
  readonly torn: { readonly offset: number; readonly end: number } | null;
  /** Sequence of a file made ahead, which must be made anew. */
  readonly unbegun: number | null;
  /** Sequences of files that nobody needs and that should have been deleted. */
  readonly stale: readonly number[];
}

export function damaged(path: string, offset: number, problem: string): LogCorrupted {
  return new LogCorrupted(
    `journal file ${path} is damaged at byte ${offset}: ${problem}. Acknowledged records may be lost, so it is not skipped: ` +
      "restore the file from a copy of the disk or the database from a backup; `elanus inspect wal` lists what can be read",
  );
}

export function journalSequences(files: JournalFiles, directory: string): number[] {
  const sequences = files.list(directory).map(sequenceOf);
  return sequences.filter((sequence) => sequence !== null).toSorted((a, b) => a - b);
}

export function recover(files: JournalFiles, directory: string): Recovery {
  const sequences = journalSequences(files, directory);
  const stale: number[] = [];
  // Deleting files may have been cut short in any order; what lies before a gap matters only if something live was in the gap.
  for (let index = sequences.length - 1; index > 0; index--) {
    if ((sequences[index] as number) - (sequences[index - 1] as number) === 1) continue;
    stale.push(...sequences.splice(0, index));
    break;
  }
  const recovery = new RecoveryPass(files, directory);
  const last = sequences.at(-1);
  if (last === undefined) return recovery.result(null, stale);
  const unbegun = recovery.isUnbegun(last) ? last : null;
  if (unbegun !== null) sequences.pop();
  if (sequences.length === 0 && unbegun !== 1) throw missing(directory, last - 1);
  for (const sequence of sequences) recovery.file(sequence, sequence === sequences.at(-1));
  recovery.checkNothingLiveIsMissing();
  return recovery.result(unbegun, stale);
}

function missing(directory: string, sequence: number): LogCorrupted {
  return new LogCorrupted(
    `journal file ${join(directory, fileName(sequence))} is missing. It held records that may have been acknowledged: ` +
      "put the file back, or restore the database from a backup",
  );
}

class RecoveryPass {
  readonly #files: JournalFiles;
  readonly #directory: string;
  readonly #channels = new Map<number, ChannelState>();
  readonly #recovered: RecoveredFile[] = [];
  /** The states that the first file opens with: what older files held. */
  readonly #inherited: ChannelState[] = [];
  #end = 0;
  #torn: Recovery["torn"] = null;

  constructor(files: JournalFiles, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  result(unbegun: number | null, stale: readonly number[]): Recovery {
    return { channels: this.#channels, files: this.#recovered, end: this.#end, torn: this.#torn, unbegun, stale };
  }

  #look<T>(sequence: number, action: (window: FileWindow, path: string) => T): T {
    const path = join(this.#directory, fileName(sequence));
    const file = this.#files.open(path, "look");
    try {
      return action(new FileWindow(this.#files, file), path);
    } finally {
      this.#files.close(file);
    }
  }

  /** True for a last file whose opening was never synced: nothing else can be in it. */
  isUnbegun(sequence: number): boolean {
    return this.#look(sequence, (window, path) => {
      const parsed = parseFileHeader(window.at(0, FILE_HEADER_BYTES));
      if (parsed.state === "unknown") throw unknownFormat(path, parsed.problem);
      let offset = FILE_HEADER_BYTES;
      let problem = parsed.state === "damaged" ? parsed.problem : "an opening record is damaged";
      if (parsed.state === "good") {
        let opened = 0;
        const scan = scanRecords(window, parsed.header.firstPosition);
        while (opened < parsed.header.openingRecords) {
          const step = scan.next();
          if (step.done === true) {
            ({ offset } = step.value);
            problem = step.value.problem ?? problem;
            break;
          }
          opened += 1;
        }
        if (opened === parsed.header.openingRecords) return false;
      }
      for (const { header, offset: found } of validRecordsFrom(window, offset, null)) {
        if (header.batchStart !== header.position - found) {
          throw damaged(path, parsed.state === "good" ? offset : 0, problem);
        }
      }
      return true;
    });
  }

  file(sequence: number, isLast: boolean): void {
    this.#look(sequence, (window, path) => {
      const header = this.#header(window, path, sequence);
      const file: RecoveredFile = {
        sequence,
        firstPosition: header.firstPosition,
        lastByChannel: new Map(),
        marks: [header.firstPosition + FILE_HEADER_BYTES],
      };
      const end = this.#records(window, path, header, file);
      this.#end = header.firstPosition + end.offset;
      this.#recovered.push(file);
      if (isLast) this.#tail(window, path, end, header.firstPosition);
      else this.#full(sequence, path, end);
    });
  }

  #header(window: FileWindow, path: string, sequence: number): FileHeader {
    const parsed = parseFileHeader(window.at(0, FILE_HEADER_BYTES));
    if (parsed.state === "unknown") throw unknownFormat(path, parsed.problem);
    if (parsed.state === "damaged") throw damaged(path, 0, parsed.problem);
    const { header } = parsed;
    if (header.sequence !== sequence) throw damaged(path, 16, `it says that it is file ${header.sequence}`);
    if (this.#recovered.length > 0 && header.firstPosition !== this.#end) {
      throw damaged(path, 24, `it begins at position ${header.firstPosition}, the file before it ends at ${this.#end}`);
    }
    return header;
  }

  #records(window: FileWindow, path: string, header: FileHeader, file: RecoveredFile): ScanEnd {
    const scan = scanRecords(window, header.firstPosition);
    for (let count = 0; ; count++) {
      const step = scan.next();
      if (step.done === true) {
        if (count < header.openingRecords) {
          throw damaged(path, step.value.offset, step.value.problem ?? "opening records are missing");
        }
        return step.value;
      }
      const { position } = step.value.header;
      if (position - (file.marks.at(-1) as number) >= MARK_BYTES) file.marks.push(position);
      this.#apply(step.value, file, path);
      if (count < header.openingRecords && this.#recovered.length === 0) {
        this.#inherited.push(this.#channels.get(step.value.header.channel) as ChannelState);
      }
    }
  }

  #apply({ header, body, offset }: ScannedRecord, file: RecoveredFile, path: string): void {
    if (header.channel === 0) return;
    const known = this.#channels.get(header.channel);
    if (header.kind === DATA) {
      if (known === undefined) throw damaged(path, offset, `channel ${header.channel} was never opened`);
      this.#channels.set(header.channel, { ...known, end: header.position + 1 });
      file.lastByChannel.set(header.channel, header.position);
      return;
    }
    const state = parseChannelBody(header, body);
    if (state === null) throw damaged(path, offset, "a channel record is too short");
    if (known !== undefined && header.kind === OPENING && known.end !== state.end) {
      throw damaged(path, offset, `channel ${state.name} opens at ${state.end}, but its records end at ${known.end}`);
    }
    this.#channels.set(header.channel, mergeChannelState(known, state));
  }

  /** An earlier file: its records must run to where the next file begins, which `#header` of the next checks; wiped bytes are damage. */
  #full(sequence: number, path: string, end: ScanEnd): void {
    const next = this.#look(sequence + 1, (window) => parseFileHeader(window.at(0, FILE_HEADER_BYTES)));
    if (next.state !== "good" || next.header.sequence !== sequence + 1) return;
    if (next.header.firstPosition > this.#end) {
      throw damaged(path, end.offset, end.problem ?? "zeros where a record must be");
    }
  }

  #tail(window: FileWindow, path: string, end: ScanEnd, firstPosition: number): void {
    const bytesEnd = endOfBytes(window, end.offset);
    if (bytesEnd === end.offset) return;
    for (const { header } of validRecordsFrom(window, end.offset, firstPosition)) {
      if (header.batchStart > firstPosition + end.offset) {
        throw damaged(path, end.offset, end.problem ?? "zeros where a record must be");
      }
    }
    this.#torn = { offset: end.offset, end: bytesEnd };
  }

  /** The oldest file may be missing only because every record before the first one was truncated. */
  checkNothingLiveIsMissing(): void {
    const first = this.#recovered[0];
    if (first === undefined || first.sequence === 1) return;
    for (const { id, end } of this.#inherited) {
      const state = this.#channels.get(id);
      if (state !== undefined && end > state.truncatedTo && end > 0) {
        throw missing(this.#directory, first.sequence - 1);
      }
    }
  }
}

function unknownFormat(path: string, problem: string): LogUnavailable {
  return new LogUnavailable(
    `${path} was written by another version: ${problem}. Open it with the version that wrote it, or a newer one`,
  );
}
