/**
 * Lists everything in a journal directory without changing it, damage included: for `elanus inspect wal`.
 *
 * Where a file stops making sense the listing says so (`ok: false`) and goes on behind it with whatever is a valid record there. A journal
 * that another process is writing may be listed; its last record may then look torn.
 */

import { join } from "node:path";
import { LogCorrupted, type LogRecord } from "../log.ts";
import { nodeFiles } from "./files.ts";
import {
  DATA,
  FILE_HEADER_BYTES,
  KIND_NAMES,
  fileName,
  parseChannelBody,
  parseFileHeader,
  recordBytes,
} from "./format.ts";
import { journalSequences } from "./recover.ts";
import { FileWindow, endOfBytes, scanRecords, validRecordsFrom, type ScannedRecord } from "./scan.ts";

export interface InspectedRecord {
  readonly file: string;
  readonly offset: number;
  readonly position: bigint | null;
  /** Name of the channel, `#id` where no record names it, null for records of the journal itself and for damage. */
  readonly channel: string | null;
  readonly term: bigint | null;
  readonly kind: "file" | "data" | "opening" | "fence" | "truncation" | "close" | "damage";
  /** Bytes of the body; of damage, bytes until the next valid record or the end of what is not zeros. */
  readonly bytes: number;
  readonly ok: boolean;
  readonly problem?: string;
}

export async function* inspectJournal(directory: string): AsyncGenerator<InspectedRecord> {
  for await (const { record } of inspectRecords(directory)) yield record;
}

interface Inspected {
  readonly record: InspectedRecord;
  /** Of a valid record; valid until the next one is asked for. */
  readonly body: Uint8Array | null;
  /** Damage with nothing valid behind it, at the end of the last file. */
  readonly isTornTail?: boolean;
}

async function* inspectRecords(directory: string): AsyncGenerator<Inspected> {
  const names = new Map<number, string>();
  let expectedSequence: number | null = null;
  let expectedPosition: number | null = null;
  const sequences = journalSequences(nodeFiles, directory);
  for (const [index, sequence] of sequences.entries()) {
    for (let missing = expectedSequence ?? sequence; missing < sequence; missing++) {
      yield { record: damage(join(directory, fileName(missing)), 0, 0, "the file is missing"), body: null };
      expectedPosition = null;
    }
    expectedSequence = sequence + 1;
    const path = join(directory, fileName(sequence));
    const file = nodeFiles.open(path, "look");
    try {
      const window = new FileWindow(nodeFiles, file);
      expectedPosition = yield* inspectFile(window, path, expectedPosition, index === sequences.length - 1, names);
    } finally {
      nodeFiles.close(file);
    }
  }
}

/**
 * The data records of a journal, for who may not open it because a server has it. Ends quietly at a torn tail, and throws where the
 * journal is damaged.
 */
export async function* readJournal(directory: string): AsyncGenerator<LogRecord & { readonly channel: string }> {
  for await (const { record, body, isTornTail } of inspectRecords(directory)) {
    if (isTornTail === true) return;
    if (!record.ok) throw new LogCorrupted(`${record.file} at byte ${record.offset}: ${record.problem}`);
    if (record.kind !== "data") continue;
    yield { channel: record.channel!, term: record.term!, position: record.position!, body: body!.slice() };
  }
}

/** Returns the position where the next file must begin, or null when that is not known. */
function* inspectFile(
  window: FileWindow,
  path: string,
  expected: number | null,
  isLast: boolean,
  names: Map<number, string>,
): Generator<Inspected, number | null> {
  const parsed = parseFileHeader(window.at(0, FILE_HEADER_BYTES));
  if (parsed.state === "damaged" && isLast && endOfBytes(window, 0) === 0) {
    yield { record: fileRecord(path, null, window.fileBytes), body: null };
    return null;
  }
  if (parsed.state !== "good") yield { record: damage(path, 0, FILE_HEADER_BYTES, parsed.problem), body: null };
  const firstPosition = parsed.state === "good" ? parsed.header.firstPosition : null;
  if (firstPosition !== null) {
    const jumps = expected !== null && expected !== firstPosition;
    const record = fileRecord(path, BigInt(firstPosition), window.fileBytes);
    const problem = `it begins at position ${firstPosition}, the file before it ends at ${expected}`;
    yield { record: jumps ? { ...record, ok: false, problem } : record, body: null };
  }
  let offset = FILE_HEADER_BYTES;
  for (;;) {
    let problem = "no record header where one must be";
    if (firstPosition !== null) {
      const scan = scanRecords(window, firstPosition, offset);
      let step = scan.next();
      for (; step.done !== true; step = scan.next())
        yield { record: describe(path, step.value, names), body: step.value.body };
      offset = step.value.offset;
      problem = step.value.problem ?? "zeros where a record must be";
    }
    const next = validRecordsFrom(window, offset, firstPosition).next();
    if (next.done === true) {
      const end = endOfBytes(window, offset);
      if (end > offset) {
        const torn = isLast ? `${problem}; nothing valid follows: a torn tail, which the next opening drops` : problem;
        yield { record: damage(path, offset, end - offset, torn), body: null, isTornTail: isLast };
      }
      return firstPosition === null ? null : firstPosition + offset;
    }
    if (next.value.offset > offset)
      yield { record: damage(path, offset, next.value.offset - offset, problem), body: null };
    yield { record: describe(path, next.value, names), body: next.value.body };
    offset = next.value.offset + recordBytes(next.value.header.bodyBytes);
  }
}

function describe(path: string, { offset, header, body }: ScannedRecord, names: Map<number, string>): InspectedRecord {
  if (header.channel !== 0 && header.kind !== DATA) {
    const state = parseChannelBody(header, body);
    if (state !== null) names.set(state.id, state.name);
  }
  return {
    file: path,
    offset,
    position: BigInt(header.position),
    channel: header.channel === 0 ? null : (names.get(header.channel) ?? `#${header.channel}`),
    term: header.channel === 0 ? null : header.term,
    kind: KIND_NAMES[header.kind] as InspectedRecord["kind"],
    bytes: header.bodyBytes,
    ok: true,
  };
}

function fileRecord(file: string, position: bigint | null, bytes: number): InspectedRecord {
  return { file, offset: 0, position, channel: null, term: null, kind: "file", bytes, ok: true };
}

function damage(file: string, offset: number, bytes: number, problem: string): InspectedRecord {
  return { file, offset, position: null, channel: null, term: null, kind: "damage", bytes, ok: false, problem };
}
