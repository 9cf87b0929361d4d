/** Messages too large for one record, cut into such that fit. */

import { batchBytes, columnBytes, takeBatch } from "../model/columns.ts";
import { type InsertMessage, type Message, MessageType } from "../model/message.ts";

/** Bytes of rows and keys; the rest of a message is small. */
export function sizeOf(messages: readonly Message[]): number {
  let bytes = 0;
  for (const message of messages) {
    if (message.type === MessageType.Insert) bytes += batchBytes(message.batch) + message.rowIds.byteLength;
    else if (message.type === MessageType.Delete) bytes += columnBytes(message.keys);
  }
  return bytes;
}

/** Inserts cut by rows so that each part fits; other messages are small enough as they are. */
export function* splitMessages(messages: readonly Message[], limitBytes: number): Generator<Message> {
  for (const message of messages) {
    if (message.type === MessageType.Insert) yield* splitInsert(message, limitBytes);
    else yield message;
  }
}

function* splitInsert(message: InsertMessage, limitBytes: number): Generator<InsertMessage> {
  const { rowCount } = message.batch;
  if (rowCount <= 1 || sizeOf([message]) <= limitBytes) return yield message;
  // Rows differ in size, so halves are looked at again.
  const middle = Math.ceil(rowCount / 2);
  yield* splitInsert(rowsOf(message, 0, middle), limitBytes);
  yield* splitInsert(rowsOf(message, middle, rowCount), limitBytes);
}

function rowsOf(message: InsertMessage, start: number, end: number): InsertMessage {
  const rows = Uint32Array.from({ length: end - start }, (_, at) => start + at);
  return { ...message, rowIds: message.rowIds.slice(start, end), batch: takeBatch(message.batch, rows) };
}
