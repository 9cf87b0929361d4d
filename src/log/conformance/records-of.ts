/** Records for the suites: made, appended, read back. */

import type { LogBackend, LogPosition, LogRecord, LogWriter, ReadOptions } from "../log.ts";

const encoder = new TextEncoder();
export const decoder = new TextDecoder();

export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes that differ from place to place and from seed to seed. */
export function patternBytes(count: number, seed: number): Uint8Array {
  const body = new Uint8Array(count);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let index = 0; index < count; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    body[index] = state >>> 24;
  }
  return body;
}

export async function collect(log: LogBackend, channel: string, options?: ReadOptions): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of log.read(channel, options)) records.push(record);
  return records;
}

export async function texts(log: LogBackend, channel: string, options?: ReadOptions): Promise<string[]> {
  return (await collect(log, channel, options)).map((record) => decoder.decode(record.body));
}

export async function hexBodies(log: LogBackend, channel: string): Promise<string[]> {
  return (await collect(log, channel)).map((record) => Buffer.from(record.body).toString("hex"));
}

export async function appendTexts(writer: LogWriter, ...bodies: string[]): Promise<LogPosition[]> {
  const positions: LogPosition[] = [];
  for (const body of bodies) positions.push(await writer.append([bytes(body)]));
  return positions;
}

export function ascending(positions: readonly LogPosition[]): boolean {
  return positions.every((position, index) => index === 0 || position > (positions[index - 1] as LogPosition));
}

/** The first `count` records of a following read. */
export async function follow(
  log: LogBackend,
  channel: string,
  count: number,
  from?: LogPosition,
): Promise<LogRecord[]> {
  const stop = new AbortController();
  const options = { follow: true, signal: stop.signal, ...(from === undefined ? {} : { from }) };
  const records: LogRecord[] = [];
  if (count === 0) return records;
  for await (const record of log.read(channel, options)) {
    records.push(record);
    if (records.length === count) stop.abort();
  }
  return records;
}
