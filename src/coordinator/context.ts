/** What the coordinator's parts share: the meta table, the broadcaster, the oracles, and the services they call. */

import type { Runtime } from "../base/host/runtime.ts";
import { encodeJson } from "../base/json.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { MetaStore, Operation } from "../metastore/metastore.ts";
import { type MetadataMessage, controlChannel } from "../model/message.ts";
import type { CollectionInfo } from "../model/schema.ts";
import type { ObjectStore } from "../objectstore/objectstore.ts";
import type { QueryService, StreamingService } from "../rpc/services.ts";
import type { Client } from "../rpc/transport.ts";
import type { Broadcaster, Change } from "./broadcaster.ts";
import type { Catalog } from "./catalog.ts";
import { collectionKey } from "./meta-keys.ts";
import type { TimestampOracle } from "./timestamp-oracle.ts";

export interface Context {
  readonly store: MetaStore;
  readonly objects: ObjectStore;
  readonly runtime: Runtime;
  readonly catalog: Catalog;
  readonly broadcaster: Broadcaster;
  readonly timestamps: TimestampOracle;
  readonly ids: TimestampOracle;
  readonly streaming: Client<StreamingService>;
  readonly query: Client<QueryService>;
  /** Physical channels of this cluster; the first carries the control channel. */
  readonly channels: readonly string[];
}

/** A metadata change that concerns no data channel: it stands in the control channel. */
export function metadataChange(
  context: Context,
  type: MetadataMessage["type"],
  change: Readonly<Record<string, unknown>>,
  operations: readonly Operation[],
): Change {
  const virtualChannel = controlChannel(context.channels[0]!);
  return { appends: [{ virtualChannel, messages: [{ type, change }] }], operations };
}

export function putJson(key: string, value: unknown): Operation {
  return { put: key, value: encodeJson(value) };
}

export function putCollection(collection: CollectionInfo): Operation {
  return putJson(collectionKey(collection.databaseId, collection.collectionId), collection);
}

/** The collection with a change, under a new update timestamp (which tells clients that their schema is stale). */
export function updated(
  collection: CollectionInfo,
  change: Partial<CollectionInfo>,
  updateTimestamp: Timestamp,
): CollectionInfo {
  return { ...collection, ...change, updateTimestamp };
}
