/**
 * A manifest as a file.
 *
 *   {"magic":"elanus-segment","crc32":"<8 hex digits>","manifest":<body>}
 *
 * The body is canonical JSON: keys ascend, no spaces, 64-bit integers as decimal strings. The CRC-32 is of the bytes of the body.
 *
 * Always true:
 *  - a version is published with put-if-absent, so of two writers of one version one learns that it lost;
 *  - a reader that does not know the format version, or one of the features, refuses and says which.
 */

import { crc32 } from "node:zlib";
import { ObjectExists, type ObjectStore } from "../objectstore/objectstore.ts";
import { corruptFile, decodeFile, readFailure } from "./checked-read.ts";
import { manifestKey } from "./keys.ts";
import { FORMAT_VERSION, KNOWN_FEATURES, type SegmentManifest } from "./manifest.ts";
import { manifestFromJson, manifestToJson } from "./manifest-json.ts";

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

/** Format and features are looked at before the rest: the rest of a newer format may look different. */
function refuseUnknown(json: unknown, key: string): void {
  const { formatVersion, features } = (json ?? {}) as { formatVersion?: unknown; features?: unknown };
  if (formatVersion !== FORMAT_VERSION) {
    const reason = "the segment was written in a format that this version does not know; use a newer one";
    throw corruptFile(key, reason, { formatVersion: String(formatVersion), known: FORMAT_VERSION });
  }
  for (const feature of Array.isArray(features) ? features : []) {
    if (KNOWN_FEATURES.includes(feature)) continue;
    const reason = "the segment needs a feature that this version does not know; use a newer one";
    throw corruptFile(key, reason, { feature: String(feature) });
  }
}
