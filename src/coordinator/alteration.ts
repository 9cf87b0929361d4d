/** A change of a collection as what it is carried out with: messages to all its channels, and what the metadata say afterwards. */

import type { Operation } from "../metastore/metastore.ts";
import { type Message, MessageType } from "../model/message.ts";
import type { CollectionInfo } from "../model/schema.ts";
import type { Change } from "./broadcaster.ts";
import { type Context, putCollection, updated } from "./context.ts";

/** The collection with a change, told to every channel of it. */
export async function alteration(
  context: Context,
  collection: CollectionInfo,
  change: Partial<CollectionInfo>,
): Promise<Change> {
  const altered = updated(collection, change, await context.timestamps.allocate());
  return everyChannel(collection, { type: MessageType.AlterCollection, collection: altered }, [putCollection(altered)]);
}

/** One message to every data channel of the collection. */
export function everyChannel(collection: CollectionInfo, message: Message, operations: readonly Operation[]): Change {
  return {
    appends: collection.virtualChannels.map((virtualChannel) => ({ virtualChannel, messages: [message] })),
    operations,
  };
}
