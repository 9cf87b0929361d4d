/**
 * JournalWriter: appends batches of records to the journal's files and makes them durable. It blocks; it runs in the writer thread.
 *
 * Always true:
 *  - a record's outcome is a position only after a sync that covers it returned;
 *  - a sync that fails is never asked again: `FailedSync` ends the process, for nobody can know what the kernel dropped;
 *  - a full disk fails a batch and nothing else: what was half written is wiped before the next batch, and each batch tries anew;
 *  - behind the records `reserveBytes` are always allocated, so that truncations, which give space back, can be written to a full disk;
 *  - zeros are written ahead in steps, so that most syncs need not change the size of the file; the next file is made ahead too.
 */

import { join } from "node:path";
import { assert } from "../../base/assert.ts";
import { CarefulFiles, DiskFull, diskFull } from "./careful-files.ts";
import type { JournalFiles } from "./files.ts";
import {
  CLOSE,
  DATA,
  FILE_HEADER_BYTES,
  OPENING,
  RECORD_HEADER_BYTES,
  beginRecord,
  encodeChannelBody,
  encodeFileHeader,
  fileName,
  mergeChannelState,
  parseChannelBody,
  parseRecordHeader,
  recordBytes,
  sealRecord,
  type ChannelState,
  type RecordKind,
} from "./format.ts";
import { recover, type Recovery } from "./recover.ts";

export interface WriterOptions {
  /** A file takes no more data records beyond this; one record may be larger. */
  readonly fileBytes: number;
  /** Zeros written ahead at a time. */
  readonly stepBytes: number;
  readonly reserveBytes: number;
}

/** Records laid out one behind the other; what `beginRecord` does is done. */
export interface Pack {
  readonly bytes: Uint8Array;
  readonly records: number;
}

export interface BegunFile {
  readonly sequence: number;
  readonly firstPosition: number;
}

export interface BatchOutcome {
  /** For each pack the position of each record, NaN where it failed. */
  readonly positions: Float64Array[];
  readonly begun: BegunFile[];
  readonly failure: { readonly text: string; readonly wiped: boolean } | null;
  /** Everything before this position is durable. */
  readonly durableTo: number;
}

interface PlacedRecord {
  readonly pack: number;
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly offset: number;
  readonly total: number;
  readonly kind: RecordKind;
}

export class JournalWriter {
  readonly #files: JournalFiles;
  readonly #careful: CarefulFiles;
  readonly #directory: string;
  readonly #options: WriterOptions;
  readonly #channels = new Map<number, ChannelState>();
  /** The `end` of each channel, kept apart because every record moves it. */
  readonly #ends = new Map<number, number>();
  #sequence = 0;
  #file = -1;
  #firstPosition = 0;
  #openingEnd = 0;
  /** Offset in the file of the next record; everything before it is durable. */
  #tail = 0;
  #allocated = 0;
  /** End of what a failed batch may have left behind the tail. */
  #dirtyEnd = 0;
  #prepared: { readonly sequence: number; readonly file: number; readonly allocated: number } | null = null;
  #begun: BegunFile[] = [];

  constructor(files: JournalFiles, directory: string, options: WriterOptions) {
    this.#files = files;
    this.#careful = new CarefulFiles(files);
    this.#directory = directory;
    this.#options = options;
  }

  /** Reads what is there, wipes a torn tail, and is ready to write. Throws what `recover` throws, or `LogUnavailable`. */
  open(): Recovery {
    this.#files.makeDirectory(this.#directory);
    const recovery = recover(this.#files, this.#directory);
    for (const [id, state] of recovery.channels) {
      this.#channels.set(id, state);
      this.#ends.set(id, state.end);
    }
    const superfluous = recovery.unbegun === null ? recovery.stale : [...recovery.stale, recovery.unbegun];
    for (const sequence of superfluous) this.#files.remove(this.#path(sequence));
    if (superfluous.length > 0) this.#careful.syncDirectory(this.#directory);
    const last = recovery.files.at(-1);
    if (last === undefined) {
      this.#rotate();
      return {
        ...recovery,
        files: [{ sequence: 1, firstPosition: 0, lastByChannel: new Map(), marks: [FILE_HEADER_BYTES] }],
        end: this.#tail,
      };
    }
    this.#sequence = last.sequence;
    this.#firstPosition = last.firstPosition;
    this.#file = this.#files.open(this.#path(last.sequence), "change");
    this.#tail = recovery.end - last.firstPosition;
    this.#openingEnd = FILE_HEADER_BYTES;
    this.#allocated = this.#files.size(this.#file);
    if (recovery.torn !== null) this.#writeZeros(recovery.torn.offset, recovery.torn.end);
    // The process that wrote the tail may have died before its sync: it is made durable before anybody reads it.
    this.#sync();
    return recovery;
  }

  #path(sequence: number): string {
    return join(this.#directory, fileName(sequence));
  }

  write(packs: readonly Pack[]): BatchOutcome {
    const positions = packs.map((pack) => new Float64Array(pack.records).fill(NaN));
    let failure: BatchOutcome["failure"] = null;
    this.#begun = [];
    let run: PlacedRecord[] = [];
    let runEnd = this.#tail;
    let noNextFile = false;
    const flush = (): void => {
      if (run.length > 0) failure = this.#writeRun(run, positions) ?? failure;
      run = [];
      runEnd = this.#tail;
    };
    for (const record of placed(packs)) {
      const isFull = runEnd + record.total > this.#options.fileBytes && runEnd > this.#openingEnd;
      if (record.kind === DATA && isFull) {
        flush();
        // After a failure the tail has not moved, so there may be room still.
        if (this.#tail + record.total > this.#options.fileBytes && this.#tail > this.#openingEnd) {
          if (noNextFile) continue;
          try {
            this.#rotate();
          } catch (refusal) {
            if (!(refusal instanceof DiskFull)) throw refusal;
            failure = { text: refusal.message, wiped: true };
            noNextFile = true;
            continue;
          }
        }
        runEnd = this.#tail;
      }
      run.push(record);
      runEnd += record.total;
    }
    flush();
    return { positions, begun: this.#begun, failure, durableTo: this.#firstPosition + this.#tail };
  }

  /** Writes and syncs; when the disk is full only the records that manage the log are tried once more. */
  #writeRun(run: PlacedRecord[], positions: Float64Array[]): BatchOutcome["failure"] {
    try {
      this.#writeSynced(
        run,
        run.every((record) => record.kind !== DATA),
      );
    } catch (refusal) {
      if (!(refusal instanceof DiskFull)) throw refusal;
      const wiped = this.#tryWipe();
      const managing = run.filter((record) => record.kind !== DATA);
      if (managing.length > 0 && managing.length < run.length && wiped) this.#writeRun(managing, positions);
      return { text: refusal.message, wiped };
    }
    let offset = this.#tail;
    for (const record of run) {
      const position = this.#firstPosition + offset;
      (positions[record.pack] as Float64Array)[record.index] = position;
      this.#remember(record, position);
      offset += record.total;
    }
    this.#tail = offset;
    return null;
  }

  #remember(record: PlacedRecord, position: number): void {
    if (record.kind === DATA) {
      const id = record.view.getUint32(record.offset + 12, true);
      assert(this.#channels.has(id), "data is written only to channels that were opened");
      this.#ends.set(id, position + 1);
      return;
    }
    if (record.kind === CLOSE) return;
    const header = parseRecordHeader(record.view, record.offset);
    assert(header !== null && header.position === position, "a record was sealed for the place where it stands");
    const from = record.offset + RECORD_HEADER_BYTES;
    const state = parseChannelBody(header, record.bytes.subarray(from, from + header.bodyBytes));
    assert(state !== null, "only channel records manage the log");
    this.#channels.set(header.channel, mergeChannelState(this.#channels.get(header.channel), state));
  }

  #writeSynced(run: readonly PlacedRecord[], mayUseReserve: boolean): void {
    if (!this.#tryWipe()) throw diskFull("a failed batch could not be wiped yet");
    const batchStart = this.#firstPosition + this.#tail;
    const parts: Uint8Array[] = [];
    let position = batchStart;
    let start: PlacedRecord | null = null;
    let previous: PlacedRecord | null = null;
    for (const record of run) {
      sealRecord(record.bytes, record.view, record.offset, position, batchStart);
      position += record.total;
      const follows =
        previous !== null && previous.bytes === record.bytes && previous.offset + previous.total === record.offset;
      if (!follows) {
        if (start !== null && previous !== null)
          parts.push(start.bytes.subarray(start.offset, previous.offset + previous.total));
        start = record;
      }
      previous = record;
    }
    if (start !== null && previous !== null)
      parts.push(start.bytes.subarray(start.offset, previous.offset + previous.total));
    const bytes = position - batchStart;
    const end = this.#tail + bytes;
    this.#dirtyEnd = end;
    this.#careful.write(this.#file, parts, this.#tail, this.#path(this.#sequence));
    this.#allocated = Math.max(this.#allocated, end);
    if (!mayUseReserve && this.#allocated < end + this.#options.reserveBytes) this.#allocateBehind(end, bytes);
    this.#sync();
    this.#dirtyEnd = 0;
  }

  /** A large batch pays for its own change of the file's size; small ones get a step of zeros that serves many of them. */
  #allocateBehind(end: number, batchBytes: number): void {
    const step = batchBytes * 4 > this.#options.stepBytes ? this.#options.reserveBytes : this.#options.stepBytes;
    try {
      this.#writeZeros(this.#allocated, end + Math.max(step, this.#options.reserveBytes));
    } catch (refusal) {
      if (!(refusal instanceof DiskFull)) throw refusal;
      if (this.#allocated < end + this.#options.reserveBytes) throw refusal;
    }
  }

  #writeZeros(from: number, to: number): void {
    try {
      this.#careful.writeZeros(this.#file, from, to, this.#path(this.#sequence));
    } finally {
      this.#allocated = Math.max(this.#allocated, this.#files.size(this.#file));
    }
  }

  /** Makes the bytes behind the tail zeros again after a failed batch, durably. */
  #tryWipe(): boolean {
    if (this.#dirtyEnd <= this.#tail) return true;
    try {
      const size = this.#files.size(this.#file);
      this.#writeZeros(this.#tail, Math.min(this.#dirtyEnd, size));
      this.#allocated = size;
    } catch (refusal) {
      if (refusal instanceof DiskFull) return false;
      throw refusal;
    }
    this.#sync();
    this.#dirtyEnd = 0;
    return true;
  }

  #sync(): void {
    this.#careful.sync(this.#file, this.#path(this.#sequence));
  }

  /** Makes the next file ahead when this one is half full, so that the change costs one small sync. Does nothing on a full disk. */
  prepareAhead(): void {
    if (this.#prepared !== null || this.#tail < this.#options.fileBytes / 2) return;
    try {
      this.#prepared = this.#make(this.#sequence + 1);
    } catch (refusal) {
      if (!(refusal instanceof DiskFull)) throw refusal;
    }
  }

  #make(sequence: number): { sequence: number; file: number; allocated: number } {
    const path = this.#path(sequence);
    const file = this.#careful.make(path);
    const allocated = Math.max(this.#options.stepBytes, this.#options.reserveBytes);
    try {
      this.#careful.writeZeros(file, 0, allocated, path);
    } catch (refusal) {
      this.#files.close(file);
      this.#files.remove(path);
      throw refusal;
    }
    this.#careful.sync(file, path);
    this.#careful.syncDirectory(this.#directory);
    return { sequence, file, allocated };
  }

  /** Begins the next file: header and opening records, synced before anything else goes into it. */
  #rotate(): void {
    if (!this.#tryWipe()) throw diskFull("a failed batch could not be wiped yet");
    const next = this.#prepared ?? this.#make(this.#sequence + 1);
    this.#prepared = next;
    const firstPosition = this.#firstPosition + this.#tail;
    const channels = [...this.#channels.values()].map((state) => ({ ...state, end: this.#ends.get(state.id) ?? 0 }));
    const opening = encodeOpening(next.sequence, firstPosition, channels);
    this.#careful.write(next.file, [opening], 0, this.#path(next.sequence));
    this.#careful.sync(next.file, this.#path(next.sequence));
    if (this.#file >= 0) this.#files.close(this.#file);
    this.#prepared = null;
    this.#file = next.file;
    this.#sequence = next.sequence;
    this.#firstPosition = firstPosition;
    this.#tail = opening.byteLength;
    this.#openingEnd = opening.byteLength;
    this.#allocated = Math.max(next.allocated, opening.byteLength);
    this.#dirtyEnd = 0;
    this.#begun.push({ sequence: next.sequence, firstPosition });
  }

  /** Deletes files from the oldest on. */
  remove(sequences: readonly number[]): void {
    for (const sequence of sequences) {
      assert(sequence < this.#sequence, "the file that is written to is not deleted");
      this.#files.remove(this.#path(sequence));
    }
    if (sequences.length > 0) this.#careful.syncDirectory(this.#directory);
  }

  /** Marks an orderly end, so that the next opening trusts every byte before the mark. */
  close(): void {
    if (this.#file < 0) return;
    const bytes = new Uint8Array(RECORD_HEADER_BYTES);
    const view = new DataView(bytes.buffer);
    beginRecord(view, 0, 0, CLOSE, 0, 0n);
    const total = recordBytes(0);
    try {
      this.#writeSynced([{ pack: 0, index: 0, bytes, view, offset: 0, total, kind: CLOSE }], true);
      this.#tail += total;
    } catch (refusal) {
      if (!(refusal instanceof DiskFull)) throw refusal;
    }
    this.#files.close(this.#file);
    if (this.#prepared !== null) this.#files.close(this.#prepared.file);
    this.#file = -1;
    this.#prepared = null;
  }
}

function* placed(packs: readonly Pack[]): Generator<PlacedRecord> {
  for (const [pack, { bytes, records }] of packs.entries()) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let offset = 0;
    for (let index = 0; index < records; index++) {
      const total = recordBytes(view.getUint32(offset + 4, true));
      const kind = view.getUint8(offset + 8) as RecordKind;
      yield { pack, index, bytes, view, offset, total, kind };
      offset += total;
    }
    assert(offset === bytes.byteLength, "a pack holds whole records and nothing else");
  }
}

export function encodeOpening(sequence: number, firstPosition: number, channels: readonly ChannelState[]): Uint8Array {
  const bodies = channels.map(encodeChannelBody);
  const total = bodies.reduce((sum, body) => sum + recordBytes(body.byteLength), FILE_HEADER_BYTES);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  bytes.set(encodeFileHeader({ sequence, firstPosition, openingRecords: channels.length }));
  let offset = FILE_HEADER_BYTES;
  for (const [index, body] of bodies.entries()) {
    const { id, term } = channels[index] as ChannelState;
    beginRecord(view, offset, body.byteLength, OPENING, id, term);
    bytes.set(body, offset + RECORD_HEADER_BYTES);
    sealRecord(bytes, view, offset, firstPosition + offset, firstPosition);
    offset += recordBytes(body.byteLength);
  }
  return bytes;
}
