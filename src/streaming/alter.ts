/**
 * A change of a collection on one of its channels.
 *
 * Always true:
 *  - a change of the fields closes, in its own record, every growing segment of the channel: no row comes into one that was begun with
 *    another schema (I 10.18); so does a truncation, so that what it takes away grows no further;
 *  - who is told that the change is there reads with it.
 */

import type { Timestamp } from "../base/timestamp.ts";
import { truncatedUntil } from "../model/expiry.ts";
import type { AlterCollectionMessage } from "../model/message.ts";
import type { Channel } from "./channel.ts";

export async function appendAlteration(
  channel: Channel,
  virtualChannel: string,
  message: AlterCollectionMessage,
): Promise<Timestamp> {
  const { wal } = channel;
  const { collection } = message;
  const known = channel.delegator(virtualChannel).collection;
  const isClosing =
    collection.schema.version !== known.schema.version || truncatedUntil(collection) !== truncatedUntil(known);
  const { timeTick } = isClosing
    ? await wal.flush(virtualChannel, collection.collectionId, null, [message])
    : await wal.append(virtualChannel, [message]);
  // It is durable. If this owner can apply nothing any more, the next one does before it serves.
  await wal.waitFor(timeTick).catch(() => undefined);
  return timeTick;
}
