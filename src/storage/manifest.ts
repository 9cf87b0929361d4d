/**
 * The manifest: one small file that says what a segment is. Whatever a manifest does not name does not belong to the segment.
 *
 *   {"magic":"elanus-segment","crc32":"<8 hex digits>","manifest":<body>}
 *
 * The body is canonical JSON: keys ascend, no spaces, 64-bit integers as decimal strings. The CRC-32 is of the bytes of the body.
 *
 * Always true:
 *  - it is written after the files that it names, and never changed: a change is a new version, published with put-if-absent, so of
 *    two writers of one version one learns that it lost;
 *  - a reader that does not know the format version, or one of the features, refuses and says which;
 *  - it holds everything that is needed to read the segment, the fields included: the collection may have changed since.
 *
 * Not here: which version of a segment counts (metastore), index files (they have metadata of their own).
 */

import { crc32 } from "node:zlib";
import { milvusError } from "../base/errors.ts";
import type { Timestamp } from "../base/timestamp.ts";
import type { DataType, SegmentLevel, SegmentState } from "../model/types.ts";
import { ObjectExists, type ObjectStore } from "../objectstore/objectstore.ts";
import { type FileFacts, corruptFile, decodeFile, readFailure } from "./checked-read.ts";
import type { DeltaFile } from "./deltas.ts";
import { manifestKey } from "./keys.ts";
import { manifestFromJson, manifestToJson } from "./manifest-json.ts";
import type { FileField } from "./parquet/physical.ts";
import type { ColumnFile } from "./parquet/write.ts";

export const FORMAT_VERSION = 1;
/** Features that this code understands; a manifest that needs another is refused. None so far. */
export const KNOWN_FEATURES: readonly string[] = [];

export interface ManifestField extends FileField {
  readonly elementType: DataType;
  readonly isPrimaryKey: boolean;
  readonly isDynamic: boolean;
}

/** The five facts of Milvus's FieldBinlog are `file.bytes`, `file.key`, `file.rowCount`, `timestampFrom` and `timestampTo`. */
export interface ColumnGroup {
  readonly groupId: bigint;
  readonly logId: bigint;
  readonly timestampFrom: Timestamp;
  readonly timestampTo: Timestamp;
  readonly file: ColumnFile;
}

export interface StatisticsFile {
  readonly fieldId: bigint;
  readonly logId: bigint;
  readonly file: FileFacts;
}

export interface SegmentManifest {
  readonly formatVersion: number;
  readonly features: readonly string[];
  /** Counts from 1. */
  readonly manifestVersion: number;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly segmentId: bigint;
  /** The virtual channel. */
  readonly channel: string;
  readonly level: SegmentLevel;
  readonly state: SegmentState;
  readonly schemaVersion: number;
  readonly fields: readonly ManifestField[];
  readonly rowCount: number;
  readonly isSortedByKey: boolean;
  readonly timestampFrom: Timestamp;
  readonly timestampTo: Timestamp;
  /** Positions in the log, as the log backend writes them. */
  readonly startPosition: string;
  readonly endPosition: string;
  readonly groups: readonly ColumnGroup[];
  readonly statistics: readonly StatisticsFile[];
  readonly deltas: readonly DeltaFile[];
}

const HEAD = /^\{"magic":"elanus-segment","crc32":"([0-9a-f]{8})","manifest":$/;
const HEAD_BYTES = '{"magic":"elanus-segment","crc32":"00000000","manifest":'.length;

export function encodeManifest(manifest: SegmentManifest): Uint8Array {
  const body = manifestToJson(manifest);
  const checksum = crc32(body).toString(16).padStart(8, "0");
  return Buffer.from(`{"magic":"elanus-segment","crc32":"${checksum}","manifest":${body}}`, "utf8");
}

/** `key` is the file's, for the error that names it. */
export function decodeManifest(bytes: Uint8Array, key: string): SegmentManifest {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = HEAD.exec(file.subarray(0, HEAD_BYTES).toString("latin1"));
  if (head === null) throw corruptFile(key, "this is not a segment manifest");
  const body = file.subarray(HEAD_BYTES, file.byteLength - 1);
  if (file.at(-1) !== 0x7d || crc32(body).toString(16).padStart(8, "0") !== head[1]) {
    throw corruptFile(key, "the segment manifest has the wrong checksum");
  }
  const json = decodeFile(key, () => JSON.parse(body.toString("utf8")) as unknown);
  refuseUnknown(json, key);
  return decodeFile(key, () => manifestFromJson(json));
}

/** Throws `ObjectExists` when this version was published by somebody else; repeating one's own publication is harmless. */
export async function publishManifest(store: ObjectStore, manifest: SegmentManifest): Promise<string> {
  const key = manifestKey(manifest, manifest.manifestVersion);
  const bytes = encodeManifest(manifest);
  try {
    await store.put(key, bytes, { ifAbsent: true });
  } catch (thrown) {
    if (!(thrown instanceof ObjectExists) || Buffer.compare(await store.get(key), bytes) !== 0) throw thrown;
  }
  return key;
}

export async function readManifest(store: ObjectStore, key: string): Promise<SegmentManifest> {
  let bytes: Uint8Array;
  try {
    bytes = await store.get(key);
  } catch (thrown) {
    throw readFailure(key, thrown);
  }
  const manifest = decodeManifest(bytes, key);
  if (manifestKey(manifest, manifest.manifestVersion) !== key) {
    throw corruptFile(key, "the segment manifest is that of another segment or version");
  }
  return manifest;
}

/** The next version of a segment, with one more delta log. */
export function withDeltas(manifest: SegmentManifest, delta: DeltaFile): SegmentManifest {
  return { ...manifest, manifestVersion: manifest.manifestVersion + 1, deltas: [...manifest.deltas, delta] };
}

/** Format and features are looked at before the rest: the rest of a newer format may look different. */
function refuseUnknown(json: unknown, key: string): void {
  const { formatVersion, features } = (json ?? {}) as { formatVersion?: unknown; features?: unknown };
  if (formatVersion !== FORMAT_VERSION) {
    throw milvusError(
      "DataIntegrity",
      "the segment was written in a format that this version does not know; use a newer one",
      {
        key,
        formatVersion: String(formatVersion),
        known: FORMAT_VERSION,
      },
    );
  }
  for (const feature of Array.isArray(features) ? features : []) {
    if (KNOWN_FEATURES.includes(feature)) continue;
    throw milvusError("DataIntegrity", "the segment needs a feature that this version does not know; use a newer one", {
      key,
      feature: String(feature),
    });
  }
}
