/**
 * The body of a manifest as canonical JSON, and back.
 *
 * Always true: encoding what was decoded gives the same bytes; every value is checked for its type, and a wrong one is an error that
 * names its place (`groups[2].file.bytes`).
 */

import type { DataType, SegmentLevel, SegmentState } from "../model/types.ts";
import type { FileFacts } from "./checked-read.ts";
import type { DeltaFile } from "./deltas.ts";
import type { ColumnGroup, ManifestField, SegmentManifest, StatisticsFile } from "./manifest.ts";
import type { ColumnFile, VectorExtent } from "./parquet/write.ts";

export function manifestToJson(manifest: SegmentManifest): string {
  return canonical(manifest);
}

/** Keys ascend by code unit, no spaces, bigints as strings. */
function canonical(value: unknown): string {
  if (typeof value === "bigint") return `"${value}"`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
    return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

export function manifestFromJson(json: unknown): SegmentManifest {
  const body = new Place(json, "manifest");
  return {
    formatVersion: body.count("formatVersion"),
    features: body.list("features", (item) => item.asText()),
    manifestVersion: body.count("manifestVersion"),
    collectionId: body.long("collectionId"),
    partitionId: body.long("partitionId"),
    segmentId: body.long("segmentId"),
    channel: body.text("channel"),
    level: body.count("level") as SegmentLevel,
    state: body.count("state") as SegmentState,
    schemaVersion: body.count("schemaVersion"),
    fields: body.list("fields", field),
    rowCount: body.count("rowCount"),
    isSortedByKey: body.flag("isSortedByKey"),
    timestampFrom: body.long("timestampFrom"),
    timestampTo: body.long("timestampTo"),
    startPosition: body.text("startPosition"),
    endPosition: body.text("endPosition"),
    groups: body.list("groups", group),
    statistics: body.list("statistics", statisticsFile),
    deltas: body.list("deltas", deltaFile),
  };
}

function field(place: Place): ManifestField {
  return {
    fieldId: place.long("fieldId"),
    name: place.text("name"),
    dataType: place.count("dataType") as DataType,
    elementType: place.count("elementType") as DataType,
    dimension: place.count("dimension"),
    nullable: place.flag("nullable"),
    isPrimaryKey: place.flag("isPrimaryKey"),
    isDynamic: place.flag("isDynamic"),
  };
}

function group(place: Place): ColumnGroup {
  return {
    groupId: place.long("groupId"),
    logId: place.long("logId"),
    timestampFrom: place.long("timestampFrom"),
    timestampTo: place.long("timestampTo"),
    file: columnFile(place.inner("file")),
  };
}

function statisticsFile(place: Place): StatisticsFile {
  return { fieldId: place.long("fieldId"), logId: place.long("logId"), file: fileFacts(place.inner("file")) };
}

function deltaFile(place: Place): DeltaFile {
  return {
    logId: place.long("logId"),
    keyFieldId: place.long("keyFieldId"),
    keyType: place.count("keyType") as DataType,
    timestampFrom: place.long("timestampFrom"),
    timestampTo: place.long("timestampTo"),
    file: columnFile(place.inner("file")),
  };
}

function columnFile(place: Place): ColumnFile {
  return {
    ...fileFacts(place),
    rowCount: place.count("rowCount"),
    memoryBytes: place.count("memoryBytes"),
    fieldIds: place.list("fieldIds", (item) => item.asLong()),
    vectors: place.list("vectors", extent),
  };
}

function fileFacts(place: Place): FileFacts {
  return { key: place.text("key"), bytes: place.count("bytes"), crc32: place.count("crc32") };
}

function extent(place: Place): VectorExtent {
  return {
    offset: place.count("offset"),
    firstRow: place.count("firstRow"),
    rowCount: place.count("rowCount"),
    storedRows: place.count("storedRows"),
  };
}

/** A value of the JSON and the path that leads to it. */
class Place {
  readonly #value: unknown;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    this.#value = value;
    this.#path = path;
  }

  inner(key: string): Place {
    const value = this.#value;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw this.#wrong("an object");
    return new Place(
      Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined,
      `${this.#path}.${key}`,
    );
  }

  list<T>(key: string, read: (place: Place) => T): T[] {
    const place = this.inner(key);
    const value = place.#value;
    if (!Array.isArray(value)) throw place.#wrong("a list");
    return value.map((item: unknown, at) => read(new Place(item, `${place.#path}[${at}]`)));
  }

  text(key: string): string {
    return this.inner(key).asText();
  }

  long(key: string): bigint {
    return this.inner(key).asLong();
  }

  count(key: string): number {
    const place = this.inner(key);
    const value = place.#value;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw place.#wrong("a whole number");
    return value;
  }

  flag(key: string): boolean {
    const place = this.inner(key);
    if (typeof place.#value !== "boolean") throw place.#wrong("true or false");
    return place.#value;
  }

  asText(): string {
    if (typeof this.#value !== "string") throw this.#wrong("text");
    return this.#value;
  }

  asLong(): bigint {
    if (typeof this.#value !== "string" || !/^(0|-?[1-9][0-9]{0,19})$/.test(this.#value)) {
      throw this.#wrong("a 64-bit integer in decimal");
    }
    return BigInt(this.#value);
  }

  #wrong(expected: string): TypeError {
    return new TypeError(`${this.#path} is not ${expected}`);
  }
}
