/**
 * Where the files of segments lie: Milvus's paths, the same in a directory and in a bucket.
 *
 *   insert_log/<collection>/<partition>/<segment>/<group>/<log id>
 *   insert_log/<collection>/<partition>/<segment>/manifest/<version>      ours: Milvus 2.x keeps this in etcd
 *   stats_log/<collection>/<partition>/<segment>/<pk field>/<log id>
 *   delta_log/<collection>/<partition>/<segment>/<log id>
 *   bm25_stats/<collection>/<partition>/<segment>/<field>/<log id>
 *   index_files/<build>/<version>/<partition>/<segment>/<file>
 *
 * Always true:
 *  - a parser answers null for every key that its builder cannot make, so garbage collection never touches what it does not know;
 *  - a log id is used once: a key names one content for ever;
 *  - the manifest lies under the segment's own prefix, so that dropping `segmentPrefixes` drops the whole segment but its indexes.
 */

import { assert } from "../base/assert.ts";

/** A segment and where it belongs. */
export interface SegmentIds {
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly segmentId: bigint;
}

export type SegmentKey = SegmentIds &
  (
    | { readonly kind: "insert"; readonly groupId: bigint; readonly logId: bigint }
    | { readonly kind: "manifest"; readonly version: number }
    | { readonly kind: "statistics"; readonly fieldId: bigint; readonly logId: bigint }
    | { readonly kind: "delta"; readonly logId: bigint }
    | { readonly kind: "bm25"; readonly fieldId: bigint; readonly logId: bigint }
  );

export interface IndexKey {
  readonly buildId: bigint;
  readonly version: bigint;
  readonly partitionId: bigint;
  readonly segmentId: bigint;
  readonly file: string;
}

export function insertLogKey(ids: SegmentIds, groupId: bigint, logId: bigint): string {
  return `insert_log/${segmentPath(ids)}/${groupId}/${logId}`;
}

export function manifestKey(ids: SegmentIds, version: number): string {
  assert(Number.isSafeInteger(version) && version >= 1, "manifest versions count from 1");
  return `insert_log/${segmentPath(ids)}/manifest/${version}`;
}

export function statisticsKey(ids: SegmentIds, keyFieldId: bigint, logId: bigint): string {
  return `stats_log/${segmentPath(ids)}/${keyFieldId}/${logId}`;
}

export function deltaLogKey(ids: SegmentIds, logId: bigint): string {
  return `delta_log/${segmentPath(ids)}/${logId}`;
}

export function bm25StatisticsKey(ids: SegmentIds, fieldId: bigint, logId: bigint): string {
  return `bm25_stats/${segmentPath(ids)}/${fieldId}/${logId}`;
}

export function indexFileKey(index: IndexKey): string {
  assert(/^[^/\0]+$/.test(index.file) && !/^\.\.?$/.test(index.file), "an index file's name is one path segment");
  return `index_files/${index.buildId}/${index.version}/${index.partitionId}/${index.segmentId}/${index.file}`;
}

/** Everything of a segment but its index files lies under these prefixes. */
export function segmentPrefixes(ids: SegmentIds): string[] {
  return ["insert_log", "stats_log", "delta_log", "bm25_stats"].map((root) => `${root}/${segmentPath(ids)}/`);
}

export function parseSegmentKey(key: string): SegmentKey | null {
  const parts = key.split("/");
  const [root, collection, partition, segment, ...rest] = parts;
  const collectionId = parseId(collection);
  const partitionId = parseId(partition);
  const segmentId = parseId(segment);
  if (collectionId === null || partitionId === null || segmentId === null) return null;
  const ids = { collectionId, partitionId, segmentId };

  if (root === "delta_log") {
    const logId = parseId(rest[0]);
    return rest.length === 1 && logId !== null ? { ...ids, kind: "delta", logId } : null;
  }
  const logId = parseId(rest[1]);
  if (rest.length !== 2 || logId === null) return null;
  if (root === "insert_log" && rest[0] === "manifest") {
    const version = Number(logId);
    return Number.isSafeInteger(version) && version >= 1 ? { ...ids, kind: "manifest", version } : null;
  }
  const fieldId = parseId(rest[0]);
  if (fieldId === null) return null;
  if (root === "insert_log") return { ...ids, kind: "insert", groupId: fieldId, logId };
  if (root === "stats_log") return { ...ids, kind: "statistics", fieldId, logId };
  if (root === "bm25_stats") return { ...ids, kind: "bm25", fieldId, logId };
  return null;
}

export function parseIndexKey(key: string): IndexKey | null {
  const parts = key.split("/");
  if (parts.length !== 6 || parts[0] !== "index_files" || parts[5] === "") return null;
  const [buildId, version, partitionId, segmentId] = parts.slice(1, 5).map(parseId);
  if (buildId == null || version == null || partitionId == null || segmentId == null) return null;
  return { buildId, version, partitionId, segmentId, file: parts[5]! };
}

function segmentPath(ids: SegmentIds): string {
  return `${ids.collectionId}/${ids.partitionId}/${ids.segmentId}`;
}

/** Decimal without leading zeros; a minus sign for the pseudo-partition -1 of deletes that concern all partitions. */
function parseId(text: string | undefined): bigint | null {
  return text !== undefined && /^(0|-?[1-9][0-9]{0,18})$/.test(text) ? BigInt(text) : null;
}
