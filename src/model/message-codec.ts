/**
 * The bytes of a log record.
 *
 *     u8 0xE1 | u8 version 1 | u16 message count | u32 bytes of channel name | u64 time tick | u64 confirmed | u64 last confirmed
 *     u64 transaction id | u32 bytes of idempotency key | u32 0 | channel name | idempotency key | zeros to a multiple of 8
 *     each message: u16 type | u16 0 | u32 bytes of header | u64 bytes of body | header (JSON) padded to 8 | body padded to 8
 *
 * Bodies: Insert has the row ids, i64 each, then the batch; Delete has a batch of one column, the keys; others have none. The header of a
 * record is written last, when its time tick is known, so that everything large can be encoded before the log is locked.
 */

import { assert } from "../base/assert.ts";
import { milvusError } from "../base/errors.ts";
import { decodeJson, encodeJson } from "../base/json.ts";
import { alignedBytes, decodeBatch, encodeBatch } from "./batch-codec.ts";
import { type KeyColumn, columnRows } from "./columns.ts";
import { type DeleteMessage, type InsertMessage, type LogMessages, type Message, MessageType } from "./message.ts";

const MAGIC = 0xe1;
const VERSION = 1;
const RECORD_HEADER_BYTES = 48;
const MESSAGE_HEADER_BYTES = 16;
/** The keys of a delete travel as a batch of this one column. */
const KEY_COLUMN = 0n;

/** Everything of a record but its header. */
export interface EncodedMessages {
  readonly count: number;
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

export function encodeMessages(messages: readonly Message[]): EncodedMessages {
  const parts: Uint8Array[] = [];
  for (const message of messages) {
    const body = encodeBody(message);
    const header = encodeJson(headerOf(message));
    const head = new DataView(new ArrayBuffer(MESSAGE_HEADER_BYTES));
    head.setUint16(0, message.type, true);
    head.setUint32(4, header.byteLength, true);
    head.setBigUint64(8, BigInt(sumBytes(body)), true);
    parts.push(new Uint8Array(head.buffer), header, padding(header.byteLength), ...body, padding(sumBytes(body)));
  }
  return { count: messages.length, parts, bytes: sumBytes(parts) };
}

/** The record as parts to be appended one after the other. */
export function encodeRecord(head: Omit<LogMessages, "messages">, messages: EncodedMessages): Uint8Array[] {
  assert(messages.count <= 0xffff, "a record has at most 65,535 messages");
  const channel = Buffer.from(head.channel, "utf8");
  const key = Buffer.from(head.idempotencyKey, "utf8");
  const bytes = new Uint8Array(align(RECORD_HEADER_BYTES + channel.byteLength + key.byteLength));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, MAGIC);
  view.setUint8(1, VERSION);
  view.setUint16(2, messages.count, true);
  view.setUint32(4, channel.byteLength, true);
  view.setBigUint64(8, head.timeTick, true);
  view.setBigUint64(16, head.confirmed, true);
  view.setBigUint64(24, head.lastConfirmed, true);
  view.setBigUint64(32, head.transactionId, true);
  view.setUint32(40, key.byteLength, true);
  bytes.set(channel, RECORD_HEADER_BYTES);
  bytes.set(key, RECORD_HEADER_BYTES + channel.byteLength);
  return [bytes, ...messages.parts];
}

/** Views `bytes`, which must stay unchanged as long as the messages live. */
export function decodeRecord(record: Uint8Array): LogMessages {
  // Columns are viewed in place, so the record itself must start on a multiple of 8.
  const bytes = alignedBytes(record);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const part = (start: number, length: number): Uint8Array => {
    if (start + length > bytes.byteLength)
      throw corrupted(`it ends at byte ${bytes.byteLength}, but ${start + length} are named`);
    return bytes.subarray(start, start + length);
  };
  part(0, RECORD_HEADER_BYTES);
  if (view.getUint8(0) !== MAGIC) throw corrupted("it does not begin like one");
  if (view.getUint8(1) !== VERSION)
    throw corrupted(`it is of format ${view.getUint8(1)}, and this version reads ${VERSION}`);
  const channelBytes = view.getUint32(4, true);
  const keyBytes = view.getUint32(40, true);
  const messages: Message[] = [];
  let at = align(RECORD_HEADER_BYTES + channelBytes + keyBytes);
  for (let count = view.getUint16(2, true); count > 0; count -= 1) {
    part(at, MESSAGE_HEADER_BYTES);
    const type = view.getUint16(at, true);
    const headerBytes = view.getUint32(at + 4, true);
    const bodyBytes = Number(view.getBigUint64(at + 8, true));
    const headerStart = at + MESSAGE_HEADER_BYTES;
    const bodyStart = headerStart + align(headerBytes);
    messages.push(decodeMessage(type, decodeJson(part(headerStart, headerBytes)), part(bodyStart, bodyBytes)));
    at = bodyStart + align(bodyBytes);
  }
  return {
    channel: Buffer.from(part(RECORD_HEADER_BYTES, channelBytes)).toString("utf8"),
    timeTick: view.getBigUint64(8, true),
    confirmed: view.getBigUint64(16, true),
    lastConfirmed: view.getBigUint64(24, true),
    transactionId: view.getBigUint64(32, true),
    idempotencyKey: Buffer.from(part(RECORD_HEADER_BYTES + channelBytes, keyBytes)).toString("utf8"),
    messages,
  };
}

function headerOf(message: Message): Record<string, unknown> {
  switch (message.type) {
    case MessageType.Insert: {
      const { type: _type, rowIds, batch: _batch, ...header } = message;
      return { ...header, rows: rowIds.length };
    }
    case MessageType.Delete: {
      const { type: _type, keys: _keys, ...header } = message;
      return header;
    }
    default: {
      const { type: _type, ...header } = message;
      return header;
    }
  }
}

function encodeBody(message: Message): Uint8Array[] {
  switch (message.type) {
    case MessageType.Insert: {
      assert(message.rowIds.length === message.batch.rowCount, "an insert has one row id a row");
      const { buffer, byteOffset, byteLength } = message.rowIds;
      return [new Uint8Array(buffer, byteOffset, byteLength), ...encodeBatch(message.batch)];
    }
    case MessageType.Delete:
      return encodeBatch({ rowCount: columnRows(message.keys), columns: new Map([[KEY_COLUMN, message.keys]]) });
    default:
      return [];
  }
}

function decodeMessage(type: number, header: Record<string, unknown>, body: Uint8Array): Message {
  if (type === MessageType.Insert) {
    const { rows, ...rest } = header as { rows: number } & Omit<InsertMessage, "type" | "rowIds" | "batch">;
    if (body.byteLength < rows * 8) throw corrupted("an insert has fewer row ids than rows");
    const rowIds = new BigInt64Array(body.buffer, body.byteOffset, rows);
    return { type, ...rest, rowIds, batch: decodeBatch(body.subarray(rows * 8)) };
  }
  if (type === MessageType.Delete) {
    const keys = decodeBatch(body).columns.get(KEY_COLUMN);
    if (keys === undefined) throw corrupted("a delete has no keys");
    return { type, ...(header as Omit<DeleteMessage, "type" | "keys">), keys: keys as KeyColumn };
  }
  return { type, ...header } as Message;
}

function corrupted(what: string): Error {
  return milvusError("DataIntegrity", `a log record cannot be read: ${what}`);
}

function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function padding(bytes: number): Uint8Array {
  return new Uint8Array(align(bytes) - bytes);
}

function sumBytes(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0);
}
