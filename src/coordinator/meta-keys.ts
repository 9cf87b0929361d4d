/** Where the coordinator keeps what in the MetaStore; the key map follows Milvus's. Values are JSON (`base/json.ts`). */

const ROOT = "by-dev/meta";

export const TIMESTAMP_KEY = "by-dev/kv/gid/timestamp";
export const ID_KEY = "by-dev/kv/gid/idTimestamp";
export const DATABASES = `${ROOT}/root-coord/database/db-info/`;
export const COLLECTIONS = `${ROOT}/root-coord/database/collection-info/`;
export const ALIASES = `${ROOT}/root-coord/database/alias/`;
export const INDEXES = `${ROOT}/field-index/`;
export const SEGMENT_INDEXES = `${ROOT}/segment-index/`;
export const LOADS = `${ROOT}/querycoord-collection-loadinfo/`;
export const SEGMENTS = `${ROOT}/datacoord-meta/s/`;
export const DELETES_FLUSHED = `${ROOT}/datacoord-meta/deletes-flushed/`;
export const READABLE_FROM = `${ROOT}/datacoord-meta/readable-from/`;
export const DROPPED = `${ROOT}/datacoord-meta/dropped/`;
export const RETIRED = `${ROOT}/datacoord-meta/retired/`;
export const COMPACTIONS = `${ROOT}/datacoord-meta/compaction-task/`;
export const PCHANNELS = `${ROOT}/streamingcoord-meta/pchannel/`;
export const BROADCASTS = `${ROOT}/streamingcoord-meta/broadcast-task/`;
export const CHECKPOINTS = `${ROOT}/streamingnode-meta/wal/`;

export function databaseKey(databaseId: bigint): string {
  return `${DATABASES}${databaseId}`;
}

export function collectionKey(databaseId: bigint, collectionId: bigint): string {
  return `${COLLECTIONS}${databaseId}/${collectionId}`;
}

export function aliasKey(databaseId: bigint, alias: string): string {
  return `${ALIASES}${databaseId}/${alias}`;
}

export function indexKey(collectionId: bigint, indexId: bigint): string {
  return `${INDEXES}${collectionId}/${indexId}`;
}

export function loadKey(collectionId: bigint): string {
  return `${LOADS}${collectionId}`;
}

export function segmentKey(collectionId: bigint, partitionId: bigint, segmentId: bigint): string {
  return `${SEGMENTS}${collectionId}/${partitionId}/${segmentId}`;
}

/** All segments of a collection, or of one partition of it. */
export function segmentPrefix(collectionId: bigint, partitionId: bigint | null): string {
  return partitionId === null ? `${SEGMENTS}${collectionId}/` : `${SEGMENTS}${collectionId}/${partitionId}/`;
}

export function segmentIndexKey(index: {
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly segmentId: bigint;
  readonly indexId: bigint;
}): string {
  return `${SEGMENT_INDEXES}${index.collectionId}/${index.partitionId}/${index.segmentId}/${index.indexId}`;
}

export function deletesFlushedKey(virtualChannel: string): string {
  return `${DELETES_FLUSHED}${virtualChannel}`;
}

export function readableFromKey(virtualChannel: string): string {
  return `${READABLE_FROM}${virtualChannel}`;
}

/** Files of a dropped collection (or partition of it) that may be removed. */
export function droppedKey(collectionId: bigint, partitionId: bigint | null): string {
  return `${DROPPED}${collectionId}/${partitionId ?? "all"}`;
}

export function droppedSegmentKey(collectionId: bigint, partitionId: bigint, segmentId: bigint): string {
  return `${DROPPED}${collectionId}/${partitionId}/${segmentId}`;
}

/** A segment that a compaction took the place of; its files wait until nobody reads them. */
export function retiredSegmentKey(collectionId: bigint, partitionId: bigint, segmentId: bigint): string {
  return `${RETIRED}${collectionId}/${partitionId}/${segmentId}`;
}

/** A compaction that somebody asked for and that has not ended. */
export function compactionKey(compactionId: bigint): string {
  return `${COMPACTIONS}${compactionId}`;
}

export function pchannelKey(channel: string): string {
  return `${PCHANNELS}${channel}`;
}

export function broadcastKey(broadcastId: bigint): string {
  return `${BROADCASTS}${broadcastId}`;
}

/** Writes that clients named, whose records have left the log. */
export function keyedWritesKey(channel: string): string {
  return `${CHECKPOINTS}${channel}/keyed-writes`;
}

export function checkpointKey(channel: string): string {
  return `${CHECKPOINTS}${channel}/consume-checkpoint`;
}
